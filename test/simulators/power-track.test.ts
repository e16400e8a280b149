import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { createConversion } from "../../simulators/quasar/efficiency-curve.ts";
import {
  cut,
  dcEnergyUntil,
  limitByBattery,
  type PowerTrack,
  powerAt,
  rampTo,
  steady,
} from "../../simulators/quasar/power-track.ts";

const VOLTAGE_V = 231;
const conversion = createConversion(VOLTAGE_V);

describe("efficiency curve", () => {
  /** percent at 3, 4, 5 ... A; beyond the last one it stays */
  const measured = {
    charging: [56.9, 67.9, 73.6, 79.1, 81.6, 83.0, 85.1, 88.3, 87.4, 88.6, 89.1, 89.2, 89.2, 89.2],
    discharging: [66.3, 72.4, 77.1, 80.0, 82.7, 84.9, 86.6, 87.7, 89.0, 90.1, 90.4, 90.4, 90.4, 90.4],
  };
  it("gives at each whole ampere what was measured on a Quasar", () => {
    for (const [index, percent] of measured.charging.entries()) {
      const acW = (3 + index) * VOLTAGE_V;
      assert.ok(Math.abs(conversion.dcPowerW(acW) - (acW * percent) / 100) < 1e-9, `charging at ${3 + index} A`);
    }
    for (const [index, percent] of measured.discharging.entries()) {
      const acW = -(3 + index) * VOLTAGE_V;
      assert.ok(Math.abs(conversion.dcPowerW(acW) - (acW / percent) * 100) < 1e-9, `discharging at ${3 + index} A`);
    }
  });

  it("loses energy in both directions at every power", () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 7400, noNaN: true }), (acW) => {
        assert.ok(conversion.dcPowerW(acW) < acW);
        assert.ok(conversion.dcPowerW(-acW) < -acW);
      }),
    );
  });

  it("integrates a ramp as a sum of many small steps does", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -7400, max: 7400, noNaN: true }),
        fc.double({ min: -7400, max: 7400, noNaN: true }),
        (fromW, toW) => {
          const steps = 4000;
          let sumWh = 0;
          for (let step = 0; step < steps; step++) {
            const acW = fromW + ((toW - fromW) * (step + 0.5)) / steps;
            sumWh += (conversion.dcPowerW(acW) * (10_000 / steps)) / 3_600_000;
          }
          assert.ok(Math.abs(conversion.dcEnergyWh(fromW, toW, 10_000) - sumWh) < 1e-3);
        },
      ),
      { numRuns: 50 },
    );
  });
});

describe("power track", () => {
  const ramp = rampTo(1_000, -2_000, 3_000, 1);

  it("goes straight through zero and stays at its end", () => {
    assert.deepEqual(
      [1_000, 2_000, 3_000, 4_500, 6_000, 1e9].map((atMs) => powerAt(ramp, atMs)),
      [-2_000, -1_000, 0, 1_500, 3_000, 3_000],
    );
  });

  it("keeps power and energy when it is cut in two", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1_000, max: 9_000 }), fc.integer({ min: 1_000, max: 9_000 }), (cutMs, atMs) => {
        const joined: PowerTrack = [...cut(ramp, 1_000, cutMs), ...cut(ramp, cutMs, Infinity)];
        assert.ok(Math.abs(powerAt(joined, atMs) - powerAt(ramp, atMs)) < 1e-9);
        assert.ok(Math.abs(dcEnergyUntil(joined, atMs, conversion) - dcEnergyUntil(ramp, atMs, conversion)) < 1e-9);
      }),
    );
  });

  it("never leaves the battery's limits and never jumps, whatever is asked and however fast the battery fills", function () {
    this.timeout(10_000);
    const asked = fc.record({
      energyWh: fc.double({ min: 500, max: 9_700, noNaN: true }),
      speedFactor: fc.constantFrom(1, 60, 3_600),
      fromW: fc.double({ min: -7_400, max: 7_400, noNaN: true }),
      toW: fc.double({ min: -7_400, max: 7_400, noNaN: true }),
      wait: fc.integer({ min: 0, max: 5_000 }),
    });
    fc.assert(
      fc.property(asked, ({ energyWh, speedFactor, fromW, toW, wait }) => {
        const wish = [...cut(steady(0, fromW), 0, wait), ...rampTo(wait, fromW, toW, 1)];
        const limits = { energyWh, floorWh: 500, ceilingWh: 9_700, speedFactor, stopSlewWPerMs: 7.4 };
        const { track, endedMs } = limitByBattery(wish, limits, conversion);
        let lastW = powerAt(track, 0);
        for (let atMs = 0; atMs < 60_000; atMs += 97) {
          const heldWh = energyWh + dcEnergyUntil(track, atMs, conversion) * speedFactor;
          assert.ok(heldWh >= 500 - 1e-6 && heldWh <= 9_700 + 1e-6, `${heldWh} Wh at ${atMs} ms`);
          const powerW = powerAt(track, atMs);
          // with little room the battery has to be quicker than its usual slew, but then near its limit only
          const isShortStop = energyWh - 500 < 200 * speedFactor || 9_700 - energyWh < 200 * speedFactor;
          assert.ok(isShortStop || Math.abs(powerW - lastW) <= 7.4 * 97 + 1e-6, `jump at ${atMs} ms`);
          lastW = powerW;
        }
        if (endedMs < Infinity) assert.equal(powerAt(track, endedMs + 1e-3), 0);
      }),
      { numRuns: 200 },
    );
  });

  it("fills the battery to the limit, not to somewhere before it", () => {
    const limits = { energyWh: 9_000, floorWh: 500, ceilingWh: 9_700, speedFactor: 60, stopSlewWPerMs: 7.4 };
    const { track, yieldsMs, endedMs } = limitByBattery(rampTo(0, 0, 7_000, 1), limits, conversion);
    assert.ok(yieldsMs > 7_000 && endedMs > yieldsMs);
    assert.ok(Math.abs(9_000 + dcEnergyUntil(track, endedMs, conversion) * 60 - 9_700) < 1e-6);
  });
});
