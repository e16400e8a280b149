import { EvError } from "../../model/errors.ts";
import { clamp } from "../../model/units.ts";

/*
 * The registers of the Wallbox Quasar (1) on Modbus TCP as tables, and what may be written (fact sheet v2g 2.1, 2.2):
 * holding registers, protocol addresses without offset, 16 bits each, signed ones as two's complement. Pure.
 */

/** Protocol addresses by name. */
export const REGISTER = {
  firmware: 0x001,
  serialHigh: 0x002,
  serialLow: 0x003,
  partNumber: 0x004,
  /** 0 the app, 1 Modbus */
  controlOwner: 0x051,
  autoStart: 0x052,
  /** 0 current, 1 power */
  setpointType: 0x053,
  idleTimeoutS: 0x058,
  lock: 0x100,
  action: 0x101,
  currentSetpointA: 0x102,
  powerSetpointW: 0x104,
  maxAvailableA: 0x200,
  maxAvailableW: 0x202,
  acCurrentA: 0x207,
  acVoltageV: 0x20a,
  acPowerW: 0x20e,
  status: 0x219,
  socPercent: 0x21a,
  unrecoverableHigh: 0x21b,
  unrecoverableLow: 0x21c,
  recoverableHigh: 0x21d,
  recoverableLow: 0x21e,
  dcVoltage: 0x223,
  dcCurrent: 0x224,
} as const;

/** Nobody's Quasar goes beyond (fact sheet v2g 2.1). */
export const HARDWARE_MAX_A = 32;
export const HARDWARE_MAX_W = 7400;
/** Below this no current flows (fact sheet v2g 2.4 quirk 2). */
export const HARDWARE_MIN_A = 3;

/**
 * The actions that exist for us. 3 would reboot, which does not help a dead Modbus module, and 4 starts a firmware
 * update: neither can be expressed.
 */
export const ACTION = { start: 1, stop: 2 } as const;
export type ChargerAction = (typeof ACTION)[keyof typeof ACTION];

/** Everything that can ever be written. */
export type QuasarWrite =
  | { readonly register: "controlOwner"; readonly owner: 0 | 1 }
  | { readonly register: "autoStart"; readonly isOn: false }
  | { readonly register: "setpointType"; readonly type: 0 | 1 }
  | { readonly register: "idleTimeoutS"; readonly seconds: number }
  | { readonly register: "action"; readonly action: ChargerAction }
  | { readonly register: "currentSetpointA"; readonly currentA: number }
  | { readonly register: "powerSetpointW"; readonly powerW: number };

/** A write as it goes over the wire. */
export interface RegisterWrite {
  readonly address: number;
  readonly word: number;
}

/**
 * The only way from a wish to a register word. The checks repeat what the types say, for the day when a type is cast away.
 *
 * @throws EvError `internal` for a number that must never reach the charger
 */
export function encodeWrite(write: QuasarWrite): RegisterWrite {
  const address = REGISTER[write.register];
  switch (write.register) {
    case "controlOwner":
      return { address, word: oneOf([0, 1], write.owner, write.register) };
    case "autoStart":
      return { address, word: 0 };
    case "setpointType":
      return { address, word: oneOf([0, 1], write.type, write.register) };
    case "idleTimeoutS":
      return { address, word: whole(write.seconds, 0, 65_535, write.register) };
    case "action":
      return { address, word: oneOf([ACTION.start, ACTION.stop], write.action, write.register) };
    case "currentSetpointA":
      return { address, word: toWord(whole(write.currentA, -HARDWARE_MAX_A, HARDWARE_MAX_A, write.register)) };
    case "powerSetpointW":
      return { address, word: toWord(whole(write.powerW, -HARDWARE_MAX_W, HARDWARE_MAX_W, write.register)) };
    default:
      throw forbidden("an unknown register", write satisfies never);
  }
}

function oneOf(allowed: readonly number[], number: number, register: string): number {
  if (!allowed.includes(number)) throw forbidden(register, number);
  return number;
}

function whole(number: number, low: number, high: number, register: string): number {
  if (!Number.isInteger(number) || number < low || number > high) throw forbidden(register, number);
  return number;
}

const forbidden = (register: string, number: unknown): EvError =>
  new EvError("internal", `${String(number)} must never be written to ${register} of a Quasar.`);

/** 16-bit two's complement to a number. */
export const toSigned = (word: number): number => (word > 0x7fff ? word - 0x1_0000 : word);

/** A whole number to 16-bit two's complement. */
export const toWord = (number: number): number => number & 0xffff;

/** Words by address with their age; null = this firmware does not have the register, missing = not read yet. */
export type RegisterImage = ReadonlyMap<number, { readonly word: number | null; readonly atMs: number }>;

/** The word at an address; undefined = not known, null = the register does not exist. */
export const wordAt = (image: RegisterImage, address: number): number | null | undefined => image.get(address)?.word;

/** What the charger measures and says of itself; null = unknown or implausible. */
export interface QuasarLive {
  readonly status: number | null;
  /** as read: 0 when no power flows */
  readonly socPercent: number | null;
  /** AC side, + into the car, W */
  readonly powerW: number | null;
  /** AC side, signed like the power, A */
  readonly currentA: number | null;
  readonly voltageV: number | null;
  readonly dcVoltageV: number | null;
  readonly dcCurrentA: number | null;
  /** what the installer set, A and W */
  readonly maxAvailableA: number | null;
  readonly maxAvailableW: number | null;
  readonly unrecoverableBits: number;
  readonly recoverableBits: number;
  readonly isLocked: boolean;
}

/** A real charger measures up to 7.4 kW and a little; what is far beyond is a mistake on the wire. */
const PLAUSIBLE_POWER_W = 9000;
const PLAUSIBLE_CURRENT_A = 40;

/** Decodes an image; a word outside what is possible counts as unknown (fact sheet best-systems C7). */
export function decodeLive(image: RegisterImage): QuasarLive {
  const word = (address: number): number | null => wordAt(image, address) ?? null;
  const signed = (address: number, limit: number): number | null => {
    const found = word(address);
    return found === null ? null : within(toSigned(found), -limit, limit);
  };
  const powerW = signed(REGISTER.acPowerW, PLAUSIBLE_POWER_W);
  const amps = signed(REGISTER.acCurrentA, PLAUSIBLE_CURRENT_A);
  return {
    status: word(REGISTER.status),
    socPercent: within(word(REGISTER.socPercent), 0, 100),
    powerW,
    // the sources disagree whether the current has a sign; the power has one
    currentA: amps === null ? null : signLike(Math.abs(amps), powerW ?? amps),
    voltageV: within(word(REGISTER.acVoltageV), 80, 300),
    dcVoltageV: scale(word(REGISTER.dcVoltage)),
    dcCurrentA: scale(signed(REGISTER.dcCurrent, 1000)),
    maxAvailableA: within(word(REGISTER.maxAvailableA), 0, HARDWARE_MAX_A),
    maxAvailableW: within(word(REGISTER.maxAvailableW), 0, HARDWARE_MAX_W),
    unrecoverableBits: doubleWord(word(REGISTER.unrecoverableHigh), word(REGISTER.unrecoverableLow)),
    recoverableBits: doubleWord(word(REGISTER.recoverableHigh), word(REGISTER.recoverableLow)),
    isLocked: word(REGISTER.lock) === 1,
  };
}

const within = (number: number | null, low: number, high: number): number | null =>
  number !== null && number === clamp(number, low, high) ? number : null;
const scale = (tenths: number | null): number | null => (tenths === null ? null : tenths / 10);
const doubleWord = (high: number | null, low: number | null): number => (high ?? 0) * 0x1_0000 + (low ?? 0);
const signLike = (magnitude: number, model: number): number => (model < 0 && magnitude > 0 ? -magnitude : magnitude);

/**
 * True when every live register reads 0, the mains voltage and the installer's limits among them: the Modbus module has
 * crashed, and 0 is not a measurement (fact sheet v2g 2.4 quirk 6, best-systems D6).
 *
 * @param sinceMs counts only what was read since then, monotonic ms
 */
export function isCrashed(image: RegisterImage, sinceMs: number): boolean {
  let sawVoltage = false;
  for (const [address, { word, atMs }] of image) {
    if (address < REGISTER.maxAvailableA || word === null || atMs < sinceMs) continue;
    if (word !== 0) return false;
    sawVoltage ||= address === REGISTER.acVoltageV;
  }
  return sawVoltage;
}

const CRASH = "every register reads 0";

/** @returns EvError `device-fault` */
export const crashError = (): EvError =>
  new EvError("device-fault", "The charger's Modbus module has crashed; only a restart of the charger helps.", {
    detail: CRASH,
  });

export const isCrash = (error: EvError): boolean => error.detail === CRASH;

/** Who answers. */
export interface QuasarIdentity {
  readonly firmware: number;
  readonly serial: number;
  readonly partNumber: string;
}

/** @param words registers 0x001 to 0x009 */
export function decodeIdentity(words: readonly number[]): QuasarIdentity {
  const text = words
    .slice(REGISTER.partNumber - REGISTER.firmware)
    .flatMap((word) => [word >> 8, word & 0xff])
    .filter((code) => code >= 0x20 && code < 0x7f)
    .map((code) => String.fromCharCode(code))
    .join("");
  return {
    firmware: words[0] ?? 0,
    serial: doubleWord(words[1] ?? 0, words[2] ?? 0),
    partNumber: text.trim(),
  };
}

/** Bidirectional models; anything else is not a Quasar 1 (fact sheet v2g 2.1, 2.5). */
export const isKnownModel = (identity: QuasarIdentity): boolean => /^QS[XA]/.test(identity.partNumber);

/** Numbers of the bits that are set, lowest first. */
export function setBits(bits: number): readonly number[] {
  const set: number[] = [];
  for (let bit = 0; bit < 32; bit++) if (Math.floor(bits / 2 ** bit) % 2 === 1) set.push(bit);
  return set;
}
