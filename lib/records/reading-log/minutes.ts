import type { Meter, MeterRole } from "../../model/records.ts";
import { type ChannelState, type Span, takeReading } from "./minute-energy.ts";

/** Energy of one channel in one minute, or of a gap that only its counter tells about. */
export interface EnergyMinute {
  readonly device: string;
  readonly channel: number;
  readonly role: MeterRole;
  readonly startMs: number;
  readonly endMs: number;
  readonly energyWh: number;
  /** how much of the time was measured */
  readonly coveredMs: number;
  readonly peakW: number | null;
  readonly importWh: number | null;
  readonly exportWh: number | null;
}

/** What must survive a restart. */
export interface MinutesState {
  readonly channels: readonly ChannelState[];
  readonly open: readonly EnergyMinute[];
}

/** Readings of all meters in, whole minutes out. */
export interface Minutes {
  /** @returns minutes that are complete now */
  take(meter: Meter): EnergyMinute[];
  /** Closes minutes whose time is over, although no reading told so. @param nowMs wall clock */
  tick(nowMs: number): EnergyMinute[];
  readonly state: MinutesState;
}

const MINUTE_MS = 60_000;
/** A late reading may still come. */
const GRACE_MS = 150_000;
/** Meters, not an attack on the memory. */
const MAX_CHANNELS = 500;

const keyOf = ({ device, channel }: { readonly device: string; readonly channel: number }): string =>
  `${channel} ${device}`;

export function createMinutes(restored: MinutesState | null): Minutes {
  const channels = new Map((restored?.channels ?? []).map((state) => [keyOf(state), state]));
  const open = new Map((restored?.open ?? []).map((minute) => [keyOf(minute), minute]));

  function add(key: string, state: ChannelState, span: Span): EnergyMinute[] {
    const done: EnergyMinute[] = [];
    const { device, channel, role, importWh, exportWh } = state;
    const lengthMs = span.endMs - span.startMs;
    const counters = { importWh, exportWh };
    if (span.peakW === null && lengthMs > MINUTE_MS) {
      done.push({ device, channel, role, ...counters, ...span, coveredMs: 0 });
      return done;
    }
    const startMs = Math.floor(span.startMs / MINUTE_MS) * MINUTE_MS;
    let minute = open.get(key);
    if (minute !== undefined && minute.startMs !== startMs) {
      done.push(minute);
      open.delete(key);
      minute = undefined;
    }
    const grown: EnergyMinute = {
      device,
      channel,
      role,
      ...counters,
      startMs,
      endMs: startMs + MINUTE_MS,
      energyWh: (minute?.energyWh ?? 0) + span.energyWh,
      coveredMs: (minute?.coveredMs ?? 0) + lengthMs,
      peakW: higher(minute?.peakW ?? null, span.peakW),
    };
    if (grown.coveredMs >= MINUTE_MS) {
      done.push(grown);
      open.delete(key);
    } else {
      open.set(key, grown);
    }
    return done;
  }

  return {
    take(meter) {
      const key = keyOf(meter);
      const last = channels.get(key) ?? null;
      if (last === null && channels.size >= MAX_CHANNELS) return [];
      const { state, spans } = takeReading(last, meter);
      channels.set(key, state);
      return spans.flatMap((span) => add(key, state, span));
    },
    tick(nowMs) {
      const over = [...open].filter(([, { endMs }]) => endMs + GRACE_MS <= nowMs);
      for (const [key] of over) open.delete(key);
      return over.map(([, minute]) => minute);
    },
    get state() {
      return { channels: [...channels.values()], open: [...open.values()] };
    },
  };
}

const higher = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.max(a, b);
