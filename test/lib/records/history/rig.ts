import { readFileSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { Kysely, SqliteDialect } from "kysely";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import { isoInZone } from "../../../../lib/model/local-time.ts";
import { type Session, sessionSchema } from "../../../../lib/model/session.ts";
import type { HistoryAnswer } from "../../../../lib/records/history/answers.ts";
import { answerHistory } from "../../../../lib/records/history/history.ts";
import type { HistoryParts } from "../../../../lib/records/history/parts.ts";
import { readHistoryRequest } from "../../../../lib/records/history/read-request.ts";
import {
  type ChainHead,
  isNews,
  makeRevision,
  refuseStale,
  type Revision,
  type SessionHead,
} from "../../../../lib/records/store/hash-chain.ts";
import { schemaSteps, statementsOf } from "../../../../lib/records/store/schema.ts";
import { sessionRow } from "../../../../lib/records/store/session-row.ts";
import type { StoreChange } from "../../../../lib/records/store/store.ts";
import type { Tables } from "../../../../lib/records/store/tables.ts";

/* A history over a database in memory: quick, and only what history itself needs of a store. */

export const NOW_MS = Date.parse("2026-11-25T12:00:00Z");
export const ZONE = "Europe/Paris";

type PartsStore = HistoryParts["store"];

export type MakeRig = () => Rig | Promise<Rig>;

export interface Rig {
  readonly parts: HistoryParts;
  readonly clock: ManualClock;
  /** what a message with this payload would get */
  ask(payload: unknown): Promise<HistoryAnswer>;
  /** raw SQL, for what nobody should do */
  run(sql: string): Promise<void>;
  close(): Promise<void>;
}

export function createRig(more: Partial<HistoryParts> = {}): Rig {
  const file = new DatabaseSync(":memory:");
  for (const step of schemaSteps) for (const statement of statementsOf(step, "sqlite")) file.exec(statement);
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: likeBetterSqlite(file) }) });
  return createRigOn(
    createPlainStore(db),
    more,
    async (statement) => file.exec(statement),
    () => db.destroy(),
  );
}

/** The same history over any store. */
export function createRigOn(store: PartsStore, more: Partial<HistoryParts>, run: Rig["run"], close: Rig["close"]): Rig {
  const clock = createManualClock(NOW_MS);
  const parts: HistoryParts = {
    store,
    zone: ZONE,
    currency: "EUR",
    csv: { separator: ",", decimalSign: ".", bom: true },
    clock,
    texts: titles,
    ...more,
  };
  return {
    parts,
    clock,
    ask: (payload) => answerHistory(parts, readHistoryRequest(payload)),
    run,
    close,
  };
}

type Texts = { readonly [key: string]: string | Texts };
const texts = (
  JSON.parse(
    readFileSync(
      new URL("../../../../nodes/records/ev-history/locales/en-US/ev-history.json", import.meta.url),
      "utf8",
    ),
  ) as { readonly "ev-history": Texts }
)["ev-history"];

/** The texts that the node would use; a missing one fails. */
export function titles(key: string): string {
  let found: string | Texts | undefined = texts;
  for (const step of key.split(".")) found = typeof found === "object" ? found[step] : undefined;
  if (typeof found !== "string") throw new Error(`no text for ${key}`);
  return found;
}

function createPlainStore(db: Kysely<Tables>): PartsStore {
  const heads = new Map<string, SessionHead>();
  const chains = new Map<string, ChainHead>();
  const commit = async (change: StoreChange): Promise<Session[]> => {
    const stored: Session[] = [];
    for (const each of change.sessions ?? []) {
      const head = heads.get(each.session.sessionId) ?? null;
      refuseStale(each, head);
      if (!isNews(each, head)) {
        stored.push((await find(each.session.sessionId)) ?? each.session);
        continue;
      }
      const revision = makeRevision(each, head, chains.get(each.session.device) ?? null, NOW_MS);
      heads.set(each.session.sessionId, revision.head);
      chains.set(each.session.device, revision.chain);
      await write(revision);
      stored.push(revision.session);
    }
    for (const tariff of change.tariffs ?? []) {
      await db
        .insertInto("tariffs")
        .values(tariff)
        .onConflict((c) => c.column("id").doUpdateSet(tariff))
        .execute();
    }
    for (const payment of change.payments ?? []) {
      await db
        .insertInto("payments")
        .values(payment)
        .onConflict((c) => c.column("id").doUpdateSet(payment))
        .execute();
    }
    for (const id of change.removedPaymentIds ?? []) await db.deleteFrom("payments").where("id", "=", id).execute();
    for (const id of change.removedTariffIds ?? []) await db.deleteFrom("tariffs").where("id", "=", id).execute();
    return stored;
  };
  const write = async ({ row, session, head }: Revision): Promise<void> => {
    await db.insertInto("session_revisions").values(row).execute();
    await db.deleteFrom("sessions").where("session_id", "=", session.sessionId).execute();
    if (!head.isDeleted) await db.insertInto("sessions").values(sessionRow(session)).execute();
  };
  const find = async (sessionId: string): Promise<Session | null> => {
    const row = await db.selectFrom("sessions").selectAll().where("session_id", "=", sessionId).executeTakeFirst();
    return row === undefined ? null : (JSON.parse(row.record) as Session);
  };
  return { db, commit, findSession: find };
}

/** node:sqlite in the clothes of the driver that Kysely's dialect expects. */
function likeBetterSqlite(file: DatabaseSync): ConstructorParameters<typeof SqliteDialect>[0]["database"] {
  return {
    close: () => file.close(),
    prepare(sql: string) {
      const statement = file.prepare(sql);
      return {
        reader: /^\s*(select|with|pragma)/i.test(sql),
        all: (parameters: readonly SQLInputValue[]) => statement.all(...parameters),
        run: (parameters: readonly SQLInputValue[]) => statement.run(...parameters),
        iterate: (parameters: readonly SQLInputValue[]) => statement.iterate(...parameters),
      };
    },
  };
}

let made = 0;

/** A closed session of an hour with 7200 Wh, unless told otherwise. @param at start, ISO 8601 */
export function someSession(at: string, more: Partial<Session> = {}): Session {
  made += 1;
  const startMs = Date.parse(at);
  const zone = more.zone ?? ZONE;
  const start = isoInZone(startMs, zone);
  const end = isoInZone(startMs + 3_600_000, zone);
  return sessionSchema.parse({
    kind: "session",
    sessionId: `00000000-0000-4000-8000-${String(made).padStart(12, "0")}`,
    revision: 1,
    status: "closed",
    device: "openevse",
    zone,
    pluggedAt: start,
    unpluggedAt: end,
    pluggedS: 3600,
    chargingS: 3600,
    pausedS: 0,
    energyWh: 7200,
    energySource: "session-counter",
    endReason: "unplugged",
    ...more,
  });
}

/** Stores sessions as the log does. */
export async function keep(rig: Rig, ...sessions: readonly Session[]): Promise<void> {
  await rig.parts.store.commit({ sessions: sessions.map((session) => ({ session, reason: "detected" })) });
}
