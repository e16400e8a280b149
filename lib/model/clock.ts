/** Stops a timer; calling it twice is harmless. */
export type Cancel = () => void;

/**
 * Time as the product sees it. Decisions take `now` as an argument; shells get a `Clock`, so that tests and the
 * virtual home can run at their own speed.
 */
export interface Clock {
  /** Wall clock, milliseconds since 1970 UTC; may jump. */
  nowMs(): number;
  /** Monotonic milliseconds for durations and ages; never jumps. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`. */
  after(delayMs: number, callback: () => void): Cancel;
}

/** setTimeout overflows beyond 2^31-1 ms and would fire at once. */
const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** The machine's own clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), LONGEST_TIMEOUT_MS));
    return () => clearTimeout(timer);
  },
};

/** Calls back every `periodMs`, the next run being armed after the last one ended, so runs never overlap. */
export function repeatEvery(clock: Clock, periodMs: number, run: () => void): Cancel {
  let cancelled = false;
  let cancelNext: Cancel = () => {};
  const arm = (): void => {
    cancelNext = clock.after(periodMs, () => {
      try {
        run();
      } finally {
        if (!cancelled) arm();
      }
    });
  };
  arm();
  return () => {
    cancelled = true;
    cancelNext();
  };
}

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason instanceof Error ? signal.reason : new Error("aborted"));
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** A clock that stands still until it is told to move: for tests and golden traces. */
export interface ManualClock extends Clock {
  /** Moves both clocks forward and runs what falls due, in order. */
  advance(ms: number): void;
  /** Like `advance`, but lets promises settle between timers. */
  advanceAsync(ms: number): Promise<void>;
  /** Sets the wall clock alone, as an NTP step would. */
  setWallClock(epochMs: number): void;
  /** Timers that are still armed. */
  readonly pending: number;
}

/** @param startMs wall clock at the start, milliseconds since 1970 UTC */
export function createManualClock(startMs: number): ManualClock {
  let wallMs = startMs;
  let monotonicMs = 0;
  let nextId = 0;
  const timers = new Map<number, { dueMs: number; callback: () => void }>();
  const nextDue = (untilMs: number): [number, { dueMs: number; callback: () => void }] | undefined => {
    let best: [number, { dueMs: number; callback: () => void }] | undefined;
    for (const entry of timers) {
      if (entry[1].dueMs <= untilMs && (best === undefined || entry[1].dueMs < best[1].dueMs)) best = entry;
    }
    return best;
  };
  const moveTo = (targetMs: number): void => {
    wallMs += targetMs - monotonicMs;
    monotonicMs = targetMs;
  };
  const fire = ([id, timer]: [number, { dueMs: number; callback: () => void }]): void => {
    timers.delete(id);
    moveTo(Math.max(timer.dueMs, monotonicMs));
    timer.callback();
  };
  return {
    nowMs: () => wallMs,
    monotonicMs: () => monotonicMs,
    after(delayMs, callback) {
      const id = nextId++;
      timers.set(id, { dueMs: monotonicMs + Math.max(0, delayMs), callback });
      return () => timers.delete(id);
    },
    advance(ms) {
      const endMs = monotonicMs + ms;
      for (let due = nextDue(endMs); due !== undefined; due = nextDue(endMs)) fire(due);
      moveTo(endMs);
    },
    async advanceAsync(ms) {
      const endMs = monotonicMs + ms;
      await settle();
      for (let due = nextDue(endMs); due !== undefined; due = nextDue(endMs)) {
        fire(due);
        await settle();
      }
      moveTo(endMs);
    },
    setWallClock(epochMs) {
      wallMs = epochMs;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Lets a chain of already resolved promises run to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
