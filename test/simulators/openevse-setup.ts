import { createManualClock, type ManualClock } from "../../lib/model/clock.ts";
import { type MqttBroker, startMqttBroker } from "../../simulators/mqtt-broker.ts";
import { type OpenEvseOptions, type OpenEvseSimulator, startOpenEvse } from "../../simulators/openevse.ts";
import type { JsonObject } from "./json.ts";
import { listenToBroker, type MqttListener } from "./mqtt-listener.ts";
import { ask, askObject, type Reply, waitUntil } from "./wire.ts";

export const START_MS = Date.UTC(2026, 10, 21, 3);

/** One charger on its own broker, with somebody who listens, on a clock that stands still. */
export interface Bench {
  readonly clock: ManualClock;
  readonly broker: MqttBroker;
  readonly evse: OpenEvseSimulator;
  readonly listener: MqttListener;
  /** `key value` of what was published since the last call, documents and announcements left aside. */
  published(): readonly string[];
  /** Sends a command and waits until the charger has it. */
  command(path: string, text: string, retain?: boolean): Promise<void>;
  /** Waits until the listener has everything that the charger has published. */
  settle(): Promise<void>;
  /** Moves the clock by seconds, with the network keeping up. */
  pass(seconds: number): Promise<void>;
  status(): Promise<JsonObject>;
  http(method: string, path: string, body?: string): Promise<Reply>;
  /** A retained document as the broker holds it. */
  document(name: string): Promise<unknown>;
  end(): Promise<void>;
}

export async function openBench(options: OpenEvseOptions = {}): Promise<Bench> {
  const clock = createManualClock(START_MS);
  const broker = await startMqttBroker();
  const listener = await listenToBroker(broker.url);
  const evse = await startOpenEvse({ clock, brokerUrl: broker.url, ...options });
  await waitUntil(() => evse.isMqttConnected, "the charger to connect");
  let seen = evse.publications.length;
  async function settle(): Promise<void> {
    const last = evse.publications.at(-1);
    if (last === undefined) return;
    const sent = evse.publications.filter(({ topic }) => topic === last.topic).length;
    await waitUntil(() => listener.countOf(last.topic) >= sent, "everything published");
  }
  return {
    clock,
    broker,
    evse,
    listener,
    published() {
      const fresh = evse.publications.slice(seen);
      seen = evse.publications.length;
      const prefix = `${evse.baseTopic}/`;
      return fresh
        .filter(({ topic, text }) => topic.startsWith(prefix) && !/^[[{]/.test(text))
        .map(({ topic, text }) => `${topic.slice(prefix.length)} ${text}`);
    },
    async command(path, text, retain = false) {
      const before = evse.commands.length;
      await listener.publish(`${evse.baseTopic}/${path}`, text, retain);
      await waitUntil(() => evse.commands.length > before, `the command ${path}`);
    },
    settle,
    async pass(seconds) {
      await clock.advanceAsync(seconds * 1000);
    },
    status: () => askObject(evse.port, "/status"),
    http: (method, path, body) =>
      ask(evse.port, path, {
        method,
        ...(body === undefined ? {} : { body, headers: { "Content-Length": String(Buffer.byteLength(body)) } }),
      }),
    async document(name) {
      await settle();
      return JSON.parse(
        listener
          .textsOf(`${evse.baseTopic}/${name}`)
          .filter((text) => /^[[{]/.test(text))
          .at(-1) ?? "0",
      );
    },
    async end() {
      await listener.close();
      await evse.stop();
      await broker.stop();
    },
  };
}

/** The latest `key value` of a list, as text. */
export const latestOf = (published: readonly string[], key: string): string | undefined =>
  published.findLast((entry) => entry.startsWith(`${key} `))?.slice(key.length + 1);
