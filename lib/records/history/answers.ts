import type { Session } from "../../model/session.ts";
import type { RevisionReason } from "../store/store.ts";

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
  /** of the energy whose source is known */
  readonly solarPercent: number | null;
  /** of the energy that had a price */
  readonly cost: number | null;
  /** energy that `cost` does not contain, because no price was known */
  readonly unpricedKwh: number;
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
  /** of the energy whose source is known */
  readonly solarPercent: number | null;
  /** null = no session had a price; see `unpricedKwh` */
  readonly cost: number | null;
  readonly referenceCost: number | null;
  readonly pricePerKwh: number | null;
  readonly businessKwh: number;
  readonly businessCost: number | null;
  readonly co2G: number | null;
  /** energy without a price, which `cost` does not contain: of whole sessions and of parts */
  readonly unpricedKwh: number;
  /** null = no price, or sessions of several currencies are in it; in that case `cost` is null and `costs` tells */
  readonly currency: string | null;
  /** what was paid in each currency; several are never added */
  readonly costs: readonly MoneySum[];
}

export interface MoneySum {
  readonly currency: string | null;
  readonly cost: number;
  /** the energy that it bought */
  readonly energyKwh: number;
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
  readonly currency: string;
  readonly due: number;
  readonly paid: number;
  /** due less paid; positive = still to be paid */
  readonly balance: number;
  readonly energyKwh: number;
  readonly unpricedKwh: number;
  /** newest first */
  readonly payments: readonly PaymentRow[];
  /** accounts in other currencies, which are never added to this one */
  readonly others: readonly Statement[];
}

/** One revision of one session: who changed what, and when. */
export interface RevisionRow {
  readonly sessionId: string;
  readonly revision: number;
  /** ISO 8601 with offset */
  readonly recordedAt: string;
  readonly reason: RevisionReason;
  readonly author: string | null;
  /** fields that differ from the revision before, joined by a blank */
  readonly changed: string;
  readonly hash: string;
  readonly session: Session;
}

/** Whether the records of one device are what was stored. */
export interface VerifyRow {
  readonly device: string;
  /** revisions that hold, counted from the first */
  readonly revisions: number;
  readonly isIntact: boolean;
  /** null = intact; else where it breaks: `missing`, `wrong-previous`, `changed`, `unreadable`, `table-differs` */
  readonly why: string | null;
  readonly sessionId: string | null;
  readonly revision: number | null;
}

/** A row of an import that was left out, or taken over with a remark. */
export interface ImportRemark {
  readonly table: "energySession" | "tarif" | "versement";
  /** its place in the list, from 1 */
  readonly row: number;
  /** its own `id`; null = it has none */
  readonly id: string | null;
  readonly isLeftOut: boolean;
  readonly code: ImportRemarkCode;
  /** in words, in English */
  readonly text: string;
}

export const importRemarkCodes = [
  "unreadable",
  "twice",
  "no-energy",
  "lifetime-meter",
  "too-much-power",
  "unknown-duration",
  "unknown-tariff",
] as const;
export type ImportRemarkCode = (typeof importRemarkCodes)[number];

export interface ImportReport {
  /** now in the store, new or already there unchanged */
  readonly sessions: number;
  readonly tariffs: number;
  readonly payments: number;
  /** of those sessions: already there, because they were imported before */
  readonly alreadyThere: number;
  /** imported earlier and since then edited or deleted by somebody: left as they are */
  readonly leftAsEdited: number;
  readonly energyKwh: number;
  readonly remarks: readonly ImportRemark[];
}

/** What `price` has done. */
export interface PricingReport {
  /** sessions of which nothing is without a price any more */
  readonly priced: number;
  /** the energy that got a price */
  readonly energyKwh: number;
  /** sessions that stay without a price, or partly so, because no tariff (in their currency) was in force when they began */
  readonly withoutTariff: number;
}

/** One column of the rows, for tables. */
export interface AnswerColumn {
  readonly key: string;
  readonly title: string;
}

/** What a message of `ev-history` carries beside the payload. */
export interface HistoryAnswer {
  /** rows; a `Statement`; for csv and json files a string; for xlsx a Buffer */
  readonly payload: unknown;
  /** the command that this answers */
  readonly command: string;
  /** what the columns of the rows are called in the node's language */
  readonly columns?: readonly AnswerColumn[];
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
