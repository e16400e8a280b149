/** Seconds to milliseconds. */
export const secondsToMs = (seconds: number): number => seconds * 1000;

/** W at V to A, single phase; 0 for a voltage that cannot be a mains voltage. */
export const wattsToAmps = (powerW: number, voltageV: number): number => (voltageV > 0 ? powerW / voltageV : 0);

/** A at V to W, single phase. */
export const ampsToWatts = (currentA: number, voltageV: number): number => currentA * voltageV;

/** Energy of a constant power over a time, Wh. */
export const energyWh = (powerW: number, durationMs: number): number => (powerW * durationMs) / 3_600_000;

/** Into [low, high]; `low` wins when the bounds are the wrong way round. */
export const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));

/** Rounds to `decimals` places, without the tail of binary fractions, and never to -0. */
export function roundTo(x: number, decimals: number): number {
  const factor = 10 ** decimals;
  const rounded = Math.round(x * factor) / factor;
  return rounded === 0 ? 0 : rounded;
}

/** ISO 8601 in UTC with offset, from milliseconds since 1970. */
export const isoAt = (epochMs: number): string => new Date(epochMs).toISOString();
