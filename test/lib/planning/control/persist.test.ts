import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { isoAt } from "../../../../lib/model/units.ts";
import { restore, saveable } from "../../../../lib/planning/control/persist.ts";
import { createControlState } from "../../../../lib/planning/control/state.ts";
import { Bench, START_MS } from "./drive.ts";

const restarted = (bench: Bench, afterS = 0): Bench => {
  const next = new Bench({}, restore(JSON.parse(JSON.stringify(saveable(bench.state)))));
  next.wallOffsetMs += afterS * 1000;
  return next;
};

describe("control: what survives a restart", () => {
  it("the standing choice, the override above it and the limits", () => {
    const before = new Bench();
    before.house(3000);
    before.command("power-home");
    before.command({ command: "limit", maxA: 9 });
    before.command({ command: "charge", expiresAt: isoAt(START_MS + 60_000) });
    const after = restarted(before);
    after.house(3000);
    assert.equal(after.targetA, 9);
    after.hold(61, 3000);
    assert.equal(after.targetA, -12);
  });

  it("an override that ended while nobody was running is not resumed", () => {
    const before = new Bench();
    before.command("pause");
    before.command({ command: "charge", expiresAt: isoAt(START_MS + 60_000) });
    const after = restarted(before, 120);
    after.house(3000);
    assert.equal(after.why, "paused");
  });

  it("that the battery was low", () => {
    const before = new Bench();
    before.house(3000, { socPercent: 24 });
    before.command("power-home");
    const after = restarted(before);
    after.house(3000, { socPercent: 26 });
    assert.equal(after.why, "soc-floor");
  });

  it("nothing at all from something that was never saved by a controller", () => {
    const fresh = createControlState();
    for (const rubbish of [
      null,
      undefined,
      7,
      "x",
      [],
      {},
      { version: 2 },
      { ...saveable(fresh), user: { mode: "charge" } },
    ]) {
      assert.deepEqual(restore(rubbish), fresh);
    }
    fc.assert(fc.property(fc.anything(), (rubbish) => void restore(rubbish)));
  });
});
