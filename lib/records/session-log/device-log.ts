import type { Vehicle } from "../../model/records.ts";
import type { Finding } from "../session/detected.ts";
import { beginEntry, followClock, type LogEntry, seeVehicle } from "./entry.ts";
import { defaultsFor } from "./people.ts";
import { addEnergy, type EnergyInterval, type Origin } from "./profile.ts";
import type { LogSettings } from "./settings.ts";

/*
 * The sessions of one charger that are still worth knowing: the open ones (a car that left may wait for its last energy
 * while the next one is plugged in), the one that was closed last, which late energy and people may change, and those whose
 * prices may still come.
 */

export type Entries = readonly LogEntry[];

export type NewsType = "opened" | "updated" | "closed" | "empty" | "corrected";

/** Something about a session that is to be stored and told. */
export interface News {
  readonly type: NewsType;
  readonly sessionId: string;
  /** More than growing energy: not to wait for the next interval. */
  readonly isUrgent: boolean;
}

export interface Absorbed {
  readonly entries: Entries;
  readonly news: readonly News[];
}

const isSession = (finding: Finding): finding is Exclude<Finding, { type: "energy" }> => finding.type !== "energy";

/** Takes what the detector found. @param originOf where energy that has just flowed came from */
export function absorb(
  entries: Entries,
  findings: readonly Finding[],
  originOf: (interval: EnergyInterval) => Origin | null,
): Absorbed {
  const news: News[] = [];
  let known = entries;
  // first the sessions: they say whether the clock was set, and what energy belongs to
  for (const finding of findings.filter(isSession)) {
    const { sessionId } = finding.session;
    const before = known.find(({ detected }) => detected.sessionId === sessionId) ?? null;
    const isUrgent = finding.type !== "updated" || before === null || hasChanged(before, finding.session);
    const after = followClock(before ?? beginEntry(finding.session), finding.session);
    const isClosed = after.isClosed || finding.type === "closed" || finding.type === "empty";
    known = before === null ? [...known, { ...after, isClosed }] : replace(known, { ...after, isClosed });
    news.push({ type: finding.type, sessionId, isUrgent });
  }
  for (const finding of findings) {
    if (finding.type !== "energy") continue;
    const entry = known.find(({ detected }) => detected.sessionId === finding.sessionId);
    if (entry === undefined) continue;
    known = replace(known, { ...entry, profile: addEnergy(entry.profile, finding, originOf(finding)) });
  }
  return { entries: known, news };
}

const replace = (entries: Entries, changed: LogEntry): Entries =>
  entries.map((entry) => (entry.detected.sessionId === changed.detected.sessionId ? changed : entry));

/** Whether a person would call it news. */
function hasChanged({ detected: before }: LogEntry, now: LogEntry["detected"]): boolean {
  const ended = (segments: LogEntry["detected"]["segments"]): number =>
    segments.filter(({ endMs }) => endMs !== null).length;
  return (
    now.segments.length !== before.segments.length ||
    ended(now.segments) !== ended(before.segments) ||
    now.flags.length !== before.flags.length ||
    now.rfid !== before.rfid ||
    now.endReason !== before.endReason
  );
}

/** So many closed sessions wait for their prices at most; those that ended last count. */
const MOST_AWAITING = 10;

/** Forgets what nothing can change any more: closed sessions, but for the last and those whose prices may still come. */
export function forgetOld(entries: Entries): Entries {
  const closed = entries.filter(({ isClosed }) => isClosed);
  const awaiting = closed.filter(({ awaitsPrices }) => awaitsPrices).slice(-MOST_AWAITING);
  return entries.filter((entry) => !entry.isClosed || entry === closed.at(-1) || awaiting.includes(entry));
}

export const openEntries = (entries: Entries): Entries => entries.filter(({ isClosed }) => !isClosed);

/** The session that is meant when nobody says which: the running one, else the last. */
export const presentEntry = (entries: Entries): LogEntry | null =>
  openEntries(entries).at(-1) ?? entries.findLast(({ isClosed }) => isClosed) ?? null;

export const findEntry = (entries: Entries, sessionId: string): LogEntry | null =>
  entries.find(({ detected }) => detected.sessionId === sessionId) ?? null;

export const changeEntry = (entries: Entries, sessionId: string, change: (entry: LogEntry) => LogEntry): Entries =>
  entries.map((entry) => (entry.detected.sessionId === sessionId ? change(entry) : entry));

/** Where a vehicle may be: with the charger that it is set for, or at the only one that has a car. */
export function placeVehicle(
  logs: readonly { readonly device: string; readonly entries: Entries }[],
  vehicle: Vehicle,
  settings: LogSettings,
): string | null {
  const open = logs.filter(({ entries }) => openEntries(entries).length > 0);
  const isExpected = ({ device, entries }: (typeof logs)[number]): boolean => {
    const seen = presentEntry(entries)?.vehicleSeen?.vehicle ?? null;
    const expected = seen ?? defaultsFor(settings, device)?.vehicle ?? null;
    return expected === vehicle.device;
  };
  const matching = open.filter(isExpected);
  if (matching.length === 1) return matching[0]?.device ?? null;
  if (matching.length > 1 || vehicle.plugged === false || open.length !== 1) return null;
  const [only] = open;
  if (only === undefined) return null;
  const expected =
    defaultsFor(settings, only.device)?.vehicle ?? presentEntry(only.entries)?.vehicleSeen?.vehicle ?? null;
  return expected === null ? only.device : null;
}

/** @returns the same entries when it says nothing new */
export function showVehicle(entries: Entries, vehicle: Vehicle, nowMs: number): Entries {
  const present = openEntries(entries).at(-1);
  if (present === undefined) return entries;
  const changed = seeVehicle(present, vehicle, nowMs);
  if (JSON.stringify(changed.vehicleSeen) === JSON.stringify(present.vehicleSeen)) return entries;
  return replace(entries, changed);
}
