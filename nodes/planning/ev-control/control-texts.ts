import type { AlarmCode } from "../../../lib/planning/control/codes.ts";
import type { Description } from "../../../lib/planning/control/describe.ts";
import type { Control } from "../../../lib/model/records.ts";
import { isoAt } from "../../../lib/model/units.ts";
import type { NodeContext, StatusKind } from "../../shared/node-context.ts";

type Params = Readonly<Record<string, string | number>>;

/** Puts what the controller decided into words of Node-RED's language. */
export interface ControlTexts {
  record(description: Description, nowMs: number): Control;
  alarm(alarm: { readonly code: AlarmCode; readonly raised: boolean; readonly params: Params }): object;
  showStatus(record: Control): void;
}

export function createTexts(context: NodeContext): ControlTexts {
  const say = (group: "reason" | "alarm", code: string, params: Params): string =>
    context.t(`ev-control.${group}.${code}`, readable(context, params));
  return {
    record: (description, nowMs) => ({
      ...description,
      kind: "control",
      device: context.name,
      at: isoAt(nowMs),
      reason: { code: description.reason.code, params: { ...description.reason.params } },
      why: say("reason", description.reason.code, description.reason.params),
      alarms: description.alarms.map(({ code, params, since }) => ({ code, text: say("alarm", code, params), since })),
    }),
    alarm: ({ code, raised, params }) => ({ code, raised, text: say("alarm", code, params), params }),
    showStatus(record) {
      const [kind, key] = statusOf(record);
      context.status(kind, context.t(`ev-control.status.${key}`, { amps: Math.abs(record.targetA ?? 0) }));
    },
  };
}

/** Watts become kilowatts with two decimals, and who asked becomes a word. */
function readable(context: NodeContext, params: Params): Params {
  const words: Record<string, string | number> = {};
  for (const [name, param] of Object.entries(params)) {
    if (typeof param === "number" && name.endsWith("W")) {
      words[name] = Math.round(param);
      words[`${name.slice(0, -1)}Kw`] = (Math.max(0, param) / 1000).toFixed(2);
    } else if (name === "by") words[name] = context.t(`ev-control.by.${param}`);
    else words[name] = typeof param === "number" ? Math.round(param * 10) / 10 : param;
  }
  return words;
}

function statusOf({ targetA, safeState }: Control): [StatusKind, string] {
  if (targetA === null) return ["off", "handsOff"];
  if (safeState) return ["waiting", "safe"];
  if (targetA === 0) return ["live", "idle"];
  return ["acting", targetA > 0 ? "charging" : "discharging"];
}
