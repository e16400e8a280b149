/*
 * A Quasar follows a new set point only after seconds, from a standstill after more than twenty. Another set point within
 * that time confuses it, so each one earns a dead time (fact sheet v2g 1.6, 8.3). Pure: the clock is an argument. A target
 * that arrives in the dead time is the caller's to keep; stops never ask.
 */

/** From standing still to any current, ms. */
export const START_DEAD_TIME_MS = 21_900;
/** A step of more than 2 A, also down to 0, ms. */
export const STEP_DEAD_TIME_MS = 10_900;
const SMALL_STEP_DEAD_TIME_MS = 7_900;
const SMALLEST_STEP_DEAD_TIME_MS = 5_900;
/** Below this the power counts as gone when the direction changes, W (our choice, fact sheet v2g 8.3). */
const GONE_BELOW_W = 100;

/** How long after a set point the next one has to wait, ms. Amps are signed: + charge, - discharge. */
export function deadTimeMs(fromA: number, toA: number): number {
  if (fromA === 0 && toA !== 0) return START_DEAD_TIME_MS;
  const stepA = Math.abs(toA - fromA);
  if (stepA <= 1) return SMALLEST_STEP_DEAD_TIME_MS;
  return stepA <= 2 ? SMALL_STEP_DEAD_TIME_MS : STEP_DEAD_TIME_MS;
}

/** When the next set point may go out. */
export interface Pace {
  /** monotonic, ms */
  readonly readyAtMs: number;
  /** when set: also ready as soon as a measurement later than this shows that the power has gone, monotonic ms */
  readonly orGoneSinceMs: number | null;
}

export const READY: Pace = { readyAtMs: -Infinity, orGoneSinceMs: null };

/**
 * A set point, or 0 as part of a stop, was written.
 *
 * @param factor shortens dead times for simulators; 1 for a real charger
 */
export function paceAfter(pace: Pace, fromA: number, toA: number, nowMs: number, factor: number): Pace {
  // a second stop does not begin the wait again
  if (fromA === 0 && toA === 0) return pace;
  return { readyAtMs: nowMs + deadTimeMs(fromA, toA) * factor, orGoneSinceMs: null };
}

/** The stop between two directions was written: go on when the power has gone, after 10.9 s at the latest. */
export const paceOfReversal = (nowMs: number, factor: number): Pace => ({
  readyAtMs: nowMs + STEP_DEAD_TIME_MS * factor,
  orGoneSinceMs: nowMs,
});

/** @param power the latest measurement, with its monotonic time */
export function isReady(
  pace: Pace,
  nowMs: number,
  power: { readonly powerW: number | null; readonly atMs: number } | null,
): boolean {
  if (nowMs >= pace.readyAtMs) return true;
  if (pace.orGoneSinceMs === null || power === null || power.powerW === null) return false;
  return power.atMs > pace.orGoneSinceMs && Math.abs(power.powerW) < GONE_BELOW_W;
}
