import { daysOf, type MonthName } from "./month.ts";
import { formatG, pythonFloat } from "./python-numbers.ts";

/** What the original monthly script counts. */
export interface OriginalSums {
  readonly rows: number;
  /** sum of column 3 (mean W of each minute) */
  readonly meanW: number;
  /** sum of column 5 */
  readonly carW: number;
}

/** A mean power of one minute, summed, to kWh. */
const WATT_MINUTES_PER_KWH = 60_000;

/**
 * The block that the original script adds to `<YYYYMM>h2vmgr-sum.txt`, byte for byte, its spelling included (fact sheet
 * openevse-h2v-sessions 7.4).
 */
export function summaryBlock(month: MonthName, { rows, meanW, carW }: OriginalSums): string {
  const days = daysOf(month);
  return [
    `Sumary of the ${month.replace("-", "/")}`,
    `Total used power(Kwh) : ${formatG(meanW / WATT_MINUTES_PER_KWH, 8)}`,
    `Total charged power(Kwh) : ${pythonFloat(carW / WATT_MINUTES_PER_KWH)}`,
    `Lost ${days * 1440 - rows}/ Recorded ${rows} minutes(${days}days)`,
    "",
    "",
  ].join("\n");
}
