/*
 * When a charger whose Modbus module has died is worth a restart through the vendor's cloud (fact sheet v2g 1.6, 2.4 quirk
 * 6, 8.6). The restart takes about six minutes. Pure.
 */

export const FAILURES_BEFORE_RESTART = 10;
export const RESTART_COOLDOWN_MS = 7 * 60_000;
/** Switching to or from OCPP disturbs Modbus too. */
export const QUIET_AFTER_OCPP_MS = 120_000;
const DAY_MS = 24 * 3_600_000;

export interface RestartHistory {
  /** failures in a row that look like a dead Modbus module */
  readonly failures: number;
  /** of the last day, monotonic ms */
  readonly restartsAtMs: readonly number[];
  readonly quietUntilMs: number;
}

export const NO_RESTARTS: RestartHistory = { failures: 0, restartsAtMs: [], quietUntilMs: -Infinity };

export interface RestartCircumstances {
  readonly hasCloud: boolean;
  /** the charger obeys an OCPP server */
  readonly isOcppOn: boolean;
  /** nobody asked for anything, or control was given back to the app: nothing there is ours to restart */
  readonly isReleased: boolean;
  readonly maxPerDay: number;
}

/** True when a restart is to be asked for now, without anybody saying so. */
export function isRestartDue(history: RestartHistory, around: RestartCircumstances, nowMs: number): boolean {
  if (!around.hasCloud || around.isOcppOn || around.isReleased) return false;
  if (history.failures < FAILURES_BEFORE_RESTART || nowMs < history.quietUntilMs) return false;
  return isRestartAllowed(history, around.maxPerDay, nowMs);
}

/** False within seven minutes of the last restart and when the day's share is used up; for the user's own wish as well. */
export function isRestartAllowed(history: RestartHistory, maxPerDay: number, nowMs: number): boolean {
  const ofLastDay = history.restartsAtMs.filter((atMs) => nowMs - atMs < DAY_MS);
  return ofLastDay.length < maxPerDay && nowMs - (ofLastDay.at(-1) ?? -Infinity) >= RESTART_COOLDOWN_MS;
}

export const countFailure = (history: RestartHistory): RestartHistory => ({
  ...history,
  failures: history.failures + 1,
});

export const forgetFailures = (history: RestartHistory): RestartHistory => ({ ...history, failures: 0 });

/** A restart was asked for, whether or not the cloud agreed. */
export const countRestart = (history: RestartHistory, nowMs: number): RestartHistory => ({
  ...history,
  failures: 0,
  restartsAtMs: [...history.restartsAtMs.filter((atMs) => nowMs - atMs < DAY_MS), nowMs],
});

export const quietAfterOcpp = (history: RestartHistory, nowMs: number): RestartHistory => ({
  ...history,
  failures: 0,
  quietUntilMs: nowMs + QUIET_AFTER_OCPP_MS,
});
