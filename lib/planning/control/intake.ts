import type { Charger, Meter } from "../../model/records.ts";
import { ageHealth, hearReading, hearSilence } from "./health.ts";
import { chargerPower, type Inputs, isYoung, MOST_HOUSE_W, plausibleVoltage, type TimedPower } from "./inputs.ts";
import { type Order, pairCar, pairGrid } from "./pairing.ts";
import type { ControlSettings } from "./settings.ts";

/*
 * Readings on their way in. What cannot be true is not taken, so it ages into silence like no reading at all.
 */

const FROZEN_LEAST_W = 50;

/** Takes in one channel of a meter. */
export function applyMeter(
  inputs: Inputs,
  reading: Meter,
  order: Order | null,
  monotonicMs: number,
  settings: ControlSettings,
): Inputs {
  if (reading.role === "grid") return applyGrid(inputs, reading, order, monotonicMs, settings);
  const { powerW } = reading;
  if (powerW === null || !(Math.abs(powerW) <= MOST_HOUSE_W)) return inputs;
  const sample: TimedPower = { powerW, voltageV: plausibleVoltage(reading.voltageV), arrivedMs: monotonicMs };
  const heard: Inputs = { ...inputs, [reading.role]: sample };
  return reading.role === "evse" ? pairCar(heard, sample, settings) : heard;
}

function applyGrid(
  before: Inputs,
  reading: Meter,
  order: Order | null,
  monotonicMs: number,
  settings: ControlSettings,
): Inputs {
  const { powerW } = reading;
  if (powerW === null) return before;
  const repeated = noteRepetition(before.repeated, reading, monotonicMs);
  const inputs = { ...before, repeated };
  if (!isPlausible(reading, settings))
    return { ...inputs, gridFault: { kind: "implausible", powerW, arrivedMs: monotonicMs } };
  const isFrozen =
    reading.flags.some((flag) => flag === "frozen" || flag === "stale") ||
    (repeated !== null && monotonicMs - repeated.sinceMs >= settings.frozenAfterS * 1000);
  if (isFrozen) return { ...inputs, gridFault: { kind: "frozen", powerW, arrivedMs: monotonicMs } };
  const voltageV = plausibleVoltage(reading.voltageV);
  const phases = phaseImports(reading, voltageV ?? settings.voltageV);
  const heard: Inputs = {
    ...inputs,
    gridFault: null,
    gridHealth: hearReading(before.gridHealth, monotonicMs),
    grid: {
      powerW,
      voltageV,
      arrivedMs: monotonicMs,
      importA: phases ?? [importAmps(powerW, reading.currentA, voltageV ?? settings.voltageV)],
      perPhase: phases !== null,
    },
  };
  return pairGrid(heard, order, monotonicMs, settings);
}

/** Takes in a reading of the charger; one that says "offline" counts as silence. */
export function applyCharger(inputs: Inputs, reading: Charger, monotonicMs: number, settings: ControlSettings): Inputs {
  if (!reading.online) return { ...inputs, chargerHealth: hearSilence(inputs.chargerHealth, monotonicMs) };
  const heard: Inputs = {
    ...inputs,
    charger: reading,
    chargerArrivedMs: monotonicMs,
    chargerHealth: hearReading(inputs.chargerHealth, monotonicMs),
    chargerLimits: reading.limits ?? inputs.chargerLimits,
    faultSeenMs: reading.state === "fault" ? monotonicMs : inputs.faultSeenMs,
  };
  const powerW = chargerPower(reading);
  // the car's own meter channel is better, and comes with the grid channel
  if (powerW === null || isYoung(heard.evse, monotonicMs, settings.staleAfterS * 1000)) return heard;
  const sample: TimedPower = { powerW, voltageV: plausibleVoltage(reading.voltageV), arrivedMs: monotonicMs };
  return pairCar(heard, sample, settings);
}

/** Time went by. */
export function ageInputs(inputs: Inputs, monotonicMs: number, settings: ControlSettings): Inputs {
  const gridHealth = ageHealth(inputs.gridHealth, monotonicMs, settings);
  const chargerHealth = ageHealth(inputs.chargerHealth, monotonicMs, {
    staleAfterS: settings.chargerStaleAfterS,
    recoveryDelayS: settings.recoveryDelayS,
  });
  const demandHealth = ageHealth(inputs.demandHealth, monotonicMs, settings);
  return { ...inputs, gridHealth, chargerHealth, demandHealth };
}

function isPlausible({ powerW, phases }: Meter, settings: ControlSettings): boolean {
  const { fuseA, sitePhases, voltageV } = settings;
  const phaseBoundW = fuseA === null ? MOST_HOUSE_W : Math.min(MOST_HOUSE_W, fuseA * voltageV * 1.5);
  const boundW = fuseA === null ? MOST_HOUSE_W : Math.min(MOST_HOUSE_W, phaseBoundW * sitePhases);
  const fits = (power: number | null, mostW: number): boolean => power === null || Math.abs(power) <= mostW;
  return fits(powerW, boundW) && (phases ?? []).every((phase) => fits(phase.powerW, phaseBoundW));
}

function phaseImports({ phases }: Meter, voltageV: number): readonly number[] | null {
  if (phases === undefined || phases.length === 0) return null;
  const imports: number[] = [];
  for (const phase of phases) {
    const volts = plausibleVoltage(phase.voltageV) ?? voltageV;
    // a phase that does not say which way its current flows is taken to import
    const importA = phase.powerW === null ? phase.currentA : importAmps(phase.powerW, phase.currentA, volts);
    if (importA === null || !(Math.abs(importA) <= 1000)) return null;
    imports.push(phase.powerW === null ? Math.abs(importA) : importA);
  }
  return imports;
}

/** The fuse carries apparent current when importing; an export counts with its active part only. */
function importAmps(powerW: number, currentA: number | null, voltageV: number): number {
  const activeA = powerW / voltageV;
  const measuredA = currentA === null || Math.abs(currentA) > Math.abs(activeA) * 2 + 20 ? 0 : Math.abs(currentA);
  return powerW < 0 ? activeA : Math.max(activeA, measuredA);
}

/** A live meter's counters move; one that repeats itself to the last digit while current flows is dead. */
function noteRepetition(repeated: Inputs["repeated"], reading: Meter, monotonicMs: number): Inputs["repeated"] {
  const { powerW, voltageV, importWh, exportWh } = reading;
  if ((importWh === null && exportWh === null) || Math.abs(powerW ?? 0) < FROZEN_LEAST_W) return null;
  const text = `${powerW} ${voltageV} ${importWh} ${exportWh}`;
  return repeated?.reading === text ? repeated : { reading: text, sinceMs: monotonicMs };
}
