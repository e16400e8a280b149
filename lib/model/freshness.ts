/**
 * How old a reading is. A consumer never acts on a reading that is not fresh (architecture: rules that keep a house
 * safe, 3). Age runs on the monotonic clock from the moment of arrival, so that neither a wrong device clock nor an NTP
 * step makes an old value look new.
 */
export interface Stamped {
  /** Monotonic arrival time, milliseconds. */
  readonly arrivedMs: number;
}

/** True while `reading` is at most `staleAfterS` old; nothing at all is never fresh. */
export function isFresh(reading: Stamped | null | undefined, monotonicMs: number, staleAfterS: number): boolean {
  if (reading === null || reading === undefined) return false;
  return ageS(reading, monotonicMs) <= staleAfterS;
}

/** Age in seconds, never negative. */
export function ageS(reading: Stamped, monotonicMs: number): number {
  return Math.max(0, monotonicMs - reading.arrivedMs) / 1000;
}

/**
 * Age of a record by its own `at`, seconds; null when `at` cannot be read. A device clock that runs ahead counts as age
 * 0.
 */
export function recordAgeS(at: string, nowMs: number): number | null {
  const atMs = Date.parse(at);
  return Number.isNaN(atMs) ? null : Math.max(0, nowMs - atMs) / 1000;
}
