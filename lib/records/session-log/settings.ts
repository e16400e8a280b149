import type { sessionLocations, sessionPurposes } from "../../model/session.ts";
import type { DetectorSettings } from "../session/detected.ts";
import type { PriceBook } from "./price-book.ts";

export type Purpose = (typeof sessionPurposes)[number];
export type Location = (typeof sessionLocations)[number];

/** What is known beforehand of whoever charges at a charger. */
export interface DeviceDefaults {
  /** null = every charger that has no line of its own */
  readonly device: string | null;
  readonly vehicle: string | null;
  readonly user: string | null;
  readonly purpose: Purpose | null;
  /** share that is business, 0 to 1 */
  readonly businessRatio: number | null;
  readonly location: Location | null;
  /** A plug behind a `meter` of role `evse`, with no charger that could speak for itself. */
  readonly isMeteredPlug: boolean;
}

/** Whose card it is. */
export interface TagOwner {
  readonly rfid: string;
  readonly user: string | null;
  readonly vehicle: string | null;
  readonly purpose: Purpose | null;
}

export interface MoneySettings {
  /** ISO 4217; null = money is not counted */
  readonly currency: string | null;
  /** In force as long as no `prices` record has come. */
  readonly fixedPricePerKwh: number | null;
  /** A flat price to compare with, or to be refunded at. */
  readonly referencePricePerKwh: number | null;
  /** What the own sun would earn where `prices` says nothing; null = it costs what the grid costs */
  readonly feedInPerKwh: number | null;
}

export interface LogSettings {
  /** Keeps the states of several logs in one store apart. */
  readonly logId: string;
  /** IANA */
  readonly zone: string;
  readonly money: MoneySettings;
  /** Longest time between two stored versions of an open session whose energy grows, s. */
  readonly updateIntervalS: number;
  /** Whether plugging in without charging leaves a session of 0 kWh. */
  readonly keepsEmpty: boolean;
  /** A meter that was silent for longer is not believed, s. */
  readonly meterStaleAfterS: number;
  readonly devices: readonly DeviceDefaults[];
  readonly tags: readonly TagOwner[];
  readonly detector: DetectorSettings;
}

/**
 * What a session is counted by: today's settings and prices while it is open, those of its end ever after. Whoever corrects
 * a closed session months later, with another tariff in the dialog, gets the old cost.
 */
export interface Terms {
  /** IANA */
  readonly zone: string;
  readonly money: MoneySettings;
  readonly defaults: DeviceDefaults | null;
  /** of the card that was shown */
  readonly owner: TagOwner | null;
  /** Prices while the session lasted; null = no `prices` record had come, the fixed price rules. */
  readonly prices: PriceBook | null;
}
