/*
 * The state of charge that a Quasar shows is 0 while no power flows, and now and then 1 % for a moment while the battery is
 * full. This keeps what can be believed (fact sheet v2g 2.4 quirk 3, 8.5). Pure.
 */

/** At or below this the battery counts as empty, percent. */
export const EMPTY_SOC_PERCENT = 5;
/** At or above this the charger charges no more, percent. */
export const FULL_SOC_PERCENT = 97;

/** A low reading counts once it has stood this long and this often: glitches of two polls have been seen. */
const LOW_CONFIRMED_AFTER_MS = 10_000;
const LOW_CONFIRMED_READINGS = 4;

export interface SocMemory {
  readonly percent: number | null;
  /** monotonic time of the reading that gave `percent` */
  readonly atMs: number;
  /** false while `percent` is only remembered */
  readonly isLive: boolean;
  /** The battery was confirmed empty, and nothing has shown otherwise since; outlives the remembered percentage. */
  readonly isEmpty: boolean;
  readonly lowSince: { readonly atMs: number; readonly readings: number } | null;
}

export const NO_SOC: SocMemory = { percent: null, atMs: -Infinity, isLive: false, isEmpty: false, lowSince: null };

/**
 * Takes one reading of register 0x21A.
 *
 * @param socPercent null when the register could not be read or made no sense
 * @param rememberMs how long the last good percentage is believed without a new one
 */
export function observeSoc(memory: SocMemory, socPercent: number | null, nowMs: number, rememberMs: number): SocMemory {
  if (socPercent !== null && socPercent >= EMPTY_SOC_PERCENT && socPercent <= 100) {
    return accept(socPercent, nowMs);
  }
  if (socPercent === null || socPercent < 1 || socPercent > 100) {
    return expire({ ...memory, isLive: false, lowSince: null }, nowMs, rememberMs);
  }
  const lowSince = { atMs: memory.lowSince?.atMs ?? nowMs, readings: (memory.lowSince?.readings ?? 0) + 1 };
  const isConfirmed = nowMs - lowSince.atMs >= LOW_CONFIRMED_AFTER_MS && lowSince.readings >= LOW_CONFIRMED_READINGS;
  if (isConfirmed) return { ...accept(socPercent, nowMs), lowSince };
  return expire({ ...memory, isLive: false, lowSince }, nowMs, rememberMs);
}

const accept = (percent: number, atMs: number): SocMemory => ({
  percent,
  atMs,
  isLive: true,
  isEmpty: percent <= EMPTY_SOC_PERCENT,
  lowSince: null,
});

const expire = (memory: SocMemory, nowMs: number, rememberMs: number): SocMemory =>
  memory.percent !== null && nowMs - memory.atMs > rememberMs ? { ...memory, percent: null } : memory;
