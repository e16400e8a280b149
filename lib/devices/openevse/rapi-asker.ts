import { createQueue } from "../../io/queue.ts";
import type { Clock } from "../../model/clock.ts";
import { EvError } from "../../model/errors.ts";
import { RAPI_STATE } from "./orders.ts";
import { fitsQuestion } from "./rapi-answer.ts";

/** Puts questions to the controller over topics that do not say which answer belongs to which question. */
export interface RapiAsker {
  /** @throws EvError `timeout`, `busy`, `closed`, or why it could not be sent */
  ask(text: string, isUrgent: boolean): Promise<string>;
  /** Something was answered; to us when we have asked and it can be an answer to that. */
  answered(text: string): void;
  close(): Promise<void>;
}

const ANSWER_WITHIN_MS = 5000;
/** So long the answer to a question that was given up may still come, ms. */
const LATE_WITHIN_MS = 30_000;
const MOST_WAITING = 8;

/** @param send publishes `<base>/rapi/in/$XX` with the rest as payload */
export function createRapiAsker(clock: Clock, send: (command: string, parameters: string) => Promise<void>): RapiAsker {
  const queue = createQueue(MOST_WAITING);
  let take: ((answer: string) => void) | null = null;
  let giveUp: ((error: EvError) => void) | null = null;
  let lateUntilMs = Number.NEGATIVE_INFINITY;

  const exchange = async (text: string): Promise<string> => {
    const [command = "", ...parameters] = text.split(" ");
    const answer = new Promise<string>((resolve, reject) => {
      take = (answered) => {
        if (fitsQuestion(text, answered)) resolve(answered);
      };
      giveUp = reject;
    });
    const cancel = clock.after(ANSWER_WITHIN_MS, () => {
      lateUntilMs = clock.monotonicMs() + LATE_WITHIN_MS;
      giveUp?.(
        new EvError("timeout", `The controller did not answer ${command}; the firmware may not let it through.`),
      );
    });
    try {
      // whichever fails first; the other must not stay unhandled
      const [answered] = await Promise.all([answer, send(command, parameters.join(" "))]);
      // answers come in the order of the questions, and this one is like no other
      if (command === RAPI_STATE) lateUntilMs = Number.NEGATIVE_INFINITY;
      return answered;
    } finally {
      cancel();
      take = null;
      giveUp = null;
    }
  };
  /** A bare "yes" that may be late would confirm whatever is asked next: first it is found out whose answers come. */
  const askInStep = async (text: string): Promise<string> => {
    if (clock.monotonicMs() < lateUntilMs && !text.startsWith(RAPI_STATE)) await exchange(RAPI_STATE);
    return exchange(text);
  };
  return {
    // a stop waits for nothing: what it did is seen
    ask: (text, isUrgent) => queue.run(() => (isUrgent ? exchange(text) : askInStep(text)), { urgent: isUrgent }),
    answered: (text) => take?.(text),
    async close() {
      giveUp?.(new EvError("closed", "The connection was closed."));
      await queue.close();
    },
  };
}
