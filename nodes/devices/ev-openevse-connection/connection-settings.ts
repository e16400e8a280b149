import { z } from "zod";
import type { HttpSettings } from "../../../lib/devices/openevse/client-http.ts";
import type { OpenevseSettings } from "../../../lib/devices/openevse/openevse.ts";
import type { Topics } from "../../../lib/devices/openevse/topics.ts";
import { parseHttpUrl } from "../../../lib/io/http.ts";
import type { MqttSettings } from "../../../lib/io/mqtt.ts";
import { EvError } from "../../../lib/model/errors.ts";
import type { NodeContext } from "../../shared/node-context.ts";
import { readConfig } from "../../shared/read-config.ts";

const number = (low: number, high: number, missing: number) => z.coerce.number().min(low).max(high).default(missing);
const whole = (low: number, high: number, missing: number) =>
  z.coerce.number().int().min(low).max(high).default(missing);

/** A host name or an IP address, nothing that could be taken for a URL. */
export const HOST = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?$|^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?$/;
/** No wildcards, no empty levels at the ends. */
const TOPIC = /^[^#+\0/]+(\/[^#+\0/]+)*$/;
/** A wildcard is allowed as the last level. */
export const FILTER = /^[^#+\0]+(\/[#+])?$/;

/** What the dialog saves. */
const configSchema = z.object({
  via: z.enum(["mqtt", "http", "fed"]).default("mqtt"),
  scheme: z.enum(["mqtt", "mqtts", "ws", "wss"]).default("mqtt"),
  host: z.string().trim().regex(HOST, "a host name or an IP address such as 192.0.2.10").optional(),
  port: whole(1, 65_535, 1883),
  path: z
    .string()
    .trim()
    .regex(/^\/[\w./-]{0,200}$/, "a path such as /mqtt")
    .default("/mqtt"),
  tls: z.string().max(100).optional(),
  clientId: z
    .string()
    .trim()
    .regex(/^[\w.:-]{1,64}$/, "letters, digits and . : _ -")
    .optional(),
  keepAliveS: whole(5, 600, 30),
  baseTopic: z.string().trim().max(200).regex(TOPIC, "a topic without wildcards, such as openevse-7b2c").optional(),
  announceTopic: z
    .string()
    .trim()
    .max(200)
    .regex(FILTER, "a topic such as openevse/announce/#")
    .default("openevse/announce/#"),
  url: z.string().trim().max(300).optional(),
  pollS: number(1, 300, 5),
  claimId: whole(1, 65_535, 2027),
  minA: number(6, 80, 6),
  maxA: number(6, 80, 32),
  phases: z.enum(["auto", "1", "3"]).default("auto"),
  channel: z.enum(["auto", "override", "claim"]).default("auto"),
  onExit: z.enum(["release", "pause", "keep"]).default("release"),
  whMeaning: z.enum(["ask", "session-ws", "lifetime-wh"]).default("ask"),
  silenceS: number(35, 3600, 95),
});

/** How the charger is reached, with what is needed for it. */
export type Way =
  | { readonly via: "mqtt"; readonly mqtt: MqttSettings; readonly topics: Topics }
  | { readonly via: "http"; readonly http: HttpSettings }
  | { readonly via: "fed"; readonly topics: Topics };

export interface ConnectionSettings {
  readonly way: Way;
  readonly openevse: OpenevseSettings;
}

/** @throws EvError `config`, naming the field */
export function readSettings(context: NodeContext): ConnectionSettings {
  const read = readConfig(configSchema, context.config);
  const { minA, maxA, phases, channel, onExit, silenceS, whMeaning } = read;
  if (minA > maxA) throw new EvError("config", "Open the connection: the smallest current is above the largest.");
  const way = readWay(read, context);
  return {
    way,
    openevse: {
      device: context.name,
      baseTopic: way.via === "http" ? "" : way.topics.baseTopic,
      minA,
      maxA,
      channel,
      onExit,
      silenceS,
      whMeaning: whMeaning === "ask" ? null : whMeaning,
      wiredPhases: phases === "auto" ? null : phases === "3" ? 3 : 1,
    },
  };
}

function readWay(read: z.output<typeof configSchema>, context: NodeContext): Way {
  const { credentials } = context;
  if (read.via === "http") {
    const { webUser = "", webPassword = "" } = credentials;
    const { pollS, claimId } = read;
    return {
      via: "http",
      http: { baseUrl: readBaseUrl(read.url), user: webUser, password: webPassword, pollS, claimId },
    };
  }
  if (read.baseTopic === undefined) {
    throw new EvError("config", "Open the connection and enter the charger's base topic, for example openevse-7b2c.");
  }
  const topics = { baseTopic: read.baseTopic, announceTopic: read.announceTopic };
  if (read.via === "fed") return { via: "fed", topics };
  if (read.host === undefined) throw new EvError("config", "Open the connection and enter the address of the broker.");
  const { scheme, host, port, path, clientId, keepAliveS } = read;
  const isWeb = scheme === "ws" || scheme === "wss";
  const chosen = scheme === "mqtts" || scheme === "wss" ? context.tls(read.tls) : null;
  return {
    via: "mqtt",
    topics,
    mqtt: {
      scheme,
      host,
      port,
      clientId: clientId ?? null,
      keepAliveS,
      user: credentials.user ?? "",
      password: credentials.password ?? "",
      ...(isWeb ? { path } : {}),
      ...(chosen === null ? {} : { tls: chosen }),
    },
  };
}

/** Path and query of a pasted address are dropped. @throws EvError `config` */
function readBaseUrl(typed: string | undefined): string {
  if (typed === undefined) throw new EvError("config", "Open the connection and enter the address of the charger.");
  const url = parseHttpUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(typed) ? typed : `http://${typed}`);
  if (url.username !== "" || url.password !== "") {
    throw new EvError("config", "Enter user name and password in their own fields, not in the address.");
  }
  return url.origin;
}
