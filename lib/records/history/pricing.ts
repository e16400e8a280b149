import type { Session } from "../../model/session.ts";
import { createBreather } from "../report/breathe.ts";
import type { SessionChange } from "../store/store.ts";
import type { SessionsTable, TariffsTable } from "../store/tables.ts";
import type { HistoryAnswer, PricingReport } from "./answers.ts";
import { matching } from "./filter.ts";
import type { HistoryParts } from "./parts.ts";
import type { RequestOf } from "./requests.ts";
import { roundTo } from "./rounding.ts";

/** Sessions that are committed together. */
const PIECE = 100;

/**
 * Gives closed sessions that have no price one by the tariff that was in force when they began: only when somebody asks, and
 * each as a new revision. A session that has a price keeps it, whatever tariffs come later.
 */
export async function priceSessions(parts: HistoryParts, request: RequestOf<"price">): Promise<HistoryAnswer> {
  const breathe = createBreather();
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
    const changes: SessionChange[] = [];
    for (const stored of piece) {
      const tariff = tariffs.find((each) => each.valid_from_ms <= stored.plugged_at_ms);
      // the store may hold a later revision than the database that was asked
      const session = await parts.store.findSession(stored.session_id);
      if (tariff === undefined) report.withoutTariff += 1;
      else if (session !== null && session.cost === null) {
        changes.push({ session: priced(session, tariff), reason: "edited", author: request.author ?? null });
      }
      await breathe();
    }
    await parts.store.commit({ sessions: changes });
    report.priced += changes.length;
    report.energyKwh += changes.reduce((sum, { session }) => sum + session.energyWh / 1000, 0);
    after = piece.at(-1)?.session_id ?? after;
    isMore = piece.length === PIECE;
  }
  const payload: PricingReport = { ...report, energyKwh: roundTo(report.energyKwh, 6) };
  return { command: request.command, payload };
}

const readUnpriced = ({ store }: HistoryParts, filter: RequestOf<"price">, afterId: string): Promise<SessionsTable[]> =>
  store.db
    .selectFrom("sessions")
    .selectAll()
    .where(matching(filter))
    .where("cost", "is", null)
    .where("status", "=", "closed")
    .where("session_id", ">", afterId)
    .orderBy("session_id")
    .limit(PIECE)
    .execute();

function priced(session: Session, { id, name, price_per_kwh, currency }: TariffsTable): Session {
  const { energyWh, pluggedAt, unpluggedAt } = session;
  const slot = { start: pluggedAt, end: unpluggedAt ?? pluggedAt, energyWh, pricePerKwh: price_per_kwh };
  return {
    ...session,
    cost: roundTo((energyWh / 1000) * price_per_kwh, 6),
    currency,
    pricePerKwh: price_per_kwh,
    tariff: name ?? id,
    tariffSlots: [slot],
    flags: [...new Set([...session.flags, "corrected" as const])],
  };
}
