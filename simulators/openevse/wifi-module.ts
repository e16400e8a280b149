import { Announcer, type Outlet } from "./announcer.ts";
import { CLIENT, commandedFor, type Properties } from "./claims.ts";
import { type Delivery, STATE } from "./controller.ts";
import type { RetainedDocument } from "./documents.ts";
import { Divert } from "./load-following.ts";
import { eventOf } from "./log-event.ts";
import { forgetKept, ModuleParts, type PartsOptions, type VersionName } from "./module-parts.ts";
import { claimOnOwnBehalf } from "./own-claims.ts";
import type { SessionLimit } from "./session-limit.ts";
import type { WireFields, WireValue } from "./wire-text.ts";

/*
 * The WiFi module of an OpenEVSE: it watches the controller, decides between claims, counts energy and tells the world.
 * Nothing happens by itself; its owner calls `tick` once a second and `settle` before and after every change.
 */

export interface ModuleOptions extends PartsOptions {
  /** of the mains */
  readonly voltageV: () => number;
  readonly outlet: Outlet;
}

/** The controller falls to 6 A when it does not hear from the module (section 6.1). */
const HEARTBEAT_MS = 5_000;
const ACKNOWLEDGE_MS = 10_000;
const NO_EVENT = "null";

export class WifiModule extends ModuleParts {
  readonly #announcer: Announcer;
  readonly #voltageV: () => number;
  #downSinceMs = 0;
  #hasVehicle: boolean;
  #stateShown: string;
  #wasCharging: boolean;
  #scheduledEvent = NO_EVENT;
  #lastTarget = "";

  constructor(options: ModuleOptions) {
    super(options);
    const { controller } = options;
    this.#voltageV = options.voltageV;
    this.#hasVehicle = controller.evConnected;
    this.#decide();
    this.#announcer = new Announcer(this, options.outlet);
    this.#stateShown = this.#stateText();
    this.#wasCharging = controller.state === STATE.charging;
  }

  /** Values by key, as the module believes them; what it does not have is left out. */
  fields(keys: readonly string[]): WireFields {
    return new Map(
      keys.flatMap((key): [string, WireValue][] => {
        const shown = this.#announcer.read(key);
        return shown === undefined ? [] : [[key, shown]];
      }),
    );
  }
  /** Between plug and unplug, as far as the module has noticed. */
  get isSessionOpen(): boolean {
    return this.#hasVehicle;
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
    this.divertMode = this.configuredDivertMode();
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
    this.log.add(eventOf(this));
  }
}
