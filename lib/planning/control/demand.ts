import { clamp } from "../../model/units.ts";
import type { ControlSettings } from "./settings.ts";

/*
 * Turning what the house wants into amps (fact sheet v2g 1.4). Demand is what the grid meter would read without the
 * car: + the house imports, so the car may discharge; - the house exports, so the car may charge. Both methods look at
 * the demand along one direction at a time, so that hysteresis works alike when charging and when discharging.
 */

export interface DemandInput {
  /** + import, - export, without the car, W */
  readonly demandW: number;
  /** what this function said last, A; + charge, - discharge */
  readonly lastA: number;
  readonly charge: boolean;
  readonly discharge: boolean;
  /** never take more from the sun than it gives */
  readonly truncates: boolean;
  readonly voltageV: number;
  /** phases the charger uses */
  readonly phases: number;
  /** smallest current that flows, A */
  readonly minChargeA: number;
  readonly minDischargeA: number;
}

type Direction = 1 | -1;

/** Whole amps for this demand: + charge, - discharge. Not yet limited; see limits.ts. */
export function demandToAmps(input: DemandInput, settings: ControlSettings): number {
  const lastDirection: Direction | 0 = input.lastA > 0 ? 1 : input.lastA < 0 ? -1 : 0;
  const held = lastDirection === 0 ? 0 : along(input, settings, lastDirection, Math.abs(input.lastA));
  if (held > 0) return lastDirection * held;
  const direction: Direction = input.demandW < 0 ? 1 : -1;
  if (direction === lastDirection) return 0;
  const level = along(input, settings, direction, 0);
  return level > 0 ? direction * level : 0;
}

function along(input: DemandInput, settings: ControlSettings, direction: Direction, lastA: number): number {
  if (!(direction > 0 ? input.charge : input.discharge)) return 0;
  const powerW = -direction * input.demandW;
  return settings.method === "levels"
    ? fromLevels(powerW, lastA, settings.levels ?? defaultLevels(input.phases), settings.hysteresisW)
    : fromDirect(powerW, lastA, input, settings, direction);
}

interface Level {
  readonly fromW: number;
  readonly currentA: number;
}

const DEFAULT_LEVELS: readonly (readonly Level[])[] = [1, 2, 3].map((phases) =>
  Array.from({ length: 30 }, (_, row) => ({ fromW: (row + 3) * 240 * phases, currentA: row + 3 })),
);

/** n x 240 W gives n A, from 3 to 32 A: the car follows a little less than the house asks. */
export const defaultLevels = (phases: number): readonly Level[] => DEFAULT_LEVELS[phases - 1] ?? [];

/** Method A: the row whose band holds the power; the last row's band is wider by the hysteresis on both sides. */
function fromLevels(powerW: number, lastA: number, levels: readonly Level[], hysteresisW: number): number {
  const lastRow = levels.findIndex((level) => level.currentA === lastA);
  // row -1 is the band below the table, 0 A, which is also where a standing car is
  if (lastRow >= 0 || lastA === 0) {
    const low = levels[lastRow]?.fromW ?? Number.NEGATIVE_INFINITY;
    const high = levels[lastRow + 1]?.fromW ?? Number.POSITIVE_INFINITY;
    if (powerW >= low - hysteresisW && powerW < high + hysteresisW) return lastA;
  }
  return levels.findLast((level) => powerW >= level.fromW)?.currentA ?? 0;
}

/** Method B: power over voltage plus a bias, from an activation threshold on, rounded to whole amps that stay put. */
function fromDirect(
  powerW: number,
  lastA: number,
  input: DemandInput,
  settings: ControlSettings,
  direction: Direction,
): number {
  const charging = direction > 0;
  const minA = Math.ceil(charging ? input.minChargeA : input.minDischargeA);
  const maxA = Math.floor(charging ? settings.maxChargeA : settings.maxDischargeA);
  const wattsPerAmp = input.voltageV * input.phases;
  const activationW = (charging ? settings.chargeActivationW : settings.dischargeActivationW) ?? minA * wattsPerAmp;
  if (powerW < (lastA > 0 ? activationW - settings.hysteresisW : activationW)) return 0;
  if (powerW <= 0 && lastA === 0) return 0;
  const biasA = charging ? settings.chargeBiasA : settings.dischargeBiasA;
  // half an amp less before rounding is the same as cutting the fraction off
  const wishA = Math.max(0, powerW) / wattsPerAmp + (input.truncates ? Math.min(biasA, -0.5) : biasA);
  const slackA = settings.hysteresisW / wattsPerAmp;
  const below = input.truncates ? 0.5 : 0.5 + slackA;
  const above = input.truncates ? 0.5 + 2 * slackA : 0.5 + slackA;
  const stays = lastA > 0 && wishA >= lastA - below && wishA < lastA + above;
  return clamp(stays ? lastA : Math.round(wishA), minA, Math.max(minA, maxA));
}
