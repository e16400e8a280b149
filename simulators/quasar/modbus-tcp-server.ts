import { once } from "node:events";
import net from "node:net";

/*
 * The wire of a Modbus TCP slave, and what can go wrong on it. Frames: transaction id, protocol id 0, length, unit id
 * (MBAP), then function code and data (Modbus Messaging on TCP/IP Implementation Guide, section 3).
 */

/** What can go wrong between the slave's answer and the master. */
export const modbusWireFaults = [
  /** the port is closed */
  "refuse",
  /** connections are accepted, nothing is ever answered */
  "silent",
  /** sockets open at this moment die without a FIN and stay dead; new ones work */
  "half-open",
  /** a well-formed reply with fewer registers than asked for */
  "partial-reply",
  /** the first half of a reply, then nothing */
  "torn-frame",
  /** the first half of a reply, then a TCP reset */
  "reset-mid-frame",
  /** a good reply in two TCP segments: not an error for a careful master */
  "split-frame",
  /** a length field that promises one register more than the byte count and data hold */
  "long-frame",
  /** bytes without meaning */
  "garbage",
  "wrong-transaction",
  "wrong-unit",
  /** each reply comes only after the next request */
  "late-reply",
] as const;
export type ModbusWireFault = (typeof modbusWireFaults)[number];

export interface ModbusTcpServerOptions {
  readonly host: string;
  readonly port: number;
  /** Reply to a request, both without MBAP; null = say nothing. */
  readonly answer: (request: Buffer, unitId: number) => Buffer | null;
  /** False while the device has no network service, for example during a reboot. */
  readonly isServing: () => boolean;
}

export interface ModbusTcpServer {
  readonly port: number;
  /** Sockets open now. */
  readonly connections: number;
  /** Most sockets that were ever open at the same time, and all that were ever accepted. */
  readonly peakConnections: number;
  readonly acceptedConnections: number;
  setFault(fault: ModbusWireFault | null): void;
  /** Resets every open connection. */
  dropConnections(): void;
  /** Resolves when the port is open (or closed) as the present fault asks; rejects when it could not be opened again. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

interface Connection {
  readonly socket: net.Socket;
  unread: Buffer;
  /** killed by `half-open` */
  dead: boolean;
  /** held back by `late-reply` */
  heldReply: Buffer | null;
}

const MBAP_BYTES = 7;
const LONGEST_PDU_BYTES = 253;

/** @throws the system's error when the port cannot be opened (EADDRINUSE, EACCES) */
export async function startModbusTcpServer(options: ModbusTcpServerOptions): Promise<ModbusTcpServer> {
  const connections = new Set<Connection>();
  let fault: ModbusWireFault | null = null;
  let peakConnections = 0;
  let acceptedConnections = 0;

  const accept = (socket: net.Socket): void => {
    if (!options.isServing()) {
      socket.resetAndDestroy();
      return;
    }
    const connection: Connection = { socket, unread: Buffer.alloc(0), dead: false, heldReply: null };
    connections.add(connection);
    acceptedConnections++;
    peakConnections = Math.max(peakConnections, connections.size);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => connections.delete(connection));
    socket.on("data", (bytes: Buffer) => receive(connection, bytes));
  };

  const receive = (connection: Connection, bytes: Buffer): void => {
    if (connection.dead || fault === "silent") return;
    const { requests, unread, broken } = splitFrames(Buffer.concat([connection.unread, bytes]));
    connection.unread = unread;
    for (const frame of requests) {
      const reply = options.answer(frame.subarray(MBAP_BYTES), frame.readUInt8(6));
      if (reply !== null) send(connection, toFrame(frame, reply), fault);
    }
    if (broken) connection.socket.destroy();
    if (!options.isServing()) for (const open of connections) open.socket.destroySoon();
  };

  const dropConnections = (): void => {
    for (const { socket } of connections) socket.resetAndDestroy();
    connections.clear();
  };

  let listener = await listen(options.host, options.port, accept);
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : options.port;
  let settling: Promise<unknown> = Promise.resolve();
  let stopped = false;

  const reopen = async (): Promise<void> => {
    if (!stopped && !listener.listening) listener = await listen(options.host, port, accept);
    if (stopped) await close(listener);
  };
  const settleInTurn = (work: () => Promise<void>): void => {
    settling = settling.then(work, work);
    // a port that could not be opened again is told by settled()
    settling.catch(() => {});
  };

  return {
    port,
    get connections() {
      return connections.size;
    },
    get peakConnections() {
      return peakConnections;
    },
    get acceptedConnections() {
      return acceptedConnections;
    },
    setFault(next) {
      if (next === "half-open") for (const connection of connections) connection.dead = true;
      if (next === "refuse") {
        const closing = close(listener);
        dropConnections();
        settleInTurn(() => closing);
      } else if (fault === "refuse") {
        settleInTurn(reopen);
      }
      fault = next;
    },
    dropConnections,
    settled: async () => {
      await settling;
    },
    async stop() {
      stopped = true;
      const closing = close(listener);
      dropConnections();
      await Promise.allSettled([closing, settling]);
    },
  };
}

async function listen(host: string, port: number, accept: (socket: net.Socket) => void): Promise<net.Server> {
  const listener = net.createServer(accept);
  listener.listen(port, host);
  await once(listener, "listening");
  return listener;
}

function close(listener: net.Server): Promise<void> {
  return new Promise((resolve) => {
    listener.close(() => resolve());
  });
}

interface Split {
  readonly requests: readonly Buffer[];
  readonly unread: Buffer;
  /** true when what follows cannot be Modbus */
  readonly broken: boolean;
}

function splitFrames(bytes: Buffer): Split {
  const requests: Buffer[] = [];
  let unread = bytes;
  while (unread.length >= MBAP_BYTES) {
    const lengthField = unread.readUInt16BE(4);
    const isModbus = unread.readUInt16BE(2) === 0 && lengthField >= 2 && lengthField <= LONGEST_PDU_BYTES + 1;
    if (!isModbus) return { requests, unread: Buffer.alloc(0), broken: true };
    if (unread.length < 6 + lengthField) break;
    requests.push(unread.subarray(0, 6 + lengthField));
    unread = unread.subarray(6 + lengthField);
  }
  return { requests, unread, broken: false };
}

/** Puts the request's transaction and unit id before a reply. */
function toFrame(request: Buffer, reply: Buffer): Buffer {
  const header = Buffer.from(request.subarray(0, MBAP_BYTES));
  header.writeUInt16BE(reply.length + 1, 4);
  return Buffer.concat([header, reply]);
}

function send(connection: Connection, frame: Buffer, fault: ModbusWireFault | null): void {
  const { socket } = connection;
  const half = Math.ceil(frame.length / 2);
  switch (fault) {
    case "late-reply":
      if (connection.heldReply !== null) socket.write(connection.heldReply);
      connection.heldReply = frame;
      return;
    case "torn-frame":
      socket.write(frame.subarray(0, half));
      return;
    case "reset-mid-frame":
      socket.write(frame.subarray(0, half), () => socket.resetAndDestroy());
      return;
    case "split-frame":
      socket.write(frame.subarray(0, half), () => setImmediate(() => socket.write(frame.subarray(half))));
      return;
    default:
      // what late-reply held back still comes first, as from a device that was only slow
      if (connection.heldReply !== null) socket.write(connection.heldReply);
      connection.heldReply = null;
      socket.write(damage(frame, fault));
  }
}

/** The frame as a fault that works on its bytes leaves it. */
function damage(frame: Buffer, fault: ModbusWireFault | null): Buffer {
  const damaged = Buffer.from(frame);
  switch (fault) {
    case "garbage":
      return Buffer.from(damaged.map((byte, index) => (byte * 31 + index * 17 + 0x5a) & 0xff));
    case "wrong-transaction":
      damaged.writeUInt16BE((frame.readUInt16BE(0) + 1) & 0xffff, 0);
      return damaged;
    case "wrong-unit":
      damaged.writeUInt8(frame.readUInt8(6) ^ 0x0f, 6);
      return damaged;
    case "long-frame":
      damaged.writeUInt16BE(frame.readUInt16BE(4) + 2, 4);
      return Buffer.concat([damaged, Buffer.from([0xde, 0xad])]);
    case "partial-reply":
      return withoutLastRegister(damaged);
    default:
      return damaged;
  }
}

/** One register less, with length and byte count to match; a reply with only one register is left empty. */
function withoutLastRegister(frame: Buffer): Buffer {
  if (frame.readUInt8(7) !== 0x03) return frame;
  const shortened = Buffer.from(frame.subarray(0, frame.length - 2));
  shortened.writeUInt16BE(frame.readUInt16BE(4) - 2, 4);
  shortened.writeUInt8(frame.readUInt8(8) - 2, 8);
  return shortened;
}
