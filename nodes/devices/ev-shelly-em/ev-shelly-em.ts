import type { FoundShelly } from "../../../lib/devices/shelly/discovery.ts";
import type { ShellyEm } from "../../../lib/devices/shelly/shelly-em.ts";
import type { Browse } from "../../../lib/io/mdns.ts";
import { type Clock, systemClock } from "../../../lib/model/clock.ts";
import { EvError } from "../../../lib/model/errors.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import { type NodeContext, recordMessage } from "../../shared/node-context.ts";
import type { NodeMessage, NodeRed } from "../../shared/node-red.d.ts";
import { createMeterStatus } from "./meter-status.ts";

/** What a test puts in the place of the network. */
export interface ShellyNodeParts {
  readonly clock?: Clock;
  readonly browse?: Browse;
}

/** Energy meters Shelly EM, all generations: one message per channel and reading. */
export const createShellyNode = (parts: ShellyNodeParts = {}): ((RED: NodeRed) => void) =>
  defineNode({
    type: "ev-shelly-em",
    credentials: { user: { type: "text" }, password: { type: "password" } },
    start,
    registerRoutes: (RED) => registerDiscovery(RED, parts),
  });

export default createShellyNode();

async function start(context: NodeContext): Promise<RunningNode> {
  const { readSettings } = await import("./settings.ts");
  const { startShellyEm } = await import("../../../lib/devices/shelly/shelly-em.ts");
  const { includesRaw, ...settings } = readSettings(context.config);
  const status = createMeterStatus(context);
  const { user = "", password = "" } = context.credentials;
  const meter = await startShellyEm({
    ...settings,
    login: { user, password },
    clock: context.clock,
    logger: context.logger,
    recall: () => context.recall("counters"),
    remember: (kept) => context.remember("counters", kept),
    onReadings(readings, raw) {
      status.show(readings);
      context.send([
        readings.map((record) => (includesRaw ? { ...recordMessage(record), raw } : recordMessage(record))),
      ]);
    },
    onLost({ error, isOtherDevice }) {
      status.lose();
      context.fault(error);
      if (isOtherDevice) context.status("failed", context.t("ev-shelly-em.status.otherDevice"));
    },
    onBack: () => context.recovered(),
  });
  return { input: (message) => readOnDemand(meter, message), close: () => meter.close() };
}

/** Any message means: read now. A command that a meter cannot obey is refused. */
async function readOnDemand(meter: ShellyEm, { payload }: NodeMessage): Promise<void> {
  if (typeof payload === "object" && payload !== null && "command" in payload && payload.command !== "refresh") {
    throw new EvError("unsupported", `A meter understands only the command "refresh".`);
  }
  await meter.readNow();
}

/** The search button of the dialog; several editors share one search. */
function registerDiscovery(RED: NodeRed, { clock = systemClock, browse }: ShellyNodeParts): void {
  let search: Promise<readonly FoundShelly[]> | null = null;
  const discover = async (): Promise<readonly FoundShelly[]> => {
    const { discoverShellys } = await import("../../../lib/devices/shelly/discovery.ts");
    return discoverShellys({ clock, ...(browse === undefined ? {} : { browse }) });
  };
  RED.httpAdmin.post("/ev-shelly-em/discover", RED.auth.needsPermission("ev-shelly-em.write"), (_request, response) => {
    search ??= discover().finally(() => {
      search = null;
    });
    search.then(
      (found) => response.json(found),
      () => response.sendStatus(500),
    );
  });
}
