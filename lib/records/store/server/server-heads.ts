import type { Kysely } from "kysely";
import type { Session } from "../../../model/session.ts";
import { contentHash } from "../hash-chain.ts";
import type { ChainHeadsTable, SessionHeadsTable, Tables } from "../tables.ts";

/** How far sessions and chains have come on the server. */
export interface Heads {
  readonly sessions: readonly Omit<SessionHeadsTable, "record">[];
  readonly chains: readonly ChainHeadsTable[];
}

const AT_ONCE = 200;

export async function fetchHeads(
  db: Kysely<Tables>,
  sessionIds: readonly string[],
  devices: readonly string[],
): Promise<Heads> {
  const sessions: Omit<SessionHeadsTable, "record">[] = [];
  for (let from = 0; from < sessionIds.length; from += AT_ONCE) {
    const rows = await db
      .selectFrom("session_revisions as r")
      .select(["session_id", "revision", "reason", "record"])
      .where("session_id", "in", sessionIds.slice(from, from + AT_ONCE))
      .where("revision", "=", (is) =>
        is
          .selectFrom("session_revisions as other")
          .select(({ fn }) => fn.max("other.revision").as("latest"))
          .whereRef("other.session_id", "=", "r.session_id"),
      )
      .execute();
    for (const { session_id, revision, reason, record } of rows) {
      const content = contentHash(JSON.parse(record) as Session);
      sessions.push({ session_id, revision, content, is_deleted: reason === "deleted" ? 1 : 0 });
    }
  }
  const chains: ChainHeadsTable[] = [];
  for (const device of devices) {
    const row = await db
      .selectFrom("session_revisions")
      .select(["device", "chain_index", "hash"])
      .where("device", "=", device)
      .orderBy("chain_index", "desc")
      .limit(1)
      .executeTakeFirst();
    if (row !== undefined) chains.push(row);
  }
  return { sessions, chains };
}
