import type { Vehicle } from "../../model/records.ts";
import type { Session } from "../../model/session.ts";
import type { DetectedSession } from "../session/detected.ts";
import { moneyOf, type PricedElsewhere, pricedMoney } from "./money-record.ts";
import type { Profile } from "./profile.ts";
import { type Annotations, annotatedFields } from "./requests.ts";
import type { Terms } from "./settings.ts";

/*
 * What the log knows of one session beyond what was detected: when its energy flowed, what people and the car said of it.
 * Plain JSON, so that it can be kept at every step.
 */

/** What the car itself told while it was plugged in. */
export interface VehicleSeen {
  readonly vehicle: string;
  readonly odometerKm: number | null;
  readonly socStartPercent: number | null;
  readonly socEndPercent: number | null;
}

/** What of a session people may change: to notice when somebody does. */
export type Annotated = Pick<Session, (typeof annotatedFields)[number]>;

/** The version that was stored last. */
export interface StoredVersion extends Annotated, Pick<Session, "energyWh" | "dischargedWh" | "cost" | "unpricedWh"> {}

export interface LogEntry {
  readonly detected: DetectedSession;
  readonly profile: Profile;
  readonly annotations: Annotations;
  readonly vehicleSeen: VehicleSeen | null;
  readonly stored: StoredVersion | null;
  readonly isClosed: boolean;
  /** Some of its energy was priced by an estimate, or not at all, when it was last built. */
  readonly awaitsPrices: boolean;
  /** What it is counted by since it is closed. */
  readonly terms: Terms | null;
  /** What somebody else made of its cost, which stands. */
  readonly priced: PricedElsewhere | null;
}

export const beginEntry = (detected: DetectedSession): LogEntry => ({
  detected,
  profile: [],
  annotations: {},
  vehicleSeen: null,
  stored: null,
  isClosed: false,
  awaitsPrices: false,
  terms: null,
  priced: null,
});

/** Takes what a person said; fields that were not mentioned stay. */
export function annotate(entry: LogEntry, said: Annotations): LogEntry {
  const annotations = { ...entry.annotations };
  for (const field of annotatedFields) {
    // each field is of the same type on both sides
    if (said[field] !== undefined) Object.assign(annotations, { [field]: said[field] });
  }
  return { ...entry, annotations };
}

export const storedVersion = (session: Session): StoredVersion => ({
  vehicle: session.vehicle,
  user: session.user,
  odometerKm: session.odometerKm,
  purpose: session.purpose,
  businessRatio: session.businessRatio,
  location: session.location,
  note: session.note,
  energyWh: session.energyWh,
  dischargedWh: session.dischargedWh,
  cost: session.cost,
  unpricedWh: session.unpricedWh,
});

/** What somebody else changed since we stored it: a person's edit stands against what we would write. */
function editsOf(before: Annotated, now: Annotated): Annotations {
  const edits: Annotations = {};
  for (const field of annotatedFields) {
    if (now[field] !== before[field]) Object.assign(edits, { [field]: now[field] });
  }
  return edits;
}

/**
 * What somebody else made of the stored version, to be taken over: people's words, and a cost for the same energy.
 *
 * @param said what our version itself is about, which counts more
 */
export function foreignEdits({ stored }: LogEntry, now: Session, said: Annotations): ForeignEdits | null {
  if (stored === null) return null;
  const words = { ...editsOf(stored, now) };
  for (const field of Object.keys(said)) delete words[field as keyof Annotations];
  const isPriced = now.cost !== stored.cost || (now.unpricedWh ?? 0) !== (stored.unpricedWh ?? 0);
  const priced = isPriced ? { energyWh: now.energyWh, money: moneyOf(now) } : null;
  return Object.keys(words).length === 0 && priced === null ? null : { words, priced };
}

export interface ForeignEdits {
  readonly words: Annotations;
  readonly priced: PricedElsewhere | null;
}

export const takeEdits = (entry: LogEntry, { words, priced }: ForeignEdits): LogEntry => ({
  ...annotate(entry, words),
  priced: priced ?? entry.priced,
});

/** The same in a version that was built before they were known. */
export const editVersion = (session: Session, { words, priced }: ForeignEdits): Session => ({
  ...session,
  ...(words as Partial<Session>),
  ...(priced === null ? {} : pricedMoney(priced, session.energyWh)),
});

/** The clock was set right meanwhile, and with it all instants of the session. */
export function followClock(entry: LogEntry, detected: DetectedSession): LogEntry {
  const shiftMs = detected.pluggedAtMs - entry.detected.pluggedAtMs;
  // less is rounding
  if (Math.abs(shiftMs) < 1000) return { ...entry, detected };
  const profile = entry.profile.map((bucket) => ({
    ...bucket,
    startMs: bucket.startMs + shiftMs,
    endMs: bucket.endMs + shiftMs,
  }));
  return { ...entry, detected, profile };
}

/** A reading this much before plugging in still tells of this stay, ms. */
const JUST_BEFORE_MS = 300_000;
/** A state of charge that comes later than this after the first energy is not that of the start, ms. */
const START_WITHIN_MS = 600_000;

/** Takes what the car says. A car's cloud repeats old news: what was true before the car was plugged in does not count. */
export function seeVehicle(entry: LogEntry, vehicle: Vehicle, nowMs: number): LogEntry {
  const { pluggedAtMs, chargeStartedAtMs } = entry.detected;
  const saidMs = Date.parse(vehicle.at);
  const atMs = Number.isFinite(saidMs) ? Math.min(saidMs, nowMs) : nowMs;
  if (atMs < pluggedAtMs - JUST_BEFORE_MS) return entry;
  const before = entry.vehicleSeen?.vehicle === vehicle.device ? entry.vehicleSeen : null;
  const isStart = chargeStartedAtMs === null || atMs <= chargeStartedAtMs + START_WITHIN_MS;
  return {
    ...entry,
    vehicleSeen: {
      vehicle: vehicle.device,
      odometerKm: vehicle.odometerKm ?? before?.odometerKm ?? null,
      socStartPercent: before?.socStartPercent ?? (isStart ? vehicle.socPercent : null),
      socEndPercent: vehicle.socPercent ?? before?.socEndPercent ?? null,
    },
  };
}
