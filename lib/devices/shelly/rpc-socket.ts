import type { RawData, WebSocket } from "ws";
import { excerpt, parseJson } from "../../io/http.ts";
import type { Clock } from "../../model/clock.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { DeviceAddress } from "./address.ts";
import { MOST_REPLY_BYTES, REQUEST_DEADLINE_MS } from "./client.ts";
import { createDigestLogin, type DigestLogin, parseDigestFrame } from "./digest.ts";

/** One WebSocket to one device: calls and answers, and what the device tells by itself (fact sheet v2g 4.2). */
export interface RpcSocket {
  /** @throws EvError `timeout`, `unreachable`, `auth`, `busy`, `refused`, `bad-reply`, `closed` */
  call(method: string): Promise<unknown>;
  /** Drops the connection at once: a half-open one would never say goodbye. */
  terminate(): void;
}

export interface RpcSocketOptions {
  readonly address: DeviceAddress;
  /** Empty = the device asks for none. */
  readonly password: string;
  readonly clock: Clock;
  /** Params of a NotifyStatus: only what changed. */
  readonly onDelta: (params: unknown) => void;
  /** Params of a NotifyFullStatus. */
  readonly onFullStatus: (params: unknown) => void;
  /** Ends the connection. */
  readonly signal: AbortSignal;
  /** Once, when the open connection has ended without `terminate` or `signal`. */
  readonly onLost: (error: EvError) => void;
}

interface Waiting {
  readonly resolve: (frame: Readonly<Record<string, unknown>>) => void;
  readonly reject: (error: EvError) => void;
}

/** Marks us as the one whom the device answers; any word will do. */
const OUR_NAME = "ev-shelly-em";
/** A meter reports a few times a second; a flood is a broken or hostile device. */
const MOST_FRAMES_PER_SECOND = 100;

/** @throws EvError when there is no WebSocket at this address within the deadline */
export async function openRpcSocket(options: RpcSocketOptions): Promise<RpcSocket> {
  const { WebSocket: Socket } = await import("ws");
  if (options.signal.aborted) throw new EvError("closed", "The connection was closed.");
  const socket = new Socket(`${options.address.baseUrl.replace(/^http/, "ws")}/rpc`, {
    handshakeTimeout: REQUEST_DEADLINE_MS,
    maxPayload: MOST_REPLY_BYTES,
    perMessageDeflate: false,
    followRedirects: false,
  });
  return new Promise((resolve, reject) => {
    const rpc = attach(socket, options, reject);
    socket.once("open", () => resolve(rpc));
  });
}

/** Listens from the first moment, so that nothing that happens while connecting is missed. */
function attach(socket: WebSocket, options: RpcSocketOptions, refuse: (error: EvError) => void): RpcSocket {
  const { address, clock } = options;
  const login = createDigestLogin("admin", options.password);
  const waiting = new Map<number, Waiting>();
  const countFrame = createFloodGuard(clock);
  let lastId = 0;
  let isOpen = false;
  let hasEnded = false;

  /** Ends everything once; our own goodbye is no loss. */
  const end = (error: EvError, isLoss: boolean): void => {
    if (hasEnded) return;
    hasEnded = true;
    options.signal.removeEventListener("abort", terminate);
    socket.terminate();
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    if (!isOpen) refuse(error);
    else if (isLoss) options.onLost(error);
  };
  const terminate = (): void => end(new EvError("closed", "The connection was closed."), false);
  options.signal.addEventListener("abort", terminate, { once: true });

  socket.once("open", () => {
    isOpen = true;
  });
  socket.on("error", (error) => end(toSocketError(error, address), true));
  socket.on("close", () => end(new EvError("unreachable", `${address.host} closed the connection.`), true));
  socket.on("message", (raw, isBinary) => {
    if (hasEnded) return;
    try {
      if (isBinary) throw new EvError("bad-reply", `${address.host} sent bytes where text belongs.`);
      if (!countFrame()) throw new EvError("too-large", `${address.host} sends far more than a meter should.`);
      receive(readFrame(raw, address.host));
    } catch (thrown) {
      end(toEvError(thrown, "bad-reply"), true);
    }
  });

  function receive(frame: Readonly<Record<string, unknown>>): void {
    if (frame.method === "NotifyStatus") options.onDelta(frame.params);
    else if (frame.method === "NotifyFullStatus") options.onFullStatus(frame.params);
    if (frame.method !== undefined || typeof frame.id !== "number") return;
    // an answer that nobody waits for any more is dropped
    waiting.get(frame.id)?.resolve(frame);
  }

  function ask(method: string): Promise<Readonly<Record<string, unknown>>> {
    return new Promise((resolve, reject) => {
      if (hasEnded) {
        reject(new EvError("closed", "The connection is closed."));
        return;
      }
      lastId += 1;
      const id = lastId;
      const settle = (): void => {
        cancel();
        waiting.delete(id);
      };
      const cancel = clock.after(REQUEST_DEADLINE_MS, () => {
        waiting.delete(id);
        reject(new EvError("timeout", `${address.host} did not answer within ${REQUEST_DEADLINE_MS} ms.`));
      });
      waiting.set(id, {
        resolve: (frame) => {
          settle();
          resolve(frame);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      });
      const auth = options.password === "" ? null : login.nextFrameAuth();
      socket.send(JSON.stringify({ id, src: OUR_NAME, method, ...(auth === null ? {} : { auth }) }));
    });
  }

  return {
    call: (method) => callWithLogin(method, ask, login, options),
    terminate,
  };
}

/** As over HTTP: a refused nonce may be worn out, a refused fresh one means a wrong password. */
async function callWithLogin(
  method: string,
  ask: (method: string) => Promise<Readonly<Record<string, unknown>>>,
  login: DigestLogin,
  { address, password }: RpcSocketOptions,
): Promise<unknown> {
  const first = await ask(method);
  if (readError(first).code !== 401) return readResult(first, address.host);
  const challenge = parseDigestFrame(readError(first).message);
  login.forget();
  if (password === "" || challenge === null) {
    const reason = password === "" ? "asks for a password, and none is entered" : "asks for an unknown kind of log-in";
    throw new EvError("auth", `${address.host} ${reason}.`);
  }
  login.adopt(challenge);
  const second = await ask(method);
  if (readError(second).code !== 401) return readResult(second, address.host);
  login.forget();
  throw new EvError("auth", `${address.host} does not accept the password.`);
}

function readResult(frame: Readonly<Record<string, unknown>>, host: string): unknown {
  const { code, message } = readError(frame);
  if (code !== null) {
    throw new EvError(code === 429 ? "busy" : "refused", `${host} answered with error ${code}.`, {
      detail: excerpt(message),
    });
  }
  if (frame.result === undefined) throw new EvError("bad-reply", `${host} answered without a result.`);
  return frame.result;
}

function readError({ error }: Readonly<Record<string, unknown>>): { code: number | null; message: string } {
  if (typeof error !== "object" || error === null) return { code: null, message: "" };
  const { code, message } = error as Record<string, unknown>;
  return {
    code: typeof code === "number" ? code : 0,
    message: typeof message === "string" ? message.slice(0, 2000) : "",
  };
}

function readFrame(raw: RawData, host: string): Readonly<Record<string, unknown>> {
  const text = Array.isArray(raw) ? Buffer.concat(raw).toString("utf8") : Buffer.from(raw as Buffer).toString("utf8");
  const frame = parseJson(text, host);
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) {
    throw new EvError("bad-reply", `${host} sent something that is no RPC frame.`, { detail: excerpt(text) });
  }
  return frame as Record<string, unknown>;
}

function createFloodGuard(clock: Clock): () => boolean {
  let secondBeganMs = clock.monotonicMs();
  let frames = 0;
  return () => {
    if (clock.monotonicMs() - secondBeganMs >= 1000) {
      secondBeganMs = clock.monotonicMs();
      frames = 0;
    }
    frames += 1;
    return frames <= MOST_FRAMES_PER_SECOND;
  };
}

function toSocketError(error: Error, address: DeviceAddress): EvError {
  const isTooLarge = "code" in error && error.code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
  const known = toEvError(error, isTooLarge ? "too-large" : "bad-reply");
  return new EvError(known.code, `${address.host}: ${known.message}`, { cause: error });
}
