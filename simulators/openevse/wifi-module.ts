import type { Clock } from "../../lib/model/clock.ts";
import { isoAt } from "../../lib/model/units.ts";
import { CLIENT, Claims, commandedFor, PRIORITY, type Properties } from "./claims.ts";
import { Controller, type Delivery, STATE } from "./controller.ts";
import { EnergyMeter } from "./energy-meter.ts";
import { EventLog } from "./event-log.ts";
import { type GenerationTraits, hasFeature } from "./generations.ts";
import { Divert, type DivertSettings, Shaper } from "./load-following.ts";
import { isReached, limitDocument, type SessionLimit } from "./session-limit.ts";
import { Schedule, type TimerPlan } from "./schedule.ts";
import type { Settings } from "./settings-document.ts";
import { fieldsOf } from "./status-fields.ts";
import { type WireKeys, wireKeysOf } from "./wire-keys.ts";
import type { WireValue } from "./wire-text.ts";

/*
 * The WiFi module of an OpenEVSE: it watches the controller, decides between claims, counts energy and tells the world.
 * Nothing happens by itself; its owner calls `tick` once a second and `settle` after every command.
 */

export type RetainedDocument = "override" | "claim" | "limit" | "schedule" | "config";

/** Where the module's messages go. */
export interface Outlet {
  /** One message per key, in this order. */
  fields(fields: readonly (readonly [string, WireValue])[]): void;
  document(name: RetainedDocument, json: unknown): void;
}

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

const FULL_PERIOD_MS = 30_000;
const ENERGY_PERIOD_MS = 5_000;
const NTP_DELAY_MS = 5_000;
const HEARTBEAT_MS = 5_000;
const ACKNOWLEDGE_MS = 10_000;
const FEED_AGE_MS = 120_000;
const RFID_TIMEOUT_MS = 60_000;
const DEFAULT_VOLTAGE_V = 240;

export class WifiModule {
  readonly traits: GenerationTraits;
  readonly keys: WireKeys;
  readonly controller: Controller;
  readonly settings: Settings;
  readonly claims = new Claims();
  readonly schedule: Schedule;
  readonly log = new EventLog();
  readonly shaper = new Shaper();
  readonly vehicleData: VehicleData = { socPercent: null, range: null, etaS: null };
  readonly versions: Record<VersionName, number> = {
    config: 1,
    claims: 0,
    override: 0,
    schedule: 1,
    schedule_plan: 0,
    limit: 0,
  };
  readonly mac: string;
  /** What MQTT said last, which later messages build on (section 4.2). */
  kept: { override: Properties; claim: Properties } = forgetKept();
  limit: SessionLimit | null = null;
  divert: Divert;
  divertMode: 1 | 2;
  rfidTag = "";
  isRunning = true;
  isMqttConnected = false;
  vehicleChangedAtMs: number;
  temperatureMax = 0;
  readonly meter: EnergyMeter | null;
  readonly #options: ModuleOptions;
  #bootedAtMs: number;
  #syncedAtMs: number;
  #downSinceMs = 0;
  #voltageFeed = { voltageV: 0, atMs: -Infinity };
  #rfidUntilMs = -Infinity;
  #hasVehicle: boolean;
  #isLimitReached = false;
  #stateShown = "";
  #wasCharging = false;
  #plannedEvent = "";
  #lastTarget = "";
  #fullAtMs: number;
  #energyAtMs = -Infinity;
  readonly #shown = new Map<string, WireValue>();
  readonly #dirty = new Set<RetainedDocument>();

  constructor(options: ModuleOptions) {
    const nowMs = options.clock.monotonicMs();
    this.#options = options;
    this.traits = options.traits;
    this.keys = wireKeysOf(options.traits);
    this.controller = options.controller;
    this.settings = options.settings;
    this.mac = options.mac;
    this.schedule = new Schedule(options.seed);
    this.divert = new Divert(nowMs);
    this.divertMode = options.settings.text("charge_mode") === "eco" ? 2 : 1;
    this.shaper.isOn = options.settings.isOn("current_shaper_enabled");
    this.meter = hasFeature(options.traits, "wifi-meter")
      ? new EnergyMeter({ atMs: nowMs, totalKwh: options.totalKwh, countsPauses: options.traits.countsPauses })
      : null;
    this.#bootedAtMs = nowMs - options.uptimeS * 1000;
    this.#syncedAtMs = this.#bootedAtMs;
    this.vehicleChangedAtMs = nowMs;
    this.#fullAtMs = nowMs;
    this.#hasVehicle = options.controller.evConnected;
    this.temperatureMax = this.temperature();
    this.#applyRules(nowMs);
    this.#rememberShown();
  }

  /* ---- what can be seen ---- */

  get nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
  get uptimeS(): number {
    return Math.floor((this.nowMs - this.#bootedAtMs) / 1000);
  }
  /** The device's own idea of the time: 1970 until NTP. */
  utcMs(): number {
    return this.nowMs >= this.#syncedAtMs ? this.#options.clock.nowMs() : this.nowMs - this.#bootedAtMs;
  }
  get utcOffsetMin(): number {
    return this.#options.utcOffsetMin;
  }
  localMs(): number {
    return this.utcMs() + this.utcOffsetMin * 60_000;
  }
  /** As the module believes it, V. */
  reportedVoltageV(): number {
    if (this.traits.voltage === "controller") return Math.round(this.controller.voltageV * 10) / 10;
    const { voltageV, atMs } = this.#voltageFeed;
    return this.nowMs - atMs <= FEED_AGE_MS ? voltageV : DEFAULT_VOLTAGE_V;
  }
  /** 1/10 degree C. */
  temperature(): number {
    return Math.round(250 + this.controller.amps * 6);
  }
  get hasVehicleNow(): boolean {
    const isHidden = this.traits.vehicleWhenDisabled === "zero" && this.controller.state === STATE.disabled;
    return !isHidden && this.controller.evConnected;
  }
  get hasOverride(): boolean {
    return this.claims.get(CLIENT.override) !== undefined;
  }
  get wantedState(): "active" | "disabled" {
    return (
      this.claims.target().properties.state ??
      (this.settings.document["default_state"] === false ? "disabled" : "active")
    );
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
  divertSettings(): DivertSettings {
    return {
      pvRatio: this.settings.number("divert_PV_ratio"),
      attackS: this.settings.number("divert_attack_smoothing_time"),
      decayS: this.settings.number("divert_decay_smoothing_time"),
      minChargeS: this.settings.number("divert_min_charge_time"),
    };
  }
  plan(): TimerPlan {
    return this.schedule.plan(this.localMs(), this.settings.number("scheduler_start_window"));
  }
  documentOf(name: RetainedDocument): unknown {
    const claim = this.claims.get(CLIENT.mqtt);
    const documents: Readonly<Record<RetainedDocument, () => unknown>> = {
      override: () => propertiesOf(this.claims.get(CLIENT.override)) ?? { state: "null" },
      claim: () => (claim === undefined ? { state: "null" } : { priority: claim.priority, ...propertiesOf(claim) }),
      limit: () => limitDocument(this.limit),
      schedule: () => this.schedule.list(),
      config: () => this.settings.document,
    };
    return documents[name]();
  }

  /* ---- what happens ---- */

  /** Once a second. */
  tick(): void {
    this.settle();
    if (!this.isRunning) return;
    const { nowMs } = this;
    if (this.controller.state === STATE.charging) {
      this.#publish(this.keys.power);
      if (nowMs - this.#energyAtMs >= ENERGY_PERIOD_MS) {
        this.#energyAtMs = nowMs;
        this.#publish(this.keys.energy);
      }
    }
    if (nowMs - this.#fullAtMs >= FULL_PERIOD_MS) {
      this.#fullAtMs = nowMs;
      this.#publish(this.keys.full);
      if (this.controller.state !== STATE.charging) this.#publish(this.keys.energy);
    }
  }

  /** Brings everything up to this instant and tells what has changed. */
  settle(): void {
    const { nowMs, controller } = this;
    controller.voltageV = this.#options.voltageV();
    controller.advance(nowMs, (delivery) => this.#count(delivery));
    this.#followHeartbeat(nowMs);
    if (!this.isRunning) return;
    if (this.nowMs >= this.#syncedAtMs) this.meter?.roll(this.localMs(), nowMs);
    this.temperatureMax = Math.max(this.temperatureMax, this.temperature());
    if (!controller.isStarting && controller.evConnected !== this.#hasVehicle) this.#followPlug(nowMs);
    this.#applyRules(nowMs);
    this.#publishWatched();
    this.#publishState();
  }

  /** Sets or (null) releases a client's claim. @returns false when there is no room for it */
  claim(client: number, priority: number, properties: Properties | null): boolean {
    const before = this.claims.get(client);
    if (properties === null) {
      if (before === undefined) return true;
      this.claims.release(client);
    } else {
      const isSame = JSON.stringify(before) === JSON.stringify({ client, priority, ...properties });
      if (!isSame && !this.claims.set(client, priority, properties)) return false;
      // a client that claims by hand is answered also when nothing is new
      if (isSame && client !== CLIENT.override && client !== CLIENT.mqtt) return true;
    }
    this.bump("claims");
    if (client === CLIENT.override) {
      this.bump("override");
      this.touch("override");
    }
    if (client === CLIENT.mqtt) this.touch("claim");
    return true;
  }
  setLimit(limit: SessionLimit | null): void {
    this.limit = limit;
    this.#isLimitReached = false;
    this.bump("limit");
    this.touch("limit");
  }
  /** The document is sent again with the next `settle`. */
  touch(document: RetainedDocument): void {
    this.#dirty.add(document);
  }
  bump(version: VersionName): void {
    this.versions[version] = (this.versions[version] + 1) & 0xff;
  }
  feedVoltage(voltageV: number): void {
    if (voltageV >= 60 && voltageV <= 300) this.#voltageFeed = { voltageV, atMs: this.nowMs };
  }
  feedDivert(kind: "solar" | "grid", watts: number): void {
    if (kind === "solar") this.divert.solarW = watts;
    else this.divert.gridW = watts;
    const { controller, divert } = this;
    const perAmpW = this.reportedVoltageV() * controller.phases;
    const availableA = kind === "solar" ? watts / perAmpW : -watts / perAmpW + controller.amps;
    divert.follow(availableA, this.divertSettings(), this.nowMs);
    const echoed = ["divert_update", kind === "solar" ? "solar" : "grid_ie"];
    const ofEco = ["divert_active", "charge_rate", "available_current", "smoothed_available_current"];
    this.#publish(this.divertMode === 2 ? [...echoed, ...ofEco, "trigger_current", "min_charge_end"] : echoed);
  }
  feedShaper(watts: number): void {
    this.shaper.follow(watts, this.settings.number("current_shaper_smoothing_time"), this.nowMs);
    this.#publish([
      "shaper",
      "shaper_live_pwr",
      "shaper_smoothed_live_pwr",
      "shaper_max_pwr",
      "shaper_cur",
      "shaper_updated",
    ]);
  }
  /** Publishes keys once; unknown ones are left out. */
  echo(keys: readonly string[]): void {
    this.#publish(keys);
  }
  presentTag(tag: string): void {
    if (!this.settings.isOn("rfid_enabled") || !this.isRunning) return;
    this.rfidTag = tag;
    this.#rfidUntilMs = this.nowMs + RFID_TIMEOUT_MS;
  }

  /** Power off, or a crash: what was not saved is gone. */
  powerDown(): void {
    this.isRunning = false;
    this.#downSinceMs = this.nowMs;
  }
  powerUp(): void {
    const { nowMs } = this;
    this.controller.advance(nowMs);
    this.isRunning = true;
    this.#bootedAtMs = nowMs;
    this.#syncedAtMs = nowMs + NTP_DELAY_MS;
    this.#fullAtMs = nowMs;
    this.#energyAtMs = -Infinity;
    this.meter?.restore(nowMs);
    this.claims.clear();
    this.kept = forgetKept();
    this.limit = null;
    this.#isLimitReached = false;
    this.#plannedEvent = "";
    this.#lastTarget = "";
    this.rfidTag = "";
    this.divert = new Divert(nowMs);
    this.divertMode = this.settings.text("charge_mode") === "eco" ? 2 : 1;
    this.shaper.isOn = this.settings.isOn("current_shaper_enabled");
    for (const name of ["claims", "override", "schedule_plan", "limit"] as const) this.versions[name] = 0;
    // "not connected" at boot is no change: a car that left meanwhile does not end the session (section 3.7)
    this.#hasVehicle = this.controller.evConnected;
    this.#applyRules(nowMs);
    this.#rememberShown();
    // whoever listens already sees "1" once even when the shaper is off
    this.#shown.set("shaper", 1);
  }

  #count(delivery: Delivery): void {
    if (this.meter === null || !this.isRunning || !delivery.isCharging) return;
    const ratio = this.reportedVoltageV() / this.controller.voltageV;
    this.meter.add({
      fromMs: delivery.fromMs,
      untilMs: delivery.untilMs,
      energyWh: delivery.energyWh * ratio,
      powerW: delivery.amps * this.reportedVoltageV() * this.controller.phases,
      elapsedS: ((delivery.untilMs - delivery.fromMs) / 1000) * this.controller.meterSpeedFactor,
    });
  }

  #followHeartbeat(nowMs: number): void {
    if (this.traits.chip === "esp8266") return;
    if (!this.isRunning && nowMs - this.#downSinceMs >= HEARTBEAT_MS) this.controller.isHeartbeatLost = true;
    if (this.isRunning && nowMs - this.#bootedAtMs >= ACKNOWLEDGE_MS) this.controller.isHeartbeatLost = false;
  }

  #followPlug(nowMs: number): void {
    this.#hasVehicle = this.controller.evConnected;
    this.vehicleChangedAtMs = nowMs;
    if (this.#hasVehicle) {
      this.temperatureMax = this.temperature();
      return;
    }
    // the state goes out with the old session still in `elapsed`; the zero follows
    this.#publishState();
    this.meter?.endSession(nowMs);
    this.#publish(this.keys.energy);
    for (const client of this.claims.releaseAfterSession()) {
      this.bump("claims");
      if (client === CLIENT.override) this.touch("override");
      if (client === CLIENT.override) this.bump("override");
      if (client === CLIENT.mqtt) this.touch("claim");
    }
    this.rfidTag = "";
    this.#isLimitReached = false;
    if (this.limit?.auto_release) this.setLimit(null);
  }

  /** What the module's own clients claim, and what all of it means for the controller. */
  #applyRules(nowMs: number): void {
    this.#followLimit();
    this.#followSchedule();
    this.#followDivert();
    this.#followShaper(nowMs);
    this.#followRfid(nowMs);
    const target = this.claims.target().properties;
    const chargeA = target.charge_current ?? this.maxCurrentA;
    const commanded = commandedFor(this.wantedState, this.settings.isOn("pause_uses_disabled"));
    const offeredA = Math.min(chargeA, this.maxCurrentA);
    const next = `${commanded} ${offeredA}`;
    // only a change is passed on, so that a raw command lasts until then
    if (next === this.#lastTarget) return;
    this.#lastTarget = next;
    this.controller.command(commanded);
    this.controller.offer(offeredA);
  }

  #followLimit(): void {
    const { limit } = this;
    const progress = {
      chargingMin: this.elapsedS() / 60,
      energyWh: this.sessionWh(),
      socPercent: this.vehicleData.socPercent,
      range: this.vehicleData.range,
    };
    if (limit !== null && this.#hasVehicle && isReached(limit, progress)) this.#isLimitReached = true;
    const startsByItself = limit?.auto_release === true && this.settings.document["default_state"] === false;
    const state = this.#isLimitReached ? "disabled" : startsByItself ? "active" : undefined;
    this.claim(CLIENT.limit, PRIORITY.limit, state === undefined ? null : { state, auto_release: false });
  }

  #followSchedule(): void {
    const { current } = this.plan();
    const shown = JSON.stringify(current);
    if (shown !== this.#plannedEvent) {
      this.#plannedEvent = shown;
      this.bump("schedule_plan");
    }
    const priority = current?.state === "active" ? PRIORITY.schedule : PRIORITY.idle;
    this.claim(CLIENT.schedule, priority, current === null ? null : { state: current.state, auto_release: false });
  }

  #followDivert(): void {
    const isEco = this.divertMode === 2 && this.settings.isOn("divert_enabled");
    const { isActive, chargeRateA } = this.divert;
    if (!isEco) this.claim(CLIENT.divert, PRIORITY.idle, null);
    else if (!isActive) this.claim(CLIENT.divert, PRIORITY.idle, { state: "disabled", auto_release: false });
    else {
      const wanted: Properties = { state: "active", charge_current: chargeRateA, auto_release: false };
      this.claim(CLIENT.divert, PRIORITY.divert, wanted);
    }
  }

  #followShaper(nowMs: number): void {
    const maxW = this.settings.number("current_shaper_max_pwr");
    if (!this.shaper.isOn || maxW <= 0) {
      this.claim(CLIENT.shaper, PRIORITY.shaper, null);
      return;
    }
    const currentA = this.shaperCurrentA();
    const isFresh = this.shaper.isFresh(this.settings.number("current_shaper_data_maxinterval"), nowMs);
    if (!isFresh) this.claim(CLIENT.shaper, PRIORITY.limit, { state: "disabled", auto_release: false });
    else if (currentA < 6) this.claim(CLIENT.shaper, PRIORITY.shaper, { state: "disabled", auto_release: false });
    else this.claim(CLIENT.shaper, PRIORITY.shaper, { max_current: currentA, auto_release: false });
  }
  shaperCurrentA(): number {
    const perAmpW = this.reportedVoltageV() * this.controller.phases;
    return this.shaper.currentA(this.settings.number("current_shaper_max_pwr"), this.controller.amps, perAmpW);
  }

  #followRfid(nowMs: number): void {
    if (this.rfidTag !== "" && !this.#hasVehicle && nowMs > this.#rfidUntilMs) this.rfidTag = "";
    const isLocked = this.settings.isOn("rfid_enabled") && this.rfidTag === "";
    this.claim(CLIENT.rfid, PRIORITY.rfid, isLocked ? { state: "disabled", auto_release: false } : null);
  }

  #publishWatched(): void {
    const fields = fieldsOf(this);
    const changed = this.keys.watched.filter((key) => fields.get(key) !== this.#shown.get(key));
    this.#publish(changed);
    if (hasFeature(this.traits, "claims")) {
      for (const document of this.#dirty) {
        if (document === "limit" && !hasFeature(this.traits, "limits")) continue;
        this.#options.outlet.document(document, this.documentOf(document));
      }
    }
    this.#dirty.clear();
  }

  #publishState(): void {
    const { state, flags } = this.controller;
    const shown = `${state} ${flags}`;
    if (shown !== this.#stateShown) {
      this.#stateShown = shown;
      const isCharging = state === STATE.charging;
      if (isCharging !== this.#wasCharging) this.meter?.countSwitch();
      this.#wasCharging = isCharging;
      this.#publish(this.keys.state);
      this.#note();
      return;
    }
    const fields = fieldsOf(this);
    const single = this.keys.state.filter(
      (key) => ["pilot", "manual_override"].includes(key) && fields.get(key) !== this.#shown.get(key),
    );
    this.#publish(single);
  }

  #publish(keys: readonly string[]): void {
    if (keys.length === 0) return;
    const all = fieldsOf(this);
    const fields = keys.flatMap((key): [string, WireValue][] => {
      const shown = all.get(key);
      return shown === undefined ? [] : [[key, shown]];
    });
    for (const [key, shown] of fields) this.#shown.set(key, shown);
    this.#options.outlet.fields(fields);
  }

  /** What is true at boot is no change. */
  #rememberShown(): void {
    for (const [key, shown] of fieldsOf(this)) this.#shown.set(key, shown);
    this.#stateShown = `${this.controller.state} ${this.controller.flags}`;
    this.#wasCharging = this.controller.state === STATE.charging;
    this.#dirty.clear();
  }

  #note(): void {
    const { controller } = this;
    const isFault = controller.fault !== null;
    this.log.add({
      time: isoAt(this.utcMs()).replace(/\.\d+Z$/, "Z"),
      type: isFault ? "warning" : "notification",
      managerState: this.wantedState,
      evseState: controller.state,
      evseFlags: controller.flags,
      pilot: controller.pilotA,
      energy: this.sessionWh(),
      elapsed: this.elapsedS(),
      temperature: this.temperature() / 10,
      temperatureMax: this.temperatureMax / 10,
      divertMode: this.divertMode,
      shaper: this.shaper.isOn ? 1 : 0,
    });
  }
}

const forgetKept = (): WifiModule["kept"] => ({ override: { auto_release: true }, claim: { auto_release: false } });

/** Without the client and its rank. */
export function propertiesOf(claim: Properties | undefined): Properties | null {
  if (claim === undefined) return null;
  const { state, charge_current, max_current, auto_release } = claim;
  return {
    ...(state === undefined ? {} : { state }),
    ...(charge_current === undefined ? {} : { charge_current }),
    ...(max_current === undefined ? {} : { max_current }),
    auto_release,
  };
}
