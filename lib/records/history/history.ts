import { createQueue, type Queue } from "../../io/queue.ts";
import { listTariffs, makeStatement } from "./account.ts";
import type { HistoryAnswer, Statement } from "./answers.ts";
import { add, addPayment, addTariff, edit, remove, removePayment, removeTariff } from "./changes.ts";
import {
  ACCOUNT_COLUMNS,
  type AccountLine,
  REVISION_COLUMNS,
  SESSION_COLUMNS,
  sumColumns,
  TARIFF_COLUMNS,
  VERIFY_COLUMNS,
} from "./columns.ts";
import { layOut, nameOfPeriod, type Texts } from "./files.ts";
import { importLogger } from "./import.ts";
import type { HistoryParts } from "./parts.ts";
import { priceSessions } from "./pricing.ts";
import { type HistoryCommand, type HistoryRequest, isChange, type RequestOf } from "./requests.ts";
import { listRevisions, verifyRecords } from "./revisions.ts";
import { listSessions } from "./sessions.ts";
import { sumAll, type SumBy, sumSessions } from "./sums.ts";

/** Rows in one message unless the request says otherwise: more is for files. */
const MOST_ROWS = 1000;

type Answerers = {
  readonly [Command in HistoryCommand]: (parts: HistoryParts, request: RequestOf<Command>) => Promise<HistoryAnswer>;
};

const answerers: Answerers = {
  sessions: answerSessions,
  days: (parts, request) => answerSums(parts, request, "day"),
  months: (parts, request) => answerSums(parts, request, "month"),
  years: (parts, request) => answerSums(parts, request, "year"),
  totals: (parts, request) => answerSums(parts, request, request.by ?? "all"),
  statement: answerStatement,
  tariffs: answerTariffs,
  revisions: answerRevisions,
  verify: answerVerify,
  edit,
  delete: remove,
  add,
  "add-payment": addPayment,
  "remove-payment": removePayment,
  "add-tariff": addTariff,
  "remove-tariff": removeTariff,
  price: priceSessions,
  import: importLogger,
};

/** Changes to one store follow each other: an edit works on what the one before it has written. */
const changesOf = new WeakMap<HistoryParts["store"], Queue>();
const MOST_WAITING = 1000;

function inTurn<Answer>(store: HistoryParts["store"], change: () => Promise<Answer>): Promise<Answer> {
  const queue = changesOf.get(store) ?? createQueue(MOST_WAITING);
  changesOf.set(store, queue);
  return queue.run(change);
}

/**
 * Answers one request about the stored sessions, or changes them.
 *
 * @throws EvError `refused` (no such session, payment, tariff), `out-of-range`, `unreachable` (a database server that is
 * down), `io`, `busy` (a thousand changes wait)
 */
export function answerHistory(parts: HistoryParts, request: HistoryRequest): Promise<HistoryAnswer> {
  const answer = answerers[request.command] as (parts: HistoryParts, request: HistoryRequest) => Promise<HistoryAnswer>;
  return isChange(request) ? inTurn(parts.store, () => answer(parts, request)) : answer(parts, request);
}

async function answerSessions(parts: HistoryParts, request: RequestOf<"sessions">): Promise<HistoryAnswer> {
  const { db } = parts.store;
  const limit = request.limit ?? (request.format === "rows" ? MOST_ROWS : Number.MAX_SAFE_INTEGER);
  const rows = listSessions(db, request, { limit, offset: request.offset ?? 0 });
  const totals = await sumAll(db, request);
  return layOut(
    {
      command: request.command,
      rows,
      columns: SESSION_COLUMNS,
      totals,
      count: totals.sessions,
      fileName: nameOfPeriod("sessions", request),
    },
    request,
    parts.csv,
    parts.texts,
  );
}

async function answerSums(
  parts: HistoryParts,
  request: RequestOf<"days" | "months" | "years" | "totals">,
  by: SumBy,
): Promise<HistoryAnswer> {
  const { rows, totals } = await sumSessions(parts.store.db, by, request);
  const { command } = request;
  const fileName = nameOfPeriod(by === "all" || command !== "totals" ? command : `${command}-by-${by}`, request);
  return layOut(
    { command, rows, columns: sumColumns(by), totals, count: totals.sessions, fileName },
    request,
    parts.csv,
    parts.texts,
  );
}

/** As rows the payload is the account itself; a file holds its lines. */
async function answerStatement(parts: HistoryParts, request: RequestOf<"statement">): Promise<HistoryAnswer> {
  const { command, format } = request;
  const statement = await makeStatement(parts.store.db, request, parts.currency);
  if (format === "rows") return { command, payload: statement };
  const rows = [statement, ...statement.others].flatMap((account) => accountLines(account, request, parts.texts));
  const fileName = nameOfPeriod("statement", request);
  return layOut({ command, rows, columns: ACCOUNT_COLUMNS, fileName }, request, parts.csv, parts.texts);
}

function accountLines(account: Statement, { vehicle, user }: RequestOf<"statement">, texts: Texts): AccountLine[] {
  const line = (name: string, amount: number): AccountLine => ({
    day: null,
    entry: texts(`file.${name}`),
    amount,
    currency: account.currency,
    vehicle: vehicle ?? null,
    user: user ?? null,
    note: null,
  });
  const payments = account.payments.map(({ id: _id, ...payment }) => ({ ...payment, entry: texts("file.payment") }));
  return [line("due", account.due), ...payments, line("paid", account.paid), line("balance", account.balance)];
}

async function answerTariffs(parts: HistoryParts, request: RequestOf<"tariffs">): Promise<HistoryAnswer> {
  const { command } = request;
  const rows = await listTariffs(parts.store.db, parts.zone);
  return layOut({ command, rows, columns: TARIFF_COLUMNS, fileName: command }, request, parts.csv, parts.texts);
}

const AS_ROWS = { format: "rows" } as const;

async function answerRevisions(parts: HistoryParts, request: RequestOf<"revisions">): Promise<HistoryAnswer> {
  const { command } = request;
  const rows = await listRevisions(parts.store.db, request.sessionId);
  return layOut({ command, rows, columns: REVISION_COLUMNS, fileName: command }, AS_ROWS, parts.csv, parts.texts);
}

async function answerVerify(parts: HistoryParts, request: RequestOf<"verify">): Promise<HistoryAnswer> {
  const { command } = request;
  const rows = await verifyRecords(parts.store.db, request.device);
  return layOut({ command, rows, columns: VERIFY_COLUMNS, fileName: command }, AS_ROWS, parts.csv, parts.texts);
}
