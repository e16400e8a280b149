import { type Kysely, type RawBuilder, sql } from "kysely";
import { createBreather } from "../tables/breathe.ts";
import type { Tables } from "../store/tables.ts";
import type { SumRow } from "./answers.ts";
import { matching } from "./filter.ts";
import type { SessionFilter } from "./requests.ts";
import { roundTo } from "./rounding.ts";

/*
 * Sums over sessions, made by the database. What a session cost is what was stored with it; no tariff is multiplied here
 * (facts openevse-h2v-sessions 1.4). Groups of different currencies come apart in SQL and are never added.
 */

/** By what the sums are kept apart. */
export type SumBy = "all" | "day" | "month" | "year" | "vehicle" | "user" | "device" | "purpose";

const PERIOD: Readonly<Record<Exclude<SumBy, "all">, RawBuilder<string>>> = {
  day: sql`local_day`,
  month: sql`local_month`,
  year: sql`substr(local_month, 1, 4)`,
  vehicle: sql`coalesce(vehicle, '')`,
  user: sql`coalesce(user_name, '')`,
  device: sql`device`,
  purpose: sql`coalesce(purpose, '')`,
};

/** A stored share counts; without one a business session counts whole, and any other not at all. */
const BUSINESS_SHARE = sql`coalesce(business_ratio, case when purpose = 'business' then 1.0 else 0.0 end)`;

/** What is missing in the sum of the three came from nobody knows where; null where nothing is known of the sun. */
const KNOWN_SOURCE_WH = sql`solar_wh + coalesce(battery_wh, 0.0) + coalesce(grid_wh, 0.0)`;

const SUMS = {
  sessions: sql`count(*)`,
  energyWh: sql`sum(energy_wh)`,
  dischargedWh: sql`sum(discharged_wh)`,
  chargingS: sql`sum(charging_s)`,
  solarWh: sql`sum(solar_wh)`,
  solarKnownWh: sql`sum(${KNOWN_SOURCE_WH})`,
  cost: sql`sum(cost)`,
  pricedWh: sql`sum(energy_wh - unpriced_wh)`,
  unpricedWh: sql`sum(unpriced_wh)`,
  referenceCost: sql`sum(reference_cost)`,
  businessWh: sql`sum(energy_wh * ${BUSINESS_SHARE})`,
  businessCost: sql`sum(cost * ${BUSINESS_SHARE})`,
  co2G: sql`sum(co2_g)`,
} as const;
type Sum = keyof typeof SUMS;
const SUM_NAMES = Object.keys(SUMS) as readonly Sum[];
type Sums = Readonly<Record<Sum, number | null>>;
type Group = Sums & { readonly period: string; readonly currency: string | null };

export interface SummedSessions {
  /** One per period or name, in ascending order; one in all for `all`, also when there is no session. */
  readonly rows: readonly SumRow[];
  /** over everything that the filter means */
  readonly totals: SumRow;
}

export async function sumSessions(db: Kysely<Tables>, by: SumBy, filter: SessionFilter): Promise<SummedSessions> {
  const period = by === "all" ? null : PERIOD[by];
  const base = db
    .selectFrom("sessions")
    .where(matching(filter))
    .select("currency")
    .select(SUM_NAMES.map((name) => SUMS[name].as(name)));
  const query =
    period === null
      ? base.select(sql<string>`''`.as("period")).groupBy("currency")
      : base.select(period.as("period")).groupBy([period, "currency"]).orderBy(period);
  const groups = (await query.execute()).map(toGroup);
  const totals = toSumRow("", addGroups(groups));
  if (period === null) return { rows: [totals], totals };
  const breathe = createBreather();
  const rows: SumRow[] = [];
  for (const [name, same] of Map.groupBy(groups, (group) => group.period)) {
    rows.push(toSumRow(name, same));
    await breathe();
  }
  return { rows, totals };
}

/** The groups of one currency as one. */
function addGroups(groups: readonly Group[]): Group[] {
  const perCurrency = new Map<string | null, Record<Sum, number | null>>();
  for (const group of groups) {
    const sum = perCurrency.get(group.currency);
    if (sum === undefined) perCurrency.set(group.currency, { ...group });
    else for (const name of SUM_NAMES) sum[name] = addKnown(sum[name], group[name]);
  }
  return [...perCurrency].map(([currency, sums]) => ({ ...sums, period: "", currency }));
}

const addKnown = (a: number | null, b: number | null): number | null =>
  a === null && b === null ? null : (a ?? 0) + (b ?? 0);

/** The sum over everything that the filter means. */
export const sumAll = async (db: Kysely<Tables>, filter: SessionFilter): Promise<SumRow> =>
  (await sumSessions(db, "all", filter)).totals;

/** Drivers give sums as number, text or bigint, depending on the database. */
function toGroup(row: Readonly<Record<string, unknown>>): Group {
  const numbers = SUM_NAMES.map((name) => [name, row[name] === null ? null : Number(row[name])]);
  return {
    ...(Object.fromEntries(numbers) as Sums),
    period: String(row.period),
    currency: typeof row.currency === "string" ? row.currency : null,
  };
}

function toSumRow(period: string, groups: readonly Group[]): SumRow {
  const total = (name: Sum): number => groups.reduce((sum, group) => sum + (group[name] ?? 0), 0);
  const known = (name: Sum): number | null => (groups.every((group) => group[name] === null) ? null : total(name));
  const kwh = (name: Sum): number => roundTo(total(name) / 1000, 6);
  const priced = groups.filter(({ cost, referenceCost }) => cost !== null || referenceCost !== null);
  const isMixed = new Set(priced.map(({ currency }) => currency)).size > 1;
  const money = (name: Sum): number | null => (isMixed ? null : roundOrNull(known(name)));
  const cost = known("cost");
  return {
    period,
    sessions: total("sessions"),
    energyKwh: kwh("energyWh"),
    dischargedKwh: kwh("dischargedWh"),
    chargingMin: roundTo(total("chargingS") / 60, 1),
    solarKwh: known("solarWh") === null ? null : kwh("solarWh"),
    solarPercent: total("solarKnownWh") > 0 ? roundTo((total("solarWh") / total("solarKnownWh")) * 100, 1) : null,
    cost: money("cost"),
    referenceCost: money("referenceCost"),
    pricePerKwh:
      isMixed || cost === null || total("pricedWh") === 0 ? null : roundTo((cost / total("pricedWh")) * 1000, 6),
    businessKwh: kwh("businessWh"),
    businessCost: money("businessCost"),
    co2G: roundOrNull(known("co2G")),
    unpricedKwh: kwh("unpricedWh"),
    currency: isMixed ? null : (priced[0]?.currency ?? null),
    costs: moneyPerCurrency(groups),
  };
}

/** What was paid in each currency, so that nothing is hidden where one sum would mix them. */
function moneyPerCurrency(groups: readonly Group[]): SumRow["costs"] {
  return groups
    .filter((group) => group.cost !== null)
    .map((group) => ({
      currency: group.currency,
      cost: roundTo(group.cost ?? 0, 6),
      energyKwh: roundTo((group.pricedWh ?? 0) / 1000, 6),
    }))
    .toSorted((a, b) => ((a.currency ?? "") < (b.currency ?? "") ? -1 : 1));
}

const roundOrNull = (number: number | null): number | null => (number === null ? null : roundTo(number, 6));
