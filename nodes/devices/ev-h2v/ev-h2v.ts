import type { H2v, H2vTrouble } from "../../../lib/devices/h2v/h2v.ts";
import type { H2vMinute } from "../../../lib/model/h2v.ts";
import { EvError } from "../../../lib/model/errors.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import { type NodeContext, recordMessage } from "../../shared/node-context.ts";
import type { NodeMessage } from "../../shared/node-red.d.ts";

/** Toyota's H2V gateway: house, car and everything else that its page says of a minute, once per minute. */
export default defineNode({ type: "ev-h2v", start });

const TROUBLE_WORDS: Readonly<Record<Exclude<H2vTrouble, "lost">, string>> = {
  "no-data": "ev-h2v.status.noData",
  stuck: "ev-h2v.status.stuck",
  "clock-off": "ev-h2v.status.clockOff",
};

async function start(context: NodeContext): Promise<RunningNode> {
  const { readSettings } = await import("./h2v-settings.ts");
  const { startH2v } = await import("../../../lib/devices/h2v/h2v.ts");
  const { toMeters } = await import("../../../lib/devices/h2v/minute.ts");
  const settings = readSettings(context.config);
  const gateway = await startH2v({
    ...settings,
    clock: context.clock,
    logger: context.logger,
    recall: () => context.recall("minutes"),
    remember: (kept) => context.remember("minutes", kept),
    onMinute(minute) {
      if (!minute.noData && !minute.flags.includes("clock-off")) showMinute(context, minute);
      const [house, car] = toMeters(minute);
      context.send([recordMessage(house), recordMessage(car), recordMessage(minute)]);
    },
    onTrouble(trouble, error) {
      context.fault(error);
      if (trouble !== "lost") context.status("waiting", context.t(TROUBLE_WORDS[trouble]));
    },
    onBack: () => context.recovered(),
  });
  return { input: (message) => readOnDemand(gateway, message), close: () => gateway.close() };
}

function showMinute(context: NodeContext, { meanW, carW, missing }: H2vMinute): void {
  if (meanW === null || carW === null) {
    context.status("waiting", context.t("ev-h2v.status.missing", { label: missing[0] ?? "" }));
  } else {
    context.status("live", context.t("ev-h2v.status.now", { house: meanW, car: carW }));
  }
}

/** Any message means: read now. A command that a meter cannot obey is refused. */
async function readOnDemand(gateway: H2v, { payload }: NodeMessage): Promise<void> {
  if (typeof payload === "object" && payload !== null && "command" in payload && payload.command !== "refresh") {
    throw new EvError("unsupported", `The gateway understands only the command "refresh".`);
  }
  await gateway.readNow();
}
