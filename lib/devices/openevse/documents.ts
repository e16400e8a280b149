import { z } from "zod";
import type { ScheduleEvent } from "../../model/commands.ts";
import type { RawValue } from "./wire.ts";

/*
 * The JSON documents of an OpenEVSE (fact sheet openevse-h2v-sessions 3.1, 3.4, 4.2 to 4.5): retained topics, or replies of the
 * HTTP API. "None" has several shapes, among them the text "null"; all of them become null here.
 */

const amps = z.coerce.number().min(0).max(100);

/** What somebody wants of the charger: an override or a claim. */
const propertiesSchema = z.object({
  state: z.enum(["active", "disabled"]).optional(),
  charge_current: amps.optional(),
  max_current: amps.optional(),
  auto_release: z.boolean().optional(),
});
export type Properties = z.output<typeof propertiesSchema>;

export const limitTypes = ["time", "energy", "soc", "range"] as const;
/** `time` min of charging, `energy` Wh, `soc` %, all since the car was plugged in. */
const limitSchema = z.object({
  type: z.enum(limitTypes),
  value: z.number().positive().max(1e7),
  auto_release: z.boolean().optional(),
});
export type SessionLimit = z.output<typeof limitSchema>;

const scheduleSchema = z
  .array(
    z.object({
      id: z.number().int().min(0).max(65_535),
      state: z.enum(["active", "disabled"]),
      time: z.string().max(20),
      days: z.array(z.string().max(20)).max(7),
    }),
  )
  .max(50);
export type HeldEvent = z.output<typeof scheduleSchema>[number];

const topic = z.string().max(200).optional().catch(undefined);
/** The few settings of the charger that matter to us. */
const configSchema = z.object({
  version: z.string().max(60).optional().catch(undefined),
  firmware: z.string().max(60).optional().catch(undefined),
  wifi_serial: z.string().max(40).optional().catch(undefined),
  min_current_hard: z.number().min(1).max(100).optional().catch(undefined),
  max_current_soft: z.number().min(1).max(100).optional().catch(undefined),
  max_current_hard: z.number().min(1).max(100).optional().catch(undefined),
  is_threephase: z.boolean().optional().catch(undefined),
  divert_type: z.number().optional().catch(undefined),
  mqtt_solar: topic,
  mqtt_grid_ie: topic,
  mqtt_vrms: topic,
  mqtt_live_pwr: topic,
  mqtt_vehicle_soc: topic,
  mqtt_vehicle_range: topic,
});
export type ChargerConfig = z.output<typeof configSchema>;

const announceSchema = z.object({
  state: z.enum(["connected", "disconnected"]),
  id: z.string().min(1).max(40),
  name: z.string().max(100).optional(),
  mqtt: z.string().max(200).optional(),
  http: z.string().max(200).optional(),
});
export type Announcement = z.output<typeof announceSchema>;

/** Which claim decides each property: client numbers (fact sheet 4.5). */
const targetSchema = z.object({ claims: z.record(z.string(), z.number()).default({}) });
export type ClaimHolders = z.output<typeof targetSchema>["claims"];

/** An object or array from JSON text or already parsed; undefined when it is neither. */
export function readJson(raw: RawValue): object | undefined {
  if (typeof raw === "object" && raw !== null) return raw;
  if (typeof raw !== "string" || !/^\s*[[{]/.test(raw)) return undefined;
  try {
    const parsed: unknown = JSON.parse(raw);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** null = none in force; undefined = not a document. */
function read<Schema extends z.ZodType>(
  schema: Schema,
  raw: RawValue,
  isNone: (document: Readonly<Record<string, unknown>>) => boolean,
): z.output<Schema> | null | undefined {
  const document = readJson(raw);
  if (document === undefined || Array.isArray(document)) return undefined;
  if (Object.keys(document).length === 0 || isNone(document as Readonly<Record<string, unknown>>)) return null;
  const parsed = schema.safeParse(document);
  return parsed.success ? parsed.data : undefined;
}

export const readProperties = (raw: RawValue): Properties | null | undefined =>
  read(propertiesSchema, raw, ({ state }) => state === "null" || state === null);

/** The topic `limit` also carries `true` and `false`, which are no documents. */
export const readLimit = (raw: RawValue): SessionLimit | null | undefined =>
  read(limitSchema, raw, ({ state, type }) => state === "null" || type === "none");

export const readConfigDocument = (raw: RawValue): ChargerConfig | undefined =>
  read(configSchema, raw, () => false) ?? undefined;
export const readAnnouncement = (raw: RawValue): Announcement | undefined =>
  read(announceSchema, raw, () => false) ?? undefined;
export const readHolders = (raw: RawValue): ClaimHolders | undefined => read(targetSchema, raw, () => false)?.claims;

/** Events as the charger holds them; an empty list when it holds none. */
export function readSchedule(raw: RawValue): readonly HeldEvent[] | undefined {
  const document = readJson(raw);
  if (document === undefined) return undefined;
  if (!Array.isArray(document)) return "state" in document ? [] : undefined;
  const parsed = scheduleSchema.safeParse(document);
  return parsed.success ? parsed.data.filter(({ id }) => id > 0) : undefined;
}

/** Whether the charger holds this event, however it writes the time and orders the days. */
export function holdsEvent(held: readonly HeldEvent[], wanted: ScheduleEvent): boolean {
  const found = held.find(({ id }) => id === wanted.id);
  return (
    found !== undefined &&
    found.state === wanted.state &&
    wholeTime(found.time) === wholeTime(wanted.time) &&
    [...found.days].sort().join() === [...wanted.days].sort().join()
  );
}

/** `7:05` and `07:05:00` are the same. */
const wholeTime = (time: string): string =>
  time
    .split(":")
    .concat("00")
    .slice(0, 3)
    .map((part) => part.padStart(2, "0"))
    .join(":");
