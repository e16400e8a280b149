import type { Clock } from "../model/clock.ts";
import { EvError } from "../model/errors.ts";

/** Waits for a condition that others may make true. */
export interface Waiting {
  /** Something changed: everybody who waits looks again. */
  look(): void;
  /** @throws EvError what `impatience` makes after `withinMs`, `closed` when the signal is aborted */
  until(isSo: () => boolean, withinMs: number, impatience: () => EvError): Promise<void>;
}

export function createWaiting(clock: Clock, signal: AbortSignal): Waiting {
  const lookers = new Set<() => void>();
  return {
    look() {
      for (const looker of lookers) looker();
    },
    until: (isSo, withinMs, impatience) =>
      new Promise((resolve, reject) => {
        const end = (settle: () => void): void => {
          cancel();
          signal.removeEventListener("abort", onClose);
          lookers.delete(looker);
          settle();
        };
        const onClose = (): void => end(() => reject(new EvError("closed", "The connection was closed.")));
        const looker = (): void => {
          if (isSo()) end(resolve);
        };
        const cancel = clock.after(withinMs, () => end(() => reject(impatience())));
        signal.addEventListener("abort", onClose, { once: true });
        lookers.add(looker);
        looker();
      }),
  };
}
