import { Socket } from "node:net";
import { PostgresDialect } from "kysely";
import type { CustomTypesConfig } from "pg";
import { loadDriver } from "./optional-driver.ts";
import type { CuttableDialect, DialectSettings } from "./cuttable-dialect.ts";
import { createSockets } from "./sockets.ts";

const CONNECT_WITHIN_MS = 5000;
const STATEMENT_WITHIN_MS = 30_000;

/** int8 (also of `count`) and numeric (of `sum`), which pg gives as text */
const NUMBER_TYPES: ReadonlySet<number> = new Set([20, 1700]);

/** PostgreSQL through pg. @throws EvError `config` when pg is not installed */
export async function createPostgresDialect({
  address,
  isReadOnly,
  connections,
}: DialectSettings): Promise<CuttableDialect> {
  const { default: pg } = await loadDriver("pg", () => import("pg"));
  const sockets = createSockets();
  const { host, port, database, user, password, tls } = address;
  const pool = new pg.Pool({
    host,
    port,
    database,
    user,
    password,
    max: connections,
    connectionTimeoutMillis: CONNECT_WITHIN_MS,
    keepAlive: true,
    stream: () => sockets.add(new Socket()),
    application_name: "node-red ev-store",
    options: `-c statement_timeout=${STATEMENT_WITHIN_MS}${isReadOnly ? " -c default_transaction_read_only=on" : ""}`,
    types: numberTypes(pg.types),
    ssl:
      tls === null
        ? false
        : { rejectUnauthorized: !tls.isAnyCertificateAccepted, ...(tls.ca === null ? {} : { ca: tls.ca }) },
  });
  pool.on("connect", (client) => {
    // one that breaks at work says so to whom it works for; unheard, this event would end the process
    client.on("error", () => {});
  });
  // an idle connection that breaks is replaced when it is needed
  pool.on("error", () => {});
  return {
    dialect: new PostgresDialect({ pool }),
    cut: () => sockets.destroyAll(),
    end: () => sockets.end(),
  };
}

/** The parsers of pg, but for the numbers. */
function numberTypes(types: typeof import("pg").types): CustomTypesConfig {
  const getTypeParser: CustomTypesConfig["getTypeParser"] = (type, format) =>
    NUMBER_TYPES.has(type) ? Number : types.getTypeParser(type, format);
  return { getTypeParser };
}
