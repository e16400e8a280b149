import type { IClientOptions, MqttClient } from "mqtt";
import { EvError, toEvError } from "../model/errors.ts";

/*
 * One connection to one broker, from connect to loss; never used again afterwards. Because the library never reconnects by
 * itself, its store of unacknowledged messages dies with the connection: a command that could not be delivered is not
 * delivered later.
 */

export type MqttScheme = "mqtt" | "mqtts" | "ws" | "wss";

/** As `tls.connect` wants it; PEM. */
export interface MqttTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly pfx?: string | Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly ALPNProtocols?: string[];
  /** false = take any certificate; only when the user said so */
  readonly rejectUnauthorized?: boolean;
}

export interface MqttSettings {
  readonly scheme: MqttScheme;
  readonly host: string;
  readonly port: number;
  /** of a WebSocket, for example `/mqtt` */
  readonly path?: string;
  readonly tls?: MqttTls;
  readonly user?: string;
  readonly password?: string;
  /** null = a new one for every connection */
  readonly clientId: string | null;
  readonly keepAliveS: number;
}

export interface MqttMessage {
  readonly topic: string;
  readonly payload: Buffer;
  /** Kept by the broker since an unknown time: what was, not what is. */
  readonly isRetained: boolean;
}

export interface MqttLine {
  /** QoS 1, not retained; resolves when the broker has acknowledged. */
  publish(topic: string, payload: string): Promise<void>;
  /** Takes down the connection with all that is still in it. */
  destroy(): void;
  /** Says goodbye first. */
  end(): Promise<void>;
}

export interface MqttLineEvents {
  readonly onMessage: (message: MqttMessage) => void;
  /** Once, for whatever reason. */
  readonly onLost: (error: EvError) => void;
}

export interface MqttLimits {
  readonly connectWithinMs: number;
  readonly maxMessageBytes: number;
}

/** Connects and subscribes. @throws EvError `unreachable`, `timeout`, `auth`, `config`, `refused` (a topic), `closed` */
export async function openMqttLine(
  settings: MqttSettings,
  filters: readonly string[],
  limits: MqttLimits,
  events: MqttLineEvents,
  signal: AbortSignal,
): Promise<MqttLine> {
  const { connect } = await import("mqtt");
  if (signal.aborted) throw new EvError("closed", "The connection was closed.");
  const client = connect(clientOptions(settings, limits));
  const setUp = async (): Promise<void> => {
    await connected(client);
    guardSize(client, limits.maxMessageBytes);
    listen(client, limits, events);
    await subscribe(client, filters, limits.connectWithinMs);
  };
  try {
    await unlessAborted(setUp(), signal);
  } catch (thrown) {
    destroy(client);
    throw describeFailure(thrown);
  }
  // lost between the acknowledgement and here
  if (!client.connected) throw new EvError("unreachable", "The broker closed the connection at once.");
  return {
    publish: (topic, payload) =>
      new Promise((resolve, reject) => {
        client.publish(topic, payload, { qos: 1, retain: false }, (error) =>
          error === undefined || error === null ? resolve() : reject(describeFailure(error)),
        );
      }),
    destroy: () => destroy(client),
    end: () => new Promise((resolve) => client.end(false, {}, () => resolve())),
  };
}

function clientOptions(settings: MqttSettings, limits: MqttLimits): IClientOptions {
  const { scheme, host, port, path, tls, user, password, clientId, keepAliveS } = settings;
  return {
    ...(tls as IClientOptions | undefined),
    protocol: scheme,
    host,
    port,
    ...(path === undefined ? {} : { path }),
    ...(user === undefined || user === "" ? {} : { username: user, password: password ?? "" }),
    clientId: clientId ?? `ev-${crypto.randomUUID().slice(0, 18)}`,
    clean: true,
    keepalive: keepAliveS,
    connectTimeout: limits.connectWithinMs,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: "native",
  };
}

/** The signal outlives many connections, so nothing may stay listening to it. */
function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new EvError("closed", "The connection was closed."));
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    // stays for the life of the client: an error without a listener would end the process
    client.on("error", reject);
    client.on("close", () => reject(new EvError("unreachable", "The broker closed the connection.")));
    client.once("connect", () => resolve());
  });
}

function listen(client: MqttClient, limits: MqttLimits, events: MqttLineEvents): void {
  let isLost = false;
  const lose = (thrown: unknown): void => {
    if (isLost) return;
    isLost = true;
    destroy(client);
    events.onLost(describeFailure(thrown));
  };
  client.on("message", (topic, payload, packet) => {
    if (isLost || payload.length > limits.maxMessageBytes) return;
    events.onMessage({ topic, payload, isRetained: packet.retain });
  });
  client.on("error", lose);
  client.on("close", () => lose(new EvError("unreachable", "The connection to the broker broke.")));
}

async function subscribe(client: MqttClient, filters: readonly string[], withinMs: number): Promise<void> {
  if (filters.length === 0) return;
  await new Promise<void>((resolve, reject) => {
    const patience = setTimeout(
      () => reject(new EvError("timeout", "The broker does not confirm the subscriptions.")),
      withinMs,
    );
    const end = (settle: () => void): void => {
      clearTimeout(patience);
      settle();
    };
    client.once("close", () => end(() => reject(new EvError("unreachable", "The broker closed the connection."))));
    // what devices say comes with QoS 0, so more cannot be had
    client.subscribe([...filters], { qos: 0 }, (error, granted) => {
      const denied = granted?.find(({ qos }) => qos === 128)?.topic;
      if (error === null && denied === undefined) end(resolve);
      else end(() => reject(new EvError("refused", "The broker does not let us read the topics.", { detail: denied })));
    });
  });
}

/**
 * The library collects a message of any size before it hands it over. Bytes that come without completing a packet are
 * counted here, and a message without end takes the connection down.
 */
function guardSize(client: MqttClient, maxMessageBytes: number): void {
  const ROOM_FOR_HEADER = 64 * 1024;
  let bytes = 0;
  client.on("packetreceive", () => {
    bytes = 0;
  });
  client.stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxMessageBytes + ROOM_FOR_HEADER) {
      client.emit("error", new EvError("too-large", `A message is larger than ${maxMessageBytes} bytes.`));
    }
  });
}

/** A reset, so that the system does not deliver later what is still in the socket. */
function destroy(client: MqttClient): void {
  const { stream } = client as { stream?: { resetAndDestroy?: () => void; destroy: () => void } };
  if (typeof stream?.resetAndDestroy === "function") stream.resetAndDestroy();
  client.end(true);
}

/** Return codes of MQTT 3.1.1: 4 = bad user name or password, 5 = not authorized, 2 = client id rejected. */
const CODE_OF_REFUSAL: Readonly<Record<number, "auth" | "config" | "unreachable">> = {
  1: "config",
  2: "config",
  3: "unreachable",
  4: "auth",
  5: "auth",
};

function describeFailure(thrown: unknown): EvError {
  if (thrown instanceof EvError) return thrown;
  const code = typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;
  if (typeof code === "number") {
    const known = CODE_OF_REFUSAL[code] ?? "refused";
    return new EvError(known, `The broker refused: ${(thrown as Error).message}`, { cause: thrown });
  }
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  if (/timeout/i.test(text)) return new EvError("timeout", `The broker does not answer: ${text}`, { cause: thrown });
  if (/not authorized/i.test(text)) {
    return new EvError("auth", "The broker's certificate is not trusted.", { cause: thrown });
  }
  const known = toEvError(thrown, "unreachable");
  return new EvError(known.code, `The broker cannot be reached: ${known.message}`, { cause: thrown });
}
