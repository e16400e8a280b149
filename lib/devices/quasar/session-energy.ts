import { energyWh } from "../../model/units.ts";

/* Energy that went into the car since it was plugged in, from AC power; a Quasar has no such counter. Pure. */

/** After a longer gap nobody knows what flowed, ms. */
const LONGEST_GAP_MS = 60_000;

export interface SessionEnergy {
  /** null while no car is connected */
  readonly energyWh: number | null;
  /** false when the car was there before we were, or part of the time was not seen */
  readonly isComplete: boolean;
  readonly last: { readonly atMs: number; readonly powerW: number } | null;
}

/** Nothing seen yet: a car that is there already came before us. */
export const SESSION_UNSEEN: SessionEnergy = { energyWh: null, isComplete: false, last: null };
const NO_SESSION: SessionEnergy = { energyWh: null, isComplete: true, last: null };

/**
 * Takes one measurement. Discharging does not take energy away again: the figure is what went in, and never falls.
 *
 * @param isPlugged null = unknown, which ends no session
 */
export function observeSession(
  session: SessionEnergy,
  isPlugged: boolean | null,
  powerW: number | null,
  atMs: number,
): SessionEnergy {
  if (isPlugged === false) return NO_SESSION;
  if (isPlugged === null && session.energyWh === null) return session;
  const { last } = session;
  const soFarWh = session.energyWh ?? 0;
  if (powerW === null) return { ...session, energyWh: soFarWh };
  const now = { atMs, powerW };
  if (last === null) return { ...session, energyWh: soFarWh, last: now };
  const gapMs = atMs - last.atMs;
  if (gapMs > LONGEST_GAP_MS) return { energyWh: soFarWh, isComplete: false, last: now };
  const meanW = (Math.max(0, last.powerW) + Math.max(0, powerW)) / 2;
  return { ...session, energyWh: soFarWh + energyWh(meanW, gapMs), last: now };
}
