import { roundTo } from "../../model/units.ts";
import { dayName, type MonthName } from "./month.ts";
import type { DaySums } from "./month-tally.ts";

/** A day of the report. */
export interface ReportDay extends DaySums {
  /** `YYYY-MM-DD` */
  readonly date: string;
  /** the gateway's counter minus the sum of the minutes: energy that was never recorded */
  readonly missedWh: number | null;
}

/** A month of house and car. */
export interface MonthReport {
  readonly kind: "month-report";
  /** `YYYY-MM` */
  readonly month: MonthName;
  readonly device: string;
  readonly houseKwh: number;
  readonly carKwh: number;
  readonly recordedMinutes: number;
  readonly lostMinutes: number;
  /** ISO 4217 */
  readonly currency: string;
  /** null = a price was missing */
  readonly houseCost: number | null;
  readonly carCost: number | null;
  /** average of what the car's energy cost */
  readonly carPricePerKwh: number | null;
  /** 0 to 1 */
  readonly businessRatio: number;
  readonly businessKwh: number;
  /** whole units of the currency for yen, else hundredths; rounded down, in the tax office's favour */
  readonly businessAmount: number | null;
  readonly days: readonly ReportDay[];
  readonly crossCheck: CrossCheck;
}

/** The sum of the minutes against the gateway's daily counter, over the days that have one. */
export interface CrossCheck {
  readonly days: number;
  readonly counterKwh: number;
  readonly recordedKwh: number;
  readonly missedKwh: number;
}

export interface ReportSettings {
  readonly device: string;
  readonly currency: string;
  readonly businessRatio: number;
}

const WH_PER_KWH = 1000;

/** Puts the days of a month together. */
export function makeMonthReport(month: MonthName, days: readonly DaySums[], settings: ReportSettings): MonthReport {
  const { device, currency, businessRatio } = settings;
  const reportDays = days.map((day) => ({
    ...day,
    date: dayName(month, day.day),
    missedWh: day.counterWh === null ? null : day.counterWh - day.houseWh,
  }));
  const carKwh = sum(days, ({ carWh }) => carWh) / WH_PER_KWH;
  const carCost = sumKnown(days, ({ carCost: cost }) => cost);
  return {
    kind: "month-report",
    month,
    device,
    houseKwh: sum(days, ({ houseWh }) => houseWh) / WH_PER_KWH,
    carKwh,
    recordedMinutes: sum(days, ({ recordedMinutes }) => recordedMinutes),
    lostMinutes: sum(days, ({ lostMinutes }) => lostMinutes),
    currency,
    houseCost: sumKnown(days, ({ houseCost }) => houseCost),
    carCost,
    carPricePerKwh: carCost === null || carKwh === 0 ? null : carCost / carKwh,
    businessRatio,
    businessKwh: carKwh * businessRatio,
    businessAmount: carCost === null ? null : roundDown(carCost * businessRatio, currency),
    days: reportDays,
    crossCheck: crossCheck(reportDays),
  };
}

function crossCheck(days: readonly ReportDay[]): CrossCheck {
  const counted = days.filter(({ counterWh }) => counterWh !== null);
  const counterKwh = sum(counted, ({ counterWh }) => counterWh ?? 0) / WH_PER_KWH;
  const recordedKwh = sum(counted, ({ houseWh }) => houseWh) / WH_PER_KWH;
  return { days: counted.length, counterKwh, recordedKwh, missedKwh: counterKwh - recordedKwh };
}

/** A year of months for the tax return. */
export interface YearReport {
  readonly kind: "year-report";
  readonly year: string;
  readonly device: string;
  readonly currency: string;
  /** January first; null = nothing was recorded */
  readonly months: readonly (MonthReport | null)[];
  readonly carKwh: number;
  readonly carCost: number | null;
  readonly businessKwh: number;
  /** the sum of the months' amounts, so that sheet and months agree to the yen */
  readonly businessAmount: number | null;
  readonly lostMinutes: number;
  readonly recordedMinutes: number;
}

/** @param months January first, twelve */
export function makeYearReport(
  year: string,
  months: readonly (MonthReport | null)[],
  { device, currency }: ReportSettings,
): YearReport {
  const there = months.filter((month) => month !== null);
  return {
    kind: "year-report",
    year,
    device,
    currency,
    months,
    carKwh: sum(there, ({ carKwh }) => carKwh),
    // of what the months show, so that whoever adds them up gets the same
    carCost: sumKnown(there, ({ carCost }) => (carCost === null ? null : roundTo(carCost, decimalsOf(currency)))),
    businessKwh: sum(there, ({ businessKwh }) => businessKwh),
    businessAmount: sumKnown(there, ({ businessAmount }) => businessAmount),
    lostMinutes: sum(there, ({ lostMinutes }) => lostMinutes),
    recordedMinutes: sum(there, ({ recordedMinutes }) => recordedMinutes),
  };
}

/** Decimal places that a currency is paid in. */
export const decimalsOf = (currency: string): number => (currency === "JPY" ? 0 : 2);

/** A sum of money without what is less than its smallest coin; binary dust just below a coin does not lose it. */
export function roundDown(amount: number, currency: string): number {
  const factor = 10 ** decimalsOf(currency);
  return Math.floor(amount * factor + 1e-6) / factor;
}

const sum = <Part>(parts: readonly Part[], of: (part: Part) => number): number =>
  parts.reduce((total, part) => total + of(part), 0);

/** null when one part is not known. */
function sumKnown<Part>(parts: readonly Part[], of: (part: Part) => number | null): number | null {
  let total = 0;
  for (const part of parts) {
    const amount = of(part);
    if (amount === null) return null;
    total += amount;
  }
  return total;
}
