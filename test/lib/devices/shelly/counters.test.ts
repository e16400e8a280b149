import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  adoptCounter,
  advanceCounter,
  type CounterState,
  type CounterStep,
} from "../../../../lib/devices/shelly/counters.ts";

const T0 = Date.parse("2026-11-21T12:00:00Z");

/** Looks at the device's counter once a second. */
function follow(deviceWh: readonly (number | null)[], from: CounterState | null = null): CounterStep[] {
  const steps: CounterStep[] = [];
  let state = from;
  for (const [second, shown] of deviceWh.entries()) {
    const step = advanceCounter(state, shown, T0 + second * 1000);
    state = step.state;
    steps.push(step);
  }
  return steps;
}
const totals = (steps: readonly CounterStep[]): (number | null)[] => steps.map(({ totalWh }) => totalWh);
const events = (steps: readonly CounterStep[]): string[] => steps.flatMap(({ event }) => event ?? []);

describe("an energy counter", () => {
  it("is the device's own while that only goes up", () => {
    const steps = follow([1000, 1000.4, 1000.4, 1001]);
    assert.deepEqual(totals(steps), [1000, 1000.4, 1000.4, 1001]);
    assert.deepEqual(events(steps), []);
  });

  it("goes on after a reset, counting what the device has counted since, and says so once", () => {
    const steps = follow([1000, 1000.5, 0.2, 0.7, 1.2]);
    assert.deepEqual(totals(steps), [1000, 1000.5, 1000.7, 1001.2, 1001.7]);
    assert.deepEqual(events(steps), ["reset"]);
  });

  it("loses nothing and invents nothing when the device forgets its last minutes", () => {
    const steps = follow([1000, 980, 981]);
    assert.deepEqual(totals(steps), [1000, 1000, 1001]);
    assert.deepEqual(events(steps), ["reset"]);
  });

  it("does not count the past of another device", () => {
    const [before] = follow([5000]).slice(-1);
    const adopted = adoptCounter(before?.state ?? null, 900_000, T0 + 60_000);
    assert.equal(adopted.totalWh, 5000);
    assert.equal(adopted.event, "reset");
    assert.equal(advanceCounter(adopted.state, 900_001, T0 + 61_000).totalWh, 5001);
  });

  it("takes a step back within the device's rounding for standing still", () => {
    const steps = follow([1000, 999.5, 1000.2]);
    assert.deepEqual(totals(steps), [1000, 1000, 1000.2]);
    assert.deepEqual(events(steps), []);
  });

  it("does not believe a jump that no house can make, until it stays", () => {
    const steps = follow([1000, 4_294_967_295, 1000.5, ...Array(70).fill(4_294_967_295)]);
    assert.deepEqual(totals(steps).slice(0, 4), [1000, null, 1000.5, null]);
    assert.equal(totals(steps).at(-1), 1000.5);
    assert.equal(steps.filter(({ event }) => event === "reset").length, 1);
  });

  it("knows nothing when the device says nothing, and goes on afterwards", () => {
    assert.deepEqual(totals(follow([1000, null, 1000.5])), [1000, null, 1000.5]);
  });

  it("takes what was counted while nobody looked", () => {
    const [before] = follow([1000]);
    const dayLater = advanceCounter(before?.state ?? null, 31_000, T0 + 86_400_000);
    assert.equal(dayLater.totalWh, 31_000);
    assert.equal(dayLater.event, null);
  });

  it("never runs backwards and never gains more than the device shows, whatever the device and the clock do", () => {
    const look = fc.record({
      deviceWh: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: null }),
      atMs: fc.integer({ min: 0, max: 4e12 }),
      isOther: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(look, { maxLength: 60 }), (looks) => {
        let state: CounterState | null = null;
        let lastWh: number | null = null;
        for (const { deviceWh, atMs, isOther } of looks) {
          const beforeWh: number | null = state?.deviceWh ?? null;
          const step: CounterStep = (isOther ? adoptCounter : advanceCounter)(state, deviceWh, atMs);
          if (step.totalWh !== null && lastWh !== null && deviceWh !== null) {
            assert.ok(step.totalWh >= lastWh - 1e-6);
            const mostWh = Math.max(deviceWh, deviceWh - (beforeWh ?? 0)) + 0.01;
            assert.ok(step.totalWh - lastWh <= mostWh);
          }
          lastWh = step.totalWh ?? lastWh;
          state = step.state;
        }
      }),
      { numRuns: 300 },
    );
  });
});
