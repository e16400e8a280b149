import type { Dialect } from "kysely";
import type { ServerAddress } from "../server-url.ts";

/** A dialect of Kysely, and the scissors for all its connections. */
export interface CuttableDialect {
  readonly dialect: Dialect;
  /** Destroys every connection, whatever it is doing; new ones are made by themselves. */
  readonly cut: () => void;
  /** Destroys them for good, also those that are being made. */
  readonly end: () => void;
}

export interface DialectSettings {
  readonly address: ServerAddress;
  readonly isReadOnly: boolean;
  readonly connections: number;
}
