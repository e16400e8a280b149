import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { type Charger, chargerSchema } from "../../../../lib/model/records.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import type { DetectedSession, Finding } from "../../../../lib/records/session/detected.ts";
import { defaultDetectorSettings, detect, startDetector } from "../../../../lib/records/session/detector.ts";
import { endByHand } from "../../../../lib/records/session/end-by-hand.ts";

const START_MS = Date.UTC(2026, 10, 21, 18);

/** A detector that is told a reading a second. */
function watch(counters: Charger["counters"]) {
  let state = startDetector("evse");
  let lineMs = 0;
  const found: Finding[] = [];
  const at = () => ({ nowMs: START_MS + lineMs, monotonicMs: lineMs });
  const take = (result: { state: typeof state; findings: readonly Finding[] }): void => {
    ({ state } = result);
    found.push(...result.findings);
  };
  return {
    say(seconds: number, fields: (second: number) => Partial<Charger>): void {
      for (let second = 1; second <= seconds; second++) {
        lineMs += 1000;
        const reading = {
          kind: "charger",
          device: "evse",
          at: isoAt(START_MS + lineMs),
          online: true,
          state: "unplugged",
        };
        const charger = chargerSchema.parse({ ...reading, counters, ...fields(second) });
        take(detect(state, { type: "reading", charger, ...at() }, defaultDetectorSettings, randomUUID));
      }
    },
    end: (): void => take(endByHand(state, at(), defaultDetectorSettings, randomUUID)),
    closed: (): DetectedSession[] => found.flatMap((finding) => (finding.type === "closed" ? [finding.session] : [])),
    types: (): string[] => found.map(({ type }) => type).filter((type) => type !== "updated" && type !== "energy"),
    told: (sessionId: string): number =>
      found.reduce((sum, one) => sum + (one.type === "energy" && one.sessionId === sessionId ? one.energyWh : 0), 0),
  };
}
const near = (actual: number | undefined, expected: number, tolerance: number): void =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

describe("ending a session by hand", () => {
  it("splits what flows, and tells all of it once", () => {
    const evse = watch({ sessionResets: "at-unplug", totalGrows: "continuously" });
    evse.say(5, () => ({ plugged: false, sessionWh: 0, totalWh: 1000 }));
    evse.say(100, (second) => ({
      plugged: true,
      state: "charging",
      powerW: 7200,
      sessionWh: second * 2,
      totalWh: 1000 + second * 2,
    }));
    evse.end();
    evse.say(50, (second) => ({
      plugged: true,
      state: "charging",
      powerW: 7200,
      sessionWh: 200 + second * 2,
      totalWh: 1200 + second * 2,
    }));
    evse.say(30, () => ({ plugged: false, sessionWh: 0, totalWh: 1300 }));
    assert.deepEqual(evse.types(), ["opened", "closed", "opened", "closed"]);
    const [first, second] = evse.closed();
    near(first?.energyWh, 200, 0.01);
    near(second?.energyWh, 100, 0.01);
    for (const session of [first, second]) near(session?.energyWh, evse.told(session?.sessionId ?? ""), 0.01);
    assert.equal(first?.unpluggedAtMs, second?.pluggedAtMs);
    near(first?.chargingS, 100, 3);
    near(second?.chargingS, 50, 3);
    assert.equal(first?.endReason, "closed");
  });

  it("counts nothing twice where the total jumps only when the car leaves", () => {
    const evse = watch({ sessionResets: null, totalGrows: "at-unplug" });
    evse.say(5, () => ({ plugged: false, totalWh: 1000 }));
    evse.say(100, () => ({ plugged: true, state: "charging", powerW: 7200, totalWh: 1000 }));
    evse.end();
    evse.say(50, () => ({ plugged: true, state: "charging", powerW: 7200, totalWh: 1000 }));
    evse.say(20, () => ({ plugged: false, totalWh: 1000 }));
    evse.say(90, () => ({ plugged: false, totalWh: 1310 }));
    const [first, second] = evse.closed();
    near((first?.energyWh ?? 0) + (second?.energyWh ?? 0), 310, 0.01);
    near(first?.energyWh, 200, 6);
  });

  it("ends the session of a charger that is away where it was last seen; its return adds nothing", () => {
    const evse = watch({ sessionResets: "at-unplug", totalGrows: "continuously" });
    evse.say(5, () => ({ plugged: false, sessionWh: 0, totalWh: 1000 }));
    evse.say(100, (second) => ({
      plugged: true,
      state: "charging",
      powerW: 7200,
      sessionWh: second * 2,
      totalWh: 1000 + second * 2,
    }));
    evse.say(60, () => ({ online: false, state: "unknown" }));
    evse.end();
    assert.deepEqual(evse.types(), ["opened", "closed"]);
    assert.ok(evse.closed()[0]?.flags.includes("end-uncertain"));
    near(((evse.closed()[0]?.unpluggedAtMs ?? 0) - START_MS) / 1000, 105, 1);
    evse.say(60, () => ({ plugged: false, sessionWh: 0, totalWh: 1200 }));
    evse.end();
    assert.deepEqual(evse.types(), ["opened", "closed"]);
    near(evse.closed()[0]?.energyWh, 200, 0.01);
  });
});
