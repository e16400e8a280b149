import { z } from "zod";
import { localDay } from "../../model/local-time.ts";
import { type Session, type SessionFlag, sessionSchema } from "../../model/session.ts";
import { createBreather } from "../tables/breathe.ts";
import { wallClock } from "../tables/wall-clock.ts";
import type { PaymentsTable, TariffsTable } from "../store/tables.ts";
import type { ImportRemark, ImportRemarkCode } from "./answers.ts";
import { roundTo } from "./rounding.ts";
import { uuidOf } from "./session-id.ts";

/*
 * The rows of an `energySession` / `tarif` / `versement` database as our records (facts openevse-h2v-sessions 1.3), and what
 * that logger's mistakes look like in them (1.6). Its unit of energy is the watt second, of time the unix second; `tstamp` is
 * when the row was written, which is when charging ended.
 */

/** A whole number as any driver gives it: number, bigint or text. */
const whole = z
  .union([z.number(), z.bigint(), z.string().regex(/^\s*-?\d{1,15}(\.0+)?\s*$/)])
  .transform(Number)
  .pipe(z.number().int());
const decimal = z
  .union([z.number(), z.string().regex(/^\s*-?\d{1,9}(\.\d{1,9})?\s*$/)])
  .transform(Number)
  .pipe(z.number());
/** Before that there was no such logger; and the year 2100. */
const instantS = whole.pipe(z.number().min(1_262_304_000).max(4_102_444_800));
const rowId = whole.pipe(z.number().min(0));

const energySessionRow = z.object({
  id: rowId,
  tstamp: instantS,
  value: whole.pipe(z.number().max(4_294_967_295)),
  sdur: whole.pipe(z.number().min(0).max(4_294_967_295)),
  carid: whole.nullish(),
  tarifid: whole.nullish(),
});
export type LoggerSession = z.output<typeof energySessionRow>;
const tarifRow = z.object({
  id: rowId,
  dateA: instantS,
  value: decimal.pipe(z.number().min(-10).max(10)),
  status: whole.nullish(),
});
const versementRow = z.object({
  id: rowId,
  dateV: instantS,
  value: decimal.pipe(z.number().min(-1000).max(1000)),
  carid: whole.nullish(),
});

/** OpenEVSE at its largest, 80 A at 240 V, with some room, W. */
const MOST_W = 25_000;
/** A duration that long means that the logger had not seen the start, and counted from 1970, s. */
const LONGEST_S = 366 * 86_400;
/** So many rows in a line must rise like a lifetime meter before they are taken for one. */
const METER_RUN = 4;

/** What an import needs to know beside the rows. */
export interface ImportSettings {
  readonly device: string;
  readonly vehicle: string | null;
  readonly currency: string;
  readonly zone: string;
}

export interface ReadRow<Row> {
  /** its place in the list, from 1 */
  readonly row: number;
  readonly content: Row;
}
export interface ReadRows<Row> {
  readonly rows: readonly ReadRow<Row>[];
  readonly remarks: readonly ImportRemark[];
}

/** Good rows, and a remark for each that is not; one bad row spoils no other. */
export const readLoggerSessions = (rows: readonly unknown[]): Promise<ReadRows<LoggerSession>> =>
  readRows("energySession", energySessionRow, rows);
export const readLoggerTariffs = (rows: readonly unknown[]): Promise<ReadRows<z.output<typeof tarifRow>>> =>
  readRows("tarif", tarifRow, rows);
export const readLoggerPayments = (rows: readonly unknown[]): Promise<ReadRows<z.output<typeof versementRow>>> =>
  readRows("versement", versementRow, rows);

async function readRows<Row extends { readonly id: number }>(
  table: ImportRemark["table"],
  schema: z.ZodType<Row>,
  candidates: readonly unknown[],
): Promise<ReadRows<Row>> {
  const breathe = createBreather();
  const seen = new Set<number>();
  const rows: ReadRow<Row>[] = [];
  const remarks: ImportRemark[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const parsed = schema.safeParse(candidate);
    const row = index + 1;
    await breathe();
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const text = `${issue?.path.join(".") || "the row"}: ${issue?.message ?? "not readable"}`;
      remarks.push(remark(table, row, idOf(candidate), "unreadable", text));
    } else if (seen.has(parsed.data.id)) {
      remarks.push(remark(table, row, String(parsed.data.id), "twice", "a row with this id stands further up"));
    } else {
      seen.add(parsed.data.id);
      rows.push({ row, content: parsed.data });
    }
  }
  return { rows, remarks };
}

function idOf(candidate: unknown): string | null {
  if (typeof candidate !== "object" || candidate === null || !("id" in candidate)) return null;
  const { id } = candidate;
  return typeof id === "string" || typeof id === "number" || typeof id === "bigint" ? String(id).slice(0, 40) : null;
}

export const remark = (
  table: ImportRemark["table"],
  row: number,
  id: string | null,
  code: ImportRemarkCode,
  text: string,
): ImportRemark => ({ table, row, id, isLeftOut: !KEPT.has(code), code, text });
const KEPT: ReadonlySet<ImportRemarkCode> = new Set(["unknown-duration", "unknown-tariff"]);

/**
 * Rows in which the logger wrote the charger's lifetime meter, in Wh, where it meant the session's watt seconds (firmware from
 * 2.7.6 on). Such rows rise, each by about what its session can have charged in Wh; real sessions do not.
 */
export function findMeterRows(rows: readonly ReadRow<LoggerSession>[]): ReadonlySet<number> {
  const ordered = rows.toSorted((a, b) => a.content.tstamp - b.content.tstamp);
  const found = new Set<number>();
  let run: ReadRow<LoggerSession>[] = [];
  const endRun = (): void => {
    if (run.length >= METER_RUN) for (const { row } of run) found.add(row);
  };
  for (const each of ordered) {
    const before = run.at(-1);
    if (before === undefined || !risesLikeMeter(before.content, each.content)) {
      endRun();
      run = [];
    }
    run.push(each);
  }
  endRun();
  return found;
}

const risesLikeMeter = (before: LoggerSession, now: LoggerSession): boolean => {
  const risenWh = now.value - before.value;
  return risenWh > 0 && risenWh <= (MOST_W * now.sdur) / 3600 && now.sdur <= LONGEST_S;
};

/** Why a session is left out; null = it is a session. */
export function refusalOf(
  { row, content }: ReadRow<LoggerSession>,
  meterRows: ReadonlySet<number>,
): ImportRemark | null {
  const { id, value, sdur } = content;
  const refuse = (code: ImportRemarkCode, text: string): ImportRemark =>
    remark("energySession", row, String(id), code, text);
  if (value <= 0) return refuse("no-energy", "no energy");
  if (meterRows.has(row)) {
    return refuse("lifetime-meter", "this is the charger's lifetime meter, not the energy of a session");
  }
  const energyWh = value / 3600;
  const kw = Math.round((energyWh / Math.max(sdur, 1)) * 3.6);
  if (sdur <= LONGEST_S && energyWh > (MOST_W * Math.max(sdur, 1)) / 3600) {
    return refuse("too-much-power", `${Math.round(energyWh)} Wh in ${sdur} s would be ${kw} kW: energy counted twice`);
  }
  return null;
}

/** Every session of the logger is one charge, from start to end; what stood before and after it is not known. */
export function toImportedSession(
  content: LoggerSession,
  tariff: TariffsTable | null,
  { device, vehicle, zone }: ImportSettings,
): Session {
  const isDurationKnown = content.sdur <= LONGEST_S;
  const chargingS = isDurationKnown ? content.sdur : 0;
  const energyWh = content.value / 3600;
  const end = wallClock(content.tstamp * 1000, zone).iso;
  const start = wallClock((content.tstamp - chargingS) * 1000, zone).iso;
  const flags: SessionFlag[] = isDurationKnown ? ["imported"] : ["imported", "partial-start"];
  return {
    ...blankSession,
    sessionId: importedSessionId(device, content.id),
    device,
    zone,
    pluggedAt: start,
    unpluggedAt: end,
    chargeStartedAt: start,
    chargeEndedAt: end,
    pluggedS: chargingS,
    chargingS,
    segments: [{ start, end, energyWh, dischargedWh: 0, endReason: null }],
    energyWh,
    averagePowerW: chargingS > 0 ? roundTo((energyWh / chargingS) * 3600, 1) : null,
    ...(tariff === null ? {} : priceOf(tariff, energyWh, start, end)),
    vehicle: vehicleOf(vehicle, content.carid ?? 1),
    flags,
  };
}

const blankSession: Session = sessionSchema.parse({
  kind: "session",
  sessionId: "00000000-0000-5000-8000-000000000000",
  revision: 1,
  status: "closed",
  device: "none",
  zone: "UTC",
  pluggedAt: "1970-01-01T00:00:00Z",
  pluggedS: 0,
  chargingS: 0,
  pausedS: 0,
  energyWh: 0,
  energySource: "imported",
  endReason: "unknown",
});

const priceOf = (
  { id, name, price_per_kwh: pricePerKwh, currency }: TariffsTable,
  energyWh: number,
  start: string,
  end: string,
): Partial<Session> => ({
  cost: roundTo((energyWh / 1000) * pricePerKwh, 6),
  currency,
  pricePerKwh,
  tariff: name ?? id,
  tariffSlots: [{ start, end, energyWh, pricePerKwh }],
});

/** The logger's own page knows only car 1. */
const vehicleOf = (vehicle: string | null, carid: number): string | null =>
  carid === 1 ? vehicle : `${vehicle ?? "car"} ${carid}`.slice(0, 200);

export const importedSessionId = (device: string, id: number): string => uuidOf("energySession", device, id);
export const importedTariffId = (device: string, id: number): string => uuidOf("tarif", device, id);

export const toImportedTariff = (
  content: z.output<typeof tarifRow>,
  { device, currency }: ImportSettings,
): TariffsTable => ({
  id: importedTariffId(device, content.id),
  valid_from_ms: content.dateA * 1000,
  price_per_kwh: content.value,
  currency,
  name: `tarif ${content.id}`,
  is_active: content.status === 1 ? 1 : 0,
});

export const toImportedPayment = (
  content: z.output<typeof versementRow>,
  { device, vehicle, currency, zone }: ImportSettings,
): PaymentsTable => ({
  id: uuidOf("versement", device, content.id),
  paid_at_ms: content.dateV * 1000,
  local_day: localDay(content.dateV * 1000, zone),
  amount: content.value,
  currency,
  vehicle: vehicleOf(vehicle, content.carid ?? 1),
  user_name: null,
  note: null,
});
