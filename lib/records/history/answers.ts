import type { Session } from "../../model/session.ts";

/*
 * What `ev-history` answers: `msg.payload` is the rows (or the file's content), the rest stands beside it. Energies in kWh,
 * because people read them; money in `currency`; times local to the site.
 */

/** One session as a table shows it. */
export interface SessionRow {
  readonly sessionId: string;
  readonly status: "open" | "closed";
  readonly device: string;
  /** `YYYY-MM-DD HH:MM:SS`, local to the site; the offset stands in `pluggedAt` */
  readonly start: string;
  readonly end: string | null;
  /** ISO 8601 with offset */
  readonly pluggedAt: string;
  readonly unpluggedAt: string | null;
  readonly energyKwh: number;
  readonly dischargedKwh: number;
  readonly chargingMin: number;
  readonly pluggedMin: number;
  readonly meterStartKwh: number | null;
  readonly meterEndKwh: number | null;
  readonly solarPercent: number | null;
  readonly cost: number | null;
  readonly currency: string | null;
  readonly pricePerKwh: number | null;
  readonly referenceCost: number | null;
  readonly co2G: number | null;
  readonly tariff: string | null;
  readonly vehicle: string | null;
  readonly user: string | null;
  readonly rfid: string | null;
  readonly odometerKm: number | null;
  readonly socStartPercent: number | null;
  readonly socEndPercent: number | null;
  readonly purpose: string | null;
  readonly businessRatio: number | null;
  readonly location: string | null;
  readonly note: string | null;
  readonly endReason: string | null;
  /** joined by a blank */
  readonly flags: string;
  readonly revision: number;
}

/** Sums over sessions: one row of days, months, years or totals. */
export interface SumRow {
  /** `2026-11-21`, `2026-11`, `2026`, the name of a vehicle, user or device; `""` = nobody, or all */
  readonly period: string;
  readonly sessions: number;
  readonly energyKwh: number;
  readonly dischargedKwh: number;
  readonly chargingMin: number;
  readonly solarKwh: number | null;
  /** of the sessions whose share is known */
  readonly solarPercent: number | null;
  /** null = no session had a price; see `unpricedKwh` */
  readonly cost: number | null;
  readonly referenceCost: number | null;
  readonly pricePerKwh: number | null;
  readonly businessKwh: number;
  readonly businessCost: number | null;
  readonly co2G: number | null;
  /** energy of sessions without a price, which `cost` does not contain */
  readonly unpricedKwh: number;
  /** null = sessions of several currencies are in it; `cost` is null then */
  readonly currency: string | null;
}

export interface PaymentRow {
  readonly id: string;
  readonly day: string;
  readonly amount: number;
  readonly currency: string;
  readonly vehicle: string | null;
  readonly user: string | null;
  readonly note: string | null;
}

export interface TariffRow {
  readonly id: string;
  readonly from: string;
  readonly pricePerKwh: number;
  readonly currency: string;
  readonly name: string | null;
  readonly isActive: boolean;
}

/** The account: what the sessions cost, what was paid. */
export interface Statement {
  readonly currency: string | null;
  readonly due: number;
  readonly paid: number;
  /** due less paid; positive = still to be paid */
  readonly balance: number;
  readonly energyKwh: number;
  readonly unpricedKwh: number;
  /** newest first */
  readonly payments: readonly PaymentRow[];
}

/** What a message of `ev-history` carries beside the payload. */
export interface HistoryAnswer {
  /** rows; a `Statement`; for csv and json files a string; for xlsx a Buffer */
  readonly payload: unknown;
  /** the command that this answers */
  readonly command: string;
  /** the sum over all rows of the request, not only of the page (`limit`) */
  readonly totals?: SumRow;
  /** how many sessions there are in all, for paging */
  readonly count?: number;
  /** of a file: plain name, no folder */
  readonly fileName?: string;
  /** of a file: its media type */
  readonly contentType?: string;
  /** after edit, add: the session as it is now */
  readonly session?: Session;
}
