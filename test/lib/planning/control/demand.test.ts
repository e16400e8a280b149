import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { type DemandInput, demandToAmps } from "../../../../lib/planning/control/demand.ts";
import { type ControlSettings, parseControlSettings } from "../../../../lib/planning/control/settings.ts";

const house = (demandW: number, lastA = 0, more: Partial<DemandInput> = {}): DemandInput => ({
  demandW,
  lastA,
  charge: true,
  discharge: true,
  truncates: false,
  voltageV: 240,
  phases: 1,
  minChargeA: 3,
  minDischargeA: 3,
  ...more,
});
const settings = (more: Partial<Record<keyof ControlSettings, unknown>> = {}): ControlSettings =>
  parseControlSettings({ minChargeA: 3, minDischargeA: 3, maxChargeA: 32, maxDischargeA: 32, ...more });

describe("control: demand by the level table", () => {
  const rows: readonly (readonly [demandW: number, lastA: number, amps: number, why: string])[] = [
    [0, 0, 0, "nothing wanted"],
    [769, 0, 0, "below the first row plus hysteresis"],
    [770, 0, -3, "the house imports: discharge"],
    [-770, 0, 3, "the house exports: charge"],
    [719, -3, -3, "held by the hysteresis while discharging"],
    [-719, 3, 3, "held by the hysteresis while charging"],
    [669, -3, 0, "left the widened band"],
    [-669, 3, 0, "left the widened band"],
    [1199, 4, -4, "the other direction has no memory"],
    [7679, 0, -31, "last band but one"],
    [50_000, 0, -32, "never beyond the last row"],
  ];
  for (const [demandW, lastA, amps, why] of rows) {
    it(`${demandW} W after ${lastA} A is ${amps} A: ${why}`, () => {
      assert.equal(demandToAmps(house(demandW, lastA), settings()), amps);
    });
  }

  it("takes the user's own table", () => {
    const cosy = settings({
      levels: [
        { fromW: 192, currentA: 3 },
        { fromW: 720, currentA: 4 },
      ],
      hysteresisW: 0,
    });
    assert.equal(demandToAmps(house(191), cosy), 0);
    assert.equal(demandToAmps(house(192), cosy), -3);
    assert.equal(demandToAmps(house(720), cosy), -4);
  });

  it("needs three times the power for the same current on three phases", () => {
    assert.equal(demandToAmps(house(-3 * 10 * 240 - 1, 0, { phases: 3 }), settings()), 10);
  });

  it("refuses a table that does not rise", () => {
    assert.throws(
      () =>
        settings({
          levels: [
            { fromW: 900, currentA: 3 },
            { fromW: 720, currentA: 4 },
          ],
        }),
      /levels/,
    );
  });
});

describe("control: demand by direct calculation", () => {
  const direct = (more: Partial<Record<keyof ControlSettings, unknown>> = {}): ControlSettings =>
    settings({ method: "direct", chargeBiasA: 0, dischargeBiasA: 0, ...more });
  const rows: readonly (readonly [demandW: number, lastA: number, amps: number, bias: number, why: string])[] = [
    [2400, 0, -10, 0, "power over voltage"],
    [-2400, 0, 10, 0, "the same when charging"],
    [2510, 0, -10, 0, "nearest"],
    [2530, 0, -11, 0, "nearest"],
    [2510, 0, -10, -0.5, "bias -0.5 stays under"],
    [2639, 0, -10, -0.5, "bias -0.5 stays under"],
    [2410, 0, -11, 0.5, "bias +0.5 covers everything"],
    [-2410, 0, 11, 0.5, "bias +0.5 covers everything"],
    [719, 0, 0, 0, "under the activation threshold"],
    [100_000, 0, -32, 0, "clamped to the maximum"],
    [2550, -10, -10, 0, "held by the hysteresis"],
    [-2550, 10, 10, 0, "held by the hysteresis"],
    [2580, -10, -11, 0, "beyond the hysteresis"],
  ];
  for (const [demandW, lastA, amps, biasA, why] of rows) {
    it(`${demandW} W after ${lastA} A with bias ${biasA} is ${amps} A: ${why}`, () => {
      const set = direct({ chargeBiasA: biasA, dischargeBiasA: biasA });
      assert.equal(demandToAmps(house(demandW, lastA), set), amps);
    });
  }

  it("with a threshold of 1 W runs at the minimum as soon as anything is wanted, and holds it through zero", () => {
    const eager = direct({ dischargeActivationW: 1 });
    assert.equal(demandToAmps(house(0), eager), 0);
    assert.equal(demandToAmps(house(1), eager), -3);
    assert.equal(demandToAmps(house(-40, -3), eager), -3);
    assert.equal(demandToAmps(house(-60, -3), eager), 0);
  });

  it("following the sun never takes an amp that is not there", () => {
    const powers = fc.double({ min: 720, max: 7500, noNaN: true });
    fc.assert(
      fc.property(
        powers,
        fc.integer({ min: 0, max: 32 }),
        fc.constantFrom(-1, 0, 0.5),
        (surplusW, lastA, chargeBiasA) => {
          const amps = demandToAmps(house(-surplusW, lastA, { truncates: true }), direct({ chargeBiasA }));
          assert.ok(amps * 240 <= surplusW + 1e-6, `${amps} A from ${surplusW} W`);
        },
      ),
    );
  });
});

describe("control: following the sun by direct calculation", () => {
  it("goes down at once and up only past twice the hysteresis", () => {
    const direct = settings({ method: "direct", hysteresisW: 50 });
    const after10 = (surplusW: number): number => demandToAmps(house(-surplusW, 10, { truncates: true }), direct);
    assert.deepEqual([2399, 2400, 2730, 2745].map(after10), [9, 10, 10, 11]);
  });
});

describe("control: demand by either method", () => {
  const anyDemand = fc.integer({ min: -20_000, max: 20_000 });
  for (const method of ["levels", "direct"] as const) {
    it(`${method}: charging is the mirror image of discharging`, () => {
      const set = settings({ method });
      fc.assert(
        fc.property(anyDemand, fc.integer({ min: -32, max: 32 }), (demandW, lastA) => {
          const one = demandToAmps(house(demandW, lastA), set);
          const other = demandToAmps(house(-demandW, -lastA), set);
          assert.equal(one + other, 0);
        }),
      );
    });

    it(`${method}: the same demand twice gives the same answer`, () => {
      const set = settings({ method });
      fc.assert(
        fc.property(anyDemand, fc.integer({ min: -32, max: 32 }), fc.boolean(), (demandW, lastA, truncates) => {
          const first = demandToAmps(house(demandW, lastA, { truncates }), set);
          assert.equal(demandToAmps(house(demandW, first, { truncates }), set), first);
        }),
      );
    });

    it(`${method}: never uses a direction that the mode does not allow`, () => {
      const set = settings({ method });
      fc.assert(
        fc.property(anyDemand, fc.integer({ min: -32, max: 32 }), (demandW, lastA) => {
          assert.ok(demandToAmps(house(demandW, lastA, { discharge: false }), set) >= 0);
          assert.ok(demandToAmps(house(demandW, lastA, { charge: false }), set) <= 0);
        }),
      );
    });
  }
});
