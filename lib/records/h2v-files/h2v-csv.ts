import { h2vLabels, type H2vKey } from "../../model/h2v-page.ts";
import { columnsOf } from "./h2v-layout.ts";
import { decodeText, detectEncoding, type FileEncoding } from "./text-encoding.ts";

/** One line of a monthly file that could be read. */
export interface CsvMinute {
  /** 1 = the first line of the file */
  readonly line: number;
  /** `YYYY/MM/DD HH:MM` */
  readonly minute: string;
  readonly meanW: number | null;
  readonly carW: number | null;
  readonly yesterdayWh: number | null;
  /** columns 3 and 5, whatever they hold: what the original script adds up; null = it would have stopped here */
  readonly originalMeanW: number | null;
  readonly originalCarW: number | null;
  /** a column is missing, so nobody knows which number is which */
  readonly isShort: boolean;
}

export type CsvProblemCode =
  | "short-row"
  | "second-header"
  | "no-header"
  | "torn-line"
  | "too-long-line"
  | "not-text"
  | "empty-line"
  | "not-a-minute"
  | "not-a-number"
  | "implausible"
  | "duplicate-minute"
  | "other-month";

/** What is wrong with a line. */
export interface CsvProblem {
  readonly file: string;
  readonly line: number;
  readonly code: CsvProblemCode;
}

/** A whole line of plain numbers, without an object for each: nearly all lines are such. */
export interface PlainTaker {
  (line: number, year: number, month: number, day: number, minuteOfDay: number, numbers: PlainNumbers): void;
}

/** Used again for every line. */
export interface PlainNumbers {
  meanW: number;
  carW: number;
  yesterdayWh: number;
}

export interface CsvReader {
  /** More of the file. */
  push(chunk: Buffer): void;
  /** The file has ended. */
  end(): void;
}

/** A real line is about 90 bytes. */
const MAX_LINE_BYTES = 4096;
const LF = 0x0a;
const TIME_CELL = /^"?(\d{4}\/\d\d\/\d\d \d\d:\d\d)"?$/;
const LABELS = Object.values(h2vLabels);
const keyOfLabel = new Map<string, H2vKey>(
  Object.entries(h2vLabels).map(([key, label]) => [label, key as H2vKey] as const),
);

interface Columns {
  readonly count: number;
  readonly mean: number;
  readonly car: number;
  readonly yesterday: number;
}

/**
 * Reads a monthly file in pieces: memory stays small however long the file or a line is. What cannot be read is reported
 * with its line and left out.
 */
export function createCsvReader(
  file: string,
  onMinute: (minute: CsvMinute) => void,
  onProblem: (problem: CsvProblem) => void,
  onPlain?: PlainTaker,
): CsvReader {
  let rest: Buffer = Buffer.alloc(0);
  let isSkipping = false;
  let line = 0;
  let encoding: FileEncoding | null = null;
  let columns = mapColumns([...columnsOf.compatible]);
  let hasHeader = false;
  const plain: PlainNumbers = { meanW: 0, carW: 0, yesterdayWh: 0 };

  /** @returns whether the line was taken */
  function takePlain(bytes: Buffer, from: number, to: number): boolean {
    if (onPlain === undefined || !hasHeader || columns.mean !== 3 || columns.car !== 5 || columns.yesterday !== 2) {
      return false;
    }
    const end = bytes[to - 1] === 0x0d ? to - 1 : to;
    if (!scanPlain(bytes, from, end, columns.count, plain)) return false;
    if (pair(bytes, from + 15) > 59) return false;
    line += 1;
    const year = pair(bytes, from + 1) * 100 + pair(bytes, from + 3);
    const minuteOfDay = pair(bytes, from + 12) * 60 + pair(bytes, from + 15);
    onPlain(line, year, pair(bytes, from + 6), pair(bytes, from + 9), minuteOfDay, plain);
    return true;
  }

  const report = (code: CsvProblemCode): void => onProblem({ file, line, code });

  function takeHeader(bytes: Buffer): boolean {
    const found = detectEncoding(bytes, LABELS);
    encoding = found.encoding ?? encoding;
    const text = decodeText(found.hasBom ? bytes.subarray(3) : bytes, encoding ?? "utf-8");
    const keys = text
      .trim()
      .split(",")
      .map((title) => keyOfLabel.get(title.replaceAll('"', "").trim()));
    if (!keys.some((key) => key !== undefined)) return false;
    if (line > 1) report("second-header");
    hasHeader = true;
    columns = mapColumns(keys);
    return true;
  }

  function takeLine(bytes: Buffer, isTorn: boolean): void {
    const text = bytes.toString("latin1");
    const cells = text.split(",");
    const [first = ""] = cells;
    // the time stands at a fixed place in all but hostile lines
    const minute =
      first.length === 18 && text.charCodeAt(0) === 0x22 ? first.slice(1, 17) : (TIME_CELL.exec(first)?.[1] ?? "");
    if (!isMinute(minute)) {
      takeOther(bytes, text, isTorn);
      return;
    }
    if (line === 1 && !hasHeader) report("no-header");
    if (text.includes("\u0000")) {
      report("not-text");
      return;
    }
    const places = cells.length === FULL.count && columns.count < FULL.count ? FULL : columns;
    const isShort = cells.length !== places.count;
    const last = cells.at(-1) ?? "";
    if (isTorn) report("torn-line");
    // its last number may be only the beginning of one
    if (isTorn && (isShort || !isClosed(last))) return;
    if (isShort) report("short-row");
    const meanW = isShort ? null : toNumber(cells[places.mean]);
    const carW = isShort ? null : toNumber(cells[places.car]);
    const yesterdayWh = isShort ? null : toNumber(cells[places.yesterday]);
    if ([meanW, carW, yesterdayWh].some(Number.isNaN)) report("not-a-number");
    const isMeanFit = isWithin(meanW, -MOST_W, MOST_W);
    const isCarFit = isWithin(carW, 0, MOST_W);
    const isCounterFit = isWithin(yesterdayWh, 0, MOST_DAY_WH);
    if (!isMeanFit || !isCarFit || !isCounterFit) report("implausible");
    const originalMeanW = isShort || places.mean !== 3 ? toNumber(cells[3]) : meanW;
    const originalCarW = isShort || places.car !== 5 ? toNumber(cells[5]) : carW;
    onMinute({
      line,
      minute,
      meanW: isMeanFit ? known(meanW) : null,
      carW: isCarFit ? known(carW) : null,
      yesterdayWh: isCounterFit ? known(yesterdayWh) : null,
      originalMeanW: known(originalMeanW),
      originalCarW: known(originalCarW),
      isShort,
    });
  }

  /** What does not begin with a minute. */
  function takeOther(bytes: Buffer, text: string, isTorn: boolean): void {
    if (text.trim() === "") report("empty-line");
    else if (text.includes("\u0000")) report("not-text");
    else if (takeHeader(bytes)) return;
    else report(isTorn ? "torn-line" : "not-a-minute");
  }

  function endLine(bytes: Buffer, isTorn: boolean): void {
    line += 1;
    if (isSkipping) {
      isSkipping = false;
      report("too-long-line");
      return;
    }
    const isCrlf = bytes.length > 0 && bytes[bytes.length - 1] === 0x0d;
    takeLine(isCrlf ? bytes.subarray(0, -1) : bytes, isTorn);
  }

  return {
    push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
        if (rest.length === 0 && !isSkipping && takePlain(chunk, from, at)) {
          from = at + 1;
          continue;
        }
        const piece = chunk.subarray(from, at);
        const whole = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
        if (whole.length > MAX_LINE_BYTES) isSkipping = true;
        rest = Buffer.alloc(0);
        endLine(whole, false);
        from = at + 1;
      }
      if (from >= chunk.length || isSkipping) return;
      rest = Buffer.concat([rest, chunk.subarray(from)]);
      if (rest.length > MAX_LINE_BYTES) {
        isSkipping = true;
        rest = Buffer.alloc(0);
      }
    },
    end() {
      if (rest.length > 0 || isSkipping) endLine(rest, true);
    },
  };
}

/** Where the figures are that a month needs; -1 = nowhere. */
function mapColumns(keys: readonly (H2vKey | undefined)[]): Columns {
  return {
    count: keys.length,
    mean: keys.indexOf("meanW"),
    car: keys.indexOf("carW"),
    yesterday: keys.indexOf("yesterdayWh"),
  };
}

/** Of a whole line. A header that was written while the page lacked a figure is shorter than the lines below it. */
const FULL = mapColumns([...columnsOf.compatible]);

/** What no house behind this gateway can have. */
const MOST_W = 99_999;
const MOST_DAY_WH = 999_999;
const isWithin = (figure: number | null, lowest: number, highest: number): boolean =>
  figure === null || Number.isNaN(figure) || (figure >= lowest && figure <= highest);

const isClosed = (cell: string): boolean => cell.length > 1 && cell.endsWith('"');

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;

/** `YYYY/MM/DD HH:MM`; the day may still be one that the month does not have. */
function isMinute(text: string): boolean {
  if (text.length !== 16 || text[4] !== "/" || text[7] !== "/" || text[10] !== " " || text[13] !== ":") return false;
  for (const index of DIGIT_PLACES) if (!isDigit(text.charCodeAt(index))) return false;
  return true;
}
const DIGIT_PLACES = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15];

const QUOTE = 0x22;
const COMMA = 0x2c;

/** Two digits as a number; not digits give something out of range. */
const pair = (bytes: Buffer, at: number): number => ((bytes[at] ?? 0) - 0x30) * 10 + (bytes[at + 1] ?? 0) - 0x30;

/** Written out, since a loop over the places takes a third of the time of a whole month. */
const areDigits = (bytes: Buffer, at: number): boolean => isDigit(bytes[at] ?? 0) && isDigit(bytes[at + 1] ?? 0);

/** A time in quotes, then numbers: the needed ones plain digits, in a line with the right number of cells. */
function scanPlain(bytes: Buffer, from: number, to: number, count: number, into: PlainNumbers): boolean {
  if (to - from < 20 || bytes[from] !== QUOTE || bytes[from + 17] !== QUOTE || bytes[from + 18] !== COMMA) return false;
  if (bytes[from + 5] !== 0x2f || bytes[from + 8] !== 0x2f || bytes[from + 11] !== 0x20 || bytes[from + 14] !== 0x3a) {
    return false;
  }
  if (!areDigits(bytes, from + 1) || !areDigits(bytes, from + 3)) return false;
  if (!areDigits(bytes, from + 6) || !areDigits(bytes, from + 9)) return false;
  if (!areDigits(bytes, from + 12) || !areDigits(bytes, from + 15)) return false;
  let cell = 1;
  let number = 0;
  let length = 0;
  let at = from + 19;
  for (; cell <= 5 && at < to; at++) {
    const code = bytes[at] ?? 0;
    if (code === COMMA) {
      if (length === 0 || length > LONGEST_SMALL) return false;
      if (cell === 2 && number > MOST_DAY_WH) return false;
      if (cell === 2) into.yesterdayWh = number;
      else if ((cell === 3 || cell === 5) && number > MOST_W) return false;
      else if (cell === 3) into.meanW = number;
      else if (cell === 5) into.carW = number;
      cell += 1;
      number = 0;
      length = 0;
    } else {
      if (code < 0x30 || code > 0x39) return false;
      number = number * 10 + code - 0x30;
      length += 1;
    }
  }
  for (; at < to; at++) {
    const code = bytes[at] ?? 0;
    if (code === COMMA) cell += 1;
    // whatever is odd goes the slow way
    else if (code < 0x20 || code > 0x7e) return false;
  }
  return cell + 1 === count;
}

const NUMBER = /^[+-]?\d{1,15}(?:\.\d{1,15})?$/;
const LONGEST_SMALL = 9;

/** null = empty or no such column; NaN = no number. */
function toNumber(cell: string | undefined): number | null {
  if (cell === undefined || cell === "") return null;
  if (cell.length <= LONGEST_SMALL) {
    let number = 0;
    let index = 0;
    for (; index < cell.length; index++) {
      const code = cell.charCodeAt(index);
      if (!isDigit(code)) break;
      number = number * 10 + code - 0x30;
    }
    if (index === cell.length) return number;
  }
  return NUMBER.test(cell) ? Number(cell) : Number.NaN;
}

const known = (number: number | null): number | null => (Number.isNaN(number) ? null : number);
