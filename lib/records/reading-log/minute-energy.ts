import type { Meter, MeterRole } from "../../model/records.ts";

/*
 * Any meter as energy per minute. Pure: (state, reading) => { state, spans }. A reading that is a mean over a time covers
 * that time; readings of an instant are joined by their counters where they have some, else by the mean of both powers. What
 * nobody measured is no span, so that gaps stay known.
 */

/** Energy of a stretch of time that lies within one minute, or of a gap that only a counter tells about. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
  /** + as the meter's power */
  readonly energyWh: number;
  /** highest power seen; null when only a counter tells */
  readonly peakW: number | null;
}

/** The latest reading of a channel. */
export interface ChannelState {
  readonly device: string;
  readonly channel: number;
  readonly role: MeterRole;
  readonly atMs: number;
  readonly powerW: number | null;
  readonly importWh: number | null;
  readonly exportWh: number | null;
}

/** Between two readings of an instant, more than this is a gap: poll periods are seconds, a missed minute is one. */
export const LONGEST_BRIDGE_MS = 150_000;
const MINUTE_MS = 60_000;
/** No house has more. */
const MAX_W = 200_000;
const MS_PER_HOUR = 3_600_000;

/** @returns the channel's new state and what the reading adds */
export function takeReading(
  last: ChannelState | null,
  meter: Meter,
): { readonly state: ChannelState; readonly spans: readonly Span[] } {
  const atMs = Date.parse(meter.at);
  const { device, channel, role, importWh, exportWh } = meter;
  const powerW = meter.powerW !== null && Math.abs(meter.powerW) <= MAX_W ? meter.powerW : null;
  const state: ChannelState = { device, channel, role, atMs, powerW, importWh, exportWh };
  if (meter.meanOverS !== undefined) {
    if (powerW === null) return { state, spans: [] };
    const endMs = atMs + meter.meanOverS * 1000;
    return { state, spans: spread(atMs, endMs, energyOf(powerW, endMs - atMs), powerW) };
  }
  if (last === null || last.role !== role) return { state, spans: [] };
  // the same again, or out of order
  if (atMs <= last.atMs) return { state: last, spans: [] };
  return { state, spans: join(last, state) };
}

function join(from: ChannelState, to: ChannelState): readonly Span[] {
  const durationMs = to.atMs - from.atMs;
  const countedWh = countBetween(from, to);
  const peakW =
    from.powerW === null || to.powerW === null ? (to.powerW ?? from.powerW) : strongest(from.powerW, to.powerW);
  if (durationMs > LONGEST_BRIDGE_MS) {
    // the energy is certain, its minutes are not
    return countedWh === null ? [] : [{ startMs: from.atMs, endMs: to.atMs, energyWh: countedWh, peakW: null }];
  }
  if (countedWh !== null) return spread(from.atMs, to.atMs, countedWh, peakW);
  if (from.powerW === null || to.powerW === null) return [];
  return spread(from.atMs, to.atMs, energyOf((from.powerW + to.powerW) / 2, durationMs), peakW);
}

const strongest = (a: number, b: number): number => (Math.abs(a) > Math.abs(b) ? a : b);

/** What the counters say was drawn (minus what was given back); null when they are missing, ran back or jumped. */
function countBetween(from: ChannelState, to: ChannelState): number | null {
  if (from.importWh === null || to.importWh === null) return null;
  const importedWh = to.importWh - from.importWh;
  const exportedWh = (to.exportWh ?? 0) - (from.exportWh ?? 0);
  const hasExport = (from.exportWh === null) === (to.exportWh === null);
  const mostWh = energyOf(MAX_W, to.atMs - from.atMs);
  if (!hasExport || importedWh < 0 || exportedWh < 0 || importedWh > mostWh || exportedWh > mostWh) return null;
  return importedWh - exportedWh;
}

const energyOf = (powerW: number, durationMs: number): number => (powerW * durationMs) / MS_PER_HOUR;

/** Cut at the minutes. */
function spread(startMs: number, endMs: number, energyWh: number, peakW: number | null): Span[] {
  const spans: Span[] = [];
  for (let from = startMs; from < endMs; ) {
    const to = Math.min(endMs, (Math.floor(from / MINUTE_MS) + 1) * MINUTE_MS);
    spans.push({ startMs: from, endMs: to, energyWh: (energyWh * (to - from)) / (endMs - startMs), peakW });
    from = to;
  }
  return spans;
}
