import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { EvError } from "../../../model/errors.ts";
import type { RowsPart, SqlParameter } from "./worker-protocol.ts";

/** Where queries are asked. */
export interface QueryDesk {
  query(sql: string, parameters: readonly SqlParameter[]): Promise<RowsPart>;
  more(cursor: number): Promise<RowsPart>;
  /** The rest is not wanted. */
  giveUp(cursor: number): Promise<unknown>;
}

/** Kysely over the worker thread, for reading. Long lists come in parts, between which everybody else has their turn. */
export function createSqliteDialect(desk: QueryDesk): Dialect {
  return {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => createDriver(desk),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

function createDriver(desk: QueryDesk): Driver {
  const connection: DatabaseConnection = {
    async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
      const rows: Row[] = [];
      for await (const part of parts<Row>(desk, query)) for (const row of part) rows.push(row);
      return { rows };
    },
    async *streamQuery<Row>(query: CompiledQuery): AsyncIterableIterator<QueryResult<Row>> {
      for await (const rows of parts<Row>(desk, query)) yield { rows };
    },
  };
  const refuse = async (): Promise<never> => {
    throw new EvError("unsupported", "The records are only read here; a report needs no transaction.");
  };
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: async () => {},
    destroy: async () => {},
  };
}

async function* parts<Row>(desk: QueryDesk, { sql, parameters }: CompiledQuery): AsyncGenerator<Row[]> {
  let part = await desk.query(sql, parameters.map(bindable));
  try {
    for (;;) {
      yield JSON.parse(part.rows) as Row[];
      if (part.cursor === null) return;
      // answers that lie ready would else be taken one after the other, without a turn for anybody else
      await new Promise((resolve) => setImmediate(resolve));
      part = await desk.more(part.cursor);
    }
  } finally {
    if (part.cursor !== null) desk.giveUp(part.cursor).catch(() => {});
  }
}

/** @throws EvError `internal` for what SQLite cannot hold */
function bindable(parameter: unknown): SqlParameter {
  switch (typeof parameter) {
    case "boolean":
      return parameter ? 1 : 0;
    case "string":
    case "number":
    case "bigint":
      return parameter;
    default:
      if (parameter === null || parameter === undefined) return null;
      if (parameter instanceof Uint8Array) return parameter;
      throw new EvError("internal", `A query was given a ${typeof parameter}, which no database takes.`);
  }
}
