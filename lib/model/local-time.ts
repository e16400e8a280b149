import { DateTime, IANAZone } from "luxon";

/*
 * Instants as people in one place see them. Every zone is explicit, never the host's; days of 23 and 25 hours come out
 * right.
 */

/** ISO 8601 with the zone's offset at that instant, for example `2026-10-25T02:30:00.000+01:00`. */
export function isoInZone(epochMs: number, zone: string): string {
  // luxon writes "Z" for UTC, which is an offset too
  return DateTime.fromMillis(epochMs, { zone }).toISO() ?? new Date(epochMs).toISOString();
}

/** `YYYY-MM-DD` in the zone. */
export const localDay = (epochMs: number, zone: string): string =>
  DateTime.fromMillis(epochMs, { zone }).toFormat("yyyy-MM-dd");

/** `YYYY-MM` in the zone. */
export const localMonth = (epochMs: number, zone: string): string => localDay(epochMs, zone).slice(0, 7);

/** First instant of a local day, `YYYY-MM-DD`, milliseconds since 1970; NaN when it is no day. */
export const startOfDayMs = (day: string, zone: string): number =>
  DateTime.fromISO(day, { zone }).startOf("day").toMillis();

/** Whether the zone is in the IANA list of this machine. */
export const isZone = (zone: string): boolean => IANAZone.isValidZone(zone);
