import type { Clock } from "../../lib/model/clock.ts";
import type { OpenEvsePublication } from "./options.ts";
import type { Outlet } from "./announcer.ts";
import type { RetainedDocument } from "./documents.ts";
import { documentOf } from "./documents.ts";
import { type OpenEvseFault, spoilBurst } from "./faults.ts";
import { type GenerationTraits, hasFeature } from "./generations.ts";
import { type CommandHost, commandTopics, feedTopics, obeyFeed, obeyMqtt } from "./mqtt-commands.ts";
import { type MqttLink, openMqttLink } from "./mqtt-link.ts";
import type { NamePlate } from "./settings-document.ts";
import type { WifiModule } from "./wifi-module.ts";
import { toWireText, type WireValue } from "./wire-text.ts";

/* The device as a client of a broker sees it: announcement, subscriptions, messages (fact sheet openevse 3.1, 3.4, 4). */

export interface MqttFaceOptions {
  readonly clock: Clock;
  readonly traits: GenerationTraits;
  readonly plate: NamePlate;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly host: CommandHost;
  /** Base address of the web pages, known only when they are open. */
  readonly pagesUrl: () => string;
  readonly fault: () => OpenEvseFault | null;
}

export interface ReceivedCommand {
  /** topic below the base topic */
  readonly path: string;
  readonly text: string;
}

const LONGEST_RECORD = 20_000;
const DOCUMENTS: readonly RetainedDocument[] = ["override", "claim", "limit", "schedule", "config"];

export class MqttFace implements Outlet {
  readonly announceTopic: string;
  readonly publications: OpenEvsePublication[] = [];
  readonly commands: ReceivedCommand[] = [];
  readonly #options: MqttFaceOptions;
  #module: WifiModule | null = null;
  #link: MqttLink | null = null;
  #feeds: readonly string[] = [];

  constructor(options: MqttFaceOptions) {
    this.#options = options;
    const { mac, baseTopic } = options.plate;
    this.announceTopic = this.#has("announce") ? `openevse/announce/${mac.slice(-4).toLowerCase()}` : baseTopic;
  }
  get isConnected(): boolean {
    return this.#link?.isConnected ?? false;
  }

  /** Resolves after the first attempt to connect. */
  async open(module: WifiModule, brokerUrl: string): Promise<void> {
    this.#module = module;
    const { clock, plate, username, password } = this.#options;
    const gone = JSON.stringify({ state: "disconnected", ...this.#identity() });
    this.#link = await openMqttLink({
      clock,
      brokerUrl,
      username,
      password,
      clientId: plate.hostname,
      will: this.#has("announce")
        ? { topic: this.announceTopic, text: gone, retain: true, qos: 0 }
        : { topic: plate.baseTopic, text: "disconnected", retain: false, qos: 1 },
      onConnect: (link) => this.#onConnect(link, module),
      onDisconnect: () => {
        module.isMqttConnected = false;
      },
      onMessage: (topic, text) => this.#onMessage(topic, text, module),
    });
  }
  setOnline(online: boolean): void {
    this.#link?.setOnline(online);
  }
  async stop(): Promise<void> {
    await this.#link?.stop();
  }

  fields(fields: readonly (readonly [string, WireValue])[]): void {
    const { traits, plate, fault } = this.#options;
    const retain = this.#module?.settings.isOn("mqtt_retained") ?? false;
    for (const [key, shown] of spoilBurst(fields, fault())) {
      this.#publish(`${plate.baseTopic}/${key}`, toWireText(key, shown, traits.chip === "esp32"), retain);
    }
  }
  document(name: RetainedDocument, shown: unknown): void {
    const isSilent = this.#options.fault() === "mqtt-silent";
    if (!isSilent) this.#publish(`${this.#options.plate.baseTopic}/${name}`, JSON.stringify(shown), true);
  }
  rapiOut(text: string): void {
    this.#publish(`${this.#options.plate.baseTopic}/rapi/out`, text, false);
  }
  /** The settings name other feed topics now. */
  resubscribe(): void {
    if (this.#module === null) return;
    const feeds = feedTopics(this.#module.settings);
    this.#link?.unsubscribe(this.#feeds.filter((topic) => !feeds.includes(topic)));
    this.#link?.subscribe(feeds.filter((topic) => !this.#feeds.includes(topic)));
    this.#feeds = feeds;
  }

  #has(feature: Parameters<typeof hasFeature>[1]): boolean {
    return hasFeature(this.#options.traits, feature);
  }
  #identity(): object {
    const { mac, hostname } = this.#options.plate;
    return { id: mac.toLowerCase(), name: hostname };
  }

  #onConnect(link: MqttLink, module: WifiModule): void {
    this.#link = link;
    module.isMqttConnected = true;
    const { baseTopic } = this.#options.plate;
    const here = { state: "connected", ...this.#identity(), mqtt: baseTopic, http: `${this.#options.pagesUrl()}/` };
    if (this.#has("announce")) this.#publish(this.announceTopic, JSON.stringify(here), true);
    else this.#publish(baseTopic, "connected", false);
    link.subscribe(commandTopics(this.#options.traits).map((path) => `${baseTopic}/${path}`));
    this.#feeds = feedTopics(module.settings);
    link.subscribe(this.#feeds);
    if (!this.#has("claims")) return;
    for (const name of DOCUMENTS) {
      if (name !== "limit" || this.#has("limits")) this.document(name, documentOf(module, name));
    }
    this.#publish(`${baseTopic}/config_version`, String(module.versions.config), true);
  }

  #onMessage(topic: string, text: string, module: WifiModule): void {
    if (!module.isRunning) return;
    module.settle();
    if (this.#feeds.includes(topic)) obeyFeed(module, topic, text);
    const prefix = `${this.#options.plate.baseTopic}/`;
    if (topic.startsWith(prefix)) {
      const path = topic.slice(prefix.length);
      remember(this.commands, { path, text });
      obeyMqtt(module, this.#options.host, path, text);
    }
    module.settle();
  }

  #publish(topic: string, text: string, retain: boolean): void {
    if (this.#link === null || !this.#link.isConnected) return;
    remember(this.publications, { atMs: this.#options.clock.nowMs(), topic, text, retain });
    this.#link.publish({ topic, text, retain });
  }
}

/** Forgets the oldest when there are too many. */
export function remember<T>(record: T[], entry: T): void {
  record.push(entry);
  if (record.length > LONGEST_RECORD) record.shift();
}
