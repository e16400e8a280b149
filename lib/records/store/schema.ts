import type { StoreFlavour } from "./store.ts";

/*
 * The tables as DDL, in numbered steps. A step that was released is never edited: what must change comes as a further step.
 * Text compares byte by byte on all three databases, and on MariaDB / MySQL it is utf8mb4 whatever the server's default is
 * (facts best-systems 5.3).
 */

interface ColumnTypes {
  readonly id: string;
  readonly name: string;
  readonly text: string;
  readonly hash: string;
  readonly whole: string;
  readonly instant: string;
  readonly real: string;
  readonly table: string;
}

const COLUMN_TYPES: Readonly<Record<StoreFlavour, ColumnTypes>> = {
  sqlite: {
    id: "TEXT",
    name: "TEXT",
    text: "TEXT",
    hash: "TEXT",
    whole: "INTEGER",
    instant: "INTEGER",
    real: "REAL",
    table: "STRICT",
  },
  mysql: {
    id: "VARCHAR(100)",
    name: "VARCHAR(200)",
    text: "LONGTEXT",
    hash: "CHAR(64)",
    whole: "INTEGER",
    instant: "BIGINT",
    real: "DOUBLE",
    table: "ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
  },
  postgres: {
    id: 'VARCHAR(100) COLLATE "C"',
    name: 'VARCHAR(200) COLLATE "C"',
    text: "TEXT",
    hash: "CHAR(64)",
    whole: "INTEGER",
    instant: "BIGINT",
    real: "DOUBLE PRECISION",
    table: "",
  },
};

/** One numbered step of the schema. */
export interface SchemaStep {
  readonly version: number;
  /** what the file on this machine and a server both have */
  readonly shared: (types: ColumnTypes) => readonly string[];
  /** what only the file on this machine has */
  readonly local: readonly string[];
}

const FIRST: SchemaStep = {
  version: 1,
  shared: ({ id, name, text, hash, whole, instant, real, table }) => [
    `CREATE TABLE IF NOT EXISTS sessions (
       session_id ${id} NOT NULL PRIMARY KEY, revision ${whole} NOT NULL, status ${id} NOT NULL, device ${name} NOT NULL,
       zone ${id} NOT NULL, plugged_at_ms ${instant} NOT NULL, unplugged_at_ms ${instant}, charge_started_at_ms ${instant},
       charge_ended_at_ms ${instant}, local_day ${id} NOT NULL, local_month ${id} NOT NULL, plugged_s ${real} NOT NULL,
       charging_s ${real} NOT NULL, energy_wh ${real} NOT NULL, discharged_wh ${real} NOT NULL, solar_wh ${real},
       grid_wh ${real}, battery_wh ${real}, cost ${real}, unpriced_wh ${real} NOT NULL, currency ${id},
       tariff ${name}, reference_cost ${real}, co2_g ${real}, vehicle ${name}, user_name ${name}, rfid ${name}, odometer_km ${real}, purpose ${id}, business_ratio ${real},
       end_reason ${id}, hash ${hash} NOT NULL, record ${text} NOT NULL) ${table}`,
    "CREATE INDEX sessions_by_time ON sessions (plugged_at_ms)",
    "CREATE INDEX sessions_by_day ON sessions (local_day)",
    `CREATE TABLE IF NOT EXISTS session_revisions (
       session_id ${id} NOT NULL, revision ${whole} NOT NULL, device ${name} NOT NULL, chain_index ${whole} NOT NULL,
       recorded_at_ms ${instant} NOT NULL, reason ${id} NOT NULL, author ${name}, prev_hash ${hash}, hash ${hash} NOT NULL,
       record ${text} NOT NULL, PRIMARY KEY (session_id, revision), UNIQUE (device, chain_index)) ${table}`,
    `CREATE TABLE IF NOT EXISTS readings (
       device ${name} NOT NULL, channel ${whole} NOT NULL, at_ms ${instant} NOT NULL, role ${id} NOT NULL, power_w ${real},
       energy_wh ${real}, duration_s ${real}, import_wh ${real}, export_wh ${real}, local_day ${id} NOT NULL,
       local_month ${id} NOT NULL, PRIMARY KEY (device, channel, at_ms)) ${table}`,
    "CREATE INDEX readings_by_month ON readings (local_month, device, channel)",
    `CREATE TABLE IF NOT EXISTS tariffs (
       id ${id} NOT NULL PRIMARY KEY, valid_from_ms ${instant} NOT NULL, price_per_kwh ${real} NOT NULL,
       currency ${id} NOT NULL, name ${name}, is_active ${whole} NOT NULL) ${table}`,
    `CREATE TABLE IF NOT EXISTS payments (
       id ${id} NOT NULL PRIMARY KEY, paid_at_ms ${instant} NOT NULL, local_day ${id} NOT NULL, amount ${real} NOT NULL,
       currency ${id} NOT NULL, vehicle ${name}, user_name ${name}, note ${text}) ${table}`,
  ],
  local: [
    "CREATE TABLE kept (name TEXT NOT NULL PRIMARY KEY, content TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT",
    `CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,
       readings INTEGER NOT NULL DEFAULT 0, body TEXT NOT NULL, created_at_ms INTEGER NOT NULL) STRICT`,
    // counting must not read the bodies
    "CREATE INDEX outbox_by_kind ON outbox (kind, readings)",
    `CREATE TABLE dead_letters (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL,
       created_at_ms INTEGER NOT NULL, refused_at_ms INTEGER NOT NULL, error TEXT NOT NULL) STRICT`,
    `CREATE TABLE session_heads (session_id TEXT NOT NULL PRIMARY KEY, revision INTEGER NOT NULL, content TEXT NOT NULL,
       is_deleted INTEGER NOT NULL, record TEXT) STRICT`,
    `CREATE TABLE chain_heads (device TEXT NOT NULL PRIMARY KEY, chain_index INTEGER NOT NULL, hash TEXT NOT NULL) STRICT`,
  ],
};

export const schemaSteps: readonly SchemaStep[] = [FIRST];

/** What must exist before the version can be read. */
export function metaTable(flavour: StoreFlavour): string {
  const { id, text, table } = COLUMN_TYPES[flavour];
  return `CREATE TABLE IF NOT EXISTS meta (name ${id} NOT NULL PRIMARY KEY, content ${text} NOT NULL) ${table}`;
}

export const SCHEMA_VERSION = "schema_version";

/** The statements of one step for one database. */
export function statementsOf(step: SchemaStep, flavour: StoreFlavour): readonly string[] {
  const shared = step.shared(COLUMN_TYPES[flavour]);
  if (flavour === "sqlite") return [...shared, ...step.local];
  // MariaDB / MySQL cannot take DDL back, so a step that was cut short runs again; MySQL lacks this phrase: see `migrateServer`
  return flavour === "postgres"
    ? shared.map((sql) => sql.replace("CREATE INDEX ", "CREATE INDEX IF NOT EXISTS "))
    : shared;
}

export const latestVersion = (steps: readonly SchemaStep[]): number => steps.at(-1)?.version ?? 0;
