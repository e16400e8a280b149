import type { SQLInputValue } from "node:sqlite";
import type { Session } from "../../../model/session.ts";
import { type Connection, connect } from "./connection.ts";
import { upsertSql } from "./commit-change.ts";
import { sessionColumns, sessionRow } from "../session-row.ts";
import type { SessionRevisionsTable } from "../tables.ts";

/*
 * A damaged file is moved aside, never deleted; what can still be read in it is copied into the new one.
 */

/** What is worth saving; `sessions` is made anew from the revisions. */
const FROM_DAMAGED = [
  "session_revisions",
  "readings",
  "tariffs",
  "payments",
  "kept",
  "outbox",
  "dead_letters",
  "session_heads",
  "chain_heads",
];

/**
 * Copies the readable rows of one file into another that has the schema already.
 *
 * @returns how many rows were copied
 */
export function salvageRows(damagedPath: string, into: Connection): number {
  let from: Connection;
  try {
    from = connect(damagedPath, { isReadOnly: true });
  } catch {
    return 0;
  }
  try {
    const copied = FROM_DAMAGED.reduce((sum, table) => sum + salvageTable(from, into, table), 0);
    rebuildSessions(into);
    return copied;
  } finally {
    from.close();
  }
}

/** Reads upwards until a damaged page, then downwards until one. */
function salvageTable(from: Connection, into: Connection, table: string): number {
  let copied = 0;
  try {
    into.transaction(() => {
      const columns = into
        .all<{ name: string }>(`SELECT name FROM pragma_table_info('${table}')`)
        .map(({ name }) => name);
      const insert = `INSERT OR IGNORE INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
      for (const direction of ["ASC", "DESC"]) {
        try {
          const rows = from.database.prepare(`SELECT * FROM ${table} ORDER BY rowid ${direction}`).iterate();
          for (const row of rows as Iterable<Record<string, SQLInputValue>>) {
            try {
              copied += into.run(insert, ...columns.map((column) => row[column] ?? null)).changes;
            } catch {
              // a row that does not fit the schema is one of the damaged ones
            }
          }
          return;
        } catch {
          // as far as it goes from this end
        }
      }
    });
  } catch {
    // not even the table is there
  }
  return copied;
}

/** Makes `sessions` from the latest revisions. */
export function rebuildSessions(file: Connection): void {
  const upsert = upsertSql("sessions", sessionColumns, ["session_id"]);
  file.transaction(() => {
    file.run("DELETE FROM sessions");
    const latest = file.database
      .prepare(
        `SELECT record, reason FROM session_revisions AS r WHERE revision =
           (SELECT max(revision) FROM session_revisions WHERE session_id = r.session_id)`,
      )
      .all() as unknown as Pick<SessionRevisionsTable, "record" | "reason">[];
    for (const { record, reason } of latest) {
      if (reason === "deleted") continue;
      const row = sessionRow(JSON.parse(record) as Session);
      file.run(upsert, ...sessionColumns.map((column) => row[column]));
    }
  });
}
