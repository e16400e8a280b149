import type { Charger } from "../../model/records.ts";
import { type Health, neverHeard } from "./health.ts";
import type { ControlSettings } from "./settings.ts";

/*
 * What the controller knows about the house: the last usable readings, each with its monotonic time of arrival. They are
 * taken in by intake.ts.
 */

export interface TimedPower {
  readonly powerW: number;
  readonly voltageV: number | null;
  /** Monotonic. */
  readonly arrivedMs: number;
}

export interface GridReading extends TimedPower {
  /** Import per phase, A; - export. One entry when only a total is known. */
  readonly importA: readonly number[];
  readonly perPhase: boolean;
}

export interface Inputs {
  readonly grid: GridReading | null;
  readonly gridHealth: Health;
  /** Why the latest grid reading was not used. */
  readonly gridFault: {
    readonly kind: "implausible" | "frozen";
    readonly powerW: number;
    readonly arrivedMs: number;
  } | null;
  /** What the meter keeps saying, and since when (monotonic). */
  readonly repeated: { readonly reading: string; readonly sinceMs: number } | null;
  readonly evse: TimedPower | null;
  readonly solar: TimedPower | null;
  readonly house: TimedPower | null;
  readonly battery: TimedPower | null;
  readonly charger: Charger | null;
  readonly chargerArrivedMs: number;
  readonly chargerHealth: Health;
  /** What the charger last said about itself; survives readings without limits. */
  readonly chargerLimits: Charger["limits"];
  /** Monotonic arrival of the last reading with a fault in it. */
  readonly faultSeenMs: number;
  /** What the house wants apart from the car, + import, W, and when it was last known. */
  readonly demand: TimedPower | null;
  readonly demandHealth: Health;
  /** The car's last two samples, from its meter channel or its charger. */
  readonly carBefore: TimedPower | null;
  readonly carLast: TimedPower | null;
  /** The car's power at the instant of the grid reading; null when nobody can tell. */
  readonly carAtGrid: TimedPower | null;
}

export const noInputs: Inputs = {
  grid: null,
  gridHealth: neverHeard,
  gridFault: null,
  repeated: null,
  evse: null,
  solar: null,
  house: null,
  battery: null,
  charger: null,
  chargerArrivedMs: Number.NEGATIVE_INFINITY,
  chargerHealth: neverHeard,
  chargerLimits: null,
  faultSeenMs: Number.NEGATIVE_INFINITY,
  demand: null,
  demandHealth: neverHeard,
  carBefore: null,
  carLast: null,
  carAtGrid: null,
};

/** Beyond any house. */
export const MOST_HOUSE_W = 100_000;

/** Power into the car: its own meter channel, else what the charger says; null when neither is young enough. */
export function carPower(inputs: Inputs, monotonicMs: number, withinMs: number): TimedPower | null {
  if (isYoung(inputs.evse, monotonicMs, withinMs)) return inputs.evse;
  const { charger, chargerArrivedMs } = inputs;
  if (charger === null || monotonicMs - chargerArrivedMs > withinMs) return null;
  const powerW = chargerPower(charger);
  return powerW === null ? null : { powerW, voltageV: plausibleVoltage(charger.voltageV), arrivedMs: chargerArrivedMs };
}

/** Whether a value is at most `withinMs` old. */
export const isYoung = (power: TimedPower | null, monotonicMs: number, withinMs: number): power is TimedPower =>
  power !== null && monotonicMs - power.arrivedMs <= withinMs;

/** What the meter sees per phase, + import, A, while it is trusted; null otherwise. */
export const freshGridCurrents = (
  { grid, gridHealth }: Inputs,
  monotonicMs: number,
  settings: ControlSettings,
): readonly number[] | null =>
  gridHealth.phase !== "lost" && isYoung(grid, monotonicMs, settings.staleAfterS * 1000) ? grid.importA : null;

/** Mains voltage at the house, V: measured if possible. */
export function mainsVoltage({ grid, evse, charger }: Inputs, settings: ControlSettings): number {
  return grid?.voltageV ?? evse?.voltageV ?? plausibleVoltage(charger?.voltageV ?? null) ?? settings.voltageV;
}

/** True or false when the charger knows, null when it cannot tell. */
export function isPlugged(charger: Charger | null): boolean | null {
  if (charger === null) return null;
  if (charger.state === "unplugged") return false;
  return charger.state === "charging" || charger.state === "discharging" ? true : charger.plugged;
}

/** What the charger says flows, W; from its current if need be, 0 when it rests; null when it does not say. */
export function chargerPower({ powerW, currentA, voltageV, phases, state }: Charger): number | null {
  if (powerW !== null) return Math.abs(powerW) <= MOST_HOUSE_W ? powerW : null;
  const voltage = plausibleVoltage(voltageV);
  if (currentA !== null && voltage !== null && Math.abs(currentA) <= 500) return currentA * voltage * phases;
  return state === "unplugged" || state === "plugged" || state === "paused" ? 0 : null;
}

/** A voltage that a mains can have, else null. */
export const plausibleVoltage = (voltageV: number | null): number | null =>
  voltageV !== null && voltageV >= 80 && voltageV <= 300 ? voltageV : null;
