import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { Clock } from "../../lib/model/clock.ts";
import { type Component, type ShellyFault, toDeviceJson } from "./device.ts";
import { GARBAGE, HTML_PAGE } from "../web/wire-faults.ts";

/** Components by name. */
export type StatusTree = Readonly<Record<string, Component>>;

/** One request frame as far as it can be read. */
export interface RequestFrame {
  readonly id: unknown;
  readonly src: string | undefined;
  readonly method: string;
  readonly params: Component;
  readonly auth: unknown;
}

/** "unproven" = a method that needs no password was called without one. */
export interface FrameAnswer {
  readonly reply: Component;
  readonly access: "granted" | "unproven" | "denied";
}

export interface RpcSocketOptions {
  readonly clock: Clock;
  readonly fault: () => ShellyFault | null;
  readonly deviceId: () => string;
  readonly status: () => StatusTree;
  readonly handle: (frame: RequestFrame) => FrameAnswer;
  /** The connection went half-open: nothing leaves and nothing arrives any more. */
  readonly isDead: (socket: Duplex) => boolean;
}

export interface RpcSockets {
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Sends what changed since the last look to everybody who listens; counters only once a minute. */
  pushDelta(): void;
  pushFullStatus(): void;
  pushEvent(component: string, event: string, details?: Component): void;
  /** Clients that have sent a frame with `src`. */
  readonly listening: number;
  /** Request frames since the start. */
  readonly frames: number;
  stop(): void;
}

const COUNTERS_PERIOD_MS = 60_000;
const MAX_FRAME_BYTES = 64 * 1024;
const ENDLESS_FRAGMENT = "a".repeat(64 * 1024);
const OPEN = 1;

interface Listener {
  readonly webSocket: WebSocket;
  readonly socket: Duplex;
  /** undefined until a frame with `src` came: nothing is pushed before. */
  src: string | undefined;
  lastSent: StatusTree;
}

/**
 * What changed from one status to the next, by component: a member that went is null, one that came or changed has its
 * value, and `id` comes along. Merging it into `before` gives `after`.
 */
export function statusDelta(before: StatusTree, after: StatusTree): StatusTree {
  const delta: Record<string, Component> = {};
  for (const [name, component] of Object.entries(after)) {
    const old = before[name] ?? {};
    const changed = Object.entries(component).filter(([key, shown]) => !isSame(old[key], shown));
    const gone = Object.keys(old).filter((key) => !(key in component) && old[key] !== null);
    if (changed.length + gone.length === 0) continue;
    delta[name] = {
      ...("id" in component ? { id: component["id"] } : {}),
      ...Object.fromEntries(changed),
      ...Object.fromEntries(gone.map((key) => [key, null])),
    };
  }
  return delta;
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The WebSocket at /rpc, for any number of clients. */
export async function createRpcSockets(options: RpcSocketOptions): Promise<RpcSockets> {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES, autoPong: false });
  const listeners = new Set<Listener>();
  let frames = 0;
  let countersSentAtMs = options.clock.monotonicMs();

  function accept(webSocket: WebSocket, socket: Duplex): void {
    const listener: Listener = { webSocket, socket, src: undefined, lastSent: {} };
    listeners.add(listener);
    webSocket.on("close", () => listeners.delete(listener));
    webSocket.on("error", () => webSocket.terminate());
    webSocket.on("ping", (payload) => {
      if (canSpeak(listener)) webSocket.pong(payload);
    });
    webSocket.on("message", (message) => {
      if (canSpeak(listener)) receive(listener, messageText(message));
    });
  }

  /** A device that hangs or is cut off sends nothing, not even a pong. */
  const canSpeak = ({ webSocket, socket }: Listener): boolean =>
    webSocket.readyState === OPEN &&
    !options.isDead(socket) &&
    options.fault() !== "silent" &&
    options.fault() !== "slow-loris";

  function receive(listener: Listener, text: string): void {
    const frame = parseFrame(text);
    if (frame === undefined) return;
    frames++;
    const { reply, access } = options.handle(frame);
    if (access === "denied") listener.src = undefined;
    if (access === "granted" && frame.src !== undefined) {
      if (listener.src === undefined) listener.lastSent = options.status();
      listener.src = frame.src;
    }
    if (frame.id !== undefined) send(listener, reply);
  }

  function send(listener: Listener, message: Component): void {
    if (!canSpeak(listener)) return;
    const { webSocket } = listener;
    const text = toDeviceJson(message);
    switch (options.fault()) {
      case "garbage":
        webSocket.send(GARBAGE.toString("latin1"));
        return;
      case "truncated-json":
        webSocket.send(text.slice(0, Math.ceil(text.length / 2)));
        return;
      case "html-200":
        webSocket.send(HTML_PAGE);
        return;
      case "endless-body":
        pourEndlessly(listener);
        return;
      default:
        webSocket.send(text);
    }
  }

  /** One message in fragments, without a last one, as fast as the other side reads. */
  function pourEndlessly(listener: Listener): void {
    const { webSocket } = listener;
    const pour = (): void => {
      if (options.fault() !== "endless-body") webSocket.terminate();
      else if (webSocket.readyState === OPEN) webSocket.send(ENDLESS_FRAGMENT, { fin: false }, pourNext);
    };
    const pourNext = (error?: Error | null): void => {
      if (!error) setImmediate(pour);
    };
    pour();
  }

  function notify(method: string, params: (listener: Listener) => Component | undefined): void {
    const ts = options.clock.nowMs() / 1000;
    for (const listener of listeners) {
      if (listener.src === undefined) continue;
      const content = params(listener);
      if (content === undefined) continue;
      send(listener, { src: options.deviceId(), dst: listener.src, method, params: { ts, ...content } });
    }
  }

  return {
    upgrade(request, socket, head) {
      if (request.url?.split("?")[0] !== "/rpc") {
        socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      server.handleUpgrade(request, socket, head, (webSocket) => accept(webSocket, socket));
    },
    pushDelta() {
      if (listeners.size === 0) return;
      const withCounters = options.clock.monotonicMs() - countersSentAtMs >= COUNTERS_PERIOD_MS;
      if (withCounters) countersSentAtMs = options.clock.monotonicMs();
      const after = options.status();
      const isPushed = ([name]: [string, Component]): boolean =>
        /^(em|em1|switch):/.test(name) || (withCounters && /^(em|em1)data:/.test(name));
      const pushed = Object.fromEntries(Object.entries(after).filter(isPushed));
      notify("NotifyStatus", (listener) => {
        const delta = statusDelta(listener.lastSent, pushed);
        listener.lastSent = { ...listener.lastSent, ...pushed };
        return Object.keys(delta).length === 0 ? undefined : delta;
      });
    },
    pushFullStatus() {
      const status = options.status();
      notify("NotifyFullStatus", (listener) => {
        listener.lastSent = status;
        return status;
      });
    },
    pushEvent(component, event, details = {}) {
      const ts = options.clock.nowMs() / 1000;
      notify("NotifyEvent", () => ({ events: [{ component, event, ...details, ts }] }));
    },
    get listening() {
      return [...listeners].filter(({ src }) => src !== undefined).length;
    },
    get frames() {
      return frames;
    },
    stop() {
      for (const { webSocket } of listeners) webSocket.terminate();
      server.close();
    },
  };
}

function messageText(message: Buffer | ArrayBuffer | Buffer[]): string {
  if (Array.isArray(message)) return Buffer.concat(message).toString("utf8");
  return (message instanceof ArrayBuffer ? Buffer.from(message) : message).toString("utf8");
}

/** A frame without a method, or no JSON at all, is not answered. */
export function parseFrame(text: string): RequestFrame | undefined {
  let frame: unknown;
  try {
    frame = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(frame) || typeof frame["method"] !== "string") return undefined;
  return {
    id: frame["id"] ?? undefined,
    src: typeof frame["src"] === "string" && frame["src"] !== "" ? frame["src"] : undefined,
    method: frame["method"],
    params: isObject(frame["params"]) ? frame["params"] : {},
    auth: frame["auth"],
  };
}

const isObject = (shown: unknown): shown is Component =>
  typeof shown === "object" && shown !== null && !Array.isArray(shown);
