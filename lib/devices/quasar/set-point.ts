import { clamp } from "../../model/units.ts";
import { HARDWARE_MAX_A, HARDWARE_MAX_W, type QuasarLive, type QuasarWrite } from "./wire.ts";

/*
 * From a wish in amps or watts to the whole number that is written: the one place where every set point is clamped (fact
 * sheet v2g 8.4, 8.9; architecture, rules that keep a house safe 2). Pure.
 */

/** Which of the two set-point registers is in force. */
export type SetPointMode = "current" | "power";

/** What somebody wants to flow, in one unit, signed: + charge, - discharge. Not clamped. */
export type Demand =
  | { readonly unit: "A"; readonly currentA: number }
  | { readonly unit: "W"; readonly powerW: number };

export const isSameDemand = (one: Demand, other: Demand): boolean =>
  one.unit === "A"
    ? other.unit === "A" && one.currentA === other.currentA
    : other.unit === "W" && one.powerW === other.powerW;

/** The charger as the user and the installer allow it; single phase. */
export interface QuasarLimits {
  /** smaller currents become 0 */
  readonly minA: number;
  readonly maxA: number;
  readonly maxDischargeA: number;
  /** what the installer allows in power mode, W */
  readonly maxW: number;
}

/** What the user set in the dialog, and with the `limit` command on top (null = no such limit). */
export interface UserLimits {
  readonly minA: number;
  readonly maxChargeA: number;
  readonly maxDischargeA: number;
  readonly commandedMaxA: number | null;
  readonly commandedMaxDischargeA: number | null;
}

/** Turns the installer's watts into amps: the full 7400 W then mean the full 32 A. */
const NOMINAL_VOLTAGE_V = 230;

/** The smallest of what hardware, installer and user allow. An unreadable installer's limit counts as the hardware's. */
export function combineLimits(user: UserLimits, live: QuasarLive | null): QuasarLimits {
  const maxW = live?.maxAvailableW ?? HARDWARE_MAX_W;
  const deviceA = Math.min(live?.maxAvailableA ?? HARDWARE_MAX_A, Math.floor(maxW / NOMINAL_VOLTAGE_V), HARDWARE_MAX_A);
  const smallest = (...limits: (number | null)[]): number =>
    Math.max(0, Math.floor(Math.min(...limits.map((limit) => limit ?? Infinity))));
  return {
    minA: user.minA,
    maxA: smallest(deviceA, user.maxChargeA, user.commandedMaxA),
    maxDischargeA: smallest(deviceA, user.maxDischargeA, user.commandedMaxDischargeA),
    maxW,
  };
}

/**
 * The number for the set-point register of this mode: whole amps or whole watts, rounded towards 0 so that a limit is
 * never passed; 0 when the demand is below the minimum current, or no number at all.
 *
 * @param voltageV mains voltage when the demand was accepted; it does not follow every flicker, so that the set point
 *   stands still
 */
export function toSetPoint(demand: Demand, mode: SetPointMode, limits: QuasarLimits, voltageV: number): number {
  if (mode === "current") {
    const wantedA = demand.unit === "A" ? demand.currentA : demand.powerW / voltageV;
    const amps = Math.trunc(clamp(wantedA, -limits.maxDischargeA, limits.maxA));
    return Math.abs(amps) >= limits.minA && amps !== 0 ? amps : 0;
  }
  const wantedW = demand.unit === "W" ? demand.powerW : demand.currentA * voltageV;
  const lowW = -Math.min(limits.maxDischargeA * voltageV, limits.maxW);
  const highW = Math.min(limits.maxA * voltageV, limits.maxW);
  const watts = Math.trunc(clamp(wantedW, lowW, highW));
  return Math.abs(watts) >= limits.minA * voltageV && watts !== 0 ? watts : 0;
}

/** A register's number in amps, signed. */
export const setPointA = (amount: number, mode: SetPointMode, voltageV: number): number =>
  mode === "current" ? amount : amount / voltageV;

/** The write that sets `amount` in the register of this mode. */
export const setPointWrite = (amount: number, mode: SetPointMode): QuasarWrite =>
  mode === "current"
    ? { register: "currentSetpointA", currentA: amount }
    : { register: "powerSetpointW", powerW: amount };
