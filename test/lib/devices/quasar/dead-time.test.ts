import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { deadTimeMs, isReady, paceAfter, paceOfReversal, READY } from "../../../../lib/devices/quasar/dead-time.ts";

describe("dead times of a Quasar", () => {
  for (const [fromA, toA, expectedMs] of [
    [0, 3, 21_900],
    [0, -32, 21_900],
    [6, 7, 5900],
    [-6, -6, 5900],
    [6, 8, 7900],
    [-10, -8, 7900],
    [6, 9, 10_900],
    [16, 0, 10_900],
    [1, 0, 5900],
  ] as const) {
    it(`waits ${expectedMs} ms after ${fromA} A to ${toA} A`, () => {
      assert.equal(deadTimeMs(fromA, toA), expectedMs);
    });
  }

  it("holds up the next set point exactly that long", () => {
    const pace = paceAfter(READY, 0, 16, 1000, 1);
    assert.equal(isReady(pace, 22_899, null), false);
    assert.equal(isReady(pace, 22_900, null), true);
  });

  it("is shortened by a factor for simulators", () => {
    assert.equal(isReady(paceAfter(READY, 0, 16, 0, 0.01), 219, null), true);
  });

  it("does not begin again with a second stop", () => {
    const pace = paceAfter(READY, 16, 0, 0, 1);
    assert.equal(isReady(paceAfter(pace, 0, 0, 5000, 1), 10_900, null), true);
  });

  it("lets a change of direction go on when the power has gone", () => {
    const pace = paceOfReversal(1000, 1);
    assert.equal(isReady(pace, 2000, { powerW: 99, atMs: 2000 }), true);
    assert.equal(isReady(pace, 2000, { powerW: -100, atMs: 2000 }), false);
    assert.equal(isReady(pace, 2000, null), false);
  });

  it("believes no measurement from before the stop", () => {
    assert.equal(isReady(paceOfReversal(1000, 1), 2000, { powerW: 0, atMs: 1000 }), false);
  });

  it("goes on after 10.9 s even when power is still measured", () => {
    assert.equal(isReady(paceOfReversal(1000, 1), 11_900, { powerW: 3000, atMs: 11_900 }), true);
  });
});
