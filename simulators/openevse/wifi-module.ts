import type { Clock } from "../../lib/model/clock.ts";
import { Announcer, type Outlet, type RetainedDocument } from "./announcer.ts";
import { CLIENT, Claims, commandedFor, type Properties } from "./claims.ts";
import { type Controller, type Delivery, STATE } from "./controller.ts";
import { EnergyMeter } from "./energy-meter.ts";
import { EventLog } from "./event-log.ts";
import { VoltageFeed } from "./feeds.ts";
import { type GenerationTraits, hasFeature } from "./generations.ts";
import { Divert, Shaper } from "./load-following.ts";
import { ModuleClock } from "./module-clock.ts";
import { claimOnOwnBehalf } from "./own-claims.ts";
import { RfidReader } from "./rfid-reader.ts";
import { Schedule, type TimerPlan } from "./schedule.ts";
import type { SessionLimit } from "./session-limit.ts";
import type { Settings } from "./settings-document.ts";
import { type WireKeys, wireKeysOf } from "./wire-keys.ts";
import type { WireFields, WireValue } from "./wire-text.ts";

/*
 * The WiFi module of an OpenEVSE: it watches the controller, decides between claims, counts energy and tells the world.
 * Nothing happens by itself; its owner calls `tick` once a second and `settle` before and after every change.
 */

export interface ModuleOptions {
  readonly clock: Clock;
  readonly traits: GenerationTraits;
  readonly controller: Controller;
  readonly settings: Settings;
  readonly seed: number;
  readonly voltageV: () => number;
  readonly utcOffsetMin: number;
  readonly uptimeS: number;
  readonly totalKwh: number;
  readonly mac: string;
  readonly outlet: Outlet;
}

export type VersionName = "config" | "claims" | "override" | "schedule" | "schedule_plan" | "limit";

/** What others told about the car. */
export interface VehicleData {
  socPercent: number | null;
  range: number | null;
  etaS: number | null;
}

/** The controller falls to 6 A when it does not hear from the module (section 6.1). */
const HEARTBEAT_MS = 5_000;
const ACKNOWLEDGE_MS = 10_000;
const DEFAULT_VOLTAGE_V = 240;
const NO_EVENT = "null";

export class WifiModule {
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
  readonly #announcer: Announcer;
  readonly #voltageV: () => number;
  #downSinceMs = 0;
  #hasVehicle: boolean;
  #stateShown: string;
  #wasCharging: boolean;
  #scheduledEvent = NO_EVENT;
  #lastTarget = "";

  constructor(options: ModuleOptions) {
    const { traits, controller, settings } = options;
    this.traits = traits;
    this.keys = wireKeysOf(traits);
    this.clock = new ModuleClock(options.clock, options.utcOffsetMin, options.uptimeS);
    this.controller = controller;
    this.settings = settings;
    this.mac = options.mac;
    this.#voltageV = options.voltageV;
    const { nowMs } = this.clock;
    this.meter = hasFeature(traits, "wifi-meter")
      ? new EnergyMeter({ atMs: nowMs, totalKwh: options.totalKwh, countsPauses: traits.countsPauses })
      : null;
    this.schedule = new Schedule(options.seed);
    this.versions = { config: 1, claims: 0, override: 0, schedule: 1, schedule_plan: 0, limit: 0 };
    this.divert = new Divert(nowMs);
    this.divertMode = this.#configuredDivertMode();
    this.shaper.isOn = settings.isOn("current_shaper_enabled");
    this.vehicleChangedAtMs = nowMs;
    this.temperatureMax = this.temperature();
    this.#hasVehicle = controller.evConnected;
    this.#decide();
    this.#announcer = new Announcer(this, options.outlet);
    this.#stateShown = this.#stateText();
    this.#wasCharging = controller.state === STATE.charging;
  }

  /* ---- what can be seen ---- */

  /** Values by key, as the module believes them; what it does not have is left out. */
  fields(keys: readonly string[]): WireFields {
    return new Map(
      keys.flatMap((key): [string, WireValue][] => {
        const shown = this.#announcer.read(key);
        return shown === undefined ? [] : [[key, shown]];
      }),
    );
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
  /** Between plug and unplug, as far as the module has noticed. */
  get isSessionOpen(): boolean {
    return this.#hasVehicle;
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

  /* ---- the course of things ---- */

  /** Once a second. */
  tick(): void {
    this.settle();
    if (this.isRunning) this.#announcer.tick(this.controller.state === STATE.charging);
  }

  /** Brings everything up to this instant and tells what has changed. */
  settle(): void {
    const { controller, clock } = this;
    const { nowMs } = clock;
    controller.voltageV = this.#voltageV();
    controller.advance(nowMs, (delivery) => this.#count(delivery));
    this.#followHeartbeat();
    if (!this.isRunning) return;
    if (clock.isSynced) this.meter?.roll(clock.localMs(), nowMs);
    this.temperatureMax = Math.max(this.temperatureMax, this.temperature());
    if (!controller.isStarting && controller.evConnected !== this.#hasVehicle) this.#followPlug();
    this.rfid.follow(this.#hasVehicle, nowMs);
    this.#decide();
    this.#announcer.changes();
    this.#tellState();
  }

  /** Power off, or a crash: what was not saved is gone. */
  powerDown(): void {
    this.isRunning = false;
    this.#downSinceMs = this.clock.nowMs;
  }
  powerUp(): void {
    const { nowMs } = this.clock;
    this.controller.advance(nowMs);
    this.isRunning = true;
    this.clock.reboot();
    this.meter?.restore(nowMs);
    this.claims.clear();
    this.kept = forgetKept();
    this.limit = null;
    this.isLimitReached = false;
    this.#scheduledEvent = NO_EVENT;
    this.#lastTarget = "";
    this.rfid.forget();
    this.divert = new Divert(nowMs);
    this.divertMode = this.#configuredDivertMode();
    this.shaper.isOn = this.settings.isOn("current_shaper_enabled");
    Object.assign(this.versions, { claims: 0, override: 0, schedule_plan: 0, limit: 0 });
    // "not connected" at boot is no change: a car that left meanwhile does not end the session (section 3.7)
    this.#hasVehicle = this.controller.evConnected;
    this.#decide();
    this.#stateShown = this.#stateText();
    this.#wasCharging = this.controller.state === STATE.charging;
    this.#announcer.reboot();
  }

  /* ---- what others ask for ---- */

  /** Sets or (null) releases a client's claim. @returns false when there is no room for it */
  claim(client: number, priority: number, properties: Properties | null): boolean {
    const before = this.claims.get(client);
    if (properties === null) {
      if (before === undefined) return true;
      this.claims.release(client);
    } else {
      const isSame = JSON.stringify(before) === JSON.stringify({ client, priority, ...properties });
      // only what people and programs ask for is answered also when nothing is new
      if (isSame && client !== CLIENT.override && client !== CLIENT.mqtt) return true;
      if (!this.claims.set(client, priority, properties)) return false;
    }
    this.#noteClaim(client);
    return true;
  }
  setLimit(limit: SessionLimit | null): void {
    this.limit = limit;
    this.isLimitReached = false;
    this.bump("limit");
    this.touch("limit");
  }
  /** The document is sent again with the next `settle`. */
  touch(document: RetainedDocument): void {
    this.#announcer.touch(document);
  }
  /** Versions are counters of eight bits. */
  bump(version: VersionName): void {
    this.versions[version] = (this.versions[version] + 1) & 0xff;
  }
  noteScheduledEvent(event: string): void {
    if (event === this.#scheduledEvent) return;
    this.#scheduledEvent = event;
    this.bump("schedule_plan");
  }
  /** Publishes keys once. */
  echo(keys: readonly string[]): void {
    this.#announcer.publish(keys);
  }
  presentTag(tag: string): void {
    if (this.isRunning && this.settings.isOn("rfid_enabled")) this.rfid.present(tag, this.clock.nowMs);
  }

  /* ---- inside ---- */

  #configuredDivertMode(): 1 | 2 {
    return this.settings.text("charge_mode") === "eco" ? 2 : 1;
  }
  #stateText(): string {
    return `${this.controller.state} ${this.controller.flags}`;
  }

  #count(delivery: Delivery): void {
    if (this.meter === null || !this.isRunning || !delivery.isCharging) return;
    const { fromMs, untilMs, amps, energyWh } = delivery;
    this.meter.add({
      fromMs,
      untilMs,
      energyWh: energyWh * (this.reportedVoltageV() / this.controller.voltageV),
      powerW: amps * this.perAmpW(),
      elapsedS: ((untilMs - fromMs) / 1000) * this.controller.meterSpeedFactor,
    });
  }

  #followHeartbeat(): void {
    const { controller, clock } = this;
    if (this.traits.chip === "esp8266") return;
    if (!this.isRunning && clock.nowMs - this.#downSinceMs >= HEARTBEAT_MS) controller.isHeartbeatLost = true;
    if (this.isRunning && clock.runningMs >= ACKNOWLEDGE_MS) controller.isHeartbeatLost = false;
  }

  #followPlug(): void {
    const { nowMs } = this.clock;
    this.#hasVehicle = this.controller.evConnected;
    this.vehicleChangedAtMs = nowMs;
    if (this.#hasVehicle) {
      this.temperatureMax = this.temperature();
      return;
    }
    // the state goes out with the old session still in `elapsed`; the zero follows
    this.#tellState();
    this.meter?.endSession(nowMs);
    this.echo(this.keys.energy);
    for (const client of this.claims.releaseAfterSession()) this.#noteClaim(client);
    this.rfid.forget();
    this.isLimitReached = false;
    if (this.limit?.auto_release) this.setLimit(null);
  }

  #noteClaim(client: number): void {
    this.bump("claims");
    if (client === CLIENT.override) this.bump("override");
    if (client === CLIENT.override) this.touch("override");
    if (client === CLIENT.mqtt) this.touch("claim");
  }

  /** What all claims together mean for the controller. */
  #decide(): void {
    claimOnOwnBehalf(this);
    const wantedA = this.claims.target().properties.charge_current ?? this.maxCurrentA;
    const offeredA = Math.min(wantedA, this.maxCurrentA);
    const commanded = commandedFor(this.wantedState, this.settings.isOn("pause_uses_disabled"));
    const target = `${commanded} ${offeredA}`;
    // only a change is passed on, so that a raw command lasts until then
    if (target === this.#lastTarget) return;
    this.#lastTarget = target;
    this.controller.command(commanded);
    this.controller.offer(offeredA);
  }

  #tellState(): void {
    const shown = this.#stateText();
    if (shown === this.#stateShown) {
      this.#announcer.singles();
      return;
    }
    this.#stateShown = shown;
    const isCharging = this.controller.state === STATE.charging;
    if (isCharging !== this.#wasCharging) this.meter?.countSwitch();
    this.#wasCharging = isCharging;
    this.echo(this.keys.state);
    this.log.note(this);
  }
}

const forgetKept = (): { override: Properties; claim: Properties } => ({
  override: { auto_release: true },
  claim: { auto_release: false },
});
