import { createReadStream } from "node:fs";
import { join } from "node:path";
import { EvError } from "../../model/errors.ts";
import { type CsvMinute, type CsvProblem, createCsvReader, type PlainTaker } from "../h2v-files/h2v-csv.ts";
import { fileNameOf } from "../h2v-files/h2v-layout.ts";
import { addMonths, compactMonth, daysOf, type MonthName } from "./month.ts";
import { createMonthTally, type DaySums, plainDays } from "./month-tally.ts";
import type { OriginalSums } from "./summary-file.ts";
import type { PriceAt } from "./tariff.ts";

/** One monthly file, added up. */
export interface CsvMonth {
  readonly days: readonly DaySums[];
  /** as the original script counts: every line, duplicates too, by the place of the column */
  readonly original: OriginalSums;
  /** at most 100, so that a spoilt file cannot fill the memory */
  readonly problems: readonly CsvProblem[];
  readonly problemCount: number;
}

const MAX_PROBLEMS = 100;
const CHUNK_BYTES = 512 * 1024;

export interface MonthTaker {
  readonly take: (minute: CsvMinute) => void;
  readonly takePlain: PlainTaker;
  readonly problem: (problem: CsvProblem) => void;
  finish(nextYesterdayWh: number | null): CsvMonth;
}

/** Adds up the lines of one month as they come. */
export function createMonthTaker(file: string, month: MonthName, priceAt: PriceAt): MonthTaker {
  const tally = createMonthTally(plainDays(month), priceAt);
  const prefix = `${month.replace("-", "/")}/`;
  const dayCount = daysOf(month);
  const problems: CsvProblem[] = [];
  let problemCount = 0;
  let rows = 0;
  let meanW = 0;
  let carW = 0;

  const problem = (found: CsvProblem): void => {
    problemCount += 1;
    if (problems.length < MAX_PROBLEMS) problems.push(found);
  };
  const asked = { year: Number(month.slice(0, 4)), month: Number(month.slice(5, 7)) };
  return {
    problem,
    takePlain(line, year, monthNumber, day, minuteOfDay, { meanW: mean, carW: car, yesterdayWh }) {
      rows += 1;
      meanW += mean;
      carW += car;
      if (monthNumber !== asked.month || year !== asked.year) {
        problem({ file, line, code: "other-month" });
      } else if (day < 1 || day > dayCount || minuteOfDay > 1439) {
        problem({ file, line, code: "not-a-minute" });
      } else {
        const index = (day - 1) * 1440 + minuteOfDay;
        const isFirst = tally.add({ index, day, minuteOfDay, houseWh: mean / 60, carWh: car / 60, yesterdayWh });
        if (!isFirst) problem({ file, line, code: "duplicate-minute" });
      }
    },
    take(minute) {
      const { line, minute: text } = minute;
      // the original skips one line, whatever it holds, and stops at what is no number
      if (line > 1 && minute.originalMeanW !== null && minute.originalCarW !== null) {
        rows += 1;
        meanW += minute.originalMeanW;
        carW += minute.originalCarW;
      }
      if (!text.startsWith(prefix)) {
        problem({ file, line, code: "other-month" });
        return;
      }
      const day = twoDigits(text, 8);
      const hour = twoDigits(text, 11);
      const minuteOfHour = twoDigits(text, 14);
      if (day < 1 || day > dayCount || hour > 23 || minuteOfHour > 59) {
        problem({ file, line, code: "not-a-minute" });
        return;
      }
      if (minute.isShort) return;
      const minuteOfDay = hour * 60 + minuteOfHour;
      const isFirst = tally.add({
        index: (day - 1) * 1440 + minuteOfDay,
        day,
        minuteOfDay,
        houseWh: minute.meanW === null ? null : minute.meanW / 60,
        carWh: minute.carW === null ? null : minute.carW / 60,
        yesterdayWh: minute.yesterdayWh,
      });
      if (!isFirst) problem({ file, line, code: "duplicate-minute" });
    },
    finish: (nextYesterdayWh) => ({
      days: tally.finish(nextYesterdayWh),
      original: { rows, meanW, carW },
      problems,
      problemCount,
    }),
  };
}

const twoDigits = (text: string, at: number): number => (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;

/**
 * Reads `<YYYYMM>h2vmgr-rawd.csv` of a folder; null when there is no such file.
 *
 * @throws EvError `io` when it cannot be read, `closed` when stopped
 */
export async function readCsvMonth(
  folder: string,
  month: MonthName,
  priceAt: PriceAt,
  signal?: AbortSignal,
): Promise<CsvMonth | null> {
  const file = fileNameOf(compactMonth(month));
  const taker = createMonthTaker(file, month, priceAt);
  const isThere = await feed(
    join(folder, file),
    createCsvReader(file, taker.take, taker.problem, taker.takePlain),
    signal,
  );
  return isThere ? taker.finish(await readFirstCounter(folder, addMonths(month, 1), signal)) : null;
}

/** The counter of the day before, as the first day of a month tells it: the last day of the month before needs it. */
async function readFirstCounter(folder: string, month: MonthName, signal?: AbortSignal): Promise<number | null> {
  const file = fileNameOf(compactMonth(month));
  const firstDay = `${month.replace("-", "/")}/01`;
  let counter: number | null = null;
  let isOver = false;
  const reader = createCsvReader(
    file,
    ({ minute, yesterdayWh }) => {
      if (!minute.startsWith(firstDay)) isOver = true;
      else if (yesterdayWh !== null) counter = yesterdayWh;
    },
    () => {},
  );
  await feed(join(folder, file), reader, signal, () => isOver);
  return counter;
}

/** @returns false when there is no such file */
async function feed(
  path: string,
  reader: { push(chunk: Buffer): void; end(): void },
  signal: AbortSignal | undefined,
  isEnough: () => boolean = () => false,
): Promise<boolean> {
  try {
    const stream = createReadStream(path, { highWaterMark: CHUNK_BYTES, signal });
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      reader.push(chunk);
      if (isEnough()) return true;
    }
    reader.end();
    return true;
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? thrown.code : "";
    if (code === "ENOENT") return false;
    if (code === "ABORT_ERR") throw new EvError("closed", "The report was stopped.", { cause: thrown });
    throw new EvError("io", `${path} cannot be read: ${String(code)}.`, { cause: thrown });
  }
}
