import { roundTo } from "../../model/units.ts";
import type { SessionFlag } from "../../model/session.ts";
import { addEnergy, isKnownLate, takeLoose, takenWh } from "./energy.ts";
import { type Marks, type OpenSegment, type OpenSession, type Troubled, UNTROUBLED } from "./state.ts";
import { flagSession, marksOf, now, openSegment, type Step } from "./step.ts";
import { tell } from "./telling.ts";

/* How sessions and their segments begin and end. */

/** A charger that flaps for days must not grow the record without end: later segments join the last one. */
const MOST_SEGMENTS = 1000;

export interface Beginning {
  readonly pluggedMs: number;
  readonly marks: Marks;
  /** since the marks; missing = none was */
  readonly troubled?: Troubled;
  /** delivered before watching began, Wh */
  readonly adoptedWh: number;
  /** of charging before watching began, ms */
  readonly adoptedMs: number;
  /** until when, on the line */
  readonly adoptedUntilMs: number;
  readonly isPartial: boolean;
}

/** A session without anything in it. */
export function newSession(
  step: Step,
  { pluggedMs, marks, troubled = UNTROUBLED, adoptedWh, isPartial }: Beginning,
): OpenSession {
  const { draft, newId } = step;
  const total = draft.totalCounter;
  const sinceMarkWh = total === null || marks.total === null ? 0 : total.sumWh - marks.total;
  const adoptedByTotalWh = draft.totalGrows === "continuously" ? adoptedWh : 0;
  return {
    id: newId(),
    firmware: null,
    pluggedMs,
    unpluggedMs: null,
    segments: [],
    marks,
    adoptedWh,
    source: draft.isMetered ? "external-meter" : "integrated",
    energyWh: 0,
    dischargedWh: 0,
    toldWh: 0,
    toldDischargedWh: 0,
    untoldFromMs: null,
    untoldToMs: pluggedMs,
    toldAtMs: now(step),
    looseWh: 0,
    profile: [],
    meterStartWh: total === null ? null : roundTo(Math.max(0, total.lastWh - sinceMarkWh - adoptedByTotalWh), 3),
    meterEndWh: total?.lastWh ?? null,
    maxPowerW: null,
    maxCurrentA: null,
    maxTemperatureC: null,
    socStartPercent: null,
    socEndPercent: null,
    rfid: null,
    endReason: null,
    flags: isPartial ? ["partial-start"] : [],
    suspectedResetMs: null,
    troubled,
    isResumed: false,
  };
}

/** The car is there: its session begins and is told. */
export function beginSession(step: Step, beginning: Beginning): OpenSession {
  const { draft } = step;
  const session = newSession(step, beginning);
  draft.session = session;
  draft.closed = null;
  if (beginning.adoptedMs > 0 || beginning.adoptedWh > 0) adoptSegment(session, beginning);
  addEnergy(step, session);
  tell(step, session, "opened");
  return session;
}

/** Charging of which only the outcome is known. */
function adoptSegment(session: OpenSession, { pluggedMs, adoptedMs, adoptedUntilMs }: Beginning): void {
  session.untoldFromMs = pluggedMs;
  session.segments.push({
    startMs: pluggedMs,
    endMs: adoptedUntilMs,
    chargingMs: Math.min(adoptedMs, adoptedUntilMs - pluggedMs),
    chargingFromMs: null,
    energyWh: 0,
    dischargedWh: 0,
    endReason: "unknown",
  });
}

/** Energy begins to flow. */
export function beginSegment(step: Step, session: OpenSession, startMs: number, isCharging: boolean): OpenSegment {
  const { mergeGapS } = step.settings;
  step.changed.add(session);
  const last = session.segments.at(-1);
  const isFault = last?.endReason?.startsWith("fault") ?? false;
  const gapMs = last?.endMs === undefined || last.endMs === null ? 0 : startMs - last.endMs;
  // what was adopted a moment ago goes on
  const isSame =
    last !== undefined && (last.endReason === "unknown" ? gapMs <= 1000 : !isFault && gapMs < mergeGapS * 1000);
  if (last !== undefined && (isSame || session.segments.length >= MOST_SEGMENTS)) {
    last.endMs = null;
    last.endReason = null;
    last.chargingFromMs = isCharging ? startMs : null;
    return last;
  }
  const segment: OpenSegment = {
    startMs: Math.max(startMs, last?.endMs ?? startMs),
    endMs: null,
    chargingMs: 0,
    chargingFromMs: isCharging ? startMs : null,
    energyWh: 0,
    dischargedWh: 0,
    endReason: null,
  };
  session.segments.push(segment);
  takeLoose(session);
  return segment;
}

/** Stops the time of charging; the segment itself may go on (discharging). */
export function stopCharging(segment: OpenSegment, atMs: number): void {
  if (segment.chargingFromMs === null) return;
  segment.chargingMs += Math.max(0, atMs - segment.chargingFromMs);
  segment.chargingFromMs = null;
}

/** Nothing flows any more. */
export function endSegment(step: Step, session: OpenSession, atMs: number, reason: string): void {
  const segment = openSegment(session);
  if (segment === null) return;
  const endMs = Math.max(segment.startMs, atMs);
  stopCharging(segment, endMs);
  segment.endMs = endMs;
  segment.endReason = reason;
  step.changed.add(session);
}

/** The car has left; its energy may still be growing. */
export function unplugSession(step: Step, session: OpenSession, atMs: number): void {
  endSegment(step, session, atMs, "unplugged");
  session.unpluggedMs = Math.max(session.pluggedMs, atMs);
  session.suspectedResetMs = null;
  step.changed.add(session);
}

export interface Ending {
  readonly reason: string;
  readonly flags?: readonly SessionFlag[];
  /** sums at the end, where they have run on since */
  readonly until?: Marks;
}

/** The session is over and told for good. */
export function closeSession(step: Step, session: OpenSession, { reason, flags = [], until }: Ending): void {
  const { draft } = step;
  addEnergy(step, session, until);
  bringToCounter(step, session, until);
  if (session.isResumed) flagSession(step, session, "recovered");
  for (const flag of flags) flagSession(step, session, flag);
  session.endReason = reason;
  if (session.looseWh > 0) makeLooseSegment(session);
  const isEmpty = session.energyWh === 0 && session.dischargedWh === 0;
  tell(step, session, isEmpty ? "empty" : "closed");
  draft.session = null;
  draft.closed = { session, closedMs: now(step) };
}

/** A counter that only grows after the car has left knows better than the estimate made meanwhile, in both directions. */
function bringToCounter(step: Step, session: OpenSession, until: Marks | undefined): void {
  const { draft } = step;
  if (!isKnownLate(draft)) return;
  const target = roundTo(takenWh(draft, session, until), 3);
  if (session.source !== "total-counter" || target <= 0) return;
  session.flags = session.flags.filter((flag) => flag !== "estimated");
  if (session.energyWh === target) return;
  const factor = session.energyWh === 0 ? 0 : target / session.energyWh;
  const scale = <Part extends { energyWh: number }>(part: Part): Part => ({
    ...part,
    energyWh: roundTo(part.energyWh * factor, 3),
  });
  session.segments = session.segments.map(scale);
  session.profile = session.profile.map((slice) => ({ ...slice, wh: roundTo(slice.wh * factor, 3) }));
  // the crumbs of rounding go to the end
  addCrumbs(session, target);
  session.energyWh = target;
}

function addCrumbs(session: OpenSession, target: number): void {
  const segment = session.segments.at(-1);
  const inSegments = session.segments.reduce((sum, { energyWh }) => sum + energyWh, 0);
  if (segment === undefined) session.looseWh = target;
  else segment.energyWh = roundTo(Math.max(0, segment.energyWh + target - inSegments), 3);
  const slice = session.profile.at(-1);
  const inProfile = session.profile.reduce((sum, { wh }) => sum + wh, session.toldWh);
  if (slice !== undefined)
    session.profile[session.profile.length - 1] = {
      ...slice,
      wh: roundTo(Math.max(0, slice.wh + target - inProfile), 3),
    };
}

/** Energy without a segment that could be seen: one is made of what is known. */
function makeLooseSegment(session: OpenSession): void {
  const endMs = session.unpluggedMs ?? session.pluggedMs;
  session.segments.push({
    startMs: session.pluggedMs,
    endMs,
    chargingMs: 0,
    chargingFromMs: null,
    energyWh: session.looseWh,
    dischargedWh: 0,
    endReason: "unknown",
  });
  session.looseWh = 0;
}

/**
 * A whole session of which only the energy is known, between two looks at the counter.
 *
 * @param sinceWh what the counter has gained since
 */
export function tellMissedSession(step: Step, fromMs: number, untilMs: number, wh: number, sinceWh: number): void {
  const { draft } = step;
  const marks = marksOf(draft);
  const session = newSession(step, {
    pluggedMs: fromMs,
    marks,
    adoptedWh: wh,
    adoptedMs: 0,
    adoptedUntilMs: fromMs,
    isPartial: true,
  });
  session.unpluggedMs = untilMs;
  if (!draft.isMetered) session.source = draft.totalCounter === null ? "session-counter" : "total-counter";
  const { session: current, closed } = draft;
  const endWh = draft.totalCounter?.lastWh;
  session.meterEndWh = endWh === undefined ? null : roundTo(endWh - sinceWh, 3);
  session.meterStartWh = endWh === undefined ? null : roundTo(endWh - sinceWh - wh, 3);
  tell(step, session, "opened");
  session.energyWh = roundTo(wh, 3);
  session.looseWh = session.energyWh;
  session.untoldFromMs = fromMs;
  session.untoldToMs = untilMs;
  session.endReason = "unknown";
  makeLooseSegment(session);
  flagSession(step, session, "end-uncertain");
  tell(step, session, "closed");
  draft.session = current;
  draft.closed = closed;
}
