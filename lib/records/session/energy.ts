import type { EnergySource } from "../../model/session.ts";
import { energyWh as energyOf, roundTo } from "../../model/units.ts";
import type { DetectorState, Marks, OpenSession, ProfileSlice } from "./state.ts";
import { flagSession, marksOf, now, openSegment, type Step } from "./step.ts";

/*
 * The energy of a session: which counter is believed, and what has to be added since the last look. Every counter runs on
 * its own sum; the session takes what its leading sum has gained since the marks. Sums only grow, and so does the session.
 */

/** A leading counter that is silent for so long lets the other one lead, ms. */
const SILENT_MS = 120_000;
/** Slice of the profile of an estimated session, ms; of more slices than this, neighbours become one. */
const SLICE_MS = 300_000;
const MOST_SLICES = 2000;

/** True where the energy is only known after the car has left: its counter stands still until then. */
export const isKnownLate = ({ totalGrows, sessionCounter }: DetectorState): boolean =>
  totalGrows === "at-unplug" && sessionCounter === null;

type Lead = "session" | "total" | "integrated";

function leadOf(state: DetectorState, { marks, unpluggedMs }: OpenSession): Lead {
  const lineMs = state.time?.lineMs ?? 0;
  const isKnown = { session: marks.session !== null, total: marks.total !== null };
  if (isKnownLate(state)) return isKnown.total && gained(state, marks, "total") > 0 ? "total" : "integrated";
  const isTotalFirst = isKnown.total && (state.totalGrows === "continuously" || !isKnown.session);
  const first: Lead = isTotalFirst ? "total" : isKnown.session ? "session" : "integrated";
  if (unpluggedMs !== null || !isKnown.session || !isKnown.total || state.totalGrows === "at-unplug") return first;
  const isSilent = (counter: { seenMs: number } | null): boolean =>
    counter === null || lineMs - counter.seenMs > SILENT_MS;
  const other: Lead = first === "total" ? "session" : "total";
  const counterOf = (lead: Lead) => (lead === "total" ? state.totalCounter : state.sessionCounter);
  return isSilent(counterOf(first)) && !isSilent(counterOf(other)) ? other : first;
}

/** What a sum has gained since the marks, Wh. */
function gained(state: DetectorState, marks: Marks, lead: Lead, until: Marks = marksOf(state)): number {
  return Math.max(0, (until[lead] ?? 0) - (marks[lead] ?? 0));
}

/**
 * What the session has taken by all that is known, Wh.
 *
 * @param until sums at its end; left out = as they are
 */
export function takenWh(state: DetectorState, session: OpenSession, until: Marks = marksOf(state)): number {
  const { marks, troubled } = session;
  const lead = leadOf(state, session);
  const leadWh = gained(state, marks, lead, until);
  if (lead === "integrated") return session.adoptedWh + leadWh;
  const other = lead === "total" ? "session" : "total";
  if (marks[other] === null || state.totalGrows === "at-unplug") return session.adoptedWh + leadWh;
  const otherWh = gained(state, marks, other, until);
  // the other counter tells what a counter in trouble has missed, and the tail that an early reset took away
  const isBetter = troubled[lead] && !troubled[other];
  const isTail = session.unpluggedMs !== null && otherWh - leadWh <= Math.max(50, leadWh * 0.05);
  const isUsed = isBetter || (isTail && lead === "session");
  return session.adoptedWh + (isUsed ? Math.max(leadWh, otherWh) : leadWh);
}

/** Where the energy comes from, for the record. */
export function sourceOf(state: DetectorState, session: OpenSession): EnergySource {
  if (session.source === "external-meter") return "external-meter";
  const lead = leadOf(state, session);
  return lead === "integrated" ? "integrated" : lead === "total" ? "total-counter" : "session-counter";
}

/** Adds what has flowed since the last look; `until` as in `takenWh`. */
export function addEnergy(step: Step, session: OpenSession, until?: Marks): void {
  const { draft } = step;
  adoptLateCounters(draft, session);
  session.source = sourceOf(draft, session);
  const gainWh = roundTo(takenWh(draft, session, until) - session.energyWh, 3);
  if (gainWh <= 0) return;
  if (leadOf(draft, session) === "integrated") flagSession(step, session, "estimated");
  bookEnergy(step, session, gainWh, 0);
}

/** A counter that shows up during the session starts where the session stands. */
function adoptLateCounters(draft: DetectorState, session: OpenSession): void {
  const { marks } = session;
  const sums = marksOf(draft);
  const soFarWh = session.energyWh - session.adoptedWh;
  const late = (key: "session" | "total"): number | null => {
    const sum = sums[key];
    return marks[key] === null && sum !== null ? sum - soFarWh : marks[key];
  };
  if ((marks.session === null && sums.session !== null) || (marks.total === null && sums.total !== null))
    session.marks = { ...marks, session: late("session"), total: late("total") };
}

/** Writes energy into the session, its segment and what is still to be told. */
export function bookEnergy(step: Step, session: OpenSession, inWh: number, outWh: number): void {
  const { draft } = step;
  const beganMs = Math.max(session.pluggedMs, openSegment(session)?.startMs ?? 0);
  const fromMs = Math.min(Math.max(draft.flowFromMs, beganMs), now(step));
  if (inWh > 0 && isKnownLate(draft) && session.unpluggedMs === null)
    session.profile = addToProfile(session.profile, { fromMs, toMs: now(step), wh: inWh });
  session.energyWh = roundTo(session.energyWh + inWh, 3);
  session.dischargedWh = roundTo(session.dischargedWh + outWh, 3);
  session.untoldFromMs ??= fromMs;
  session.untoldToMs = now(step);
  const segment = session.segments.at(-1);
  if (segment === undefined) {
    session.looseWh = roundTo(session.looseWh + inWh, 3);
    return;
  }
  segment.energyWh = roundTo(segment.energyWh + inWh, 3);
  segment.dischargedWh = roundTo(segment.dischargedWh + outWh, 3);
}

function addToProfile(profile: readonly ProfileSlice[], slice: ProfileSlice): ProfileSlice[] {
  const last = profile.at(-1);
  if (last === undefined || slice.toMs - last.fromMs > SLICE_MS || slice.fromMs > last.toMs + 1000)
    return profile.length < MOST_SLICES ? [...profile, slice] : [...joinNeighbours(profile), slice];
  return profile.with(profile.length - 1, {
    fromMs: last.fromMs,
    toMs: slice.toMs,
    wh: roundTo(last.wh + slice.wh, 3),
  });
}

function joinNeighbours(profile: readonly ProfileSlice[]): ProfileSlice[] {
  const joined = [];
  for (let index = 0; index < profile.length; index += 2) {
    const [first, second] = profile.slice(index, index + 2);
    if (first === undefined) continue;
    const { toMs, wh } = second ?? { toMs: first.toMs, wh: 0 };
    joined.push({ fromMs: first.fromMs, toMs, wh: roundTo(first.wh + wh, 3) });
  }
  return joined;
}

/** Power times time, for chargers without a counter and for the way out of the car. */
export function integrate(
  draft: { integratedWh: number; integratedDischargeWh: number },
  beforeW: number | null,
  afterW: number | null,
  spanMs: number,
): number {
  const meanW = ((beforeW ?? afterW ?? 0) + (afterW ?? beforeW ?? 0)) / 2;
  const wh = energyOf(meanW, spanMs);
  if (wh > 0) draft.integratedWh = roundTo(draft.integratedWh + wh, 6);
  return wh < 0 ? -wh : 0;
}

/** The open segment of a session takes what flowed before it was known. */
export function takeLoose(session: OpenSession): void {
  const segment = openSegment(session);
  if (segment === null || session.looseWh === 0) return;
  segment.energyWh = roundTo(segment.energyWh + session.looseWh, 3);
  session.looseWh = 0;
}
