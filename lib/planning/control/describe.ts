import type { Control } from "../../model/records.ts";
import { isoAt, roundTo } from "../../model/units.ts";
import { inForce } from "./choice.ts";
import { type AlarmCode, alarmCodes, type ControlReason } from "./codes.ts";
import { chargerPhases } from "./fuse.ts";
import type { HeadroomRequest } from "./headroom.ts";
import { carPower, type Inputs, isPlugged, isYoung, type TimedPower } from "./inputs.ts";
import type { ControlSettings } from "./settings.ts";
import type { ControlState, RaisedAlarm, Timing } from "./state.ts";

/** A `Control` record but for its texts and its address, which the node adds. */
export interface Description extends Omit<Control, "kind" | "device" | "at" | "why" | "reason" | "alarms"> {
  readonly reason: ControlReason;
  readonly alarms: readonly {
    readonly code: AlarmCode;
    readonly params: RaisedAlarm["params"];
    readonly since: string;
  }[];
}

/** What the controller is doing and why. Values too old to be acted upon are null. */
export function describe(state: ControlState, now: Timing, settings: ControlSettings): Description {
  const { inputs, outcome, alarms } = state;
  const { choice, shownMode } = inForce(state.choices, settings.startMode);
  const meterMs = settings.staleAfterS * 1000;
  const fresh = (power: TimedPower | null): number | null =>
    isYoung(power, now.monotonicMs, meterMs) ? roundTo(power.powerW, 1) : null;
  const charger = chargerInView(inputs);
  const gridW = fresh(inputs.grid);
  const carW = fresh(carPower(inputs, now.monotonicMs, meterMs));
  const solarW = fresh(inputs.solar);
  return {
    mode: shownMode,
    safeState: outcome.safeState,
    targetA: outcome.targetA,
    setpointA: charger?.setpointA ?? null,
    gridW,
    carW,
    solarW,
    houseW: fresh(inputs.house) ?? houseFromTheRest(gridW, carW, solarW, fresh(inputs.battery)),
    socPercent: charger?.socPercent ?? null,
    plugged: isPlugged(charger),
    floorSocPercent: settings.floorSocPercent,
    ceilingSocPercent: settings.ceilingSocPercent,
    targetSocPercent: choice.until?.socPercent ?? null,
    reason: outcome.reason,
    until: choice.endMs === null ? null : isoAt(choice.endMs),
    alarms: alarmCodes.flatMap((code) => {
      const alarm = alarms[code];
      return alarm === undefined ? [] : [{ code, params: alarm.params, since: isoAt(alarm.sinceMs) }];
    }),
  };
}

/** The charger's last reading while it is heard. */
export const chargerInView = ({ charger, chargerHealth: { phase } }: Inputs): Inputs["charger"] =>
  phase === "fresh" || phase === "recovering" ? charger : null;

/** Grid + sun + battery - car; null when it cannot be told or cannot be true. */
function houseFromTheRest(
  gridW: number | null,
  carW: number | null,
  solarW: number | null,
  batteryW: number | null,
): number | null {
  if (gridW === null || carW === null) return null;
  const houseW = roundTo(gridW - carW + (solarW ?? 0) + (batteryW ?? 0), 1);
  return houseW < -50 ? null : Math.max(0, houseW);
}

/** What this controller asks of the site's fuse; the fields of a `HeadroomRequest` that it knows itself. */
export function headroomRequest(
  state: ControlState,
  now: Timing,
  settings: ControlSettings,
): Omit<HeadroomRequest, "id" | "priority"> {
  const { inputs, outcome } = state;
  const car = inputs.carAtGrid ?? carPower(inputs, now.monotonicMs, settings.staleAfterS * 1000);
  const phases = chargerPhases(inputs);
  // without a reading of the car its last set point counts
  const nowA = car === null ? (outcome.targetA ?? 0) : car.powerW / ((car.voltageV ?? settings.voltageV) * phases);
  const ownPhase = settings.chargerPhase === null ? undefined : [settings.chargerPhase];
  // a hands-off charger decides by itself: keep room for what flows
  const wantA = outcome.targetA === null ? Math.max(0, Math.ceil(nowA)) : outcome.beforeFuseA;
  const minA = Math.ceil(Math.max(settings.minChargeA, inputs.chargerLimits?.minA ?? 0));
  return {
    wantA,
    nowA,
    minA: wantA > 0 ? Math.min(minA, wantA) : minA,
    safeA: settings.safeChargeA,
    onPhases: phases > 1 ? [1, 2, 3].slice(0, phases) : ownPhase,
  };
}
