import { createQueue } from "../../io/queue.ts";
import type { Clock } from "../../model/clock.ts";
import { EvError } from "../../model/errors.ts";

/** Puts questions to the controller over topics that do not say which answer belongs to which question. */
export interface RapiAsker {
  /** @throws EvError `timeout`, `busy`, `closed`, or why it could not be sent */
  ask(text: string, isUrgent: boolean): Promise<string>;
  /** Something was answered; to us when we have asked. */
  answered(text: string): void;
  close(): Promise<void>;
}

const ANSWER_WITHIN_MS = 5000;
const MOST_WAITING = 8;

/** @param send publishes `<base>/rapi/in/$XX` with the rest as payload */
export function createRapiAsker(clock: Clock, send: (command: string, parameters: string) => Promise<void>): RapiAsker {
  const queue = createQueue(MOST_WAITING);
  let take: ((answer: string) => void) | null = null;
  let giveUp: ((error: EvError) => void) | null = null;

  const exchange = async (text: string): Promise<string> => {
    const [command = "", ...parameters] = text.split(" ");
    const answer = new Promise<string>((resolve, reject) => {
      take = resolve;
      giveUp = reject;
    });
    const cancel = clock.after(ANSWER_WITHIN_MS, () =>
      giveUp?.(
        new EvError("timeout", `The controller did not answer ${command}; the firmware may not let it through.`),
      ),
    );
    try {
      // whichever fails first; the other must not stay unhandled
      const [answered] = await Promise.all([answer, send(command, parameters.join(" "))]);
      return answered;
    } finally {
      cancel();
      take = null;
      giveUp = null;
    }
  };
  return {
    ask: (text, isUrgent) => queue.run(() => exchange(text), { urgent: isUrgent }),
    answered: (text) => take?.(text),
    async close() {
      giveUp?.(new EvError("closed", "The connection was closed."));
      await queue.close();
    },
  };
}
