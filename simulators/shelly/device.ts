import { type Cancel, type Clock, repeatEvery } from "../../lib/model/clock.ts";
import type { DeviceWebServer, WireCounts } from "../web/device-web-server.ts";
import { createMetering, type ChannelReading, type Metering, type SampleSource } from "./metering.ts";
import type { RunningSimulator } from "../simulator.ts";
import { isHttpFault } from "../web/wire-faults.ts";

/**
 * What can be wrong with a Shelly.
 *
 * | fault | seen by a client |
 * |---|---|
 * | `silent` | TCP is accepted, nothing is ever answered |
 * | `refuse` | the port is closed, connections are dropped |
 * | `slow-loris` | the body arrives at one byte per second |
 * | `endless-body` | the body never ends |
 * | `garbage` | bytes that are no text, then (every other request) bytes that are no HTTP |
 * | `truncated-json` | half of the JSON, with a length that fits |
 * | `html-200` | a web page with status 200 |
 * | `unauthorized` | somebody changed the password |
 * | `too-many-attempts` | generation 2 and later: 429 where a password would be asked for (firmware 2 in the field) |
 * | `server-error` | status 500 |
 * | `redirect` | status 302 to another host name, again and again |
 * | `nan` | `NaN` for numbers, then (every other answer) words for numbers |
 * | `huge-value` | 1e9 W |
 * | `null-fields` | null for every measured number |
 * | `frozen` | the same reading while the true power moves; counters stand still |
 * | `invalid` | `is_valid` false, or `errors: ["power_meter_failure"]` |
 * | `half-open` | connections that are open at that moment go dead without being closed; new ones work |
 */
export const shellyFaults = [
  "silent",
  "refuse",
  "slow-loris",
  "endless-body",
  "garbage",
  "truncated-json",
  "html-200",
  "unauthorized",
  "too-many-attempts",
  "server-error",
  "redirect",
  "nan",
  "huge-value",
  "null-fields",
  "frozen",
  "invalid",
  "half-open",
] as const;
export type ShellyFault = (typeof shellyFaults)[number];

/** What every simulated Shelly can be made to do. */
export interface ShellySimulator extends RunningSimulator<ShellyFault>, WireCounts {
  /** Twelve upper-case hexadecimal digits; changes with `replaceDevice`. */
  readonly mac: string;
  /** Power off now, on again after `downMs`: connections dropped, uptime 0, no time until NTP, counters kept. */
  reboot(options: { readonly downMs: number }): void;
  resetCounters(): void;
  /** Another device with another mac and fresh counters answers at the same address. */
  replaceDevice(): void;
}

export interface ShellyBodyOptions {
  readonly clock: Clock;
  readonly channels: readonly SampleSource[];
  readonly mac: string;
  /** From boot until the time is known. */
  readonly ntpDelayMs: number;
  readonly onStep?: (readings: readonly ChannelReading[], elapsedMs: number) => void;
  /** Once a second while the device has power. */
  readonly onSecond?: () => void;
  /** The power went, or another device took the place. */
  readonly onGone?: () => void;
}

/** Everything a Shelly is apart from its protocol: clock, identity, metering chip, power. */
export interface ShellyBody {
  readonly mac: string;
  readonly fault: ShellyFault | null;
  readonly uptimeS: number;
  /** Whole seconds since 1970, or 0 before the time is known. */
  readonly unixtimeS: number;
  readonly metering: Metering;
  plugInto(server: DeviceWebServer): void;
  setFault(fault: ShellyFault | null): void;
  reboot(options: { readonly downMs: number }): void;
  replaceDevice(): void;
  stop(): void;
}

/** How long the device has been running when the simulator starts. */
const FIRST_UPTIME_MS = 864_001_000;
export const NTP_DELAY_MS = 5_000;

export function createShellyBody(options: ShellyBodyOptions): ShellyBody {
  const { clock } = options;
  let mac = options.mac.toUpperCase();
  let fault: ShellyFault | null = null;
  let bootedAtMs = clock.monotonicMs() - FIRST_UPTIME_MS;
  let server: DeviceWebServer | undefined;
  let cancelBoot: Cancel | undefined;

  const unixtimeS = (): number =>
    clock.monotonicMs() - bootedAtMs >= options.ntpDelayMs ? Math.floor(clock.nowMs() / 1000) : 0;
  const metering = createMetering(clock, options.channels, options.onStep);
  const cancelSecond = repeatEvery(clock, 1000, () => {
    if (cancelBoot !== undefined) return;
    metering.update();
    options.onSecond?.();
  });

  function boot(): void {
    cancelBoot = undefined;
    bootedAtMs = clock.monotonicMs();
    metering.setRunning(fault !== "frozen");
    server?.setPowered(true);
  }

  return {
    get mac() {
      return mac;
    },
    get fault() {
      return fault;
    },
    get uptimeS() {
      return Math.floor((clock.monotonicMs() - bootedAtMs) / 1000);
    },
    get unixtimeS() {
      return unixtimeS();
    },
    metering,
    plugInto(webServer) {
      server = webServer;
    },
    setFault(next) {
      fault = next;
      metering.setRunning(next !== "frozen" && cancelBoot === undefined);
      server?.setFault(next === "refuse" || isHttpFault(next) ? next : null);
      if (next === "half-open") server?.deadenConnections();
    },
    reboot({ downMs }) {
      cancelBoot?.();
      metering.setRunning(false);
      options.onGone?.();
      server?.setPowered(false);
      cancelBoot = clock.after(downMs, boot);
    },
    replaceDevice() {
      mac = nextMac(mac);
      metering.resetCounters();
      bootedAtMs = clock.monotonicMs() - options.ntpDelayMs;
      options.onGone?.();
      server?.dropConnections();
    },
    stop() {
      cancelBoot?.();
      cancelSecond();
    },
  };
}

const nextMac = (mac: string): string =>
  ((Number.parseInt(mac, 16) + 1) % 2 ** 48).toString(16).toUpperCase().padStart(12, "0");

/** One JSON object that a device sends. */
export type Component = Readonly<Record<string, unknown>>;

/** Stands in for a bare NaN until the text is made; JSON has no word for it. */
const NAN_MARK = "\u0000NaN\u0000";

/**
 * Makes the measured numbers of one component wrong, as the fault demands. Everything numeric apart from ids is measured.
 *
 * @param answerNumber the fault "nan" alternates with it
 */
export function distort(component: Component, fault: ShellyFault | null, answerNumber: number): Component {
  const isPower = (key: string): boolean => key === "power" || key.endsWith("_power");
  const distorted = Object.entries(component).map(([key, shown]): [string, unknown] => {
    if (typeof shown !== "number" || key === "id") return [key, shown];
    if (fault === "nan") return [key, answerNumber % 2 === 1 ? NAN_MARK : "n/a"];
    if (fault === "null-fields") return [key, null];
    if (fault === "huge-value" && isPower(key)) return [key, 1e9];
    return [key, shown];
  });
  return Object.fromEntries(distorted);
}

/** JSON as a device writes it, which may hold a bare NaN. */
export const toDeviceJson = (shown: unknown): string =>
  JSON.stringify(shown).replaceAll(JSON.stringify(NAN_MARK), "NaN");
