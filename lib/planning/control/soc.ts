import type { ControlSettings } from "./settings.ts";

/*
 * Floor and ceiling of the state of charge, in every mode (fact sheet v2g 8.5). Each is a latch with two points: closed
 * on reaching the limit, opened only when the battery has moved away from it by the hysteresis. An unknown state of
 * charge moves no latch, so a battery that was low stays low until it is known to be fuller.
 */
export interface SocLatches {
  readonly atFloor: boolean;
  readonly atCeiling: boolean;
}

export const noLatches: SocLatches = { atFloor: false, atCeiling: false };

/** @param carLeft another battery may come: the ceiling is forgotten, the floor stays until it is disproved */
export function updateLatches(
  latches: SocLatches,
  socPercent: number | null,
  carLeft: boolean,
  settings: ControlSettings,
): SocLatches {
  const before = carLeft ? { ...latches, atCeiling: false } : latches;
  if (socPercent === null) return before;
  const { floorSocPercent: floor, ceilingSocPercent: ceiling, socHysteresisPercent: hysteresis } = settings;
  return {
    atFloor: before.atFloor ? socPercent < floor + hysteresis || socPercent <= floor : socPercent <= floor,
    atCeiling: before.atCeiling ? socPercent > ceiling - hysteresis || socPercent >= ceiling : socPercent >= ceiling,
  };
}
