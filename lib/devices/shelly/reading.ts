import { z } from "zod";
import type { Meter, MeterRole } from "../../model/records.ts";
import { isoAt } from "../../model/units.ts";
import { adoptCounter, advanceCounter, type CounterState, type CounterStep, counterStateSchema } from "./counters.ts";
import { type ChannelSample, type PhaseSample, type Snapshot, sumKnown, withoutReading } from "./wire.ts";

/*
 * From what a device says to what a house may rely on: role, sign, frozen values, counters, restarts. Pure:
 * (state, snapshot) -> (state, readings).
 */

/** What one channel measures. */
export interface ChannelSetting {
  readonly role: MeterRole | "off";
  /** The clamp sits the wrong way round, or on a supply line. */
  readonly isInverted: boolean;
}

export interface MeterSettings {
  /** By channel number; missing = off. */
  readonly channels: readonly ChannelSetting[];
  /** The same reading for so long, while power flows, is no reading, ms. */
  readonly frozenAfterMs: number;
}

interface ChannelState {
  readonly consumed: CounterState | null;
  readonly returned: CounterState | null;
  readonly still: Still | null;
}

/** A reading that has not moved. */
interface Still {
  readonly powerW: number;
  readonly consumedWh: number | null;
  readonly returnedWh: number | null;
  readonly sinceMs: number;
  readonly seen: number;
}

export interface MeterState {
  /** Whose counters these are; null before the first reading ever. */
  readonly countersOf: string | null;
  readonly uptimeS: number | null;
  readonly channels: ReadonlyMap<number, ChannelState>;
}

export const freshMeter: MeterState = { countersOf: null, uptimeS: null, channels: new Map() };

export interface ReadingInstant {
  readonly device: string;
  /** Whose answer it is, twelve upper-case hexadecimal digits. */
  readonly mac: string;
  /** Wall clock, ms since 1970 UTC. */
  readonly nowMs: number;
  readonly monotonicMs: number;
}

export interface JudgedReadings {
  readonly state: MeterState;
  /** The grid comes last: who decides on it wants the others of the same instant before. */
  readonly readings: readonly Meter[];
  /** A counter no longer goes on from where it was: worth keeping at once. */
  readonly hasCounterEvent: boolean;
}

/** Power below this may well stand still, W (fact sheet v2g 4.4). */
const MOVING_W = 50;
/** Two equal looks are chance. */
const LOOKS_FOR_FROZEN = 3;
/** The device's own rounding, s. */
const UPTIME_JITTER_S = 2;

/**
 * Judges one answer.
 *
 * @param touched the channels that this answer measures anew; all that are configured when missing
 */
export function judgeSnapshot(
  state: MeterState,
  snapshot: Snapshot,
  settings: MeterSettings,
  instant: ReadingInstant,
  touched?: ReadonlySet<number>,
): JudgedReadings {
  const hasRestarted =
    state.uptimeS !== null && snapshot.uptimeS !== null && snapshot.uptimeS < state.uptimeS - UPTIME_JITTER_S;
  const isOtherDevice = state.countersOf !== null && state.countersOf !== instant.mac;
  const channels = new Map(isOtherDevice ? [] : state.channels);
  const readings: Meter[] = [];
  let hasCounterEvent = false;
  for (const [channel, { role, isInverted }] of settings.channels.entries()) {
    if (role === "off" || (touched !== undefined && !touched.has(channel))) continue;
    const sample = snapshot.channels.find((candidate) => candidate.channel === channel) ?? missingSample(channel);
    const before = state.channels.get(channel) ?? { consumed: null, returned: null, still: null };
    const judged = judgeChannel(before, sample, { ...instant, hasRestarted, isOtherDevice }, settings.frozenAfterMs);
    channels.set(channel, judged.state);
    hasCounterEvent ||= judged.hasReset;
    readings.push(toMeter(judged.sample, role, isInverted, instant));
  }
  const next = { countersOf: instant.mac, uptimeS: snapshot.uptimeS ?? state.uptimeS, channels };
  return { state: next, readings: gridLast(readings), hasCounterEvent };
}

/** Says for every channel that there is no reading, and why. */
export function emptyReadings(settings: MeterSettings, device: string, nowMs: number, flag: string): readonly Meter[] {
  return gridLast(
    settings.channels.flatMap(({ role }, channel) =>
      role === "off"
        ? []
        : [
            toMeter({ ...missingSample(channel), flags: [flag] }, role, false, {
              device,
              mac: "",
              nowMs,
              monotonicMs: 0,
            }),
          ],
    ),
  );
}

const gridLast = (readings: readonly Meter[]): readonly Meter[] =>
  readings.toSorted((a, b) => Number(a.role === "grid") - Number(b.role === "grid"));

const missingSample = (channel: number): ChannelSample => ({
  channel,
  powerW: null,
  voltageV: null,
  currentA: null,
  powerFactor: null,
  consumedWh: null,
  returnedWh: null,
  flags: ["no-channel"],
});

interface JudgedChannel {
  readonly state: ChannelState;
  readonly sample: ChannelSample;
  readonly hasReset: boolean;
}

function judgeChannel(
  before: ChannelState,
  sample: ChannelSample,
  instant: ReadingInstant & { readonly hasRestarted: boolean; readonly isOtherDevice: boolean },
  frozenAfterMs: number,
): JudgedChannel {
  const flags = new Set(sample.flags);
  const count = (state: CounterState | null, deviceWh: number | null): CounterStep =>
    (instant.isOtherDevice ? adoptCounter : advanceCounter)(state, deviceWh, instant.nowMs);
  const consumed = count(before.consumed, sample.consumedWh);
  const returned = count(before.returned, sample.returnedWh);
  const events = [consumed.event, returned.event];
  if (events.includes("reset")) flags.add("counter-reset");
  if (events.includes("implausible")) flags.add("implausible");
  if (instant.hasRestarted) flags.add("restarted");
  const still = watchStill(instant.hasRestarted ? null : before.still, sample, instant.monotonicMs);
  const isFrozen =
    still !== null &&
    Math.abs(still.powerW) >= MOVING_W &&
    still.seen >= LOOKS_FOR_FROZEN &&
    instant.monotonicMs - still.sinceMs >= frozenAfterMs;
  if (isFrozen) flags.add("frozen");
  const judged = isFrozen ? withoutReading(sample) : sample;
  return {
    state: { consumed: consumed.state, returned: returned.state, still },
    sample: { ...judged, consumedWh: consumed.totalWh, returnedWh: returned.totalWh, flags: [...flags] },
    hasReset: events.includes("reset"),
  };
}

function watchStill(before: Still | null, sample: ChannelSample, monotonicMs: number): Still | null {
  const { powerW, consumedWh, returnedWh } = sample;
  if (powerW === null) return null;
  const hasMoved =
    before === null || before.powerW !== powerW || before.consumedWh !== consumedWh || before.returnedWh !== returnedWh;
  return hasMoved
    ? { powerW, consumedWh, returnedWh, sinceMs: monotonicMs, seen: 1 }
    : { ...before, seen: before.seen + 1 };
}

function toMeter(sample: ChannelSample, role: MeterRole, isInverted: boolean, instant: ReadingInstant): Meter {
  const signed = signCurrent(sample, isInverted);
  const phases = sample.phases?.map((phase) => signCurrent(phase, isInverted));
  return {
    kind: "meter",
    device: instant.device,
    at: isoAt(instant.nowMs),
    channel: sample.channel,
    role,
    ...signed,
    // the sum over phases: one of them may export while another imports
    ...(phases === undefined ? {} : { currentA: sumKnown(phases.map(({ currentA }) => currentA)), phases }),
    powerFactor: sample.powerFactor,
    importWh: isInverted ? sample.returnedWh : sample.consumedWh,
    exportWh: isInverted ? sample.consumedWh : sample.returnedWh,
    flags: [...sample.flags],
  };
}

/** Devices give current without a sign; it flows the way the power does, and no power means no known way. */
function signCurrent({ powerW, voltageV, currentA }: PhaseSample, isInverted: boolean): PhaseSample {
  if (powerW === null) return { powerW, voltageV, currentA: null };
  const signedW = isInverted && powerW !== 0 ? -powerW : powerW;
  if (currentA === null) return { powerW: signedW, voltageV, currentA };
  return { powerW: signedW, voltageV, currentA: signedW < 0 ? -Math.abs(currentA) : Math.abs(currentA) };
}

const keptChannel = z.object({
  channel: z.number().int().min(0).max(9),
  consumed: counterStateSchema.nullable(),
  returned: counterStateSchema.nullable(),
});
const keptSchema = z.object({ mac: z.string().regex(/^[0-9A-F]{12}$/), channels: z.array(keptChannel).max(10) });

/** The counters, for safekeeping over a restart; null before the first reading. */
export function keepCounters({ countersOf, channels }: MeterState): unknown {
  if (countersOf === null) return null;
  return {
    mac: countersOf,
    channels: [...channels].map(([channel, { consumed, returned }]) => ({ channel, consumed, returned })),
  };
}

/** What `keepCounters` gave; anything else is a fresh start. */
export function restoreCounters(kept: unknown): MeterState {
  const parsed = keptSchema.safeParse(kept);
  if (!parsed.success) return freshMeter;
  const channels = parsed.data.channels.map(({ channel, consumed, returned }): [number, ChannelState] => [
    channel,
    { consumed, returned, still: null },
  ]);
  return { countersOf: parsed.data.mac, uptimeS: null, channels: new Map(channels) };
}
