import { isoInZone } from "../../model/local-time.ts";
import type { Session } from "../../model/session.ts";
import { roundTo } from "../../model/units.ts";
import type { DetectedSegment } from "../session/detected.ts";
import { cleanName } from "./clean-text.ts";
import type { LogEntry } from "./entry.ts";
import { type MoneyFields, moneyRecord, pricedMoney } from "./money-record.ts";
import { attribute } from "./people.ts";
import { priceProfile } from "./pricing.ts";
import { fitProfile, type Profile, totalsOf } from "./profile.ts";
import { energy, percent, rounded, seconds } from "./rounding.ts";
import type { Terms } from "./settings.ts";

/*
 * The session as it is stored. Everything is worked out anew from the entry, so that late prices, tags and corrections
 * change the whole record consistently.
 */

const MOST_SEGMENTS = 10_000;

/** @returns the session, whose revision the store will count; `awaitsPrices` when a later `prices` record could change its cost */
export function buildSession(entry: LogEntry, terms: Terms): { session: Session; awaitsPrices: boolean } {
  const { detected } = entry;
  const iso = (atMs: number | null): string | null => (atMs === null ? null : isoInZone(atMs, terms.zone));
  const knownUntilMs = detected.pluggedAtMs + detected.pluggedS * 1000;
  const lastMs = detected.chargeEndedAtMs ?? detected.unpluggedAtMs ?? knownUntilMs;
  const profile = fitProfile(entry.profile, detected.energyWh, lastMs);
  const { fields: money, awaitsPrices } = priceEntry(entry, profile, terms);
  const session: Session = {
    kind: "session",
    sessionId: detected.sessionId,
    revision: 1,
    status: entry.isClosed ? "closed" : "open",
    device: detected.device,
    zone: terms.zone,
    firmware: cleanName(detected.firmware, 100),
    pluggedAt: isoInZone(detected.pluggedAtMs, terms.zone),
    unpluggedAt: iso(detected.unpluggedAtMs),
    chargeStartedAt: iso(detected.chargeStartedAtMs),
    chargeEndedAt: iso(detected.chargeEndedAtMs),
    pluggedS: seconds(detected.pluggedS),
    chargingS: seconds(detected.chargingS),
    pausedS: seconds(detected.pausedS),
    segments: detected.segments.slice(-MOST_SEGMENTS).map((segment) => segmentRecord(segment, terms.zone)),
    energyWh: energy(detected.energyWh),
    dischargedWh: energy(detected.dischargedWh),
    energySource: detected.energySource,
    meterStartKwh: rounded(detected.meterStartKwh, 6),
    meterEndKwh: rounded(detected.meterEndKwh, 6),
    meterId: detected.energySource === "external-meter" ? detected.device : null,
    ...originRecord(profile, detected.energyWh),
    ...money,
    maxPowerW: rounded(detected.maxPowerW, 1),
    // of charging: what went out of the car took its own time
    averagePowerW: detected.chargingS > 0 ? roundTo(detected.energyWh / (detected.chargingS / 3600), 1) : null,
    maxCurrentA: rounded(detected.maxCurrentA, 2),
    maxTemperatureC: rounded(detected.maxTemperatureC, 1),
    ...attribute(entry, terms),
    rfid: cleanName(detected.rfid, 200),
    socStartPercent: percent(detected.socStartPercent ?? entry.vehicleSeen?.socStartPercent),
    socEndPercent: percent(detected.socEndPercent ?? entry.vehicleSeen?.socEndPercent),
    endReason: cleanName(detected.endReason, 100),
    flags: [...new Set(detected.flags)],
    prevHash: null,
    hash: null,
  };
  return { session, awaitsPrices };
}

function priceEntry(
  { detected, priced }: LogEntry,
  profile: Profile,
  terms: Terms,
): { fields: MoneyFields; awaitsPrices: boolean } {
  const { energyWh } = detected;
  if (priced !== null) return { fields: pricedMoney(priced, energy(energyWh)), awaitsPrices: false };
  const price = priceProfile(profile, terms.prices, terms.money);
  const isOpenToPrices = terms.money.currency !== null && (price.isEstimated || price.unpricedWh > 0);
  return { fields: moneyRecord(price, energyWh, terms), awaitsPrices: isOpenToPrices };
}

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
