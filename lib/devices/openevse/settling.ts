import type { Cancel, Clock } from "../../model/clock.ts";

/*
 * One record for one burst. An OpenEVSE says a dozen values one by one; in the middle of them the car is gone and still there.
 */

export interface Settling {
  /** Something was heard. @param isTelling it changes what the car is doing, so that more will follow */
  touch(isTelling: boolean): void;
  /** Says at once what waits, before something else takes its place; but never the first half of a burst. */
  flush(): void;
  stop(): void;
}

/** After the first value, ms. */
const WINDOW_MS = 1200;
/** After a change of state the rest of the burst gets this long, ms. */
const QUIET_MS = 1000;
/** Somebody may go on for ever, ms. */
const LONGEST_MS = 4000;
/** Between two early records, ms. */
const FLUSH_GAP_MS = 500;

export function createSettling(clock: Clock, say: () => void): Settling {
  let firstMs: number | null = null;
  let dueMs = 0;
  let isInBurst = false;
  let lastSaidMs = Number.NEGATIVE_INFINITY;
  let cancel: Cancel | null = null;

  const speak = (): void => {
    cancel?.();
    cancel = null;
    firstMs = null;
    isInBurst = false;
    lastSaidMs = clock.monotonicMs();
    say();
  };
  /** The timer is armed once per burst and looks again, so that a flood does not arm thousands. */
  const look = (): void => {
    const restMs = dueMs - clock.monotonicMs();
    if (restMs > 0) cancel = clock.after(restMs, look);
    else speak();
  };
  return {
    touch(isTelling) {
      const nowMs = clock.monotonicMs();
      if (firstMs === null) {
        firstMs = nowMs;
        dueMs = nowMs + WINDOW_MS;
        cancel = clock.after(WINDOW_MS, look);
      }
      if (!isTelling) return;
      isInBurst = true;
      dueMs = Math.min(Math.max(dueMs, nowMs + QUIET_MS), firstMs + LONGEST_MS);
    },
    flush() {
      if (firstMs !== null && !isInBurst && clock.monotonicMs() - lastSaidMs >= FLUSH_GAP_MS) speak();
    },
    stop() {
      cancel?.();
      cancel = null;
      firstMs = null;
      isInBurst = false;
    },
  };
}
