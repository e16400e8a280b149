import type { Charger } from "../../model/records.ts";
import { secondsToMs } from "../../model/units.ts";
import type { Activity, Marks, Pending } from "./state.ts";
import { marksOf, now, openSegment, type Step } from "./step.ts";
import { beginSegment, beginSession, closeSession, endSegment, stopCharging, unplugSession } from "./sessions.ts";

/*
 * What a reading shows counts once it has lasted: the values of one burst arrive one after the other, and a charger that
 * starts up shows all sorts of things. What has lasted counts from the moment at which it was first seen.
 */

/** A state that nobody understands, or a reboot: longer than a controller takes to come up, ms. */
const BOOT_MS = 10_000;
/** Waiting for the first full set of values, ms. */
const FIRST_SET_MS = 35_000;
/** Nobody charges more without unplugging; a counter that shows more is no session's, Wh. */
const MOST_ADOPTED_WH = 300_000;

/** Whether a car is there; null = the reading cannot tell. Where current flows, there is one. */
export function pluggedIn({ plugged, state }: Charger): boolean | null {
  if (state === "charging" || state === "discharging") return true;
  if (plugged !== null) return plugged;
  if (state === "plugged") return true;
  return state === "unplugged" ? false : null;
}

/** What flows, by the charger's own word. */
export function activityOf({ state }: Charger): Activity {
  return state === "charging" || state === "discharging" ? state : "idle";
}

/** Notes what a reading shows; nothing counts yet. */
export function noteReading(step: Step, charger: Charger, isAway: boolean): void {
  const { draft } = step;
  notePlug(step, pluggedIn(charger), charger, isAway);
  noteActivity(step, charger, isAway);
  draft.isPlugDoubtful = pluggedIn(charger) === null;
}

function notePlug(step: Step, isPlugged: boolean | null, charger: Charger, isAway: boolean): void {
  const { draft, settings } = step;
  if (isPlugged === null) return;
  const isNews = draft.phase === "unknown" || isPlugged !== (draft.phase === "plugged");
  if (!isNews) {
    draft.pendingPlug = null;
    return;
  }
  if (draft.pendingPlug?.value === isPlugged) return;
  const isBooting = draft.rebootedMs !== null && now(step) - draft.rebootedMs < BOOT_MS;
  const isSlow = !isPlugged && (isBooting || charger.state === "unknown");
  draft.pendingPlug = {
    value: isPlugged,
    sinceMs: isPlugged ? beganMs(step, charger, isAway) : now(step),
    settleMs: isSlow ? BOOT_MS : secondsToMs(settings.settleS),
    reason: isAway ? "away" : "seen",
  };
}

/** Where nobody could look before, the charger's own count of charging tells how long it has been going on. */
function beganMs(step: Step, { sessionS }: Charger, isAway: boolean): number {
  const { draft } = step;
  const isUnseen = draft.seen === null || draft.seen.plugged === null || isAway;
  if (!isUnseen || draft.phase !== "unplugged") return now(step);
  return Math.max(draft.unpluggedSeenMs ?? 0, now(step) - secondsToMs(sessionS ?? 0));
}

function noteActivity(step: Step, charger: Charger, isAway: boolean): void {
  const { draft, settings } = step;
  const activity = activityOf(charger);
  const reason = reasonOf(charger);
  const { pendingActivity: pending } = draft;
  if (activity === draft.activity) {
    draft.pendingActivity = null;
    return;
  }
  if (pending?.value === activity) {
    const isTelling = reason.startsWith("fault") || pending.reason === "unknown" || pending.reason === "unplugged";
    const settleMs = charger.state === "unknown" ? pending.settleMs : secondsToMs(settings.settleS);
    draft.pendingActivity = { ...pending, settleMs, reason: isTelling ? reason : pending.reason };
    return;
  }
  draft.pendingActivity = {
    value: activity,
    sinceMs: activity === "charging" ? beganMs(step, charger, isAway) : now(step),
    settleMs: charger.state === "unknown" ? BOOT_MS : secondsToMs(settings.settleS),
    reason,
  };
}

/** Why nothing flows, for the end of the segment. */
function reasonOf({ state, faults }: Charger): string {
  if (state !== "fault") return state;
  return `fault:${faults[0]?.code ?? "unknown"}`.slice(0, 100);
}

/** Makes count what has lasted long enough. */
export function settle(step: Step): void {
  const { draft } = step;
  const { pendingPlug, pendingActivity } = draft;
  // time in which nobody looked settles nothing
  if (draft.isResumed) return;
  if (pendingPlug !== null && hasSettled(step, pendingPlug)) {
    if (pendingPlug.value) settlePluggedIn(step, pendingPlug);
    else settleUnplugged(step, pendingPlug);
  }
  if (pendingActivity !== null && hasSettled(step, pendingActivity)) settleActivity(step, pendingActivity);
}

const hasSettled = (step: Step, { sinceMs, settleMs }: Pending<unknown>): boolean => now(step) - sinceMs >= settleMs;

function settlePluggedIn(step: Step, { sinceMs }: Pending<boolean>): void {
  const { draft } = step;
  if (draft.phase === "unknown") {
    // the first values come one after the other: do not begin without the counters
    if (draft.sessionCounter === null && now(step) - sinceMs < FIRST_SET_MS) return;
    beginUnseen(step, sinceMs);
  } else {
    if (draft.session !== null) closeSession(step, draft.session, { reason: "unplugged", until: draft.unpluggedMarks });
    beginSession(step, {
      pluggedMs: sinceMs,
      marks: beginOf(draft),
      troubled: draft.unpluggedTroubled,
      adoptedWh: 0,
      adoptedMs: 0,
      adoptedUntilMs: sinceMs,
      isPartial: false,
    });
  }
  draft.phase = "plugged";
  draft.pendingPlug = null;
  goOnFlowing(step, sinceMs);
}

/** Sums when the last reading saw no car; a counter that came with this one began to be summed with it. */
function beginOf(draft: Step["draft"]): Marks {
  const { session, total } = marksOf(draft);
  const { unpluggedMarks: marks } = draft;
  return {
    ...marks,
    session: marks.session ?? (session === null ? null : 0),
    total: marks.total ?? (total === null ? null : 0),
  };
}

/** The car was there before anybody looked: what its counter shows has been delivered. */
function beginUnseen(step: Step, sinceMs: number): void {
  const { draft, settings } = step;
  const shownWh = draft.sessionCounter?.lastWh ?? 0;
  const sinceWh = draft.sessionCounter?.sumWh ?? 0;
  const chargedMs = secondsToMs(draft.seen?.sessionS ?? 0);
  const mostWh = chargedMs > 0 ? ((settings.maxPowerW * chargedMs) / 3_600_000) * 1.2 + 50 : Number.POSITIVE_INFINITY;
  const isBelieved = shownWh <= Math.min(mostWh, MOST_ADOPTED_WH) && shownWh !== draft.totalCounter?.lastWh;
  const seenMs = draft.seen?.atMs ?? sinceMs;
  beginSession(step, {
    pluggedMs: Math.min(sinceMs, seenMs - chargedMs),
    marks: marksOf(draft),
    adoptedWh: isBelieved ? Math.max(0, shownWh) : sinceWh,
    adoptedMs: chargedMs,
    adoptedUntilMs: seenMs,
    isPartial: true,
  });
}

/** Current that flowed already when the session began. */
function goOnFlowing(step: Step, sinceMs: number): void {
  const { draft } = step;
  const { session, activity } = draft;
  if (session === null || activity === "idle" || openSegment(session) !== null) return;
  const last = session.segments.at(-1);
  beginSegment(step, session, last?.endMs ?? sinceMs, activity === "charging");
}

function settleUnplugged(step: Step, { sinceMs, reason }: Pending<boolean>): void {
  const { draft } = step;
  draft.phase = "unplugged";
  draft.pendingPlug = null;
  draft.unpluggedSeenMs ??= sinceMs;
  draft.activity = "idle";
  draft.pendingActivity = null;
  if (draft.session === null) return;
  if (reason === "away" && !draft.session.flags.includes("end-uncertain")) {
    draft.session.flags.push("end-uncertain");
  }
  unplugSession(step, draft.session, sinceMs);
}

function settleActivity(step: Step, { value, sinceMs, reason }: Pending<Activity>): void {
  const { draft } = step;
  const { session } = draft;
  draft.activity = value;
  draft.pendingActivity = null;
  if (session === null || session.unpluggedMs !== null) return;
  const segment = openSegment(session);
  if (value === "idle") endSegment(step, session, sinceMs, reason);
  else if (segment === null) beginSegment(step, session, Math.max(sinceMs, session.pluggedMs), value === "charging");
  else if (value === "charging") segment.chargingFromMs ??= sinceMs;
  else stopCharging(segment, sinceMs);
}
