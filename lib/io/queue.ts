import { EvError } from "../model/errors.ts";

/** One thing after the other, for devices that understand only one request at a time. */
export interface Queue {
  /**
   * Runs `task` when its turn comes. An urgent task (a stop) overtakes everything that has not begun; it is never turned away,
   * but when too many of them wait the oldest gives way to the newest.
   *
   * @throws EvError `busy` when too many wait or newer stops have pushed it out, `closed` after `close()`; else whatever the task throws
   */
  run<T>(task: () => Promise<T>, options?: { readonly urgent?: boolean }): Promise<T>;
  /** Tasks that wait or run. */
  readonly size: number;
  /** Refuses all that waits and whatever comes; resolves when the running task has ended. */
  close(): Promise<void>;
}

interface Waiting {
  readonly start: () => Promise<void>;
  readonly refuse: (error: EvError) => void;
}

/** @param limit tasks that may wait before `busy`, and as many urgent ones beside them */
export function createQueue(limit = 32): Queue {
  const urgent: Waiting[] = [];
  const normal: Waiting[] = [];
  let running: Promise<void> | null = null;
  let isClosed = false;

  const next = (): void => {
    const waiting = urgent.shift() ?? normal.shift();
    running = waiting === undefined ? null : waiting.start().then(() => next());
  };

  return {
    run(task, options = {}) {
      return new Promise((resolve, reject) => {
        if (isClosed) {
          reject(new EvError("closed", "The connection is closed."));
          return;
        }
        if (options.urgent !== true && normal.length >= limit) {
          reject(new EvError("busy", `${limit} requests are waiting already; ask less often.`));
          return;
        }
        if (options.urgent === true && urgent.length >= limit) {
          urgent.shift()?.refuse(new EvError("busy", "Newer stops came before this one had its turn."));
        }
        const start = (): Promise<void> => Promise.resolve().then(task).then(resolve, reject);
        (options.urgent === true ? urgent : normal).push({ start, refuse: reject });
        if (running === null) next();
      });
    },
    get size() {
      return urgent.length + normal.length + (running === null ? 0 : 1);
    },
    async close() {
      isClosed = true;
      for (const waiting of [...urgent.splice(0), ...normal.splice(0)]) {
        waiting.refuse(new EvError("closed", "The connection was closed before this request had its turn."));
      }
      await running;
    },
  };
}
