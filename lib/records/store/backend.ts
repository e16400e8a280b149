import type { Kysely } from "kysely";
import type { Clock } from "../../model/clock.ts";
import type { Logger } from "../../model/logger.ts";
import type { Session } from "../../model/session.ts";
import type { HealthBoard } from "./health.ts";
import type { LocalFile } from "./file/local-file.ts";
import type { StoreChange, StoreFlavour } from "./store.ts";
import type { Tables } from "./tables.ts";

/** What differs between a store that is its file and one that passes on to a server. */
export interface Backend {
  readonly flavour: StoreFlavour;
  readonly db: Kysely<Tables>;
  /** Before a change is numbered. Never throws. */
  prepare(change: StoreChange): Promise<void>;
  /** Something was written to the file. */
  written(): void;
  findSession(sessionId: string): Promise<Session | null>;
  /** @returns how many readings went */
  prune(beforeMs: number): Promise<number>;
  /** @returns what still waits */
  flush(): Promise<number>;
  close(): Promise<void>;
}

/** What both work with. */
export interface BackendSurroundings {
  readonly file: LocalFile;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly board: HealthBoard;
}
