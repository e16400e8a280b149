import type { Charger } from "../../model/records.ts";
import { isoAt, roundTo } from "../../model/units.ts";
import { describeFirmware, type Firmware, readEnergy } from "./firmware.ts";
import { type Snapshot, stateNow, temperatureOf } from "./snapshot.ts";
import { FLAG, isFaultState, readChargerState, readPlugged, STATE } from "./wire.ts";

/* The charger as the rest of the house sees it. Pure. */

export interface RecordContext {
  readonly device: string;
  /** wall clock, ms */
  readonly nowMs: number;
  readonly monotonicMs: number;
  readonly isOnline: boolean;
  readonly firmware: Firmware;
  readonly limits: { readonly minA: number; readonly maxA: number };
  readonly phases: 1 | 3;
  /** more flags, from elsewhere */
  readonly flags: readonly string[];
  /** a fault by its code, in the user's language */
  readonly describe: (code: string) => string;
}

const NO_CONTROLLER = "no-controller";

export function chargerRecord(snapshot: Snapshot, around: RecordContext): Charger {
  return around.isOnline ? onlineRecord(snapshot, around) : offlineRecord(around);
}

function onlineRecord(snapshot: Snapshot, around: RecordContext): Charger {
  const { numbers, texts } = snapshot;
  // the module goes on repeating what the lost controller said last
  const isControllerLost = numbers.evse_connected === 0;
  const wireState = isControllerLost ? undefined : stateNow(snapshot, around.monotonicMs);
  const plugged = readPlugged(wireState, numbers.vehicle, numbers.flags);
  const energy = readEnergy(around.firmware, numbers);
  const isHeldOff = wireState === STATE.sleeping || wireState === STATE.disabled;
  return {
    kind: "charger",
    device: around.device,
    at: isoAt(around.nowMs),
    online: true,
    plugged,
    state: readChargerState(wireState, plugged),
    ...(isControllerLost ? { powerW: null, currentA: null, voltageV: null } : readPower(snapshot, around.phases)),
    phases: around.phases,
    setpointA: wireState === undefined ? null : isHeldOff ? 0 : (numbers.pilot ?? null),
    limits: { ...around.limits, maxDischargeA: 0 },
    sessionWh: energy.sessionWh === null ? null : roundTo(energy.sessionWh, 3),
    totalWh: energy.totalWh === null ? null : roundTo(energy.totalWh, 3),
    counters: energy.counters,
    sessionS: numbers.session_elapsed ?? numbers.elapsed ?? null,
    socPercent: numbers.battery_level ?? null,
    rfid: texts.rfid_auth ?? null,
    temperatureC: temperatureOf(snapshot),
    deviceAt: readClock(texts.time),
    uptimeS: numbers.uptime ?? null,
    firmware: describeFirmware(around.firmware),
    faults: faultCodes(wireState, isControllerLost).map((code) => ({ code, text: around.describe(code) })),
    flags: flagsOf(snapshot, wireState, plugged, around),
  };
}

/** What was measured before is not said again. */
function offlineRecord({ device, nowMs, firmware, phases, flags }: RecordContext): Charger {
  return {
    kind: "charger",
    device,
    at: isoAt(nowMs),
    online: false,
    plugged: null,
    state: "unknown",
    powerW: null,
    currentA: null,
    voltageV: null,
    phases,
    setpointA: null,
    limits: null,
    sessionWh: null,
    totalWh: null,
    socPercent: null,
    rfid: null,
    firmware: firmware.generation === "unknown" ? null : describeFirmware(firmware),
    faults: [],
    flags: [...flags],
  };
}

/** `power` since 4.1.9, else current times voltage; the current is per phase. */
function readPower({ numbers, documents }: Snapshot, phases: 1 | 3): Pick<Charger, "powerW" | "currentA" | "voltageV"> {
  const { amp, voltage, power } = numbers;
  const currentA = amp === undefined ? null : roundTo(amp / 1000, 3);
  const product = currentA === null || voltage === undefined ? null : currentA * voltage * phases;
  // one that does not know of its three phases counts one of them
  const ownW = phases === 3 && documents.config?.is_threephase === undefined ? (product ?? power) : (power ?? product);
  const powerW = currentA === 0 ? 0 : (ownW ?? null);
  return { powerW: powerW === null ? null : roundTo(powerW, 1), currentA, voltageV: voltage ?? null };
}

/** The device's own clock with its offset left out; null when it shows none. */
function readClock(text: string | undefined): string | null {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? null : isoAt(ms);
}

/** Faults carry the controller's own number. */
const faultCodes = (wireState: number | undefined, isControllerLost: boolean): string[] => {
  if (isControllerLost) return [NO_CONTROLLER];
  return wireState !== undefined && isFaultState(wireState) ? [String(wireState)] : [];
};

function flagsOf(
  snapshot: Snapshot,
  wireState: number | undefined,
  plugged: boolean | null,
  around: RecordContext,
): string[] {
  const { numbers } = snapshot;
  const bits = numbers.flags ?? 0;
  const has = (bit: number): boolean => (bits & bit) !== 0;
  const flags: readonly (readonly [string, boolean])[] = [
    ["snapshot", snapshot.isStateRetained],
    ["plug-unknown", wireState !== undefined && plugged === null],
    ["session-ended", has(FLAG.sessionEnded)],
    ["limit-reached", has(FLAG.limitReached)],
    ["locked", has(FLAG.authLocked) || has(FLAG.bootLock)],
    ["override", numbers.manual_override === 1],
    ["eco", numbers.divertmode === 2],
    ["wh-unknown", around.firmware.meter === "unknown" && numbers.wh !== undefined && numbers.wattsec === undefined],
  ];
  return [...new Set([...flags.filter(([, isSet]) => isSet).map(([flag]) => flag), ...around.flags])];
}

/** True when something changed that somebody may want to know before the next beat. */
export const isChange = (before: Charger | null, after: Charger): boolean =>
  before === null || digest(before) !== digest(after);

const digest = ({ online, plugged, state, setpointA, limits, faults, flags, rfid, socPercent }: Charger): string =>
  JSON.stringify([online, plugged, state, setpointA, limits, faults, flags, rfid, socPercent]);
