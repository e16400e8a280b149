import type { Session } from "../../../model/session.ts";
import type { Connection } from "./connection.ts";
import {
  type ChainHead,
  contentHash,
  isNews,
  makeRevision,
  refuseStale,
  type Revision,
  type SessionHead,
} from "../hash-chain.ts";
import { paymentColumns, revisionColumns, sessionColumns, sessionRow, tariffColumns } from "../session-row.ts";
import type { SessionChange, StoreChange } from "../store.ts";
import type { PaymentsTable, SessionRevisionsTable, TariffsTable } from "../tables.ts";

/*
 * A change on its way into the file: sessions get their revision and their place in the chain inside the transaction that
 * writes them. With a server the file keeps only the heads and the change itself, in the outbox.
 */

/** What goes to a server: the change with its revisions numbered. */
export interface Delivery {
  readonly revisions: readonly SessionRevisionsTable[];
  readonly tariffs: readonly TariffsTable[];
  readonly payments: readonly PaymentsTable[];
  readonly removedPaymentIds: readonly string[];
  readonly removedTariffIds: readonly string[];
}

const marks = (count: number): string => Array.from({ length: count }, () => "?").join(", ");

/** `INSERT` of one row that replaces a row of the same key. */
export const upsertSql = (table: string, columns: readonly string[], key: readonly string[]): string =>
  `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${marks(columns.length)}) ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${columns
    .filter((column) => !key.includes(column))
    .map((column) => `${column} = excluded.${column}`)
    .join(", ")}`;

const INSERT_REVISION = `INSERT INTO session_revisions (${revisionColumns.join(", ")}) VALUES (${marks(revisionColumns.length)})`;
const UPSERT_SESSION = upsertSql("sessions", sessionColumns, ["session_id"]);
const UPSERT_TARIFF = upsertSql("tariffs", tariffColumns, ["id"]);
const UPSERT_PAYMENT = upsertSql("payments", paymentColumns, ["id"]);
const UPSERT_KEPT = upsertSql("kept", ["name", "content", "at_ms"], ["name"]);
const UPSERT_HEAD = upsertSql(
  "session_heads",
  ["session_id", "revision", "content", "is_deleted", "record"],
  ["session_id"],
);
const UPSERT_CHAIN = upsertSql("chain_heads", ["device", "chain_index", "hash"], ["device"]);

/** Where the latest revisions are found and new ones put. */
interface Ledger {
  /** false = a server may have later revisions */
  readonly isWhole: boolean;
  head(sessionId: string): { readonly head: SessionHead; readonly record: string | null } | null;
  chain(device: string): ChainHead | null;
  add(revision: Revision): void;
}

/** The file is the database: all revisions are in it. */
const ownLedger = (file: Connection): Ledger => ({
  isWhole: true,
  head(sessionId) {
    const row = file.all<SessionRevisionsTable>(
      "SELECT revision, reason, record FROM session_revisions WHERE session_id = ? ORDER BY revision DESC LIMIT 1",
      sessionId,
    )[0];
    if (row === undefined) return null;
    const content = contentHash(JSON.parse(row.record) as Session);
    return { head: { revision: row.revision, content, isDeleted: row.reason === "deleted" }, record: row.record };
  },
  chain: (device) =>
    file.all<ChainHead>(
      "SELECT chain_index AS chainIndex, hash FROM session_revisions WHERE device = ? ORDER BY chain_index DESC LIMIT 1",
      device,
    )[0] ?? null,
  add({ row, session, head }) {
    file.run(INSERT_REVISION, ...revisionColumns.map((column) => row[column]));
    if (head.isDeleted) file.run("DELETE FROM sessions WHERE session_id = ?", row.session_id);
    else {
      const full = sessionRow(session);
      file.run(UPSERT_SESSION, ...sessionColumns.map((column) => full[column]));
    }
  },
});

/** A server is the database: the file knows only how far each session and each chain has come. */
export const headsLedger = (file: Connection): Ledger => ({
  isWhole: false,
  head(sessionId) {
    const row = file.all<{ revision: number; content: string; is_deleted: number; record: string | null }>(
      "SELECT revision, content, is_deleted, record FROM session_heads WHERE session_id = ?",
      sessionId,
    )[0];
    if (row === undefined) return null;
    const head = { revision: row.revision, content: row.content, isDeleted: row.is_deleted !== 0 };
    return { head, record: row.record };
  },
  chain: (device) =>
    file.all<ChainHead>("SELECT chain_index AS chainIndex, hash FROM chain_heads WHERE device = ?", device)[0] ?? null,
  add({ row, head, chain }) {
    file.run(UPSERT_HEAD, row.session_id, head.revision, head.content, head.isDeleted ? 1 : 0, row.record);
    file.run(UPSERT_CHAIN, row.device, chain.chainIndex, chain.hash);
  },
});

/**
 * Writes a change in one transaction.
 *
 * @param hasServer the file only passes on
 * @returns the records of the sessions as they are stored now, in the order given
 * @throws EvError `stale`; nothing is written then
 */
export function commitChange(
  file: Connection,
  change: StoreChange,
  { hasServer, nowMs }: { readonly hasServer: boolean; readonly nowMs: number },
): readonly string[] {
  return file.transaction(() => {
    const ledger = hasServer ? headsLedger(file) : ownLedger(file);
    const revisions: SessionRevisionsTable[] = [];
    const stored = (change.sessions ?? []).map((session) => {
      const { record, row } = addSession(ledger, session, nowMs);
      if (row !== null) revisions.push(row);
      return record;
    });
    const delivery: Delivery = {
      revisions,
      tariffs: change.tariffs ?? [],
      payments: change.payments ?? [],
      removedPaymentIds: change.removedPaymentIds ?? [],
      removedTariffIds: change.removedTariffIds ?? [],
    };
    if (hasServer) sendLater(file, delivery, nowMs);
    else writeMoney(file, delivery);
    for (const { name, content } of change.kept ?? []) {
      if (content === null) file.run("DELETE FROM kept WHERE name = ?", name);
      else file.run(UPSERT_KEPT, name, content, nowMs);
    }
    return stored;
  });
}

/** @returns the record as stored, and the new revision when there is one @throws EvError `stale` */
export function addSession(
  ledger: Ledger,
  change: SessionChange,
  nowMs: number,
): { readonly record: string; readonly row: SessionRevisionsTable | null } {
  const known = ledger.head(change.session.sessionId);
  refuseStale(change, known?.head ?? null, ledger.isWhole);
  if (!isNews(change, known?.head ?? null)) {
    const { session } = change;
    // the server has the record; of what says the same only the number is not in the change itself
    const record = known?.record ?? JSON.stringify({ ...session, revision: known?.head.revision ?? session.revision });
    return { record, row: null };
  }
  const revision = makeRevision(change, known?.head ?? null, ledger.chain(change.session.device), nowMs);
  ledger.add(revision);
  return { record: revision.row.record, row: revision.row };
}

function writeMoney(file: Connection, { tariffs, payments, removedPaymentIds, removedTariffIds }: Delivery): void {
  for (const tariff of tariffs) file.run(UPSERT_TARIFF, ...tariffColumns.map((column) => tariff[column]));
  for (const payment of payments) file.run(UPSERT_PAYMENT, ...paymentColumns.map((column) => payment[column]));
  for (const id of removedPaymentIds) file.run("DELETE FROM payments WHERE id = ?", id);
  for (const id of removedTariffIds) file.run("DELETE FROM tariffs WHERE id = ?", id);
}

function sendLater(file: Connection, delivery: Delivery, nowMs: number): void {
  if (Object.values(delivery).every((rows) => rows.length === 0)) return;
  file.run("INSERT INTO outbox (kind, body, created_at_ms) VALUES ('change', ?, ?)", JSON.stringify(delivery), nowMs);
}
