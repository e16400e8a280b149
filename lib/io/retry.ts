import type { Clock } from "../model/clock.ts";
import { sleep } from "../model/clock.ts";
import { type EvError, toEvError } from "../model/errors.ts";

/** How long to wait between tries: exponential, capped, with jitter so that a house full of devices does not knock in step. */
export interface Backoff {
  /** Before the second try, ms. */
  readonly baseMs: number;
  /** Never longer than this, ms. */
  readonly capMs: number;
}

/**
 * Wait before try number `failures + 1`, ms: `base * 2^(failures-1)` up to the cap, then between half and all of it.
 *
 * @param failures tries that failed so far, 1 or more
 * @param random in [0, 1)
 */
export function backoffMs(failures: number, { baseMs, capMs }: Backoff, random: () => number = Math.random): number {
  const exponential = Math.min(capMs, baseMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  return exponential * (0.5 + 0.5 * random());
}

export interface RetryOptions extends Backoff {
  /** Tries in all, 1 or more; Infinity tries until the signal stops it. */
  readonly tries: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Says whether another try makes sense; a wrong password does not get better. All but `auth`, `config` and `closed` by default. */
  readonly isWorthRetrying?: (error: EvError) => boolean;
  readonly random?: () => number;
}

const HOPELESS: ReadonlySet<string> = new Set([
  "auth",
  "config",
  "closed",
  "unsupported",
  "bad-command",
  "out-of-range",
]);

/**
 * Runs `attempt` until it succeeds. Never use it for a write that must not happen twice.
 *
 * @throws EvError of the last try
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const isWorthRetrying = options.isWorthRetrying ?? ((error: EvError) => !HOPELESS.has(error.code));
  for (let failures = 1; ; failures++) {
    try {
      return await attempt();
    } catch (thrown) {
      const error = toEvError(thrown);
      if (failures >= options.tries || options.signal?.aborted === true || !isWorthRetrying(error)) throw error;
      try {
        await sleep(options.clock, backoffMs(failures, options, options.random), options.signal);
      } catch (stopped) {
        throw toEvError(stopped, "closed");
      }
    }
  }
}
