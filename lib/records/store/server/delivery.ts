import { backoffMs } from "../../../io/retry.ts";
import { type Clock, sleep } from "../../../model/clock.ts";
import { EvError, toEvError } from "../../../model/errors.ts";
import type { Logger } from "../../../model/logger.ts";
import type { Delivery } from "../file/commit-change.ts";
import type { HealthBoard } from "../health.ts";
import type { LocalFile } from "../file/local-file.ts";
import type { Server } from "./server.ts";
import { applyParcels, ChainConflict, type Parcel } from "./server-apply.ts";
import { fetchHeads } from "./server-heads.ts";
import { migrateServer } from "./server-schema.ts";
import type { ReadingsTable } from "../tables.ts";
import type { Questions } from "../file/worker-protocol.ts";

/*
 * Brings what waits on this machine to the server: in order, one batch at a time, as often as it takes. A change that the server
 * refuses for what it is moves to the dead letters, so that the others get through (facts best-systems 3.3, B1 to B6).
 */

export interface Courier {
  /** There is something to bring. */
  wake(): void;
  /** Tries at once. @returns what still waits */
  flush(): Promise<number>;
  close(): Promise<void>;
}

export interface CourierSurroundings {
  readonly file: LocalFile;
  readonly server: Server;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly board: HealthBoard;
  /** the tables are there, or could not be made: called after every try */
  readonly tried: () => void;
}

type OutboxRow = Questions["peek"]["answer"]["rows"][number];

const BATCH = { limit: 200, maxBytes: 400_000 };
const BACKOFF = { baseMs: 1000, capMs: 60_000 };
/** A batch of one that fails for a reason we do not know, while the server is up, is refused in all but name. */
const TRIES_OF_UNKNOWN = 8;
/** Two programs that write to one database may race; more than this is something else. */
const MOST_REBASES = 5;

export function createCourier({ file, server, clock, logger, board, tried }: CourierSurroundings): Courier {
  const closing = new AbortController();
  let isReady = false;
  let failures = 0;
  let unknownFailures = 0;
  let downSinceMs: number | null = null;
  let running: Promise<void> | null = null;
  let isAwaited = false;
  let hurry = new AbortController();

  /** @returns how many rows are left after one batch */
  const bringBatch = async (): Promise<number> => {
    const { rows, waiting } = await file.ask("peek", BATCH);
    if (rows.length === 0 && isReady) return 0;
    if (!isReady) await migrateServer(server);
    isReady = true;
    if (rows.length === 0) return 0;
    await bring(rows);
    return waiting - rows.length;
  };

  const bring = async (rows: readonly OutboxRow[]): Promise<void> => {
    try {
      await applyParcels(server, rows.map(read));
    } catch (thrown) {
      const error = toEvError(thrown);
      if (error instanceof ChainConflict) throw error;
      if (error.code !== "refused" && !isStubborn(error, rows)) throw error;
      if (rows.length === 1 && rows[0] !== undefined) return setAside(rows[0], error);
      const middle = Math.ceil(rows.length / 2);
      await bring(rows.slice(0, middle));
      await bring(rows.slice(middle));
      return;
    }
    unknownFailures = 0;
    const { waiting } = await file.ask("acknowledge", { ids: rows.map(({ id }) => id) });
    board.waiting(waiting);
  };

  const isStubborn = (error: EvError, rows: readonly OutboxRow[]): boolean => {
    if (error.code !== "io" && error.code !== "internal") return false;
    unknownFailures += 1;
    return unknownFailures > TRIES_OF_UNKNOWN && rows.length > 0;
  };

  /** Of readings only those that are refused themselves. */
  const setAside = async (row: OutboxRow, error: EvError): Promise<void> => {
    const parcel = read(row);
    let body = row.body;
    if (parcel.kind === "readings" && parcel.rows.length > 1) {
      const refused: ReadingsTable[] = [];
      for (const reading of parcel.rows) {
        try {
          await applyParcels(server, [{ kind: "readings", rows: [reading] }]);
        } catch (thrown) {
          if (toEvError(thrown).code !== "refused") throw thrown;
          refused.push(reading);
        }
      }
      body = JSON.stringify(refused);
    }
    const { waiting } = await file.ask("bury", { id: row.id, body, error: error.message, nowMs: clock.nowMs() });
    board.waiting(waiting);
    logger.error(`The database refused a record, which was set aside in the table dead_letters: ${error.message}`);
  };

  const rebase = async (): Promise<void> => {
    const { sessionIds, devices } = await file.ask("outboxKeys", {});
    const heads = await fetchHeads(server.writer, sessionIds, devices);
    const { waiting } = await file.ask("rebase", heads);
    board.waiting(waiting);
    logger.warn("The database has other revisions of the same sessions; ours were numbered anew after them.");
  };

  const down = (error: EvError): void => {
    failures += 1;
    // another database may stand in its place
    if (error.code === "config") isReady = false;
    if (downSinceMs === null) {
      downSinceMs = clock.monotonicMs();
      logger.warn(`The database does not take records; they wait on this machine: ${error.message}`);
    }
    board.server({ code: error.code, text: error.message });
  };
  const up = (): void => {
    failures = 0;
    board.server(null);
    if (downSinceMs === null) return;
    logger.info(`The database takes records again after ${Math.round((clock.monotonicMs() - downSinceMs) / 1000)} s.`);
    downSinceMs = null;
  };

  /** @returns whether the server took it all */
  const bringAll = async (): Promise<boolean> => {
    for (let rebases = 0; !closing.signal.aborted; ) {
      try {
        const left = await bringBatch();
        up();
        tried();
        if (left <= 0) return true;
      } catch (thrown) {
        try {
          if (!(thrown instanceof ChainConflict) || (rebases += 1) > MOST_REBASES) throw thrown;
          await rebase();
        } catch (error) {
          if (closing.signal.aborted) return false;
          down(toEvError(error));
          tried();
          return false;
        }
      }
    }
    return false;
  };

  const run = async (): Promise<void> => {
    do {
      isAwaited = false;
      while (!closing.signal.aborted && !(await bringAll())) {
        hurry = new AbortController();
        const signal = AbortSignal.any([closing.signal, hurry.signal]);
        await sleep(clock, backoffMs(Math.max(1, failures), BACKOFF), signal).catch(() => {});
      }
    } while (isAwaited && !closing.signal.aborted);
    running = null;
  };
  const wake = (): void => {
    isAwaited = true;
    if (!closing.signal.aborted) running ??= run();
  };
  wake();

  return {
    wake,
    async flush() {
      const failuresBefore = failures;
      wake();
      hurry.abort();
      // until all is there, or one more try has failed
      await Promise.race([
        running ?? Promise.resolve(),
        untilFailed(() => failures > failuresBefore, closing.signal, clock),
      ]);
      return (await file.ask("peek", { limit: 1, maxBytes: 1 })).waiting;
    },
    async close() {
      closing.abort();
      await server.close();
      await running;
    },
  };
}

function read({ kind, body }: OutboxRow): Parcel {
  return kind.startsWith("readings")
    ? { kind: "readings", rows: JSON.parse(body) as ReadingsTable[] }
    : { kind: "change", delivery: JSON.parse(body) as Delivery };
}

async function untilFailed(isFailed: () => boolean, signal: AbortSignal, clock: Clock): Promise<void> {
  while (!isFailed() && !signal.aborted) await sleep(clock, 20, signal).catch(() => {});
}
