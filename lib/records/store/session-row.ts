import { localDay, localMonth } from "../../model/local-time.ts";
import type { Session } from "../../model/session.ts";
import type { PaymentsTable, ReadingsTable, SessionRevisionsTable, SessionsTable, TariffsTable } from "./tables.ts";

/** A session as a row of `sessions`: the columns that queries need, and the whole record. */
export function sessionRow(session: Session): SessionsTable {
  const pluggedAtMs = Date.parse(session.pluggedAt);
  const zone = session.zone;
  return {
    session_id: session.sessionId,
    revision: session.revision,
    status: session.status,
    device: session.device,
    zone,
    plugged_at_ms: pluggedAtMs,
    unplugged_at_ms: instant(session.unpluggedAt),
    charge_started_at_ms: instant(session.chargeStartedAt),
    charge_ended_at_ms: instant(session.chargeEndedAt),
    local_day: localDay(pluggedAtMs, zone),
    local_month: localMonth(pluggedAtMs, zone),
    plugged_s: session.pluggedS,
    charging_s: session.chargingS,
    energy_wh: session.energyWh,
    discharged_wh: session.dischargedWh,
    solar_wh: session.solarWh,
    grid_wh: session.gridWh,
    battery_wh: session.batteryWh,
    cost: session.cost,
    unpriced_wh: unpricedWhOf(session),
    currency: session.currency,
    tariff: session.tariff,
    reference_cost: session.referenceCost,
    co2_g: session.co2G,
    vehicle: session.vehicle,
    user_name: session.user,
    rfid: session.rfid,
    odometer_km: session.odometerKm,
    purpose: session.purpose,
    business_ratio: session.businessRatio,
    end_reason: session.endReason,
    hash: session.hash ?? "",
    record: JSON.stringify(session),
  };
}

/** Energy that the cost does not cover; a record that says nothing of it has a price for all or for nothing. */
export const unpricedWhOf = ({
  energyWh,
  cost,
  unpricedWh = 0,
}: Pick<Session, "energyWh" | "cost" | "unpricedWh">): number =>
  cost === null ? energyWh : Math.min(unpricedWh, energyWh);

/** The session of a row, as it was stored. */
export const sessionOfRow = ({ record }: Pick<SessionsTable, "record">): Session => JSON.parse(record) as Session;

const instant = (iso: string | null): number | null => (iso === null ? null : Date.parse(iso));

/* Column names in the order in which the file's prepared statements bind them. */

export const sessionColumns = [
  "session_id",
  "revision",
  "status",
  "device",
  "zone",
  "plugged_at_ms",
  "unplugged_at_ms",
  "charge_started_at_ms",
  "charge_ended_at_ms",
  "local_day",
  "local_month",
  "plugged_s",
  "charging_s",
  "energy_wh",
  "discharged_wh",
  "solar_wh",
  "grid_wh",
  "battery_wh",
  "cost",
  "unpriced_wh",
  "currency",
  "tariff",
  "reference_cost",
  "co2_g",
  "vehicle",
  "user_name",
  "rfid",
  "odometer_km",
  "purpose",
  "business_ratio",
  "end_reason",
  "hash",
  "record",
] as const satisfies readonly (keyof SessionsTable)[];

export const revisionColumns = [
  "session_id",
  "revision",
  "device",
  "chain_index",
  "recorded_at_ms",
  "reason",
  "author",
  "prev_hash",
  "hash",
  "record",
] as const satisfies readonly (keyof SessionRevisionsTable)[];

export const readingColumns = [
  "device",
  "channel",
  "at_ms",
  "role",
  "power_w",
  "energy_wh",
  "duration_s",
  "import_wh",
  "export_wh",
  "local_day",
  "local_month",
] as const satisfies readonly (keyof ReadingsTable)[];

export const tariffColumns = [
  "id",
  "valid_from_ms",
  "price_per_kwh",
  "currency",
  "name",
  "is_active",
] as const satisfies readonly (keyof TariffsTable)[];

export const paymentColumns = [
  "id",
  "paid_at_ms",
  "local_day",
  "amount",
  "currency",
  "vehicle",
  "user_name",
  "note",
] as const satisfies readonly (keyof PaymentsTable)[];
