import type { Command, ScheduleEvent } from "../../model/commands.ts";
import { EvError } from "../../model/errors.ts";
import type { ChargerConfig, Properties, SessionLimit } from "./documents.ts";
import type { NumberKey } from "./wire.ts";

/*
 * What can be told to an OpenEVSE, and how it is written on each way (fact sheet openevse-h2v-sessions 4.1 to 4.4, 5). Pure.
 */

/** Who asks: a person (priority 1000) or a program (500). */
export type Channel = "override" | "claim";

export interface Wanted {
  /** undefined = leave it to others */
  readonly state: "active" | "disabled" | undefined;
  readonly chargeA: number | undefined;
  /** nobody gets more, whatever his priority */
  readonly maxA: number | undefined;
  /** forgotten when the car leaves */
  readonly isReleasedAtUnplug: boolean;
}

export type Feed = Extract<Command, { command: "feed" }>;

export type Order =
  | { readonly to: Channel; readonly wanted: Wanted | null }
  | { readonly to: "limit"; readonly limit: SessionLimit | null }
  | { readonly to: "divert"; readonly isEco: boolean }
  | { readonly to: "shaper"; readonly isOn: boolean }
  | { readonly to: "feed"; readonly feed: Feed }
  | { readonly to: "schedule"; readonly events: readonly ScheduleEvent[] }
  | { readonly to: "schedule-clear"; readonly id: number }
  | { readonly to: "restart" };

/** Whether the charger shows what was asked; "none" is null. */
export function shows(shown: Properties | null | undefined, wanted: Wanted | null): boolean {
  if (shown === undefined) return false;
  if (wanted === null || shown === null) return wanted === null && shown === null;
  return shown.state === wanted.state && shown.charge_current === wanted.chargeA && shown.max_current === wanted.maxA;
}

export interface Publication {
  readonly topic: string;
  readonly payload: string;
}

const FEEDS: readonly (readonly [field: keyof Feed, key: NumberKey, config: keyof ChargerConfig, httpKey: string])[] = [
  ["gridW", "grid_ie", "mqtt_grid_ie", "grid_ie"],
  ["solarW", "solar", "mqtt_solar", "solar"],
  ["houseW", "shaper_live_pwr", "mqtt_live_pwr", "shaper_live_pwr"],
  ["voltageV", "voltage", "mqtt_vrms", "voltage"],
  ["socPercent", "battery_level", "mqtt_vehicle_soc", "battery_level"],
  ["rangeKm", "battery_range", "mqtt_vehicle_range", "battery_range"],
];

/** What is fed, as the charger will echo it; it reads whole numbers only. */
export const fedNumbers = (feed: Feed): readonly (readonly [NumberKey, number])[] =>
  FEEDS.flatMap(([field, key]) => {
    const fed = feed[field];
    return typeof fed === "number" ? [[key, Math.round(fed)] as const] : [];
  });

/** @throws EvError `unsupported` when the charger has no topic for it */
export function toPublications(order: Order, baseTopic: string, config: ChargerConfig | undefined): Publication[] {
  const at = (topic: string, payload: string): Publication => ({ topic: `${baseTopic}/${topic}`, payload });
  switch (order.to) {
    case "override":
      return [at("override/set", order.wanted === null ? "clear" : mqttProperties(order.wanted))];
    case "claim":
      return [at("claim/set", order.wanted === null ? "release" : mqttProperties(order.wanted))];
    case "limit":
      return [at("limit/set", order.limit === null ? "clear" : JSON.stringify(order.limit))];
    case "divert":
      return [at("divertmode/set", order.isEco ? "2" : "1")];
    case "shaper":
      return [at("shaper/set", order.isOn ? "1" : "0")];
    case "schedule":
      return [at("schedule/set", JSON.stringify(order.events))];
    case "schedule-clear":
      return [at("schedule/clear", String(order.id))];
    case "restart":
      return [at("restart", JSON.stringify({ device: "gateway" }))];
    case "feed":
      return feedPublications(order.feed, config);
    default:
      return order satisfies never;
  }
}

/** Properties are added to the last ones over MQTT, so that each is named: what is not wanted is cleared. */
const mqttProperties = ({ state, chargeA, maxA, isReleasedAtUnplug }: Wanted): string =>
  JSON.stringify({
    ...(state === undefined ? {} : { state }),
    charge_current: chargeA ?? "clear",
    max_current: maxA ?? "clear",
    auto_release: isReleasedAtUnplug,
  });

function feedPublications(feed: Feed, config: ChargerConfig | undefined): Publication[] {
  return FEEDS.flatMap(([field, , setting]) => {
    const fed = feed[field];
    if (typeof fed !== "number") return [];
    const topic = config?.[setting];
    if (typeof topic !== "string" || topic === "" || /[#+\0]/.test(topic)) {
      throw new EvError("unsupported", `The charger has no topic for ${field}: enter one in its own settings.`);
    }
    return [{ topic, payload: String(Math.round(fed)) }];
  });
}

export interface HttpOrder {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
  /** Deleting what is not there is done already. */
  readonly mayBeMissing?: true;
}

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

/** @param claimId our own client number */
export function toHttp(order: Order, claimId: number): HttpOrder {
  const post = (path: string, body: object): HttpOrder => ({
    method: "POST",
    path,
    body: JSON.stringify(body),
    type: JSON_TYPE,
  });
  const remove = (path: string): HttpOrder => ({ method: "DELETE", path, mayBeMissing: true });
  switch (order.to) {
    case "override":
      return order.wanted === null ? remove("/override") : post("/override", httpProperties(order.wanted));
    case "claim": {
      const path = `/claims/${claimId}`;
      return order.wanted === null ? remove(path) : post(path, httpProperties(order.wanted));
    }
    case "limit":
      return order.limit === null ? remove("/limit") : post("/limit", order.limit);
    case "divert":
      return { method: "POST", path: "/divertmode", body: `divertmode=${order.isEco ? 2 : 1}`, type: FORM_TYPE };
    case "shaper":
      return { method: "POST", path: "/shaper", body: `shaper=${order.isOn ? 1 : 0}`, type: FORM_TYPE };
    case "schedule":
      return post("/schedule", order.events);
    case "schedule-clear":
      return remove(`/schedule/${order.id}`);
    case "restart":
      return post("/restart", { device: "gateway" });
    case "feed":
      return post("/status", httpFeed(order.feed));
    default:
      return order satisfies never;
  }
}

/** A POST starts from nothing, so that what is not named is not wanted. */
const httpProperties = ({ state, chargeA, maxA, isReleasedAtUnplug }: Wanted): object => ({
  ...(state === undefined ? {} : { state }),
  ...(chargeA === undefined ? {} : { charge_current: chargeA }),
  ...(maxA === undefined ? {} : { max_current: maxA }),
  auto_release: isReleasedAtUnplug,
});

const httpFeed = (feed: Feed): object =>
  Object.fromEntries(
    FEEDS.flatMap(([field, , , key]) => {
      const fed = feed[field];
      return typeof fed === "number" ? [[key, Math.round(fed)]] : [];
    }),
  );

/** The controller's own words for firmware without claims; `V` keeps the current out of its EEPROM, which wears. */
export const rapiCurrent = (currentA: number): string => `$SC ${currentA} V`;
export const RAPI_ENABLE = "$FE";
export const RAPI_SLEEP = "$FS";
export const RAPI_RESTART = "$FR";
export const RAPI_STATE = "$GS";
export const RAPI_ENERGY = "$GU";

/** Names of those who may hold the charger (fact sheet 4.5), with their priority. */
const HOLDERS: Readonly<Record<number, readonly [name: string, priority: number]>> = {
  65537: ["a manual override", 1000],
  65538: ["solar divert", 50],
  65539: ["boost", 200],
  65540: ["the charger's timer", 100],
  65542: ["the session limit", 1100],
  65543: ["an error of the charger", 10_000],
  65544: ["OhmConnect", 500],
  65545: ["an OCPP server", 1050],
  65546: ["RFID", 1030],
  65547: ["another MQTT client", 500],
  65548: ["load balancing (shaper)", 5000],
  65549: ["temperature throttling", 5000],
};

export function describeHolder(client: number): string {
  const [name, priority] = HOLDERS[client] ?? [`client ${client}`, 500];
  return `${name} (priority ${priority})`;
}
