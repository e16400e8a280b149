import type { Clock } from "../../lib/model/clock.ts";
import { energyWh, roundTo } from "../../lib/model/units.ts";
import type { ElectricalSample } from "../simulator.ts";

/** Where a channel looks when it measures. */
export type SampleSource = () => ElectricalSample;

/** Perpetual energy counters of one channel, Wh; neither is netted against the other. */
export interface EnergyCounters {
  readonly importWh: number;
  readonly exportWh: number;
}

/** What the metering chip of one channel shows at an instant. */
export interface ChannelReading extends ElectricalSample, EnergyCounters {
  readonly currentA: number;
  readonly apparentVa: number;
  /** + inductive, var */
  readonly reactiveVar: number;
}

/** A longer pause means that the machine slept: nobody measured, nothing is counted. */
const LONGEST_STEP_MS = 15 * 60_000;

/** Adds one step of constant power to the counter of its direction. */
export function countEnergy(counters: EnergyCounters, powerW: number, elapsedMs: number): EnergyCounters {
  const stepWh = energyWh(powerW, elapsedMs);
  return stepWh >= 0
    ? { importWh: counters.importWh + stepWh, exportWh: counters.exportWh }
    : { importWh: counters.importWh, exportWh: counters.exportWh - stepWh };
}

/** Current, apparent and reactive power that belong to a sample, as a single-phase meter would derive them. */
export function toReading(sample: ElectricalSample, counters: EnergyCounters): ChannelReading {
  const powerFactor = Math.min(1, Math.abs(sample.powerFactor));
  const apparentVa = powerFactor > 0 ? Math.abs(sample.powerW) / powerFactor : Math.abs(sample.powerW);
  return {
    ...sample,
    ...counters,
    apparentVa,
    currentA: sample.voltageV > 0 ? apparentVa / sample.voltageV : 0,
    reactiveVar: roundTo(Math.sqrt(Math.max(0, apparentVa ** 2 - sample.powerW ** 2)), 6),
  };
}

export interface Metering {
  /** Measures now and counts the time since the last look with the power seen now. */
  update(): void;
  /** Measures and reports every channel. */
  readings(): readonly ChannelReading[];
  /** A chip that does not run shows its last sample and counts nothing, whatever flows. */
  setRunning(running: boolean): void;
  resetCounters(channel?: number): void;
}

/**
 * The metering chip: integrates what its clamps see over the clock.
 *
 * A step is counted with the power at its end, so a change made between two looks counts from the look before it; with a
 * look every second that is at most one second of the change.
 *
 * @param onStep called after each counted step, with its length
 */
export function createMetering(
  clock: Clock,
  sources: readonly SampleSource[],
  onStep: (readings: readonly ChannelReading[], elapsedMs: number) => void = () => {},
): Metering {
  const channels = sources.map((source) => ({ source, sample: source(), counters: { importWh: 0, exportWh: 0 } }));
  let lastMs = clock.monotonicMs();
  let isRunning = true;
  const current = (): ChannelReading[] => channels.map(({ sample, counters }) => toReading(sample, counters));

  function update(): void {
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - lastMs;
    lastMs = nowMs;
    if (!isRunning) return;
    for (const channel of channels) {
      channel.sample = channel.source();
      if (elapsedMs > 0 && elapsedMs <= LONGEST_STEP_MS) {
        channel.counters = countEnergy(channel.counters, channel.sample.powerW, elapsedMs);
      }
    }
    if (elapsedMs > 0) onStep(current(), Math.min(elapsedMs, LONGEST_STEP_MS));
  }

  return {
    update,
    readings() {
      update();
      return current();
    },
    setRunning(running) {
      update();
      isRunning = running;
    },
    resetCounters(index) {
      update();
      for (const [at, channel] of channels.entries()) {
        if (index === undefined || index === at) channel.counters = { importWh: 0, exportWh: 0 };
      }
    },
  };
}
