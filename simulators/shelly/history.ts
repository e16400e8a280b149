import type { ChannelReading, EnergyCounters } from "./metering.ts";

/** One row of `em_data.csv`: energy and voltage range of ten minutes. */
export interface HistoryRow {
  /** Start of the interval, milliseconds since 1970 UTC. */
  readonly startMs: number;
  readonly importWh: number;
  readonly exportWh: number;
  readonly lowestV: number;
  readonly highestV: number;
}

/** Finished rows, oldest first, and the one that is being filled. */
export interface History {
  readonly rows: readonly HistoryRow[];
  readonly open: (HistoryRow & { readonly importAtStartWh: number; readonly exportAtStartWh: number }) | undefined;
}

export const emptyHistory: History = { rows: [], open: undefined };

const ROW_MS = 10 * 60_000;
/** The flash holds about 16 weeks. */
const LONGEST_HISTORY_ROWS = 16 * 7 * 24 * 6;

/**
 * Notes one look at a channel. Rows begin at whole ten minutes of UTC; without a time nothing is written.
 *
 * @param unixtimeS 0 = the device does not know the time
 */
export function addToHistory(history: History, reading: ChannelReading, unixtimeS: number): History {
  if (unixtimeS <= 0) return { rows: history.rows, open: undefined };
  const startMs = Math.floor((unixtimeS * 1000) / ROW_MS) * ROW_MS;
  const { open } = history;
  if (open === undefined) return { rows: history.rows, open: beginRow(startMs, reading, reading) };
  if (open.startMs === startMs) return { rows: history.rows, open: continueRow(open, reading) };
  const before = { importWh: open.importAtStartWh + open.importWh, exportWh: open.exportAtStartWh + open.exportWh };
  return {
    rows: [...history.rows, open].slice(-LONGEST_HISTORY_ROWS),
    open: continueRow(beginRow(startMs, reading, before), reading),
  };
}

type OpenRow = NonNullable<History["open"]>;

const beginRow = (startMs: number, reading: ChannelReading, before: EnergyCounters): OpenRow => ({
  startMs,
  importWh: 0,
  exportWh: 0,
  lowestV: reading.voltageV,
  highestV: reading.voltageV,
  importAtStartWh: before.importWh,
  exportAtStartWh: before.exportWh,
});

/** Counters that stand lower than at the start were reset. */
const continueRow = (open: OpenRow, reading: ChannelReading): OpenRow => ({
  ...open,
  importWh: Math.max(0, reading.importWh - open.importAtStartWh),
  exportWh: Math.max(0, reading.exportWh - open.exportAtStartWh),
  importAtStartWh: Math.min(open.importAtStartWh, reading.importWh),
  exportAtStartWh: Math.min(open.exportAtStartWh, reading.exportWh),
  lowestV: Math.min(open.lowestV, reading.voltageV),
  highestV: Math.max(open.highestV, reading.voltageV),
});

/** The file as the device streams it (fact sheet v2g 4.1). */
export function toHistoryCsv(rows: readonly HistoryRow[]): string {
  const head = "Date/time UTC,Active energy Wh (1),Returned energy Wh (1),Min V,Max V";
  const lines = rows.map((row) => {
    const minute = new Date(row.startMs).toISOString().slice(0, 16).replace("T", " ");
    const numbers = [row.importWh, row.exportWh, row.lowestV, row.highestV].map((shown) => shown.toFixed(2));
    return [minute, ...numbers].join(",");
  });
  return `${[head, ...lines].join("\n")}\n`;
}
