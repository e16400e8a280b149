import { daysOf, type MonthName } from "./month.ts";
import type { PriceAt } from "./tariff.ts";

/** What one minute, or one interval of a store, adds to its month. */
export interface TallyMinute {
  /** from the begin of the month, counted in real time: days of 23 and 25 hours come out right */
  readonly index: number;
  /** 1 = the first of the month, local */
  readonly day: number;
  readonly minuteOfDay: number;
  /** null = not known */
  readonly houseWh: number | null;
  readonly carWh: number | null;
  /** the gateway's own counter of the day before */
  readonly yesterdayWh: number | null;
}

export interface DaySums {
  readonly day: number;
  readonly houseWh: number;
  readonly carWh: number;
  /** null = a price was missing */
  readonly houseCost: number | null;
  readonly carCost: number | null;
  readonly recordedMinutes: number;
  readonly lostMinutes: number;
  /** what the gateway itself counted that day, told the day after; null = not told */
  readonly counterWh: number | null;
}

export interface MonthTally {
  /** @returns false when that minute has been counted already */
  add(minute: TallyMinute): boolean;
  /** Energy that is certain although its minutes were not recorded. */
  addGap(gap: Omit<TallyMinute, "index" | "yesterdayWh">): void;
  /** What the gateway counted on a day. @param day 1 = the first of the month */
  setCounter(day: number, counterWh: number): void;
  /** @param nextYesterdayWh the counter as it stood on the first day of the month after */
  finish(nextYesterdayWh: number | null): readonly DaySums[];
}

/** Minutes of every day, `day - 1` first. In zones with summer time two days a year differ. */
export type DayLengths = readonly number[];

/** Every day has 1440 minutes: true in Japan. */
export const plainDays = (month: MonthName): DayLengths => Array.from({ length: daysOf(month) }, () => 1440);

/** Adds up a month, each minute once. */
export function createMonthTally(dayLengths: DayLengths, priceAt: PriceAt): MonthTally {
  const count = dayLengths.length;
  const seen = new Uint8Array(dayLengths.reduce((sum, minutes) => sum + minutes, 0));
  const houseWh = new Float64Array(count);
  const carWh = new Float64Array(count);
  const houseCost = new Float64Array(count);
  const carCost = new Float64Array(count);
  const minutes = new Uint32Array(count);
  const counters: (number | null)[] = Array.from({ length: count + 1 }, () => null);

  function addEnergy({ day, minuteOfDay, houseWh: house, carWh: car }: Parameters<MonthTally["addGap"]>[0]): void {
    const place = day - 1;
    // a price that is not known makes the day's cost NaN, which finish() tells as null
    const price = priceAt(day, minuteOfDay) ?? Number.NaN;
    if (house !== null && house !== 0) {
      houseWh[place] = (houseWh[place] ?? 0) + house;
      houseCost[place] = (houseCost[place] ?? 0) + (house * price) / 1000;
    }
    if (car !== null && car !== 0) {
      carWh[place] = (carWh[place] ?? 0) + car;
      carCost[place] = (carCost[place] ?? 0) + (car * price) / 1000;
    }
  }

  return {
    add(minute) {
      const { index, day } = minute;
      const place = day - 1;
      if (index < 0 || index >= seen.length || place < 0 || place >= count || seen[index] === 1) return false;
      seen[index] = 1;
      if (minute.yesterdayWh !== null) counters[place] = minute.yesterdayWh;
      if (minute.houseWh === null && minute.carWh === null) return true;
      minutes[place] = (minutes[place] ?? 0) + 1;
      addEnergy(minute);
      return true;
    },
    addGap: addEnergy,
    setCounter(day, counterWh) {
      // the day after tells it
      counters[day] = counterWh;
    },
    finish(nextYesterdayWh) {
      counters[count] = nextYesterdayWh ?? counters[count] ?? null;
      return dayLengths.map((length, place) => ({
        day: place + 1,
        houseWh: houseWh[place] ?? 0,
        carWh: carWh[place] ?? 0,
        houseCost: knownCost(houseCost[place]),
        carCost: knownCost(carCost[place]),
        recordedMinutes: minutes[place] ?? 0,
        lostMinutes: Math.max(0, length - (minutes[place] ?? 0)),
        counterWh: counters[place + 1] ?? null,
      }));
    },
  };
}

const knownCost = (cost: number | undefined): number | null => (cost === undefined || Number.isNaN(cost) ? null : cost);
