import type { Cell } from "../tables/csv.ts";
import type { ColumnKind } from "../tables/table.ts";
import type { PaymentRow, RevisionRow, SessionRow, SumRow, TariffRow, VerifyRow } from "./answers.ts";

/* The columns of every list, in the order in which files have them. */

export interface Column<Row> {
  /** name of its title in the locale files, `column.<name>` */
  readonly name: string;
  /** the field of the row that it shows; null = worked out, and only in files */
  readonly field: (keyof Row & string) | null;
  readonly kind: ColumnKind;
  readonly read: (row: Row) => Cell;
  /** what the last row shows; missing = nothing */
  readonly total?: (totals: SumRow) => Cell;
}

/** A column that shows a field as it is. */
const show = <Row>(
  field: keyof Row & string,
  kind: ColumnKind,
  total?: keyof SumRow,
  name: string = field,
): Column<Row> => ({
  name,
  field,
  kind,
  read: (row) => toCell(row[field]),
  ...(total === undefined ? {} : { total: (totals) => toCell(totals[total]) }),
});

function toCell(field: unknown): Cell {
  if (typeof field === "boolean") return field ? "1" : "0";
  return typeof field === "number" || typeof field === "string" ? field : null;
}

/** With its letters, or the sign in front would make it look like a formula. */
const offsetOf = (iso: string): string => `UTC${iso.slice(-6)}`;

export const SESSION_COLUMNS: readonly Column<SessionRow>[] = [
  show("start", "time"),
  show("end", "time"),
  { name: "utcOffset", field: null, kind: "text", read: (row) => offsetOf(row.pluggedAt) },
  show("device", "text"),
  show("vehicle", "text"),
  show("user", "text"),
  show("rfid", "text"),
  show("energyKwh", "number", "energyKwh"),
  show("dischargedKwh", "number", "dischargedKwh"),
  show("chargingMin", "number", "chargingMin"),
  show("pluggedMin", "number"),
  show("meterStartKwh", "number"),
  show("meterEndKwh", "number"),
  show("solarPercent", "number", "solarPercent"),
  show("cost", "number", "cost"),
  show("unpricedKwh", "number", "unpricedKwh"),
  show("currency", "text", "currency"),
  show("pricePerKwh", "number", "pricePerKwh"),
  show("tariff", "text"),
  show("referenceCost", "number", "referenceCost"),
  show("co2G", "number", "co2G"),
  show("odometerKm", "number"),
  show("socStartPercent", "number"),
  show("socEndPercent", "number"),
  show("purpose", "text"),
  show("businessRatio", "number"),
  show("location", "text"),
  show("note", "text"),
  show("endReason", "text"),
  show("flags", "text"),
  show("status", "text"),
  show("revision", "number"),
  show("sessionId", "text"),
];

const SUM_FIELDS = [
  "sessions",
  "energyKwh",
  "dischargedKwh",
  "chargingMin",
  "solarKwh",
  "solarPercent",
  "cost",
  "pricePerKwh",
  "referenceCost",
  "businessKwh",
  "businessCost",
  "co2G",
  "unpricedKwh",
] as const satisfies readonly (keyof SumRow)[];

/** @param name what the first column is: `day`, `month`, `year`, `vehicle`, ... */
export const sumColumns = (name: string): readonly Column<SumRow>[] => [
  show("period", name === "day" ? "day" : "text", undefined, name),
  ...SUM_FIELDS.map((field) => show<SumRow>(field, "number", field)),
  show("currency", "text", "currency"),
  // only where one sum would mix several
  { name: "costs", field: null, kind: "text", read: costsText },
];

function costsText({ costs }: SumRow): string | null {
  return costs.length < 2 ? null : costs.map(({ cost, currency }) => `${cost} ${currency ?? "?"}`).join(" + ");
}

/** One line of the account: what is due, what was paid, what remains. */
export interface AccountLine extends Omit<PaymentRow, "id" | "day"> {
  readonly day: string | null;
  /** in the node's language */
  readonly entry: string;
}

export const ACCOUNT_COLUMNS: readonly Column<AccountLine>[] = [
  show("day", "day"),
  show("entry", "text"),
  show("amount", "number"),
  show("currency", "text"),
  show("vehicle", "text"),
  show("user", "text"),
  show("note", "text"),
];

export const TARIFF_COLUMNS: readonly Column<TariffRow>[] = [
  show("from", "day", undefined, "validFrom"),
  show("pricePerKwh", "number"),
  show("currency", "text"),
  show("name", "text"),
  show("isActive", "text"),
];

export const REVISION_COLUMNS: readonly Column<RevisionRow>[] = [
  show("revision", "number"),
  show("recordedAt", "text"),
  show("reason", "text"),
  show("author", "text"),
  show("changed", "text"),
  show("hash", "text"),
];

export const VERIFY_COLUMNS: readonly Column<VerifyRow>[] = [
  show("device", "text"),
  show("revisions", "number"),
  show("isIntact", "text"),
  show("why", "text"),
  show("sessionId", "text"),
  show("revision", "number"),
];
