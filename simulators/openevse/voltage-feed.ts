const MAX_AGE_MS = 120_000;

/** The mains voltage as somebody else measures it. */
export class VoltageFeed {
  #voltageV = 0;
  #atMs = -Infinity;

  /** Anything that is no mains voltage is ignored. */
  take(voltageV: number, nowMs: number): void {
    if (!(voltageV >= 60 && voltageV <= 300)) return;
    this.#voltageV = voltageV;
    this.#atMs = nowMs;
  }
  /** undefined = nobody has told it lately */
  read(nowMs: number): number | undefined {
    return nowMs - this.#atMs <= MAX_AGE_MS ? this.#voltageV : undefined;
  }
}
