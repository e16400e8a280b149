import type { Command } from "../../model/commands.ts";
import { applyCommand, commandedLimits, endOverrides, refuseCommand } from "./choice.ts";
import { because, safeStateCodes } from "./codes.ts";
import { stepAlarms } from "./alarms.ts";
import { chargerInView, describe } from "./describe.ts";
import { followReady } from "./follow.ts";
import { stepFuseCaps } from "./fuse.ts";
import { stepCap } from "./slow-cap.ts";
import { isPlugged } from "./inputs.ts";
import { ageInputs, applyCharger, applyMeter } from "./intake.ts";
import { limitTarget, type LimitInput } from "./limits.ts";
import type { ControlSettings } from "./settings.ts";
import { preparePlan } from "./smart.ts";
import { updateLatches } from "./soc.ts";
import type { ControlAction, ControlEvent, ControlState, Outcome, Timing } from "./state.ts";
import { meterTrouble, wishOf } from "./wish.ts";

export interface Decision {
  readonly state: ControlState;
  readonly actions: readonly ControlAction[];
}

/**
 * The whole controller: one event in, a new state and what to do out. No clock, no I/O, no random. Priority: safety
 * (limits.ts) > user > schedule > plan (choice.ts). The tables are shown in docs/control.md.
 */
export function decide(before: ControlState, event: ControlEvent, settings: ControlSettings): Decision {
  const startedMs = Number.isNaN(before.startedMs) ? event.monotonicMs : before.startedMs;
  const heard = hear({ ...before, startedMs }, event, settings);
  const known = settle(before, heard, event, settings);
  const limits = gatherLimits(known, event, settings);
  const decided = choose(known, limits, event, settings);
  const sending = send(before, decided, event, settings);
  const alarmed = stepAlarms(sending.state, event, settings);
  const reported = JSON.stringify(describe(alarmed.state, event, settings));
  const wasAsked = event.type === "command" && event.command.command === "refresh";
  const report: readonly ControlAction[] = reported !== before.reported || wasAsked ? [{ type: "report" }] : [];
  return { state: { ...alarmed.state, reported }, actions: [...sending.actions, ...alarmed.actions, ...report] };
}

/** Takes in what the event brings. */
function hear(state: ControlState, event: ControlEvent, settings: ControlSettings): ControlState {
  switch (event.type) {
    case "meter":
      return { ...state, inputs: applyMeter(state.inputs, event.reading, state.sent, event.monotonicMs, settings) };
    case "charger":
      return { ...state, inputs: applyCharger(state.inputs, event.reading, event.monotonicMs, settings) };
    case "plan":
      return { ...state, plan: preparePlan(event.plan) };
    case "advice":
      return { ...state, advice: event.advice };
    case "headroom":
      return { ...state, headroomA: event.availableA };
    case "command":
      return hearCommand(state, event.command, event);
    default:
      return state;
  }
}

function hearCommand(state: ControlState, command: Command, now: Timing): ControlState {
  if (refuseCommand(command, state.inputs.chargerLimits?.maxDischargeA ?? null) !== null) return state;
  const choices = applyCommand(state.choices, command, now.nowMs);
  if (choices === state.choices || command.command === "limit") return { ...state, choices };
  // whoever presses a button is not made to wait out the start delay
  const waits = state.follow.phase === "rest" || state.follow.phase === "starting";
  return { ...state, choices, follow: waits ? followReady : state.follow };
}

/** Lets time and the new readings work on health, overrides, latches and caps. */
function settle(
  before: ControlState,
  heard: ControlState,
  event: ControlEvent,
  settings: ControlSettings,
): ControlState {
  const { monotonicMs, nowMs } = event;
  const inputs = ageInputs(heard.inputs, monotonicMs, settings);
  const noCar = isPlugged(chargerInView(inputs)) === false;
  const carLeft = noCar && isPlugged(before.inputs.charger) === true;
  const socPercent = chargerInView(inputs)?.socPercent ?? null;
  const { ceilingSocPercent, floorSocPercent, startMode, riseDelayS } = settings;
  const surroundings = { nowMs, socPercent, noCar, carLeft, ceilingSocPercent, floorSocPercent, startMode };
  const isGridNews = inputs.grid !== before.inputs.grid || inputs.carAtGrid !== before.inputs.carAtGrid;
  return {
    ...heard,
    inputs,
    choices: endOverrides(heard.choices, surroundings),
    latches: updateLatches(heard.latches, socPercent, carLeft, settings),
    ...stepFuseCaps(heard, inputs, isGridNews, monotonicMs, settings),
    headroomCap: stepHeadroom(heard, inputs.gridHealth.phase === "fresh", event, riseDelayS),
  };
}

/** The site speaks up only when its share changes; between that only a rise can fall due. */
function stepHeadroom(
  { headroomCap: cap, headroomA }: ControlState,
  isMeterFresh: boolean,
  { type, monotonicMs }: ControlEvent,
  riseDelayS: number,
): ControlState["headroomCap"] {
  const isPending = headroomA !== null && cap.capA !== null && headroomA > cap.capA;
  if (type !== "headroom" && !isPending) return cap;
  const stepped = stepCap(cap, headroomA, monotonicMs, riseDelayS);
  // a share dealt blindly says nothing about the house; it need not be outwaited
  return isMeterFresh ? stepped : { ...stepped, loweredMs: Number.NEGATIVE_INFINITY };
}

function gatherLimits(state: ControlState, now: Timing, settings: ControlSettings): LimitInput {
  const { inputs, choices, fuseCap, headroomCap, exportCap, latches } = state;
  const caps = [fuseCap.capA, headroomCap.capA].filter((capA) => capA !== null);
  return {
    device: inputs.chargerLimits,
    commanded: commandedLimits(choices),
    fuseCapA: caps.length === 0 ? null : Math.min(...caps),
    exportCapA: exportCap.capA,
    meterTrouble: meterTrouble(inputs, now, settings),
    socPercent: chargerInView(inputs)?.socPercent ?? null,
    latches,
  };
}

function choose(state: ControlState, limits: LimitInput, now: Timing, settings: ControlSettings): ControlState {
  const wish = wishOf(state, limits, now, settings);
  if (wish.wantA === null) {
    return { ...state, follow: wish.follow, outcome: { ...handsOff, reason: wish.reason } };
  }
  const mayProbe = wish.wantA < 0 && limits.socPercent === null && settings.probeBeforeDischarge;
  const limited = limitTarget(mayProbe ? settings.probeA : wish.wantA, limits, settings);
  const reason = limited.reason ?? wish.reason;
  const outcome: Outcome = {
    targetA: limited.targetA,
    reason: mayProbe && limited.targetA > 0 ? because("soc-probe", { currentA: limited.targetA }) : reason,
    safeState: safeStateCodes.has(reason.code),
    beforeFuseA: limited.beforeFuseA,
  };
  return { ...state, follow: wish.follow, outcome };
}

const handsOff: Omit<Outcome, "reason"> = { targetA: null, safeState: false, beforeFuseA: 0 };

/** A current is lent, not given: without renewal the charger stops, should this controller be gone. */
const LEASE_REPEATS = 3;

/** A set point goes out when it changes, when a lost charger is back, and slowly again: a current to renew it, a stop while the charger disagrees. */
function send(before: ControlState, state: ControlState, event: ControlEvent, settings: ControlSettings): Decision {
  const { targetA } = state.outcome;
  if (targetA === null) {
    return state.sent !== null || asksForRelease(event)
      ? {
          state: { ...state, sent: null },
          actions: [{ type: "send", command: { command: "release", source: "plan" } }],
        }
      : { state, actions: [] };
  }
  if (state.sent === null && isSettlingIn(state, event, settings)) return { state, actions: [] };
  const isBack = before.inputs.chargerHealth.phase === "lost" && state.inputs.chargerHealth.phase === "recovering";
  const isDue = state.sent !== null && event.monotonicMs - state.sent.atMs >= settings.resendAfterS * 1000;
  const mustRepeat = isBack || (isDue && (targetA !== 0 || disagrees(state, targetA)));
  if (targetA === state.sent?.targetA && !mustRepeat) return { state, actions: [] };
  const command: Command =
    targetA === 0
      ? { command: "pause", source: "plan" }
      : { command: "current", currentA: targetA, validForS: LEASE_REPEATS * settings.resendAfterS };
  return { state: { ...state, sent: { targetA, atMs: event.monotonicMs } }, actions: [{ type: "send", command }] };
}

const asksForRelease = (event: ControlEvent): boolean =>
  event.type === "command" &&
  (event.command.command === "release" || (event.command.command === "mode" && event.command.mode === "freerun"));

/** After a start the inputs are given a moment to arrive, so that a redeploy does not stop a running car. */
function isSettlingIn({ inputs, outcome, startedMs }: ControlState, now: Timing, settings: ControlSettings): boolean {
  // before the charger has said anything there is nothing to undo
  if (outcome.reason.code === "charger-missing") return true;
  const isWaiting = inputs.gridHealth.phase === "missing" || inputs.demandHealth.phase === "missing";
  return isWaiting && outcome.safeState && now.monotonicMs - startedMs < settings.staleAfterS * 1000;
}

/** The charger says, in a live reading, something else than it was told. */
function disagrees(state: ControlState, targetA: number): boolean {
  const charger = chargerInView(state.inputs);
  if (charger === null) return false;
  const isMoving = charger.state === "charging" || charger.state === "discharging";
  if (targetA === 0 && isMoving) return true;
  if (targetA !== 0 && charger.state === "paused") return true;
  return charger.setpointA !== null && Math.abs(charger.setpointA - targetA) > 0.5;
}
