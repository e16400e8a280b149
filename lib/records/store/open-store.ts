import { dirname, join } from "node:path";
import { Kysely } from "kysely";
import type { Clock } from "../../model/clock.ts";
import { EvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { Session } from "../../model/session.ts";
import { checkChange, checkReading } from "./check-change.ts";
import { createHealthBoard } from "./health.ts";
import { createLocalFile } from "./local-file.ts";
import { packReadings } from "./readings-pack.ts";
import { createSqliteDialect } from "./sqlite-dialect.ts";
import type { Store } from "./store.ts";
import type { ReadingsTable, Tables } from "./tables.ts";
import { createWriteQueue } from "./write-queue.ts";

export interface StoreSettings {
  /** absolute path of the file on this machine */
  readonly file: string;
  /** absolute; missing = `backups` beside the file */
  readonly backupFolder?: string;
  /** readings older than this are pruned, days; null = never */
  readonly keepReadingsDays: number | null;
  /** daily backups that are kept; 0 = none are made */
  readonly backupsKept: number;
}

export interface StoreSurroundings {
  readonly clock: Clock;
  readonly logger: Logger;
}

const DAY_MS = 86_400_000;
/** Readings that are packed between two turns of the event loop. */
const ROWS_AT_ONCE = 1000;
/** Rows that are pruned between two turns of the worker. */
const PRUNED_AT_ONCE = 2000;

/**
 * Opens (or makes) the store. A disk that refuses is no reason to fail: the store says so in its health, holds changes in
 * memory and goes on trying.
 *
 * @throws EvError `config` when another store of this process has the same file
 */
export async function openStore(settings: StoreSettings, { clock, logger }: StoreSurroundings): Promise<Store> {
  const board = createHealthBoard();
  const backupFolder = settings.backupFolder ?? join(dirname(settings.file), "backups");
  const file = await createLocalFile({ path: settings.file, backupFolder, hasServer: false }, { clock, logger, board });
  const queue = createWriteQueue(clock, board, logger);
  const db = new Kysely<Tables>({
    dialect: createSqliteDialect({
      query: (sql, parameters) => file.ask("query", { sql, parameters }),
      more: (cursor) => file.ask("more", { cursor }),
    }),
  });

  const store: Store = {
    flavour: "sqlite",
    db,
    async commit(change) {
      const text = await checkChange(change);
      const { records, waiting } = await queue.push(text.length, () =>
        file.ask("commit", { change: text, nowMs: clock.nowMs() }),
      );
      board.waiting(waiting);
      return parseRecords(records);
    },
    async findSession(sessionId) {
      const { record } = await file.ask("find", { sessionId });
      return record === null ? null : (JSON.parse(record) as Session);
    },
    async appendReadings(rows) {
      let latest: Promise<unknown> = Promise.resolve();
      for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
        const slice = rows.slice(from, from + ROWS_AT_ONCE);
        const before = latest;
        latest = append(slice);
        // two packs under way: one being written, one being packed
        await before;
      }
      await latest;
    },
    recall: (name) => file.ask("recall", { name }),
    recallAll: (prefix) => file.ask("recallAll", { prefix }),
    flush: async () => 0,
    async prune() {
      if (settings.keepReadingsDays === null) return 0;
      const beforeMs = clock.nowMs() - settings.keepReadingsDays * DAY_MS;
      let gone = 0;
      for (;;) {
        const now = await file.ask("prune", { beforeMs, limit: PRUNED_AT_ONCE });
        gone += now;
        if (now < PRUNED_AT_ONCE) return gone;
      }
    },
    backup: async () => {
      throw new EvError("unsupported", "Not yet.");
    },
    restore: async () => {
      throw new EvError("unsupported", "Not yet.");
    },
    listBackups: async () => [],
    get health() {
      return board.present;
    },
    subscribe: (listener) => board.subscribe(listener),
    async close() {
      await queue.close();
      await file.close();
    },
  };

  async function append(rows: readonly ReadingsTable[]): Promise<void> {
    for (const row of rows) checkReading(row);
    await queue.push(rows.length * 100, () => {
      const pack = packReadings(rows);
      return file.ask("append", { pack, nowMs: clock.nowMs() }, [pack.numbers.buffer]);
    });
  }
  return store;
}

/** A few at a time, so that a large change does not hold up the main thread. */
async function parseRecords(records: readonly string[]): Promise<Session[]> {
  const sessions: Session[] = [];
  for (const [at, record] of records.entries()) {
    if (at > 0 && at % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    sessions.push(JSON.parse(record) as Session);
  }
  return sessions;
}
