import type { FedLink, FedMessage } from "../../../lib/devices/openevse/client-fed.ts";
import type { LinkEvents, OpenevseLink } from "../../../lib/devices/openevse/link.ts";
import type { Openevse } from "../../../lib/devices/openevse/openevse.ts";
import type { Publication } from "../../../lib/devices/openevse/orders.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import type { NodeContext } from "../../shared/node-context.ts";
import type { NodeRed } from "../../shared/node-red.d.ts";
import type { Way } from "./connection-settings.ts";
import { type DiscoveryParts, registerDiscovery } from "./discovery-route.ts";

/** The farewell takes up to 5 s, and the nodes that use us close first. */
const CLOSE_WITHIN_MS = 7500;

/** What the nodes of one charger share. */
export interface OpenevseConnection {
  readonly openevse: Openevse;
  /** Only when messages come and go through nodes of the flow. */
  readonly fed: FedSide | null;
}

export interface FedSide {
  /** Whether a message is a word of the charger and no command for it. */
  takes(topic: string, payload: unknown): boolean;
  feed(message: FedMessage): void;
  /** Commands for the broker; the first who listens gets them. */
  onPublication(listener: (publication: Publication) => void): () => void;
}

/** Config node: the one way to an OpenEVSE, shared by all nodes that use it. */
export const createConnectionNode = (parts: DiscoveryParts = {}): ((RED: NodeRed) => void) =>
  defineNode({
    type: "ev-openevse-connection",
    credentials: {
      user: { type: "text" },
      password: { type: "password" },
      webUser: { type: "text" },
      webPassword: { type: "password" },
    },
    isConfigNode: true,
    closeWithinMs: CLOSE_WITHIN_MS,
    start,
    registerRoutes: (RED) => registerDiscovery(RED, parts),
  });

export default createConnectionNode();

async function start(context: NodeContext): Promise<RunningNode<OpenevseConnection>> {
  const { readSettings } = await import("./connection-settings.ts");
  const { createOpenevse } = await import("../../../lib/devices/openevse/openevse.ts");
  const { way, openevse: settings } = readSettings(context);
  const { clock, logger } = context;
  const ways = await loadWays();
  const listeners = new Set<(publication: Publication) => void>();
  const feeds: FedLink[] = [];

  const openLink = (events: LinkEvents): OpenevseLink => {
    switch (way.via) {
      case "mqtt":
        return ways.createMqttLink(way.mqtt, way.topics, clock, events);
      case "http":
        return ways.createHttpLink(way.http, clock, events);
      default: {
        const link = ways.createFedLink(way.topics, clock, events, (publication) => {
          const [first] = listeners;
          first?.(publication);
          return first !== undefined;
        });
        feeds.push(link);
        return link;
      }
    }
  };
  const openevse = createOpenevse({
    settings,
    clock,
    logger,
    openLink,
    describe: (code) => describeFault(context, code),
  });
  const [link] = feeds;
  const fed = link === undefined || way.via !== "fed" ? null : fedSide(link, way, listeners);
  return { service: { openevse, fed }, close: () => openevse.close() };
}

async function loadWays() {
  const { createMqttLink } = await import("../../../lib/devices/openevse/client-mqtt.ts");
  const { createHttpLink } = await import("../../../lib/devices/openevse/client-http.ts");
  const { createFedLink } = await import("../../../lib/devices/openevse/client-fed.ts");
  return { createMqttLink, createHttpLink, createFedLink };
}

function fedSide(
  link: FedLink,
  { topics }: Extract<Way, { via: "fed" }>,
  listeners: Set<(publication: Publication) => void>,
): FedSide {
  const announced = topics.announceTopic.replace(/[#+]$/, "");
  return {
    takes: (topic, payload) =>
      // a command may bear the name of the charger as its topic
      (topic === topics.baseTopic && /^(dis)?connected$/.test(String(payload))) ||
      topic.startsWith(`${topics.baseTopic}/`) ||
      topic.startsWith(announced),
    feed: (message) => link.feed(message),
    onPublication(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A fault without words of its own is named by its number. */
function describeFault(context: NodeContext, code: string): string {
  const key = `ev-openevse-connection.fault.${code}`;
  const text = context.t(key);
  return text === key ? context.t("ev-openevse-connection.fault.other", { code }) : text;
}
