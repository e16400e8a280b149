import type { Connection } from "./connection.ts";
import type { Delivery } from "./commit-change.ts";
import type { Questions } from "./worker-protocol.ts";

/*
 * What a server has not acknowledged yet, oldest first. A row leaves only when the server has it, or when it was buried as a
 * dead letter.
 */

export const waitingCount = (file: Connection): number =>
  file.all<{ count: number }>("SELECT count(*) AS count FROM outbox")[0]?.count ?? 0;

/** The oldest rows, at least one, no more than fit `maxBytes`. */
export function peek(file: Connection, limit: number, maxBytes: number): Questions["peek"]["answer"] {
  const rows: Questions["peek"]["answer"]["rows"] = [];
  let bytes = 0;
  const statement = file.database.prepare("SELECT id, kind, body, created_at_ms FROM outbox ORDER BY id LIMIT ?");
  for (const row of statement.iterate(limit) as Iterable<(typeof rows)[number]>) {
    bytes += row.body.length;
    if (rows.length > 0 && bytes > maxBytes) break;
    rows.push(row);
  }
  return { rows, waiting: waitingCount(file) };
}

/** The server has these rows. */
export function acknowledge(file: Connection, ids: readonly number[]): { waiting: number } {
  return file.transaction(() => {
    for (const id of ids) {
      const row = file.all<{ kind: string; body: string }>("SELECT kind, body FROM outbox WHERE id = ?", id)[0];
      if (row?.kind === "change") {
        for (const { session_id, revision } of (JSON.parse(row.body) as Delivery).revisions) {
          file.run(
            "UPDATE session_heads SET record = NULL WHERE session_id = ? AND revision = ?",
            session_id,
            revision,
          );
        }
      }
      file.run("DELETE FROM outbox WHERE id = ?", id);
    }
    return { waiting: waitingCount(file) };
  });
}

/** Takes a row out of the way that the server refuses for what it is; it stays on this machine. */
export function bury(file: Connection, { id, body, error, nowMs }: Questions["bury"]["ask"]): { waiting: number } {
  return file.transaction(() => {
    file.run(
      `INSERT OR IGNORE INTO dead_letters (id, kind, body, created_at_ms, refused_at_ms, error)
         SELECT id, kind, ?, created_at_ms, ?, ? FROM outbox WHERE id = ?`,
      body,
      nowMs,
      error.slice(0, 2000),
      id,
    );
    file.run("DELETE FROM outbox WHERE id = ?", id);
    return { waiting: waitingCount(file) };
  });
}
