import type { ColumnType, Generated } from "kysely";

/*
 * The tables, the same on SQLite, MariaDB / MySQL and PostgreSQL. Instants are UTC milliseconds; beside them stand the
 * local day and month in the site's zone, so that one query groups the same way on all three. Money is stored as a plain
 * number of `currency`; energies in Wh. JSON is text. Booleans are 0 and 1. PostgreSQL returns BIGINT as a string: the
 * driver of this store makes numbers of them, so that the types below hold everywhere.
 */

/** The latest revision of every session that was not deleted. */
export interface SessionsTable {
  /** UUID */
  session_id: string;
  revision: number;
  status: "open" | "closed";
  device: string;
  zone: string;
  plugged_at_ms: number;
  unplugged_at_ms: number | null;
  charge_started_at_ms: number | null;
  charge_ended_at_ms: number | null;
  /** `YYYY-MM-DD` and `YYYY-MM` of `plugged_at_ms` in the zone */
  local_day: string;
  local_month: string;
  plugged_s: number;
  charging_s: number;
  energy_wh: number;
  discharged_wh: number;
  solar_wh: number | null;
  grid_wh: number | null;
  battery_wh: number | null;
  /** of the energy that had a price; null = none had */
  cost: number | null;
  /** energy without a price: all of it where `cost` is null */
  unpriced_wh: number;
  currency: string | null;
  tariff: string | null;
  reference_cost: number | null;
  co2_g: number | null;
  vehicle: string | null;
  /** who charged; `user` is a reserved word in PostgreSQL */
  user_name: string | null;
  rfid: string | null;
  odometer_km: number | null;
  purpose: string | null;
  business_ratio: number | null;
  end_reason: string | null;
  hash: string;
  /** the whole record (`sessionSchema`) */
  record: string;
}

/** Every revision ever, append only; deleting a session is a revision too. */
export interface SessionRevisionsTable {
  session_id: string;
  revision: number;
  device: string;
  /** 1, 2, 3, ... per device: the order of the hash chain */
  chain_index: number;
  recorded_at_ms: number;
  /** `detected`, `corrected`, `edited`, `deleted`, `manual`, `imported` */
  reason: string;
  /** who asked for it, as far as known */
  author: string | null;
  prev_hash: string | null;
  hash: string;
  /** the whole record; of a deleted session the last one */
  record: string;
}

/** One reading of one channel of one meter: what `ev-reading-log` keeps. */
export interface ReadingsTable {
  device: string;
  channel: number;
  at_ms: number;
  role: string;
  power_w: number | null;
  /** energy of the interval that ends at `at_ms`, + into the house or the car */
  energy_wh: number | null;
  /** length of that interval */
  duration_s: number | null;
  import_wh: number | null;
  export_wh: number | null;
  /** `YYYY-MM-DD` and `YYYY-MM` of the interval's start */
  local_day: string;
  local_month: string;
}

/** A price per kWh that was in force from a day on: for the account statement and for imported databases. */
export interface TariffsTable {
  id: string;
  valid_from_ms: number;
  price_per_kwh: number;
  currency: string;
  name: string | null;
  /** 0 = no longer in force */
  is_active: number;
}

/** Money that was received for energy. */
export interface PaymentsTable {
  id: string;
  paid_at_ms: number;
  local_day: string;
  amount: number;
  currency: string;
  /** whose account; null = everybody's */
  vehicle: string | null;
  user_name: string | null;
  note: string | null;
}

/** What the store itself remembers, for example the version of its schema. */
export interface MetaTable {
  name: string;
  content: string;
}

/** On this machine only: open sessions and other state that must survive a kill. */
export interface KeptTable {
  name: string;
  content: string;
  at_ms: number;
}

/** On this machine only: what a database server has not acknowledged yet. */
export interface OutboxTable {
  id: Generated<number>;
  /** `change`, `readings`, or `readings-15` and `readings-60` that were thinned to so many minutes */
  kind: string;
  /** how many are in the body; 0 for a change */
  readings: number;
  body: string;
  created_at_ms: ColumnType<number, number, never>;
}

/** The database that history reads: the local file, or a server. */
export interface Tables {
  sessions: SessionsTable;
  session_revisions: SessionRevisionsTable;
  readings: ReadingsTable;
  tariffs: TariffsTable;
  payments: PaymentsTable;
  meta: MetaTable;
}

/** On this machine only: changes that the server refuses for what they are; kept for a person to look at. */
export interface DeadLettersTable {
  id: number;
  kind: string;
  body: string;
  created_at_ms: number;
  refused_at_ms: number;
  /** the server's words */
  error: string;
}

/** On this machine, with a server: the latest revision of each session, so that numbering does not need the server. */
export interface SessionHeadsTable {
  session_id: string;
  revision: number;
  /** SHA-256 of what the record says, see `contentHash` */
  content: string;
  /** 0 or 1 */
  is_deleted: number;
  /** the whole record until the server has it, then null */
  record: string | null;
}

/** On this machine, with a server: the end of each device's hash chain. */
export interface ChainHeadsTable {
  device: string;
  chain_index: number;
  hash: string;
}

/** The file on this machine, which is always there. */
export interface LocalTables extends Tables {
  kept: KeptTable;
  outbox: OutboxTable;
  dead_letters: DeadLettersTable;
  session_heads: SessionHeadsTable;
  chain_heads: ChainHeadsTable;
}
