import { isoInZone } from "../../model/local-time.ts";
import type { Session } from "../../model/session.ts";
import { clamp, roundTo } from "../../model/units.ts";
import type { DetectedSegment } from "../session/detected.ts";
import { cleanName } from "./clean-text.ts";
import type { LogEntry } from "./entry.ts";
import { attribute } from "./people.ts";
import type { PriceBook } from "./price-book.ts";
import { type PricedStretch, priceProfile, type SessionPrice } from "./pricing.ts";
import { fitProfile, type Profile, totalsOf } from "./profile.ts";
import type { LogSettings } from "./settings.ts";

/*
 * The session as it is stored. Everything is worked out anew from the entry, so that late prices, tags and corrections
 * change the whole record consistently. Rounding is done here and nowhere else: energies to a thousandth of a Wh, money to a
 * millionth.
 */

const WH_DECIMALS = 3;
const MONEY_DECIMALS = 6;
/** More would not be a valid record. */
const MOST_STRETCHES = 9000;
const MOST_SEGMENTS = 10_000;

/** @returns the session, whose revision the store will count; `awaitsPrices` when a later `prices` record could change its cost */
export function buildSession(
  entry: LogEntry,
  book: PriceBook,
  settings: LogSettings,
): { session: Session; awaitsPrices: boolean } {
  const { detected } = entry;
  const iso = (atMs: number | null): string | null => (atMs === null ? null : isoInZone(atMs, settings.zone));
  const knownUntilMs = detected.pluggedAtMs + detected.pluggedS * 1000;
  const lastMs = detected.chargeEndedAtMs ?? detected.unpluggedAtMs ?? knownUntilMs;
  const profile = fitProfile(entry.profile, detected.energyWh, lastMs);
  const price = priceProfile(profile, book, settings.money);
  const session: Session = {
    kind: "session",
    sessionId: detected.sessionId,
    revision: 1,
    status: entry.isClosed ? "closed" : "open",
    device: detected.device,
    zone: settings.zone,
    firmware: cleanName(detected.firmware, 100),
    pluggedAt: isoInZone(detected.pluggedAtMs, settings.zone),
    unpluggedAt: iso(detected.unpluggedAtMs),
    chargeStartedAt: iso(detected.chargeStartedAtMs),
    chargeEndedAt: iso(detected.chargeEndedAtMs),
    pluggedS: seconds(detected.pluggedS),
    chargingS: seconds(detected.chargingS),
    pausedS: seconds(detected.pausedS),
    segments: detected.segments.slice(-MOST_SEGMENTS).map((segment) => segmentRecord(segment, settings.zone)),
    energyWh: energy(detected.energyWh),
    dischargedWh: energy(detected.dischargedWh),
    energySource: detected.energySource,
    meterStartKwh: rounded(detected.meterStartKwh, 6),
    meterEndKwh: rounded(detected.meterEndKwh, 6),
    meterId: detected.energySource === "external-meter" ? detected.device : null,
    ...originRecord(profile, detected.energyWh),
    ...moneyRecord(price, detected.energyWh, settings),
    maxPowerW: rounded(detected.maxPowerW, 1),
    // of charging: what went out of the car took its own time
    averagePowerW: detected.chargingS > 0 ? roundTo(detected.energyWh / (detected.chargingS / 3600), 1) : null,
    maxCurrentA: rounded(detected.maxCurrentA, 2),
    maxTemperatureC: rounded(detected.maxTemperatureC, 1),
    ...attribute(entry, settings),
    rfid: cleanName(detected.rfid, 200),
    socStartPercent: percent(detected.socStartPercent ?? entry.vehicleSeen?.socStartPercent),
    socEndPercent: percent(detected.socEndPercent ?? entry.vehicleSeen?.socEndPercent),
    endReason: cleanName(detected.endReason, 100),
    flags: [...new Set(detected.flags)],
    prevHash: null,
    hash: null,
  };
  return { session, awaitsPrices: price.isEstimated || price.unpricedWh > 0 };
}

const energy = (energyWh: number): number => Math.max(0, roundTo(energyWh, WH_DECIMALS));
const seconds = (lengthS: number): number => Math.max(0, roundTo(lengthS, 1));
const money = (amount: number | null): number | null => rounded(amount, MONEY_DECIMALS);
const rounded = (measured: number | null, decimals: number): number | null =>
  measured === null || !Number.isFinite(measured) ? null : roundTo(measured, decimals);
const percent = (measured: number | null | undefined): number | null =>
  measured === null || measured === undefined ? null : clamp(roundTo(measured, 1), 0, 100);

function segmentRecord(segment: DetectedSegment, zone: string): Session["segments"][number] {
  return {
    start: isoInZone(segment.startMs, zone),
    end: segment.endMs === null ? null : isoInZone(segment.endMs, zone),
    energyWh: energy(segment.energyWh),
    dischargedWh: energy(segment.dischargedWh),
    endReason: cleanName(segment.endReason, 100),
  };
}

/** What is known of the origin; the rest is known to be unknown. */
function originRecord(
  profile: Profile,
  energyWh: number,
): Pick<Session, "solarWh" | "batteryWh" | "gridWh" | "solarPercent"> {
  const { knownWh, sunWh, batteryWh } = totalsOf(profile);
  if (knownWh <= 0) return { solarWh: null, batteryWh: null, gridWh: null, solarPercent: null };
  // whole thousandths, so that the three add up
  const known = energy(Math.min(knownWh, energyWh));
  const solar = Math.min(energy(sunWh), known);
  const battery = Math.min(energy(batteryWh), energy(known - solar));
  return {
    solarWh: solar,
    batteryWh: battery,
    gridWh: energy(known - solar - battery),
    solarPercent: percent((sunWh / knownWh) * 100),
  };
}

type MoneyFields = Pick<
  Session,
  | "cost"
  | "costGrid"
  | "costSolar"
  | "currency"
  | "pricePerKwh"
  | "tariff"
  | "tariffSlots"
  | "unpricedWh"
  | "referencePricePerKwh"
  | "referenceCost"
  | "co2G"
>;

function moneyRecord(
  price: SessionPrice,
  energyWh: number,
  { money: { currency, ...wanted }, zone }: LogSettings,
): MoneyFields {
  const { slots, unpricedWh } = exactSlots(price, energyWh, zone);
  const pricedWh = energyWh - price.unpricedWh;
  const reference = currency === null ? null : wanted.referencePricePerKwh;
  return {
    cost: money(price.cost),
    costGrid: money(price.costGrid),
    costSolar: money(price.costSolar),
    currency: price.cost === null && reference === null ? null : currency,
    pricePerKwh: price.cost === null || pricedWh <= 0 ? null : money((price.cost / pricedWh) * 1000),
    tariff: cleanName(price.tariff, 200),
    tariffSlots: slots,
    unpricedWh,
    referencePricePerKwh: reference,
    referenceCost: reference === null ? null : money((energyWh / 1000) * reference),
    co2G: rounded(price.co2G, 1),
  };
}

/** Slots in whole thousandths of a Wh which, with the unpriced rest, add up to the session's energy. */
function exactSlots(
  { stretches, unpricedWh }: SessionPrice,
  energyWh: number,
  zone: string,
): { slots: Session["tariffSlots"]; unpricedWh: number } {
  const total = energy(energyWh);
  const unpriced = stretches.length === 0 ? total : Math.min(total, energy(unpricedWh));
  const shown = fewEnough(stretches);
  let sumWh = 0;
  let shownWh = 0;
  const slots = shown.map((stretch, index) => {
    sumWh += stretch.energyWh;
    const untilWh =
      index === shown.length - 1 ? energy(total - unpriced) : Math.min(energy(sumWh), energy(total - unpriced));
    const slot = {
      start: isoInZone(stretch.startMs, zone),
      end: isoInZone(stretch.endMs, zone),
      energyWh: energy(untilWh - shownWh),
      pricePerKwh: stretch.pricePerKwh,
    };
    shownWh = untilWh;
    return slot;
  });
  return { slots: slots.filter((slot) => slot.energyWh > 0), unpricedWh: unpriced };
}

/** Months at a tariff of five minutes: neighbours share an average price then. */
function fewEnough(stretches: readonly PricedStretch[]): readonly PricedStretch[] {
  if (stretches.length <= MOST_STRETCHES) return stretches;
  const size = Math.ceil(stretches.length / MOST_STRETCHES);
  return Array.from({ length: Math.ceil(stretches.length / size) }, (_, index) => {
    const group = stretches.slice(index * size, (index + 1) * size);
    const energyWh = group.reduce((sum, stretch) => sum + stretch.energyWh, 0);
    const cost = group.reduce((sum, stretch) => sum + stretch.energyWh * stretch.pricePerKwh, 0);
    return {
      startMs: Math.min(...group.map(({ startMs }) => startMs)),
      endMs: Math.max(...group.map(({ endMs }) => endMs)),
      energyWh,
      pricePerKwh: cost / energyWh,
    };
  });
}
