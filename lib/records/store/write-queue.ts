import { backoffMs } from "../../io/retry.ts";
import { type Clock, sleep } from "../../model/clock.ts";
import { EvError, type EvErrorCode, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { HealthBoard } from "./health.ts";

/*
 * Writes in the order in which they were asked for. While the disk refuses they wait here, in bounded memory, and are tried
 * again; nothing is acknowledged before it is written (facts best-systems 3.3, A4, A5).
 */

export interface WriteQueue {
  /**
   * @param bytes about what it takes in memory
   * @throws EvError `io` when too much waits already, `closed`, or what the write itself is refused for
   */
  push<Answer>(bytes: number, write: () => Promise<Answer>): Promise<Answer>;
  /** Resolves when all that was asked for is written, or given up. */
  close(): Promise<void>;
}

interface Entry {
  readonly bytes: number;
  readonly write: () => Promise<unknown>;
  readonly resolve: (answer: never) => void;
  readonly reject: (error: EvError) => void;
}

/** A session is some 2 kB, so this is a week of a busy site. */
const MOST_BYTES = 16_000_000;
const BACKOFF = { baseMs: 500, capMs: 15_000 };
/** Reasons that pass by themselves. */
const PASSES: ReadonlySet<EvErrorCode> = new Set(["io", "busy"]);

export function createWriteQueue(clock: Clock, board: HealthBoard, logger: Logger, mostBytes = MOST_BYTES): WriteQueue {
  const entries: Entry[] = [];
  const closing = new AbortController();
  let held = 0;
  let working: Promise<void> | null = null;
  let failedSinceMs: number | null = null;
  let isGivenUp = false;

  const failing = (error: EvError): void => {
    if (failedSinceMs === null) {
      failedSinceMs = clock.monotonicMs();
      logger.error(`Records cannot be written and wait in memory: ${error.message}`);
    }
    // our own look whether the disk takes writes again is no change
    const changes = entries.filter(({ bytes }) => bytes > 0).length;
    board.disk({ code: error.code, text: error.message }, changes);
  };
  const recover = (): void => {
    if (board.isDiskRefusing) board.disk(null, 0);
    if (failedSinceMs === null) return;
    logger.info(`Records are written again after ${Math.round((clock.monotonicMs() - failedSinceMs) / 1000)} s.`);
    failedSinceMs = null;
  };

  const writeFirst = async (entry: Entry): Promise<void> => {
    for (let failures = 1; ; failures++) {
      try {
        const answer = await entry.write();
        recover();
        entry.resolve(answer as never);
        return;
      } catch (thrown) {
        const error = toEvError(thrown);
        // at the end everybody has had one more try; the next ones would fail as well
        isGivenUp = PASSES.has(error.code) && closing.signal.aborted;
        if (!PASSES.has(error.code) || isGivenUp) {
          entry.reject(error);
          return;
        }
        failing(error);
        await sleep(clock, backoffMs(failures, BACKOFF), closing.signal).catch(() => {});
      }
    }
  };
  const work = async (): Promise<void> => {
    for (let entry = entries[0]; entry !== undefined; entry = entries[0]) {
      if (isGivenUp) entry.reject(new EvError("io", "The disk refused until the store was closed."));
      else await writeFirst(entry);
      entries.shift();
      held -= entry.bytes;
    }
    working = null;
  };

  return {
    push(bytes, write) {
      if (closing.signal.aborted) return Promise.reject(new EvError("closed", "The store was closed."));
      if (failedSinceMs !== null && held + bytes > mostBytes) {
        return Promise.reject(new EvError("io", "The disk refuses, and no more changes fit in memory."));
      }
      return new Promise((resolve, reject) => {
        held += bytes;
        entries.push({ bytes, write, resolve, reject });
        working ??= work();
      });
    },
    async close() {
      closing.abort();
      await working;
    },
  };
}
