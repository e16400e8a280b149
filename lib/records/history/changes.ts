import { randomUUID } from "node:crypto";
import { EvError } from "../../model/errors.ts";
import { localDay, startOfDayMs } from "../../model/local-time.ts";
import type { Session } from "../../model/session.ts";
import { sessionRow } from "../store/session-row.ts";
import type { SessionChange } from "../store/store.ts";
import type { PaymentsTable, TariffsTable } from "../store/tables.ts";
import { toPaymentRow, toTariffRow } from "./account.ts";
import { afterLatest } from "./after-latest.ts";
import type { HistoryAnswer } from "./answers.ts";
import { editSession, manualSession } from "./edits.ts";
import type { HistoryParts } from "./parts.ts";
import type { RequestOf } from "./requests.ts";
import { toSessionRow } from "./rows.ts";

/** Each change is a new revision with its author; nothing is written over. */

export async function edit(parts: HistoryParts, request: RequestOf<"edit">): Promise<HistoryAnswer> {
  return afterLatest(async () => {
    const found = await findSession(parts, request.sessionId);
    const session = editSession(found, request);
    const expectedRevision = found.revision;
    return commitOne(parts, request.command, {
      session,
      reason: "edited",
      author: request.author ?? null,
      expectedRevision,
    });
  });
}

export async function add(parts: HistoryParts, request: RequestOf<"add">): Promise<HistoryAnswer> {
  const session = manualSession(request, parts.zone, parts.currency, parts.clock.nowMs());
  return commitOne(parts, request.command, { session, reason: "manual", author: request.author ?? null });
}

export async function remove(parts: HistoryParts, request: RequestOf<"delete">): Promise<HistoryAnswer> {
  return afterLatest(async () => {
    const session = await findSession(parts, request.sessionId);
    const expectedRevision = session.revision;
    return commitOne(parts, request.command, {
      session,
      reason: "deleted",
      author: request.author ?? null,
      expectedRevision,
    });
  });
}

async function commitOne(parts: HistoryParts, command: string, change: SessionChange): Promise<HistoryAnswer> {
  const [stored = change.session] = await parts.store.commit({ sessions: [change] });
  return { command, payload: [toSessionRow(sessionRow(stored))], session: stored };
}

async function findSession({ store }: HistoryParts, sessionId: string): Promise<Session> {
  const session = await store.findSession(sessionId);
  if (session === null) throw new EvError("refused", `There is no session ${sessionId}; it may have been deleted.`);
  return session;
}

export async function addPayment(parts: HistoryParts, request: RequestOf<"add-payment">): Promise<HistoryAnswer> {
  const paidAtMs = startOfDayMs(request.day, parts.zone);
  const payment: PaymentsTable = {
    id: randomUUID(),
    paid_at_ms: paidAtMs,
    local_day: localDay(paidAtMs, parts.zone),
    amount: request.amount,
    currency: request.currency ?? parts.currency,
    vehicle: request.vehicle ?? null,
    user_name: request.user ?? null,
    note: request.note ?? null,
  };
  await parts.store.commit({ payments: [payment] });
  return { command: request.command, payload: [toPaymentRow(payment)] };
}

/** A price from a day on. Sessions that are stored already keep the cost they were stored with. */
export async function addTariff(parts: HistoryParts, request: RequestOf<"add-tariff">): Promise<HistoryAnswer> {
  const tariff: TariffsTable = {
    id: randomUUID(),
    valid_from_ms: startOfDayMs(request.from, parts.zone),
    price_per_kwh: request.pricePerKwh,
    currency: request.currency ?? parts.currency,
    name: request.name ?? null,
    is_active: 1,
  };
  await parts.store.commit({ tariffs: [tariff] });
  return { command: request.command, payload: [toTariffRow(tariff, parts.zone)] };
}

export async function removePayment(parts: HistoryParts, request: RequestOf<"remove-payment">): Promise<HistoryAnswer> {
  const payment = await parts.store.db
    .selectFrom("payments")
    .selectAll()
    .where("id", "=", request.id)
    .executeTakeFirst();
  if (payment === undefined) throw new EvError("refused", "There is no payment with this id.");
  await parts.store.commit({ removedPaymentIds: [request.id] });
  return { command: request.command, payload: [toPaymentRow(payment)] };
}

export async function removeTariff(parts: HistoryParts, request: RequestOf<"remove-tariff">): Promise<HistoryAnswer> {
  const tariff = await parts.store.db.selectFrom("tariffs").selectAll().where("id", "=", request.id).executeTakeFirst();
  if (tariff === undefined) throw new EvError("refused", "There is no tariff with this id.");
  await parts.store.commit({ removedTariffIds: [request.id] });
  return { command: request.command, payload: [toTariffRow(tariff, parts.zone)] };
}
