import { type AlarmCode, alarmCodes } from "./codes.ts";
import { carPower } from "./inputs.ts";
import type { ControlSettings } from "./settings.ts";
import type { ControlAction, ControlState, RaisedAlarm, Timing } from "./state.ts";

/*
 * An alarm is raised once when a trouble has lasted for its delay, and taken back once when the trouble is over.
 */

/** Seconds that a trouble must last; a freshly started charger shows faults for a while (fact sheet v2g 8.11). */
export const ALARM_DELAYS_S: Readonly<Record<AlarmCode, number>> = {
  "meter-missing": 30,
  "meter-lost": 0,
  "meter-frozen": 0,
  "meter-implausible": 0,
  "charger-missing": 30,
  "charger-lost": 0,
  "charger-fault": 60,
  "charger-disobeys": 60,
  "fuse-overload": 10,
};

/** Power that a stopped or wrongly directed car must not have, W. */
const DISOBEDIENT_W = 300;

type Params = RaisedAlarm["params"];

/** Brings the alarms up to date. */
export function stepAlarms(
  state: ControlState,
  now: Timing,
  settings: ControlSettings,
): { readonly state: ControlState; readonly actions: readonly ControlAction[] } {
  let { alarms, troubles } = state;
  const actions: ControlAction[] = [];
  for (const code of alarmCodes) {
    const params = TROUBLES[code](state, now, settings);
    if (params === null) {
      if (troubles[code] !== undefined) troubles = without(troubles, code);
      if (alarms[code] === undefined) continue;
      actions.push({ type: "alarm", code, raised: false, params: {} });
      alarms = without(alarms, code);
      continue;
    }
    const sinceMs = troubles[code] ?? now.monotonicMs;
    if (troubles[code] === undefined) troubles = { ...troubles, [code]: sinceMs };
    if (alarms[code] !== undefined || now.monotonicMs - sinceMs < ALARM_DELAYS_S[code] * 1000) continue;
    actions.push({ type: "alarm", code, raised: true, params });
    alarms = { ...alarms, [code]: { params, sinceMs: now.nowMs } };
  }
  return { state: { ...state, alarms, troubles }, actions };
}

/** Each trouble: its parameters while it is there, null while it is not. */
const TROUBLES: Readonly<
  Record<AlarmCode, (state: ControlState, now: Timing, settings: ControlSettings) => Params | null>
> = {
  "meter-missing": ({ inputs, outcome }) => when(inputs.gridHealth.phase === "missing" && outcome.safeState),
  "meter-lost": ({ inputs }) => when(inputs.gridHealth.phase === "lost" || inputs.gridHealth.phase === "recovering"),
  "meter-frozen": ({ inputs }) => when(inputs.gridFault?.kind === "frozen"),
  "meter-implausible": ({ inputs }) =>
    when(inputs.gridFault?.kind === "implausible", { powerW: Math.round(inputs.gridFault?.powerW ?? 0) }),
  "charger-missing": ({ outcome }) => when(outcome.reason.code === "charger-missing"),
  "charger-lost": ({ inputs }) =>
    when(inputs.chargerHealth.phase === "lost" || inputs.chargerHealth.phase === "recovering"),
  "charger-fault": ({ inputs }) =>
    when(inputs.charger?.state === "fault", { fault: inputs.charger?.faults[0]?.code ?? "" }),
  "charger-disobeys": ({ inputs, outcome }, { monotonicMs }, settings) => {
    const { targetA } = outcome;
    const carW = carPower(inputs, monotonicMs, settings.staleAfterS * 1000)?.powerW;
    if (targetA === null || carW === undefined || Math.abs(carW) < DISOBEDIENT_W) return null;
    return when(Math.sign(targetA) !== Math.sign(carW), { powerW: Math.round(carW), targetA });
  },
  "fuse-overload": ({ inputs }, _now, settings) => {
    const { fuseA } = settings;
    const { grid, gridHealth } = inputs;
    if (fuseA === null || grid === null || gridHealth.phase !== "fresh") return null;
    // a total is over the limit for certain only when it would be so evenly spread
    const currentA = Math.max(...grid.importA) / (grid.perPhase ? 1 : settings.sitePhases);
    return when(currentA > fuseA, { currentA: Math.round(currentA), fuseA });
  },
};

const when = (there: boolean, params: Params = {}): Params | null => (there ? params : null);

function without<Value>(record: Readonly<Partial<Record<AlarmCode, Value>>>, code: AlarmCode): typeof record {
  const { [code]: _gone, ...rest } = record;
  return rest;
}
