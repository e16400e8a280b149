import type { Charger, Reason } from "../../model/records.ts";
import { isoAt, roundTo } from "../../model/units.ts";
import {
  activeMode,
  type ControlSettings,
  type ControlState,
  type ControlView,
  wantedSetPoint,
} from "./control-state.ts";
import type { Observation } from "./observation.ts";
import { setPointA } from "./set-point.ts";
import { REGISTER, toSigned, wordAt } from "./wire.ts";

/* The charger as the rest of the house sees it. Pure. */

export interface RecordContext {
  readonly device: string;
  /** wall clock, ms */
  readonly nowMs: number;
  readonly monotonicMs: number;
  readonly isOcppOn: boolean;
  /** a reason in the user's language */
  readonly describe: (reason: Reason) => string;
}

/** A record of a charger that answers. */
export function onlineRecord(
  seen: Observation,
  control: ControlState,
  view: ControlView,
  settings: ControlSettings,
  around: RecordContext,
): Charger {
  const { live, meaning } = seen;
  const { limits } = view;
  const reasons: Reason[] = [
    ...(seen.faults.isAlarm ? seen.faults.present : []),
    ...(control.trouble === null ? [] : [{ code: control.trouble.code, params: {} }]),
  ];
  return {
    kind: "charger",
    device: around.device,
    at: isoAt(around.nowMs),
    online: true,
    plugged: seen.isPlugged,
    state: meaning?.state ?? "unknown",
    powerW: live.powerW,
    currentA: live.currentA,
    voltageV: live.voltageV,
    phases: 1,
    setpointA: confirmedSetPointA(view),
    limits: { minA: limits.minA, maxA: limits.maxA, maxDischargeA: limits.maxDischargeA },
    sessionWh: seen.session.energyWh === null ? null : roundTo(seen.session.energyWh, 1),
    totalWh: null,
    socPercent: seen.soc.percent,
    rfid: null,
    faults: reasons.map((reason) => ({ code: reason.code, text: around.describe(reason) })),
    flags: flagsOf(seen, control, view, settings, around),
  };
}

/** A record of a charger that does not answer: what was measured before is not said again. */
export function offlineRecord(reason: Reason, soc: Observation["soc"], around: RecordContext): Charger {
  return {
    kind: "charger",
    device: around.device,
    at: isoAt(around.nowMs),
    online: false,
    plugged: null,
    state: "unknown",
    powerW: null,
    currentA: null,
    voltageV: null,
    phases: 1,
    setpointA: null,
    limits: null,
    sessionWh: null,
    totalWh: null,
    socPercent: soc.percent,
    rfid: null,
    faults: [{ code: reason.code, text: around.describe(reason) }],
    flags: [...(soc.percent === null ? [] : ["soc-remembered"]), ...(around.isOcppOn ? ["ocpp"] : [])],
  };
}

/** What the charger itself shows as set, A; null while the app decides. */
function confirmedSetPointA({ image, live }: ControlView): number | null {
  if (wordAt(image, REGISTER.controlOwner) !== 1) return null;
  const isPower = wordAt(image, REGISTER.setpointType) === 1;
  const word = wordAt(image, isPower ? REGISTER.powerSetpointW : REGISTER.currentSetpointA) ?? null;
  if (word === null) return null;
  return isPower ? roundTo(setPointA(toSigned(word), "power", live.voltageV ?? 230), 1) : toSigned(word);
}

function flagsOf(
  seen: Observation,
  control: ControlState,
  view: ControlView,
  settings: ControlSettings,
  around: RecordContext,
): string[] {
  const { refused } = control.arming;
  const wanted = wantedSetPoint(control, view, settings);
  const isRun = control.target.kind === "run";
  const isSent = control.sent !== null && control.sent.isOurs && control.sent.amount === wanted;
  const flags: readonly (readonly [string, boolean])[] = [
    [seen.meaning?.flag ?? "", seen.isStatusKnown && seen.meaning?.state !== "fault"],
    ["unknown-status", !seen.isStatusKnown],
    ["fault-pending", seen.faults.present.length > 0 && !seen.faults.isAlarm],
    ["soc-remembered", seen.soc.percent !== null && !seen.soc.isLive],
    ["session-partial", seen.session.energyWh !== null && !seen.session.isComplete],
    ["settling", around.monotonicMs < control.pace.readyAtMs],
    // a target that waits for its dead time
    ["pending", isRun && wanted !== 0 && !isSent],
    ["locked", view.live.isLocked],
    ["ocpp", around.isOcppOn],
    ["remote-control", control.hasControl],
    ["no-watchdog", refused.has("idleTimeoutS")],
    ["auto-start-on", refused.has("autoStart")],
    ["power-mode-refused", settings.mode === "power" && activeMode(control, settings) === "current"],
  ];
  return [...new Set(flags.filter(([flag, isSet]) => isSet && flag !== "").map(([flag]) => flag))];
}

/** True when something changed that somebody may want to know before the next beat. */
export function isChange(before: Charger | null, after: Charger): boolean {
  return before === null || digest(before) !== digest(after);
}

const digest = (record: Charger): string =>
  JSON.stringify([
    record.online,
    record.plugged,
    record.state,
    record.setpointA,
    record.currentA,
    record.socPercent,
    record.limits,
    record.faults,
    record.flags,
  ]);
