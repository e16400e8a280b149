/*
 * The three requests that the simulated charger understands, without MBAP (Modbus Application Protocol 1.1b3, sections
 * 6.3, 6.6, 6.12 and 7).
 */

/** 1 no such function, 2 no such register, 3 no such value, and so on. */
export type ModbusException = number;

/** The registers behind the requests. */
export interface RegisterBank {
  /** Words, or why not. */
  read(address: number, count: number): readonly number[] | ModbusException;
  /** Null, or why not. */
  write(address: number, words: readonly number[]): ModbusException | null;
}

const READ_HOLDING_REGISTERS = 0x03;
const WRITE_SINGLE_REGISTER = 0x06;
const WRITE_MULTIPLE_REGISTERS = 0x10;
const MOST_REGISTERS_READ = 125;
const MOST_REGISTERS_WRITTEN = 123;
const ILLEGAL_FUNCTION = 1;
const ILLEGAL_VALUE = 3;

/** True for a request that would write. */
export const isWriteRequest = (request: Buffer): boolean =>
  request[0] === WRITE_SINGLE_REGISTER || request[0] === WRITE_MULTIPLE_REGISTERS;

/** @param request at least the function code */
export function answerRequest(request: Buffer, registers: RegisterBank): Buffer {
  switch (request[0]) {
    case READ_HOLDING_REGISTERS:
      return answerRead(request, registers);
    case WRITE_SINGLE_REGISTER:
      return answerSingleWrite(request, registers);
    case WRITE_MULTIPLE_REGISTERS:
      return answerMultipleWrite(request, registers);
    default:
      return exceptionReply(request, ILLEGAL_FUNCTION);
  }
}

export const exceptionReply = (request: Buffer, exception: ModbusException): Buffer =>
  Buffer.from([request.readUInt8(0) | 0x80, exception]);

function answerRead(request: Buffer, registers: RegisterBank): Buffer {
  const count = request.length === 5 ? request.readUInt16BE(3) : 0;
  if (count < 1 || count > MOST_REGISTERS_READ) return exceptionReply(request, ILLEGAL_VALUE);
  const words = registers.read(request.readUInt16BE(1), count);
  if (typeof words === "number") return exceptionReply(request, words);
  const reply = Buffer.alloc(2 + count * 2);
  reply.writeUInt8(READ_HOLDING_REGISTERS, 0);
  reply.writeUInt8(count * 2, 1);
  for (const [index, word] of words.entries()) reply.writeUInt16BE(word, 2 + index * 2);
  return reply;
}

function answerSingleWrite(request: Buffer, registers: RegisterBank): Buffer {
  if (request.length !== 5) return exceptionReply(request, ILLEGAL_VALUE);
  const exception = registers.write(request.readUInt16BE(1), [request.readUInt16BE(3)]);
  return exception === null ? Buffer.from(request) : exceptionReply(request, exception);
}

function answerMultipleWrite(request: Buffer, registers: RegisterBank): Buffer {
  const count = request.length < 6 ? 0 : request.readUInt16BE(3);
  const isWellFormed =
    count >= 1 &&
    count <= MOST_REGISTERS_WRITTEN &&
    request.length === 6 + count * 2 &&
    request.readUInt8(5) === count * 2;
  if (!isWellFormed) return exceptionReply(request, ILLEGAL_VALUE);
  const words = Array.from({ length: count }, (_, index) => request.readUInt16BE(6 + index * 2));
  const exception = registers.write(request.readUInt16BE(1), words);
  return exception === null ? Buffer.from(request.subarray(0, 5)) : exceptionReply(request, exception);
}
