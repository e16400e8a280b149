import { EvError, type EvErrorCode, toEvError } from "../../../model/errors.ts";

/*
 * What a database server's refusals mean for us. `refused` = this statement will never be taken, whatever we wait for;
 * everything else is tried again.
 */

/** SQLSTATE of PostgreSQL: by class (two characters) or whole. */
const POSTGRES: Readonly<Record<string, EvErrorCode>> = {
  "08": "unreachable",
  "57": "unreachable",
  "53": "busy",
  "40": "busy",
  "55": "busy",
  "28": "auth",
  "22": "refused",
  "23": "refused",
  "3D": "config",
  "42501": "auth",
  "42P01": "config",
  "42703": "config",
  "54000": "refused",
};

/** Error numbers of MariaDB / MySQL. */
const MYSQL: Readonly<Record<number, EvErrorCode>> = {
  1021: "busy", // disk full
  1040: "busy", // too many connections
  1044: "auth",
  1045: "auth",
  1048: "refused",
  1049: "config", // no such database
  1053: "unreachable", // shutting down
  1054: "config", // no such column
  1062: "refused",
  1114: "busy", // table is full
  1142: "auth",
  1146: "config", // no such table
  1153: "refused", // packet too large
  1205: "busy", // lock wait
  1206: "busy",
  1213: "busy", // deadlock
  1264: "refused",
  1265: "refused",
  1290: "busy", // read-only server
  1292: "refused",
  1317: "unreachable", // interrupted
  1366: "refused",
  1406: "refused",
  1452: "refused",
  1698: "auth",
  1927: "unreachable", // killed
  3024: "timeout",
  3819: "refused",
  4025: "refused",
};

interface ServerError {
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly fatal?: unknown;
}

/** Whether a row of the same key is there already; of an error that `toServerError` made. */
export function isDuplicate(thrown: unknown): boolean {
  const { code, errno } = (thrown instanceof EvError ? thrown.cause : thrown) as ServerError;
  return code === "23505" || errno === 1062;
}

/** Whether a table is not there; of an error that `toServerError` made. */
export function isMissingTable(thrown: EvError): boolean {
  const { code, errno } = (thrown.cause ?? {}) as ServerError;
  return code === "42P01" || errno === 1146;
}

/** Turns what mysql2, pg and the network throw into an `EvError`. */
export function toServerError(thrown: unknown): EvError {
  if (thrown instanceof EvError || !(thrown instanceof Error)) return toEvError(thrown);
  const { code, errno, fatal } = thrown as ServerError;
  const sqlState = typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : null;
  const known =
    (typeof errno === "number" ? MYSQL[errno] : undefined) ??
    (sqlState === null ? undefined : (POSTGRES[sqlState] ?? POSTGRES[sqlState.slice(0, 2)]));
  if (known !== undefined) return new EvError(known, `The database server says: ${thrown.message}`, { cause: thrown });
  if (code === "PROTOCOL_SEQUENCE_TIMEOUT") return new EvError("timeout", thrown.message, { cause: thrown });
  const isLost =
    fatal === true ||
    /^(PROTOCOL_|HANDSHAKE_)/.test(typeof code === "string" ? code : "") ||
    /connection (is closed|terminated|timeout|ended|lost)|pool is closed|not queryable|closed state|timeout exceeded when trying to connect/i.test(
      thrown.message,
    );
  return isLost
    ? new EvError("unreachable", `The database server cannot be reached: ${thrown.message}`, { cause: thrown })
    : toEvError(thrown, "io");
}
