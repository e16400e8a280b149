import type { DeviceRequest } from "../web/device-web-server.ts";
import type { Answer } from "../web/wire-faults.ts";
import { CLIENT, parseJsonObject, PRIORITY, readProperties } from "./claims.ts";
import { propertiesOf } from "./documents.ts";
import { feedDivert, feedShaper } from "./feeds.ts";
import { hasFeature } from "./generations.ts";
import {
  clearOverride,
  type CommandHost,
  noteSchedule,
  noteSettings,
  restart,
  setDivertMode,
  toggleOverride,
} from "./mqtt-commands.ts";
import { answerRapi, passesRapi } from "./rapi.ts";
import { readEvents } from "./schedule.ts";
import { readLimit } from "./session-limit.ts";
import type { WifiModule } from "./wifi-module.ts";
import { toWireJson } from "./wire-text.ts";

/* The HTTP API of an OpenEVSE (fact sheet openevse 5). */

const json = (status: number, shown: unknown): Answer => ({ status, body: JSON.stringify(shown) });
const say = (status: number, msg: string): Answer => json(status, { msg });
const text = (status: number, body: string): Answer => ({ status, contentType: "text/plain", body });
const notFound = say(404, "Not found");
const badMethod = say(405, "Method not allowed");
const badRequest = say(400, "Could not parse JSON");

/** Everything behind the password. The caller brings the module up to date before and tells the changes after. */
export function answerHttp(module: WifiModule, host: CommandHost, request: DeviceRequest): Answer {
  const { path } = request;
  const isOld = module.traits.chip === "esp8266";
  if (path === "/status") return status(module, request);
  if (path === "/config") return config(module, host, request);
  if (path === "/r") return rapi(module, request);
  if (path === "/divertmode") return divertMode(module, request);
  if (isOld) return notFound;
  if (path === "/override") return override(module, request);
  if (path === "/shaper") return shaper(module, request);
  if (path === "/restart") return restartDevice(module, host, request);
  if (path === "/emeter") return emeter(module, request);
  if (path === "/time") return time(module, request);
  if (path === "/limit") return hasFeature(module.traits, "limits") ? limit(module, request) : notFound;
  const [, room, rest] = /^\/(claims|schedule|logs)(?:\/(\w+))?$/.exec(path) ?? [];
  if (room === "claims") return claims(module, request, rest);
  if (room === "schedule") return schedule(module, request, rest);
  if (room === "logs") return logs(module, request, rest);
  return notFound;
}

function status(module: WifiModule, { method, body }: DeviceRequest): Answer {
  if (method === "POST" && module.traits.chip === "esp32") return feed(module, body);
  if (method !== "GET") return badMethod;
  const ofCar = ["battery_level", "battery_range", "time_to_full_charge"];
  const ofRfid = module.settings.isOn("rfid_enabled") ? ["rfid_auth"] : [];
  const fields = module.fields([...module.keys.status, ...ofCar, ...ofRfid]);
  return { status: 200, body: toWireJson(fields, module.traits.chip === "esp32") };
}

/** `POST /status`: measurements and data of the car. */
function feed(module: WifiModule, body: string): Answer {
  const fed = parseJsonObject(body);
  if (fed === null) return badRequest;
  const numberOf = (key: string): number | undefined => {
    const shown = fed[key];
    return typeof shown === "number" ? shown : undefined;
  };
  const { vehicleData } = module;
  const [voltageV, liveW, solarW, gridW] = ["voltage", "shaper_live_pwr", "solar", "grid_ie"].map(numberOf);
  if (voltageV !== undefined) module.voltageFeed.take(voltageV, module.clock.nowMs);
  if (liveW !== undefined) feedShaper(module, Math.trunc(liveW));
  if (solarW !== undefined) feedDivert(module, "solar", Math.trunc(solarW));
  if (gridW !== undefined) feedDivert(module, "grid", Math.trunc(gridW));
  if (module.settings.number("vehicle_data_src") === 3) {
    vehicleData.socPercent = numberOf("battery_level") ?? vehicleData.socPercent;
    vehicleData.range = numberOf("battery_range") ?? vehicleData.range;
    vehicleData.etaS = numberOf("time_to_full_charge") ?? vehicleData.etaS;
    module.echo(["battery_level", "battery_range", "time_to_full_charge"].filter((key) => key in fed));
  }
  return json(200, fed);
}

function config(module: WifiModule, host: CommandHost, { method, body }: DeviceRequest): Answer {
  if (method === "GET") return json(200, module.settings.document);
  if (method !== "POST") return badMethod;
  const hasChanged = module.settings.change(body);
  if (hasChanged === null) return badRequest;
  if (hasChanged) noteSettings(module, host);
  return say(200, hasChanged ? "done" : "no change");
}

function rapi(module: WifiModule, { query }: DeviceRequest): Answer {
  const cmd = query.get("rapi") ?? "";
  const [command = ""] = cmd.trim().split(/[ ^*]/, 1);
  if (!passesRapi(module, command)) return json(200, { cmd, error: "RAPI_RESPONSE_BLOCKED" });
  const ret = answerRapi(module, cmd);
  return query.get("json") === "1" ? json(200, { cmd, ret }) : text(200, `${cmd} > ${ret}`);
}

function divertMode(module: WifiModule, { method, body }: DeviceRequest): Answer {
  if (method !== "POST") return badMethod;
  const isKnown = setDivertMode(module, new URLSearchParams(body).get("divertmode") ?? "");
  return isKnown ? text(200, "Divert Mode changed") : text(400, "Bad divert mode");
}

function shaper(module: WifiModule, { method, body }: DeviceRequest): Answer {
  if (method !== "POST") return badMethod;
  const wanted = new URLSearchParams(body).get("shaper");
  if (wanted !== "0" && wanted !== "1") return text(400, "Bad shaper mode");
  module.shaper.isOn = wanted === "1";
  return text(200, "Current Shaper state changed");
}

function override(module: WifiModule, { method, body }: DeviceRequest): Answer {
  switch (method) {
    case "GET": {
      const properties = propertiesOf(module.claims.get(CLIENT.override));
      return properties === null ? missing(module, "No manual override") : json(200, properties);
    }
    case "POST": {
      const wanted = readProperties(body, { auto_release: true });
      if (wanted === null) return badRequest;
      return module.claim(CLIENT.override, PRIORITY.override, wanted)
        ? say(201, "Created")
        : say(500, "Failed to claim manual overide");
    }
    case "PATCH":
      toggleOverride(module);
      return say(200, "Updated");
    case "DELETE":
      if (!module.hasOverride) return say(500, "Failed to release manual overide");
      clearOverride(module);
      return say(200, "Deleted");
    default:
      return badMethod;
  }
}

const missing = (module: WifiModule, msg: string): Answer =>
  module.traits.missing === "empty" ? json(200, {}) : say(404, msg);

function claims(module: WifiModule, { method, body }: DeviceRequest, rest: string | undefined): Answer {
  if (rest === undefined) return method === "GET" ? json(200, module.claims.list()) : badMethod;
  if (rest === "target") {
    const { properties, claims: deciders } = module.claims.target();
    return method === "GET" ? json(200, { properties, claims: deciders }) : badMethod;
  }
  // ids are read as 32-bit numbers and saturate
  const client = /^\d+$/.test(rest) ? Math.min(Number(rest), 0x7fff_ffff) : 0;
  if (client === 0) return badRequest;
  const known = module.claims.get(client);
  switch (method) {
    case "GET":
      return known === undefined ? notFound : json(200, known);
    case "POST": {
      const wanted = readProperties(body, { auto_release: false });
      if (wanted === null) return badRequest;
      return module.claim(client, PRIORITY.api, wanted) ? say(200, "done") : say(500, "Failed to claim");
    }
    case "DELETE":
      if (known === undefined) return notFound;
      module.claim(client, known.priority, null);
      return say(200, "done");
    default:
      return badMethod;
  }
}

function schedule(module: WifiModule, { method, body }: DeviceRequest, rest: string | undefined): Answer {
  if (rest === "plan") return method === "GET" ? json(200, plan(module)) : badMethod;
  const id = rest === undefined ? undefined : Number(rest);
  if (id !== undefined && !Number.isInteger(id)) return badRequest;
  switch (method) {
    case "GET": {
      const shown = id === undefined ? module.schedule.list() : module.schedule.get(id);
      return shown === undefined ? notFound : json(200, shown);
    }
    case "POST": {
      const events = readEvents(body, id);
      if (events === null || !module.schedule.upsert(events)) return badRequest;
      noteSchedule(module);
      return say(200, "done");
    }
    case "DELETE":
      if (id === undefined || !module.schedule.remove(id)) return notFound;
      noteSchedule(module);
      return say(200, "done");
    default:
      return badMethod;
  }
}

function plan(module: WifiModule): object {
  const { current, next, nextDelayS } = module.plan();
  return {
    ...(current === null ? {} : { current_event: current }),
    ...(next === null ? {} : { next_event: next, next_event_delay: nextDelayS }),
  };
}

function limit(module: WifiModule, { method, body }: DeviceRequest): Answer {
  switch (method) {
    case "GET":
      return module.limit === null ? missing(module, "No limit") : json(200, module.limit);
    case "POST": {
      const wanted = readLimit(body);
      if (wanted === null) return badRequest;
      module.setLimit(wanted);
      return say(201, "Created");
    }
    case "DELETE":
      module.setLimit(null);
      return say(200, "Deleted");
    default:
      return badMethod;
  }
}

function restartDevice(module: WifiModule, host: CommandHost, { method, body }: DeviceRequest): Answer {
  if (method !== "POST") return badMethod;
  return restart(module, host, body) ? say(200, "restart") : badRequest;
}

function emeter(module: WifiModule, { method, body }: DeviceRequest): Answer {
  if (method !== "DELETE" || module.meter === null) return module.meter === null ? notFound : badMethod;
  const wanted = parseJsonObject(body);
  if (wanted === null || !("hard" in wanted) || !("import" in wanted)) return badRequest;
  module.meter.reset(Boolean(wanted["hard"]), module.clock.nowMs);
  if (wanted["import"]) module.meter.importTotal(module.controller.lifetimeWh / 1000, module.clock.nowMs);
  return say(200, "Reset done");
}

function time(module: WifiModule, { method }: DeviceRequest): Answer {
  if (method !== "GET") return badMethod;
  return json(200, Object.fromEntries(module.fields(["time", "local_time", "offset"])));
}

function logs(module: WifiModule, { method }: DeviceRequest, rest: string | undefined): Answer {
  if (method !== "GET") return badMethod;
  if (rest === undefined) return json(200, module.log.range);
  const block = module.log.block(Number(rest));
  return block === undefined ? notFound : json(200, block);
}
