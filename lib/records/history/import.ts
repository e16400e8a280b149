import { createBreather } from "../tables/breathe.ts";
import type { SessionChange } from "../store/store.ts";
import type { TariffsTable } from "../store/tables.ts";
import type { HistoryAnswer, ImportRemark, ImportReport } from "./answers.ts";
import type { HistoryParts } from "./parts.ts";
import {
  findMeterRows,
  type ImportSettings,
  importedTariffId,
  type LoggerSession,
  readLoggerPayments,
  readLoggerSessions,
  readLoggerTariffs,
  type ReadRow,
  refusalOf,
  remark,
  toImportedPayment,
  toImportedSession,
  toImportedTariff,
} from "./logger-rows.ts";
import type { RequestOf } from "./requests.ts";
import { roundTo } from "./rounding.ts";

/** Sessions that are committed together. */
const PIECE = 50;

/**
 * Takes over an existing logger's database. Safe to repeat, also with a part of the rows: what is there already stays, what
 * somebody edited or deleted since stays as it is. Sessions are priced here, by their own tariff; later tariffs do not
 * change them.
 */
export async function importLogger(parts: HistoryParts, request: RequestOf<"import">): Promise<HistoryAnswer> {
  const settings: ImportSettings = {
    device: request.device,
    vehicle: request.vehicle ?? null,
    currency: request.currency,
    zone: parts.zone,
  };
  const tariffRows = await readLoggerTariffs(request.tarif);
  const paymentRows = await readLoggerPayments(request.versement);
  const tariffs = tariffRows.rows.map(({ content }) => toImportedTariff(content, settings));
  const payments = paymentRows.rows.map(({ content }) => toImportedPayment(content, settings));
  await parts.store.commit({ tariffs, payments });

  const latest = latestActive(tariffRows.rows);
  const priceFor = await tariffFinder(parts, settings, tariffs, latest);
  const sessions = await importSessions(parts, settings, request.energySession, priceFor);
  const report: ImportReport = {
    ...sessions,
    tariffs: tariffs.length,
    payments: payments.length,
    energyKwh: roundTo(sessions.energyKwh, 6),
    remarks: [...sessions.remarks, ...tariffRows.remarks, ...paymentRows.remarks],
  };
  return { command: request.command, payload: report };
}

type SessionsReport = Pick<ImportReport, "sessions" | "alreadyThere" | "leftAsEdited" | "energyKwh" | "remarks">;
type FindTariff = (tarifid: number) => TariffsTable | null;

async function importSessions(
  parts: HistoryParts,
  settings: ImportSettings,
  candidates: readonly unknown[],
  findTariff: FindTariff,
): Promise<SessionsReport> {
  const breathe = createBreather();
  const read = await readLoggerSessions(candidates);
  const meterRows = findMeterRows(read.rows);
  const remarks: ImportRemark[] = [...read.remarks];
  const report = { sessions: 0, alreadyThere: 0, leftAsEdited: 0, energyKwh: 0 };
  for (let begin = 0; begin < read.rows.length; begin += PIECE) {
    const changes: SessionChange[] = [];
    for (const row of read.rows.slice(begin, begin + PIECE)) {
      const refusal = refusalOf(row, meterRows);
      if (refusal === null) changes.push(toChange(row, settings, findTariff, remarks));
      else remarks.push(refusal);
      await breathe();
    }
    const touched = await findTouched(parts, changes);
    const untouched = changes.filter(({ session }) => touched.get(session.sessionId) !== "edited");
    await parts.store.commit({ sessions: untouched });
    report.sessions += untouched.length;
    report.leftAsEdited += changes.length - untouched.length;
    report.alreadyThere += untouched.filter(({ session }) => touched.has(session.sessionId)).length;
    report.energyKwh += untouched.reduce((sum, { session }) => sum + session.energyWh / 1000, 0);
  }
  return { ...report, remarks: remarks.toSorted((a, b) => a.row - b.row) };
}

function toChange(
  { row, content }: ReadRow<LoggerSession>,
  settings: ImportSettings,
  findTariff: FindTariff,
  remarks: ImportRemark[],
): SessionChange {
  const tariff = findTariff(content.tarifid ?? 0);
  const session = toImportedSession(content, tariff, settings);
  const say = (code: ImportRemark["code"], text: string): void =>
    void remarks.push(remark("energySession", row, String(content.id), code, text));
  if (session.flags.includes("partial-start")) {
    say(
      "unknown-duration",
      `the logger had not seen the start (${content.sdur} s): kept with its energy, without a duration`,
    );
  }
  if (tariff === null) say("unknown-tariff", `tariff ${content.tarifid ?? 0} is not known: kept without a price`);
  return { session, reason: "imported" };
}

/**
 * The tariff of a row. For 0 the logger's own rule: of the tariffs in force the one with the highest id. Tariffs that came with
 * an earlier import are known too.
 */
async function tariffFinder(
  { store }: HistoryParts,
  { device }: ImportSettings,
  given: readonly TariffsTable[],
  latest: number | null,
): Promise<FindTariff> {
  const stored = await store.db.selectFrom("tariffs").selectAll().execute();
  const byId = new Map([...stored, ...given].map((tariff) => [tariff.id, tariff]));
  return (tarifid) => {
    const id = tarifid === 0 ? latest : tarifid;
    return id === null ? null : (byId.get(importedTariffId(device, id)) ?? null);
  };
}

const latestActive = (
  rows: readonly ReadRow<{ readonly id: number; readonly status?: number | null | undefined }>[],
): number | null =>
  rows.reduce<number | null>(
    (best, { content }) => (content.status === 1 && content.id > (best ?? -1) ? content.id : best),
    null,
  );

/** Which of these were stored before: as imported, or edited or deleted by somebody since. */
async function findTouched(
  { store }: HistoryParts,
  changes: readonly SessionChange[],
): Promise<ReadonlyMap<string, "imported" | "edited">> {
  if (changes.length === 0) return new Map();
  const revisions = await store.db
    .selectFrom("session_revisions")
    .select(["session_id", "reason"])
    .where(
      "session_id",
      "in",
      changes.map(({ session }) => session.sessionId),
    )
    .orderBy("revision")
    .execute();
  return new Map(
    revisions.map(({ session_id: id, reason }) => [id, reason === "imported" ? "imported" : "edited"] as const),
  );
}
