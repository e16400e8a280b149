import type { Overview } from "../../../lib/records/session-log/session-log.ts";
import type { NodeContext } from "../../shared/node-context.ts";

/** The words under the node: what waits goes before what charges, and that before what rests. */
export function showOverview(context: NodeContext, { open, waiting }: Overview): void {
  const say = (key: string, params: Readonly<Record<string, unknown>> = {}): string =>
    context.t(`ev-session-log.status.${key}`, params);
  const charging = open.filter(({ isCharging }) => isCharging);
  const shown = charging.length > 0 ? charging : open;
  const energyWh = shown.reduce((sum, session) => sum + session.energyWh, 0);
  const params = { kwh: (energyWh / 1000).toFixed(1), count: shown.length };
  if (waiting !== null) context.status("waiting", say("storeWaits", { count: waiting }));
  else if (charging.length > 0)
    context.status("acting", say(charging.length === 1 ? "charging" : "severalCharging", params));
  else if (open.length > 0) context.status("live", say(open.length === 1 ? "plugged" : "severalPlugged", params));
  else context.status("off", say("idle"));
}
