import type { QuasarReport } from "../../../lib/devices/quasar/quasar.ts";
import type { Charger } from "../../../lib/model/records.ts";
import type { NodeContext, StatusKind } from "../../shared/node-context.ts";

/** Faults with words of their own; every other one is "charger fault". */
const FAULT_WORDS: ReadonlySet<string> = new Set(["wrong-device", "crashed", "control-refused", "stop-ignored"]);
/** Flags that say more than the state, the most telling first. */
const FLAG_WORDS = ["ocpp", "locked", "app-controlled", "queued-power-boost", "queued-power-sharing"] as const;

/** The words under the node; logs once when the charger goes and once when it is back. */
export function showReport(context: NodeContext, { charger, fault }: QuasarReport): void {
  if (fault === null) context.recovered();
  else context.fault(fault);
  const words = chooseWords(charger);
  if (words !== null) context.status(words.kind, context.t(`ev-quasar.status.${words.key}`, words.params));
}

interface Words {
  readonly kind: StatusKind;
  readonly key: string;
  readonly params?: Readonly<Record<string, number>>;
}

/** Null when the reason that `fault` shows says it best. */
function chooseWords(charger: Charger): Words | null {
  const fault = charger.faults.find(({ code }) => FAULT_WORDS.has(code)) ?? charger.faults[0];
  if (fault !== undefined && FAULT_WORDS.has(fault.code)) return { kind: "failed", key: fault.code };
  if (!charger.online) return null;
  if (fault !== undefined) return { kind: "failed", key: "fault" };
  return charger.state === "charging" || charger.state === "discharging" ? actingWords(charger) : idleWords(charger);
}

function actingWords({ state, currentA, setpointA }: Charger): Words {
  const amps = Math.round(Math.abs(currentA ?? setpointA ?? 0));
  return { kind: "acting", key: state, params: { amps } };
}

function idleWords(charger: Charger): Words {
  if (charger.state === "fault") return { kind: "waiting", key: "error" };
  if (charger.flags.includes("pending")) return { kind: "waiting", key: "settling" };
  const flag = FLAG_WORDS.find((word) => charger.flags.includes(word));
  if (flag !== undefined) return { kind: "live", key: flag };
  if (charger.flags.includes("waiting-for-car")) return { kind: "waiting", key: "waiting-for-car" };
  if (charger.plugged === false) return { kind: "live", key: "unplugged" };
  return charger.socPercent === null
    ? { kind: "live", key: "idle" }
    : { kind: "live", key: "idleAt", params: { socPercent: Math.round(charger.socPercent) } };
}
