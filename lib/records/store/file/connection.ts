import type { DatabaseSync, StatementSync, SQLInputValue } from "node:sqlite";

/*
 * One connection to the file, inside the worker thread. node:sqlite is loaded here and nowhere else.
 */

type Sqlite = typeof import("node:sqlite");
let loaded: Sqlite | null = null;

/** node:sqlite, without the one warning by which Node 22 announces it as experimental. */
export function loadSqlite(): Sqlite {
  if (loaded !== null) return loaded;
  const own = Object.getOwnPropertyDescriptor(process, "emitWarning");
  const emitWarning = process.emitWarning.bind(process) as (...told: unknown[]) => void;
  process.emitWarning = (...told: unknown[]) => {
    if (!String(told[0]).startsWith("SQLite is an experimental feature")) emitWarning(...told);
  };
  try {
    loaded = process.getBuiltinModule("node:sqlite");
  } finally {
    if (own !== undefined) Object.defineProperty(process, "emitWarning", own);
  }
  return loaded;
}

export interface Connection {
  readonly database: DatabaseSync;
  /** A prepared statement, kept for the next time; never for `iterate`, which must have one of its own. */
  prepare(sql: string): StatementSync;
  run(sql: string, ...parameters: SQLInputValue[]): { readonly changes: number; readonly lastId: number };
  /** The rows as the caller knows the table to be. */
  all<Row>(sql: string, ...parameters: SQLInputValue[]): Row[];
  /** All or nothing; takes the write lock at once. */
  transaction<Result>(work: () => Result): Result;
  close(): void;
}

/** How long SQLite itself waits for another process, ms. This thread stands still meanwhile, which is why it is a thread. */
const BUSY_WAIT_MS = 2000;

export interface ConnectionSettings {
  readonly isReadOnly?: boolean;
  /** `FULL` = on disk when committed; `NORMAL` = consistent, on disk at the next checkpoint (facts best-systems 3.2) */
  readonly synchronous?: "FULL" | "NORMAL";
}

/** @throws the errors of node:sqlite */
export function connect(
  path: string,
  { isReadOnly = false, synchronous = "FULL" }: ConnectionSettings = {},
): Connection {
  const { DatabaseSync } = loadSqlite();
  const database = new DatabaseSync(path, {
    readOnly: isReadOnly,
    timeout: BUSY_WAIT_MS,
    enableForeignKeyConstraints: true,
    allowExtension: false,
  });
  try {
    database.exec("PRAGMA trusted_schema = OFF");
    if (!isReadOnly) {
      // must come before the first table
      database.exec("PRAGMA auto_vacuum = INCREMENTAL");
      database.exec("PRAGMA journal_mode = WAL");
      database.exec("PRAGMA journal_size_limit = 16777216");
      database.exec(`PRAGMA synchronous = ${synchronous}`);
    }
    // the file's content is looked at only now
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
  } catch (thrown) {
    database.close();
    throw thrown;
  }
  return wrap(database);
}

function wrap(database: DatabaseSync): Connection {
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = database.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  return {
    database,
    prepare,
    run(sql, ...parameters) {
      const { changes, lastInsertRowid } = prepare(sql).run(...parameters);
      return { changes: Number(changes), lastId: Number(lastInsertRowid) };
    },
    all: <Row>(sql: string, ...parameters: SQLInputValue[]) => prepare(sql).all(...parameters) as Row[],
    transaction(work) {
      database.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        database.exec("COMMIT");
        return result;
      } catch (thrown) {
        // SQLite has taken it back by itself when the disk was full
        if (database.isTransaction) database.exec("ROLLBACK");
        throw thrown;
      }
    },
    close() {
      statements.clear();
      if (database.isOpen) database.close();
    },
  };
}
