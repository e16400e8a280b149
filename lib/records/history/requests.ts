import { z } from "zod";
import { sessionLocations, sessionPurposes } from "../../model/session.ts";
import { csvSeparators, decimalSigns } from "../tables/csv.ts";

/*
 * What `ev-history` understands. One word says what is wanted; objects are strict, a misspelt field is an error.
 */

const day = z.string().refine((text) => isDay(text), "a day such as 2026-11-01");
const withoutNul = (text: string): boolean => !text.includes("\0");
const name = z.string().trim().min(1).max(200).refine(withoutNul, "without NUL");
const note = (longest: number) => z.string().max(longest).refine(withoutNul, "without NUL");
const money = z.number().min(-1_000_000).max(1_000_000);
const currency = z.string().regex(/^[A-Z]{3}$/, "three capital letters such as GBP");

/** 2024-02-29 is a day, 2026-02-29 is none. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const instant = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(instant.getTime()) && instant.toISOString().startsWith(text);
}

/** Which sessions: all conditions together; none = all. Days are local to the site, both included. */
const filter = {
  from: day.optional(),
  to: day.optional(),
  year: z.number().int().min(1970).max(2200).optional(),
  /** 1 to 12, of `year` */
  month: z.number().int().min(1).max(12).optional(),
  device: name.optional(),
  vehicle: name.optional(),
  user: name.optional(),
  purpose: z.enum(sessionPurposes).optional(),
  /** sessions of less energy are left out */
  minEnergyWh: z.number().min(0).max(1_000_000).optional(),
};

/** How a list leaves the node. */
const layout = {
  format: z.enum(["rows", "csv", "xlsx", "json"]).default("rows"),
  /** of a file: a name, made plain and safe; missing = made from the period */
  fileName: z.string().min(1).max(200).optional(),
  separator: z.enum(csvSeparators).optional(),
  decimalSign: z.enum(decimalSigns).optional(),
  /** byte order mark, which Excel needs to know UTF-8 */
  bom: z.boolean().optional(),
};

const edits = {
  vehicle: name.nullable().optional(),
  user: name.nullable().optional(),
  odometerKm: z.number().min(0).max(10_000_000).nullable().optional(),
  purpose: z.enum(sessionPurposes).nullable().optional(),
  businessRatio: z.number().min(0).max(1).nullable().optional(),
  location: z.enum(sessionLocations).nullable().optional(),
  note: note(2000).nullable().optional(),
};

export const historyRequestSchema = z.discriminatedUnion("command", [
  /** Newest first. As rows at most 1000 unless `limit` says otherwise; files hold all. */
  z.strictObject({
    command: z.literal("sessions"),
    ...filter,
    ...layout,
    limit: z.number().int().min(1).max(100_000).optional(),
    offset: z.number().int().min(0).max(10_000_000).optional(),
  }),
  /** one row per local day, month or year, the oldest first */
  z.strictObject({ command: z.literal("days"), ...filter, ...layout }),
  z.strictObject({ command: z.literal("months"), ...filter, ...layout }),
  z.strictObject({ command: z.literal("years"), ...filter, ...layout }),
  /** one row in all, or one per vehicle, user or charger */
  z.strictObject({
    command: z.literal("totals"),
    by: z.enum(["vehicle", "user", "device", "purpose"]).optional(),
    ...filter,
    ...layout,
  }),
  /** due, paid, balance; with the payments */
  z.strictObject({
    command: z.literal("statement"),
    vehicle: name.optional(),
    user: name.optional(),
    from: day.optional(),
    to: day.optional(),
    ...layout,
  }),
  z.strictObject({ command: z.literal("tariffs"), ...layout }),
  /** every revision of one session, oldest first */
  z.strictObject({ command: z.literal("revisions"), sessionId: z.uuid() }),
  /** recomputes the hash chain */
  z.strictObject({ command: z.literal("verify"), device: name.optional() }),

  z.strictObject({ command: z.literal("edit"), sessionId: z.uuid(), ...edits, author: name.optional() }),
  z.strictObject({ command: z.literal("delete"), sessionId: z.uuid(), author: name.optional() }),
  /** a charge that no device reported, for example at a public charge point */
  z.strictObject({
    command: z.literal("add"),
    pluggedAt: z.iso.datetime({ offset: true }),
    unpluggedAt: z.iso.datetime({ offset: true }),
    energyWh: z.number().positive().max(1_000_000),
    device: name.default("manual"),
    cost: money.optional(),
    currency: currency.optional(),
    socStartPercent: z.number().min(0).max(100).optional(),
    socEndPercent: z.number().min(0).max(100).optional(),
    ...edits,
    author: name.optional(),
  }),
  z.strictObject({
    command: z.literal("add-payment"),
    day,
    amount: money,
    currency: currency.optional(),
    vehicle: name.optional(),
    user: name.optional(),
    note: note(500).optional(),
  }),
  z.strictObject({ command: z.literal("remove-payment"), id: z.string().min(1).max(100) }),
  z.strictObject({
    command: z.literal("add-tariff"),
    from: day,
    pricePerKwh: z.number().min(-100).max(1000),
    currency: currency.optional(),
    name: name.optional(),
  }),
  /** Gives sessions without a price one by the tariff in force when they began; those with a price keep it. */
  z.strictObject({ command: z.literal("price"), ...filter, author: name.optional() }),
  z.strictObject({ command: z.literal("remove-tariff"), id: z.string().min(1).max(100) }),
  /**
   * Takes over an `energySession` / `tarif` / `versement` database (facts openevse-h2v-sessions 1.3): the rows of its tables
   * as a database node reads them. A bad row spoils no other. Safe to repeat.
   */
  z.strictObject({
    command: z.literal("import"),
    device: name,
    vehicle: name.optional(),
    currency,
    energySession: z.array(z.unknown()).max(200_000).default([]),
    tarif: z.array(z.unknown()).max(10_000).default([]),
    versement: z.array(z.unknown()).max(100_000).default([]),
  }),
]);
export type HistoryRequest = z.output<typeof historyRequestSchema>;
export type HistoryCommand = HistoryRequest["command"];
/** The request of one command. */
export type RequestOf<Command extends HistoryCommand> = Extract<HistoryRequest, { command: Command }>;

/** Which sessions; see the fields of `filter` above. */
export type SessionFilter = Partial<
  Pick<
    RequestOf<"sessions">,
    "from" | "to" | "year" | "month" | "device" | "vehicle" | "user" | "purpose" | "minEnergyWh"
  >
>;
export type Layout = Pick<RequestOf<"sessions">, "format" | "fileName" | "separator" | "decimalSign" | "bom">;

const CHANGES: ReadonlySet<HistoryCommand> = new Set([
  "edit",
  "delete",
  "add",
  "add-payment",
  "remove-payment",
  "add-tariff",
  "remove-tariff",
  "price",
  "import",
] satisfies HistoryCommand[]);

/** Whether a request alters what is stored. */
export const isChange = ({ command }: Pick<HistoryRequest, "command">): boolean => CHANGES.has(command);
