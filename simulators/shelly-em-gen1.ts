import { type Clock, systemClock } from "../lib/model/clock.ts";
import { roundTo } from "../lib/model/units.ts";
import { type DeviceRequest, type DeviceWebServer, startDeviceWebServer } from "./web/device-web-server.ts";
import type { ChannelReading, SampleSource } from "./shelly/metering.ts";
import { RunningShelly } from "./shelly/running-shelly.ts";
import {
  type Component,
  createShellyBody,
  distort,
  NTP_DELAY_MS,
  type ShellyBody,
  type ShellySimulator,
  toDeviceJson,
} from "./shelly/device.ts";
import { addToHistory, emptyHistory, toHistoryCsv } from "./shelly/history.ts";
import type { Answer } from "./web/wire-faults.ts";

export type { ShellyFault } from "./shelly/device.ts";

export interface ShellyGen1Options {
  /** 0 = any free port */
  readonly port?: number;
  readonly host?: string;
  readonly clock?: Clock;
  /** One or two clamps, or three with `has3Phases`. */
  readonly channels: readonly SampleSource[];
  /** "admin" when only a password is given */
  readonly username?: string;
  /** With a password everything but /shelly asks for HTTP Basic. */
  readonly password?: string;
  /** Twelve hexadecimal digits. */
  readonly mac?: string;
  /** A Shelly 3EM (SHEM-3) instead of an EM (SHEM). */
  readonly has3Phases?: boolean;
  /** From boot until the time is known, default 5 s. */
  readonly ntpDelayMs?: number;
}

export interface ShellyGen1Simulator extends ShellySimulator {
  /** The contactor relay. */
  readonly relayOn: boolean;
}

const FIRMWARE = "20230913-114008/v1.14.0-gcb84623";
/** The flash is read at about 8 KB/s, so a full history takes minutes. */
const CSV_BYTES_PER_SECOND = 8192;

/**
 * A Shelly EM or 3EM of the first generation, as fact sheet v2g 4.1 describes it on the wire.
 *
 * @throws EvError `config` when the port is taken
 */
export async function startShellyGen1(options: ShellyGen1Options): Promise<ShellyGen1Simulator> {
  const { port = 0, host = "127.0.0.1", clock = systemClock, channels, has3Phases = false } = options;
  const histories = channels.map(() => emptyHistory);
  const relay = { isOn: false };
  const body = createShellyBody({
    clock,
    channels,
    mac: options.mac ?? "98CDAC1F8A20",
    ntpDelayMs: options.ntpDelayMs ?? NTP_DELAY_MS,
    onStep(readings) {
      for (const [index, reading] of readings.entries()) {
        histories[index] = addToHistory(histories[index] ?? emptyHistory, reading, body.unixtimeS);
      }
    },
  });
  const device: Gen1Device = {
    body,
    has3Phases,
    channelCount: channels.length,
    relay,
    hasPassword: () => options.password !== undefined || body.fault === "unauthorized",
    historyCsv: (channel) => toHistoryCsv(histories[channel]?.rows ?? []),
    transfer: { endsAtMs: 0 },
    nowMs: () => clock.monotonicMs(),
    answerNumber: 0,
  };
  const server = await startDeviceWebServer({
    host,
    port,
    clock,
    keepAlive: false,
    answer: (request) =>
      request.path === "/shelly" || isAllowed(request, options, body) ? answerGen1(device, request) : denied(device),
  }).catch((thrown: unknown) => {
    body.stop();
    throw thrown;
  });
  return new RunningGen1(body, server, relay);
}

class RunningGen1 extends RunningShelly implements ShellyGen1Simulator {
  readonly #relay: Gen1Device["relay"];

  constructor(body: ShellyBody, server: DeviceWebServer, relay: Gen1Device["relay"]) {
    super(body, server);
    this.#relay = relay;
  }
  get relayOn(): boolean {
    return this.#relay.isOn;
  }
}

interface Gen1Device {
  readonly body: ShellyBody;
  readonly has3Phases: boolean;
  readonly channelCount: number;
  readonly relay: { isOn: boolean };
  readonly hasPassword: () => boolean;
  readonly historyCsv: (channel: number) => string;
  /** One file at a time. */
  readonly transfer: { endsAtMs: number };
  readonly nowMs: () => number;
  answerNumber: number;
}

function isAllowed(request: DeviceRequest, options: ShellyGen1Options, body: ShellyBody): boolean {
  if (body.fault === "unauthorized") return false;
  if (options.password === undefined) return true;
  const expected = Buffer.from(`${options.username ?? "admin"}:${options.password}`).toString("base64");
  const [scheme = "", credentials = ""] = (request.headers.authorization ?? "").split(" ", 2);
  return scheme.toLowerCase() === "basic" && credentials === expected;
}

const denied = (device: Gen1Device): Answer => ({
  status: 401,
  contentType: "text/plain",
  body: "401 Unauthorized",
  headers: { "WWW-Authenticate": `Basic realm="${hostname(device)}"` },
});

const notFound: Answer = { status: 404, contentType: "text/plain", body: "Not Found" };

const hostname = ({ body, has3Phases }: Gen1Device): string =>
  `${has3Phases ? "shellyem3" : "shellyem"}-${body.mac.slice(-6)}`;

function answerGen1(device: Gen1Device, request: DeviceRequest): Answer {
  device.answerNumber++;
  if (request.path === "/shelly") return json(identity(device));
  if (request.path === "/status") return json(status(device));
  if (request.path === "/settings") return json(settings(device));
  if (request.path === "/relay/0") return json(switchRelay(device, request.query.get("turn")));
  const [, inSettings, index, file] = /^(\/settings)?\/emeter\/(\d)(\/em_data\.csv)?$/.exec(request.path) ?? [];
  const channel = Number(index);
  if (index === undefined || channel >= device.channelCount) return notFound;
  if (inSettings !== undefined) return file === undefined ? json(emeterSettings(device)) : notFound;
  if (file !== undefined) return csv(device, channel);
  if (request.query.get("reset_totals") === "true") device.body.metering.resetCounters(channel);
  const reading = device.body.metering.readings()[channel];
  return reading === undefined ? notFound : json(emeter(device, reading));
}

const json = (shown: Component): Answer => ({ status: 200, body: toDeviceJson(shown) });

function csv(device: Gen1Device, channel: number): Answer {
  const nowMs = device.nowMs();
  if (nowMs < device.transfer.endsAtMs) {
    return { status: 200, contentType: "text/plain", body: "Another file transfer is in progress!" };
  }
  const text = device.historyCsv(channel);
  device.transfer.endsAtMs = nowMs + (text.length / CSV_BYTES_PER_SECOND) * 1000;
  return { status: 200, contentType: "text/csv", body: text, bytesPerSecond: CSV_BYTES_PER_SECOND };
}

const identity = (device: Gen1Device): Component => ({
  type: device.has3Phases ? "SHEM-3" : "SHEM",
  mac: device.body.mac,
  auth: device.hasPassword(),
  fw: FIRMWARE,
  longid: 1,
  num_outputs: 1,
  num_meters: 0,
  num_emeters: device.channelCount,
  report_period: 1,
});

/** One element of `emeters`; an EM has no `current`, a 3EM has no `reactive`. */
function emeter(device: Gen1Device, reading: ChannelReading): Component {
  const { fault } = device.body;
  const direction = reading.powerW < 0 ? -1 : 1;
  const measured: Component = {
    power: roundTo(reading.powerW, 2),
    ...(device.has3Phases
      ? { pf: roundTo(direction * Math.abs(reading.powerFactor), 2), current: roundTo(reading.currentA, 2) }
      : {
          reactive: roundTo(reading.reactiveVar, 2),
          pf: roundTo(direction * Math.abs(reading.powerFactor), 2),
        }),
    voltage: roundTo(reading.voltageV, 2),
    is_valid: fault !== "invalid",
    total: roundTo(reading.importWh, 1),
    total_returned: roundTo(reading.exportWh, 1),
  };
  return distort(measured, fault, device.answerNumber);
}

function status(device: Gen1Device): Component {
  const { body } = device;
  const readings = body.metering.readings();
  const unixtime = body.unixtimeS;
  const totalPower = roundTo(
    readings.reduce((sumW, reading) => sumW + reading.powerW, 0),
    2,
  );
  return {
    wifi_sta: { connected: true, ssid: "home", ip: "192.0.2.10", rssi: -61 },
    cloud: { enabled: false, connected: false },
    mqtt: { connected: false },
    time: unixtime === 0 ? "" : new Date(unixtime * 1000).toISOString().slice(11, 16),
    unixtime,
    serial: 8123,
    has_update: false,
    mac: body.mac,
    relays: [relayStatus(device)],
    emeters: readings.map((reading) => emeter(device, reading)),
    ...(device.has3Phases ? distort({ total_power: totalPower }, body.fault, device.answerNumber) : {}),
    update: { status: "idle", has_update: false },
    ram_total: 51064,
    ram_free: 35000,
    fs_size: 233681,
    fs_free: 155000,
    uptime: body.uptimeS,
  };
}

const relayStatus = (device: Gen1Device): Component => ({
  ison: device.relay.isOn,
  has_timer: false,
  timer_started: 0,
  timer_duration: 0,
  timer_remaining: 0,
  overpower: false,
  is_valid: true,
  source: "http",
});

function switchRelay(device: Gen1Device, turn: string | null): Component {
  if (turn === "on") device.relay.isOn = true;
  else if (turn === "off") device.relay.isOn = false;
  else if (turn === "toggle") device.relay.isOn = !device.relay.isOn;
  return relayStatus(device);
}

/** `ctraf_type` is the rating of the clamp, A. */
const emeterSettings = (device: Gen1Device): Component => ({
  name: null,
  appliance_type: "General",
  ctraf_type: device.has3Phases ? 120 : 50,
  max_power: 0,
});

const settings = (device: Gen1Device): Component => ({
  device: {
    type: device.has3Phases ? "SHEM-3" : "SHEM",
    mac: device.body.mac,
    hostname: hostname(device),
    num_outputs: 1,
    num_meters: 0,
    num_emeters: device.channelCount,
  },
  login: { enabled: device.hasPassword(), unprotected: false, username: "admin" },
  name: null,
  fw: FIRMWARE,
  unixtime: device.body.unixtimeS,
  timezone: "Europe/London",
  relays: [{ name: null, ison: device.relay.isOn, default_state: "off" }],
  emeters: Array.from({ length: device.channelCount }, () => emeterSettings(device)),
});
