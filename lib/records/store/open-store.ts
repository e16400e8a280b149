import { dirname, join, parse } from "node:path";
import { type Clock, repeatEvery } from "../../model/clock.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { Session } from "../../model/session.ts";
import type { Backend } from "./backend.ts";
import { createBackups } from "./file/backups.ts";
import { checkChange, checkReading } from "./check-change.ts";
import { createHealthBoard } from "./health.ts";
import { createLocalFile } from "./file/local-file.ts";
import { packReadings } from "./readings-pack.ts";
import type { ServerSettings } from "./server-url.ts";
import { createSqliteBackend } from "./file/sqlite-backend.ts";
import type { Store } from "./store.ts";
import type { ReadingsTable } from "./tables.ts";
import type { openWorker } from "./file/worker-line.ts";
import { createWriteQueue } from "./write-queue.ts";

export interface StoreSettings {
  /** absolute path of the file on this machine */
  readonly file: string;
  /** absolute; missing = `backups/<name of the file>` beside it */
  readonly backupFolder?: string;
  /** missing = the file is the database */
  readonly server?: ServerSettings;
  /** readings that may wait for the server before the oldest are made coarser; missing = 200000, some 50 MB */
  readonly readingsThatMayWait?: number;
  /** readings older than this are pruned, days; null = never */
  readonly keepReadingsDays: number | null;
  /** daily backups that are kept; 0 = none are made */
  readonly backupsKept: number;
}

export interface StoreSurroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  /** another way to start the thread that writes the file, for tests */
  readonly openWorker?: typeof openWorker;
}

const DAY_MS = 86_400_000;
const READINGS_THAT_MAY_WAIT = 200_000;
/** How often it is seen whether a backup or a pruning is due, ms. */
const UPKEEP_EVERY_MS = 3_600_000;
/** Readings that are packed between two turns of the event loop. */
const ROWS_AT_ONCE = 1000;

/**
 * Opens (or makes) the store. Neither a disk that refuses nor a server that is down is a reason to fail: the store says so in its
 * health, holds what it is given and goes on trying.
 *
 * @throws EvError `config` when another store of this process has the same file, the server's address is none or its driver is
 *   not installed
 */
export async function openStore(settings: StoreSettings, surroundings: StoreSurroundings): Promise<Store> {
  const { clock, logger } = surroundings;
  const board = createHealthBoard();
  const backupFolder = settings.backupFolder ?? join(dirname(settings.file), "backups", parse(settings.file).name);
  const hasServer = settings.server !== undefined;
  const file = await createLocalFile(
    {
      path: settings.file,
      backupFolder,
      hasServer,
      readingsThatMayWait: settings.readingsThatMayWait ?? READINGS_THAT_MAY_WAIT,
    },
    { clock, logger, board, openWorker: surroundings.openWorker },
  );
  let backend: Backend;
  try {
    backend =
      settings.server === undefined
        ? createSqliteBackend({ file, clock, logger, board })
        : await (await import("./server/server-backend.ts")).createServerBackend(settings.server, {
            file,
            clock,
            logger,
            board,
          });
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
  const queue = createWriteQueue(clock, board, logger);
  // finds out by itself when a disk that refused at the start takes writes again
  if (board.present.state === "failed" && board.present.code !== "config") {
    queue.push(0, () => file.ask("commit", { change: "{}", nowMs: clock.nowMs() })).catch(() => {});
  }
  const backups = createBackups(settings.file, backupFolder, clock);

  const append = async (rows: readonly ReadingsTable[]): Promise<void> => {
    for (const row of rows) checkReading(row);
    const { waiting } = await queue.push(rows.length * 100, () => {
      const pack = packReadings(rows);
      return file.ask("append", { pack, nowMs: clock.nowMs() }, [pack.numbers.buffer]);
    });
    board.waiting(waiting);
    backend.written();
  };
  const onlyOfFile = (): void => {
    if (hasServer)
      throw new EvError("unsupported", "Backups of a database server are made with the server's own tools.");
  };

  const store: Store = {
    flavour: backend.flavour,
    db: backend.db,
    async commit(change) {
      const text = await checkChange(change);
      await backend.prepare(change);
      const { records, waiting } = await queue.push(text.length, () =>
        file.ask("commit", { change: text, nowMs: clock.nowMs() }),
      );
      board.waiting(waiting);
      backend.written();
      return parseRecords(records);
    },
    findSession: (sessionId) => backend.findSession(sessionId),
    async appendReadings(rows) {
      let before: Promise<void> = Promise.resolve();
      for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
        // two packs under way: one is written while the next is looked through
        const now = append(rows.slice(from, from + ROWS_AT_ONCE));
        now.catch(() => {});
        await before;
        before = now;
      }
      await before;
    },
    recall: (name) => file.ask("recall", { name }),
    recallAll: (prefix) => file.ask("recallAll", { prefix }),
    flush: () => backend.flush(),
    prune: async () =>
      settings.keepReadingsDays === null ? 0 : backend.prune(clock.nowMs() - settings.keepReadingsDays * DAY_MS),
    async backup(name) {
      onlyOfFile();
      return backups.make(name);
    },
    async restore(name) {
      onlyOfFile();
      const report = await backups.stage(name);
      await backups.make(`before-restore-${new Date(clock.nowMs()).toISOString().replaceAll(":", "")}`);
      // in its turn among the writes
      file.noteState(await queue.push(0, () => file.ask("swap", { nowMs: clock.nowMs() })));
      return report;
    },
    listBackups: async () => (hasServer ? [] : backups.list()),
    get health() {
      return board.present;
    },
    subscribe: (listener) => board.subscribe(listener),
    async close() {
      endUpkeep();
      await queue.close();
      await backend.close();
      await file.close();
    },
  };

  const upkeep = async (): Promise<void> => {
    try {
      await store.prune();
      if (!hasServer) await backups.makeDaily(settings.backupsKept);
    } catch (thrown) {
      const { code, message } = toEvError(thrown);
      if (code !== "closed" && board.present.state === "ok") logger.warn(`Upkeep of the records failed: ${message}`);
    }
  };
  const endUpkeep = repeatEvery(clock, UPKEEP_EVERY_MS, () => void upkeep());
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
