import type { ChargerState } from "../../model/records.ts";

/*
 * What an OpenEVSE says: keys, numbers, states and flags (fact sheet openevse-h2v-sessions 2, 3.3). The same keys come as
 * MQTT topics below the base topic, in `GET /status` and over `/ws`. Pure.
 */

/** One value as it arrives: MQTT brings text, JSON brings the rest. */
export type RawValue = string | number | boolean | null | object | undefined;

interface NumberRule {
  readonly low: number;
  readonly high: number;
  /** Whole numbers only. */
  readonly isWhole?: true;
}
const SWITCH: NumberRule = { low: 0, high: 1, isWhole: true };
const SECONDS: NumberRule = { low: 0, high: 1e10 };
const WATTS: NumberRule = { low: -500_000, high: 500_000 };
/** Tenths of a degree. */
const TEMPERATURE: NumberRule = { low: -600, high: 2500 };

/** Every number we use, with what it can be; what is outside is no reading. */
const NUMBERS = {
  state: { low: 0, high: 255, isWhole: true },
  flags: { low: 0, high: 0xffff_ffff, isWhole: true },
  vehicle: SWITCH,
  manual_override: SWITCH,
  evse_connected: SWITCH,
  /** mA */
  amp: { low: 0, high: 500_000 },
  /** V; in eco mode on three phases the threefold comes on the same topic, and is no phase voltage */
  voltage: { low: 60, high: 300 },
  /** W */
  power: { low: 0, high: 500_000 },
  /** A */
  pilot: { low: 0, high: 100 },
  max_current: { low: 0, high: 100 },
  temp: TEMPERATURE,
  temp1: TEMPERATURE,
  temp2: TEMPERATURE,
  temp3: TEMPERATURE,
  temp4: TEMPERATURE,
  /** s of charging */
  session_elapsed: SECONDS,
  elapsed: SECONDS,
  uptime: SECONDS,
  /** Wh */
  session_energy: { low: 0, high: 1e7 },
  /** kWh */
  total_energy: { low: 0, high: 1e7 },
  total_day: { low: 0, high: 1e7 },
  /** session Ws or lifetime Wh: see `firmware.ts` */
  wh: { low: 0, high: 1e10 },
  /** Ws */
  wattsec: { low: 0, high: 4e10 },
  /** Wh */
  watthour: { low: 0, high: 1e10 },
  /** 1 normal, 2 eco */
  divertmode: { low: 0, high: 2, isWhole: true },
  shaper: SWITCH,
  grid_ie: WATTS,
  solar: WATTS,
  shaper_live_pwr: WATTS,
  battery_level: { low: 0, high: 100 },
  battery_range: { low: 0, high: 10_000 },
  srssi: { low: -200, high: 100 },
  /** tell only that something changed */
  limit_version: { low: 0, high: 0xffff_ffff },
  claims_version: { low: 0, high: 0xffff_ffff },
  schedule_version: { low: 0, high: 0xffff_ffff },
  colour: { low: 0, high: 7 },
} as const satisfies Readonly<Record<string, NumberRule>>;
export type NumberKey = keyof typeof NUMBERS;

/** Texts we use, and how long they may be. */
const TEXTS = { status: 20, time: 40, rfid_auth: 100, ocpp_connected: 10 } as const;
export type TextKey = keyof typeof TEXTS;

export const isNumberKey = (key: string): key is NumberKey => Object.hasOwn(NUMBERS, key);
export const isTextKey = (key: string): key is TextKey => Object.hasOwn(TEXTS, key);

const DECIMAL = /^[+-]?\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,3})?$/i;

/** Reads a number of that key: plain, in exponent form, or a boolean; null when it is none or cannot be. */
export function readNumber(key: NumberKey, raw: RawValue): number | null {
  const rule: NumberRule = NUMBERS[key];
  const number = toNumber(raw, rule === SWITCH);
  if (number === null || !Number.isFinite(number) || number < rule.low || number > rule.high) return null;
  return rule.isWhole === true && !Number.isInteger(number) ? null : number;
}

function toNumber(raw: RawValue, isSwitch: boolean): number | null {
  if (typeof raw === "number") return raw;
  // an absent temperature is `false`, a switch may be
  if (typeof raw === "boolean") return isSwitch ? Number(raw) : null;
  if (typeof raw !== "string" || raw.length > 50) return null;
  const text = raw.trim();
  if (isSwitch && (text === "true" || text === "false")) return Number(text === "true");
  return DECIMAL.test(text) ? Number(text) : null;
}

/** Reads a short text without control characters; null when there is none. */
export function readText(key: TextKey, raw: RawValue): string | null {
  if (typeof raw !== "string" && typeof raw !== "number") return null;
  const text = String(raw)
    .slice(0, TEXTS[key])
    .replace(/[\p{Cc}\p{Cf}]+/gu, "")
    .trim();
  return text === "" ? null : text;
}

/** The controller's states (fact sheet 2.1); every other number from 4 to 253 is a fault. */
export const STATE = {
  starting: 0,
  notConnected: 1,
  connected: 2,
  charging: 3,
  sleeping: 254,
  disabled: 255,
} as const;

export const isFaultState = (state: number): boolean => state >= 4 && state <= 253;

/** Bits of `flags` (fact sheet 2.2). */
export const FLAG = {
  hardFault: 0x0002,
  limitReached: 0x0004,
  authLocked: 0x0008,
  connected: 0x0100,
  sessionEnded: 0x0200,
  bootLock: 0x4000,
} as const;

/**
 * Whether a car is plugged in. Disabled (255) the controller cannot see it, and later firmware says "no" all the time; the
 * state alone does not tell while sleeping (fact sheet 0.4, 0.5).
 */
export function readPlugged(
  state: number | undefined,
  vehicle: number | undefined,
  flags: number | undefined,
): boolean | null {
  if (state === undefined || state === STATE.disabled) return null;
  const byState =
    state === STATE.notConnected ? false : state === STATE.connected || state === STATE.charging ? true : null;
  const byVehicle = vehicle !== undefined ? vehicle === 1 : flags !== undefined ? (flags & FLAG.connected) !== 0 : null;
  if (byState !== null && byVehicle !== null && byState !== byVehicle) return null;
  return byVehicle ?? byState;
}

/** The state as the model has it. `plugged` as `readPlugged` says. */
export function readChargerState(state: number | undefined, plugged: boolean | null): ChargerState {
  if (state === undefined || state === STATE.starting) return "unknown";
  if (isFaultState(state)) return "fault";
  switch (state) {
    case STATE.notConnected:
      return "unplugged";
    case STATE.connected:
      return "plugged";
    case STATE.charging:
      return "charging";
    default:
      return plugged === false ? "unplugged" : "paused";
  }
}

/** Answers of the controller to `$GS` and `$GU` (fact sheet 6.1), as values of the same keys; null when it is neither. */
export function readRapiReading(command: string, answer: string): Readonly<Partial<Record<NumberKey, number>>> | null {
  const [ok, ...fields] = answer.replace(/[\^*][0-9A-Fa-f]{2}$/, "").split(" ");
  if (ok !== "$OK") return null;
  const word = command.slice(0, 3);
  if (word === "$GS" && fields.length >= 4) {
    const [state = "", elapsed = "", , flags = ""] = fields;
    return readAll({ state: fromHex(state), elapsed, flags: fromHex(flags) });
  }
  if (word === "$GU" && fields.length === 2) {
    return readAll({ wattsec: fields[0], watthour: fields[1] });
  }
  return null;
}

const fromHex = (text: string): number => (/^[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN);

/** Null when one of them is none: then the answer is not to this question. */
function readAll(raw: Readonly<Partial<Record<NumberKey, RawValue>>>): Partial<Record<NumberKey, number>> | null {
  const read: Partial<Record<NumberKey, number>> = {};
  for (const key of Object.keys(raw).filter(isNumberKey)) {
    const number = readNumber(key, raw[key]);
    if (number === null) return null;
    read[key] = number;
  }
  return read;
}
