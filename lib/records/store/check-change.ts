import { z } from "zod";
import { EvError } from "../../model/errors.ts";
import { sessionSchema } from "../../model/session.ts";
import type { StoreChange } from "./store.ts";
import type { ReadingsTable } from "./tables.ts";

/*
 * Whatever the caller did, what is stored fits the schema and every database: no NUL, no lone surrogates, no infinite numbers,
 * no text that is longer than its column.
 */

const finite = z.number();
const nullable = finite.nullable();
const id = z.string().min(1).max(100);
const name = z.string().max(200).nullable();
const currency = z.string().regex(/^[A-Z]{3}$/);
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);
const instant = z.number().int();

const changeSchema = z.object({
  sessions: z
    .array(
      z.object({
        session: sessionSchema,
        reason: z.enum(["detected", "corrected", "edited", "deleted", "manual", "imported"]),
        author: name.optional(),
        expectedRevision: z.number().int().positive().optional(),
      }),
    )
    .optional(),
  tariffs: z
    .array(
      z.object({
        id,
        valid_from_ms: instant,
        price_per_kwh: finite,
        currency,
        name,
        is_active: z.number().int().min(0).max(1),
      }),
    )
    .optional(),
  payments: z
    .array(
      z.object({
        id,
        paid_at_ms: instant,
        local_day: day,
        amount: finite,
        currency,
        vehicle: name,
        user_name: name,
        note: z.string().max(2000).nullable(),
      }),
    )
    .optional(),
  removedPaymentIds: z.array(id).optional(),
  removedTariffIds: z.array(id).optional(),
  kept: z
    .array(z.object({ name: z.string().min(1).max(500), content: z.string().max(10_000_000).nullable() }))
    .optional(),
});

/** Sessions that are checked between two turns of the event loop. */
const AT_ONCE = 20;

/**
 * The change as JSON, as it may be stored.
 *
 * @throws EvError `out-of-range`, naming the field
 */
export async function checkChange(change: StoreChange): Promise<string> {
  const { sessions = [], ...rest } = change;
  const texts: string[] = [];
  for (let from = 0; from < sessions.length; from += AT_ONCE) {
    if (from > 0) await new Promise((resolve) => setImmediate(resolve));
    texts.push(...(read({ sessions: sessions.slice(from, from + AT_ONCE) }).sessions ?? []).map(plainJson));
  }
  const others = plainJson(read(rest));
  return others === "{}" ? `{"sessions":[${texts.join(",")}]}` : `{"sessions":[${texts.join(",")}],${others.slice(1)}`;
}

function read(change: StoreChange): z.output<typeof changeSchema> {
  const parsed = changeSchema.safeParse(change);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new EvError(
    "out-of-range",
    `Not stored, ${issue?.path.join(".") ?? "?"}: ${issue?.message ?? "not accepted"}.`,
  );
}

/** JSON writes NUL and lone surrogates, which not every database takes, as escapes: easy to find and to replace. */
const plainJson = (content: unknown): string =>
  JSON.stringify(content, (_key, field: unknown) =>
    typeof field === "string" ? field.toWellFormed().replaceAll("\0", "\uFFFD") : field,
  );

const readingSchema = z.object({
  device: z.string().min(1).max(200),
  channel: z.number().int().min(0).max(1_000_000),
  at_ms: instant,
  role: z.string().min(1).max(100),
  power_w: nullable,
  energy_wh: nullable,
  duration_s: nullable,
  import_wh: nullable,
  export_wh: nullable,
  local_day: day,
  local_month: z.string().regex(/^\d{4}-\d{2}$/),
});

const isKnown = (number: number | null): boolean => number === null || Number.isFinite(number);

/** A million rows pass here: the schema is asked only for the reason. @throws EvError `out-of-range` */
export function checkReading(row: ReadingsTable): void {
  const isFine =
    isPlain(row.device, 200) &&
    isPlain(row.role, 100) &&
    Number.isSafeInteger(row.channel) &&
    row.channel >= 0 &&
    row.channel <= 1_000_000 &&
    Number.isSafeInteger(row.at_ms) &&
    isKnown(row.power_w) &&
    isKnown(row.energy_wh) &&
    isKnown(row.duration_s) &&
    isKnown(row.import_wh) &&
    isKnown(row.export_wh) &&
    row.local_day.length === 10 &&
    row.local_month.length === 7;
  if (isFine) return;
  const issue = readingSchema.safeParse(row).error?.issues[0];
  throw new EvError(
    "out-of-range",
    `Reading not stored, ${issue?.path.join(".") ?? "text"}: ${issue?.message ?? "not accepted"}.`,
  );
}

const isPlain = (text: string, longest: number): boolean =>
  text.length > 0 && text.length <= longest && text.isWellFormed() && !text.includes("\0");
