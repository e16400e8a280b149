import type { Clock } from "../../lib/model/clock.ts";
import type { RunningSimulator } from "../simulator.ts";
import type { OpenEvseCarOptions, OpenEvseCarState } from "./car.ts";
import type { OpenEvseFault } from "./faults.ts";
import type { OpenEvseGeneration } from "./generations.ts";

/* What the simulated OpenEVSE is told and what it offers. */

export interface OpenEvseOptions {
  /** default 5.1.5 */
  readonly generation?: OpenEvseGeneration;
  /** Web server: 127.0.0.1 and 0 = any free port. */
  readonly host?: string;
  readonly port?: number;
  /** With a password every page asks for HTTP Basic; "admin" when only a password is given. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** `mqtt://host:port`; missing = MQTT is off. */
  readonly brokerUrl?: string | undefined;
  readonly brokerUsername?: string | undefined;
  readonly brokerPassword?: string | undefined;
  /** The host name unless told otherwise. */
  readonly baseTopic?: string;
  /** Twelve hexadecimal digits; the last four are part of the host name. */
  readonly mac?: string;
  readonly clock?: Clock;
  readonly seed?: number;
  /** the most that the installer allowed, A */
  readonly maxCurrentA?: number;
  readonly phases?: 1 | 3;
  /** of the mains, asked once a second */
  readonly voltageV?: () => number;
  readonly plugged?: boolean;
  readonly car?: OpenEvseCarOptions;
  /** how many times faster than real the battery fills; power and counters stay real */
  readonly speedFactor?: number;
  /** how many times faster than real energy and charging time are counted; more than power times time allows */
  readonly meterSpeedFactor?: number;
  readonly lifetimeWh?: number;
  readonly utcOffsetMin?: number;
  /** how long the WiFi module has been running */
  readonly uptimeS?: number;
  /** how long the WiFi module is away when it reboots */
  readonly rebootMs?: number;
  /** Changes to `/config`, such as `{ mqtt_retained: true }`. */
  readonly config?: Readonly<Record<string, string | number | boolean>>;
}

/** A message as it left for the broker. */
export interface OpenEvsePublication {
  readonly atMs: number;
  readonly topic: string;
  readonly text: string;
  readonly retain: boolean;
}

export interface OpenEvseSimulator extends RunningSimulator<OpenEvseFault> {
  readonly generation: OpenEvseGeneration;
  readonly baseTopic: string;
  /** where it says that it is there; the base topic for an ESP8266 */
  readonly announceTopic: string;
  /** `http://host:port` */
  readonly url: string;
  readonly isMqttConnected: boolean;
  /** AC power of the last second or the last command, W. */
  acPowerW(): number;
  car(): OpenEvseCarState;
  /** Code of fact sheet openevse 2.1. */
  readonly state: number;
  readonly flags: number;
  readonly pilotA: number;
  /** What the charger's counters hold, whether anybody saw it or not. */
  counters(): { readonly sessionWh: number; readonly totalKwh: number; readonly elapsedS: number };
  /** What truly went into cars since the start, Wh. */
  readonly deliveredWh: number;
  /** Connects the car; with options another one, also while one is there. */
  plug(car?: OpenEvseCarOptions): void;
  unplug(): void;
  /** Unplugs and plugs another car in within the same second. */
  swap(car?: OpenEvseCarOptions): void;
  /** The car is woken by its owner or its own timer. */
  wakeCar(): void;
  /** The car stops drawing by itself, or is ready to draw again. */
  setCarRefusing(isRefusing: boolean): void;
  /** `rfid_enabled` of its settings. */
  readonly hasRfid: boolean;
  /** Only while there is RFID. */
  presentTag(tag: string): void;
  setSpeedFactor(speedFactor: number): void;
  /** The WiFi module reboots; missing = as long as the options say. */
  reboot(downMs?: number): void;
  resetController(): void;
  /** All counters back to their last save. */
  rollBackCounters(): void;
  /** Everything that was published, the latest 20 000. */
  readonly publications: readonly OpenEvsePublication[];
  /** Every command that came in over MQTT: topic below the base topic, and text. */
  readonly commands: readonly { readonly path: string; readonly text: string }[];
  /** Every HTTP request. */
  readonly requests: readonly { readonly method: string; readonly path: string; readonly body: string }[];
  readonly openSockets: number;
}
