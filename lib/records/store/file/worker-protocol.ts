import type { FileEvent } from "./open-file.ts";
import type { ReadingsPack } from "../readings-pack.ts";
import type { Heads } from "../server/server-heads.ts";
import type { StoreChange } from "../store.ts";
import type { OutboxTable } from "../tables.ts";

/*
 * What the store and its worker thread say to each other. One question, one answer, in order; only the rows of a query come in
 * parts, each asked for, so that a large answer never holds up the main thread.
 */

export interface WorkerSettings {
  readonly path: string;
  readonly backupFolder: string;
  readonly hasServer: boolean;
  /** readings that may wait for the server; 0 without one */
  readonly readingsThatMayWait: number;
}

export type SqlParameter = string | number | bigint | null | Uint8Array;

/** Rows of a query, in parts. */
export interface RowsPart {
  /** JSON of the rows */
  readonly rows: string;
  /** null = that was all; else what to ask `more` for */
  readonly cursor: number | null;
  readonly changes: number;
}

export interface FileState {
  /** null = all is well */
  readonly fault: { readonly code: string; readonly text: string } | null;
  /** what waits for the server */
  readonly waiting: number;
}

interface Keys {
  readonly sessionIds: readonly string[];
  readonly devices: readonly string[];
}

type OutboxRow = { [Column in keyof OutboxTable]: Column extends "id" | "created_at_ms" ? number : string };

/** All questions: what is handed over, and what comes back. */
export interface Questions {
  open: { ask: { nowMs: number }; answer: FileState };
  commit: { ask: { change: string; nowMs: number }; answer: { records: readonly string[]; waiting: number } };
  find: { ask: { sessionId: string }; answer: { isKnown: boolean; record: string | null } };
  recall: { ask: { name: string }; answer: string | null };
  recallAll: { ask: { prefix: string }; answer: { name: string; content: string }[] };
  append: { ask: { pack: ReadingsPack; nowMs: number }; answer: { waiting: number } };
  query: { ask: { sql: string; parameters: readonly SqlParameter[] }; answer: RowsPart };
  more: { ask: { cursor: number }; answer: RowsPart };
  giveUp: { ask: { cursor: number }; answer: null };
  prune: { ask: { beforeMs: number; limit: number }; answer: number };
  peek: { ask: { limit: number; maxBytes: number }; answer: { rows: OutboxRow[]; waiting: number } };
  acknowledge: { ask: { ids: readonly number[] }; answer: { waiting: number } };
  bury: { ask: { id: number; body: string; error: string; nowMs: number }; answer: { waiting: number } };
  unknownHeads: { ask: Keys; answer: Keys };
  learnHeads: { ask: Heads; answer: null };
  outboxKeys: { ask: Record<string, never>; answer: Keys };
  rebase: { ask: Heads; answer: { waiting: number } };
  /** puts the staged backup in the file's place */
  swap: { ask: { nowMs: number }; answer: FileState };
  close: { ask: Record<string, never>; answer: null };
}

export type QuestionName = keyof Questions;

export interface Request {
  readonly id: number;
  readonly name: QuestionName;
  readonly ask: unknown;
}

export type Reply =
  /** unasked: what happened to the file */
  | { readonly events: readonly FileEvent[] }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: { readonly code: string; readonly text: string; readonly detail?: string } };

/** Only for typing: a change crosses as JSON. */
export const changeOf = (json: string): StoreChange => JSON.parse(json) as StoreChange;
