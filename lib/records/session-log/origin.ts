import type { Meter, MeterRole } from "../../model/records.ts";
import type { EnergyInterval, Origin } from "./profile.ts";

/*
 * Where the car's energy came from, by the meters of the house: what the car took beyond what the house drew from the
 * grid came from the sun or from the house battery. Nothing is guessed: without a live grid meter it is not known.
 */

/** Tells the origin of energy that has just flowed. */
export interface OriginMeter {
  /** @param atMs wall clock at arrival */
  learn(reading: Meter, atMs: number): void;
  /** null = the meters were silent for more than a little of the interval */
  originOf(interval: EnergyInterval): Origin | null;
}

interface Sample {
  readonly atMs: number;
  /** null = the meter itself does not know */
  readonly powerW: number | null;
}

/** One channel of one meter. */
interface Source {
  readonly device: string;
  readonly role: MeterRole;
  samples: Sample[];
}

/** Samples closer than this to the one before take its place: a flood costs no memory. */
const FINEST_MS = 500;
const MOST_SAMPLES = 4000;
const MOST_SOURCES = 32;
/** Whoever was silent for so long has left the house. */
const FORGOTTEN_AFTER_MS = 86_400_000;
/** Share of the interval in which a meter must have been alive. */
const ENOUGH_COVER = 0.9;

/** @param staleAfterS how long a reading of a meter holds */
export function createOriginMeter(staleAfterS: number): OriginMeter {
  const sources = new Map<string, Source>();
  const staleMs = staleAfterS * 1000;

  /** Energy of one direction over the interval, Wh; null = not known. */
  const measure = (source: Source, { fromMs, toMs }: EnergyInterval): number | null => {
    let coveredMs = 0;
    let positiveWMs = 0;
    for (let index = source.samples.length - 1, untilMs = toMs; index >= 0; index--) {
      const sample = source.samples[index];
      if (sample === undefined) break;
      const startMs = Math.max(fromMs, sample.atMs);
      const endMs = Math.min(untilMs, sample.atMs + staleMs);
      if (endMs > startMs && sample.powerW !== null) {
        coveredMs += endMs - startMs;
        positiveWMs += Math.max(0, sample.powerW) * (endMs - startMs);
      }
      if (sample.atMs <= fromMs) break;
      untilMs = Math.min(untilMs, sample.atMs);
    }
    const lengthMs = toMs - fromMs;
    if (!(lengthMs > 0) || coveredMs < lengthMs * ENOUGH_COVER) return null;
    return (positiveWMs / coveredMs) * (lengthMs / 3_600_000);
  };

  /** Sum per device; null when one channel of it is not known. */
  const measureDevices = (role: MeterRole, interval: EnergyInterval): (number | null)[] => {
    const sums = new Map<string, number | null>();
    for (const source of sources.values()) {
      if (source.role !== role) continue;
      const energyWh = measure(source, interval);
      const before = sums.get(source.device);
      sums.set(source.device, energyWh === null || before === null ? null : (before ?? 0) + energyWh);
    }
    return [...sums.values()];
  };

  return {
    learn(reading, atMs) {
      if (reading.role !== "grid" && reading.role !== "solar" && reading.role !== "battery") return;
      const key = JSON.stringify([reading.device, reading.channel, reading.role]);
      const source = sources.get(key) ?? { device: reading.device, role: reading.role, samples: [] };
      keepSample(source, { atMs, powerW: reading.powerW });
      sources.set(key, source);
      for (const [name, { samples }] of sources) {
        if (atMs - (samples.at(-1)?.atMs ?? 0) > FORGOTTEN_AFTER_MS) sources.delete(name);
      }
      if (sources.size > MOST_SOURCES) sources.delete(key);
    },
    originOf(interval) {
      const grids = measureDevices("grid", interval).filter((energyWh) => energyWh !== null);
      const batteries = measureDevices("battery", interval);
      const suns = measureDevices("solar", interval);
      if (grids.length === 0 || batteries.includes(null) || suns.includes(null)) return null;
      // two meters may both see the whole supply; the one that sees more is believed
      const ownWh = Math.max(0, interval.energyWh - Math.max(...grids));
      const batteryWh = Math.min(ownWh, sum(batteries));
      const sunWh = Math.min(ownWh - batteryWh, suns.length === 0 ? Number.POSITIVE_INFINITY : sum(suns));
      return { sunWh, batteryWh };
    },
  };
}

function keepSample(source: Source, sample: Sample): void {
  const { samples } = source;
  const before = samples.at(-2);
  if (samples.length > 1 && before !== undefined && sample.atMs - before.atMs < FINEST_MS) samples.pop();
  // the clock was set back: what is later than now is of no use
  if ((samples.at(-1)?.atMs ?? 0) > sample.atMs) source.samples = samples.filter(({ atMs }) => atMs < sample.atMs);
  source.samples.push(sample);
  if (source.samples.length > MOST_SAMPLES) source.samples.splice(0, MOST_SAMPLES / 4);
}

const sum = (energies: readonly (number | null)[]): number =>
  energies.reduce<number>((total, energyWh) => total + (energyWh ?? 0), 0);
