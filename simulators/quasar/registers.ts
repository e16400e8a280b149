/*
 * Register map of the Wallbox Quasar (fact sheet v2g 2.1, 2.6): protocol addresses, 16 bits each, signed values as two's
 * complement.
 */

/** Addresses by name. */
export const REGISTER = {
  firmware: 0x001,
  serialHigh: 0x002,
  serialLow: 0x003,
  partNumber: 0x004,
  modbusPort: 0x050,
  controlOwner: 0x051,
  autoStart: 0x052,
  setpointType: 0x053,
  useIdleSetpoint: 0x054,
  idleCurrentA: 0x055,
  idlePowerW: 0x057,
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
  unrecoverableErrorsHigh: 0x21b,
  unrecoverableErrorsLow: 0x21c,
  recoverableErrorsHigh: 0x21d,
  recoverableErrorsLow: 0x21e,
  dcVoltage: 0x223,
  dcCurrent: 0x224,
} as const;

/** First and last address of each block; between the blocks there is nothing. */
const BLOCKS: readonly (readonly [number, number])[] = [
  [0x001, 0x009],
  [0x050, 0x059],
  [0x100, 0x104],
  [0x200, 0x225],
];

/** True when the whole range lies in one block. */
export const isReadable = (address: number, count: number): boolean =>
  BLOCKS.some(([first, last]) => address >= first && address + count - 1 <= last);

/** What a writable register takes; signed where `low` is negative. */
const WRITABLE: ReadonlyMap<number, { readonly low: number; readonly high: number }> = new Map([
  [REGISTER.controlOwner, { low: 0, high: 1 }],
  [REGISTER.autoStart, { low: 0, high: 1 }],
  [REGISTER.setpointType, { low: 0, high: 1 }],
  [REGISTER.useIdleSetpoint, { low: 0, high: 1 }],
  [REGISTER.idleCurrentA, { low: -32, high: 32 }],
  [REGISTER.idlePowerW, { low: -7400, high: 7400 }],
  [REGISTER.idleTimeoutS, { low: 0, high: 65_535 }],
  [REGISTER.lock, { low: 0, high: 1 }],
  [REGISTER.action, { low: 1, high: 4 }],
  [REGISTER.currentSetpointA, { low: -32, high: 32 }],
  [REGISTER.powerSetpointW, { low: -7400, high: 7400 }],
]);

/** Null when the register takes this word; otherwise the Modbus exception: 2 no such register, 3 not in its range. */
export function refuseWrite(address: number, word: number): 2 | 3 | null {
  const range = WRITABLE.get(address);
  if (range === undefined) return 2;
  const number = range.low < 0 ? toSigned(word) : word;
  return number >= range.low && number <= range.high ? null : 3;
}

/** What the master wrote and the charger keeps, by address; words as on the wire. */
export type Settings = ReadonlyMap<number, number>;

/** After power-on: the app is in control (fact sheet v2g 2.6, first row). */
export const POWER_ON_SETTINGS: Settings = new Map([
  [REGISTER.controlOwner, 0],
  [REGISTER.autoStart, 1],
  [REGISTER.setpointType, 0],
  [REGISTER.useIdleSetpoint, 0],
  [REGISTER.idleCurrentA, 6],
  [REGISTER.idlePowerW, 0],
  [REGISTER.idleTimeoutS, 0],
  [REGISTER.lock, 0],
  [REGISTER.action, 0],
  [REGISTER.currentSetpointA, 0],
  [REGISTER.powerSetpointW, 0],
]);

/** Giving control back to the user undoes these (fact sheet v2g 2.6). */
export const USER_CONTROL_SETTINGS: Settings = new Map([
  [REGISTER.controlOwner, 0],
  [REGISTER.autoStart, 1],
  [REGISTER.setpointType, 0],
  [REGISTER.useIdleSetpoint, 0],
  [REGISTER.idlePowerW, 0],
  [REGISTER.idleTimeoutS, 0],
]);

/** What the charger is. */
export interface NamePlate {
  readonly firmware: number;
  readonly serialNumber: number;
  /** at most 12 ASCII characters */
  readonly partNumber: string;
  readonly maxAvailableA: number;
  readonly maxAvailableW: number;
}

/** What the charger measures and says of itself at an instant. */
export interface LiveValues {
  readonly acPowerW: number;
  readonly acVoltageV: number;
  readonly dcPowerW: number;
  readonly dcVoltageV: number;
  readonly status: number;
  readonly socPercent: number;
  /** words 0x21B to 0x21E */
  readonly errorWords: readonly [number, number, number, number];
}

/** Words of the two registers nobody has explained yet (fact sheet v2g 2.1). */
const UNEXPLAINED: ReadonlyMap<number, number> = new Map([
  [0x059, 30],
  [0x21f, 1239],
  [0x220, 57_858],
  [0x221, 34_661],
  [0x222, 128],
  [0x225, 100],
]);

/** One register as a word; gaps inside a block are 0. */
export function wordAt(address: number, plate: NamePlate, settings: Settings, live: LiveValues): number {
  const setting = settings.get(address);
  if (setting !== undefined) return setting;
  if (address >= REGISTER.partNumber && address <= 0x009) {
    const text = plate.partNumber.padEnd(12, "\0");
    const index = (address - REGISTER.partNumber) * 2;
    return (text.charCodeAt(index) << 8) | text.charCodeAt(index + 1);
  }
  return plateWords(plate).get(address) ?? liveWords(live).get(address) ?? UNEXPLAINED.get(address) ?? 0;
}

const plateWords = (plate: NamePlate): ReadonlyMap<number, number> =>
  new Map([
    [REGISTER.firmware, plate.firmware],
    [REGISTER.serialHigh, Math.floor(plate.serialNumber / 65_536)],
    [REGISTER.serialLow, plate.serialNumber % 65_536],
    [REGISTER.modbusPort, 502],
    [REGISTER.maxAvailableA, plate.maxAvailableA],
    [REGISTER.maxAvailableW, plate.maxAvailableW],
  ]);

const liveWords = (live: LiveValues): ReadonlyMap<number, number> =>
  new Map([
    // the live sample of the fact sheet shows 3 A at -719 W: without a sign
    [REGISTER.acCurrentA, Math.round(Math.abs(live.acPowerW) / live.acVoltageV)],
    [REGISTER.acVoltageV, Math.round(live.acVoltageV)],
    [REGISTER.acPowerW, toWord(live.acPowerW)],
    [REGISTER.status, live.status],
    [REGISTER.socPercent, Math.round(live.socPercent)],
    [REGISTER.unrecoverableErrorsHigh, live.errorWords[0]],
    [REGISTER.unrecoverableErrorsLow, live.errorWords[1]],
    [REGISTER.recoverableErrorsHigh, live.errorWords[2]],
    [REGISTER.recoverableErrorsLow, live.errorWords[3]],
    [REGISTER.dcVoltage, Math.round(live.dcVoltageV * 10)],
    [REGISTER.dcCurrent, live.dcVoltageV > 0 ? toWord((live.dcPowerW / live.dcVoltageV) * 10) : 0],
  ]);

/** 16-bit two's complement to a number. */
export const toSigned = (word: number): number => (word > 32_767 ? word - 65_536 : word);

/** A number to 16-bit two's complement. */
export const toWord = (number: number): number => Math.round(number) & 0xffff;
