import type { Cancel, Clock } from "../../../model/clock.ts";

/** On a new database queries wait for the tables: until the first try to make them has ended, well or not. */
export interface FirstTry {
  /** Resolves soon in any case. */
  wait(): Promise<void>;
  /** The first try has ended, or nobody will try any more. */
  end(): void;
}

/** A server that accepts and says nothing is found out by the query itself then, ms. */
const WAIT_MS = 8000;

export function createFirstTry(clock: Clock): FirstTry {
  const waiting = new Set<() => void>();
  let isOver = false;
  return {
    wait() {
      if (isOver) return Promise.resolve();
      return new Promise((resolve) => {
        let cancel: Cancel = () => {};
        const go = (): void => {
          cancel();
          waiting.delete(go);
          resolve();
        };
        cancel = clock.after(WAIT_MS, go);
        waiting.add(go);
      });
    },
    end() {
      isOver = true;
      for (const go of waiting) go();
    },
  };
}
