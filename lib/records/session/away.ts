import type { Charger } from "../../model/records.ts";
import { secondsToMs } from "../../model/units.ts";
import { markUnplugged, marksOf, now, openSegment, type Step } from "./step.ts";
import { beginSession, closeSession, endSegment, tellMissedSession } from "./sessions.ts";
import type { Marks } from "./state.ts";

/*
 * Times in which nobody looked: broker or device away, the program restarted, a charger that could not tell whether the
 * car was there. What happened meanwhile is worked out from the counters.
 */

/** Without readings for so long, something may have been missed, ms. */
export const GAP_MS = 180_000;
/** Energy that is worth a session of its own, Wh. */
const MISSED_WH = 50;
/** Rounding between two counters, Wh. */
const TOLERANCE_WH = 1;

/** True when something may have happened unseen before the reading that has just come. */
export function wasAway({ draft }: Step): boolean {
  if (draft.isResumed || !draft.isOnline) return draft.seen !== null;
  return draft.seen !== null && draft.time.lineMs - draft.seen.atMs > GAP_MS;
}

/** The device is gone; its session stays open. */
export function noteOffline(step: Step): void {
  const { draft } = step;
  if (!draft.isOnline) return;
  draft.isOnline = false;
  draft.awayFromMs = now(step);
}

/** What the counters showed before a reading was taken. */
export interface CountersBefore {
  readonly marks: Marks;
  readonly sessionWh: number | null;
  readonly totalWh: number | null;
}

export const countersBefore = ({ draft }: Step): CountersBefore => ({
  marks: marksOf(draft),
  sessionWh: draft.sessionCounter?.lastWh ?? null,
  totalWh: draft.totalCounter?.lastWh ?? null,
});

/**
 * Whether the car was unplugged and another (or the same) plugged in while nobody looked (edge cases 1, 15, 33). Only to be
 * asked when somebody could not look.
 */
export function hasReplugged(step: Step, charger: Charger, before: CountersBefore, hasRebooted: boolean): boolean {
  const { draft } = step;
  const grownWh = grown(charger.totalWh, before.totalWh);
  if (draft.totalGrows === "at-unplug" && draft.sessionCounter === null)
    return grownWh !== null && grownWh >= TOLERANCE_WH;
  const shownWh = charger.sessionWh;
  if (shownWh === null || before.sessionWh === null || charger.flags.includes("session-partial")) return false;
  const hasFallen = shownWh < before.sessionWh - TOLERANCE_WH;
  if (grownWh === null || draft.totalGrows === "at-unplug")
    return hasFallen && !hasRebooted && shownWh < before.sessionWh / 2;
  if (grownWh < shownWh * 0.99 - TOLERANCE_WH) return false;
  const excessWh = grownWh - (shownWh - before.sessionWh);
  return hasFallen || (excessWh > 100 && excessWh > before.sessionWh * 0.9);
}

const grown = (afterWh: number | null, beforeWh: number | null): number | null =>
  afterWh === null || beforeWh === null ? null : afterWh - beforeWh;

/** Parts the energy between the session that was and the one that is. The counters have been read. */
export function splitAtReplug(step: Step, charger: Charger, before: CountersBefore, isPlugged: boolean): void {
  const { draft } = step;
  const { session, seen } = draft;
  if (session === null || seen === null) return;
  const sums = marksOf(draft);
  const shownWh = charger.sessionWh ?? 0;
  const isLate = draft.totalGrows === "at-unplug";
  const split: Marks = {
    session: before.marks.session,
    total: sums.total === null || isLate ? sums.total : Math.max(before.marks.total ?? 0, sums.total - shownWh),
    integrated: before.marks.integrated,
  };
  endSegment(step, session, seen.atMs, "unknown");
  session.unpluggedMs = Math.max(session.pluggedMs, seen.atMs);
  session.suspectedResetMs = null;
  closeSession(step, session, { reason: "unknown", flags: ["end-uncertain"], until: split });
  draft.unpluggedMarks = split;
  draft.unpluggedSeenMs = seen.atMs;
  draft.phase = "unplugged";
  draft.pendingPlug = null;
  if (!isPlugged) return;
  draft.phase = "plugged";
  const chargedMs = Math.min(secondsToMs(charger.sessionS ?? 0), now(step) - seen.atMs);
  beginSession(step, {
    pluggedMs: now(step) - chargedMs,
    marks: split,
    adoptedWh: 0,
    adoptedMs: chargedMs,
    adoptedUntilMs: now(step),
    isPartial: true,
  });
  draft.activity = "idle";
  draft.pendingActivity = null;
}

/**
 * Sessions that came and went unseen, by what the total has gained more than the session before and the present one.
 *
 * @param ownWh what of the total's gain the present one has taken
 * @param until sums, the session's without what belongs to the present one
 */
export function findMissedSession(step: Step, ownWh: number, until: Marks): void {
  const { draft } = step;
  const fromMs = draft.unpluggedSeenMs;
  if (fromMs === null) return;
  const missedWh = missedBy(step, ownWh);
  if (missedWh <= MISSED_WH) return;
  // it was over when the car that is there now began
  const untilMs = draft.pendingPlug?.value === true ? draft.pendingPlug.sinceMs : now(step);
  tellMissedSession(step, fromMs, untilMs, missedWh, ownWh);
  draft.unpluggedSeenMs = untilMs;
  draft.unpluggedMarks = { ...until, total: until.total === null ? null : until.total - ownWh };
  draft.closed = null;
}

function missedBy({ draft }: Step, ownWh: number): number {
  const { unpluggedMarks, totalCounter, sessionCounter, closed } = draft;
  if (totalCounter === null) {
    // what such a counter shows without a car is what the last car took
    const isKept = draft.sessionResets === "at-plug" || draft.sessionResets === "never";
    if (!isKept || sessionCounter === null || draft.pendingPlug !== null) return 0;
    return sessionCounter.sumWh - (unpluggedMarks.session ?? sessionCounter.sumWh);
  }
  if (draft.totalGrows !== "at-unplug" || closed === null)
    return totalCounter.sumWh - (unpluggedMarks.total ?? totalCounter.sumWh) - ownWh;
  // the last session's own energy may be in the jump, or have been before
  const { marks, energyWh } = closed.session;
  return totalCounter.sumWh - (marks.total ?? totalCounter.sumWh) - energyWh;
}

/**
 * How much of a gap was charging, ms: by the charger's own count, else by what flowed at the power before, else all of it.
 */
export function chargedInGapMs(step: Step, charger: Charger, gainWh: number): number {
  const { seen } = step.draft;
  if (seen === null) return 0;
  const gapMs = now(step) - seen.atMs;
  const countedS = grown(charger.sessionS ?? null, seen.sessionS);
  if (countedS !== null && countedS >= 0) return Math.min(gapMs, secondsToMs(countedS));
  if (seen.powerW !== null && seen.powerW > 0) return Math.min(gapMs, (gainWh / seen.powerW) * 3_600_000);
  return gainWh > 0 ? gapMs : 0;
}

/** Corrects a segment that went on into a gap: it lasted as long as current flowed. */
export function settleGap(step: Step, charger: Charger, gainWh: number, isStillFlowing: boolean): void {
  const { session, seen, pendingPlug } = step.draft;
  const segment = session === null ? null : openSegment(session);
  if (session === null || segment === null || seen === null) return;
  // the car had left before the gap
  if (pendingPlug?.value === false && pendingPlug.sinceMs <= seen.atMs) return;
  const chargedMs = chargedInGapMs(step, charger, gainWh);
  if (segment.chargingFromMs !== null) {
    segment.chargingMs += Math.max(0, seen.atMs - segment.chargingFromMs) + chargedMs;
    segment.chargingFromMs = now(step);
  }
  if (isStillFlowing) return;
  segment.chargingFromMs = null;
  session.untoldToMs = Math.min(session.untoldToMs, seen.atMs + chargedMs);
  endSegment(step, session, seen.atMs + chargedMs, "offline");
  step.draft.activity = "idle";
  step.draft.pendingActivity = null;
}

/** A device that stays away too long takes its session with it, as it was last seen. */
export function closeAway(step: Step): void {
  const { draft, settings } = step;
  const { session, seen } = draft;
  if (session === null || seen === null) return;
  const fromMs = Math.max(draft.awayFromMs ?? seen.atMs, seen.atMs);
  if (now(step) - fromMs < secondsToMs(settings.offlineCloseS)) return;
  if (session.unpluggedMs === null) {
    endSegment(step, session, seen.atMs, "offline");
    session.unpluggedMs = Math.max(session.pluggedMs, seen.atMs);
  }
  closeSession(step, session, { reason: "unknown", flags: ["end-uncertain"] });
  // if it comes back, what it has counted since belongs to what comes then
  draft.phase = "unplugged";
  markUnplugged(step);
  draft.unpluggedSeenMs = seen.atMs;
  draft.activity = "idle";
  draft.pendingActivity = null;
  draft.pendingPlug = null;
}
