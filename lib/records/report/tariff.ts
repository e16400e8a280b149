import { EvError } from "../../model/errors.ts";
import { daysOf, dayName, type MonthName } from "./month.ts";

/** A price for some hours of the day. */
export interface PriceWindow {
  readonly days: "all" | "workdays" | "weekend";
  /** `HH:MM`; up to, but not including `to`; may go over midnight; `00:00` to `00:00` is the whole day */
  readonly from: string;
  readonly to: string;
  readonly pricePerKwh: number;
}

/** What a kWh costs from a day on. */
export interface PricePeriod {
  /** `YYYY-MM-DD`; null = since ever */
  readonly validFrom: string | null;
  /** where no window says otherwise */
  readonly pricePerKwh: number;
  readonly windows: readonly PriceWindow[];
}

/** Money per kWh at a minute; null = not known. @param day 1 = the first of the month */
export type PriceAt = (day: number, minuteOfDay: number) => number | null;

const MINUTES_OF_DAY = 1440;
const CLOCK_TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;

/** @throws EvError `config` for a time that is none */
export function minuteOfDay(clockTime: string): number {
  const [, hour, minute] = CLOCK_TIME.exec(clockTime) ?? [];
  if (hour === undefined) throw new EvError("config", `"${clockTime.slice(0, 20)}" is no time of day: write HH:MM.`);
  return Number(hour) * 60 + Number(minute);
}

/** The prices of every minute of one month. The latest period that has begun holds; of overlapping windows the last. */
export function priceMonth(month: MonthName, periods: readonly PricePeriod[]): PriceAt {
  const sorted = periods.toSorted((a, b) => (a.validFrom ?? "").localeCompare(b.validFrom ?? ""));
  const tables = new Map<string, Float64Array>();
  const tableOfDay = Array.from({ length: daysOf(month) }, (_, index) => {
    const name = dayName(month, index + 1);
    const place = sorted.findLastIndex(({ validFrom }) => validFrom === null || validFrom <= name);
    const period = sorted[place];
    if (period === undefined) return null;
    const isWeekend = [0, 6].includes(new Date(`${name}T00:00Z`).getUTCDay());
    const key = `${place} ${isWeekend}`;
    const table = tables.get(key) ?? priceDay(period, isWeekend);
    tables.set(key, table);
    return table;
  });
  return (day, minute) => tableOfDay[day - 1]?.[minute] ?? null;
}

function priceDay({ pricePerKwh, windows }: PricePeriod, isWeekend: boolean): Float64Array {
  const prices = new Float64Array(MINUTES_OF_DAY).fill(pricePerKwh);
  for (const window of windows) {
    if (window.days !== "all" && (window.days === "weekend") !== isWeekend) continue;
    const from = minuteOfDay(window.from);
    const to = minuteOfDay(window.to);
    if (from < to) {
      prices.fill(window.pricePerKwh, from, to);
    } else {
      prices.fill(window.pricePerKwh, from);
      prices.fill(window.pricePerKwh, 0, to);
    }
  }
  return prices;
}
