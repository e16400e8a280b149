import type { H2vMinute } from "../../model/h2v.ts";

/** Which minutes have been sent already. */
export interface SeenMinutes {
  /** What was sent lately, as `minuteKey` names it, oldest first. */
  readonly keys: readonly string[];
  /** The newest minute of the gateway, milliseconds since 1970 UTC; null = none yet. */
  readonly newestMs: number | null;
}

export const nothingSeen: SeenMinutes = { keys: [], newestMs: null };

const MINUTE_MS = 60_000;
/** A gateway that sets its clock back an hour must not make an hour count twice. */
const REMEMBERED = 240;
/** A pause beyond this is a new beginning: how many minutes it had says nothing. */
const LONGEST_GAP_MINUTES = 60 * 24 * 31;

/** Placeholder pages and pages without a time go by the host's minute. */
const minuteKey = (minute: H2vMinute): string =>
  `${minute.noData ? "no-data" : minute.minute === null ? "no-time" : "minute"} ${minute.at}`;

/** The record as it is to be sent, with the gap before it; null when that minute has been sent already. */
export function admitMinute(
  seen: SeenMinutes,
  minute: H2vMinute,
): { readonly seen: SeenMinutes; readonly admitted: H2vMinute | null } {
  const key = minuteKey(minute);
  if (seen.keys.includes(key)) return { seen, admitted: null };
  const keys = [...seen.keys, key].slice(-REMEMBERED);
  if (minute.noData || minute.minute === null) return { seen: { ...seen, keys }, admitted: minute };
  const atMs = Date.parse(minute.at);
  const missed = seen.newestMs === null ? 0 : Math.round((atMs - seen.newestMs) / MINUTE_MS) - 1;
  const gapMinutes = missed > 0 && missed <= LONGEST_GAP_MINUTES ? missed : 0;
  return {
    // also backwards: after a wrong clock far ahead, everything would look like the past
    seen: { keys, newestMs: atMs },
    admitted: gapMinutes > 0 ? { ...minute, gapMinutes, flags: [...minute.flags, "gap"] } : minute,
  };
}

/** What a context store gave back; anything else than our own state counts as nothing. */
export function restoreSeen(kept: unknown): SeenMinutes {
  if (typeof kept !== "object" || kept === null || !("keys" in kept) || !Array.isArray(kept.keys)) return nothingSeen;
  const newestMs = "newestMs" in kept && typeof kept.newestMs === "number" ? kept.newestMs : null;
  return { keys: kept.keys.filter((key) => typeof key === "string").slice(-REMEMBERED), newestMs };
}
