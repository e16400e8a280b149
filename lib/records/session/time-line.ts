import type { Instant } from "./detected.ts";
import type { TimeLine } from "./state.ts";

/*
 * One line of time for everything the detector measures. It runs with the monotonic clock; over a restart, where that one
 * starts anew, it goes on by the wall clock. Wall times are worked out from it when they are shown, by the clock as it is
 * now: whoever sets a wrong clock right sets the open session right too.
 */

/** Smaller differences are rounding and slewing, ms. */
const STEP_MS = 2000;
/** 2020-01-01: a clock before that has lost the time. */
const OLDEST_WALL_MS = 1_577_836_800_000;

export interface TimeStep {
  readonly time: TimeLine;
  /** The clock was set. */
  readonly isAdjusted: boolean;
}

/** The line at the first event. It starts at 0. */
export const startTime = ({ nowMs, monotonicMs }: Instant): TimeLine => ({
  lineMs: 0,
  offsetMs: nowMs,
  monotonicMs,
  isWallLost: false,
});

/** Time has passed within one run of the program. */
export function passTime(time: TimeLine, instant: Instant): TimeStep {
  const { nowMs, monotonicMs } = instant;
  // a monotonic clock that went back belongs to another run of the program
  if (monotonicMs < time.monotonicMs) return passDowntime(time, instant);
  const lineMs = time.lineMs + monotonicMs - time.monotonicMs;
  const stepMs = nowMs - lineMs - time.offsetMs;
  if (time.isWallLost) {
    if (nowMs < lineMs + time.offsetMs) return { time: { ...time, lineMs, monotonicMs }, isAdjusted: false };
    return { time: { ...time, lineMs: lineMs + stepMs, monotonicMs, isWallLost: false }, isAdjusted: true };
  }
  const isAdjusted = Math.abs(stepMs) > STEP_MS;
  return {
    time: { lineMs, offsetMs: isAdjusted ? nowMs - lineMs : time.offsetMs, monotonicMs, isWallLost: false },
    isAdjusted,
  };
}

/** The program was away; how long, only the wall clock can tell. */
export function passDowntime(time: TimeLine, { nowMs, monotonicMs }: Instant): TimeStep {
  const downMs = nowMs - time.lineMs - time.offsetMs;
  if (downMs >= 0)
    return { time: { ...time, lineMs: time.lineMs + downMs, monotonicMs, isWallLost: false }, isAdjusted: false };
  // without a battery-backed clock the time is made up for when the clock has been set
  if (nowMs < OLDEST_WALL_MS && time.offsetMs > OLDEST_WALL_MS - time.lineMs)
    return { time: { ...time, monotonicMs, isWallLost: true }, isAdjusted: true };
  return { time: { ...time, offsetMs: nowMs - time.lineMs, monotonicMs, isWallLost: false }, isAdjusted: true };
}

/** Wall clock of an instant on the line, ms since 1970 UTC, whole. */
export const wallMs = (time: TimeLine, lineMs: number): number => Math.round(lineMs + time.offsetMs);
