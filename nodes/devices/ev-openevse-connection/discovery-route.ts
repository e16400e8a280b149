import type { FoundOpenevse } from "../../../lib/devices/openevse/discovery.ts";
import type { Browse } from "../../../lib/io/mdns.ts";
import { type Clock, systemClock } from "../../../lib/model/clock.ts";
import { EvError, toEvError } from "../../../lib/model/errors.ts";
import { readTls } from "../../shared/node-context.ts";
import type { NodeRed } from "../../shared/node-red.d.ts";

/** What a test puts in the place of the network. */
export interface DiscoveryParts {
  readonly clock?: Clock;
  readonly browse?: Browse;
}

/** At one time, whoever asks. */
const MOST_SEARCHES = 3;
/** What Node-RED shows the editor instead of a password. */
const MASKED = "__PWRD__";

const brokers = new Map<string, string>();

/** Where the password of a deployed connection may be sent: to its own broker and nowhere else. @returns how to undo it */
export function noteBroker(connectionId: string, { host, port }: { readonly host: string; readonly port: number }) {
  brokers.set(connectionId, `${host}:${port}`);
  return (): void => void brokers.delete(connectionId);
}

/** The search buttons of the dialog: on the network, and on the broker that stands in the dialog. */
export function registerDiscovery(RED: NodeRed, { clock = systemClock, browse }: DiscoveryParts): void {
  let running = 0;
  const discover = async (body: unknown): Promise<readonly FoundOpenevse[]> => {
    const { discoverByBroker, discoverByMdns } = await import("../../../lib/devices/openevse/discovery.ts");
    const asked = await readSearch(RED, body);
    return asked === null
      ? discoverByMdns({ clock, ...(browse === undefined ? {} : { browse }) })
      : discoverByBroker(asked.settings, asked.announceTopic, clock);
  };
  RED.httpAdmin.post(
    "/ev-openevse-connection/discover",
    RED.auth.needsPermission("ev-openevse-connection.write"),
    ({ body }, response) => {
      if (running >= MOST_SEARCHES) {
        response.sendStatus(429);
        return;
      }
      running += 1;
      discover(body)
        .then(
          (found) => response.json(found),
          (thrown: unknown) => {
            const { code, detail } = toEvError(thrown);
            if (code === "config" && detail !== undefined) response.status(400).json({ code, field: detail });
            else response.status(502).json({ code });
          },
        )
        .finally(() => {
          running -= 1;
        });
    },
  );
}

/** Null = search the network. @throws EvError `config`; its detail is the field of the dialog */
async function readSearch(RED: NodeRed, body: unknown) {
  const { z } = await import("zod");
  const { FILTER, HOST } = await import("./connection-settings.ts");
  const broker = z.object({
    via: z.literal("mqtt"),
    id: z.string().max(100).default(""),
    scheme: z.enum(["mqtt", "mqtts", "ws", "wss"]),
    host: z.string().trim().regex(HOST),
    port: z.coerce.number().int().min(1).max(65_535),
    path: z.string().max(200).default("/mqtt"),
    tls: z.string().max(100).default(""),
    user: z.string().max(200).default(""),
    password: z.string().max(500).default(""),
    announceTopic: z.string().trim().max(200).regex(FILTER),
  });
  const parsed = z.discriminatedUnion("via", [z.object({ via: z.literal("http") }), broker]).safeParse(body);
  if (!parsed.success) {
    const field = parsed.error.issues[0]?.path.join(".") ?? "via";
    throw new EvError("config", `The search needs another "${field}".`, { detail: field });
  }
  if (parsed.data.via === "http") return null;
  const { id, scheme, host, port, path, tls, user, announceTopic } = parsed.data;
  const saved = RED.nodes.getNode(id);
  const isOurs = saved?.type === "ev-openevse-connection" && brokers.get(id) === `${host}:${port}`;
  const masked = isOurs ? (saved.credentials?.password ?? "") : "";
  const password = parsed.data.password === MASKED ? masked : parsed.data.password;
  const chosen = scheme === "mqtts" || scheme === "wss" ? readTls(RED, tls) : null;
  return {
    announceTopic,
    settings: {
      scheme,
      host,
      port,
      ...(scheme === "ws" || scheme === "wss" ? { path } : {}),
      user,
      password,
      clientId: null,
      keepAliveS: 30,
      ...(chosen === null ? {} : { tls: chosen }),
    },
  };
}
