import { join } from "node:path";
import type { Clock } from "../../model/clock.ts";
import { EvError } from "../../model/errors.ts";
import { localMonth, startOfDayMs } from "../../model/local-time.ts";
import type { Store } from "../store/store.ts";
import { readCsvMonth } from "./csv-month.ts";
import type { CsvProblem } from "../h2v-files/h2v-csv.ts";
import { addMonths, compactMonth, dayName, type MonthName } from "./month.ts";
import { makeMonthReport, makeYearReport, type MonthReport, type YearReport } from "./month-report.ts";
import type { DaySums } from "./month-tally.ts";
import { drawReportPage } from "./report-page.ts";
import type { ReportRequest } from "./report-request.ts";
import { monthCsv } from "./report-table.ts";
import type { ReportLanguage } from "./report-texts.ts";
import { readPricePeriods, readStoreMonth } from "./store-month.ts";
import { appendSummary, replaceFile } from "./summary-folder.ts";
import { type OriginalSums, summaryBlock } from "./summary-file.ts";
import { priceMonth, type PriceAt, type PricePeriod } from "./tariff.ts";

export interface MonthlyReportOptions {
  /** where the minutes are: a store, or a folder of monthly files */
  readonly source:
    | { readonly kind: "store"; readonly store: Store }
    | { readonly kind: "folder"; readonly folder: string };
  readonly device: string;
  readonly zone: string;
  readonly currency: string;
  readonly language: ReportLanguage;
  /** 0 to 1 */
  readonly businessRatio: number;
  /** empty = the prices that the store knows */
  readonly prices: readonly PricePeriod[];
  readonly owner: string;
  /** where reports are written */
  readonly folder: string;
  readonly writesFiles: boolean;
  /** a new summary file gets its block twice, as the original script does */
  readonly isSummaryDoubled: boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** What came of a request. */
export interface ReportAnswer {
  readonly month: MonthReport | null;
  readonly year: YearReport;
  readonly html: string;
  readonly csv: string | null;
  readonly summary: string | null;
  /** paths of what was written */
  readonly files: readonly string[];
  readonly problems: readonly CsvProblem[];
  readonly problemCount: number;
}

interface Counted {
  readonly days: readonly DaySums[];
  readonly original: OriginalSums;
  readonly problems: readonly CsvProblem[];
  readonly problemCount: number;
}

export interface MonthlyReport {
  /** @throws EvError `out-of-range` when nothing was recorded in that month or year, `io`, `unreachable` */
  answer(request: ReportRequest): Promise<ReportAnswer>;
  /** The month that is due by itself: the one before this, from half an hour into the first day. */
  dueMonth(): MonthName;
  /** Recorded minutes of a month. @throws EvError `io`, `unreachable` */
  countMinutes(month: MonthName): Promise<number>;
}

/** Long enough for the last minute, and for the gateway's counter of the day before. */
const AFTER_MIDNIGHT_MS = 30 * 60_000;
const LANGUAGES: readonly ReportLanguage[] = ["ja", "en"];
const NOTHING = { problems: [], problemCount: 0 } as const;

export function createMonthlyReport(options: MonthlyReportOptions): MonthlyReport {
  const { source, zone, folder, device, currency } = options;

  async function findPrices(): Promise<readonly PricePeriod[]> {
    if (options.prices.length > 0 || source.kind === "folder") return options.prices;
    return readPricePeriods(source.store, zone);
  }

  /** Minutes that are still to come are not lost. */
  function untilNow(month: MonthName, days: readonly DaySums[]): readonly DaySums[] {
    const nowMs = options.clock.nowMs();
    if (month !== localMonth(nowMs, zone)) return days;
    return days.map((day) => {
      const passed = Math.floor((nowMs - startOfDayMs(dayName(month, day.day), zone)) / 60_000);
      const lostMinutes = Math.max(0, Math.min(day.lostMinutes, passed - day.recordedMinutes));
      return { ...day, lostMinutes };
    });
  }

  async function count(month: MonthName, priceAt: PriceAt): Promise<Counted | null> {
    const counted = await countWhole(month, priceAt);
    return counted === null ? null : { ...counted, days: untilNow(month, counted.days) };
  }

  async function countWhole(month: MonthName, priceAt: PriceAt): Promise<Counted | null> {
    if (source.kind === "folder") return readCsvMonth(source.folder, month, priceAt, options.signal);
    const counted = await readStoreMonth({ store: source.store, zone, device }, month, priceAt);
    return counted === null ? null : { ...counted, ...NOTHING };
  }

  const reportOf = (month: MonthName, { days }: Counted, request: ReportRequest): MonthReport =>
    makeMonthReport(month, days, {
      device,
      currency,
      businessRatio: request.businessRatio ?? options.businessRatio,
    });

  /** A bill is about one month: it gives that month its price. */
  async function countBilled(month: MonthName, bill: number): Promise<Counted | null> {
    const flat = (pricePerKwh: number): PriceAt => priceMonth(month, [{ validFrom: null, pricePerKwh, windows: [] }]);
    const first = await count(month, flat(0));
    if (first === null) return null;
    const houseKwh = first.days.reduce((sum, { houseWh }) => sum + houseWh, 0) / 1000;
    if (houseKwh <= 0) throw new EvError("out-of-range", "The house drew nothing, so a bill gives no price per kWh.");
    return count(month, flat(bill / houseKwh));
  }

  async function countYear(request: ReportRequest, asked: Counted | null): Promise<(MonthReport | null)[]> {
    const prices = await findPrices();
    const months: (MonthReport | null)[] = [];
    for (let number = 1; number <= 12; number++) {
      const month = `${request.year}-${String(number).padStart(2, "0")}`;
      const counted = month === request.month ? asked : await count(month, priceMonth(month, prices));
      months.push(counted === null ? null : reportOf(month, counted, request));
    }
    return months;
  }

  async function write(answer: ReportAnswer, request: ReportRequest): Promise<string[]> {
    const files: string[] = [];
    const { month, summary, csv } = answer;
    const stem = month === null ? request.year : compactMonth(month.month);
    const put = async (name: string, text: string): Promise<void> => {
      const path = join(folder, name);
      await replaceFile(path, text);
      files.push(path);
    };
    if (month !== null && summary !== null) {
      const flags = { isDoubled: options.isSummaryDoubled, rule: request.summaryRule };
      const outcome = await appendSummary(folder, month.month, summary, flags);
      if (outcome === "written") files.push(join(folder, `${stem}h2vmgr-sum.txt`));
    }
    if (csv !== null) await put(`${stem}-report.csv`, csv);
    for (const language of LANGUAGES) {
      const content = { ...answer, owner: options.owner };
      await put(`${stem}-report.${language}.html`, drawReportPage(content, language));
    }
    return files;
  }

  return {
    async answer(request) {
      const { month: name } = request;
      const language = request.language ?? options.language;
      let counted: Counted | null = null;
      if (name !== null) {
        counted =
          request.bill === null
            ? await count(name, priceMonth(name, await findPrices()))
            : await countBilled(name, request.bill);
        if (counted === null) throw new EvError("out-of-range", `Nothing was recorded in ${name}.`);
      }
      const months = await countYear(request, counted);
      if (months.every((month) => month === null)) {
        throw new EvError("out-of-range", `Nothing was recorded in ${request.year}.`);
      }
      const businessRatio = request.businessRatio ?? options.businessRatio;
      const year = makeYearReport(request.year, months, { device, currency, businessRatio });
      const month = name === null || counted === null ? null : reportOf(name, counted, request);
      const { problems, problemCount } = counted ?? NOTHING;
      const answer: ReportAnswer = {
        month,
        year,
        html: drawReportPage({ month, year, owner: options.owner, problems, problemCount }, language),
        csv: month === null ? null : await monthCsv(month, language),
        summary: name === null || counted === null ? null : summaryBlock(name, counted.original),
        files: [],
        problems,
        problemCount,
      };
      const isWritten = request.isWritten ?? options.writesFiles;
      return isWritten ? { ...answer, files: await write(answer, request) } : answer;
    },
    async countMinutes(month) {
      const counted = await count(month, () => null);
      return counted?.days.reduce((sum, { recordedMinutes }) => sum + recordedMinutes, 0) ?? 0;
    },
    dueMonth: () => addMonths(localMonth(options.clock.nowMs() - AFTER_MIDNIGHT_MS, zone), -1),
  };
}
