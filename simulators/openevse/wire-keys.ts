import type { Feature, GenerationTraits } from "./generations.ts";

/*
 * Which keys travel when, in the firmware's order (fact sheet openevse 3.2 to 3.6 and the recorded `/status` documents).
 * `key@feature` is there only with that feature of a generation, `key@!feature` only without it.
 */

export interface WireKeys {
  /** At every change of state or flags. */
  readonly state: readonly string[];
  /** Every second while charging. */
  readonly power: readonly string[];
  /** Every five seconds while charging, at unplugging, and once more after the full set when not charging. */
  readonly energy: readonly string[];
  /** Every 30 seconds. */
  readonly full: readonly string[];
  /** One by one, when they change. */
  readonly watched: readonly string[];
  /** `GET /status`. */
  readonly status: readonly string[];
}

const STATE = `state flags@vehicle vehicle@vehicle colour@vehicle pilot@vehicle max_current@limits
  manual_override@vehicle status@vehicle elapsed@vehicle amp@vehicle voltage@vehicle power@wifi-meter`;

const POWER = "amp@wifi-meter voltage@wifi-meter power@wifi-meter";

const ENERGY = `session_elapsed@wifi-meter session_energy@wifi-meter total_energy@wifi-meter total_day@wifi-meter
  total_week@wifi-meter total_month@wifi-meter total_year@wifi-meter total_switches@wifi-meter`;

/** Between the connections and the deprecated names, the same on MQTT and in `/status`. */
const MEASURED = `amp voltage power@wifi-meter pilot max_current@limits
  wh@!wifi-meter session_energy@controller-session total_energy@controller-session
  temp temp_max@vehicle temp1 temp2 temp3 temp4 state status@vehicle flags@vehicle vehicle@vehicle colour@vehicle
  manual_override@vehicle freeram divertmode srssi`;

const VERSIONS = `config_version@vehicle claims_version@vehicle override_version@vehicle schedule_version@vehicle
  schedule_plan_version@vehicle limit_version@limits`;

const ESP32 = {
  state: STATE,
  power: POWER,
  energy: ENERGY,
  full: `evse_connected@limits ${MEASURED} time@vehicle local_time@limits offset@vehicle uptime@wifi-meter ${ENERGY}
    elapsed@vehicle wattsec@wifi-meter watthour@wifi-meter`,
  watched: `${VERSIONS} limit@limits divertmode shaper@vehicle rfid_auth@vehicle`,
  status: `mode wifi_client_connected eth_connected net_connected ipaddress macaddress@limits emoncms_connected
    packets_sent packets_success mqtt_connected ocpp_connected@vehicle rfid_failure@vehicle ohm_hour free_heap
    comm_sent comm_success rapi_connected evse_connected ${MEASURED} time local_time@limits offset uptime@wifi-meter
    ${ENERGY} elapsed wattsec watthour gfcicount nogndcount stuckcount solar grid_ie charge_rate divert_update
    divert_active@vehicle shaper@vehicle shaper_live_pwr@vehicle shaper_cur@vehicle shaper_updated@vehicle
    service_level@vehicle limit@limits ota_update ${VERSIONS} vehicle_state_update@vehicle
    tesla_vehicle_count@vehicle tesla_vehicle_id@vehicle tesla_vehicle_name@vehicle`,
} satisfies Record<keyof WireKeys, string>;

const ESP8266 = {
  state: "state",
  power: "",
  energy: "",
  full: "amp voltage@signal pilot wh temp1 temp2 temp3 state freeram divertmode srssi@signal",
  watched: "divertmode",
  status: `mode wifi_client_connected net_connected srssi ipaddress emoncms_connected packets_sent packets_success
    mqtt_connected ohm_hour free_heap comm_sent comm_success rapi_connected amp voltage pilot temp1 temp2 temp3 state
    elapsed wattsec watthour gfcicount nogndcount stuckcount divertmode solar grid_ie charge_rate divert_update
    ota_update`,
} satisfies Record<keyof WireKeys, string>;

export function wireKeysOf(traits: GenerationTraits): WireKeys {
  const table = traits.chip === "esp8266" ? ESP8266 : ESP32;
  const present: ReadonlySet<string> = new Set<Feature>(traits.features);
  const pick = (list: string): readonly string[] =>
    list.split(/\s+/).flatMap((entry) => {
      const [key = "", condition] = entry.split("@");
      if (key === "") return [];
      if (condition === undefined) return [key];
      const isThere = condition.startsWith("!") ? !present.has(condition.slice(1)) : present.has(condition);
      return isThere ? [key] : [];
    });
  return {
    state: pick(table.state),
    power: pick(table.power),
    energy: pick(table.energy),
    full: pick(table.full),
    watched: pick(table.watched),
    status: pick(table.status),
  };
}
