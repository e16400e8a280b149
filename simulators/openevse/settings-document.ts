import { parseJsonObject } from "./claims.ts";
import { type GenerationTraits, hasFeature } from "./generations.ts";
import type { DivertSettings } from "./load-following.ts";
import type { WireValue } from "./wire-text.ts";

/* `GET /config`, the retained `config` document, and what may be changed in it (fact sheet openevse 3.4, 4.1, 5). */

type SettingValue = WireValue | readonly string[];
export type SettingsDocument = Readonly<Record<string, SettingValue>>;

/** What a particular charger is called and where it talks. */
export interface NamePlate {
  /** twelve hexadecimal digits */
  readonly mac: string;
  readonly hostname: string;
  readonly baseTopic: string;
  readonly brokerHost: string;
  readonly brokerPort: number;
  readonly brokerUser: string;
  readonly maxCurrentA: number;
}

/** Shown instead of every password. */
const MASK = "_DUMMY_PASSWORD";
/** Keys that came with release 5. */
const KEYS_OF_5: readonly string[] = ["limit_default_type", "limit_default_value", "default_state", "is_threephase"];
/** A token that was never given: the largest 64-bit number. */
const NEVER = 2 ** 64;

export function defaultSettings(traits: GenerationTraits, plate: NamePlate): SettingsDocument {
  const all: SettingsDocument = {
    ...aboutDevice(traits, plate),
    ...aboutNetwork(plate),
    ...aboutMqtt(plate),
    ...aboutOcpp(),
    ...aboutCharging(),
    ...switches(),
    mqtt_protocol: "mqtt",
    charge_mode: "fast",
  };
  if (hasFeature(traits, "limits")) return all;
  return Object.fromEntries(Object.entries(all).filter(([key]) => !KEYS_OF_5.includes(key)));
}

const aboutDevice = (traits: GenerationTraits, plate: NamePlate): SettingsDocument => ({
  mqtt_supported_protocols: ["mqtt", "mqtts"],
  http_supported_protocols: ["http"],
  buildenv: "openevse_wifi_v1",
  version: traits.version,
  wifi_serial: plate.mac,
  protocol: "-",
  espinfo: "ESP32r1 2 core WiFi BLE BT",
  espflash: 4_194_304,
  firmware: traits.controllerFirmware,
  evse_serial: "",
  diode_check: true,
  gfci_check: true,
  ground_check: true,
  relay_check: true,
  vent_check: true,
  temp_check: true,
  max_current_soft: plate.maxCurrentA,
  service: 2,
  scale: 220,
  offset: 0,
  min_current_hard: 6,
  max_current_hard: 48,
});

const aboutNetwork = (plate: NamePlate): SettingsDocument => ({
  ssid: "Garage",
  pass: MASK,
  ap_ssid: "",
  ap_pass: "",
  lang: "en",
  www_username: "",
  www_password: "",
  www_certificate_id: "",
  hostname: plate.hostname,
  sntp_hostname: "pool.ntp.org",
  time_zone: "Etc/UTC|UTC0",
  limit_default_type: "",
  limit_default_value: 0,
  emoncms_server: "",
  emoncms_node: "openevse",
  emoncms_apikey: MASK,
  emoncms_fingerprint: "",
});

const aboutMqtt = (plate: NamePlate): SettingsDocument => ({
  mqtt_server: plate.brokerHost,
  mqtt_port: plate.brokerPort,
  mqtt_topic: plate.baseTopic,
  mqtt_user: plate.brokerUser,
  mqtt_pass: MASK,
  mqtt_certificate_id: "",
  mqtt_solar: "",
  mqtt_grid_ie: "",
  mqtt_vrms: "",
  mqtt_live_pwr: "",
  mqtt_vehicle_soc: "",
  mqtt_vehicle_range: "",
  mqtt_vehicle_eta: "",
  mqtt_announce_topic: `openevse/announce/${plate.mac.slice(-4).toLowerCase()}`,
});

const aboutOcpp = (): SettingsDocument => ({
  ocpp_server: "",
  ocpp_chargeBoxId: "",
  ocpp_authkey: "",
  ocpp_idtag: "DefaultIdTag",
  ohm: "",
});

const aboutCharging = (): SettingsDocument => ({
  divert_type: 1,
  divert_PV_ratio: 1.1,
  divert_attack_smoothing_time: 20,
  divert_decay_smoothing_time: 600,
  divert_min_charge_time: 600,
  current_shaper_max_pwr: 0,
  current_shaper_smoothing_time: 60,
  current_shaper_min_pause_time: 300,
  current_shaper_data_maxinterval: 120,
  vehicle_data_src: 0,
  tesla_access_token: "",
  tesla_refresh_token: "",
  tesla_created_at: NEVER,
  tesla_expires_in: NEVER,
  tesla_vehicle_id: "",
  rfid_storage: "",
  led_brightness: 125,
  scheduler_start_window: 600,
  flags: 102_761_482,
  flags_changed: 48_242_178,
});

const switches = (): SettingsDocument => ({
  emoncms_enabled: false,
  mqtt_enabled: true,
  mqtt_reject_unauthorized: true,
  mqtt_retained: false,
  ohm_enabled: false,
  sntp_enabled: true,
  tesla_enabled: false,
  divert_enabled: false,
  current_shaper_enabled: false,
  pause_uses_disabled: false,
  mqtt_vehicle_range_miles: false,
  ocpp_enabled: false,
  ocpp_auth_auto: false,
  ocpp_auth_offline: false,
  ocpp_suspend_evse: false,
  ocpp_energize_plug: false,
  rfid_enabled: false,
  factory_write_lock: true,
  is_threephase: false,
  wizard_passed: true,
  default_state: true,
});

/** Made by the device itself. */
const READ_ONLY: ReadonlySet<string> = new Set([
  "buildenv",
  "version",
  "wifi_serial",
  "firmware",
  "espinfo",
  "espflash",
]);
/** The firmware's own limit for this document. */
const LONGEST_CONFIG = 4_096;

/** Settings with their present values typed. */
export class Settings {
  #document: SettingsDocument;

  constructor(document: SettingsDocument) {
    this.#document = document;
  }
  get document(): SettingsDocument {
    return this.#document;
  }
  isOn(key: string): boolean {
    return this.#document[key] === true;
  }
  number(key: string): number {
    const shown = this.#document[key];
    return typeof shown === "number" ? shown : 0;
  }
  divert(): DivertSettings {
    return {
      pvRatio: this.number("divert_PV_ratio"),
      attackS: this.number("divert_attack_smoothing_time"),
      decayS: this.number("divert_decay_smoothing_time"),
      minChargeS: this.number("divert_min_charge_time"),
    };
  }
  text(key: string): string {
    const shown = this.#document[key];
    return typeof shown === "string" ? shown : "";
  }
  /**
   * Takes over what is known and has the right type.
   *
   * @returns null when the text is no object, otherwise whether something changed
   */
  change(text: string): boolean | null {
    const wanted = text.length > LONGEST_CONFIG ? null : parseJsonObject(text);
    if (wanted === null) return null;
    let hasChanged = false;
    for (const [key, next] of Object.entries(wanted)) {
      const before = this.#document[key];
      const isFitting = typeof next === typeof before && !READ_ONLY.has(key) && typeof next !== "object";
      if (!isFitting || next === before || next === MASK) continue;
      this.#document = { ...this.#document, [key]: next as SettingValue };
      hasChanged = true;
    }
    return hasChanged;
  }
}
