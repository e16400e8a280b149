import { afterReconnect, type Arming, type GoalName, NOT_ARMED } from "./arming.ts";
import { type Pace, READY } from "./dead-time.ts";
import { type Demand, isSameDemand, type QuasarLimits, type SetPointMode, toSetPoint } from "./set-point.ts";
import type { StatusMeaning } from "./status.ts";
import type { QuasarLive, QuasarWrite, RegisterImage } from "./wire.ts";

/* What control of a Quasar remembers, sees and does; the decisions are in control.ts and control-outcome.ts. */

export type Target =
  | { readonly kind: "hands-off" | "release" | "stop" }
  | {
      readonly kind: "run";
      readonly demand: Demand;
      /** mains voltage when it was accepted */
      readonly voltageV: number;
    };

export type TroubleCode = "control-refused" | "set-point-ignored" | "set-point-refused" | "stop-ignored";

/** What is left of a stop: first the set point, then the action. */
export interface StopState {
  readonly owed: "none" | "set-point" | "action";
  /** when it was done last, monotonic ms */
  readonly atMs: number;
  /** in vain so far */
  readonly tries: number;
  /** between two directions */
  readonly isReversal: boolean;
}

export interface StartState {
  readonly isOwed: boolean;
  /** when it was done last, monotonic ms */
  readonly atMs: number;
  readonly tries: number;
}

/** The last set point that went out. */
export interface SentSetPoint {
  /** in the unit of the mode, signed */
  readonly amount: number;
  readonly mode: SetPointMode;
  readonly atMs: number;
  /** false for what flows because the app wants it */
  readonly isOurs: boolean;
}

export interface ControlState {
  readonly target: Target;
  /** Taken by us and not given back, over all connections. */
  readonly hasControl: boolean;
  readonly arming: Arming;
  /** null = look at the registers first */
  readonly sent: SentSetPoint | null;
  readonly stop: StopState;
  readonly start: StartState;
  /** set points in a row that were not taken */
  readonly missedSetPoints: number;
  readonly pace: Pace;
  /** after a refusal: no writes before, monotonic ms */
  readonly holdUntilMs: number;
  readonly trouble: { readonly code: TroubleCode; readonly atMs: number } | null;
}

export const NOT_STOPPED: StopState = { owed: "none", atMs: -Infinity, tries: 0, isReversal: false };
export const NOT_STARTED: StartState = { isOwed: false, atMs: -Infinity, tries: 0 };

/** So it is after every start of ours, and after a release. */
export const HANDS_OFF: ControlState = {
  target: { kind: "hands-off" },
  hasControl: false,
  arming: NOT_ARMED,
  sent: null,
  stop: NOT_STOPPED,
  start: NOT_STARTED,
  missedSetPoints: 0,
  pace: READY,
  holdUntilMs: -Infinity,
  trouble: null,
};

export interface ControlSettings {
  readonly mode: SetPointMode;
  /** the charger's own watchdog, s */
  readonly idleTimeoutS: number;
  /** shortens dead times and read-back for simulators; 1 for a real charger */
  readonly deadTimeFactor: number;
}

/** What is known of the charger at the moment of the decision. */
export interface ControlView {
  readonly image: RegisterImage;
  readonly live: QuasarLive;
  readonly meaning: StatusMeaning | null;
  readonly limits: QuasarLimits;
  readonly isEmpty: boolean;
  readonly isFull: boolean;
  /** charging and discharging make no sense now: no car, or the charger reports an error */
  readonly isHeld: boolean;
}

export type Purpose =
  | { readonly arm: GoalName }
  | "stop-set-point"
  | "stop-action"
  | "set-point"
  | "start"
  | "give-back";

export interface WriteStep {
  readonly kind: "write";
  readonly write: QuasarWrite;
  readonly purpose: Purpose;
}
/** `read-back`: look at the control registers before going on. */
export type Step = WriteStep | { readonly kind: "read-back" };

/** How many more times a set point or a stop is tried before that is trouble. */
export const MOST_RETRIES = 3;

/** Which set-point register is used: power mode falls back to current where the firmware refuses it. */
export const activeMode = (state: ControlState, settings: ControlSettings): SetPointMode =>
  settings.mode === "power" && !state.arming.refused.has("setpointType") ? "power" : "current";

/** What is wanted now, clamped, in the unit of the active mode; 0 = stand still. */
export function wantedSetPoint(state: ControlState, view: ControlView, settings: ControlSettings): number {
  if (state.target.kind !== "run" || view.isHeld) return 0;
  const amount = toSetPoint(state.target.demand, activeMode(state, settings), view.limits, state.target.voltageV);
  return amount < 0 && view.isEmpty ? 0 : amount;
}

/** A stop that is done this recently is not written again, ms. */
const STOP_IS_FRESH_MS = 5000;

/** A new target; the latest wins. A stop is owed at once, also when we believe that nothing flows. */
export function retarget(state: ControlState, target: Target, nowMs: number): ControlState {
  if (target.kind === "hands-off") return { ...HANDS_OFF, pace: state.pace };
  if (target.kind === "run") {
    // the same wish again must not begin its tries again
    if (state.target.kind === "run" && isSameDemand(state.target.demand, target.demand)) return state;
    return { ...state, target, trouble: null, missedSetPoints: 0, holdUntilMs: -Infinity };
  }
  const isRepeat = state.target.kind === "stop" && target.kind === "stop";
  if (isRepeat && (state.stop.owed !== "none" || nowMs - state.stop.atMs < STOP_IS_FRESH_MS)) return state;
  return { ...state, target, holdUntilMs: -Infinity, start: NOT_STARTED, stop: oweStop(state.stop.atMs) };
}

/** @param lastMs when the last stop was done */
export const oweStop = (lastMs: number): StopState => ({
  owed: "set-point",
  atMs: lastMs,
  tries: 0,
  isReversal: false,
});

/** What cannot be set is not left half set: back to 0, and say so (fact sheet best-systems D4). */
export const giveUp = (state: ControlState, code: TroubleCode, nowMs: number): ControlState => ({
  ...state,
  target: { kind: "stop" },
  stop: oweStop(state.stop.atMs),
  start: NOT_STARTED,
  missedSetPoints: 0,
  trouble: { code, atMs: nowMs },
});

/** The connection is gone; what is owed stays owed, and the registers will say what is in force. */
export const afterLoss = (state: ControlState): ControlState => ({
  ...state,
  arming: afterReconnect(state.arming),
  sent: null,
  start: { ...state.start, isOwed: false },
  holdUntilMs: -Infinity,
});
