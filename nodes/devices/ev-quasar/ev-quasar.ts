import type { Quasar, QuasarReport } from "../../../lib/devices/quasar/quasar.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import { type NodeContext, recordMessage } from "../../shared/node-context.ts";

/** A Wallbox Quasar as a charger like any other: commands in, `charger` records out. */
export default defineNode({ type: "ev-quasar", start });

async function start(context: NodeContext): Promise<RunningNode> {
  const { readCommand } = await import("../../shared/read-command.ts");
  const { readQuasarConfig } = await import("./quasar-config.ts");
  const { showReport } = await import("./quasar-status.ts");
  const { everyS, includeRaw } = readQuasarConfig(context.config);
  const quasar = await context.use<Quasar>(context.config.connection, "ev-quasar-connection");
  let sentMs = Number.NEGATIVE_INFINITY;

  const pass = (report: QuasarReport): void => {
    showReport(context, report);
    const nowMs = context.clock.monotonicMs();
    if (!report.isChange && nowMs - sentMs < everyS * 1000) return;
    sentMs = nowMs;
    const message = recordMessage({ ...report.charger, device: context.name });
    context.send(includeRaw ? { ...message, raw: report.raw } : message);
  };
  context.status("waiting", context.t("ev-quasar.status.connecting"));
  context.onClose(quasar.subscribe(pass));
  return { input: (message) => quasar.obey(readCommand(message, context.clock.nowMs())) };
}
