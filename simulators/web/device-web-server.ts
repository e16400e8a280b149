import { createServer as createHttpServer, type IncomingMessage, ServerResponse } from "node:http";
import { createServer as createListener, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Cancel, type Clock, systemClock } from "../../lib/model/clock.ts";
import { toEvError } from "../../lib/model/errors.ts";
import { type Answer, type HttpFault, misbehave, sendAnswer } from "./wire-faults.ts";

/** What a simulated device gets to see of a request. */
export interface DeviceRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Path and query as they stood in the request line. */
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** What the wire shows; tests read it to prove how a client behaves. */
export interface WireCounts {
  /** HTTP requests since the start, WebSocket upgrades included. */
  readonly requests: number;
  /** TCP connections open now. */
  readonly openSockets: number;
  /** TCP connections accepted since the start. */
  readonly acceptedSockets: number;
  /** Most HTTP requests that were ever unanswered at the same time. */
  readonly peakConcurrentRequests: number;
  /** Requests to the address that the fault "redirect" points to; a careful client leaves this at 0. */
  readonly redirectsFollowed: number;
}

export interface DeviceWebServer {
  readonly host: string;
  readonly port: number;
  readonly counts: WireCounts;
  /** How to misbehave from the next request on; "refuse" also closes the port and every connection. */
  setFault(fault: HttpFault | "refuse" | null): void;
  /** A device without power refuses and has dropped every connection. */
  setPowered(powered: boolean): void;
  dropConnections(): void;
  /** Every connection that is open now goes dead without being closed; new ones work. */
  deadenConnections(): void;
  isDead(socket: Duplex): boolean;
  stop(): Promise<void>;
}

export interface DeviceWebServerOptions {
  readonly host: string;
  /** 0 = any free port */
  readonly port: number;
  readonly clock: Clock;
  /** False for devices that close after each answer. */
  readonly keepAlive: boolean;
  readonly answer: (request: DeviceRequest) => Answer;
  /** Sees every request, also those that a fault swallows. */
  readonly onRequest?: (request: DeviceRequest) => void;
  /** Takes over a WebSocket request; without it the answer is 404. */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** Devices are small: a longer request body is refused. */
const MAX_BODY_BYTES = 64 * 1024;
/** Where the fault "redirect" leads: another host name, the same server. */
const TRAP_PATH = "/redirected";
const RELISTEN_DELAY_MS = 50;

/**
 * The little web server inside a device, with power switch and faults. The listener comes and goes (refuse, reboot) on
 * the same port, while one HTTP parser stays.
 *
 * @throws EvError `config` when the port is taken
 */
export async function startDeviceWebServer(options: DeviceWebServerOptions): Promise<DeviceWebServer> {
  const { host, clock } = options;
  const sockets = new Set<Socket>();
  const deadSockets = new WeakSet<Duplex>();
  const counts = {
    requests: 0,
    acceptedSockets: 0,
    peakConcurrentRequests: 0,
    redirectsFollowed: 0,
    get openSockets() {
      return sockets.size;
    },
  };
  let port = options.port;
  let concurrentRequests = 0;
  let fault: HttpFault | "refuse" | null = null;
  let isPowered = true;
  let isStopped = false;
  let listener: Server | undefined;
  let cancelRelisten: Cancel = () => {};

  const httpServer = createHttpServer();
  httpServer.on("request", (request, response) => {
    counts.requests++;
    concurrentRequests++;
    counts.peakConcurrentRequests = Math.max(counts.peakConcurrentRequests, concurrentRequests);
    response.once("close", () => concurrentRequests--);
    if (!options.keepAlive) response.setHeader("Connection", "close");
    readBody(request, (body) => respond(request, response, body));
  });
  httpServer.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    counts.requests++;
    if (options.upgrade && (fault === null || fault === "refuse")) {
      options.upgrade(request, socket, head);
      return;
    }
    const response = new ServerResponse(request);
    response.setHeader("Connection", "close");
    if (request.socket === socket) response.assignSocket(request.socket);
    response.once("finish", () => socket.end());
    respond(request, response, "");
  });
  httpServer.on("clientError", (_error, socket) => socket.destroy());

  function respond(request: IncomingMessage, response: ServerResponse, body: string | undefined): void {
    if (deadSockets.has(request.socket)) return;
    const asked = toDeviceRequest(request, body ?? "");
    options.onRequest?.(asked);
    if (asked.path === TRAP_PATH) counts.redirectsFollowed++;
    const answer = (): Answer =>
      body === undefined ? { status: 413, contentType: "text/plain", body: "Too large" } : options.answer(asked);
    if (fault === null || fault === "refuse") {
      sendAnswer(response, answer(), clock);
      return;
    }
    const faultNow = fault;
    misbehave(fault, {
      request,
      response,
      answer,
      clock,
      requestNumber: counts.requests,
      redirectUrl: `http://localhost:${port}${TRAP_PATH}`,
      isStillOn: () => fault === faultNow && !isStopped,
    });
  }

  function open(): Promise<void> {
    return new Promise((resolve, reject) => {
      const opening = createListener({ noDelay: true }, (socket) => {
        if (listener !== opening) {
          socket.destroy();
          return;
        }
        counts.acceptedSockets++;
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
        socket.on("error", () => socket.destroy());
        httpServer.emit("connection", socket);
      });
      listener = opening;
      opening.on("error", (error) => {
        if (listener === opening) listener = undefined;
        reject(error);
      });
      opening.listen(port, host, () => {
        const address = opening.address();
        if (address !== null && typeof address === "object") port = address.port;
        resolve();
      });
    });
  }

  function close(): Promise<void> {
    const closing = listener;
    listener = undefined;
    cancelRelisten();
    const closed = new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()));
    dropConnections();
    return closed;
  }

  function dropConnections(): void {
    for (const socket of sockets) socket.destroy();
  }

  /** Opens or closes the port as power and fault demand; another process may sit on the port for a moment. */
  function followPower(): void {
    const isWanted = isPowered && fault !== "refuse" && !isStopped;
    if (isWanted && listener === undefined) {
      open().catch(() => {
        cancelRelisten();
        cancelRelisten = systemClock.after(RELISTEN_DELAY_MS, followPower);
      });
    } else if (!isWanted && listener !== undefined) {
      void close();
    }
  }

  await open().catch((thrown: unknown) => {
    throw toEvError(thrown, "config");
  });

  return {
    host,
    get port() {
      return port;
    },
    counts,
    setFault(next) {
      fault = next;
      followPower();
    },
    setPowered(powered) {
      isPowered = powered;
      followPower();
    },
    dropConnections,
    deadenConnections() {
      for (const socket of sockets) {
        deadSockets.add(socket);
        socket.removeAllListeners("data");
        socket.on("data", () => {});
        socket.once("end", () => socket.destroy());
      }
    },
    isDead: (socket) => deadSockets.has(socket),
    async stop() {
      isStopped = true;
      await close();
    },
  };
}

/** Calls back with the body, or with undefined when it is too long. */
function readBody(request: IncomingMessage, done: (body: string | undefined) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  });
  request.once("end", () => done(bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks).toString("utf8")));
}

function toDeviceRequest(request: IncomingMessage, body: string): DeviceRequest {
  const target = request.url ?? "/";
  const [path = "/", search = ""] = target.split("?", 2);
  return {
    method: request.method ?? "GET",
    path,
    query: new URLSearchParams(search),
    target,
    headers: request.headers,
    body,
  };
}
