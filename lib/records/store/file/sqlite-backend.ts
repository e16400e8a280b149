import { Kysely } from "kysely";
import type { Session } from "../../../model/session.ts";
import type { Backend, BackendSurroundings } from "../backend.ts";
import { createSqliteDialect } from "./sqlite-dialect.ts";
import type { Tables } from "../tables.ts";

/** Rows that are pruned between two turns of the worker. */
const PRUNED_AT_ONCE = 2000;

/** The file is the database. */
export function createSqliteBackend({ file }: BackendSurroundings): Backend {
  const db = new Kysely<Tables>({
    dialect: createSqliteDialect({
      query: (sql, parameters) => file.ask("query", { sql, parameters }),
      more: (cursor) => file.ask("more", { cursor }),
      giveUp: (cursor) => file.ask("giveUp", { cursor }),
    }),
  });
  return {
    flavour: "sqlite",
    db,
    prepare: async () => {},
    written: () => {},
    async findSession(sessionId) {
      const { record } = await file.ask("find", { sessionId });
      return record === null ? null : (JSON.parse(record) as Session);
    },
    async prune(beforeMs) {
      for (let gone = 0; ; ) {
        const now = await file.ask("prune", { beforeMs, limit: PRUNED_AT_ONCE });
        gone += now;
        if (now < PRUNED_AT_ONCE) return gone;
      }
    },
    flush: async () => 0,
    close: () => db.destroy(),
  };
}
