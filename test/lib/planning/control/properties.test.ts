import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import type { Command } from "../../../../lib/model/commands.ts";
import { controlModes } from "../../../../lib/model/records.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import { inForce } from "../../../../lib/planning/control/choice.ts";
import { decide } from "../../../../lib/planning/control/control.ts";
import { isPlugged } from "../../../../lib/planning/control/inputs.ts";
import { type LimitInput, limitTarget } from "../../../../lib/planning/control/limits.ts";
import { type ControlSettings, parseControlSettings } from "../../../../lib/planning/control/settings.ts";
import type { ControlEvent, ControlState } from "../../../../lib/planning/control/state.ts";
import { Bench, charger, gridMeter, type Happening, planOf, START_MS } from "./drive.ts";

const watts = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -15_000, max: 15_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, 1e9, -1e9, -32_768, 0) },
);
const soc = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 23, max: 93 }) },
  { weight: 1, arbitrary: fc.constantFrom(null, 0, 1, 24, 25, 26, 27, 88, 89, 90, 91, 100) },
);
const sign = fc.constantFrom("user" as const, "schedule" as const, "plan" as const);
const endS = fc.option(fc.integer({ min: -10, max: 200 }), { nil: undefined });

const commands: fc.Arbitrary<Command> = fc
  .tuple(
    sign,
    endS,
    fc.integer({ min: -40, max: 40 }),
    fc.constantFrom(...controlModes),
    fc.integer({ min: 0, max: 9 }),
  )
  .map(([source, end, currentA, mode, which]): Command => {
    const common = { source, ...(end === undefined ? {} : { expiresAt: isoAt(START_MS + end * 1000) }) };
    if (which === 0) return { command: "charge", currentA: Math.abs(currentA), untilSocPercent: 80, ...common };
    if (which === 1) return { command: "discharge", currentA: Math.abs(currentA), untilSocPercent: 30, ...common };
    if (which === 2) return { command: "current", currentA, ...common };
    if (which === 3)
      return { command: "limit", maxA: Math.abs(currentA), maxDischargeA: Math.abs(currentA), ...common };
    if (which === 4) return { command: "power", powerW: currentA * 230, ...common };
    if (which === 5) return { command: "release", ...common };
    return { command: "mode", mode, currentA: Math.abs(currentA), ...common };
  });

const wildCharger = fc.record({
  socPercent: soc,
  powerW: watts,
  online: fc.constantFrom(true, true, true, false),
  plugged: fc.constantFrom(true, null, false),
  state: fc.constantFrom(
    "paused" as const,
    "charging" as const,
    "discharging" as const,
    "fault" as const,
    "unplugged" as const,
  ),
  setpointA: fc.constantFrom(null, 0, 6, -6, 16),
  limits: fc.constantFrom(
    { minA: 3, maxA: 32, maxDischargeA: 32 },
    { minA: 6, maxA: 13.7, maxDischargeA: 0 },
    { minA: 4.2, maxA: 10, maxDischargeA: 7.9 },
    null,
  ),
});
const readings: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 5, arbitrary: watts.map((powerW): Happening => ({ type: "meter", reading: gridMeter(powerW) })) },
  {
    weight: 2,
    arbitrary: watts.map((powerW): Happening => ({ type: "meter", reading: gridMeter(powerW, { role: "evse" }) })),
  },
  { weight: 6, arbitrary: soc.map((socPercent): Happening => ({ type: "charger", reading: charger({ socPercent }) })) },
  { weight: 2, arbitrary: wildCharger.map((more): Happening => ({ type: "charger", reading: charger(more) })) },
);
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 16, arbitrary: readings },
  { weight: 3, arbitrary: commands.map((command): Happening => ({ type: "command", command })) },
  { weight: 1, arbitrary: fc.constant<Happening>({ type: "plan", plan: planOf([0, 60, 3000], [60, 120, -3000]) }) },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(null, 0, 5, 9.9, 40, Number.NaN)
      .map((availableA): Happening => ({ type: "headroom", availableA })),
  },
  { weight: 2, arbitrary: fc.constant<Happening>({ type: "tick" }) },
);
const life = fc.array(fc.tuple(fc.constantFrom(0, 100, 200, 500, 1000, 1000, 3000, 11_000), happenings), {
  minLength: 1,
  maxLength: 60,
});
const settingsOf = fc.record({
  fuseA: fc.constantFrom(null, 25, 63),
  exportLimitW: fc.constantFrom(null, 0, 3680),
  method: fc.constantFrom("levels", "direct"),
  minChargeA: fc.constantFrom(3, 6),
  minDischargeA: fc.constantFrom(3, 6),
  maxChargeA: fc.constantFrom(10, 32),
  maxDischargeA: fc.constantFrom(10, 32),
  unknownSoc: fc.constantFrom("auto", "probe"),
  startMode: fc.constantFrom("freerun", "balance", "charge", "discharge"),
  recoveryDelayS: fc.constantFrom(0, 2),
});

interface Moment {
  readonly state: ControlState;
  readonly settings: ControlSettings;
  readonly event: ControlEvent;
  readonly sends: readonly Command[];
}

/** Plays random lives and checks every moment of them. */
function always(check: (moment: Moment) => void): void {
  fc.assert(
    fc.property(life, settingsOf, (steps, some) => {
      const bench = new Bench(some);
      for (const [ms, happening] of steps) {
        bench.monotonicMs += ms;
        const actions = bench.happen(happening);
        check({
          state: bench.state,
          settings: bench.settings,
          event: { ...happening, nowMs: bench.nowMs, monotonicMs: bench.monotonicMs },
          sends: actions.flatMap((action) => (action.type === "send" ? [action.command] : [])),
        });
      }
    }),
    { numRuns: 250 },
  );
}

const target = ({ state }: Moment): number => state.outcome.targetA ?? 0;

describe("control: whatever happens", () => {
  it("the random lives do charge, discharge, rest and let go", () => {
    const seen = new Set<string>();
    always(({ state: { outcome } }) => {
      seen.add(outcome.targetA === null ? "hands off" : String(Math.sign(outcome.targetA)));
    });
    assert.deepEqual([...seen].sort(), ["-1", "0", "1", "hands off"]);
  });

  it("the target is a whole number of amps within every limit", () => {
    always((moment) => {
      const { state, settings } = moment;
      const targetA = target(moment);
      assert.ok(Number.isInteger(targetA) && !Object.is(targetA, -0), `${targetA}`);
      const limits = state.inputs.chargerLimits;
      assert.ok(targetA <= settings.maxChargeA && -targetA <= settings.maxDischargeA);
      if (targetA > 0) assert.ok(targetA <= (limits?.maxA ?? 500) && targetA >= (limits?.minA ?? 0));
      if (targetA < 0) assert.ok(-targetA <= (limits?.maxDischargeA ?? 0) && -targetA >= (limits?.minA ?? 0));
      for (const { limits: asked } of Object.values(state.choices)) {
        assert.ok(targetA <= (asked.maxA ?? 500) && -targetA <= (asked.maxDischargeA ?? 500));
      }
      const { headroomA } = state;
      if (headroomA !== null) assert.ok(targetA <= (headroomA > 0 ? headroomA : 0));
    });
  });

  it("never discharges at or below the floor, nor with an unknown state of charge", () => {
    always((moment) => {
      if (target(moment) >= 0) return;
      const socPercent = moment.state.inputs.charger?.socPercent ?? null;
      assert.ok(socPercent !== null && socPercent > moment.settings.floorSocPercent);
    });
  });

  it("never charges at or above the ceiling", () => {
    always((moment) => {
      const socPercent = moment.state.inputs.charger?.socPercent ?? 0;
      if (target(moment) > 0) assert.ok(socPercent < moment.settings.ceilingSocPercent);
    });
  });

  it("without a fresh meter nothing is discharged or followed, and a charge stays within the safe current", () => {
    always((moment) => {
      const { state, settings, event } = moment;
      const ageMs = event.monotonicMs - (state.inputs.grid?.arrivedMs ?? Number.NEGATIVE_INFINITY);
      if (ageMs <= settings.staleAfterS * 1000) return;
      assert.ok(target(moment) >= 0 && target(moment) <= settings.safeChargeA);
      const { mode } = inForce(state.choices, settings.startMode).choice;
      if (mode === "balance" || mode === "solar" || mode === "power-home") assert.equal(target(moment), 0);
    });
  });

  it("a charge wish never discharges and a discharge wish never charges", () => {
    always((moment) => {
      const { choice } = inForce(moment.state.choices, moment.settings.startMode);
      const wishA = choice.mode === "fixed" ? (choice.currentA ?? choice.powerW ?? 0) : 0;
      if (choice.mode === "charge" || choice.mode === "solar" || wishA > 0) assert.ok(target(moment) >= 0);
      if (choice.mode === "discharge" || choice.mode === "power-home" || wishA < 0) assert.ok(target(moment) <= 0);
      if (choice.mode === "pause" || choice.mode === "unplug") assert.equal(target(moment), 0);
    });
  });

  it("in freerun nothing is sent but the release", () => {
    always(({ state, settings, sends }) => {
      if (inForce(state.choices, settings.startMode).choice.mode !== "freerun") return;
      for (const send of sends) assert.equal(send.command, "release");
    });
  });

  it("nothing flows without a car, without a charger or into a fault", () => {
    always((moment) => {
      const { charger: reading, chargerHealth } = moment.state.inputs;
      if (chargerHealth.phase !== "fresh" || isPlugged(reading) === false || reading?.state === "fault") {
        assert.equal(target(moment), 0);
      }
    });
  });

  it("what is sent is the target, and a stop is a pause", () => {
    always(({ state, settings, sends }) => {
      const { targetA } = state.outcome;
      const validForS = 3 * settings.resendAfterS;
      for (const send of sends) {
        if (targetA === null) assert.deepEqual(send, { command: "release", source: "plan" });
        else
          assert.deepEqual(
            send,
            targetA === 0 ? { command: "pause", source: "plan" } : { command: "current", currentA: targetA, validForS },
          );
      }
    });
  });

  it("equal states decide alike, so a state may be kept and replayed", () => {
    always(({ state, settings, event }) => {
      const copy = structuredClone(state);
      assert.deepEqual(decide(copy, event, settings), decide(state, event, settings));
    });
  });

  it("constant readings never move a set point that has settled", () => {
    const demand = fc.integer({ min: -8000, max: 8000 });
    fc.assert(
      fc.property(demand, fc.constantFrom("balance", "solar", "power-home"), settingsOf, (demandW, mode, some) => {
        const bench = new Bench({ ...some, startMode: "freerun" });
        bench.house(demandW);
        bench.command(mode);
        let carW = 0;
        for (let second = 0; second < 60; second++) {
          bench.wait(1);
          carW = (bench.targetA ?? 0) * 240;
          const state = carW > 0 ? "charging" : carW < 0 ? "discharging" : "paused";
          bench.house(demandW + carW, { powerW: carW, setpointA: bench.targetA, state });
          if (second === 30) bench.sent();
        }
        assert.deepEqual(bench.sent(), []);
      }),
      { numRuns: 300 },
    );
  });
});

describe("control: the one place that clamps", () => {
  it("turns any wish into 0 or whole amps of the same sign, never more than wished", () => {
    const limitInput: fc.Arbitrary<LimitInput> = fc.record({
      device: fc.option(fc.record({ minA: fc.nat(10), maxA: fc.nat(40), maxDischargeA: fc.nat(40) })),
      commanded: fc.record({ maxA: fc.double(), maxDischargeA: fc.double() }),
      fuseCapA: fc.option(fc.double()),
      exportCapA: fc.option(fc.double()),
      meterTrouble: fc.constantFrom(null, { code: "meter-lost" as const, params: {} }),
      socPercent: fc.option(fc.nat(100)),
      latches: fc.record({ atFloor: fc.boolean(), atCeiling: fc.boolean() }),
    });
    const wish = fc.oneof(fc.double(), fc.integer({ min: -100, max: 100 }));
    const settings = parseControlSettings({});
    fc.assert(
      fc.property(wish, limitInput, (wantA, limits) => {
        const { targetA } = limitTarget(wantA, limits, settings);
        assert.ok(Number.isInteger(targetA), `${targetA}`);
        assert.ok(targetA === 0 || Math.sign(targetA) === Math.sign(wantA));
        assert.ok(Math.abs(targetA) <= Math.abs(wantA) || Number.isNaN(wantA));
        assert.ok(Math.abs(targetA) <= 16);
      }),
      { numRuns: 3000 },
    );
  });
});
