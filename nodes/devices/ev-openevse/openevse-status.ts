import { describeFirmware } from "../../../lib/devices/openevse/firmware.ts";
import type { OpenevseReport } from "../../../lib/devices/openevse/openevse.ts";
import type { NodeContext, StatusKind } from "../../shared/node-context.ts";

interface Words {
  readonly kind: StatusKind;
  readonly key: string;
  readonly params?: Readonly<Record<string, string | number>>;
}

/** The words under the node; logs once when the charger goes and once when it is back. */
export function showReport(context: NodeContext, report: OpenevseReport): void {
  if (report.fault !== null) {
    context.fault(report.fault);
    return;
  }
  context.recovered();
  const { kind, key, params } = chooseWords(report);
  context.status(kind, context.t(`ev-openevse.status.${key}`, params));
}

const FIRMWARE_CHARACTERS = 7;

function chooseWords({ charger, firmware: known }: OpenevseReport): Words {
  const has = (flag: string): boolean => charger.flags.includes(flag);
  const firmware = describeFirmware(known).slice(0, FIRMWARE_CHARACTERS);
  if (has("other-device")) return { kind: "failed", key: "otherDevice" };
  const [fault] = charger.faults;
  if (fault !== undefined) {
    return fault.code === "no-controller"
      ? { kind: "failed", key: "noController" }
      : { kind: "failed", key: "fault", params: { code: fault.code } };
  }
  if (has("wh-unknown")) return { kind: "waiting", key: "chooseWh" };
  switch (charger.state) {
    case "charging":
      return {
        kind: "acting",
        key: "charging",
        params: { amps: Math.round(charger.currentA ?? charger.setpointA ?? 0) },
      };
    case "unplugged":
      return { kind: "live", key: "unplugged", params: { firmware } };
    case "plugged":
      return { kind: "live", key: "plugged", params: { firmware } };
    case "paused":
      return { kind: "live", key: has("limit-reached") ? "limitReached" : "paused", params: { firmware } };
    default:
      return { kind: "waiting", key: "waiting", params: { firmware } };
  }
}
