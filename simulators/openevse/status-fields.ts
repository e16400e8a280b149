import { roundTo } from "../../lib/model/units.ts";
import { STATE } from "./controller.ts";
import type { WifiModule } from "./wifi-module.ts";
import type { WireValue } from "./wire-text.ts";

/* Every value an OpenEVSE can show, by key (fact sheet openevse 3.3 and the recorded `/status` documents). */

type Fields = Readonly<Record<string, WireValue>>;

export function fieldsOf(module: WifiModule): ReadonlyMap<string, WireValue> {
  return new Map(
    Object.entries({
      ...networkFields(module),
      ...electricalFields(module),
      ...plugFields(module),
      ...clockFields(module),
      ...energyFields(module),
      ...divertFields(module),
      ...shaperFields(module),
      ...versionFields(module),
      ...vehicleFields(module),
    }),
  );
}

function networkFields(module: WifiModule): Fields {
  const { mac } = module;
  const uptimeS = Math.floor(module.clock.runningMs / 1000);
  return {
    mode: "STA",
    wifi_client_connected: 1,
    eth_connected: 0,
    net_connected: 1,
    ipaddress: "127.0.0.1",
    macaddress: (mac.match(/../g) ?? []).join(":"),
    emoncms_connected: 0,
    packets_sent: 0,
    packets_success: 0,
    mqtt_connected: module.isMqttConnected ? 1 : 0,
    ocpp_connected: 0,
    rfid_failure: 0,
    ohm_hour: "NotConnected",
    free_heap: 167_436,
    freeram: 167_436,
    comm_sent: uptimeS * 2,
    comm_success: uptimeS * 2,
    rapi_connected: 1,
    evse_connected: 1,
    srssi: -59,
    uptime: uptimeS,
    ota_update: 0,
  };
}

function electricalFields(module: WifiModule): Fields {
  const { controller } = module;
  const voltageV = module.reportedVoltageV();
  const temperature = module.temperature();
  return {
    amp: Math.round(controller.amps * 1000),
    voltage: voltageV,
    power: roundTo(controller.amps * voltageV * controller.phases, 1),
    pilot: controller.pilotA,
    max_current: module.maxCurrentA,
    temp: temperature,
    temp_max: module.temperatureMax,
    temp1: module.traits.chip === "esp8266" ? temperature : false,
    temp2: module.traits.chip === "esp8266" ? false : temperature,
    temp3: false,
    temp4: temperature + 102.5,
    service_level: 2,
    gfcicount: controller.faultCounts.gfci,
    nogndcount: controller.faultCounts.noGround,
    stuckcount: controller.faultCounts.stuck,
  };
}

function plugFields(module: WifiModule): Fields {
  const { controller, hasVehicleNow } = module;
  const { state, flags } = controller;
  return {
    state,
    status: module.wantedState,
    flags,
    vehicle: hasVehicleNow ? 1 : 0,
    colour: colourOf(state, hasVehicleNow),
    manual_override: module.hasOverride ? 1 : 0,
    vehicle_state_update: Math.floor((module.clock.nowMs - module.vehicleChangedAtMs) / 1000),
    rfid_auth: module.rfid.tag,
  };
}

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

function clockFields(module: WifiModule): Fields {
  const seconds = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 19);
  const minutes = Math.abs(module.clock.utcOffsetMin);
  const two = (number: number): string => String(number).padStart(2, "0");
  const offset = `${module.clock.utcOffsetMin < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`;
  return {
    time: `${seconds(module.clock.utcMs())}Z`,
    local_time: `${seconds(module.clock.localMs())}${offset}`,
    offset,
  };
}

function energyFields(module: WifiModule): Fields {
  const { controller, meter, traits } = module;
  const elapsedS = module.elapsedS();
  const sessionWh = module.sessionWh();
  const totalKwh = module.totalKwh();
  const isOld = traits.chip === "esp8266";
  const counters = meter?.counters;
  return {
    wh: traits.wh === "session-ws" ? Math.floor(controller.sessionWs) : controller.lifetimeWh,
    session_elapsed: elapsedS,
    session_energy: sessionWh,
    total_energy: totalKwh,
    total_day: counters?.dayKwh ?? 0,
    total_week: counters?.weekKwh ?? 0,
    total_month: counters?.monthKwh ?? 0,
    total_year: counters?.yearKwh ?? 0,
    total_switches: counters?.switches ?? 0,
    elapsed: elapsedS,
    wattsec: isOld ? Math.floor(controller.sessionWs) : sessionWh * 3600,
    watthour: isOld ? controller.lifetimeWh : totalKwh * 1000,
  };
}

function divertFields(module: WifiModule): Fields {
  const { divert, clock } = module;
  const { nowMs } = clock;
  const settings = module.divertSettings();
  return {
    divertmode: module.divertMode,
    divert_update: Math.floor((nowMs - divert.updatedAtMs) / 1000),
    solar: divert.solarW,
    grid_ie: divert.gridW,
    divert_active: divert.isActive,
    charge_rate: divert.chargeRateA,
    available_current: divert.availableA,
    smoothed_available_current: divert.smoothedA,
    trigger_current: divert.triggerA(settings),
    min_charge_end: divert.minChargeEndS(settings, nowMs),
  };
}

function shaperFields(module: WifiModule): Fields {
  const { shaper, settings, clock } = module;
  return {
    shaper: shaper.isOn ? 1 : 0,
    shaper_live_pwr: shaper.liveW,
    shaper_smoothed_live_pwr: Math.round(shaper.smoothedW),
    shaper_max_pwr: settings.number("current_shaper_max_pwr"),
    shaper_cur: shaper.isOn ? module.shaperCurrentA() : 0,
    shaper_updated: shaper.isFresh(settings.number("current_shaper_data_maxinterval"), clock.nowMs),
  };
}

function versionFields({ versions, limit }: WifiModule): Fields {
  return {
    config_version: versions.config,
    claims_version: versions.claims,
    override_version: versions.override,
    schedule_version: versions.schedule,
    schedule_plan_version: versions.schedule_plan,
    limit_version: versions.limit,
    limit: limit !== null,
  };
}

function vehicleFields({ vehicleData }: WifiModule): Fields {
  const { socPercent, range, etaS } = vehicleData;
  return {
    ...(socPercent === null ? {} : { battery_level: socPercent }),
    ...(range === null ? {} : { battery_range: range }),
    ...(etaS === null ? {} : { time_to_full_charge: etaS }),
    tesla_vehicle_count: false,
    tesla_vehicle_id: false,
    tesla_vehicle_name: false,
  };
}
