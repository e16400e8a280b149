import { type Cancel, type Clock, repeatEvery, systemClock } from "../../lib/model/clock.ts";
import type { OpenEvseOptions, OpenEvsePublication, OpenEvseSimulator } from "./options.ts";
import { type DeviceRequest, type DeviceWebServer, startDeviceWebServer } from "../web/device-web-server.ts";
import { type Answer, isHttpFault } from "../web/wire-faults.ts";
import { Car, type OpenEvseCarOptions, type OpenEvseCarState } from "./car.ts";
import { Controller } from "./controller.ts";
import {
  electricFaultCodes,
  isElectricFault,
  isMomentaryFault,
  type MomentaryFault,
  type OpenEvseFault,
} from "./faults.ts";
import { generationTraits, type OpenEvseGeneration } from "./generations.ts";
import { answerHttp } from "./http-api.ts";
import type { CommandHost } from "./mqtt-commands.ts";
import { MqttFace, type ReceivedCommand, remember } from "./mqtt-face.ts";
import { namePlateOf } from "./name-plate.ts";
import { defaultSettings, Settings } from "./settings-document.ts";
import { WifiModule } from "./wifi-module.ts";

const TICK_MS = 1_000;
const LAST_WORDS_MS = 500;

/** The whole device: module, controller and car behind a web server and a MQTT connection. */
export class RunningOpenEvse implements OpenEvseSimulator, CommandHost {
  readonly host: string;
  readonly generation: OpenEvseGeneration;
  readonly baseTopic: string;
  readonly requests: { readonly method: string; readonly path: string; readonly body: string }[] = [];
  readonly #options: OpenEvseOptions;
  readonly #clock: Clock;
  readonly #controller: Controller;
  readonly #module: WifiModule;
  readonly #mqtt: MqttFace;
  #server: DeviceWebServer | null = null;
  #fault: OpenEvseFault | null = null;
  #cancelTick: Cancel = () => {};
  #cancelReboot: Cancel = () => {};

  constructor(options: OpenEvseOptions) {
    this.#options = options;
    this.host = options.host ?? "127.0.0.1";
    this.generation = options.generation ?? "5.1.5";
    this.#clock = options.clock ?? systemClock;
    const traits = generationTraits[this.generation];
    const plate = namePlateOf(options);
    this.baseTopic = plate.baseTopic;
    this.#mqtt = new MqttFace({
      clock: this.#clock,
      traits,
      plate,
      username: options.brokerUsername,
      password: options.brokerPassword,
      host: this,
      pagesUrl: () => this.url,
      fault: () => this.#fault,
    });
    const settings = new Settings({ ...defaultSettings(traits, plate), ...options.config });
    const lifetimeWh = options.lifetimeWh ?? 1_585_443;
    this.#controller = new Controller({
      atMs: this.#clock.monotonicMs(),
      plugged: options.plugged ?? false,
      car: options.car,
      maxCurrentA: plate.maxCurrentA,
      lifetimeWh,
      phases: options.phases ?? 1,
      speedFactor: options.speedFactor ?? 1,
      meterSpeedFactor: options.meterSpeedFactor ?? 1,
    });
    this.#module = new WifiModule({
      clock: this.#clock,
      traits,
      controller: this.#controller,
      settings,
      seed: options.seed ?? 1,
      voltageV: options.voltageV ?? (() => 240),
      utcOffsetMin: options.utcOffsetMin ?? 0,
      uptimeS: options.uptimeS ?? 86_400,
      totalKwh: lifetimeWh / 1000,
      mac: plate.mac,
      outlet: this.#mqtt,
    });
  }

  async open(): Promise<void> {
    this.#server = await startDeviceWebServer({
      host: this.host,
      port: this.#options.port ?? 0,
      clock: this.#clock,
      keepAlive: true,
      answer: (request) => this.#answer(request),
      onRequest: ({ method, path, body }) => remember(this.requests, { method, path, body }),
    });
    if (this.#options.brokerUrl !== undefined) await this.#mqtt.open(this.#module, this.#options.brokerUrl);
    this.#cancelTick = repeatEvery(this.#clock, TICK_MS, () => this.#module.tick());
  }
  async stop(): Promise<void> {
    this.#cancelTick();
    this.#cancelReboot();
    await Promise.all([this.#mqtt.stop(), this.#server?.stop()]);
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }
  get url(): string {
    return `http://${this.host}:${this.port}`;
  }
  get isMqttConnected(): boolean {
    return this.#mqtt.isConnected;
  }
  get openSockets(): number {
    return this.#server?.counts.openSockets ?? 0;
  }
  get state(): number {
    return this.#controller.state;
  }
  get flags(): number {
    return this.#controller.flags;
  }
  get pilotA(): number {
    return this.#controller.pilotA;
  }
  get hasRfid(): boolean {
    return this.#module.settings.isOn("rfid_enabled");
  }
  get deliveredWh(): number {
    return this.#controller.deliveredWh;
  }
  acPowerW(): number {
    return this.#controller.powerW;
  }
  car(): OpenEvseCarState {
    const { car, isPlugged } = this.#controller;
    const { socPercent, isAsleep, isRefusing } = car;
    return { plugged: isPlugged, socPercent, isAsleep, isRefusing };
  }
  counters(): { sessionWh: number; totalKwh: number; elapsedS: number } {
    const module = this.#module;
    return { sessionWh: module.sessionWh(), totalKwh: module.totalKwh(), elapsedS: module.elapsedS() };
  }

  plug(car?: OpenEvseCarOptions): void {
    this.#change(() => this.#controller.plug(car === undefined ? undefined : this.#carLike(car)));
  }
  unplug(): void {
    this.#change(() => this.#controller.unplug());
  }
  swap(car: OpenEvseCarOptions = {}): void {
    this.unplug();
    this.plug(car);
  }
  wakeCar(): void {
    this.#change(() => {
      this.#controller.car.isAsleep = false;
    });
  }
  setCarRefusing(isRefusing: boolean): void {
    this.#change(() => {
      this.#controller.car.isRefusing = isRefusing;
    });
  }
  presentTag(tag: string): void {
    this.#change(() => this.#module.presentTag(tag));
  }
  setSpeedFactor(speedFactor: number): void {
    this.#change(() => {
      this.#controller.speedFactor = speedFactor;
    });
  }
  resetController(): void {
    this.#change(() => this.#controller.reset());
  }
  rollBackCounters(): void {
    this.#change(() => {
      if (this.#module.meter === null) this.#controller.sessionWs = 0;
      else this.#module.meter.restore(this.#module.clock.nowMs);
    });
  }

  reboot(downMs: number = this.#options.rebootMs ?? 20_000): void {
    this.#cancelReboot();
    this.#module.settle();
    this.#module.powerDown();
    this.#followConnections();
    this.#cancelReboot = this.#clock.after(downMs, () => {
      this.#module.powerUp();
      this.#followConnections();
    });
  }
  /** As a command; there is time to answer before. */
  rebootModule(): void {
    this.#cancelReboot();
    this.#cancelReboot = this.#clock.after(LAST_WORDS_MS, () => this.reboot());
  }

  get fault(): OpenEvseFault | null {
    return this.#fault;
  }
  setFault(fault: OpenEvseFault | null): void {
    if (isMomentaryFault(fault)) {
      this.#happen(fault);
      return;
    }
    this.#fault = fault;
    this.#change(() => this.#controller.setFault(isElectricFault(fault) ? electricFaultCodes[fault] : null));
    this.#followConnections();
  }

  get announceTopic(): string {
    return this.#mqtt.announceTopic;
  }
  get publications(): readonly OpenEvsePublication[] {
    return this.#mqtt.publications;
  }
  get commands(): readonly ReceivedCommand[] {
    return this.#mqtt.commands;
  }
  rapiOut(text: string): void {
    this.#mqtt.rapiOut(text);
  }
  resubscribe(): void {
    this.#mqtt.resubscribe();
  }

  /** Up to now, then the change, then what follows from it. */
  #change(change: () => void): void {
    this.#module.settle();
    change();
    this.#module.settle();
  }

  #happen(fault: MomentaryFault): void {
    const { meter, clock } = this.#module;
    switch (fault) {
      case "reboot":
        this.reboot();
        return;
      case "controller-reset":
        this.resetController();
        return;
      case "energy-reset":
        this.#change(() => {
          if (meter === null) this.#controller.lifetimeWh = 0;
          else meter.reset(false, clock.nowMs);
        });
        return;
      case "meter-corrupt":
        this.#change(() => {
          if (meter === null) this.#controller.lifetimeWh += JUMP_WH;
          else meter.importTotal(meter.counters.totalKwh + JUMP_WH / 1000, clock.nowMs);
        });
        return;
      case "counter-rollback":
        this.rollBackCounters();
        return;
      case "mqtt-drop":
        this.#mqtt.setOnline(false);
        this.#followConnections();
    }
  }

  #followConnections(): void {
    const isUp = this.#module.isRunning && this.#fault !== "offline";
    this.#server?.setPowered(isUp);
    this.#server?.setFault(this.#fault === "refuse" || isHttpFault(this.#fault) ? this.#fault : null);
    this.#mqtt.setOnline(isUp && this.#fault !== "mqtt-offline");
  }

  /** What is not said about another car stays as it was at the start. */
  #carLike(options: OpenEvseCarOptions): Car {
    return new Car({ ...this.#options.car, ...options });
  }

  /* ---- HTTP ---- */

  #answer(request: DeviceRequest): Answer {
    if (!this.#isAllowed(request)) {
      const headers = { "WWW-Authenticate": 'Basic realm="Login Required"' };
      return { status: 401, contentType: "text/plain", body: "Unauthorized", headers };
    }
    this.#module.settle();
    const answer = answerHttp(this.#module, this, request);
    this.#module.settle();
    return answer;
  }

  #isAllowed({ headers }: DeviceRequest): boolean {
    if (this.#fault === "unauthorized") return false;
    const { username, password } = this.#options;
    if (username === undefined && password === undefined) return true;
    const expected = Buffer.from(`${username ?? "admin"}:${password ?? ""}`).toString("base64");
    const [scheme = "", credentials = ""] = (headers.authorization ?? "").split(" ", 2);
    return scheme.toLowerCase() === "basic" && credentials === expected;
  }
}

/** As after a damaged file: hundreds of kWh more than before. */
const JUMP_WH = 512_000;
