import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { roundTo } from "../../../../lib/model/units.ts";
import { type Charger, chargerStates } from "../../../../lib/model/records.ts";
import type { DetectorEvent, Finding } from "../../../../lib/records/session/detected.ts";
import { defaultDetectorSettings, detect, startDetector } from "../../../../lib/records/session/detector.ts";
import type { DetectorState } from "../../../../lib/records/session/state.ts";
import { expectSound } from "./expect.ts";
import { type Fault, type Household, simulate } from "./physical-model.ts";
import { finalSessions, toldWh } from "./traces.ts";

/** More for a night: SESSION_RUNS=5000. */
const RUNS = Number(process.env["SESSION_RUNS"] ?? 60);
const SEED = Number(process.env["SESSION_SEED"] ?? 20_261_120);

const action = fc.record({
  does: fc.constantFrom("unplug", "plug", "charge", "charge", "charge", "pause", "fault"),
  seconds: fc.integer({ min: 5, max: 4000 }),
  powerW: fc.integer({ min: 1400, max: 11_000 }),
}) satisfies fc.Arbitrary<Household["actions"][number]>;

const household = (faults: readonly Fault["type"][], mostActions = 12): fc.Arbitrary<Household> =>
  fc.record({
    actions: fc.array(action, { minLength: 1, maxLength: mostActions }),
    faults:
      faults.length === 0
        ? fc.constant([])
        : fc.array(
            fc.record({
              type: fc.constantFrom(...faults),
              atShare: fc.double({ min: 0, max: 1, noNaN: true }),
              seconds: fc.integer({ min: 1, max: 2500 }),
            }),
            { maxLength: 4 },
          ),
    firmware: fc.constantFrom("5.x", "5.x", "4.1.7", "2.7.5", "2.9.1"),
    periodS: fc.constantFrom(5, 10, 30),
    seed: fc.integer({ min: 1, max: 1_000_000 }),
  });

interface Outcome {
  readonly findings: readonly Finding[];
  readonly state: DetectorState;
}

/** @param isKept the state goes through JSON whenever something was found, as the log keeps it, and now and then between */
function run(events: readonly DetectorEvent[], isKept = false): Outcome {
  const findings: Finding[] = [];
  let state = startDetector("openevse");
  let ids = 0;
  for (const [index, event] of events.entries()) {
    const step = detect(state, event, defaultDetectorSettings, () => `session-${++ids}`);
    const isDue = isKept && (step.findings.length > 0 || index % 50 === 0);
    state = isDue ? (JSON.parse(JSON.stringify(step.state)) as DetectorState) : step.state;
    findings.push(...step.findings);
  }
  return { findings, state };
}

const totalOf = (findings: readonly Finding[]): number =>
  finalSessions(findings).reduce((sum, { energyWh }) => sum + energyWh, 0);

const check = (arbitrary: fc.Arbitrary<Household>, holds: (house: Household) => void): void =>
  fc.assert(fc.property(arbitrary, holds), { numRuns: RUNS, seed: SEED });

const HARMLESS = ["duplicate", "reorder", "drop", "nan", "clock", "restart", "offline"] as const;
const HARSH = [...HARMLESS, "rollback", "reset", "jump"] as const;

describe("energy of sessions under random faults", () => {
  it("equals what flowed when nothing goes wrong", () => {
    check(household([]), (house) => {
      const { events, trueWh, toleranceWh } = simulate(house);
      const found = totalOf(run(events).findings);
      assert.ok(Math.abs(found - trueWh) <= toleranceWh, `${found} of ${trueWh} Wh, within ${toleranceWh}`);
    });
  });

  it("is neither lost nor invented over duplicates, drops, disorder, outages, restarts and wrong clocks", () => {
    check(household(HARMLESS), (house) => {
      const { events, trueWh, toleranceWh, hiddenWh } = simulate(house);
      const found = totalOf(run(events).findings);
      assert.ok(found <= trueWh + toleranceWh, `${found} of ${trueWh} Wh: more than flowed`);
      assert.ok(found >= trueWh - toleranceWh - hiddenWh, `${found} of ${trueWh} Wh: lost`);
    });
  });

  it("is never more than what flowed, and short by no more than a counter forgot, over rollbacks, resets and jumps", () => {
    check(household(HARSH), (house) => {
      const { events, trueWh, toleranceWh, forgottenWh, hiddenWh } = simulate(house);
      const found = totalOf(run(events).findings);
      assert.ok(found <= trueWh + toleranceWh, `${found} of ${trueWh} Wh: more than flowed`);
      assert.ok(found >= trueWh - toleranceWh - forgottenWh - hiddenWh, `${found} of ${trueWh} Wh: lost`);
    });
  });

  it("is told piece by piece, and the pieces add up to each session exactly", () => {
    check(household(HARSH), (house) => {
      const { findings } = run(simulate(house).events);
      for (const session of finalSessions(findings)) {
        expectSound(session);
        assert.equal(roundTo(toldWh(findings, session.sessionId), 3), session.energyWh);
      }
      for (const finding of findings)
        if (finding.type === "energy") {
          assert.ok(finding.energyWh >= 0 && finding.dischargedWh >= 0);
          assert.ok(finding.energyWh > 0 || finding.dischargedWh > 0);
          assert.ok(finding.fromMs <= finding.toMs, JSON.stringify(finding));
        }
    });
  });

  it("comes out the same when the state goes through JSON on the way", () => {
    // it runs everything twice
    check(household(HARSH, 5), (house) => {
      const { events } = simulate(house);
      assert.deepEqual(run(events, true), run(events));
    });
  });

  it("belongs to sessions that open once, end once and never overlap", () => {
    check(household(HARSH.filter((type) => type !== "clock")), (house) => {
      const { findings } = run(simulate(house).events);
      const count = (type: Finding["type"], id: string): number =>
        findings.filter((finding) => finding.type === type && "session" in finding && finding.session.sessionId === id)
          .length;
      let lastMs = 0;
      for (const session of finalSessions(findings)) {
        assert.equal(count("opened", session.sessionId), 1);
        assert.equal(count("closed", session.sessionId), 1);
        assert.equal(count("empty", session.sessionId), 0);
        assert.ok(session.pluggedAtMs >= lastMs - 1000, `overlaps: ${JSON.stringify(session)}`);
        lastMs = session.unpluggedAtMs ?? lastMs;
      }
    });
  });

  it("survives readings of pure rubbish", () => {
    const figure = fc.oneof(
      fc.constantFrom(null, Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1e300, -32_768, 65_535, 1e9),
      fc.double(),
    );
    const rubbish = fc.record({
      plugged: fc.constantFrom(true, false, null),
      state: fc.constantFrom(...chargerStates),
      online: fc.boolean(),
      powerW: figure,
      sessionWh: figure,
      totalWh: figure,
      sessionS: figure,
      uptimeS: figure,
      passesMs: fc.integer({ min: 0, max: 100_000 }),
      wallMs: fc.integer({ min: -1e12, max: 1e12 }),
    });
    fc.assert(
      fc.property(fc.array(rubbish, { maxLength: 60 }), (readings) => {
        let monotonicMs = 0;
        const events = readings.map(({ passesMs, wallMs, ...reading }): DetectorEvent => {
          monotonicMs += passesMs;
          const charger = {
            kind: "charger" as const,
            device: "openevse",
            at: "2026-11-20T00:00:00Z",
            currentA: null,
            voltageV: null,
            phases: 1,
            setpointA: null,
            limits: null,
            socPercent: null,
            rfid: null,
            faults: [],
            flags: [],
            ...reading,
          } satisfies Charger;
          return { type: "reading", charger, nowMs: wallMs, monotonicMs };
        });
        const { findings, state } = run(events);
        assert.deepEqual(JSON.parse(JSON.stringify(state)), state);
        for (const session of finalSessions(findings)) expectSound(session);
        const mostWh = (monotonicMs / 3_600_000) * 25_000 * 1.2 + 50 * readings.length + 300_000;
        assert.ok(totalOf(findings) <= mostWh * 2);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});
