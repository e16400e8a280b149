import type { Kysely } from "kysely";
import { wallClock } from "../tables/wall-clock.ts";
import type { PaymentsTable, Tables, TariffsTable } from "../store/tables.ts";
import type { PaymentRow, Statement, SumRow, TariffRow } from "./answers.ts";
import type { RequestOf } from "./requests.ts";
import { roundTo } from "./rounding.ts";
import { sumAll } from "./sums.ts";

/** Whose account, and which days; both included. */
export type AccountFilter = Pick<RequestOf<"statement">, "vehicle" | "user" | "from" | "to">;

/**
 * The account statement: what the sessions cost by their own stored cost, what was paid, what is still to be paid. With a
 * period, all three are of that period alone.
 *
 * @param currency the one of the site; accounts in other currencies stand in `others`
 */
export async function makeStatement(db: Kysely<Tables>, filter: AccountFilter, currency: string): Promise<Statement> {
  const sums = await sumAll(db, filter);
  const payments = await listPayments(db, filter);
  const currencies = new Set([
    ...sums.costs.map((cost) => cost.currency ?? currency),
    ...payments.map((payment) => payment.currency),
  ]);
  // the site's own first; a log kept in another currency alone is that account
  const main = currencies.has(currency) ? currency : ([...currencies].toSorted()[0] ?? currency);
  currencies.delete(main);
  const others = [...currencies].toSorted().map((other) => accountIn(other, currency, sums, payments));
  return { ...accountIn(main, currency, sums, payments), unpricedKwh: sums.unpricedKwh, others };
}

function accountIn(
  currency: string,
  siteCurrency: string,
  sums: SumRow,
  allPayments: readonly PaymentRow[],
): Statement {
  const payments = allPayments.filter((payment) => payment.currency === currency);
  const costs = sums.costs.filter((cost) => (cost.currency ?? siteCurrency) === currency);
  const due = costs.reduce((sum, { cost }) => sum + cost, 0);
  const paid = payments.reduce((sum, { amount }) => sum + amount, 0);
  return {
    currency,
    due: roundTo(due, 6),
    paid: roundTo(paid, 6),
    balance: roundTo(due - paid, 6),
    energyKwh: roundTo(
      costs.reduce((sum, { energyKwh }) => sum + energyKwh, 0),
      6,
    ),
    unpricedKwh: 0,
    payments,
    others: [],
  };
}

/** Newest first. With a vehicle or user, the payments to that account alone. */
async function listPayments(db: Kysely<Tables>, { vehicle, user, from, to }: AccountFilter): Promise<PaymentRow[]> {
  let query = db.selectFrom("payments").selectAll().orderBy("paid_at_ms", "desc").orderBy("id", "desc");
  if (vehicle !== undefined) query = query.where("vehicle", "=", vehicle);
  if (user !== undefined) query = query.where("user_name", "=", user);
  if (from !== undefined) query = query.where("local_day", ">=", from);
  if (to !== undefined) query = query.where("local_day", "<=", to);
  return (await query.execute()).map(toPaymentRow);
}

export const toPaymentRow = (payment: PaymentsTable): PaymentRow => ({
  id: payment.id,
  day: payment.local_day,
  amount: payment.amount,
  currency: payment.currency,
  vehicle: payment.vehicle,
  user: payment.user_name,
  note: payment.note,
});

/** Newest first. */
export async function listTariffs(db: Kysely<Tables>, zone: string): Promise<TariffRow[]> {
  const tariffs = await db
    .selectFrom("tariffs")
    .selectAll()
    .orderBy("valid_from_ms", "desc")
    .orderBy("id", "desc")
    .execute();
  return tariffs.map((tariff) => toTariffRow(tariff, zone));
}

export const toTariffRow = (tariff: TariffsTable, zone: string): TariffRow => ({
  id: tariff.id,
  from: wallClock(tariff.valid_from_ms, zone).stamp.slice(0, 10),
  pricePerKwh: tariff.price_per_kwh,
  currency: tariff.currency,
  name: tariff.name,
  isActive: tariff.is_active === 1,
});
