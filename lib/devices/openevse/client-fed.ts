import type { Clock } from "../../model/clock.ts";
import { EvError } from "../../model/errors.ts";
import type { LinkEvents, OpenevseLink } from "./link.ts";
import { type Publication, toPublications } from "./orders.ts";
import { createRapiAsker } from "./rapi-asker.ts";
import { routeMessage, type Topics } from "./topics.ts";

/** A message as an `mqtt in` node hands it on. */
export interface FedMessage {
  readonly topic: string;
  readonly payload: unknown;
  readonly isRetained: boolean;
}

/** An OpenEVSE behind somebody else's connection: messages come in by hand and go out the same way. */
export interface FedLink extends OpenevseLink {
  feed(message: FedMessage): void;
}

/** @param publish null while nobody takes messages */
export function createFedLink(
  topics: Topics,
  clock: Clock,
  events: LinkEvents,
  publish: (publication: Publication) => boolean,
): FedLink {
  const send = async (publication: Publication): Promise<void> => {
    if (!publish(publication)) throw new EvError("unreachable", "No node takes the messages for the broker.");
  };
  const rapi = createRapiAsker(clock, (command, parameters) =>
    send({ topic: `${topics.baseTopic}/rapi/in/${command}`, payload: parameters }),
  );
  return {
    kind: "fed",
    isUp: true,
    feed: (message) => routeMessage(topics, message, events, (answer) => rapi.answered(answer)),
    async send(order, config) {
      for (const publication of toPublications(order, topics.baseTopic, config)) await send(publication);
    },
    askRapi: (text, isUrgent) => rapi.ask(text, isUrgent),
    look: () => Promise.resolve(),
    readHolders: () => Promise.resolve(null),
    close: () => rapi.close(),
  };
}
