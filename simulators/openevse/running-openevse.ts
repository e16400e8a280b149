import { type Cancel, type Clock, repeatEvery, systemClock } from "../../lib/model/clock.ts";
import type { OpenEvseOptions, OpenEvsePublication, OpenEvseSimulator } from "../openevse.ts";
import { type DeviceRequest, type DeviceWebServer, startDeviceWebServer } from "../web/device-web-server.ts";
import { type Answer, isHttpFault } from "../web/wire-faults.ts";
import type { RetainedDocument } from "./announcer.ts";
import { Car, type OpenEvseCarOptions, type OpenEvseCarState } from "./car.ts";
import { Controller } from "./controller.ts";
import {
  electricFaultCodes,
  isElectricFault,
  isMomentaryFault,
  type MomentaryFault,
  type OpenEvseFault,
  spoilBurst,
} from "./faults.ts";
import { type GenerationTraits, generationTraits, hasFeature, type OpenEvseGeneration } from "./generations.ts";
import { answerHttp } from "./http-api.ts";
import { type CommandHost, commandTopics, feedTopics, obeyFeed, obeyMqtt } from "./mqtt-commands.ts";
import { type MqttLink, openMqttLink } from "./mqtt-link.ts";
import { defaultSettings, type NamePlate, Settings } from "./settings-document.ts";
import { WifiModule } from "./wifi-module.ts";
import { toWireText } from "./wire-text.ts";

const TICK_MS = 1_000;
const LONGEST_RECORD = 20_000;
const DOCUMENTS: readonly RetainedDocument[] = ["override", "claim", "limit", "schedule", "config"];

/** The whole device: module, controller and car behind a web server and a MQTT connection. */
export class RunningOpenEvse implements OpenEvseSimulator, CommandHost {
  readonly host: string;
  readonly generation: OpenEvseGeneration;
  readonly baseTopic: string;
  readonly announceTopic: string;
  readonly publications: OpenEvsePublication[] = [];
  readonly commands: { readonly path: string; readonly text: string }[] = [];
  readonly requests: { readonly method: string; readonly path: string; readonly body: string }[] = [];
  readonly #options: OpenEvseOptions;
  readonly #clock: Clock;
  readonly #traits: GenerationTraits;
  readonly #plate: NamePlate;
  readonly #controller: Controller;
  readonly #module: WifiModule;
  #server: DeviceWebServer | null = null;
  #link: MqttLink | null = null;
  #fault: OpenEvseFault | null = null;
  #feeds: readonly string[] = [];
  #cancelTick: Cancel = () => {};
  #cancelReboot: Cancel = () => {};

  constructor(options: OpenEvseOptions) {
    this.#options = options;
    this.host = options.host ?? "127.0.0.1";
    this.generation = options.generation ?? "5.1.5";
    this.#clock = options.clock ?? systemClock;
    this.#traits = generationTraits[this.generation];
    this.#plate = namePlateOf(options);
    this.baseTopic = this.#plate.baseTopic;
    const isAnnounced = hasFeature(this.#traits, "announce");
    const shortId = this.#plate.mac.slice(-4).toLowerCase();
    this.announceTopic = isAnnounced ? `openevse/announce/${shortId}` : this.baseTopic;
    const settings = new Settings({ ...defaultSettings(this.#traits, this.#plate), ...options.config });
    const lifetimeWh = options.lifetimeWh ?? 1_585_443;
    this.#controller = new Controller({
      atMs: this.#clock.monotonicMs(),
      plugged: options.plugged ?? false,
      car: options.car,
      maxCurrentA: this.#plate.maxCurrentA,
      lifetimeWh,
      phases: options.phases ?? 1,
      speedFactor: options.speedFactor ?? 1,
      meterSpeedFactor: options.meterSpeedFactor ?? 1,
    });
    this.#module = new WifiModule({
      clock: this.#clock,
      traits: this.#traits,
      controller: this.#controller,
      settings,
      seed: options.seed ?? 1,
      voltageV: options.voltageV ?? (() => 240),
      utcOffsetMin: options.utcOffsetMin ?? 0,
      uptimeS: options.uptimeS ?? 86_400,
      totalKwh: lifetimeWh / 1000,
      mac: this.#plate.mac,
      outlet: {
        fields: (fields) => this.#publishFields(fields),
        document: (name, shown) => this.#publishDocument(name, shown),
      },
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
    if (this.#options.brokerUrl !== undefined) this.#link = await this.#openLink(this.#options.brokerUrl);
    this.#cancelTick = repeatEvery(this.#clock, TICK_MS, () => this.#module.tick());
  }
  async stop(): Promise<void> {
    this.#cancelTick();
    this.#cancelReboot();
    await Promise.all([this.#link?.stop(), this.#server?.stop()]);
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }
  get url(): string {
    return `http://${this.host}:${this.port}`;
  }
  get isMqttConnected(): boolean {
    return this.#link?.isConnected ?? false;
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
  rebootModule(): void {
    this.reboot();
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

  rapiOut(text: string): void {
    this.#publish(`${this.baseTopic}/rapi/out`, text, false);
  }
  resubscribe(): void {
    const feeds = feedTopics(this.#module.settings);
    this.#link?.unsubscribe(this.#feeds.filter((topic) => !feeds.includes(topic)));
    this.#link?.subscribe(feeds.filter((topic) => !this.#feeds.includes(topic)));
    this.#feeds = feeds;
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
        this.#link?.setOnline(false);
        this.#followConnections();
    }
  }

  #followConnections(): void {
    const isUp = this.#module.isRunning && this.#fault !== "offline";
    this.#server?.setPowered(isUp);
    this.#server?.setFault(this.#fault === "refuse" || isHttpFault(this.#fault) ? this.#fault : null);
    this.#link?.setOnline(isUp && this.#fault !== "mqtt-offline");
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

  /* ---- MQTT ---- */

  #openLink(brokerUrl: string): Promise<MqttLink> {
    const isAnnounced = hasFeature(this.#traits, "announce");
    const gone = JSON.stringify({ state: "disconnected", ...this.#identity() });
    return openMqttLink({
      clock: this.#clock,
      brokerUrl,
      username: this.#options.brokerUsername,
      password: this.#options.brokerPassword,
      clientId: this.#plate.hostname,
      will: isAnnounced
        ? { topic: this.announceTopic, text: gone, retain: true, qos: 0 }
        : { topic: this.baseTopic, text: "disconnected", retain: false, qos: 1 },
      onConnect: (link) => this.#onConnect(link),
      onDisconnect: () => {
        this.#module.isMqttConnected = false;
      },
      onMessage: (topic, text) => this.#onMessage(topic, text),
    });
  }

  #identity(): object {
    return { id: this.#plate.mac.toLowerCase(), name: this.#plate.hostname };
  }

  #onConnect(link: MqttLink): void {
    this.#link = link;
    this.#module.isMqttConnected = true;
    const isAnnounced = hasFeature(this.#traits, "announce");
    if (isAnnounced) {
      const here = { state: "connected", ...this.#identity(), mqtt: this.baseTopic, http: `${this.url}/` };
      this.#publish(this.announceTopic, JSON.stringify(here), true);
    } else {
      this.#publish(this.baseTopic, "connected", false);
    }
    link.subscribe(commandTopics(this.#traits).map((path) => `${this.baseTopic}/${path}`));
    this.#feeds = feedTopics(this.#module.settings);
    link.subscribe(this.#feeds);
    if (!hasFeature(this.#traits, "claims")) return;
    for (const name of DOCUMENTS) {
      if (name !== "limit" || hasFeature(this.#traits, "limits")) {
        this.#publishDocument(name, this.#module.documentOf(name));
      }
    }
    this.#publish(`${this.baseTopic}/config_version`, String(this.#module.versions.config), true);
  }

  #onMessage(topic: string, text: string): void {
    if (!this.#module.isRunning) return;
    this.#module.settle();
    if (this.#feeds.includes(topic)) obeyFeed(this.#module, topic, text);
    if (topic.startsWith(`${this.baseTopic}/`)) {
      const path = topic.slice(this.baseTopic.length + 1);
      remember(this.commands, { path, text });
      obeyMqtt(this.#module, this, path, text);
    }
    this.#module.settle();
  }

  #publishFields(fields: Parameters<typeof spoilBurst>[0]): void {
    const hasExponents = this.#traits.chip === "esp32";
    const retain = this.#module.settings.isOn("mqtt_retained");
    for (const [key, shown] of spoilBurst(fields, this.#fault)) {
      this.#publish(`${this.baseTopic}/${key}`, toWireText(key, shown, hasExponents), retain);
    }
  }

  #publishDocument(name: RetainedDocument, shown: unknown): void {
    if (this.#fault !== "mqtt-silent") this.#publish(`${this.baseTopic}/${name}`, JSON.stringify(shown), true);
  }

  #publish(topic: string, text: string, retain: boolean): void {
    if (this.#link === null || !this.#link.isConnected) return;
    remember(this.publications, { atMs: this.#clock.nowMs(), topic, text, retain });
    this.#link.publish({ topic, text, retain });
  }
}

/** As after a damaged file: hundreds of kWh more than before. */
const JUMP_WH = 512_000;

function remember<T>(record: T[], entry: T): void {
  record.push(entry);
  if (record.length > LONGEST_RECORD) record.shift();
}

function namePlateOf(options: OpenEvseOptions): NamePlate {
  const mac = (options.mac ?? "9C9C1FE57B2C").toUpperCase();
  const hostname = `openevse-${mac.slice(-4).toLowerCase()}`;
  const broker = options.brokerUrl === undefined ? undefined : new URL(options.brokerUrl);
  return {
    mac,
    hostname,
    baseTopic: options.baseTopic ?? hostname,
    brokerHost: broker?.hostname ?? "",
    brokerPort: Number(broker?.port || 1883),
    brokerUser: options.brokerUsername ?? "",
    maxCurrentA: options.maxCurrentA ?? 32,
  };
}
