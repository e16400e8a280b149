import type { Charger, Meter } from "../../model/records.ts";
import { ageHealth, type Health, hearReading, hearSilence, neverHeard } from "./health.ts";
import type { ControlSettings } from "./settings.ts";

/*
 * What the controller knows about the house: the last usable readings, each with its monotonic time of arrival. What
 * cannot be true is not taken in, so it ages into silence like no reading at all.
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
};

/** Beyond any house. */
export const MOST_HOUSE_W = 100_000;
/** Grid and car must be seen this close together to be subtracted; a ramping car would otherwise look like the house. */
export const COHERENT_MS = 2_000;
const FROZEN_LEAST_W = 50;

/** Takes in one channel of a meter. */
export function applyMeter(inputs: Inputs, reading: Meter, monotonicMs: number, settings: ControlSettings): Inputs {
  if (reading.role === "grid") return applyGrid(inputs, reading, monotonicMs, settings);
  const { powerW } = reading;
  if (powerW === null || !(Math.abs(powerW) <= MOST_HOUSE_W)) return inputs;
  return {
    ...inputs,
    [reading.role]: { powerW, voltageV: plausibleVoltage(reading.voltageV), arrivedMs: monotonicMs },
  };
}

function applyGrid(before: Inputs, reading: Meter, monotonicMs: number, settings: ControlSettings): Inputs {
  const { powerW } = reading;
  if (powerW === null) return before;
  const repeated = noteRepetition(before.repeated, reading, monotonicMs);
  const inputs = { ...before, repeated };
  if (!isPlausible(reading, settings))
    return { ...inputs, gridFault: { kind: "implausible", powerW, arrivedMs: monotonicMs } };
  const isFrozen =
    reading.flags.includes("frozen") ||
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
  return updateDemand(heard, monotonicMs);
}

/** Takes in a reading of the charger; one that says "offline" counts as silence. */
export function applyCharger(inputs: Inputs, reading: Charger, monotonicMs: number): Inputs {
  if (!reading.online) return { ...inputs, chargerHealth: hearSilence(inputs.chargerHealth, monotonicMs) };
  const heard: Inputs = {
    ...inputs,
    charger: reading,
    chargerArrivedMs: monotonicMs,
    chargerHealth: hearReading(inputs.chargerHealth, monotonicMs),
    chargerLimits: reading.limits ?? inputs.chargerLimits,
    faultSeenMs: reading.state === "fault" ? monotonicMs : inputs.faultSeenMs,
  };
  // the grid reading sets the pace, except where the charger is the slow one of the two
  return isYoung(heard.demand, monotonicMs, COHERENT_MS) ? heard : updateDemand(heard, monotonicMs);
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

function updateDemand(inputs: Inputs, monotonicMs: number): Inputs {
  const { grid } = inputs;
  const car = carPower(inputs, monotonicMs, COHERENT_MS);
  if (!isYoung(grid, monotonicMs, COHERENT_MS) || car === null) return inputs;
  return {
    ...inputs,
    demand: { powerW: grid.powerW - car.powerW, voltageV: grid.voltageV, arrivedMs: monotonicMs },
    demandHealth: hearReading(inputs.demandHealth, monotonicMs),
  };
}

function chargerPower({ powerW, currentA, voltageV, phases, state }: Charger): number | null {
  if (powerW !== null) return Math.abs(powerW) <= MOST_HOUSE_W ? powerW : null;
  const voltage = plausibleVoltage(voltageV);
  if (currentA !== null && voltage !== null && Math.abs(currentA) <= 500) return currentA * voltage * phases;
  return state === "unplugged" || state === "plugged" || state === "paused" ? 0 : null;
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

const plausibleVoltage = (voltageV: number | null): number | null =>
  voltageV !== null && voltageV >= 80 && voltageV <= 300 ? voltageV : null;
