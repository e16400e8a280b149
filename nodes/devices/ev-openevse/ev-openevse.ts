import type { Answer, OpenevseReport } from "../../../lib/devices/openevse/openevse.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import { type NodeContext, recordMessage } from "../../shared/node-context.ts";
import type { NodeMessage } from "../../shared/node-red.d.ts";
import type { OpenevseConnection } from "../ev-openevse-connection/ev-openevse-connection.ts";

/** An OpenEVSE as a charger like any other: commands in; `charger` records, messages for the broker, and answers out. */
export default defineNode({ type: "ev-openevse", start });

async function start(context: NodeContext): Promise<RunningNode> {
  const { readCommand } = await import("../../shared/read-command.ts");
  const { readOpenevseConfig } = await import("./openevse-config.ts");
  const { showReport } = await import("./openevse-status.ts");
  const { everyS, includeRaw } = readOpenevseConfig(context.config);
  const { openevse, fed } = await context.use<OpenevseConnection>(context.config.connection, "ev-openevse-connection");
  let sentMs = Number.NEGATIVE_INFINITY;

  const pass = (report: OpenevseReport): void => {
    showReport(context, report);
    const nowMs = context.clock.monotonicMs();
    if (!report.isChange && nowMs - sentMs < everyS * 1000) return;
    sentMs = nowMs;
    const message = recordMessage({ ...report.charger, device: context.name });
    context.send([includeRaw ? { ...message, raw: report.raw } : message, null, null]);
  };
  context.status("waiting", context.t(`ev-openevse.status.${fed === null ? "connecting" : "listening"}`));
  context.onClose(openevse.subscribe(pass));
  if (fed !== null) {
    context.onClose(
      fed.onPublication(({ topic, payload }) => context.send([null, { topic, payload, qos: 1, retain: false }, null])),
    );
  }
  return {
    async input(message) {
      const { topic, payload } = message;
      if (fed !== null && typeof topic === "string" && fed.takes(topic, payload)) {
        fed.feed({ topic, payload, isRetained: message.retain === true });
        return;
      }
      const answer = await openevse.obey(readCommand(message, context.clock.nowMs()));
      if (answer !== null) context.send([null, null, answerMessage(context, message, answer)]);
    },
  };
}

/** Carries the message's id, so that a flow can tell which question it answers. */
const answerMessage = (context: NodeContext, { _msgid }: NodeMessage, answer: Answer): NodeMessage => ({
  ...(_msgid === undefined ? {} : { _msgid }),
  topic: context.name,
  payload: { ...answer, device: context.name },
});
