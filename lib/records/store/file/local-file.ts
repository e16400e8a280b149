import { resolve } from "node:path";
import { EvError } from "../../../model/errors.ts";
import type { Clock } from "../../../model/clock.ts";
import type { Logger } from "../../../model/logger.ts";
import type { HealthBoard } from "../health.ts";
import type { FileEvent } from "./open-file.ts";
import { openWorker, type WorkerLine } from "./worker-line.ts";
import type { FileState, WorkerSettings } from "./worker-protocol.ts";

/** The file on this machine, whatever becomes of the thread that writes it. */
export interface LocalFile {
  readonly ask: WorkerLine["ask"];
  /** Tells the health what a (re)opened file reports. */
  noteState(state: FileState): void;
  close(): Promise<void>;
}

interface Surroundings {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly board: HealthBoard;
  /** another way to start the thread, for tests */
  readonly openWorker?: typeof openWorker | undefined;
}

/** Longest wait for a clean end; a damaged disk may take forever, ms. */
const CLOSE_WITHIN_MS = 4000;

const inUse = new Set<string>();

/** @throws EvError `config` when another store of this process has the same file */
export async function createLocalFile(
  settings: WorkerSettings,
  { clock, logger, board, openWorker: startThread = openWorker }: Surroundings,
): Promise<LocalFile> {
  const path = resolve(settings.path);
  if (inUse.has(path)) {
    throw new EvError("config", `Two stores use the same file, ${path}: let all nodes use one of them.`);
  }
  inUse.add(path);
  const open = (): WorkerLine => startThread(settings, (event) => tell(event, logger));
  let worker = open();
  let isClosed = false;

  const noteState = ({ fault, waiting }: FileState): void => {
    board.waiting(waiting);
    board.disk(fault, 0);
  };
  const restart = (): void => {
    logger.error("The thread that writes the records had ended; a new one was started.");
    worker = open();
    worker.ask("open", { nowMs: clock.nowMs() }).then(noteState, () => {});
  };
  const file: LocalFile = {
    ask(name, ask, transfer) {
      if (isClosed) return Promise.reject(new EvError("closed", "The store was closed."));
      if (!worker.isAlive) restart();
      return worker.ask(name, ask, transfer);
    },
    noteState,
    async close() {
      if (isClosed) return;
      isClosed = true;
      let cancel = (): void => {};
      const patience = new Promise<void>((end) => {
        cancel = clock.after(CLOSE_WITHIN_MS, end);
      });
      try {
        await Promise.race([worker.ask("close", {}), patience]);
      } catch {
        // a thread that has died is closed
      } finally {
        cancel();
        await worker.terminate();
        inUse.delete(path);
      }
    },
  };
  try {
    noteState(await file.ask("open", { nowMs: clock.nowMs() }));
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
  return file;
}

function tell(event: FileEvent, logger: Logger): void {
  switch (event.event) {
    case "moved-aside":
      logger.error(
        `The records file was damaged. It was moved to ${event.to}; ${event.salvagedRows} rows could be saved from it.`,
      );
      break;
    case "migrated":
      logger.info(`The records were brought to schema ${event.to}; a backup of schema ${event.from}: ${event.backup}.`);
      break;
    case "thinned":
      logger.warn(
        `Too many readings wait for the database: the oldest were made coarser (${event.merged} merged, ${event.dropped} dropped).`,
      );
      break;
    case "newer":
      logger.error(`The records file was written by a later version (schema ${event.version}); it is only read.`);
      break;
  }
}
