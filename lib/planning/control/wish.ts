import { type InForce, inForce } from "./choice.ts";
import { because, type ControlReason, type ReasonCode } from "./codes.ts";
import { demandToAmps } from "./demand.ts";
import { type FollowDelays, type FollowState, followReady, remainingS, stepFollow } from "./follow.ts";
import { chargerPhases } from "./fuse.ts";
import { recoveryLeftS } from "./health.ts";
import { type Inputs, isPlugged, mainsVoltage } from "./inputs.ts";
import { isProbing, type LimitInput, minimumA } from "./limits.ts";
import { type ModeRow, MODES } from "./modes.ts";
import type { ControlSettings } from "./settings.ts";
import { adviseFromPlan, wholeAmps } from "./smart.ts";
import type { ControlState, Timing } from "./state.ts";

/** What the choice in force asks for, before the limits. */
export interface Wish {
  /** + charge, - discharge, A; null = hands off */
  readonly wantA: number | null;
  readonly reason: ControlReason;
  readonly follow: FollowState;
}

/** Turns the choice in force into a wish. */
export function wishOf(state: ControlState, limits: LimitInput, now: Timing, settings: ControlSettings): Wish {
  const { choice, by } = inForce(state.choices, settings.startMode);
  const row = MODES[choice.mode];
  if (row.wish === "nothing") return still(null, because("hands-off"));
  if (row.wish === "zero")
    return still(0, choice.mode === "unplug" ? because("waiting-unplug") : because("paused", { by }));
  const blocked = whyBlocked(state.inputs, now, settings);
  if (blocked !== null) return still(0, blocked);
  if (row.wish === "maximum") return still(...maximum(choice, by, settings));
  if (row.wish === "amps") return still(...fixed(state.inputs, choice, by, settings));
  if (row.wish === "demand") return following(state, row, limits, now, settings);
  const advice =
    state.advice !== null && now.nowMs < state.advice.untilMs
      ? state.advice
      : adviseFromPlan(state.plan, now.nowMs, nominalWattsPerAmp(state.inputs, settings));
  return "follow" in advice
    ? following(state, MODES[advice.follow], limits, now, settings)
    : still(advice.wantA, advice.reason);
}

const still = (wantA: number | null, reason: ControlReason): Wish => ({ wantA, reason, follow: followReady });

/** Why nothing may flow in either direction; null = the charger is there and so may a car be. */
function whyBlocked(inputs: Inputs, now: Timing, settings: ControlSettings): ControlReason | null {
  const { charger, chargerHealth: health } = inputs;
  if (health.phase === "missing") return because("charger-missing");
  if (health.phase === "lost") return because("charger-lost");
  if (charger?.state === "fault") return because("charger-fault");
  const faultLeftS = Math.ceil(settings.recoveryDelayS - (now.monotonicMs - inputs.faultSeenMs) / 1000);
  const remainingS = health.phase === "recovering" ? Math.max(faultLeftS, leftS(health, now, settings)) : faultLeftS;
  if (remainingS > 0) return because("charger-recovering", { remainingS });
  return isPlugged(charger) === false ? because("no-car") : null;
}

/** Why no grid reading may be acted upon; null = one may. */
export function meterTrouble(
  { gridHealth: health }: Inputs,
  now: Timing,
  settings: ControlSettings,
): ControlReason | null {
  if (health.phase === "fresh") return null;
  if (health.phase === "missing") return because("meter-missing");
  if (health.phase === "lost") return because("meter-lost");
  return because("meter-recovering", { remainingS: leftS(health, now, settings) });
}

const leftS = (health: Inputs["gridHealth"], now: Timing, settings: ControlSettings): number =>
  Math.ceil(recoveryLeftS(health, now.monotonicMs, settings));

type Asked = [wantA: number, reason: ControlReason];

function maximum({ mode, currentA }: InForce["choice"], by: string, settings: ControlSettings): Asked {
  const charging = mode === "charge";
  const amountA = Math.trunc(currentA ?? (charging ? settings.maxChargeA : settings.maxDischargeA));
  if (amountA === 0) return [0, currentA === 0 ? because("paused", { by }) : because("config-limit", { currentA: 0 })];
  const reason = because(charging ? "charging-now" : "discharging-now", { currentA: amountA, by });
  return [charging ? amountA : -amountA, reason];
}

function fixed(inputs: Inputs, { currentA, powerW }: InForce["choice"], by: string, settings: ControlSettings): Asked {
  const wantA = powerW === null ? Math.trunc(currentA ?? 0) : wholeAmps(powerW, nominalWattsPerAmp(inputs, settings));
  return [wantA, because(wantA === 0 ? "paused" : "fixed", wantA === 0 ? { by } : { currentA: wantA, by })];
}

/** Nominal, so that the mains voltage does not make whole amps flicker. */
const nominalWattsPerAmp = (inputs: Inputs, settings: ControlSettings): number =>
  settings.voltageV * chargerPhases(inputs);

function following(
  state: ControlState,
  row: ModeRow,
  limits: LimitInput,
  now: Timing,
  settings: ControlSettings,
): Wish {
  const { inputs } = state;
  if (limits.meterTrouble !== null) return still(0, limits.meterTrouble);
  const { demand, demandHealth } = inputs;
  if (demand === null || demandHealth.phase !== "fresh") return still(0, because("car-power-unknown"));
  const minChargeA = minimumA(settings.minChargeA, limits, isProbing(limits, settings));
  const minDischargeA = minimumA(settings.minDischargeA, limits, false);
  const levelA = demandToAmps(
    {
      demandW: demand.powerW,
      lastA: state.follow.levelA,
      charge: row.charge,
      discharge: row.discharge,
      truncates: row.truncates,
      voltageV: mainsVoltage(inputs, settings),
      phases: chargerPhases(inputs),
      minChargeA,
      minDischargeA,
    },
    settings,
  );
  const wantA = levelA >= minChargeA || levelA <= -minDischargeA ? levelA : 0;
  const delays = delaysOf(row, settings);
  const follow = { ...stepFollow(state.follow, wantA, now.monotonicMs, delays), levelA };
  const held = follow.direction > 0 ? minChargeA : -minDischargeA;
  return {
    wantA: follow.phase === "running" ? wantA : follow.phase === "stopping" ? held : 0,
    reason: followReason(follow, row, demand.powerW, Math.ceil(remainingS(follow, now.monotonicMs, delays))),
    follow,
  };
}

const delaysOf = (row: ModeRow, settings: ControlSettings): FollowDelays =>
  row.delays === "solar"
    ? { startDelayS: settings.startDelayS, stopDelayS: settings.stopDelayS }
    : { startDelayS: settings.v2gStartDelayS, stopDelayS: settings.v2gStopDelayS };

function followReason(follow: FollowState, row: ModeRow, demandW: number, remaining: number): ControlReason {
  if (follow.phase === "starting") return because("start-delay", { remainingS: remaining });
  if (follow.phase === "stopping") return because("stop-delay", { remainingS: remaining });
  const running = follow.phase === "running";
  const surplus = { surplusW: Math.max(0, -Math.round(demandW)) };
  const demand = { demandW: Math.round(demandW) };
  const words: readonly [ReasonCode, ReasonCode, ReasonCode] =
    row.charge && row.discharge
      ? ["balancing-charge", "balancing-discharge", "balanced"]
      : ["following-sun", "powering-house", row.charge ? "waiting-surplus" : "waiting-load"];
  if (running) return follow.direction > 0 ? because(words[0], surplus) : because(words[1], demand);
  return because(words[2], words[2] === "waiting-surplus" ? surplus : demand);
}
