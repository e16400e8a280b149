import net from "node:net";
import type { Clock } from "../../model/clock.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import { encodeRequest, type ModbusRequest, readReply, splitFrames } from "./modbus-frames.ts";

/** An open connection to one Modbus device; one request at a time. Once it failed it stays closed. */
export interface ModbusLine {
  /** @throws EvError `timeout`, `unreachable`, `bad-reply` (the line is closed then), or a ModbusException (it stays open) */
  read(address: number, count: number): Promise<readonly number[]>;
  /** @throws EvError as `read` */
  write(address: number, word: number): Promise<void>;
  readonly isOpen: boolean;
  /** Ends the socket at once; resolves when it is gone. A request that waits is refused with `closed`. */
  close(): Promise<void>;
}

export interface ModbusTcpOptions {
  readonly host: string;
  readonly port: number;
  readonly unitId: number;
  /** for connecting, and again for every request, ms */
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** gives up connecting */
  readonly signal?: AbortSignal;
}

/** More than this without a complete frame is no Modbus device. */
const MOST_UNREAD_BYTES = 1024;

/**
 * Opens a connection. After a time-out, a reset or bytes that are no Modbus the socket is destroyed, so that a late
 * answer can never be taken for the answer to a newer request (fact sheet v2g 8.7, 8.13).
 *
 * @throws EvError `timeout`, `unreachable`, `config`
 */
export function openModbusTcp(options: ModbusTcpOptions): Promise<ModbusLine> {
  const where = `${options.host}:${options.port}`;
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host: options.host, port: options.port, noDelay: true });
    let reason = new EvError("unreachable", `${where} closed the connection at once.`);
    const giveUp = (error: EvError): void => {
      reason = error;
      socket.destroy();
    };
    const onAbort = (): void => giveUp(new EvError("closed", `Connecting to ${where} was stopped.`));
    const cancelDeadline = options.clock.after(options.deadlineMs, () =>
      giveUp(new EvError("timeout", `${where} did not accept a connection within ${options.deadlineMs} ms.`)),
    );
    const finish = (): void => {
      cancelDeadline();
      options.signal?.removeEventListener("abort", onAbort);
      socket.off("close", onClose);
      socket.off("error", onError);
    };
    const onError = (error: Error): void => void (reason = atPeer(error, where));
    // only when the socket is really gone may another one be opened
    const onClose = (): void => {
      finish();
      reject(reason);
    };
    socket.on("error", onError);
    socket.once("close", onClose);
    socket.once("connect", () => {
      finish();
      resolve(attachLine(socket, options, where));
    });
    options.signal?.addEventListener("abort", onAbort, { once: true });
    if (options.signal?.aborted === true) onAbort();
  });
}

function atPeer(error: Error, where: string): EvError {
  const known = toEvError(error, "unreachable");
  return new EvError(known.code, `${where}: ${known.message}`, { cause: error });
}

interface Waiting {
  readonly transactionId: number;
  readonly request: ModbusRequest;
  settle(error: EvError | null, words: readonly number[]): void;
}

function attachLine(socket: net.Socket, options: ModbusTcpOptions, where: string): ModbusLine {
  let unread: Buffer = Buffer.alloc(0);
  let waiting: Waiting | null = null;
  let transactionId = Math.floor(Math.random() * 0x1_0000);
  const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));

  const breakOff = (error: EvError): void => {
    socket.destroy();
    unread = Buffer.alloc(0);
    waiting?.settle(error, []);
  };

  const receive = (bytes: Buffer): void => {
    const { frames, rest, isBroken } = splitFrames(unread.length === 0 ? bytes : Buffer.concat([unread, bytes]));
    unread = rest;
    for (const { transactionId: answered, unitId, pdu } of frames) {
      // an answer to nothing, or to somebody else's question
      if (waiting === null || waiting.transactionId !== answered) continue;
      if (unitId !== options.unitId) {
        breakOff(new EvError("bad-reply", `${where} answered as unit ${unitId} instead of ${options.unitId}.`));
        return;
      }
      answer(waiting, pdu);
    }
    if (isBroken || unread.length > MOST_UNREAD_BYTES) {
      breakOff(new EvError("bad-reply", `${where} sends something that is not Modbus.`));
    }
  };

  const answer = (asked: Waiting, pdu: Buffer): void => {
    try {
      asked.settle(null, readReply(asked.request, pdu));
    } catch (thrown) {
      const error = toEvError(thrown);
      if (error.code === "bad-reply") breakOff(error);
      else asked.settle(error, []);
    }
  };

  const ask = (request: ModbusRequest): Promise<readonly number[]> =>
    new Promise((resolve, reject) => {
      if (socket.destroyed) throw new EvError("unreachable", `${where} has closed the connection.`);
      if (waiting !== null) throw new EvError("internal", `${where} is asked two things at once.`);
      transactionId = (transactionId + 1) & 0xffff;
      const frame = encodeRequest(transactionId, options.unitId, request);
      const cancelDeadline = options.clock.after(options.deadlineMs, () =>
        breakOff(new EvError("timeout", `${where} did not answer within ${options.deadlineMs} ms.`)),
      );
      waiting = {
        transactionId,
        request,
        settle(error, words) {
          cancelDeadline();
          waiting = null;
          if (error === null) resolve(words);
          else reject(error);
        },
      };
      socket.write(frame);
    });

  socket.on("data", receive);
  socket.on("error", (error) => breakOff(atPeer(error, where)));
  socket.on("close", () => breakOff(new EvError("unreachable", `${where} closed the connection.`)));

  return {
    read: (address, count) => ask({ kind: "read", address, count }),
    async write(address, word) {
      await ask({ kind: "write", address, word });
    },
    get isOpen() {
      return !socket.destroyed;
    },
    async close() {
      breakOff(new EvError("closed", `The connection to ${where} was closed.`));
      await gone;
    },
  };
}
