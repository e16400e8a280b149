import type { Session } from "../../../model/session.ts";
import { addSession, type Delivery, headsLedger } from "./commit-change.ts";
import type { Connection } from "./connection.ts";
import { waitingCount } from "./outbox.ts";
import type { Heads } from "../server/server-heads.ts";
import type { SessionChange } from "../store.ts";

/*
 * With a server the file knows of each session and each chain only how far it has come. What it does not know, because it is new
 * or because others write to the same database, it learns from the server.
 */

/** Of the sessions and devices named, those the file knows nothing of. */
export function unknownHeads(
  file: Connection,
  sessionIds: readonly string[],
  devices: readonly string[],
): { sessionIds: string[]; devices: string[] } {
  const ledger = headsLedger(file);
  return {
    sessionIds: [...new Set(sessionIds)].filter((sessionId) => ledger.head(sessionId) === null),
    devices: [...new Set(devices)].filter((device) => ledger.chain(device) === null),
  };
}

/** Takes over what the server knows and the file does not. */
export function learnHeads(file: Connection, heads: Heads): void {
  file.transaction(() => insertHeads(file, heads));
}

/** One at a time: tens of thousands may wait. */
function* waitingChanges(file: Connection): Generator<{ readonly id: number; readonly delivery: Delivery }> {
  for (const { id } of file.all<{ id: number }>("SELECT id FROM outbox WHERE kind = 'change' ORDER BY id")) {
    const [row] = file.all<{ body: string }>("SELECT body FROM outbox WHERE id = ?", id);
    if (row !== undefined) yield { id, delivery: JSON.parse(row.body) as Delivery };
  }
}

/** The sessions and devices of all that waits. */
export function outboxKeys(file: Connection): { sessionIds: string[]; devices: string[] } {
  const sessionIds = new Set<string>();
  const devices = new Set<string>();
  for (const { delivery } of waitingChanges(file)) {
    for (const { session_id, device } of delivery.revisions) {
      sessionIds.add(session_id);
      devices.add(device);
    }
  }
  return { sessionIds: [...sessionIds], devices: [...devices] };
}

/** Numbers all that waits anew, after what the server has; what the server knows already is left out. */
export function rebase(file: Connection, heads: Heads): { waiting: number } {
  return file.transaction(() => {
    const { sessionIds, devices } = outboxKeys(file);
    for (const sessionId of sessionIds) file.run("DELETE FROM session_heads WHERE session_id = ?", sessionId);
    for (const device of devices) file.run("DELETE FROM chain_heads WHERE device = ?", device);
    insertHeads(file, heads);
    const ledger = headsLedger(file);
    for (const { id, delivery } of waitingChanges(file)) {
      const revisions = delivery.revisions.flatMap((row) => {
        const session = JSON.parse(row.record) as Session;
        const change: SessionChange = { session, reason: row.reason as SessionChange["reason"], author: row.author };
        const renumbered = addSession(ledger, change, row.recorded_at_ms).row;
        return renumbered === null ? [] : [renumbered];
      });
      file.run("UPDATE outbox SET body = ? WHERE id = ?", JSON.stringify({ ...delivery, revisions }), id);
    }
    return { waiting: waitingCount(file) };
  });
}

function insertHeads(file: Connection, { sessions, chains }: Heads): void {
  for (const { session_id, revision, content, is_deleted } of sessions) {
    file.run(
      "INSERT OR IGNORE INTO session_heads (session_id, revision, content, is_deleted, record) VALUES (?, ?, ?, ?, NULL)",
      session_id,
      revision,
      content,
      is_deleted,
    );
  }
  for (const { device, chain_index, hash } of chains) {
    file.run(
      "INSERT OR IGNORE INTO chain_heads (device, chain_index, hash) VALUES (?, ?, ?)",
      device,
      chain_index,
      hash,
    );
  }
}
