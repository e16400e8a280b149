import { afterArmingWrite } from "./arming.ts";
import {
  type ControlSettings,
  type ControlState,
  giveUp,
  HANDS_OFF,
  MOST_RETRIES,
  NOT_STARTED,
  type Purpose,
  type WriteStep,
} from "./control-state.ts";
import { paceAfter, paceOfReversal } from "./dead-time.ts";
import { type SetPointMode, setPointA } from "./set-point.ts";
import { HARDWARE_MAX_A, type QuasarWrite } from "./wire.ts";

/* What a write that the charger answered changes. A write without an answer changes nothing: the connection is lost. Pure. */

export type WriteOutcome =
  | { readonly isOk: true }
  | { readonly isOk: false /** the Modbus exception */; readonly exception: number };

const ILLEGAL_FUNCTION = 1;
const HOLD_AFTER_REFUSAL_MS = 1000;
/** Only to choose a dead time; the exact voltage does not matter. */
const NOMINAL_VOLTAGE_V = 230;

/** @returns the state after the charger said yes or no to this step */
export function afterWrite(
  state: ControlState,
  step: WriteStep,
  outcome: WriteOutcome,
  settings: ControlSettings,
  nowMs: number,
): ControlState {
  const { purpose } = step;
  if (typeof purpose === "object") return afterArming(state, purpose, outcome, nowMs);
  if (!outcome.isOk) return afterRefusal(state, purpose, nowMs);
  switch (purpose) {
    case "stop-set-point":
      return state.stop.owed === "set-point" ? { ...state, stop: { ...state.stop, owed: "action" } } : state;
    case "stop-action":
      return afterStop(state, settings, nowMs);
    case "set-point":
      return afterSetPoint(state, step.write, settings, nowMs);
    case "start":
      return { ...state, start: { ...state.start, isOwed: false, atMs: nowMs } };
    case "give-back":
      return state.target.kind === "release" ? { ...HANDS_OFF, pace: state.pace } : { ...state, hasControl: false };
    default:
      return purpose satisfies never;
  }
}

function afterArming(
  state: ControlState,
  { arm }: Extract<Purpose, object>,
  outcome: WriteOutcome,
  nowMs: number,
): ControlState {
  const isRefused = !outcome.isOk && outcome.exception === ILLEGAL_FUNCTION && arm === "setpointType";
  const next = { ...state, arming: afterArmingWrite(state.arming, arm, isRefused) };
  if (arm !== "controlOwner") return next;
  return outcome.isOk ? { ...next, hasControl: true } : { ...next, holdUntilMs: nowMs + HOLD_AFTER_REFUSAL_MS };
}

function afterStop(state: ControlState, settings: ControlSettings, nowMs: number): ControlState {
  const factor = settings.deadTimeFactor;
  return {
    ...state,
    pace: state.stop.isReversal ? paceOfReversal(nowMs, factor) : paceAfter(state.pace, sentA(state), 0, nowMs, factor),
    sent: { amount: 0, mode: state.sent?.mode ?? "current", atMs: nowMs, isOurs: true },
    stop: { ...state.stop, owed: "none", atMs: nowMs, isReversal: false },
    start: NOT_STARTED,
    missedSetPoints: 0,
  };
}

/** Without knowledge of what flowed the longest step is assumed. */
const sentA = ({ sent }: ControlState): number =>
  sent === null ? HARDWARE_MAX_A : setPointA(sent.amount, sent.mode, NOMINAL_VOLTAGE_V);

function afterSetPoint(
  state: ControlState,
  written: QuasarWrite,
  settings: ControlSettings,
  nowMs: number,
): ControlState {
  const { mode, amount } = readSetPoint(written);
  const before = state.sent;
  const isRepeat = before !== null && before.isOurs && before.amount === amount && before.mode === mode;
  const fromA = before === null ? 0 : sentA(state);
  const toA = setPointA(amount, mode, NOMINAL_VOLTAGE_V);
  const needsStart = before === null || before.amount === 0 || !before.isOurs || state.missedSetPoints > 0;
  return {
    ...state,
    pace: isRepeat ? state.pace : paceAfter(state.pace, fromA, toA, nowMs, settings.deadTimeFactor),
    sent: { amount, mode, atMs: nowMs, isOurs: true },
    start: needsStart ? { isOwed: true, atMs: nowMs, tries: 0 } : state.start,
  };
}

function readSetPoint(written: QuasarWrite): { mode: SetPointMode; amount: number } {
  if (written.register === "powerSetpointW") return { mode: "power", amount: written.powerW };
  return { mode: "current", amount: written.register === "currentSetpointA" ? written.currentA : 0 };
}

function afterRefusal(state: ControlState, purpose: Exclude<Purpose, object>, nowMs: number): ControlState {
  const held = { ...state, holdUntilMs: nowMs + HOLD_AFTER_REFUSAL_MS };
  switch (purpose) {
    case "stop-set-point":
      // the action alone stops as well
      return { ...state, stop: { ...state.stop, owed: "action" } };
    case "set-point": {
      const missedSetPoints = state.missedSetPoints + 1;
      return missedSetPoints > MOST_RETRIES ? giveUp(state, "set-point-refused", nowMs) : { ...held, missedSetPoints };
    }
    case "start": {
      const tries = state.start.tries + 1;
      const isOwed = tries <= MOST_RETRIES;
      return { ...held, start: { isOwed, atMs: nowMs, tries } };
    }
    default:
      return held;
  }
}
