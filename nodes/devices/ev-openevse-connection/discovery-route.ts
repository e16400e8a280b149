import type { FoundOpenevse } from "../../../lib/devices/openevse/discovery.ts";
import type { Browse } from "../../../lib/io/mdns.ts";
import { type Clock, systemClock } from "../../../lib/model/clock.ts";
import { toEvError } from "../../../lib/model/errors.ts";
import { readTls } from "../../shared/node-context.ts";
import type { NodeRed } from "../../shared/node-red.d.ts";

/** What a test puts in the place of the network. */
export interface DiscoveryParts {
  readonly clock?: Clock;
  readonly browse?: Browse;
}

/** What Node-RED shows the editor instead of a password. */
const MASKED = "__PWRD__";

/** The search buttons of the dialog: on the network, and on the broker that stands in the dialog. */
export function registerDiscovery(RED: NodeRed, { clock = systemClock, browse }: DiscoveryParts): void {
  let search: Promise<readonly FoundOpenevse[]> | null = null;
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
      // one search at a time, whoever asks
      search ??= discover(body).finally(() => {
        search = null;
      });
      search.then(
        (found) => response.json(found),
        (thrown: unknown) => response.status(502).json({ code: toEvError(thrown).code }),
      );
    },
  );
}

/** Null = search the network. @throws EvError `config` */
async function readSearch(RED: NodeRed, body: unknown) {
  const { z } = await import("zod");
  const schema = z.object({
    id: z.string().max(100).default(""),
    scheme: z.enum(["mqtt", "mqtts", "ws", "wss"]),
    host: z
      .string()
      .trim()
      .regex(/^[\w.:%-]{1,253}$/),
    port: z.coerce.number().int().min(1).max(65_535),
    path: z.string().max(200).default("/mqtt"),
    tls: z.string().max(100).default(""),
    user: z.string().max(200).default(""),
    password: z.string().max(500).default(""),
    announceTopic: z.string().trim().min(1).max(200),
  });
  const parsed = schema.safeParse(body);
  if (!parsed.success) return null;
  const { id, scheme, host, port, path, tls, user, announceTopic } = parsed.data;
  const saved = RED.nodes.getNode(id);
  const isOurs = saved?.type === "ev-openevse-connection";
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
