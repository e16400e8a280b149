import { z } from "zod";
import { sessionSchema } from "./session.ts";

/*
 * The vocabulary: everything that flows in `msg.payload` between our nodes. One declaration gives the TypeScript type,
 * the runtime check and the JSON Schema. Power and current are positive into the car or out of the grid, negative out
 * of the car or into the grid. An unknown measurement is `null`, never 0; missing and `null` mean the same.
 */

/** ISO 8601 with offset. */
const isoTime = z.iso.datetime({ offset: true });
const nullableNumber = z.number().nullable().default(null);
const percent = z.number().min(0).max(100).nullable().default(null);

export const chargerStates = ["unplugged", "plugged", "charging", "discharging", "paused", "fault", "unknown"] as const;
export type ChargerState = (typeof chargerStates)[number];

/** What is known of a charger's energy counters. */
const countersSchema = z.object({
  /** when `sessionWh` goes back to 0; `never`: it counts on over all cars (a metered plug); null = unknown */
  sessionResets: z.enum(["at-unplug", "at-plug", "never"]).nullable().default(null),
  /** `at-unplug`: `totalWh` stands still while charging and jumps after the car has left */
  totalGrows: z.enum(["continuously", "at-unplug"]).nullable().default(null),
});

/** One charger at one instant. */
export const chargerSchema = z.object({
  kind: z.literal("charger"),
  device: z.string().min(1).max(200),
  at: isoTime,
  online: z.boolean(),
  /** null = the charger cannot tell */
  plugged: z.boolean().nullable().default(null),
  state: z.enum(chargerStates),
  /** AC side, W */
  powerW: nullableNumber,
  currentA: nullableNumber,
  voltageV: nullableNumber,
  phases: z.number().int().min(1).max(3).default(1),
  /** what the charger was last told and has confirmed, A */
  setpointA: nullableNumber,
  limits: z
    .object({
      /** smallest current that flows at all, A, either direction */
      minA: z.number().nonnegative(),
      maxA: z.number().nonnegative(),
      /** 0 for a charge-only box */
      maxDischargeA: z.number().nonnegative(),
    })
    .nullable()
    .default(null),
  /** into the car since it was plugged in, Wh */
  sessionWh: nullableNumber,
  totalWh: nullableNumber,
  /** how the two counters behave, where that is known; finding sessions depends on it */
  counters: countersSchema.optional(),
  /** seconds of charging since it was plugged in, pauses not counted */
  sessionS: z.number().nonnegative().nullable().optional(),
  socPercent: percent,
  rfid: z.string().max(200).nullable().default(null),
  temperatureC: z.number().nullable().optional(),
  /** the device's own clock, which may be wrong */
  deviceAt: isoTime.nullable().optional(),
  /** falls when the device has rebooted */
  uptimeS: z.number().nonnegative().nullable().optional(),
  firmware: z.string().max(100).nullable().optional(),
  faults: z.array(z.object({ code: z.string(), text: z.string() })).default([]),
  /** short words about this reading, for example `soc-remembered` or `settling` */
  flags: z.array(z.string()).default([]),
});
export type Charger = z.output<typeof chargerSchema>;

export const meterRoles = ["grid", "evse", "solar", "house", "battery"] as const;
export type MeterRole = (typeof meterRoles)[number];

/** One channel of one meter at one instant. */
export const meterSchema = z.object({
  kind: z.literal("meter"),
  device: z.string().min(1).max(200),
  at: isoTime,
  channel: z.number().int().nonnegative(),
  role: z.enum(meterRoles),
  /** grid: + import, - export; solar: + produced; evse: + into the car; house: + used; battery: + discharging, W */
  powerW: nullableNumber,
  voltageV: nullableNumber,
  currentA: nullableNumber,
  powerFactor: nullableNumber,
  /** counters that never run backwards, also over a reset in the device, Wh */
  importWh: nullableNumber,
  exportWh: nullableNumber,
  /** `powerW` is the mean over so many seconds, which begin at `at`; missing = of the instant */
  meanOverS: z.number().positive().max(86_400).optional(),
  /** per phase, where the channel is a three-phase one; signs as `powerW` */
  phases: z
    .array(z.object({ powerW: nullableNumber, voltageV: nullableNumber, currentA: nullableNumber }))
    .max(3)
    .optional(),
  /** short words about this reading, for example `counter-reset` */
  flags: z.array(z.string()).default([]),
});
export type Meter = z.output<typeof meterSchema>;

/** When to do what, with the money it costs. Made by a later planner; `ev-control` obeys it in mode `smart`. */
export const planSchema = z.object({
  kind: z.literal("plan"),
  device: z.string().min(1).max(200),
  at: isoTime.optional(),
  slots: z
    .array(
      z.object({
        start: isoTime,
        end: isoTime,
        /** + charge, - discharge, 0 rest, W */
        powerW: z.number(),
        socPercent: percent,
        importPerKwh: nullableNumber,
        costSoFar: nullableNumber,
      }),
    )
    .max(2000),
  cost: nullableNumber,
  baselineCost: nullableNumber,
  energyWh: nullableNumber,
  feasible: z.boolean(),
  shortfallWh: nullableNumber,
  readyAt: isoTime.nullable().default(null),
  why: z.string().max(2000).default(""),
});
export type Plan = z.output<typeof planSchema>;

/** What a car's own cloud says of it. */
export const vehicleSchema = z.object({
  kind: z.literal("vehicle"),
  device: z.string().min(1).max(200),
  at: isoTime,
  socPercent: percent,
  rangeKm: nullableNumber,
  plugged: z.boolean().nullable().default(null),
  state: z.enum(chargerStates).default("unknown"),
  chargeRemainingMin: nullableNumber,
  capacityWh: nullableNumber,
  odometerKm: nullableNumber,
  batteryTempC: nullableNumber,
  chargeMode: z.string().max(100).nullable().default(null),
});
export type Vehicle = z.output<typeof vehicleSchema>;

/** What energy costs, slot by slot, in money per kWh of `currency`. */
export const pricesSchema = z.object({
  kind: z.literal("prices"),
  tariff: z.string().min(1).max(200),
  currency: z.string().regex(/^[A-Z]{3}$/),
  zone: z.string().min(1).max(100),
  slots: z
    .array(
      z.object({
        start: isoTime,
        end: isoTime,
        importPerKwh: z.number(),
        exportPerKwh: nullableNumber,
        /** g CO2 per kWh */
        carbonG: nullableNumber,
        estimated: z.boolean().default(false),
      }),
    )
    .max(5000),
});
export type Prices = z.output<typeof pricesSchema>;

export const controlModes = [
  "charge",
  "discharge",
  "pause",
  "fixed",
  "solar",
  "power-home",
  "balance",
  "unplug",
  "freerun",
  "smart",
] as const;
export type ControlMode = (typeof controlModes)[number];

/** A reason as a word and its numbers; the text belongs to the locale files. */
export const reasonSchema = z.object({
  code: z.string(),
  params: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
});
export type Reason = z.output<typeof reasonSchema>;

/** What `ev-control` is doing and why: the face of the controller on a dashboard. */
export const controlSchema = z.object({
  kind: z.literal("control"),
  device: z.string().min(1).max(200),
  at: isoTime,
  /** what the user chose */
  mode: z.enum(controlModes),
  /** true while the user's choice cannot be followed, for example because the meter is lost */
  safeState: z.boolean(),
  /** what the charger shall do now, A; null = hands off (freerun) */
  targetA: z.number().nullable(),
  /** what the charger says it does, A */
  setpointA: nullableNumber,
  /** + import, W */
  gridW: nullableNumber,
  /** + into the car, W */
  carW: nullableNumber,
  /** W */
  solarW: nullableNumber,
  /** what the house itself uses, W */
  houseW: nullableNumber,
  socPercent: percent,
  plugged: z.boolean().nullable().default(null),
  /** never discharged below, never charged above, whoever asks */
  floorSocPercent: percent,
  ceilingSocPercent: percent,
  /** where the present choice ends by itself */
  targetSocPercent: percent,
  reason: reasonSchema,
  /** `reason` in words, in Node-RED's language */
  why: z.string(),
  /** when the present override ends and what the user had before returns; null = never */
  until: isoTime.nullable().default(null),
  alarms: z.array(z.object({ code: z.string(), text: z.string(), since: isoTime })).default([]),
});
export type Control = z.output<typeof controlSchema>;

export const recordSchema = z.discriminatedUnion("kind", [
  chargerSchema,
  meterSchema,
  vehicleSchema,
  pricesSchema,
  planSchema,
  controlSchema,
  sessionSchema,
]);
export type EvRecord = z.output<typeof recordSchema>;
