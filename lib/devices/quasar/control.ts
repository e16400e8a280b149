import { armingGoals, NOT_ARMED, nextArmingStep } from "./arming.ts";
import {
  activeMode,
  type ControlSettings,
  type ControlState,
  type ControlView,
  giveUp,
  HANDS_OFF,
  MOST_RETRIES,
  oweStop,
  type Purpose,
  type Step,
  wantedSetPoint,
} from "./control-state.ts";
import { isReady } from "./dead-time.ts";
import { type SetPointMode, setPointWrite } from "./set-point.ts";
import { ACTION, type QuasarLive, type QuasarWrite, REGISTER, toSigned, wordAt } from "./wire.ts";

/*
 * What to write next, as a pure function of what is asked, what the registers show and what was written before. One step
 * at a time: a stop always comes first, the latest target wins, and nothing is lost with a connection.
 *
 * | target | what is done |
 * |---|---|
 * | hands-off | nothing, ever: so it is after every start |
 * | stop | control taken and kept; set point 0, stop; again while the charger still runs |
 * | run | armed; set point (after the dead time), start; read back after 2.5 s, up to three more tries, then trouble and stop |
 * | run, other direction | after the dead time: stop, until the power has gone (10.9 s at most), then as run |
 * | release | set point 0, stop, control back to the app; then hands-off |
 *
 * Fact sheet v2g 2.3, 8.1, 8.3, 8.7, 8.8, 8.10.
 */

export interface Decision {
  readonly state: ControlState;
  readonly step: Step | null;
  /** look again then, monotonic ms */
  readonly wakeAtMs: number | null;
}

const VERIFY_AFTER_MS = 2500;
/** After that many stops in vain they come slowly. */
const SLOW_STOP_MS = 10_000;
const HOLD_WITHOUT_CONTROL_MS = 30_000;
const RESTART_AFTER_MS = 21_900;
const LONGEST_RESTART_MS = 300_000;
const SET_POINT_REGISTER = { current: REGISTER.currentSetpointA, power: REGISTER.powerSetpointW } as const;

/** @returns the next step, null when there is nothing to do now; the state is to be kept either way */
export function decide(state: ControlState, view: ControlView, settings: ControlSettings, nowMs: number): Decision {
  const { target } = state;
  if (target.kind === "hands-off") return rest(state);
  if (nowMs < state.holdUntilMs) return rest(state, state.holdUntilMs);
  if (target.kind === "release") return decideRelease(state, view);
  const checked = checkStop(readSent(state, view, settings), view, settings, nowMs);
  if (checked.stop.owed !== "none") return decideStop(checked, view);
  const armed = decideArming(checked, view, settings, nowMs);
  if (armed.step !== null || armed.wakeAtMs !== null || target.kind === "stop") return armed;
  return decideRun(armed.state, view, settings, nowMs);
}

const rest = (state: ControlState, wakeAtMs: number | null = null): Decision => ({ state, step: null, wakeAtMs });
const put = (state: ControlState, write: QuasarWrite, purpose: Purpose): Decision => ({
  state,
  step: { kind: "write", write, purpose },
  wakeAtMs: null,
});

function decideRelease(state: ControlState, view: ControlView): Decision {
  if (wordAt(view.image, REGISTER.controlOwner) === 0) return rest({ ...HANDS_OFF, pace: state.pace });
  if (state.stop.owed !== "none") return decideStop(state, view);
  return put(state, { register: "controlOwner", owner: 0 }, "give-back");
}

function decideStop(state: ControlState, view: ControlView): Decision {
  const owner = wordAt(view.image, REGISTER.controlOwner);
  // other writes count only under our control
  if (owner === 0 || (owner === undefined && !state.hasControl)) {
    return put(state, { register: "controlOwner", owner: 1 }, { arm: "controlOwner" });
  }
  return state.stop.owed === "set-point"
    ? put(state, setPointWrite(0, modeInForce(view)), "stop-set-point")
    : put(state, { register: "action", action: ACTION.stop }, "stop-action");
}

/** The set-point type that the charger shows, whatever we would like. */
const modeInForce = (view: ControlView): SetPointMode =>
  wordAt(view.image, REGISTER.setpointType) === 1 ? "power" : "current";

/** Was a stop obeyed? A charger that runs against our will, whatever the reason, is stopped again. */
function checkStop(state: ControlState, view: ControlView, settings: ControlSettings, nowMs: number): ControlState {
  if (state.stop.owed !== "none" || wantedSetPoint(state, view, settings) !== 0) return state;
  if (state.sent !== null && state.sent.amount !== 0) return { ...state, stop: oweStop(state.stop.atMs) };
  const readMs = view.image.get(REGISTER.status)?.atMs ?? -Infinity;
  const patienceMs = state.stop.tries > MOST_RETRIES ? SLOW_STOP_MS : VERIFY_AFTER_MS;
  if (readMs < state.stop.atMs + patienceMs * settings.deadTimeFactor) return state;
  if (!isRunning(view)) {
    const isCured = state.trouble?.code === "stop-ignored";
    return { ...state, stop: { ...state.stop, tries: 0 }, trouble: isCured ? null : state.trouble };
  }
  const tries = state.stop.tries + 1;
  const trouble = tries > MOST_RETRIES ? { code: "stop-ignored" as const, atMs: nowMs } : state.trouble;
  return { ...state, trouble, stop: { ...oweStop(state.stop.atMs), tries } };
}

function isRunning(view: ControlView): boolean {
  const setPoint = wordAt(view.image, SET_POINT_REGISTER[modeInForce(view)]) ?? 0;
  const isRemote = wordAt(view.image, REGISTER.controlOwner) === 1;
  const state = view.meaning?.state;
  return state === "charging" || state === "discharging" || (isRemote && setPoint !== 0);
}

function decideArming(state: ControlState, view: ControlView, settings: ControlSettings, nowMs: number): Decision {
  const mode = state.target.kind === "run" ? activeMode(state, settings) : null;
  const { arming, step } = nextArmingStep(state.arming, armingGoals(mode, settings.idleTimeoutS), view.image);
  const next = { ...state, arming };
  if (arming.refused.has("controlOwner")) {
    const holdUntilMs = nowMs + HOLD_WITHOUT_CONTROL_MS;
    const trouble = { code: "control-refused" as const, atMs: nowMs };
    return rest({ ...next, arming: NOT_ARMED, holdUntilMs, trouble }, holdUntilMs);
  }
  if (step === null) return rest(next.trouble?.code === "control-refused" ? { ...next, trouble: null } : next);
  if (step.kind === "read-back") return { state: next, step, wakeAtMs: null };
  return put(next, step.goal.write, { arm: step.goal.name });
}

/** After a connection was lost the registers say what is in force, not our memory. */
function readSent(state: ControlState, view: ControlView, settings: ControlSettings): ControlState {
  if (state.sent !== null) return state;
  const isRemote = wordAt(view.image, REGISTER.controlOwner) === 1;
  const mode = modeInForce(view);
  const isOurs = isRemote && mode === activeMode(state, settings);
  const word = wordAt(view.image, SET_POINT_REGISTER[mode]) ?? 0;
  const flowing = isRemote ? toSigned(word) : flowUnderApp(view.live, mode);
  const amount = view.meaning?.isRunning === true ? flowing : 0;
  return { ...state, sent: { amount, mode, atMs: -Infinity, isOurs } };
}

/** So that a change of direction is seen as one when the app had control before. */
const flowUnderApp = (live: QuasarLive, mode: SetPointMode): number =>
  Math.trunc((mode === "power" ? live.powerW : live.currentA) ?? 0);

function decideRun(state: ControlState, view: ControlView, settings: ControlSettings, nowMs: number): Decision {
  const wanted = wantedSetPoint(state, view, settings);
  const mode = activeMode(state, settings);
  const { sent } = state;
  if (wanted === 0 || sent === null) return rest(state);
  if (state.start.isOwed) return put(state, { register: "action", action: ACTION.start }, "start");
  if (wanted === sent.amount && sent.isOurs && sent.mode === mode) return watchRun(state, view, settings, nowMs);
  if (!isPaceReady(state, view, nowMs)) return rest(state, state.pace.readyAtMs);
  if (sent.amount !== 0 && Math.sign(sent.amount) !== Math.sign(wanted)) {
    return decideStop({ ...state, stop: { ...oweStop(state.stop.atMs), isReversal: true } }, view);
  }
  return put(state, setPointWrite(wanted, mode), "set-point");
}

/** False while the dead time of the last set point holds up the next one. */
export function isPaceReady(state: ControlState, view: ControlView, nowMs: number): boolean {
  const atMs = view.image.get(REGISTER.acPowerW)?.atMs ?? -Infinity;
  return isReady(state.pace, nowMs, { powerW: view.live.powerW, atMs });
}

/** The set point went out: was it taken, and does the charger run? */
function watchRun(state: ControlState, view: ControlView, settings: ControlSettings, nowMs: number): Decision {
  const { sent } = state;
  if (sent === null) return rest(state);
  const found = view.image.get(SET_POINT_REGISTER[sent.mode]);
  if (found === undefined || found.word === null) return watchStart(state, view, settings, nowMs);
  if (toSigned(found.word) === sent.amount) {
    return watchStart({ ...state, missedSetPoints: 0 }, view, settings, nowMs);
  }
  if (found.atMs < sent.atMs + VERIFY_AFTER_MS * settings.deadTimeFactor) return rest(state);
  const missedSetPoints = state.missedSetPoints + 1;
  if (missedSetPoints > MOST_RETRIES) return rest(giveUp(state, "set-point-ignored", nowMs), nowMs);
  return put({ ...state, missedSetPoints }, setPointWrite(sent.amount, sent.mode), "set-point");
}

/** Paused though it should run: start again, ever more rarely; a full or empty car has its reason. */
function watchStart(state: ControlState, view: ControlView, settings: ControlSettings, nowMs: number): Decision {
  if (view.meaning?.isRunning === true) return rest({ ...state, start: { ...state.start, tries: 0 } });
  const hasReason = (state.sent?.amount ?? 0) > 0 ? view.isFull : view.isEmpty;
  if (view.meaning?.isPlugged !== true || hasReason) return rest(state);
  const patienceMs = Math.min(RESTART_AFTER_MS * 2 ** Math.min(10, state.start.tries), LONGEST_RESTART_MS);
  const dueMs = state.start.atMs + patienceMs * settings.deadTimeFactor;
  if (nowMs < dueMs) return rest(state, dueMs);
  const start = { ...state.start, isOwed: true, tries: state.start.tries + 1 };
  return put({ ...state, start }, { register: "action", action: ACTION.start }, "start");
}
