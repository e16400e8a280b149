import { type MqttSettings, openMqtt } from "../../io/mqtt.ts";
import type { Clock } from "../../model/clock.ts";
import type { LinkEvents, OpenevseLink } from "./link.ts";
import { toPublications } from "./orders.ts";
import { createRapiAsker } from "./rapi-asker.ts";
import { routeMessage, type Topics, topicFilters } from "./topics.ts";

/** An OpenEVSE behind a broker, through a connection of our own. */
export function createMqttLink(settings: MqttSettings, topics: Topics, clock: Clock, events: LinkEvents): OpenevseLink {
  const mqtt = openMqtt({
    settings,
    filters: topicFilters(topics),
    clock,
    onMessage: (message) => routeMessage(topics, message, events, (answer) => rapi.answered(answer)),
    onUp: () => events.up(),
    onDown: (error) => events.down(error),
  });
  const rapi = createRapiAsker(clock, (command, parameters) =>
    mqtt.publish(`${topics.baseTopic}/rapi/in/${command}`, parameters),
  );
  return {
    kind: "mqtt",
    get isUp() {
      return mqtt.isUp;
    },
    async send(order, config) {
      // all at once, so that a stop behind them does not wait for their acknowledgements
      await Promise.all(
        toPublications(order, topics.baseTopic, config).map(({ topic, payload }) => mqtt.publish(topic, payload)),
      );
    },
    askRapi: (text, isUrgent) => rapi.ask(text, isUrgent),
    look: () => Promise.resolve(),
    readHolders: () => Promise.resolve(null),
    async close() {
      await rapi.close();
      await mqtt.close();
    },
  };
}
