import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { roundTo } from "../../../../lib/model/units.ts";
import type { Finding } from "../../../../lib/records/session/detected.ts";
import { expectSound } from "./expect.ts";
import { playHouse, type PlugFault, type PlugHouse } from "./plug-model.ts";
import { finalSessions, toldWh } from "./traces.ts";

/** More for a night: SESSION_RUNS=5000. */
const RUNS = Number(process.env["SESSION_RUNS"] ?? 60);
const SEED = Number(process.env["SESSION_SEED"] ?? 20_261_125);

const MOST_W = 4000;
const FAULTS = ["silent", "restart", "no-power", "no-counter", "reset", "duplicate", "clock"] as const;

const houses = (faults: readonly PlugFault["type"][], hasCounter: boolean): fc.Arbitrary<PlugHouse> =>
  fc.record({
    charges: fc.array(
      fc.record({
        seconds: fc.integer({ min: 300, max: 6000 }),
        restS: fc.integer({ min: 60, max: 3000 }),
        powerW: fc.integer({ min: 800, max: MOST_W }),
      }),
      { minLength: 1, maxLength: 5 },
    ),
    faults:
      faults.length === 0
        ? fc.constant([])
        : fc.array(
            fc.record({
              type: fc.constantFrom(...faults),
              atShare: fc.double({ min: 0, max: 0.999, noNaN: true }),
              seconds: fc.integer({ min: 1, max: 7000 }),
            }),
            { maxLength: 4 },
          ),
    periodS: fc.constantFrom(5, 10, 30),
    hasCounter: fc.constant(hasCounter),
    idleW: fc.constantFrom(0, 2, 20),
  });

const totalOf = (findings: readonly Finding[]): number =>
  finalSessions(findings).reduce((sum, { energyWh }) => sum + energyWh, 0);

/** What a plug may leave out for all the times in which nobody looked, Wh. */
function leftOutWh({ faults, periodS, idleW }: PlugHouse): number {
  const unseen = faults.filter(({ type }) => type !== "duplicate" && type !== "clock");
  return unseen.reduce((sum, { seconds }) => {
    // an idle plug is on the disk up to five minutes late
    const spanH = (seconds + 300 + 2 * periodS) / 3600;
    const standbyWh = Math.min(50 * spanH, 2 * idleW * spanH + 250);
    // a session of its own is worth 50 Wh, and what rises for two minutes is not yet one
    return sum + standbyWh + 50 + (MOST_W * (120 + 2 * periodS)) / 3600;
  }, 0);
}

const check = (arbitrary: fc.Arbitrary<PlugHouse>, holds: (house: PlugHouse) => void): void =>
  fc.assert(fc.property(arbitrary, holds), { numRuns: RUNS, seed: SEED });

describe("energy of a metered plug under random faults", function () {
  this.timeout(RUNS * 1000);

  it("equals what its counter counted into cars when nothing goes wrong", () => {
    check(houses([], true), (house) => {
      const { findings, carWh } = playHouse(house);
      const found = totalOf(findings);
      // standby while a pause lasts counts as the car's
      const mostWh = carWh + (house.charges.length * 20 * 360) / 3600 + 0.1;
      assert.ok(found >= carWh - 0.1 && found <= mostWh, `${found} of ${carWh} Wh`);
    });
  });

  it("is never more than flowed, and less by no more than what may be standby, whatever goes wrong", () => {
    check(houses(FAULTS, true), (house) => {
      const { findings, carWh, flowedWh, forgottenWh } = playHouse(house);
      const found = totalOf(findings);
      // where the counter was set back or is missing, power and time are off by half a reading at each end
      const estimateWh =
        (house.faults.filter(({ type }) => type === "reset" || type === "no-counter").length *
          MOST_W *
          2 *
          house.periodS) /
        3600;
      assert.ok(found <= flowedWh + estimateWh + 0.1, `${found} of ${flowedWh} Wh: more than flowed`);
      const leastWh = carWh - leftOutWh(house) - forgottenWh - estimateWh - 0.1;
      assert.ok(found >= leastWh, `${found} of ${carWh} Wh: lost, at least ${leastWh}`);
    });
  });

  it("is never more than flowed without a counter", () => {
    check(houses(FAULTS, false), (house) => {
      const { findings, flowedWh } = playHouse(house);
      const edges = 2 * (house.charges.length + house.faults.length);
      const estimateWh = (edges * MOST_W * house.periodS) / 2 / 3600;
      const found = totalOf(findings);
      assert.ok(found <= flowedWh + estimateWh, `${found} of ${flowedWh} Wh: more than flowed`);
    });
  });

  it("is told piece by piece, in sound sessions that open once, end once and do not overlap", () => {
    check(
      houses(
        FAULTS.filter((type) => type !== "clock"),
        true,
      ),
      (house) => {
        const { findings } = playHouse(house);
        let lastMs = 0;
        for (const session of finalSessions(findings)) {
          expectSound(session);
          const { sessionId, pluggedAtMs, unpluggedAtMs } = session;
          assert.equal(roundTo(toldWh(findings, sessionId), 3), session.energyWh);
          for (const type of ["opened", "closed"] as const) {
            const told = findings.filter((one) => one.type === type && one.session.sessionId === sessionId);
            assert.equal(told.length, 1, type);
          }
          assert.ok(pluggedAtMs >= lastMs - 1000, `overlaps: ${JSON.stringify(session)}`);
          assert.equal(session.energySource, "external-meter");
          lastMs = unpluggedAtMs ?? lastMs;
        }
      },
    );
  });
});
