import type { H2vMinute } from "../../model/h2v.ts";
import { h2vLabels, type H2vKey } from "../../model/h2v-page.ts";

/*
 * The monthly files of the original scripts (fact sheet openevse-h2v-sessions 7.3), and a layout without their mistakes.
 * Both have the mean of the house in column 3 and the car in column 5, so that older scripts can go on reading.
 */

export const csvLayouts = ["compatible", "corrected"] as const;
export type CsvLayout = (typeof csvLayouts)[number];

const COMPATIBLE_COLUMNS = [
  "time",
  "todayWh",
  "yesterdayWh",
  "meanW",
  "peakW",
  "carW",
  "peakCut",
  "linkDbm",
  "cloudState",
  "chargeStart",
] as const satisfies readonly H2vKey[];

/** The relay comes last, where no older script looks. */
export const columnsOf: Readonly<Record<CsvLayout, readonly H2vKey[]>> = {
  compatible: COMPATIBLE_COLUMNS,
  corrected: [...COMPATIBLE_COLUMNS, "relay"],
};

/** A line for one of the monthly files, without its line end. */
export interface CsvLine {
  /** `YYYYMM`; `197001` for placeholders */
  readonly month: string;
  /** for a file that does not exist yet; null = such a file gets none */
  readonly header: string | null;
  readonly row: string;
  /** what tells this line from others of the file: its minute, of a placeholder the host's; null = may stand there twice */
  readonly minute: string | null;
}

const TIME = /^\d{4}\/\d\d\/\d\d \d\d:\d\d$/;
const DIGITS = /^\d+$/;
const SIGNED = /^-?\d+$/;
export const PLACEHOLDER_MONTH = "197001";

/** What the original script's pattern for that column lets through: no sign but for the link. */
const patternOf = (key: H2vKey): RegExp =>
  key === "time" || key === "chargeStart" ? TIME : key === "linkDbm" ? SIGNED : DIGITS;

const isQuoted = (key: H2vKey): boolean => key === "time" || key === "chargeStart";
const quote = (text: string): string => `"${text}"`;
const cell = (key: H2vKey, text: string): string => (text !== "" && isQuoted(key) ? quote(text) : text);

/** Column titles, quoted as the original does. */
export const headerOf = (keys: readonly H2vKey[]): string => keys.map((key) => quote(h2vLabels[key])).join(",");

export const fileNameOf = (month: string): string => `${month}h2vmgr-rawd.csv`;
export const summaryNameOf = (month: string): string => `${month}h2vmgr-sum.txt`;

/** `YYYY/MM/DD HH:MM` to `YYYYMM`. */
const monthOf = (minute: string): string => `${minute.slice(0, 4)}${minute.slice(5, 7)}`;

/**
 * One gateway minute as a line of its monthly file; null when there is nothing to write: no time on the page, or in the
 * corrected layout a placeholder.
 *
 * @param hostStamp the host's local time, `YYYYMMDDHHMM`: the eleventh column of placeholder lines
 */
export function toCsvLine(minute: H2vMinute, layout: CsvLayout, hostStamp: string): CsvLine | null {
  if (minute.minute === null) return null;
  const textOf = new Map(minute.fields.flatMap(({ key, text }) => (key === null ? [] : [[key, text] as const])));
  textOf.set("time", minute.minute);
  if (layout === "corrected") return minute.noData ? null : correctedLine(minute.minute, textOf);
  const present = COMPATIBLE_COLUMNS.filter((key) => patternOf(key).test(textOf.get(key) ?? ""));
  const cells = present.map((key) => cell(key, textOf.get(key) ?? ""));
  if (minute.noData) {
    return { month: PLACEHOLDER_MONTH, header: null, row: [...cells, quote(hostStamp)].join(","), minute: hostStamp };
  }
  return {
    month: monthOf(minute.minute),
    header: headerOf(present),
    row: cells.join(","),
    minute: minute.minute,
  };
}

function correctedLine(minute: string, textOf: ReadonlyMap<string, string>): CsvLine {
  const columns = columnsOf.corrected;
  const cells = columns.map((key) => {
    const text = textOf.get(key) ?? "";
    return (isQuoted(key) ? TIME : SIGNED).test(text) ? cell(key, text) : "";
  });
  return { month: monthOf(minute), header: headerOf(columns), row: cells.join(","), minute };
}

/** What any meters know of a minute. */
export interface MeteredMinute {
  /** `YYYY/MM/DD HH:MM`, local */
  readonly minute: string;
  readonly houseW: number | null;
  readonly housePeakW: number | null;
  readonly carW: number | null;
  /** house, since midnight and of the day before, Wh */
  readonly todayWh: number | null;
  readonly yesterdayWh: number | null;
}

const whole = (amount: number | null): string => (amount === null ? "" : String(Math.round(amount)));

/** A minute of meters that are no H2V gateway: what they do not know stays empty. */
export function toMeteredLine(metered: MeteredMinute, layout: CsvLayout): CsvLine {
  const columns = columnsOf[layout];
  const textOf: Partial<Record<H2vKey, string>> = {
    time: metered.minute,
    todayWh: whole(metered.todayWh),
    yesterdayWh: whole(metered.yesterdayWh),
    meanW: whole(metered.houseW),
    peakW: whole(metered.housePeakW),
    carW: whole(metered.carW),
  };
  return {
    month: monthOf(metered.minute),
    header: headerOf(columns),
    row: columns.map((key) => cell(key, textOf[key] ?? "")).join(","),
    minute: metered.minute,
  };
}
