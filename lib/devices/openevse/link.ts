import type { EvError } from "../../model/errors.ts";
import type { Announcement, ChargerConfig, ClaimHolders } from "./documents.ts";
import type { Order } from "./orders.ts";
import type { RawValue } from "./wire.ts";

/** What a link tells the charger's other half. */
export interface LinkEvents {
  /** One key of those in `wire.ts` or `documents.ts`, or a stranger. */
  heard(key: string, raw: RawValue, isRetained: boolean): void;
  announced(announcement: Announcement, isRetained: boolean): void;
  /** The module itself, or the broker for it, says that it is there or gone. */
  presence(isConnected: boolean, isRetained: boolean): void;
  /** Connected: from now on news will come. */
  up(): void;
  down(error: EvError): void;
}

/** A way to one OpenEVSE. */
export interface OpenevseLink {
  readonly kind: "mqtt" | "http" | "fed";
  readonly isUp: boolean;
  /**
   * Sends now or not at all. That it was sent says nothing of whether it was obeyed.
   *
   * @throws EvError `unreachable`, `timeout`, `refused`, `auth`, `unsupported`, `closed`
   */
  send(order: Order, config: ChargerConfig | undefined, isUrgent: boolean): Promise<void>;
  /**
   * Asks the controller and returns its answer. One at a time: answers do not say to what.
   *
   * @throws EvError also `timeout` when it does not answer
   */
  askRapi(text: string, isUrgent: boolean): Promise<string>;
  /** Reads now, where that can be asked for; else it waits for what comes. */
  look(): Promise<void>;
  /** Who decides, where that can be asked. */
  readHolders(): Promise<ClaimHolders | null>;
  close(): Promise<void>;
}
