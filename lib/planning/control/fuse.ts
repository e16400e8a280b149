import { type Inputs, isYoung, mainsVoltage, MOST_HOUSE_W } from "./inputs.ts";
import type { ControlSettings } from "./settings.ts";
import { noCap, type SlowCap, stepCap } from "./slow-cap.ts";
import type { ControlState } from "./state.ts";

/*
 * What the house's connection leaves for this car, from the latest grid reading. Amps per phase. On a three-phase site
 * the meter should give each phase; from a total alone the whole house is taken to hang on the charger's phase, which is
 * safe and wasteful. A single-phase charger on an unknown phase is guarded on the worst one.
 */

/** Brings both caps up to date: with each grid reading, and when there are none any more. */
export function stepFuseCaps(
  { fuseCap, exportCap, outcome }: Pick<ControlState, "fuseCap" | "exportCap" | "outcome">,
  inputs: Inputs,
  isGridNews: boolean,
  monotonicMs: number,
  settings: ControlSettings,
): Pick<ControlState, "fuseCap" | "exportCap"> {
  const step = (cap: SlowCap, roomA: number | null): SlowCap => stepCap(cap, roomA, monotonicMs, settings.riseDelayS);
  if (isGridNews) {
    const roomA = chargeRoomA(inputs, fuseCap.capA, outcome.targetA ?? 0, settings);
    return {
      fuseCap: step(fuseCap, roomA),
      exportCap: step(exportCap, dischargeRoomA(inputs, exportCap.capA, monotonicMs, settings)),
    };
  }
  const isGone = inputs.gridHealth.phase === "missing" || inputs.gridHealth.phase === "lost";
  const isMonstrous = isMonstrousImport(inputs, monotonicMs, settings);
  return {
    fuseCap: isMonstrous ? step(fuseCap, 0) : isGone ? noCap : fuseCap,
    exportCap: isGone ? noCap : exportCap,
  };
}

/** Most amps that the main fuse leaves for charging; null = no fuse configured or no reading to tell. */
function chargeRoomA(
  inputs: Inputs,
  heldCapA: number | null,
  targetA: number,
  settings: ControlSettings,
): number | null {
  const { grid } = inputs;
  if (settings.fuseA === null || grid === null) return null;
  const limitA = settings.fuseA - settings.fuseMarginA;
  const importA = worstImport(inputs, settings, Math.max);
  const carA = carAmps(inputs, settings);
  if (carA !== null) return limitA - (importA - carA);
  // the car's share is unknown just now: give way to a real overload, never rise on a guess
  if (importA > limitA) return Math.max(0, targetA) - (importA - limitA);
  return Math.max(heldCapA ?? 0, limitA - importA);
}

/** A reading too high to be followed may still be a true overload: charging gives way to it. */
function isMonstrousImport({ gridFault }: Inputs, monotonicMs: number, settings: ControlSettings): boolean {
  if (settings.fuseA === null || gridFault?.kind !== "implausible") return false;
  const isRecent = monotonicMs - gridFault.arrivedMs <= settings.staleAfterS * 1000;
  return isRecent && gridFault.powerW > 0 && gridFault.powerW <= MOST_HOUSE_W;
}

/** Most amps that may be discharged without exporting more than the limit or the fuse allow; null = no limit. */
function dischargeRoomA(
  inputs: Inputs,
  heldCapA: number | null,
  monotonicMs: number,
  settings: ControlSettings,
): number | null {
  const { grid, demand } = inputs;
  const { exportLimitW, fuseA, fuseMarginA } = settings;
  if (grid === null || (exportLimitW === null && fuseA === null)) return null;
  const wattsPerAmp = mainsVoltage(inputs, settings) * chargerPhases(inputs);
  const demandW = isYoung(demand, monotonicMs, settings.staleAfterS * 1000) ? demand.powerW : null;
  const byExport =
    exportLimitW === null ? Number.POSITIVE_INFINITY : demandW === null ? 0 : (exportLimitW + demandW) / wattsPerAmp;
  if (fuseA === null) return byExport;
  const carA = carAmps(inputs, settings);
  if (carA === null && heldCapA !== null) return Math.min(byExport, heldCapA);
  const houseA = worstImport(inputs, settings, Math.min) - (carA ?? 0);
  // from a total alone nobody knows whether the house's load is on the charger's phase
  const helpsA = grid.perPhase || settings.sitePhases === 1 ? houseA : Math.min(0, houseA);
  return Math.min(byExport, fuseA - fuseMarginA + helpsA);
}

/** The highest (or lowest) import among the phases that this charger may be on, A. */
export function worstImport(
  { grid, charger }: Inputs,
  { chargerPhase }: ControlSettings,
  worst: (...amps: number[]) => number,
): number {
  if (grid === null) return 0;
  const own = chargerPhase === null || (charger?.phases ?? 1) > 1 ? undefined : grid.importA[chargerPhase - 1];
  return own ?? worst(...grid.importA);
}

/** Phases the charger uses, as it says. */
export const chargerPhases = ({ charger }: Inputs): number => charger?.phases ?? 1;

/** The car's share of the grid reading, per phase or of the total alike, + charge, A; null when nobody can tell. */
function carAmps(inputs: Inputs, settings: ControlSettings): number | null {
  const { grid, carAtGrid } = inputs;
  if (grid === null || carAtGrid === null) return null;
  return carAtGrid.powerW / (mainsVoltage(inputs, settings) * (grid.perPhase ? chargerPhases(inputs) : 1));
}
