import type { Clock } from "../../lib/model/clock.ts";
import { CLIENT, Claims, type Properties } from "./claims.ts";
import { type Controller, STATE } from "./controller.ts";
import { EnergyMeter } from "./energy-meter.ts";
import { EventLog } from "./event-log.ts";
import { type GenerationTraits, hasFeature } from "./generations.ts";
import { Divert, Shaper } from "./load-following.ts";
import { ModuleClock } from "./module-clock.ts";
import { RfidReader } from "./rfid-reader.ts";
import { Schedule, type TimerPlan } from "./schedule.ts";
import type { SessionLimit } from "./session-limit.ts";
import type { Settings } from "./settings-document.ts";
import { VoltageFeed } from "./voltage-feed.ts";
import { type WireKeys, wireKeysOf } from "./wire-keys.ts";

/* What the WiFi module of an OpenEVSE is made of, and what can be seen of it. Nothing in here changes by itself. */

export interface PartsOptions {
  readonly clock: Clock;
  readonly traits: GenerationTraits;
  readonly controller: Controller;
  readonly settings: Settings;
  readonly seed: number;
  readonly utcOffsetMin: number;
  readonly uptimeS: number;
  readonly totalKwh: number;
  readonly mac: string;
}

export type VersionName = "config" | "claims" | "override" | "schedule" | "schedule_plan" | "limit";

/** What others told about the car. */
export interface VehicleData {
  socPercent: number | null;
  range: number | null;
  etaS: number | null;
}

const DEFAULT_VOLTAGE_V = 240;

export class ModuleParts {
  readonly traits: GenerationTraits;
  readonly keys: WireKeys;
  readonly clock: ModuleClock;
  readonly controller: Controller;
  readonly settings: Settings;
  readonly meter: EnergyMeter | null;
  readonly claims = new Claims();
  readonly schedule: Schedule;
  readonly log = new EventLog();
  readonly shaper = new Shaper();
  readonly rfid = new RfidReader();
  readonly voltageFeed = new VoltageFeed();
  readonly vehicleData: VehicleData = { socPercent: null, range: null, etaS: null };
  readonly versions: Record<VersionName, number>;
  readonly mac: string;
  /** What MQTT said last, which later messages build on (section 4.2). */
  kept = forgetKept();
  limit: SessionLimit | null = null;
  isLimitReached = false;
  divert: Divert;
  divertMode: 1 | 2;
  isRunning = true;
  isMqttConnected = false;
  vehicleChangedAtMs: number;
  temperatureMax: number;

  constructor(options: PartsOptions) {
    const { traits, controller, settings } = options;
    this.traits = traits;
    this.keys = wireKeysOf(traits);
    this.clock = new ModuleClock(options.clock, options.utcOffsetMin, options.uptimeS);
    this.controller = controller;
    this.settings = settings;
    this.mac = options.mac;
    const { nowMs } = this.clock;
    this.meter = hasFeature(traits, "wifi-meter")
      ? new EnergyMeter({ atMs: nowMs, totalKwh: options.totalKwh, countsPauses: traits.countsPauses })
      : null;
    this.schedule = new Schedule(options.seed);
    this.versions = { config: 1, claims: 0, override: 0, schedule: 1, schedule_plan: 0, limit: 0 };
    this.divert = new Divert(nowMs);
    this.divertMode = this.configuredDivertMode();
    this.shaper.isOn = settings.isOn("current_shaper_enabled");
    this.vehicleChangedAtMs = nowMs;
    this.temperatureMax = this.temperature();
  }

  /** V. */
  reportedVoltageV(): number {
    if (this.traits.voltage === "controller") return Math.round(this.controller.voltageV * 10) / 10;
    return this.voltageFeed.read(this.clock.nowMs) ?? DEFAULT_VOLTAGE_V;
  }
  /** Power of one ampere, W. */
  perAmpW(): number {
    return this.reportedVoltageV() * this.controller.phases;
  }
  /** 1/10 degree C. */
  temperature(): number {
    return Math.round(250 + this.controller.amps * 6);
  }
  /** What `vehicle` says. */
  get hasVehicleNow(): boolean {
    const { state, evConnected } = this.controller;
    return evConnected && !(this.traits.vehicleWhenDisabled === "zero" && state === STATE.disabled);
  }
  get hasOverride(): boolean {
    return this.claims.get(CLIENT.override) !== undefined;
  }
  get wantedState(): "active" | "disabled" {
    const byDefault = this.settings.document["default_state"] === false ? "disabled" : "active";
    return this.claims.target().properties.state ?? byDefault;
  }
  /** Effective ceiling, A. */
  get maxCurrentA(): number {
    const soft = this.settings.number("max_current_soft");
    return Math.min(soft, this.claims.target().properties.max_current ?? soft);
  }
  sessionWh(): number {
    return this.meter?.counters.sessionWh ?? this.controller.sessionWs / 3600;
  }
  elapsedS(): number {
    return Math.floor(this.meter?.counters.elapsedS ?? this.controller.elapsedS);
  }
  totalKwh(): number {
    return this.meter?.counters.totalKwh ?? this.controller.lifetimeWh / 1000;
  }
  shaperCurrentA(): number {
    const maxW = this.settings.number("current_shaper_max_pwr");
    return this.shaper.currentA(maxW, this.controller.amps, this.perAmpW());
  }
  plan(): TimerPlan {
    return this.schedule.plan(this.clock.localMs(), this.settings.number("scheduler_start_window"));
  }
  configuredDivertMode(): 1 | 2 {
    return this.settings.text("charge_mode") === "eco" ? 2 : 1;
  }
}

export const forgetKept = (): { override: Properties; claim: Properties } => ({
  override: { auto_release: true },
  claim: { auto_release: false },
});
