import { roundTo } from "../../lib/model/units.ts";
import { STATE } from "./controller.ts";
import type { ModuleParts } from "./module-parts.ts";
import type { WireValue } from "./wire-text.ts";

/* Every value an OpenEVSE can show, by key (fact sheet openevse 3.3 and the recorded `/status` documents). */

/** undefined = not there now */
type Field = (module: ModuleParts) => WireValue | undefined;

const isOld = (module: ModuleParts): boolean => module.traits.chip === "esp8266";
const ageS = (module: ModuleParts, sinceMs: number): number => Math.floor((module.clock.nowMs - sinceMs) / 1000);
const uptimeS = (module: ModuleParts): number => Math.floor(module.clock.runningMs / 1000);
const isoSeconds = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 19);
const fixed =
  (shown: WireValue): Field =>
  () =>
    shown;

const network: Readonly<Record<string, Field>> = {
  mode: fixed("STA"),
  wifi_client_connected: fixed(1),
  eth_connected: fixed(0),
  net_connected: fixed(1),
  ipaddress: fixed("127.0.0.1"),
  macaddress: ({ mac }) => (mac.match(/../g) ?? []).join(":"),
  emoncms_connected: fixed(0),
  packets_sent: fixed(0),
  packets_success: fixed(0),
  mqtt_connected: (module) => (module.isMqttConnected ? 1 : 0),
  ocpp_connected: fixed(0),
  rfid_failure: fixed(0),
  ohm_hour: fixed("NotConnected"),
  free_heap: fixed(167_436),
  freeram: fixed(167_436),
  comm_sent: (module) => uptimeS(module) * 2,
  comm_success: (module) => uptimeS(module) * 2,
  rapi_connected: fixed(1),
  evse_connected: fixed(1),
  srssi: fixed(-59),
  uptime: uptimeS,
  ota_update: fixed(0),
  time: ({ clock }) => `${isoSeconds(clock.utcMs())}Z`,
  local_time: ({ clock }) => `${isoSeconds(clock.localMs())}${offsetText(clock.utcOffsetMin)}`,
  offset: ({ clock }) => offsetText(clock.utcOffsetMin),
};

const electrical: Readonly<Record<string, Field>> = {
  amp: ({ controller }) => Math.round(controller.amps * 1000),
  voltage: (module) => module.reportedVoltageV(),
  power: (module) => roundTo(module.controller.amps * module.reportedVoltageV() * module.controller.phases, 1),
  pilot: ({ controller }) => controller.pilotA,
  max_current: (module) => module.maxCurrentA,
  temp: (module) => module.temperature(),
  temp_max: (module) => module.temperatureMax,
  temp1: (module) => (isOld(module) ? module.temperature() : false),
  temp2: (module) => (isOld(module) ? false : module.temperature()),
  temp3: fixed(false),
  temp4: (module) => module.temperature() + 102.5,
  service_level: fixed(2),
  gfcicount: ({ controller }) => controller.faultCounts.gfci,
  nogndcount: ({ controller }) => controller.faultCounts.noGround,
  stuckcount: ({ controller }) => controller.faultCounts.stuck,
};

const plug: Readonly<Record<string, Field>> = {
  state: ({ controller }) => controller.state,
  status: (module) => module.wantedState,
  flags: ({ controller }) => controller.flags,
  vehicle: (module) => (module.hasVehicleNow ? 1 : 0),
  colour: (module) => colourOf(module.controller.state, module.hasVehicleNow),
  manual_override: (module) => (module.hasOverride ? 1 : 0),
  vehicle_state_update: (module) => ageS(module, module.vehicleChangedAtMs),
  rfid_auth: ({ rfid }) => rfid.tag,
  battery_level: ({ vehicleData }) => vehicleData.socPercent ?? undefined,
  battery_range: ({ vehicleData }) => vehicleData.range ?? undefined,
  time_to_full_charge: ({ vehicleData }) => vehicleData.etaS ?? undefined,
  tesla_vehicle_count: fixed(false),
  tesla_vehicle_id: fixed(false),
  tesla_vehicle_name: fixed(false),
};

const energy: Readonly<Record<string, Field>> = {
  wh: ({ traits, controller }) =>
    traits.wh === "session-ws" ? Math.floor(controller.sessionWs) : controller.lifetimeWh,
  session_elapsed: (module) => module.elapsedS(),
  session_energy: (module) => module.sessionWh(),
  total_energy: (module) => module.totalKwh(),
  total_day: ({ meter }) => meter?.counters.dayKwh,
  total_week: ({ meter }) => meter?.counters.weekKwh,
  total_month: ({ meter }) => meter?.counters.monthKwh,
  total_year: ({ meter }) => meter?.counters.yearKwh,
  total_switches: ({ meter }) => meter?.counters.switches,
  elapsed: (module) => module.elapsedS(),
  wattsec: (module) => (isOld(module) ? Math.floor(module.controller.sessionWs) : module.sessionWh() * 3600),
  watthour: (module) => (isOld(module) ? module.controller.lifetimeWh : module.totalKwh() * 1000),
};

const loadFollowing: Readonly<Record<string, Field>> = {
  divertmode: (module) => module.divertMode,
  divert_update: (module) => ageS(module, module.divert.updatedAtMs),
  solar: ({ divert }) => divert.solarW,
  grid_ie: ({ divert }) => divert.gridW,
  divert_active: ({ divert }) => divert.isActive,
  charge_rate: ({ divert }) => divert.chargeRateA,
  available_current: ({ divert }) => divert.availableA,
  smoothed_available_current: ({ divert }) => divert.smoothedA,
  trigger_current: (module) => module.divert.triggerA(module.settings.divert()),
  min_charge_end: (module) => module.divert.minChargeEndS(module.settings.divert(), module.clock.nowMs),
  shaper: ({ shaper }) => (shaper.isOn ? 1 : 0),
  shaper_live_pwr: ({ shaper }) => shaper.liveW,
  shaper_smoothed_live_pwr: ({ shaper }) => Math.round(shaper.smoothedW),
  shaper_max_pwr: ({ settings }) => settings.number("current_shaper_max_pwr"),
  shaper_cur: (module) => (module.shaper.isOn ? module.shaperCurrentA() : 0),
  shaper_updated: ({ shaper, settings, clock }) =>
    shaper.isFresh(settings.number("current_shaper_data_maxinterval"), clock.nowMs),
};

const versions: Readonly<Record<string, Field>> = {
  config_version: (module) => module.versions.config,
  claims_version: (module) => module.versions.claims,
  override_version: (module) => module.versions.override,
  schedule_version: (module) => module.versions.schedule,
  schedule_plan_version: (module) => module.versions.schedule_plan,
  limit_version: (module) => module.versions.limit,
  limit: ({ limit }) => limit !== null,
};

const FIELDS: ReadonlyMap<string, Field> = new Map(
  [network, electrical, plug, energy, loadFollowing, versions].flatMap((table) => Object.entries(table)),
);

/** The present value of a key; undefined when there is none. */
export const fieldOf = (module: ModuleParts, key: string): WireValue | undefined => FIELDS.get(key)?.(module);

/** Section 2.3. */
function colourOf(state: number, hasVehicle: boolean): number {
  switch (state) {
    case STATE.starting:
      return 0;
    case STATE.ready:
      return 2;
    case STATE.connected:
      return 3;
    case STATE.charging:
      return 6;
    case STATE.sleeping:
    case STATE.disabled:
      return hasVehicle ? 6 : 5;
    default:
      return 1;
  }
}

function offsetText(offsetMin: number): string {
  const two = (number: number): string => String(Math.trunc(number)).padStart(2, "0");
  const minutes = Math.abs(offsetMin);
  return `${offsetMin < 0 ? "-" : "+"}${two(minutes / 60)}${two(minutes % 60)}`;
}
