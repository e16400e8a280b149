import { createServer, type Server, type Socket } from "node:net";
import { EvError, toEvError } from "../lib/model/errors.ts";

export interface MqttBrokerOptions {
  /** 127.0.0.1 */
  readonly host?: string;
  /** 0 = any free port */
  readonly port?: number;
  /** With a user name or password, everybody else is refused with "bad user name or password". */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

/** What went through the broker. */
export interface MqttBrokerCounts {
  /** Clients connected now. */
  readonly clients: number;
  /** Clients that were accepted since the start. */
  readonly acceptedClients: number;
  /** Clients that were turned away for their password. */
  readonly refusedClients: number;
  /** Messages that clients published, their wills included. */
  readonly messages: number;
}

export interface MqttBroker {
  readonly host: string;
  /** Stays the same over `stop` and `start`. */
  readonly port: number;
  /** `mqtt://host:port`, without user and password. */
  readonly url: string;
  readonly isRunning: boolean;
  readonly counts: MqttBrokerCounts;
  /** Ids of the clients that are connected, in the order of their arrival. */
  readonly clientIds: readonly string[];
  /** Cuts every connection, as a router that reboots does: wills are sent. New connections are welcome. */
  dropClients(): void;
  /** Closes the port and forgets everything, retained messages included. */
  stop(): Promise<void>;
  /** Listens again on the same port; nothing happens while it runs. @throws EvError `config` when the port is taken */
  start(): Promise<void>;
}

/** What of an aedes instance is used here. */
interface Core {
  handle(stream: Socket): unknown;
  close(callback: () => void): void;
}

interface MutableCounts {
  acceptedClients: number;
  refusedClients: number;
  messages: number;
}

const RETURN_BAD_PASSWORD = 4;

/**
 * A small MQTT broker for tests, examples and the virtual home. It speaks MQTT 3.1.1 on TCP and keeps retained messages
 * in memory only.
 *
 * @throws EvError `config` when the port is taken or the library for it is not installed
 */
export async function startMqttBroker(options: MqttBrokerOptions = {}): Promise<MqttBroker> {
  const broker = new RunningBroker(options);
  await broker.start();
  return broker;
}

class RunningBroker implements MqttBroker {
  readonly host: string;
  readonly #options: MqttBrokerOptions;
  readonly #counts: MutableCounts = { acceptedClients: 0, refusedClients: 0, messages: 0 };
  readonly #sockets = new Set<Socket>();
  readonly #clientIds = new Set<string>();
  #port: number;
  #running: { readonly core: Core; readonly listener: Server } | null = null;

  constructor(options: MqttBrokerOptions) {
    this.host = options.host ?? "127.0.0.1";
    this.#port = options.port ?? 0;
    this.#options = options;
  }
  get port(): number {
    return this.#port;
  }
  get url(): string {
    return `mqtt://${this.host}:${this.#port}`;
  }
  get isRunning(): boolean {
    return this.#running !== null;
  }
  get clientIds(): readonly string[] {
    return [...this.#clientIds];
  }
  get counts(): MqttBrokerCounts {
    return { ...this.#counts, clients: this.#clientIds.size };
  }

  dropClients(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async start(): Promise<void> {
    if (this.#running !== null) return;
    const core = await this.#createCore();
    const listener = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      core.handle(socket);
    });
    try {
      this.#port = await listen(listener, this.#port, this.host);
    } catch (thrown) {
      await closeCore(core);
      throw explain(thrown, this.host, this.#port);
    }
    this.#running = { core, listener };
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    const closed = new Promise<void>((resolve) => running.listener.close(() => resolve()));
    this.dropClients();
    await closed;
    await closeCore(running.core);
    this.#clientIds.clear();
  }

  async #createCore(): Promise<Core> {
    const { Aedes } = await import("aedes").catch((thrown: unknown) => {
      throw new EvError("config", "The MQTT broker needs the package aedes, which is not installed.", {
        cause: thrown,
      });
    });
    const core = await Aedes.createBroker({
      authorizeForward: createDuplicateFilter(),
      authenticate: (_client, username, password, done) => {
        if (this.#isWelcome(username, password?.toString("utf8"))) return done(null, true);
        this.#counts.refusedClients++;
        return done(Object.assign(new Error("bad user name or password"), { returnCode: RETURN_BAD_PASSWORD }), false);
      },
    });
    keepOrder(core);
    core.on("client", (client) => {
      forgetDuplicates(client);
      this.#counts.acceptedClients++;
      this.#clientIds.add(client.id);
    });
    core.on("clientDisconnect", (client) => this.#clientIds.delete(client.id));
    core.on("publish", (packet, client) => {
      if (client !== null || !packet.topic.startsWith("$SYS/")) this.#counts.messages++;
    });
    // without a listener a client that breaks off would end the process
    core.on("clientError", () => {});
    core.on("connectionError", () => {});
    return core;
  }

  #isWelcome(username: string | undefined, password: string | undefined): boolean {
    const { username: wantedName, password: wantedPassword } = this.#options;
    if (wantedName === undefined && wantedPassword === undefined) return true;
    return (username ?? "") === (wantedName ?? "") && (password ?? "") === (wantedPassword ?? "");
  }
}

/*
 * The library drops a message as a duplicate when a later one has overtaken it on its way inside, which happens to QoS 1
 * beside QoS 0. Its memory of numbers is switched off, and replaced by one that knows each number.
 */
const LONGEST_MEMORY = 1_000;

interface NumberedPacket {
  readonly brokerId?: string;
  readonly brokerCounter?: number;
}

/** Every look-up finds nothing. */
function forgetDuplicates(client: object): void {
  Object.assign(client, { duplicates: new Proxy({}, { get: () => 0, set: () => true }) });
}

/** Lets each message through once per client, also when two of its subscriptions fit. */
function createDuplicateFilter(): <P extends NumberedPacket>(client: object, packet: P) => P | null {
  const seenBy = new WeakMap<object, Set<number>>();
  return (client, packet) => {
    // what is delivered from memory, on subscribing, carries no number
    if (packet.brokerId === undefined || packet.brokerCounter === undefined) return packet;
    const seen = seenBy.get(client) ?? new Set();
    seenBy.set(client, seen);
    if (seen.has(packet.brokerCounter)) return null;
    seen.add(packet.brokerCounter);
    const [oldest] = seen;
    if (seen.size > LONGEST_MEMORY && oldest !== undefined) seen.delete(oldest);
    return packet;
  };
}

function listen(listener: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(port, host, () => {
      listener.off("error", reject);
      const address = listener.address();
      resolve(address !== null && typeof address === "object" ? address.port : port);
    });
  });
}

/** Keeps a retained message at once, as other brokers do, so that the next message cannot overtake it. */
function keepOrder(core: object): void {
  const { persistence } = core as { readonly persistence: { storeRetained(packet: object): Promise<void> } };
  const store = persistence.storeRetained.bind(persistence);
  persistence.storeRetained = (packet) => {
    const stored = store(packet);
    stored.catch(() => {});
    // oxlint-disable-next-line unicorn/no-thenable -- a promise would bring the turn back
    return { then: (resolve: () => void) => resolve() } as Promise<void>;
  };
}

const closeCore = (core: Core): Promise<void> => new Promise((resolve) => core.close(() => resolve()));

function explain(thrown: unknown, host: string, port: number): EvError {
  const cause = toEvError(thrown, "config");
  if (cause.code !== "config") return cause;
  const sentence = `Port ${port} on ${host} is taken; choose another one, or 0 for any free port.`;
  return new EvError("config", sentence, { cause: thrown });
}
