import type { Session } from "../../model/session.ts";
import { wallClock } from "../tables/wall-clock.ts";
import type { SessionsTable } from "../store/tables.ts";
import type { SessionRow } from "./answers.ts";
import { roundTo } from "./rounding.ts";

/** A stored session as a table shows it. Columns count; the record adds what has no column of its own. */
export function toSessionRow(stored: SessionsTable): SessionRow {
  const record = readRecord(stored.record);
  const start = wallClock(stored.plugged_at_ms, stored.zone);
  const end = stored.unplugged_at_ms === null ? null : wallClock(stored.unplugged_at_ms, stored.zone);
  return {
    sessionId: stored.session_id,
    status: stored.status,
    device: stored.device,
    start: start.stamp,
    end: end?.stamp ?? null,
    pluggedAt: start.iso,
    unpluggedAt: end?.iso ?? null,
    energyKwh: roundTo(stored.energy_wh / 1000, 6),
    dischargedKwh: roundTo(stored.discharged_wh / 1000, 6),
    chargingMin: roundTo(stored.charging_s / 60, 1),
    pluggedMin: roundTo(stored.plugged_s / 60, 1),
    meterStartKwh: record.meterStartKwh ?? null,
    meterEndKwh: record.meterEndKwh ?? null,
    solarPercent: solarPercentOf(stored),
    cost: stored.cost,
    unpricedKwh: roundTo(stored.unpriced_wh / 1000, 6),
    currency: stored.currency,
    pricePerKwh: record.pricePerKwh ?? null,
    referenceCost: stored.reference_cost,
    co2G: stored.co2_g,
    tariff: stored.tariff,
    vehicle: stored.vehicle,
    user: stored.user_name,
    rfid: stored.rfid,
    odometerKm: stored.odometer_km,
    socStartPercent: record.socStartPercent ?? null,
    socEndPercent: record.socEndPercent ?? null,
    purpose: stored.purpose,
    businessRatio: stored.business_ratio,
    location: record.location ?? null,
    note: record.note ?? null,
    endReason: stored.end_reason,
    flags: (record.flags ?? []).join(" "),
    revision: stored.revision,
  };
}

/** Of the energy whose source is known. */
function solarPercentOf({ solar_wh, battery_wh, grid_wh }: SessionsTable): number | null {
  const knownWh = (solar_wh ?? 0) + (battery_wh ?? 0) + (grid_wh ?? 0);
  return solar_wh === null || knownWh <= 0 ? null : roundTo((solar_wh / knownWh) * 100, 1);
}

/** A record that somebody damaged must not hide the other sessions: its columns still stand. */
function readRecord(text: string): Partial<Session> {
  try {
    const record: unknown = JSON.parse(text);
    return typeof record === "object" && record !== null ? record : {};
  } catch {
    return {};
  }
}
