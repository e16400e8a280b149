import { z } from "zod";

/*
 * One charging session: from plugging in to unplugging, whatever charger it was. The columns are those of the session
 * facts (openevse-h2v-sessions 9.2); all energies at the AC side. Times are ISO 8601 with the offset of the site's zone at
 * that instant, so that a person reads local time and a machine loses nothing.
 */

const isoTime = z.iso.datetime({ offset: true });
const nullableTime = isoTime.nullable().default(null);
const nullableNumber = z.number().nullable().default(null);
const percent = z.number().min(0).max(100).nullable().default(null);
const text = (longest: number) => z.string().max(longest).nullable().default(null);

/** Where the energy of a session comes from. */
export const energySources = [
  "session-counter",
  "total-counter",
  "integrated",
  "external-meter",
  "manual",
  "imported",
] as const;
export type EnergySource = (typeof energySources)[number];

/**
 * What is uncertain or unusual about a session.
 *
 * | flag | meaning |
 * |---|---|
 * | `partial-start` | the car was plugged in already when watching began |
 * | `end-uncertain` | nobody saw the car leave; it had left by `unpluggedAt` |
 * | `counter-reset`, `counter-rollback` | a counter went to about 0, or back; nothing was subtracted |
 * | `counter-jump` | a jump that could not be true was left out |
 * | `clock-adjusted` | the host's clock was set meanwhile; durations are right all the same |
 * | `estimated` | energy was worked out from power and time |
 * | `recovered` | closed after a restart, from the last reading before it |
 * | `corrected` | changed after it was closed |
 * | `manual`, `imported` | entered by hand, or taken over from another logger |
 */
export const sessionFlags = [
  "partial-start",
  "end-uncertain",
  "counter-reset",
  "counter-rollback",
  "counter-jump",
  "clock-adjusted",
  "estimated",
  "recovered",
  "corrected",
  "manual",
  "imported",
] as const;
export type SessionFlag = (typeof sessionFlags)[number];

/** One stretch of uninterrupted charging (or discharging). */
const segmentSchema = z.object({
  start: isoTime,
  /** null = still going on */
  end: nullableTime,
  energyWh: z.number().nonnegative(),
  dischargedWh: z.number().nonnegative().default(0),
  /** `paused`, `plugged`, `unplugged`, `fault:<code>`, `offline`, ...; null = still going on */
  endReason: text(100),
});
export type SessionSegment = z.output<typeof segmentSchema>;

/** Energy that was charged at one price. */
const tariffSlotSchema = z.object({
  start: isoTime,
  end: isoTime,
  energyWh: z.number().nonnegative(),
  pricePerKwh: z.number(),
});
export type TariffSlot = z.output<typeof tariffSlotSchema>;

export const sessionPurposes = ["business", "private", "mixed"] as const;
export const sessionLocations = ["home", "work", "public"] as const;

export const sessionSchema = z.object({
  kind: z.literal("session"),
  /** UUID; the same for all revisions */
  sessionId: z.uuid(),
  /** 1 = as first stored; every later version counts up */
  revision: z.number().int().positive(),
  status: z.enum(["open", "closed"]),
  device: z.string().min(1).max(200),
  /** IANA zone of the site */
  zone: z.string().min(1).max(100),
  firmware: text(100),

  pluggedAt: isoTime,
  unpluggedAt: nullableTime,
  chargeStartedAt: nullableTime,
  chargeEndedAt: nullableTime,
  pluggedS: z.number().nonnegative(),
  chargingS: z.number().nonnegative(),
  pausedS: z.number().nonnegative(),
  segments: z.array(segmentSchema).max(10_000).default([]),

  energyWh: z.number().nonnegative(),
  dischargedWh: z.number().nonnegative().default(0),
  energySource: z.enum(energySources),
  /** lifetime counter at both ends, kWh */
  meterStartKwh: nullableNumber,
  meterEndKwh: nullableNumber,
  meterId: text(200),

  /** what is known of where the energy came from; what is missing in the sum of the three is not known */
  solarWh: nullableNumber,
  batteryWh: nullableNumber,
  gridWh: nullableNumber,
  solarPercent: percent,

  /** money of `currency`, of the energy whose price was known; null = no price was known */
  cost: nullableNumber,
  /** energy whose price was not known: in `energyWh`, but neither in `tariffSlots` nor in `cost`; missing = 0 */
  unpricedWh: z.number().nonnegative().optional(),
  costGrid: nullableNumber,
  /** what the own sun would have earned as export */
  costSolar: nullableNumber,
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .nullable()
    .default(null),
  /** average over the session */
  pricePerKwh: nullableNumber,
  tariff: text(200),
  tariffSlots: z.array(tariffSlotSchema).max(10_000).default([]),
  /** a flat price to compare with, or to be refunded at */
  referencePricePerKwh: nullableNumber,
  referenceCost: nullableNumber,
  co2G: nullableNumber,

  maxPowerW: nullableNumber,
  averagePowerW: nullableNumber,
  maxCurrentA: nullableNumber,
  maxTemperatureC: nullableNumber,

  vehicle: text(200),
  user: text(200),
  rfid: text(200),
  odometerKm: nullableNumber,
  socStartPercent: percent,
  socEndPercent: percent,
  purpose: z.enum(sessionPurposes).nullable().default(null),
  /** share that is business, 0 to 1 */
  businessRatio: z.number().min(0).max(1).nullable().default(null),
  location: z.enum(sessionLocations).nullable().default(null),
  note: text(2000),

  /** `unplugged`, `limit`, `schedule`, `fault:<code>`, `unknown`; null = still open */
  endReason: text(100),
  flags: z.array(z.enum(sessionFlags)).default([]),

  /** SHA-256 over the record without these two, chained per device; null until it is stored */
  prevHash: text(64),
  hash: text(64),
});
export type Session = z.output<typeof sessionSchema>;
