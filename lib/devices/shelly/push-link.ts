import { backoffMs } from "../../io/retry.ts";
import type { Cancel, Clock } from "../../model/clock.ts";
import { type EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { DeviceAddress } from "./address.ts";
import { openRpcSocket, type RpcSocket } from "./rpc-socket.ts";
import { channelsIn, type Components, mergeDelta, parseFullStatus, RPC_STATUS_METHOD } from "./wire-rpc.ts";

/** A status that came over the socket. */
export interface PushedStatus {
  readonly components: Components;
  /** What the device sent, untouched. */
  readonly raw: unknown;
  /** The channels that were measured anew; missing = all. */
  readonly touched?: ReadonlySet<number>;
}

/** Keeps at most one WebSocket to a device, and the device's whole status from what comes over it. */
export interface PushLink {
  /** A socket stands and has answered. */
  readonly isOpen: boolean;
  /** Connects in the background, unless there is a socket, one is on its way, or it is too early for another try. */
  connectWhenDue(): void;
  /** Asks for the whole status, which also proves that the socket is alive. @throws EvError; the socket is given up then */
  readStatus(): Promise<PushedStatus>;
  /** Gives the socket up. */
  drop(): void;
}

export interface PushLinkOptions {
  readonly address: DeviceAddress;
  readonly password: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** The device told something by itself, or a fresh socket gave its first status. */
  readonly onPushed: (status: PushedStatus) => void;
  /** The socket is gone without our doing. */
  readonly onLost: () => void;
}

const RECONNECT = { baseMs: 1000, capMs: 60_000 };
/** A socket that stood so long was a good one; its loss starts the waiting times anew. */
const GOOD_SOCKET_MS = 30_000;
/** Channels are reported one frame after the other; they belong to one instant. */
const GATHER_MS = 25;
/** Fastest pace at which pushed readings are passed on. */
const SHORTEST_PERIOD_MS = 200;

export function createPushLink(options: PushLinkOptions): PushLink {
  const { clock, logger, address } = options;
  let socket: RpcSocket | null = null;
  let isConnecting = false;
  let openedAtMs = 0;
  let failures = 0;
  let notBeforeMs = 0;
  let components: Components = new Map();
  const touched = new Set<number>();
  let lastDelta: unknown;
  let passedOnAtMs = Number.NEGATIVE_INFINITY;
  let cancelPassOn: Cancel | null = null;

  function forget(): void {
    socket = null;
    cancelPassOn?.();
    cancelPassOn = null;
    touched.clear();
    components = new Map();
  }

  function planReconnect(error: EvError): void {
    if (openedAtMs > 0 && clock.monotonicMs() - openedAtMs >= GOOD_SOCKET_MS) failures = 0;
    openedAtMs = 0;
    failures += 1;
    notBeforeMs = clock.monotonicMs() + backoffMs(failures, RECONNECT);
    logger.debug(`${address.host}: no push for now: ${error.message}`);
  }

  function onDelta(delta: unknown): void {
    if (socket === null) return;
    components = mergeDelta(components, delta);
    for (const channel of channelsIn(delta)) touched.add(channel);
    lastDelta = delta;
    if (touched.size === 0 || cancelPassOn !== null) return;
    const restMs = passedOnAtMs + SHORTEST_PERIOD_MS - clock.monotonicMs();
    cancelPassOn = clock.after(Math.max(GATHER_MS, restMs), () => {
      cancelPassOn = null;
      passOn({ components, raw: lastDelta, touched: new Set(touched) });
    });
  }

  function onFullStatus(raw: unknown): void {
    if (socket === null) return;
    components = parseFullStatus(raw);
    passOn({ components, raw });
  }

  function passOn(status: PushedStatus): void {
    touched.clear();
    passedOnAtMs = clock.monotonicMs();
    options.onPushed(status);
  }

  async function connect(): Promise<void> {
    const opened = await openRpcSocket({
      address,
      password: options.password,
      clock,
      signal: options.signal,
      onDelta,
      onFullStatus,
      onLost(error) {
        if (socket === null) return;
        forget();
        planReconnect(error);
        options.onLost();
      },
    });
    try {
      const raw = await opened.call(RPC_STATUS_METHOD);
      components = parseFullStatus(raw);
      socket = opened;
      openedAtMs = clock.monotonicMs();
      passOn({ components, raw });
    } catch (thrown) {
      opened.terminate();
      throw thrown;
    }
  }

  return {
    get isOpen() {
      return socket !== null;
    },
    connectWhenDue() {
      if (socket !== null || isConnecting || options.signal.aborted || clock.monotonicMs() < notBeforeMs) return;
      isConnecting = true;
      connect()
        .catch((thrown: unknown) => planReconnect(toEvError(thrown)))
        .finally(() => {
          isConnecting = false;
        });
    },
    async readStatus() {
      const asked = socket;
      if (asked === null) throw toEvError(new Error("There is no socket."));
      try {
        const raw = await asked.call(RPC_STATUS_METHOD);
        components = parseFullStatus(raw);
        touched.clear();
        return { components, raw };
      } catch (thrown) {
        const error = toEvError(thrown);
        asked.terminate();
        if (socket === asked) {
          forget();
          planReconnect(error);
        }
        throw error;
      }
    },
    drop() {
      socket?.terminate();
      forget();
    },
  };
}
