/** A cap that falls at once and rises only after it has not been lower for a while, in whole amps. */
export interface SlowCap {
  /** null = not guarded */
  readonly capA: number | null;
  /** Monotonic, when it was last this low. */
  readonly loweredMs: number;
}

export const noCap: SlowCap = { capA: null, loweredMs: Number.NEGATIVE_INFINITY };

/** @param freshA what may flow by the newest knowledge, A; null = not guarded */
export function stepCap(cap: SlowCap, freshA: number | null, monotonicMs: number, riseDelayS: number): SlowCap {
  if (freshA === null) return cap.capA === null ? cap : noCap;
  const wholeA = freshA > 0 ? Math.floor(freshA) : 0;
  if (cap.capA === null || wholeA <= cap.capA) return { capA: wholeA, loweredMs: monotonicMs };
  return monotonicMs - cap.loweredMs >= riseDelayS * 1000 ? { capA: wholeA, loweredMs: monotonicMs } : cap;
}
