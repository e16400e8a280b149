import { DateTime } from "luxon";
import { startOfDayMs } from "../../model/local-time.ts";
import { roundTo } from "../../model/units.ts";
import { counterName, counterPrefix, readCounterName } from "../reading-log/kept-names.ts";
import type { Store } from "../store/store.ts";
import { addMonths, dayName, daysOf, type MonthName } from "./month.ts";
import { createMonthTally, type DaySums } from "./month-tally.ts";
import type { OriginalSums } from "./summary-file.ts";
import type { PriceAt, PricePeriod } from "./tariff.ts";

export interface StoreMonthSource {
  readonly store: Store;
  readonly zone: string;
  /** empty = all meters */
  readonly device: string;
}

interface Row {
  readonly role: string;
  readonly at_ms: number;
  readonly power_w: number | null;
  readonly energy_wh: number | null;
  readonly duration_s: number | null;
}

interface Minute {
  houseWh: number | null;
  gridWh: number | null;
  carWh: number | null;
  houseW: number;
  carW: number;
}

const MINUTE_MS = 60_000;
/** A row that is longer tells of a gap. */
const LONGEST_MINUTE_S = 60.001;

/**
 * A month of the readings that `ev-reading-log` keeps; null when there are none.
 *
 * @throws EvError `unreachable` when the store's server is down
 */
export async function readStoreMonth(
  source: StoreMonthSource,
  month: MonthName,
  priceAt: PriceAt,
): Promise<{ readonly days: readonly DaySums[]; readonly original: OriginalSums } | null> {
  const { zone } = source;
  const starts = Array.from({ length: daysOf(month) }, (_, at) => startOfDayMs(dayName(month, at + 1), zone));
  starts.push(startOfDayMs(dayName(addMonths(month, 1), 1), zone));
  const lengths = starts.slice(1).map((end, at) => Math.round((end - (starts[at] ?? end)) / MINUTE_MS));
  const tally = createMonthTally(lengths, priceAt);
  const original = { rows: 0, meanW: 0, carW: 0 };
  let count = 0;
  for (const [place, dayStartMs] of starts.slice(0, -1).entries()) {
    const day = place + 1;
    const minuteOfDay = minuteClock(dayStartMs, lengths[place] ?? 0, zone);
    const rows = await readDay(source, dayName(month, day));
    count += rows.length;
    const minutes = new Map<number, Minute>();
    for (const row of rows) {
      const startMs = row.at_ms - (row.duration_s ?? 60) * 1000;
      if ((row.duration_s ?? 60) > LONGEST_MINUTE_S) {
        tally.addGap({ day, minuteOfDay: minuteOfDay(startMs), ...oneOf(row) });
        continue;
      }
      const minuteMs = Math.floor((row.at_ms - 1) / MINUTE_MS) * MINUTE_MS;
      addRow(minutes, minuteMs, row);
    }
    for (const [minuteMs, minute] of minutes) {
      const houseWh = minute.houseWh ?? minute.gridWh;
      tally.add({
        index: Math.round((minuteMs - (starts[0] ?? 0)) / MINUTE_MS),
        day,
        minuteOfDay: minuteOfDay(minuteMs),
        houseWh,
        carWh: minute.carWh,
        yesterdayWh: null,
      });
      original.rows += 1;
      original.meanW += minute.houseWh === null ? (minute.gridWh ?? 0) * 60 : minute.houseW;
      original.carW += minute.carW;
    }
  }
  if (count === 0) return null;
  for (const [day, counterWh] of await readCounters(source, month)) tally.setCounter(day, counterWh);
  return { days: tally.finish(null), original };
}

/**
 * What the gateways counted, by day of the month. Of several gateways the sum, on days of which all of them are known: one
 * alone would look like energy that was recorded and never drawn.
 */
async function readCounters({ store, device }: StoreMonthSource, month: MonthName): Promise<Map<number, number>> {
  const gateways = new Set<string>();
  const days = new Map<number, { count: number; sumWh: number }>();
  for (const { name, content } of await store.recallAll(counterPrefix)) {
    const read = readCounterName(name);
    if (read === null || !read.day.startsWith(`${month}-`) || (device !== "" && name !== counterName(device, read.day)))
      continue;
    gateways.add(read.device);
    const day = Number(read.day.slice(8));
    const { count, sumWh } = days.get(day) ?? { count: 0, sumWh: 0 };
    days.set(day, { count: count + 1, sumWh: sumWh + Number(content) });
  }
  return new Map([...days].filter(([, { count }]) => count === gateways.size).map(([day, { sumWh }]) => [day, sumWh]));
}

function readDay({ store, device }: StoreMonthSource, day: string): Promise<Row[]> {
  let query = store.db
    .selectFrom("readings")
    .select(["role", "at_ms", "power_w", "energy_wh", "duration_s"])
    .where("local_day", "=", day)
    .where("role", "in", ["house", "evse", "grid"])
    .orderBy("at_ms");
  if (device !== "") query = query.where("device", "=", device);
  return query.execute();
}

function addRow(minutes: Map<number, Minute>, minuteMs: number, row: Row): void {
  const minute = minutes.get(minuteMs) ?? { houseWh: null, gridWh: null, carWh: null, houseW: 0, carW: 0 };
  const { houseWh, carWh } = oneOf(row);
  // whole watts come back whole, so that sums are those of the original scripts
  const meanW = row.duration_s === 60 && row.power_w !== null ? roundTo(row.power_w, 6) : (row.energy_wh ?? 0) * 60;
  if (row.role === "house") {
    minute.houseWh = (minute.houseWh ?? 0) + (houseWh ?? 0);
    minute.houseW += meanW;
  } else if (row.role === "grid") {
    minute.gridWh = (minute.gridWh ?? 0) + (houseWh ?? 0);
  } else {
    minute.carWh = (minute.carWh ?? 0) + (carWh ?? 0);
    minute.carW += Math.max(0, meanW);
  }
  minutes.set(minuteMs, minute);
}

/** Energy that the car gave back is none that was charged; what went into the grid was not bought. */
function oneOf({ role, energy_wh }: Row): { readonly houseWh: number | null; readonly carWh: number | null } {
  if (energy_wh === null) return { houseWh: null, carWh: null };
  if (role === "evse") return { houseWh: null, carWh: Math.max(0, energy_wh) };
  return { houseWh: role === "grid" ? Math.max(0, energy_wh) : energy_wh, carWh: null };
}

/** What the clock on the wall shows; on days of 23 and 25 hours that takes a calendar. */
function minuteClock(dayStartMs: number, lengthMinutes: number, zone: string): (epochMs: number) => number {
  if (lengthMinutes === 1440) return (epochMs) => Math.floor((epochMs - dayStartMs) / MINUTE_MS);
  return (epochMs) => {
    const { hour, minute } = DateTime.fromMillis(epochMs, { zone });
    return hour * 60 + minute;
  };
}

/** The prices that were entered for the account statement. */
export async function readPricePeriods(store: Store, zone: string): Promise<PricePeriod[]> {
  const rows = await store.db.selectFrom("tariffs").selectAll().where("is_active", "=", 1).execute();
  return rows.map(({ valid_from_ms, price_per_kwh }) => ({
    validFrom: DateTime.fromMillis(valid_from_ms, { zone }).toISODate(),
    pricePerKwh: price_per_kwh,
    windows: [],
  }));
}
