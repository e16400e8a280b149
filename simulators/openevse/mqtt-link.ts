import type { IClientOptions, MqttClient } from "mqtt";
import type { Cancel, Clock } from "../../lib/model/clock.ts";

/* The MQTT connection of a device: nothing is queued, and it tries again every five seconds (fact sheet openevse 3.1). */

export interface MqttMessage {
  readonly topic: string;
  readonly text: string;
  readonly retain: boolean;
}

export interface MqttLinkOptions {
  readonly clock: Clock;
  readonly brokerUrl: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly clientId: string;
  readonly will: MqttMessage & { readonly qos: 0 | 1 };
  /** Also before `openMqttLink` has returned. */
  readonly onConnect: (link: MqttLink) => void;
  readonly onDisconnect: () => void;
  readonly onMessage: (topic: string, text: string) => void;
}

export interface MqttLink {
  readonly isConnected: boolean;
  /** Dropped when there is no connection, as the firmware does. */
  publish(message: MqttMessage): void;
  subscribe(topics: readonly string[]): void;
  unsubscribe(topics: readonly string[]): void;
  /** False cuts the line without a goodbye, so that the broker sends the will; true connects again. */
  setOnline(online: boolean): void;
  /** Cuts the line for good. */
  stop(): Promise<void>;
}

const RECONNECT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 10_000;

/** Resolves after the first attempt, whether it worked or not. */
export async function openMqttLink(options: MqttLinkOptions): Promise<MqttLink> {
  const { connect } = await import("mqtt");
  const link = new RunningLink(options, (settings) => connect(options.brokerUrl, settings));
  await link.firstAttempt;
  return link;
}

class RunningLink implements MqttLink {
  readonly firstAttempt: Promise<void>;
  readonly #options: MqttLinkOptions;
  readonly #connect: (settings: IClientOptions) => MqttClient;
  #client: MqttClient | null = null;
  #isOnline = true;
  #isConnected = false;
  #cancelRetry: Cancel = () => {};
  #endFirstAttempt: () => void = () => {};

  constructor(options: MqttLinkOptions, connect: (settings: IClientOptions) => MqttClient) {
    this.#options = options;
    this.#connect = connect;
    this.firstAttempt = new Promise((resolve) => {
      this.#endFirstAttempt = resolve;
    });
    this.#open();
  }
  get isConnected(): boolean {
    return this.#isConnected;
  }
  publish({ topic, text, retain }: MqttMessage): void {
    if (this.#isConnected) this.#client?.publish(topic, text, { qos: 0, retain });
  }
  subscribe(topics: readonly string[]): void {
    if (this.#isConnected && topics.length > 0) this.#client?.subscribe([...topics], { qos: 0 });
  }
  unsubscribe(topics: readonly string[]): void {
    if (this.#isConnected && topics.length > 0) this.#client?.unsubscribe([...topics]);
  }
  setOnline(online: boolean): void {
    if (online === this.#isOnline) return;
    this.#isOnline = online;
    if (online) this.#open();
    else void this.#cut();
  }
  async stop(): Promise<void> {
    this.#isOnline = false;
    await this.#cut();
  }

  #open(): void {
    const { will, clientId, username, password } = this.#options;
    const client = this.#connect({
      clientId,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_TIMEOUT_MS,
      queueQoSZero: false,
      resubscribe: false,
      will: { topic: will.topic, payload: Buffer.from(will.text), qos: will.qos, retain: will.retain },
    });
    this.#client = client;
    client.on("connect", () => {
      if (this.#client !== client) return;
      this.#isConnected = true;
      this.#endFirstAttempt();
      this.#options.onConnect(this);
    });
    client.on("message", (topic, payload) => {
      if (this.#client === client) this.#options.onMessage(topic, payload.toString("utf8"));
    });
    // what went wrong shows as "close"
    client.on("error", () => {});
    client.on("close", () => this.#onClose(client));
  }

  #onClose(client: MqttClient): void {
    this.#endFirstAttempt();
    if (this.#client !== client) return;
    this.#client = null;
    this.#noteDisconnect();
    client.end(true);
    if (!this.#isOnline) return;
    this.#cancelRetry();
    this.#cancelRetry = this.#options.clock.after(RECONNECT_MS, () => {
      if (this.#isOnline && this.#client === null) this.#open();
    });
  }

  async #cut(): Promise<void> {
    this.#cancelRetry();
    const client = this.#client;
    this.#client = null;
    this.#noteDisconnect();
    if (client === null) return;
    // an end by force sends no goodbye
    await new Promise<void>((resolve) => client.end(true, {}, () => resolve()));
  }

  #noteDisconnect(): void {
    if (!this.#isConnected) return;
    this.#isConnected = false;
    this.#options.onDisconnect();
  }
}
