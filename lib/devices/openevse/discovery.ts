import { type DiscoveryOptions, type HeardService, listenForServices, readServiceHost } from "../../io/mdns.ts";
import { type MqttSettings, openMqtt } from "../../io/mqtt.ts";
import { type Clock, sleep } from "../../model/clock.ts";
import { readAnnouncement } from "./documents.ts";

/*
 * Finding chargers: by mDNS, and on a broker by what they announce (fact sheet openevse-h2v-sessions 3.1). Whatever comes from
 * the network is a stranger's word: it is filtered, cut and never used as markup.
 */

export interface FoundOpenevse {
  /** letters, digits, dot, hyphen, underscore */
  readonly name: string;
  /** address for HTTP; null = not told */
  readonly host: string | null;
  /** null = not told */
  readonly baseTopic: string | null;
  readonly firmware: string | null;
}

const MOST_FOUND = 50;
const LISTEN_MS = 3000;
const NAME = /^[\w.-]{1,63}$/;
const BASE_TOPIC = /^[\w./-]{1,100}$/;

/** Listens on the network for three seconds. */
export async function discoverByMdns(options: DiscoveryOptions): Promise<readonly FoundOpenevse[]> {
  const found = new Map<string, FoundOpenevse>();
  await listenForServices(["openevse"], options, (service) => {
    const charger = readService(service);
    if (charger?.host != null && found.size < MOST_FOUND) found.set(charger.host, charger);
  });
  return sortByName(found);
}

/** Null when it is no OpenEVSE that can be asked. */
export function readService(service: HeardService): FoundOpenevse | null {
  const { name, txt } = service;
  const host = readServiceHost(service);
  if (typeof name !== "string" || !NAME.test(name) || host === null) return null;
  return { name, host, baseTopic: null, firmware: readVersion(txt) };
}

const readVersion = (txt: unknown): string | null => {
  if (typeof txt !== "object" || txt === null || !("version" in txt) || typeof txt.version !== "string") return null;
  return NAME.test(txt.version) ? txt.version : null;
};

/** Listens on a broker for three seconds to what chargers have announced. */
export async function discoverByBroker(
  settings: MqttSettings,
  announceTopic: string,
  clock: Clock,
): Promise<readonly FoundOpenevse[]> {
  const found = new Map<string, FoundOpenevse>();
  let failure: Error | null = null;
  const mqtt = openMqtt({
    settings: { ...settings, clientId: null },
    filters: [announceTopic],
    clock,
    onMessage({ payload }) {
      const charger = readAnnounced(payload.toString("utf8"));
      if (charger?.baseTopic != null && found.size < MOST_FOUND) found.set(charger.baseTopic, charger);
    },
    onUp: () => {
      failure = null;
    },
    onDown: (error) => {
      failure = error;
    },
  });
  try {
    await sleep(clock, LISTEN_MS);
  } finally {
    await mqtt.close();
  }
  if (failure !== null && found.size === 0) throw failure;
  return sortByName(found);
}

/** Null when it tells no base topic that we would use. */
export function readAnnounced(text: string): FoundOpenevse | null {
  const announced = readAnnouncement(text);
  const { mqtt, http, name } = announced ?? {};
  if (mqtt === undefined || !BASE_TOPIC.test(mqtt)) return null;
  const host = /^http:\/\/([\w.:-]{1,100})\/?$/.exec(http ?? "")?.[1] ?? null;
  return { name: name !== undefined && NAME.test(name) ? name : mqtt, host, baseTopic: mqtt, firmware: null };
}

const sortByName = (found: ReadonlyMap<string, FoundOpenevse>): readonly FoundOpenevse[] =>
  [...found.values()].sort((a, b) => a.name.localeCompare(b.name));
