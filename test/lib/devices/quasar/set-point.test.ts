import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { combineLimits, type Demand, toSetPoint, type UserLimits } from "../../../../lib/devices/quasar/set-point.ts";
import { decodeLive, type QuasarLive } from "../../../../lib/devices/quasar/wire.ts";

const USER: UserLimits = {
  minA: 3,
  maxChargeA: 32,
  maxDischargeA: 32,
  commandedMaxA: null,
  commandedMaxDischargeA: null,
};
const live = (maxAvailableA: number | null, maxAvailableW: number | null): QuasarLive => ({
  ...decodeLive(new Map()),
  maxAvailableA,
  maxAvailableW,
});
const LIMITS = combineLimits(USER, live(32, 7400));
const amps = (currentA: number): Demand => ({ unit: "A", currentA });
const watts = (powerW: number): Demand => ({ unit: "W", powerW });

describe("limits of a Quasar", () => {
  it("are the smallest of installer, user and command", () => {
    assert.equal(combineLimits(USER, live(16, 7400)).maxA, 16);
    assert.equal(combineLimits({ ...USER, maxChargeA: 10 }, live(16, 7400)).maxA, 10);
    assert.equal(combineLimits({ ...USER, commandedMaxA: 8 }, live(16, 7400)).maxA, 8);
    assert.equal(combineLimits({ ...USER, commandedMaxDischargeA: 0 }, live(16, 7400)).maxDischargeA, 0);
  });

  it("follow the installer's watts in amps too", () => {
    assert.equal(combineLimits(USER, live(32, 3680)).maxA, 16);
    assert.equal(combineLimits(USER, live(32, 7400)).maxA, 32);
  });

  it("fall back to the hardware when the installer's setting cannot be read", () => {
    assert.equal(combineLimits(USER, live(null, null)).maxA, 32);
    assert.equal(combineLimits(USER, null).maxA, 32);
  });

  it("allow nothing when the installer allows nothing", () => {
    assert.equal(combineLimits(USER, live(0, 0)).maxA, 0);
  });
});

describe("a set point", () => {
  it("is whole amps, rounded towards 0 so that no limit is passed", () => {
    assert.deepEqual(
      [toSetPoint(amps(6.9), "current", LIMITS, 230), toSetPoint(amps(-6.9), "current", LIMITS, 230)],
      [6, -6],
    );
  });

  it("is 0 below the minimum current", () => {
    assert.equal(toSetPoint(amps(2.9), "current", LIMITS, 230), 0);
    assert.equal(toSetPoint(amps(-5), "current", { ...LIMITS, minA: 6 }, 230), 0);
  });

  it("turns watts into amps and amps into watts with the voltage", () => {
    assert.equal(toSetPoint(watts(2000), "current", LIMITS, 240), 8);
    assert.equal(toSetPoint(amps(-6), "power", LIMITS, 240), -1440);
  });

  it("obeys amps in power mode", () => {
    assert.equal(toSetPoint(watts(7000), "power", { ...LIMITS, maxA: 10 }, 230), 2300);
  });

  it("never leaves the limits and is never anything but a whole number", () => {
    const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Infinity, -Infinity, 1e6, -1e9));
    fc.assert(
      fc.property(
        number,
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 0, max: 32 }),
        fc.integer({ min: 0, max: 32 }),
        fc.integer({ min: 200, max: 260 }),
        (wanted, isWatts, isPowerMode, maxA, maxDischargeA, voltageV) => {
          const mode = isPowerMode ? "power" : "current";
          const limits = { minA: 3, maxA, maxDischargeA, maxW: 7400 };
          const found = toSetPoint(isWatts ? watts(wanted) : amps(wanted), mode, limits, voltageV);
          const unit = isPowerMode ? voltageV : 1;
          return (
            Number.isInteger(found) &&
            found <= maxA * unit &&
            found >= -maxDischargeA * unit &&
            Math.abs(found) <= (isPowerMode ? 7400 : 32) &&
            (found === 0 || Math.abs(found) >= 3 * unit) &&
            (found === 0 || Math.sign(found) === Math.sign(wanted))
          );
        },
      ),
      { numRuns: 1000 },
    );
  });
});
