import { type Clock, systemClock } from "../lib/model/clock.ts";
import { type DeviceRequest, type DeviceWebServer, startDeviceWebServer } from "./web/device-web-server.ts";
import { createDigestGuard, type DigestGuard, type DigestVerdict } from "./web/http-digest.ts";
import type { SampleSource } from "./shelly/metering.ts";
import { RunningShelly } from "./shelly/running-shelly.ts";
import {
  type Component,
  createShellyBody,
  NTP_DELAY_MS,
  type ShellyBody,
  type ShellySimulator,
  toDeviceJson,
} from "./shelly/device.ts";
import {
  callMethod,
  deviceInfo,
  fullStatus,
  isOpenMethod,
  type RpcDevice,
  type RpcError,
  type RpcReply,
} from "./shelly/rpc-methods.ts";
import { type ShellyRpcModelName, shellyRpcModels } from "./shelly/rpc-model.ts";
import {
  createRpcSockets,
  type FrameAnswer,
  parseFrame,
  type RequestFrame,
  type RpcSockets,
} from "./shelly/rpc-socket.ts";
import type { Answer } from "./web/wire-faults.ts";

export type { ShellyFault } from "./shelly/device.ts";
export type { ShellyRpcModelName } from "./shelly/rpc-model.ts";

export interface ShellyRpcOptions {
  /** 0 = any free port */
  readonly port?: number;
  readonly host?: string;
  readonly clock?: Clock;
  readonly model: ShellyRpcModelName;
  /** One or two clamps, or three for a "pro-3em". */
  readonly channels: readonly SampleSource[];
  /** With a password everything but /shelly and GetDeviceInfo asks for digest; the user is always "admin". */
  readonly password?: string;
  /** Twelve hexadecimal digits. */
  readonly mac?: string;
  /** Version, default 2.0.0; from 2 on nonces are counted strictly. */
  readonly firmware?: string;
  /** From boot until the time is known, default 5 s. */
  readonly ntpDelayMs?: number;
}

export interface ShellyRpcSimulator extends ShellySimulator {
  /** Device id, also the realm of the password. */
  readonly deviceId: string;
  /** WebSocket clients that get notifications. */
  readonly listening: number;
  /** Request frames that came over WebSocket. */
  readonly frames: number;
  /** Sends NotifyFullStatus to everybody who listens. */
  pushFullStatus(): void;
  /** Sends NotifyEvent to everybody who listens. */
  pushEvent(component: string, event: string): void;
}

const USER = "admin";
/** Nobody knows it: what the fault "unauthorized" changes the password to. */
const FORGOTTEN_PASSWORD = "changed by somebody else";
const MINUTE_S = 60;

/**
 * A Shelly EM of generation 2, 3 or 4: RPC over HTTP and WebSocket, as fact sheet v2g 4.2 describes it on the wire.
 *
 * @throws EvError `config` when the port is taken
 */
export async function startShellyRpc(options: ShellyRpcOptions): Promise<ShellyRpcSimulator> {
  const { port = 0, host = "127.0.0.1", clock = systemClock, channels, firmware = "2.0.0" } = options;
  const model = shellyRpcModels[options.model];
  let lastMinute = Math.floor(clock.nowMs() / 1000 / MINUTE_S);
  const sockets = await createRpcSockets({
    clock,
    fault: () => body.fault,
    deviceId: () => device.deviceId(),
    status: () => fullStatus(device),
    isDead: (socket) => server.isDead(socket),
    handle: (frame) => answerFrame(device, guard, frame),
  });
  const body = createShellyBody({
    clock,
    channels,
    mac: options.mac ?? "08F9E0AABBCC",
    ntpDelayMs: options.ntpDelayMs ?? NTP_DELAY_MS,
    onSecond() {
      sockets.pushDelta();
      announceMinuteRow();
    },
    onGone() {
      sockets.pushEvent("sys", "scheduled_restart");
      guard.forgetNonces();
    },
  });
  const password = (): string | undefined => (body.fault === "unauthorized" ? FORGOTTEN_PASSWORD : options.password);
  const device: RpcDevice = {
    body,
    model,
    deviceId: () => `${model.idPrefix}-${body.mac.toLowerCase()}`,
    firmware,
    hasPassword: () => password() !== undefined,
    channelCount: channels.length,
    answerNumber: 0,
  };
  const guard = createDigestGuard({
    clock,
    username: USER,
    realm: device.deviceId,
    password,
    firmwareMajor: Number.parseInt(firmware, 10),
  });

  /** The meter has written a row of its history. */
  function announceMinuteRow(): void {
    const minute = Math.floor(body.unixtimeS / MINUTE_S);
    if (minute > lastMinute) {
      const kind = model.component === "em" ? "emdata" : "em1data";
      const count = model.component === "em" ? 1 : channels.length;
      for (let id = 0; id < count; id++) sockets.pushEvent(`${kind}:${id}`, "data", { id });
    }
    if (minute > 0) lastMinute = minute;
  }

  const server = await startDeviceWebServer({
    host,
    port,
    clock,
    keepAlive: true,
    answer: (request) => answerHttp(device, guard, request),
    upgrade: sockets.upgrade,
  }).catch((thrown: unknown) => {
    body.stop();
    sockets.stop();
    throw thrown;
  });
  return new RunningRpc(body, server, device, sockets);
}

class RunningRpc extends RunningShelly implements ShellyRpcSimulator {
  readonly #device: RpcDevice;
  readonly #sockets: RpcSockets;

  constructor(body: ShellyBody, server: DeviceWebServer, device: RpcDevice, sockets: RpcSockets) {
    super(body, server);
    this.#device = device;
    this.#sockets = sockets;
  }
  get deviceId(): string {
    return this.#device.deviceId();
  }
  get listening(): number {
    return this.#sockets.listening;
  }
  get frames(): number {
    return this.#sockets.frames;
  }
  pushFullStatus(): void {
    this.#sockets.pushFullStatus();
  }
  pushEvent(component: string, event: string): void {
    this.#sockets.pushEvent(component, event);
  }
  override async stop(): Promise<void> {
    this.#sockets.stop();
    await super.stop();
  }
}

const json = (status: number, shown: unknown): Answer => ({ status, body: toDeviceJson(shown) });
/** What firmware 2 says while its nonce table is full, and after too many wrong passwords. */
const TOO_MANY: RpcError = { code: 429, message: "Too many failed authentication attempts" };

/** GET /shelly, GET /rpc/<Method>?id=0 (bare result), POST /rpc (frame). */
function answerHttp(device: RpcDevice, guard: DigestGuard, request: DeviceRequest): Answer {
  if (request.path === "/shelly") return json(200, deviceInfo(device));
  const frame = toFrame(request);
  if (frame === undefined) return { status: 404, contentType: "text/plain", body: "Not Found" };
  const isOpen = isOpenMethod(frame.method);
  if (device.body.fault === "too-many-attempts" && !isOpen) return json(429, TOO_MANY);
  const denied = isOpen ? undefined : checkHttp(guard, request, frame);
  if (denied !== undefined) return denied;
  const reply = callMethod(device, frame.method, frame.params);
  if (request.method === "POST") return json(200, toReplyFrame(device, frame, reply));
  if ("result" in reply) return json(200, reply.result);
  return json(reply.error.code === 404 ? 404 : 500, reply.error);
}

/** Header or frame may carry the proof. */
function checkHttp(guard: DigestGuard, request: DeviceRequest, frame: RequestFrame): Answer | undefined {
  const { authorization } = request.headers;
  const verdict =
    frame.auth !== undefined && authorization === undefined
      ? guard.checkFrame(frame.auth)
      : guard.checkHeader({ method: request.method, target: request.target, authorization });
  if (verdict.verdict === "accepted") return undefined;
  if (verdict.verdict === "throttled") return json(429, TOO_MANY);
  return {
    status: 401,
    contentType: "text/plain",
    body: "",
    headers: { "WWW-Authenticate": guard.challengeHeader(verdict) },
  };
}

function toFrame(request: DeviceRequest): RequestFrame | undefined {
  if (request.path === "/rpc" && request.method === "POST") return parseFrame(request.body);
  const [, method] = /^\/rpc\/([\w.]+)$/.exec(request.path) ?? [];
  if (method === undefined) return undefined;
  const given = [...request.query].map(([name, text]): [string, unknown] => [name, queryArgument(text)]);
  return { id: 1, src: undefined, method, params: Object.fromEntries(given), auth: undefined };
}

/** Arguments in an address are JSON where they can be. */
function queryArgument(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function answerFrame(device: RpcDevice, guard: DigestGuard, frame: RequestFrame): FrameAnswer {
  const isOpen = isOpenMethod(frame.method);
  const verdict = checkFrame(device, guard, frame);
  if (verdict.verdict !== "accepted") {
    const error = verdict.verdict === "throttled" ? TOO_MANY : { code: 401, message: guard.challengeFrame(verdict) };
    return { reply: toReplyFrame(device, frame, { error }), access: "denied" };
  }
  const reply: RpcReply =
    device.body.fault === "server-error"
      ? { error: { code: -108, message: "Resource exhausted" } }
      : callMethod(device, frame.method, frame.params);
  return {
    reply: toReplyFrame(device, frame, reply),
    access: isOpen && device.hasPassword() ? "unproven" : "granted",
  };
}

function checkFrame(device: RpcDevice, guard: DigestGuard, frame: RequestFrame): DigestVerdict {
  if (isOpenMethod(frame.method)) return { verdict: "accepted" };
  return device.body.fault === "too-many-attempts" ? { verdict: "throttled" } : guard.checkFrame(frame.auth);
}

const toReplyFrame = (device: RpcDevice, frame: RequestFrame, reply: RpcReply): Component => ({
  id: frame.id,
  src: device.deviceId(),
  ...(frame.src === undefined ? {} : { dst: frame.src }),
  ...reply,
});
