/*
 * Is an input alive? The same small machine watches the grid meter and the charger (architecture: rules that keep a
 * house safe, 3). It runs on the monotonic clock only.
 */

export const healthPhases = ["missing", "fresh", "lost", "recovering"] as const;
export type HealthPhase = (typeof healthPhases)[number];

/** `reading` a usable reading came; `silence` none for too long; `settled` readings kept coming for the recovery delay. */
export const healthSignals = ["reading", "silence", "settled"] as const;
export type HealthSignal = (typeof healthSignals)[number];

/** Only `fresh` is acted upon. The same table stands in docs/control.md. */
export const HEALTH_TRANSITIONS: Readonly<Record<HealthPhase, Readonly<Record<HealthSignal, HealthPhase>>>> = {
  missing: { reading: "fresh", silence: "missing", settled: "missing" },
  fresh: { reading: "fresh", silence: "lost", settled: "fresh" },
  lost: { reading: "recovering", silence: "lost", settled: "lost" },
  recovering: { reading: "recovering", silence: "lost", settled: "fresh" },
};

export interface Health {
  readonly phase: HealthPhase;
  /** Monotonic, when the phase began. */
  readonly sinceMs: number;
  /** Monotonic arrival of the last usable reading. */
  readonly lastReadingMs: number;
  /** Losses in a row without a calm stretch between them. */
  readonly losses: number;
}

export interface HealthTimes {
  readonly staleAfterS: number;
  readonly recoveryDelayS: number;
}

/** An input that comes and goes is trusted later each time, so that it switches the car at most once in five minutes. */
const LONGEST_RECOVERY_S = 300;
const CALM_AFTER_S = 600;

export const neverHeard: Health = { phase: "missing", sinceMs: 0, lastReadingMs: Number.NEGATIVE_INFINITY, losses: 0 };

/** A usable reading arrived. */
export function hearReading(health: Health, monotonicMs: number): Health {
  return { ...step(health, "reading", monotonicMs), lastReadingMs: monotonicMs };
}

/** The source itself said that it is gone. */
export const hearSilence = (health: Health, monotonicMs: number): Health => step(health, "silence", monotonicMs);

/** Time went by: a quiet input is lost, a recovered one is trusted again. */
export function ageHealth(health: Health, monotonicMs: number, times: HealthTimes): Health {
  if (monotonicMs - health.lastReadingMs > times.staleAfterS * 1000) return step(health, "silence", monotonicMs);
  return health.phase === "recovering" && recoveryLeftS(health, monotonicMs, times) <= 0
    ? step(health, "settled", monotonicMs)
    : health;
}

/** Seconds until a recovering input is trusted again; the delay doubles with every loss in a row. */
export function recoveryLeftS(health: Health, monotonicMs: number, times: HealthTimes): number {
  const delayS = Math.min(times.recoveryDelayS * 2 ** Math.max(0, health.losses - 1), LONGEST_RECOVERY_S);
  return Math.max(0, delayS - (monotonicMs - health.sinceMs) / 1000);
}

function step(health: Health, signal: HealthSignal, monotonicMs: number): Health {
  const phase = HEALTH_TRANSITIONS[health.phase][signal];
  if (phase === health.phase) return health;
  if (phase !== "lost") return { ...health, phase, sinceMs: monotonicMs };
  const wasCalm = health.phase === "fresh" && monotonicMs - health.sinceMs >= CALM_AFTER_S * 1000;
  return { ...health, phase, sinceMs: monotonicMs, losses: wasCalm ? 1 : health.losses + 1 };
}
