import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from "kysely";
import type { Tables } from "../store/tables.ts";
import type { SessionFilter } from "./requests.ts";

/*
 * Which sessions a request means, as SQL. Days and months are those that stand beside every session, local to its own
 * zone, so that leap days and days of 23 or 25 hours need no arithmetic and all databases answer alike.
 */

type Condition = ExpressionWrapper<Tables, "sessions", SqlBool>;

/** More than a day and any zone's offset, ms. */
const SLACK_MS = 3 * 86_400_000;

/** Bounds by time beside those by day decide nothing, but let the database walk its index in the order of the list. */
function roughMs(day: string): number {
  const [year = 0, month = 0, date = 0] = day.split("-").map(Number);
  return Date.UTC(year, month - 1, date);
}

/** For `query.where(matching(filter))`. */
export function matching(filter: SessionFilter): (eb: ExpressionBuilder<Tables, "sessions">) => Condition {
  return (eb) => {
    const conditions: Condition[] = [];
    const { from, to } = daysOf(filter);
    if (from !== undefined)
      conditions.push(eb("local_day", ">=", from), eb("plugged_at_ms", ">", roughMs(from) - SLACK_MS));
    if (to !== undefined) conditions.push(eb("local_day", "<=", to), eb("plugged_at_ms", "<", roughMs(to) + SLACK_MS));
    if (filter.device !== undefined) conditions.push(eb("device", "=", filter.device));
    if (filter.vehicle !== undefined) conditions.push(eb("vehicle", "=", filter.vehicle));
    if (filter.user !== undefined) conditions.push(eb("user_name", "=", filter.user));
    if (filter.purpose !== undefined) conditions.push(eb("purpose", "=", filter.purpose));
    if (filter.minEnergyWh !== undefined) conditions.push(eb("energy_wh", ">=", filter.minEnergyWh));
    return eb.and(conditions);
  };
}

/** First and last local day of a filter; `year` and `month` narrow `from` and `to`. */
export function daysOf({ from, to, year, month }: SessionFilter): { from?: string; to?: string } {
  const whole = year === undefined ? null : `${year}${month === undefined ? "" : `-${String(month).padStart(2, "0")}`}`;
  // compared as text, so the last day of every month may be 31
  const first = whole === null ? undefined : `${whole}${month === undefined ? "-01-01" : "-01"}`;
  const last = whole === null ? undefined : `${whole}${month === undefined ? "-12-31" : "-31"}`;
  const later = [from, first]
    .filter((day) => day !== undefined)
    .toSorted()
    .at(-1);
  const earlier = [to, last]
    .filter((day) => day !== undefined)
    .toSorted()
    .at(0);
  return { ...(later === undefined ? {} : { from: later }), ...(earlier === undefined ? {} : { to: earlier }) };
}
