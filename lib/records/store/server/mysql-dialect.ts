import { connect } from "node:net";
import { CompiledQuery, MysqlDialect } from "kysely";
import type { PoolConnection } from "mysql2";
import { loadDriver } from "./optional-driver.ts";
import type { CuttableDialect, DialectSettings } from "./cuttable-dialect.ts";
import { createSockets } from "./sockets.ts";

const CONNECT_WITHIN_MS = 5000;

/** MariaDB and MySQL through mysql2. @throws EvError `config` when mysql2 is not installed */
export async function createMysqlDialect({
  address,
  isReadOnly,
  connections,
}: DialectSettings): Promise<CuttableDialect> {
  const mysql = await loadDriver("mysql2", () => import("mysql2"));
  const open = new Set<PoolConnection>();
  const sockets = createSockets();
  const { host, port, database, user, password, tls } = address;
  const pool = mysql.createPool({
    host,
    port,
    database,
    user,
    password,
    connectionLimit: connections,
    connectTimeout: CONNECT_WITHIN_MS,
    stream: () => sockets.add(connect({ host, port, keepAlive: true, noDelay: true })),
    charset: "utf8mb4",
    timezone: "Z",
    // sums come as numbers, as from the other two
    decimalNumbers: true,
    multipleStatements: false,
    ...(tls === null
      ? {}
      : { ssl: { rejectUnauthorized: !tls.isAnyCertificateAccepted, ...(tls.ca === null ? {} : { ca: tls.ca }) } }),
  });
  pool.on("connection", (connection) => {
    open.add(connection);
    connection.once("end", () => open.delete(connection));
    // unheard, this event would end the process
    connection.on("error", () => open.delete(connection));
  });
  const dialect = new MysqlDialect({
    pool,
    async onCreateConnection(connection) {
      // what does not fit is refused, never cut
      const statements = ["SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"];
      if (isReadOnly) statements.push("SET SESSION TRANSACTION READ ONLY");
      for (const sql of statements) await connection.executeQuery(CompiledQuery.raw(sql));
    },
  });
  const cut = (): void => {
    // the pool forgets them so
    for (const connection of open) connection.destroy();
    open.clear();
    sockets.destroyAll();
  };
  return {
    dialect,
    cut,
    end() {
      cut();
      sockets.end();
    },
  };
}
