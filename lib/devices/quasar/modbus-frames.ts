import { EvError, type EvErrorCode } from "../../model/errors.ts";

/*
 * Modbus TCP frames: transaction id, protocol id 0, length, unit id (MBAP), then function code and data (Modbus Messaging
 * on TCP/IP Implementation Guide 1.0b, section 3; Modbus Application Protocol 1.1b3, sections 6.3, 6.6 and 7). Only the two
 * functions a Quasar needs. Pure: bytes in, bytes out. Why it is ours: docs/decisions.
 */

const READ_HOLDING_REGISTERS = 0x03;
const WRITE_SINGLE_REGISTER = 0x06;
const EXCEPTION_BIT = 0x80;
const MBAP_BYTES = 7;
const LONGEST_PDU_BYTES = 253;
const MOST_REGISTERS = 125;

/** The device understood the frame and said no. */
export class ModbusException extends EvError {
  readonly exception: number;

  constructor(exception: number) {
    const [code, words] =
      EXCEPTIONS.get(exception) ?? (["bad-reply", "an exception that Modbus does not know"] as const);
    super(code, `The charger answered with Modbus exception ${exception}: ${words}.`);
    this.name = "ModbusException";
    this.exception = exception;
  }
}

/** What each exception is to the caller (fact sheet best-systems D1). */
const EXCEPTIONS: ReadonlyMap<number, readonly [EvErrorCode, string]> = new Map([
  [1, ["unsupported", "it does not have this function, or not now"]],
  [2, ["config", "it does not have this register; check that the address is a Wallbox Quasar"]],
  [3, ["config", "it does not take this number"]],
  [4, ["device-fault", "it failed inside"]],
  [5, ["busy", "it needs more time"]],
  [6, ["busy", "it is busy"]],
  [8, ["device-fault", "its memory is damaged"]],
  [10, ["unreachable", "a gateway has no path to it"]],
  [11, ["unreachable", "it does not answer its gateway; check the unit id"]],
]);

/** One request, before it has a transaction id. */
export type ModbusRequest =
  | { readonly kind: "read"; readonly address: number; readonly count: number }
  | { readonly kind: "write"; readonly address: number; readonly word: number };

/** @throws EvError `internal` for a request outside what Modbus can carry */
export function encodeRequest(transactionId: number, unitId: number, request: ModbusRequest): Buffer {
  const operand = request.kind === "read" ? request.count : request.word;
  const isPossible =
    isWord(request.address) &&
    isWord(operand) &&
    (request.kind === "write" || (operand >= 1 && operand <= MOST_REGISTERS));
  if (!isPossible) throw new EvError("internal", `Not a Modbus request: ${JSON.stringify(request)}.`);
  const frame = Buffer.alloc(MBAP_BYTES + 5);
  frame.writeUInt16BE(transactionId, 0);
  frame.writeUInt16BE(frame.length - 6, 4);
  frame.writeUInt8(unitId, 6);
  frame.writeUInt8(request.kind === "read" ? READ_HOLDING_REGISTERS : WRITE_SINGLE_REGISTER, MBAP_BYTES);
  frame.writeUInt16BE(request.address, MBAP_BYTES + 1);
  frame.writeUInt16BE(operand, MBAP_BYTES + 3);
  return frame;
}

const isWord = (number: number): boolean => Number.isInteger(number) && number >= 0 && number <= 0xffff;

/** One complete frame from the device. */
export interface ReplyFrame {
  readonly transactionId: number;
  readonly unitId: number;
  /** function code and data */
  readonly pdu: Buffer;
}

/**
 * Cuts complete frames off the received bytes.
 *
 * @returns `isBroken` when what follows cannot be Modbus; nothing behind it can be trusted
 */
export function splitFrames(bytes: Buffer): { frames: readonly ReplyFrame[]; rest: Buffer; isBroken: boolean } {
  const frames: ReplyFrame[] = [];
  let rest = bytes;
  while (rest.length >= MBAP_BYTES) {
    const lengthField = rest.readUInt16BE(4);
    const isModbus = rest.readUInt16BE(2) === 0 && lengthField >= 3 && lengthField <= LONGEST_PDU_BYTES + 1;
    if (!isModbus) return { frames, rest: Buffer.alloc(0), isBroken: true };
    const end = 6 + lengthField;
    if (rest.length < end) break;
    frames.push({
      transactionId: rest.readUInt16BE(0),
      unitId: rest.readUInt8(6),
      pdu: rest.subarray(MBAP_BYTES, end),
    });
    rest = rest.subarray(end);
  }
  return { frames, rest, isBroken: false };
}

/**
 * The words that answer a request; none for a write.
 *
 * @throws ModbusException when the device says no, EvError `bad-reply` for anything that is not exactly the answer: fewer
 *   registers than asked for is a failure, never a shorter list (fact sheet v2g 2.4 quirk 9)
 */
export function readReply(request: ModbusRequest, pdu: Buffer): readonly number[] {
  const functionCode = request.kind === "read" ? READ_HOLDING_REGISTERS : WRITE_SINGLE_REGISTER;
  if (pdu.length === 2 && pdu.readUInt8(0) === (functionCode | EXCEPTION_BIT)) {
    throw new ModbusException(pdu.readUInt8(1));
  }
  if (pdu.readUInt8(0) !== functionCode) throw badReply("with another function than the one it was asked for", pdu);
  if (request.kind === "write") {
    const isEcho = pdu.length === 5 && pdu.readUInt16BE(1) === request.address && pdu.readUInt16BE(3) === request.word;
    if (!isEcho) throw badReply("to a write with something else than its echo", pdu);
    return [];
  }
  const isWhole = pdu.length === 2 + request.count * 2 && pdu.readUInt8(1) === request.count * 2;
  if (!isWhole) throw badReply(`with another number of registers than the ${request.count} it was asked for`, pdu);
  return Array.from({ length: request.count }, (_, index) => pdu.readUInt16BE(2 + index * 2));
}

const badReply = (what: string, pdu: Buffer): EvError =>
  new EvError("bad-reply", `The charger answered ${what}.`, { detail: pdu.subarray(0, 32).toString("hex") });
