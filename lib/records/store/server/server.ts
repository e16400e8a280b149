import type { DatabaseConnection, Dialect, Driver, Kysely } from "kysely";
import { type Clock, sleep } from "../../../model/clock.ts";
import { EvError } from "../../../model/errors.ts";
import type { CuttableDialect } from "./cuttable-dialect.ts";
import type { FirstTry } from "./first-try.ts";
import { isMissingTable, toServerError } from "./server-errors.ts";
import type { ServerAddress } from "../server-url.ts";
import type { Tables } from "../tables.ts";

/** A database server, as long as it can be reached. */
export interface Server {
  readonly flavour: "mysql" | "postgres";
  /** its session can only read */
  readonly reader: Kysely<Tables>;
  /** one connection, one statement at a time */
  readonly writer: Kysely<Tables>;
  close(): Promise<void>;
}

/** A statement that takes longer is given up together with its connection, ms: half-open connections show themselves so. */
const WRITE_DEADLINE_MS = 10_000;
const READ_DEADLINE_MS = 30_000;
/** Longest wait for the pools to end; their connections are cut before, ms. */
const CLOSE_WITHIN_MS = 2000;

/**
 * Loads the driver; connects only when it is first used.
 *
 * @param tables queries wait for them
 * @throws EvError `config` when the driver is not installed
 */
export async function openServer(address: ServerAddress, clock: Clock, tables: FirstTry): Promise<Server> {
  const { Kysely } = await import("kysely");
  const create =
    address.flavour === "mysql"
      ? (await import("./mysql-dialect.ts")).createMysqlDialect
      : (await import("./postgres-dialect.ts")).createPostgresDialect;
  const reading = await create({ address, isReadOnly: true, connections: 2 });
  const writing = await create({ address, isReadOnly: false, connections: 1 });
  const closing = new AbortController();
  const { signal } = closing;
  const toReadError = (thrown: unknown): EvError => {
    const error = toServerError(thrown);
    if (!isMissingTable(error)) return error;
    return new EvError("unreachable", "The tables of the database are not made yet.", { cause: error });
  };
  const reader = new Kysely<Tables>({
    dialect: withDeadline(reading, { clock, signal, deadlineMs: READ_DEADLINE_MS, toError: toReadError, tables }),
  });
  const writer = new Kysely<Tables>({
    dialect: withDeadline(writing, { clock, signal, deadlineMs: WRITE_DEADLINE_MS, toError: toServerError }),
  });
  return {
    flavour: address.flavour,
    reader,
    writer,
    async close() {
      closing.abort();
      tables.end();
      reading.end();
      writing.end();
      const patience = new AbortController();
      // a pool waits for clients that will never be given back
      await Promise.race([
        Promise.allSettled([reader.destroy(), writer.destroy()]),
        sleep(clock, CLOSE_WITHIN_MS, patience.signal).catch(() => {}),
      ]);
      patience.abort();
    },
  };
}

interface Limits {
  readonly clock: Clock;
  /** ends every call */
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  readonly toError: (thrown: unknown) => EvError;
  readonly tables?: FirstTry;
}

/** Every call ends within the deadline, and what is thrown is an `EvError`. */
function withDeadline(
  { dialect, cut }: CuttableDialect,
  { clock, signal, deadlineMs, toError, tables }: Limits,
): Dialect {
  const limited = async <Answer>(work: Promise<Answer>): Promise<Answer> => {
    let cancel = (): void => {};
    const deadline = new Promise<never>((_, reject) => {
      const close = (): void => reject(new EvError("closed", "The store was closed."));
      const cancelTimer = clock.after(deadlineMs, () => {
        reject(new EvError("timeout", `The database server did not answer within ${deadlineMs / 1000} s.`));
        cut();
      });
      signal.addEventListener("abort", close);
      cancel = () => {
        cancelTimer();
        signal.removeEventListener("abort", close);
      };
      if (signal.aborted) close();
    });
    try {
      return await Promise.race([work, deadline]);
    } catch (thrown) {
      throw toError(thrown);
    } finally {
      cancel();
    }
  };
  const limitedConnections = new WeakSet<DatabaseConnection>();
  const limitConnection = (connection: DatabaseConnection): DatabaseConnection => {
    if (limitedConnections.has(connection)) return connection;
    limitedConnections.add(connection);
    const execute = connection.executeQuery.bind(connection);
    connection.executeQuery = (query, options) => limited(execute(query, options));
    return connection;
  };
  return {
    createAdapter: () => dialect.createAdapter(),
    createIntrospector: (db) => dialect.createIntrospector(db),
    createQueryCompiler: () => dialect.createQueryCompiler(),
    createDriver() {
      const driver: Driver = dialect.createDriver();
      const acquire = driver.acquireConnection.bind(driver);
      driver.acquireConnection = async (options) => {
        await tables?.wait();
        const acquired = acquire(options);
        try {
          return limitConnection(await limited(acquired));
        } catch (thrown) {
          // one that comes after the deadline goes back, or the pool would run dry
          acquired.then((connection) => driver.releaseConnection(connection)).catch(() => {});
          throw thrown;
        }
      };
      return driver;
    },
  };
}
