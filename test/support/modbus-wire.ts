import { once } from "node:events";
import net from "node:net";

/** Longest wait for something that must come. */
const PATIENCE_MS = 2000;

/** A Modbus TCP master so plain that it sees every byte; it resynchronises nothing and retries nothing. */
export interface ModbusWire {
  /** Sends a request (function code and data) and returns its transaction id. */
  send(pdu: readonly number[], unitId?: number): number;
  /** The next whole frame by its length field. */
  nextFrame(): Promise<Buffer>;
  /** Sends and waits for one frame. */
  ask(pdu: readonly number[], unitId?: number): Promise<Buffer>;
  /** Registers, or throws "exception n". */
  read(address: number, count?: number): Promise<number[]>;
  /** Writes one register; throws "exception n". */
  write(address: number, word: number): Promise<void>;
  /** Resolves once at least so many bytes are there, and returns all of them. */
  bytes(count: number): Promise<Buffer>;
  readonly received: Buffer;
  /** Resolves when the other side ends the connection: "end" with a FIN, "reset" with a RST. */
  readonly ended: Promise<"end" | "reset">;
  sendRaw(bytes: Buffer): void;
  close(): void;
}

export const readPdu = (address: number, count: number): number[] => [3, address >> 8, address & 0xff, 0, count];
export const writePdu = (address: number, word: number): number[] => [
  6,
  address >> 8,
  address & 0xff,
  (word >> 8) & 0xff,
  word & 0xff,
];

export async function connectModbus(port: number): Promise<ModbusWire> {
  const socket = net.connect(port, "127.0.0.1");
  let received = Buffer.alloc(0);
  let transaction = 0;
  const ended = new Promise<"end" | "reset">((resolve) => {
    socket.on("end", () => resolve("end"));
    socket.on("error", () => resolve("reset"));
  });
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
  });
  await once(socket, "connect");

  async function bytes(count: number): Promise<Buffer> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    while (received.length < count) await once(socket, "data", { signal: patience });
    return received;
  }
  const wire: ModbusWire = {
    send(pdu, unitId = 1) {
      transaction += 1;
      const head = [transaction >> 8, transaction & 0xff, 0, 0, 0, pdu.length + 1, unitId];
      socket.write(Buffer.from([...head, ...pdu]));
      return transaction;
    },
    async nextFrame() {
      await bytes(6);
      const length = 6 + received.readUInt16BE(4);
      await bytes(length);
      const frame = received.subarray(0, length);
      received = received.subarray(length);
      return frame;
    },
    ask(pdu, unitId) {
      wire.send(pdu, unitId);
      return wire.nextFrame();
    },
    async read(address, count = 1) {
      const frame = await wire.ask(readPdu(address, count));
      if (frame.readUInt8(7) > 0x80) throw new Error(`exception ${frame.readUInt8(8)}`);
      return Array.from({ length: frame.readUInt8(8) / 2 }, (_, index) => frame.readUInt16BE(9 + index * 2));
    },
    async write(address, word) {
      const frame = await wire.ask(writePdu(address, word));
      if (frame.readUInt8(7) > 0x80) throw new Error(`exception ${frame.readUInt8(8)}`);
    },
    bytes,
    get received() {
      return received;
    },
    ended,
    sendRaw: (raw) => void socket.write(raw),
    close: () => socket.destroy(),
  };
  return wire;
}

/** Proves an absence: true when nothing arrives for a while. */
export async function staysQuiet(wire: ModbusWire, forMs = 40): Promise<boolean> {
  const before = wire.received.length;
  await new Promise((resolve) => setTimeout(resolve, forMs));
  return wire.received.length === before;
}

/** False when the port is closed or the connection is reset at once. */
export async function isServed(port: number): Promise<boolean> {
  try {
    const wire = await connectModbus(port);
    const answered = wire.read(1).then(
      () => "answered",
      () => "silent",
    );
    const outcome = await Promise.race([answered, wire.ended]);
    wire.close();
    return outcome === "answered";
  } catch {
    return false;
  }
}
