import type { Kysely } from "kysely";
import type { Session } from "../../model/session.ts";
import type { PaymentsTable, ReadingsTable, Tables, TariffsTable } from "./tables.ts";

export const storeFlavours = ["sqlite", "mysql", "postgres"] as const;
export type StoreFlavour = (typeof storeFlavours)[number];

export type RevisionReason = "detected" | "corrected" | "edited" | "deleted" | "manual" | "imported";

/** A new revision of a session. `revision`, `prevHash` and `hash` of the record are given by the store. */
export interface SessionChange {
  readonly session: Session;
  readonly reason: RevisionReason;
  readonly author?: string | null;
  /**
   * The revision that this change was made from: another one that came meanwhile is not overwritten. With a server as far as this
   * machine knows; what another program brings to the server at the same time is numbered before it.
   */
  readonly expectedRevision?: number;
}

/**
 * What is written together or not at all. Safe to repeat: a session whose stored revision has the same content gains no
 * revision, tariffs and payments are told apart by their id.
 */
export interface StoreChange {
  readonly sessions?: readonly SessionChange[];
  readonly tariffs?: readonly TariffsTable[];
  readonly payments?: readonly PaymentsTable[];
  readonly removedPaymentIds?: readonly string[];
  readonly removedTariffIds?: readonly string[];
  /** State to survive a kill, on this machine; null forgets it. */
  readonly kept?: readonly { readonly name: string; readonly content: string | null }[];
}

export type StoreHealth =
  | { readonly state: "ok"; readonly waiting: number }
  /** the server cannot be reached, or another program holds the file; changes wait on this machine */
  | { readonly state: "waiting"; readonly waiting: number; readonly code: string; readonly text: string }
  /** the disk refuses (full, read-only, damaged): changes wait in memory, and are lost with a kill */
  | { readonly state: "failed"; readonly waiting: number; readonly code: string; readonly text: string };

export interface BackupReport {
  /** absolute path */
  readonly file: string;
  readonly bytes: number;
  readonly sessions: number;
}

/**
 * Sessions, readings, tariffs and payments, kept so that a kill, a full disk or a stopped server loses nothing. There is
 * always a SQLite file on this machine, written by a worker thread; with a server it holds only what is `kept` and what
 * the server has not acknowledged yet.
 */
export interface Store {
  readonly flavour: StoreFlavour;
  /**
   * For reading and reports. With a server that is down, or that has not got the tables yet, a query rejects with EvError
   * `unreachable`; on a new server it first waits a few seconds for them.
   */
  readonly db: Kysely<Tables>;
  /**
   * Resolves when the change is on this machine's disk (fsync); it reaches a server later by itself, in order, once. While the
   * disk refuses it waits in bounded memory and is tried again, health being `failed`. A deleted session comes back only by
   * hand (`edited`, `manual`).
   *
   * @returns the sessions as stored, with their revision and hashes, in the order given
   * @throws EvError `out-of-range` for what does not fit the schema, `io` when the disk refuses and the memory for waiting is
   *   full, `stale` when the latest revision is not the expected one, `closed`; in each case nothing of the change is kept
   */
  commit(change: StoreChange): Promise<readonly Session[]>;
  /**
   * The latest revision, whether it has reached the server or not; null when there is none or it was deleted.
   *
   * @throws EvError `unreachable` when only a server that is down could tell
   */
  findSession(sessionId: string): Promise<Session | null>;
  /** Many readings, quickly; durable within a second or two. The same device, channel and instant again replaces. */
  appendReadings(rows: readonly ReadingsTable[]): Promise<void>;
  /** What was `kept` under a name; null when nothing was. */
  recall(name: string): Promise<string | null>;
  /** All that was kept under names that begin so. */
  recallAll(prefix: string): Promise<readonly { readonly name: string; readonly content: string }[]>;
  /** Tries at once to bring what waits to the server; resolves with what still waits. */
  flush(): Promise<number>;
  /** Deletes readings older than the retention; sessions never. @returns how many went */
  prune(): Promise<number>;
  /**
   * A copy that can be restored, made while the store goes on.
   *
   * @param name a plain file name inside the backup folder; missing = dated
   * @throws EvError `bad-command` for a name that is none or taken, `io`, `unsupported` with a server, which has its own tools
   */
  backup(name?: string): Promise<BackupReport>;
  /**
   * Puts a backup in the place of the present content, after a backup of that. What is `kept` stays as it is: an open session goes
   * on.
   *
   * @param name a file in the backup folder
   * @throws EvError `bad-command` for a name that is none, `io` for a backup that is damaged or of a later version (nothing is
   *   changed then), `unsupported` with a server
   */
  restore(name: string): Promise<BackupReport>;
  listBackups(): Promise<readonly { readonly name: string; readonly bytes: number; readonly at: string }[]>;
  readonly health: StoreHealth;
  /** Called on every change of health and at once with the present one. @returns a function that ends it */
  subscribe(listener: (health: StoreHealth) => void): () => void;
  close(): Promise<void>;
}
