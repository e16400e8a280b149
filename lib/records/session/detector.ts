import { secondsToMs } from "../../model/units.ts";
import { closeAway } from "./away.ts";
import type { DetectorEvent, DetectorSettings, Finding } from "./detected.ts";
import { closeUnplugged } from "./late.ts";
import { takeReading } from "./reading.ts";
import { settle } from "./settling.ts";
import { DETECTOR_STATE_VERSION, type DetectorState, emptyState } from "./state.ts";
import { beginStep, flagSession, now, type Step } from "./step.ts";
import { tellChanges } from "./telling.ts";
import { passDowntime, passTime, startTime } from "./time-line.ts";

/*
 * Finds charging sessions in the readings of one charger (openevse-h2v-sessions 8). Pure: no clock, no random, no I/O. How
 * it decides, and what every flag means, is told in docs/sessions.md.
 */

/** A counter that fell to 0 while the car stays: so long it may still turn out to have left, s. */
const SUSPICION_S = 10;

export const defaultDetectorSettings: DetectorSettings = {
  maxPowerW: 25_000,
  settleS: 2,
  graceS: null,
  offlineCloseS: 86_400,
  mergeGapS: 0,
};

/** A detector for one charger that has heard nothing yet. */
export const startDetector = (device: string): DetectorState => emptyState(device);

/** A stored state of this charger, as it was written with JSON.stringify; null when it cannot be taken up. */
export function readDetectorState(saved: unknown, device: string): DetectorState | null {
  if (typeof saved !== "object" || saved === null) return null;
  const { version, device: of } = saved as Partial<DetectorState>;
  if (version !== DETECTOR_STATE_VERSION || of !== device) return null;
  return { ...emptyState(device), ...(saved as DetectorState) };
}

/**
 * One event.
 *
 * @param newId makes the id of a session that begins, a UUID
 */
export function detect(
  state: DetectorState,
  event: DetectorEvent,
  settings: DetectorSettings,
  newId: () => string,
): { readonly state: DetectorState; readonly findings: readonly Finding[] } {
  const passed =
    state.time === null
      ? { time: startTime(event), isAdjusted: false }
      : event.type === "resumed"
        ? passDowntime(state.time, event)
        : passTime(state.time, event);
  const step = beginStep(state, passed.time, settings, newId);
  if (passed.isAdjusted) flagSession(step, step.draft.session, "clock-adjusted");
  if (event.type === "resumed") resume(step);
  else settle(step);
  if (event.type === "reading" && (event.isSnapshot !== true || !event.charger.online))
    takeReading(step, event.charger);
  confirmReset(step);
  settle(step);
  closeUnplugged(step);
  closeAway(step);
  tellChanges(step);
  return { state: step.draft, findings: step.findings };
}

/** The program was restarted. */
function resume(step: Step): void {
  const { draft } = step;
  draft.isResumed = true;
  draft.isOnline = false;
  draft.awayFromMs = now(step);
  if (draft.session !== null) draft.session.isResumed = true;
}

/** A counter that went to 0 and a car that stays: somebody has reset it. */
function confirmReset(step: Step): void {
  const { session } = step.draft;
  if (session === null || session.suspectedResetMs === null || session.unpluggedMs !== null) return;
  if (now(step) - session.suspectedResetMs < secondsToMs(SUSPICION_S) || step.draft.pendingPlug?.value === false)
    return;
  session.suspectedResetMs = null;
  flagSession(step, session, "counter-reset");
}
