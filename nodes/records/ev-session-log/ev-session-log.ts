import type { Session } from "../../../lib/model/session.ts";
import type { SiteSettings } from "../../../lib/planning/control/site.ts";
import type { LogEvent } from "../../../lib/records/session-log/session-log.ts";
import type { Store } from "../../../lib/records/store/store.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import { recordMessage, type NodeContext } from "../../shared/node-context.ts";
import { showOverview } from "./log-status.ts";

/** Readings in, charging sessions out; every session is in the store before it is told. */
export default defineNode({ type: "ev-session-log", start });

async function start(context: NodeContext): Promise<RunningNode> {
  const { readSettings } = await import("./log-settings.ts");
  const { startSessionLog } = await import("../../../lib/records/session-log/session-log.ts");
  const { createDetection } = await import("../../../lib/records/session-log/detection.ts");

  const settings = readSettings(context.id, context.config, await findHouse(context));
  const store = await context.use<Store>(context.config.store, "ev-store");
  const log = await startSessionLog({
    settings,
    store,
    clock: context.clock,
    logger: context.logger,
    detection: createDetection(settings.detector),
    onSession(event: LogEvent, session: Session) {
      context.send({ ...recordMessage(session), event });
      // a node that is closing is not heard any more
      return !context.signal.aborted;
    },
    onOverview: (overview) => showOverview(context, overview),
  });
  return {
    input: (message) => log.take(message.payload, message.retain === true),
    close: () => log.close(),
  };
}

async function findHouse(context: NodeContext): Promise<SiteSettings | null> {
  const { site } = context.config;
  if (typeof site !== "string" || site === "") return null;
  return (await context.use<{ readonly settings: SiteSettings }>(site, "ev-site")).settings;
}
