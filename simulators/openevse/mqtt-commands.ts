import { CLIENT, parseJsonObject, PRIORITY, readProperties } from "./claims.ts";
import { feedDivert, feedShaper } from "./feeds.ts";
import { type GenerationTraits, hasFeature } from "./generations.ts";
import { answerRapi, passesRapi } from "./rapi.ts";
import { readEvents } from "./schedule.ts";
import { readLimit } from "./session-limit.ts";
import type { Settings } from "./settings-document.ts";
import type { WifiModule } from "./wifi-module.ts";

/* What an OpenEVSE obeys over MQTT (fact sheet openevse 4). There is no acknowledgement, and nonsense is ignored. */

/** What a command needs beyond the module. */
export interface CommandHost {
  /** The answer to a raw command. */
  rapiOut(text: string): void;
  rebootModule(): void;
  /** The settings name the feed topics. */
  resubscribe(): void;
}

/** Topics below the base topic. */
export function commandTopics(traits: GenerationTraits): readonly string[] {
  const topics = ["rapi/in/#", "divertmode/set"];
  if (hasFeature(traits, "claims")) {
    topics.push("override/set", "claim/set", "schedule/set", "schedule/clear", "shaper/set");
  }
  if (hasFeature(traits, "limits")) topics.push("limit/set", "config/set", "restart");
  return topics;
}

/** Topics of others that the settings name. */
export function feedTopics(settings: Settings): readonly string[] {
  const names = [
    ...(settings.isOn("divert_enabled") ? [settings.number("divert_type") === 0 ? "mqtt_solar" : "mqtt_grid_ie"] : []),
    ...(settings.isOn("current_shaper_enabled") ? ["mqtt_live_pwr"] : []),
    "mqtt_vrms",
    ...(settings.number("vehicle_data_src") === 2
      ? ["mqtt_vehicle_soc", "mqtt_vehicle_range", "mqtt_vehicle_eta"]
      : []),
  ];
  return names.map((name) => settings.text(name)).filter((topic) => topic !== "");
}

/** @param path topic without the base topic and its slash */
export function obeyMqtt(module: WifiModule, host: CommandHost, path: string, text: string): void {
  switch (path) {
    case "override/set":
      override(module, text);
      return;
    case "claim/set":
      claim(module, text);
      return;
    case "limit/set":
      limit(module, text);
      return;
    case "schedule/set":
      setSchedule(module, text);
      return;
    case "schedule/clear":
      if (/^\d{1,9}$/.test(text) && module.schedule.remove(Number(text))) noteSchedule(module);
      return;
    case "divertmode/set":
      setDivertMode(module, text);
      return;
    case "shaper/set":
      if (text === "0" || text === "1") module.shaper.isOn = text === "1";
      return;
    case "config/set":
      if (module.settings.change(text) === true) noteSettings(module, host);
      return;
    case "restart":
      restart(module, host, text);
      return;
    default:
      if (path.startsWith("rapi/in/")) rapi(module, host, path.slice("rapi/in/".length), text);
  }
}

function override(module: WifiModule, text: string): void {
  if (text === "clear") clearOverride(module);
  else if (text === "toggle") toggleOverride(module);
  else {
    const wanted = readProperties(text, module.kept.override);
    if (wanted === null) return;
    module.kept = { ...module.kept, override: wanted };
    module.claim(CLIENT.override, PRIORITY.override, wanted);
  }
}

export function clearOverride(module: WifiModule): void {
  module.kept = { ...module.kept, override: { auto_release: true } };
  module.claim(CLIENT.override, PRIORITY.override, null);
}

/** The opposite of what is, or back to what was before. */
export function toggleOverride(module: WifiModule): void {
  if (module.hasOverride) clearOverride(module);
  else {
    const state = module.wantedState === "active" ? "disabled" : "active";
    module.claim(CLIENT.override, PRIORITY.override, { state, auto_release: true });
  }
}

function claim(module: WifiModule, text: string): void {
  if (text === "release") {
    module.kept = { ...module.kept, claim: { auto_release: false } };
    module.claim(CLIENT.mqtt, PRIORITY.api, null);
    return;
  }
  const wanted = readProperties(text, module.kept.claim);
  if (wanted === null) return;
  module.kept = { ...module.kept, claim: wanted };
  module.claim(CLIENT.mqtt, PRIORITY.api, wanted);
}

function limit(module: WifiModule, text: string): void {
  if (text === "clear") {
    module.setLimit(null);
    return;
  }
  const wanted = readLimit(text);
  if (wanted !== null) module.setLimit(wanted);
}

function setSchedule(module: WifiModule, text: string): void {
  const events = readEvents(text);
  if (events !== null && module.schedule.upsert(events)) noteSchedule(module);
}

export function noteSchedule(module: WifiModule): void {
  module.bump("schedule");
  module.touch("schedule");
}

/** @returns false for anything but 1 and 2 */
export function setDivertMode(module: WifiModule, text: string): boolean {
  if (text !== "1" && text !== "2") return false;
  module.divertMode = text === "2" ? 2 : 1;
  return true;
}

export function noteSettings(module: WifiModule, host: CommandHost): void {
  module.bump("config");
  module.touch("config");
  module.shaper.isOn ||= module.settings.isOn("current_shaper_enabled");
  host.resubscribe();
}

/** @returns false when the text names no device */
export function restart(module: WifiModule, host: CommandHost, text: string): boolean {
  const device = parseJsonObject(text)?.["device"];
  if (device === "gateway") host.rebootModule();
  else if (device === "evse") module.controller.reset();
  else return false;
  return true;
}

function rapi(module: WifiModule, host: CommandHost, command: string, parameters: string): void {
  if (!passesRapi(module, command)) return;
  host.rapiOut(answerRapi(module, parameters === "" ? command : `${command} ${parameters}`));
}

/** A plain number on one of the topics of `feedTopics`. */
export function obeyFeed(module: WifiModule, topic: string, text: string): void {
  const { settings, vehicleData } = module;
  const isFor = (name: string): boolean => settings.text(name) === topic;
  // kilowatts lose what stands behind the point
  const whole = Math.trunc(Number.parseFloat(text)) || 0;
  if (isFor("mqtt_solar")) feedDivert(module, "solar", Math.max(0, whole));
  if (isFor("mqtt_grid_ie")) feedDivert(module, "grid", whole);
  if (isFor("mqtt_live_pwr")) feedShaper(module, whole);
  if (isFor("mqtt_vrms")) module.voltageFeed.take(Number.parseFloat(text), module.clock.nowMs);
  if (isFor("mqtt_vehicle_soc")) vehicleData.socPercent = whole;
  if (isFor("mqtt_vehicle_range")) vehicleData.range = whole;
  if (isFor("mqtt_vehicle_eta")) vehicleData.etaS = whole;
  const echoed = {
    mqtt_vehicle_soc: "battery_level",
    mqtt_vehicle_range: "battery_range",
    mqtt_vehicle_eta: "time_to_full_charge",
  };
  for (const [name, key] of Object.entries(echoed)) if (isFor(name)) module.echo([key]);
}
