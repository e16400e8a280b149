import { annotationsSchema } from "./requests.ts";
import type { Entries, NewsType } from "./device-log.ts";
import { beginEntry, type LogEntry } from "./entry.ts";
import type { PriceBook } from "./price-book.ts";
import type { Profile } from "./profile.ts";
import type { Terms } from "./settings.ts";

/*
 * What survives a kill, as text in the store. The state of a device is written often, so what is long and seldom changes has a
 * place of its own: the finished part of the energy profiles, and what closed sessions are counted by.
 */

const VERSION = 1;
/** Buckets of the profile that are written with the rest. */
const TAIL = 3;

/** A message that was stored but perhaps not sent. */
export interface Announcement {
  readonly type: NewsType;
  readonly sessionId: string;
}

export interface KeptDevice {
  readonly device: string;
  /** opaque: the detector's own state */
  readonly detector: unknown;
  /** opaque: of a plug behind a meter */
  readonly plug: unknown;
  readonly entries: Entries;
  readonly announcing: readonly Announcement[];
}

const prefix = (logId: string): string => `session-log:${logId}:`;
export const keptPrefix = prefix;
export const stateName = (logId: string, device: string): string => `${prefix(logId)}state:${device}`;
export const pastName = (logId: string, device: string): string => `${prefix(logId)}past:${device}`;
export const pricesName = (logId: string): string => `${prefix(logId)}prices`;

/** The often written part. */
export function writeState({ device, detector, plug, entries, announcing }: KeptDevice): string {
  const short = entries.map((entry) => ({ ...entry, profile: entry.profile.slice(-TAIL), terms: undefined }));
  return JSON.stringify({ version: VERSION, device, detector, plug, entries: short, announcing });
}

/** The part that seldom changes, by session. */
export const writePast = (entries: Entries): string =>
  JSON.stringify({
    version: VERSION,
    profiles: Object.fromEntries(entries.map(({ detected, profile }) => [detected.sessionId, profile.slice(0, -TAIL)])),
    terms: Object.fromEntries(entries.map(({ detected, terms }) => [detected.sessionId, terms])),
  });

/** Tells whether that part must be written again; cheap, because nothing in it is changed, only replaced. */
export function isPastChanged(before: Entries, now: Entries): boolean {
  if (now.some(({ terms }, index) => terms !== before[index]?.terms)) return true;
  const past = (entries: Entries): Profile[] => entries.map(({ profile }) => profile.slice(0, -TAIL));
  const [old, present] = [past(before), past(now)];
  return (
    old.length !== present.length ||
    present.some((profile, index) => {
      const other = old[index] ?? [];
      return other.length !== profile.length || profile.some((bucket, at) => bucket !== other[at]);
    })
  );
}

/** @returns null for a text that this version cannot take up */
export function readDevice(state: string, past: string | null): KeptDevice | null {
  const kept = parseObject(state);
  if (kept === null || kept.version !== VERSION || typeof kept.device !== "string" || !Array.isArray(kept.entries)) {
    return null;
  }
  const { profiles = {}, terms = {} } = parseObject(past ?? "{}") ?? {};
  const entries = (kept.entries as LogEntry[]).map((entry) => {
    const earlier = (profiles as Readonly<Record<string, Profile>>)[entry.detected.sessionId] ?? [];
    const annotations = annotationsSchema.safeParse(entry.annotations).data ?? {};
    return {
      // what an earlier version did not know yet
      ...beginEntry(entry.detected),
      ...entry,
      annotations,
      profile: [...earlier, ...entry.profile],
      terms: (terms as Readonly<Record<string, Terms | null>>)[entry.detected.sessionId] ?? null,
    };
  });
  const announcing = Array.isArray(kept.announcing) ? (kept.announcing as Announcement[]) : [];
  return { device: kept.device, detector: kept.detector, plug: kept.plug, entries, announcing };
}

export const writePrices = (book: PriceBook, currency: string | null): string =>
  JSON.stringify({ version: VERSION, currency, slots: book });

/** @returns nothing of prices in another currency: a deploy may have changed it meanwhile */
export function readPrices(text: string, currency: string | null): PriceBook {
  const kept = parseObject(text);
  const isOurs = kept !== null && kept.version === VERSION && kept.currency === currency;
  return isOurs && Array.isArray(kept.slots) ? (kept.slots as PriceBook) : [];
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
