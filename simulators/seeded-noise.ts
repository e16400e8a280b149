/*
 * Chance that can be repeated: every number is a function of a seed and of what it is for, so it does not matter in which
 * order or how often it is asked for.
 */

/** A number in [0, 1) that depends on all its arguments and on nothing else. */
export function drawUniform(seed: number, ...keys: readonly number[]): number {
  let mixed = scramble(Math.trunc(seed) ^ 0x9e3779b9);
  for (const key of keys) mixed = scramble(Math.imul(mixed, 31) + Math.trunc(key));
  return (mixed >>> 0) / 0x1_0000_0000;
}

/** A number in [low, high). */
export function drawBetween([low, high]: readonly [number, number], seed: number, ...keys: readonly number[]): number {
  return low + (high - low) * drawUniform(seed, ...keys);
}

/**
 * A smooth wandering line in [-1, 1]: random values every `periodMs`, joined without corners.
 *
 * @param line which of several independent lines of the same seed
 */
export function wander(seed: number, line: number, atMs: number, periodMs: number): number {
  const step = Math.floor(atMs / periodMs);
  const within = atMs / periodMs - step;
  const from = drawUniform(seed, line, step) * 2 - 1;
  const to = drawUniform(seed, line, step + 1) * 2 - 1;
  return from + (to - from) * within * within * (3 - 2 * within);
}

/** Spreads every bit of a 32-bit integer over all the others (shifts and odd multipliers, reversible). */
function scramble(bits: number): number {
  let mixed = bits | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
