import type { Reason } from "../../model/records.ts";
import { type QuasarLive, setBits } from "./wire.ts";

/*
 * Error status and error bits become an alarm only when they stay: a Quasar shows errors for minutes after a restart (fact
 * sheet v2g 2.4 quirk 5, 5.2, 8.11). Pure.
 */

export const ALARM_AFTER_MS = 60_000;
export const ALARM_AFTER_RESTART_MS = 300_000;

export interface FaultWatch {
  /** what is wrong at this moment */
  readonly present: readonly Reason[];
  /** since when something is, monotonic ms */
  readonly sinceMs: number | null;
  /** longer patience until then, monotonic ms */
  readonly restartedUntilMs: number;
  readonly isAlarm: boolean;
}

export const NO_FAULTS: FaultWatch = { present: [], sinceMs: null, restartedUntilMs: -Infinity, isAlarm: false };

/** The charger has just been restarted, or came back after an outage. */
export const afterRestart = (watch: FaultWatch, nowMs: number): FaultWatch => ({
  ...watch,
  restartedUntilMs: nowMs + ALARM_AFTER_RESTART_MS,
});

/** Takes what the charger says now. */
export function observeFaults(watch: FaultWatch, present: readonly Reason[], nowMs: number): FaultWatch {
  if (present.length === 0) return { ...watch, present, sinceMs: null, isAlarm: false };
  const sinceMs = watch.sinceMs ?? nowMs;
  const isAlarm = watch.isAlarm || nowMs >= Math.max(sinceMs + ALARM_AFTER_MS, watch.restartedUntilMs);
  return { ...watch, present, sinceMs, isAlarm };
}

/** The error bits as codes with the bit's number; their meanings are not published. */
export function errorBits(live: QuasarLive): readonly Reason[] {
  return [
    ...setBits(live.unrecoverableBits).map((bit) => ({ code: "unrecoverable-error", params: { bit } })),
    ...setBits(live.recoverableBits).map((bit) => ({ code: "recoverable-error", params: { bit } })),
  ];
}
