/** A calendar month, `YYYY-MM`. */
export type MonthName = string;

const MONTH = /^(\d{4})-(0[1-9]|1[0-2])$/;
export const isMonthName = (text: string): boolean => MONTH.test(text);

/** Days of a month: 28 to 31. */
export function daysOf(month: MonthName): number {
  const [year, number] = split(month);
  return new Date(Date.UTC(year, number, 0)).getUTCDate();
}

/** `YYYY-MM` so many months later (or earlier). */
export function addMonths(month: MonthName, count: number): MonthName {
  const [year, number] = split(month);
  return new Date(Date.UTC(year, number - 1 + count, 1)).toISOString().slice(0, 7);
}

/** `YYYYMM`, as in file names. */
export const compactMonth = (month: MonthName): string => month.replace("-", "");

/** `YYYY-MM-DD` of a day of the month, 1 = first. */
export const dayName = (month: MonthName, day: number): string => `${month}-${String(day).padStart(2, "0")}`;

const split = (month: MonthName): [year: number, number: number] => [
  Number(month.slice(0, 4)),
  Number(month.slice(5, 7)),
];
