import type { HomeRecord } from "../../../simulators/virtual-home.ts";
import { defineNode, type RunningNode } from "../../shared/define-node.ts";
import { type NodeContext, recordMessage } from "../../shared/node-context.ts";
import { readConfig } from "../../shared/read-config.ts";

const REPORT_PERIOD_MS = 1000;

/** A house without hardware: starts the simulated devices on this machine, takes commands, reports what truly flows. */
export default defineNode({ type: "ev-virtual-home", start });

async function start(context: NodeContext): Promise<RunningNode> {
  const { startVirtualHome } = await import("../../../simulators/virtual-home.ts");
  const { homeSettingsSchema, toHomeOptions } = await import("./home-settings.ts");
  const options = toHomeOptions(readConfig(homeSettingsSchema, context.config));
  const home = await startVirtualHome({ ...options, clock: context.clock });

  function report(): HomeRecord & { readonly device: string } {
    const record = { ...home.state(), device: context.name };
    showStatus(context, record);
    return record;
  }
  context.every(REPORT_PERIOD_MS, () => context.send(recordMessage(report())));
  report();

  return {
    input(message, send) {
      home.command(message.payload);
      send({ ...message, ...recordMessage(report()) });
    },
    close: () => home.stop(),
  };
}

function showStatus(context: NodeContext, record: HomeRecord): void {
  const brokerFault = record.brokerOnline === false ? "broker" : null;
  const fault = record.meterFault ?? record.chargerFault ?? record.openEvseFault ?? record.h2vFault ?? brokerFault;
  const isCharging = record.carW !== 0 || record.acCarW !== 0;
  const text = (key: string, params: Readonly<Record<string, unknown>>): string =>
    context.t(`ev-virtual-home.status.${key}`, params);
  const gridKw = (record.gridW / 1000).toFixed(1);
  if (fault !== null) context.status("waiting", text("fault", { fault }));
  else if (!record.plugged) context.status(isCharging ? "acting" : "live", text("grid", { gridKw }));
  else {
    const socPercent = Math.round(record.socPercent);
    context.status(isCharging ? "acting" : "live", text("gridAndCar", { gridKw, socPercent }));
  }
}
