import type { Session } from "../../model/session.ts";
import { createBreather } from "../tables/breathe.ts";
import { unpricedWhOf } from "../store/session-row.ts";
import type { SessionChange } from "../store/store.ts";
import type { SessionsTable, TariffsTable } from "../store/tables.ts";
import { afterLatest } from "./after-latest.ts";
import type { HistoryAnswer, PricingReport } from "./answers.ts";
import { matching } from "./filter.ts";
import type { HistoryParts } from "./parts.ts";
import type { RequestOf } from "./requests.ts";
import { roundTo } from "./rounding.ts";

/** Sessions that are committed together. */
const PIECE = 100;

/**
 * Gives the energy of closed sessions that has no price one by the tariff that was in force when they began: only when
 * somebody asks, and each session as a new revision. What has a price keeps it, whatever tariffs come later: of a session that
 * is priced in part only the rest is priced, and only in the currency of that part.
 */
export async function priceSessions(parts: HistoryParts, request: RequestOf<"price">): Promise<HistoryAnswer> {
  const tariffs = await parts.store.db
    .selectFrom("tariffs")
    .selectAll()
    .where("is_active", "=", 1)
    .orderBy("valid_from_ms", "desc")
    .orderBy("id", "desc")
    .execute();
  const report = { priced: 0, energyKwh: 0, withoutTariff: 0 };
  for (let after = "", isMore = true; isMore; ) {
    const piece = await readUnpriced(parts, request, after);
    const done = await afterLatest(() => pricePiece(parts, piece, tariffs, request.author ?? null));
    report.priced += done.priced;
    report.energyKwh += done.energyKwh;
    report.withoutTariff += done.withoutTariff;
    after = piece.at(-1)?.session_id ?? after;
    isMore = piece.length === PIECE;
  }
  const payload: PricingReport = { ...report, energyKwh: roundTo(report.energyKwh, 6) };
  return { command: request.command, payload };
}

async function pricePiece(
  { store }: HistoryParts,
  piece: readonly SessionsTable[],
  tariffs: readonly TariffsTable[],
  author: string | null,
): Promise<PricingReport> {
  const breathe = createBreather();
  const changes: SessionChange[] = [];
  let energyWh = 0;
  let withoutTariff = 0;
  for (const { session_id } of piece) {
    // the store may hold a later revision than the database that was asked
    const session = await store.findSession(session_id);
    const unpricedWh = session === null ? 0 : unpricedWhOf(session);
    if (session === null || unpricedWh <= 0) continue;
    const tariff = tariffOf(session, tariffs);
    if (tariff === null) withoutTariff += 1;
    else {
      const expectedRevision = session.revision;
      changes.push({ session: priceRest(session, unpricedWh, tariff), reason: "edited", author, expectedRevision });
      energyWh += unpricedWh;
    }
    await breathe();
  }
  await store.commit({ sessions: changes });
  return { priced: changes.length, energyKwh: energyWh / 1000, withoutTariff };
}

const readUnpriced = ({ store }: HistoryParts, filter: RequestOf<"price">, afterId: string): Promise<SessionsTable[]> =>
  store.db
    .selectFrom("sessions")
    .selectAll()
    .where(matching(filter))
    .where("unpriced_wh", ">", 0)
    .where("status", "=", "closed")
    .where("session_id", ">", afterId)
    .orderBy("session_id")
    .limit(PIECE)
    .execute();

/** @param tariffs the latest first */
function tariffOf({ pluggedAt, cost, currency }: Session, tariffs: readonly TariffsTable[]): TariffsTable | null {
  const startMs = Date.parse(pluggedAt);
  // money of two currencies is never added
  const isFitting = (tariff: TariffsTable): boolean => cost === null || tariff.currency === currency;
  return tariffs.find((tariff) => tariff.valid_from_ms <= startMs && isFitting(tariff)) ?? null;
}

/** When the rest was charged is not recorded: its slot spans the session. */
function priceRest(session: Session, unpricedWh: number, { id, name, price_per_kwh, currency }: TariffsTable): Session {
  const { energyWh, pluggedAt, unpluggedAt, costGrid } = session;
  const slot = { start: pluggedAt, end: unpluggedAt ?? pluggedAt, energyWh: unpricedWh, pricePerKwh: price_per_kwh };
  const added = (unpricedWh / 1000) * price_per_kwh;
  const cost = (session.cost ?? 0) + added;
  const isPartly = session.cost !== null;
  const tariff = name ?? id;
  return {
    ...session,
    cost: roundTo(cost, 6),
    unpricedWh: 0,
    // the parts of the cost add up to it, as before
    ...(isPartly && costGrid !== null ? { costGrid: roundTo(costGrid + added, 6) } : {}),
    currency,
    pricePerKwh: isPartly ? roundTo((cost / energyWh) * 1000, 6) : price_per_kwh,
    tariff: isPartly && session.tariff !== null ? joinNames(session.tariff, tariff) : tariff,
    tariffSlots: isPartly ? [...session.tariffSlots, slot] : [slot],
    flags: [...new Set([...session.flags, "corrected" as const])],
  };
}

const joinNames = (first: string, second: string): string =>
  first === second ? first : `${first} + ${second}`.slice(0, 200);
