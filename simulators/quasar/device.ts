import type { Clock } from "../../lib/model/clock.ts";
import { answerRequest, exceptionReply, isWriteRequest, type ModbusException } from "./modbus-requests.ts";
import * as charging from "./charging.ts";
import {
  isReadable,
  type LiveValues,
  type NamePlate,
  POWER_ON_SETTINGS,
  REGISTER,
  refuseWrite,
  toSigned,
  USER_CONTROL_SETTINGS,
  wordAt,
} from "./registers.ts";

/*
 * The simulated Quasar without its network: registers with their side effects, watchdog, reboot and crash (fact sheet
 * v2g 2.1 to 2.6). Nothing ticks: whoever looks first settles what fell due in the meantime.
 */

/** What can be wrong inside the charger. */
export const quasarDeviceFaults = [
  /** crash: every register reads 0, writes are confirmed and lost */
  "zeros",
  /** crash: requests are taken and never answered */
  "hang",
  /** state of charge 1 % for two reads, then healthy again */
  "soc-glitch",
  /** status 42 */
  "unknown-status",
  /** status 7 with error bits, no power */
  "error-status",
  /** writes are confirmed, and a read-back shows the old word */
  "ignore-writes",
  /** exception 1 for register 0x53 */
  "reject-power-mode",
  "exception-1",
  "exception-2",
  "exception-3",
  "exception-4",
  "exception-5",
  "exception-6",
  "exception-8",
  "exception-10",
  "exception-11",
] as const;
export type QuasarDeviceFault = (typeof quasarDeviceFaults)[number];

/** What the sources disagree about or leave open; a client has to cope with every variant. */
export interface QuasarVariants {
  /** a write other than to 0x51 while the user is in control */
  readonly writesWithoutControl: "ignored" | "exception-1";
  /** whether 0x53 takes 1 on this firmware (fact sheet v2g 2.4 quirk 1) */
  readonly powerMode: "accepted" | "exception-1";
  /** state of charge while no power flows (quirk 3) */
  readonly socWhenIdle: "zero" | "kept";
  /** what counts as Modbus traffic for register 0x58 (open question 5) */
  readonly watchdogFedBy: "any-request" | "writes";
  /** until requests are served again after a reboot or power cycle */
  readonly rebootOutageMs: number;
  /** how long the status is 7 after that (quirk 5) */
  readonly errorAfterRebootMs: number;
}

export interface QuasarDeviceOptions extends QuasarVariants {
  readonly clock: Clock;
  readonly plate: NamePlate;
  readonly nature: charging.ChargingNature;
  readonly nominalVoltageV: number;
  readonly voltageV: () => number;
  readonly car: { plugged: boolean; socPercent: number; capacityWh: number; speedFactor: number };
}

/** One register write as it arrived. */
export interface QuasarWrite {
  /** wall clock */
  readonly atMs: number;
  readonly address: number;
  /** words as on the wire */
  readonly values: readonly number[];
  readonly outcome: "stored" | "ignored" | `exception-${number}`;
}

export interface QuasarCar {
  readonly plugged: boolean;
  readonly socPercent: number;
  readonly energyWh: number;
  readonly capacityWh: number;
  readonly speedFactor: number;
}

export interface QuasarDevice {
  /** Answers one request, both without MBAP; null = nothing is answered. */
  answer(request: Buffer): Buffer | null;
  isServing(): boolean;
  setFault(fault: QuasarDeviceFault | null): void;
  readonly fault: QuasarDeviceFault | null;
  acPowerW(): number;
  car(): QuasarCar;
  readRegister(address: number): number;
  plug(socPercent?: number): void;
  unplug(): void;
  setSpeedFactor(speedFactor: number): void;
  powerCycle(): void;
  readonly writes: readonly QuasarWrite[];
  readonly requests: number;
  readonly watchdogExpiries: number;
  readonly firmwareUpdates: number;
  readonly reboots: number;
}

/** Older ones are forgotten; a demo runs for weeks. */
const MOST_WRITES_KEPT = 10_000;
const UNKNOWN_STATUS = 42;
const ERROR_WORDS = [0, 4, 0, 0] as const;
const NO_ERRORS = [0, 0, 0, 0] as const;

export function createQuasarDevice(options: QuasarDeviceOptions): QuasarDevice {
  const { clock, plate, nature } = options;
  const now = (): number => clock.monotonicMs();
  const settings = new Map(POWER_ON_SETTINGS);
  const writes: QuasarWrite[] = [];
  let power = charging.createCharging(now(), options.car);
  let fault: QuasarDeviceFault | null = null;
  let servesFromMs = -Infinity;
  let errorUntilMs = -Infinity;
  let watchdogFedMs: number | null = null;
  let glitchedReads = 0;
  let requests = 0;
  let watchdogExpiries = 0;
  let firmwareUpdates = 0;
  let reboots = 0;

  const setting = (address: number): number => settings.get(address) ?? 0;
  const isRemote = (): boolean => setting(REGISTER.controlOwner) === 1;
  const isFaulty = (): boolean => fault === "error-status" || now() < errorUntilMs;

  /** The watchdog acts at the instant it was armed for, however late somebody looks. */
  function settle(): void {
    const timeoutMs = setting(REGISTER.idleTimeoutS) * 1000;
    if (timeoutMs === 0 || watchdogFedMs === null || !isRemote()) return;
    const expiresMs = watchdogFedMs + timeoutMs;
    if (now() < expiresMs) return;
    watchdogFedMs = null;
    watchdogExpiries++;
    settings.set(REGISTER.currentSetpointA, 0);
    settings.set(REGISTER.powerSetpointW, 0);
    power = charging.stop(power, nature, expiresMs);
  }

  function live(): LiveValues {
    const acPowerW = charging.acPowerAt(power, now());
    const socPercent = charging.socAt(power, nature, now());
    const showsSoc = power.plugged && (acPowerW !== 0 || options.socWhenIdle === "kept");
    return {
      acPowerW,
      acVoltageV: options.voltageV(),
      dcPowerW: nature.conversion.dcPowerW(acPowerW),
      // a line through the live sample of the fact sheet: 388.7 V at 88 %
      dcVoltageV: acPowerW === 0 ? 0 : 350 + 0.44 * socPercent,
      status: status(),
      socPercent: showsSoc ? socPercent : 0,
      errorWords: isFaulty() ? ERROR_WORDS : NO_ERRORS,
    };
  }

  function status(): number {
    if (fault === "unknown-status") return UNKNOWN_STATUS;
    if (isFaulty()) return 7;
    const fromPower = charging.statusAt(power, now());
    return fromPower === 0 && setting(REGISTER.lock) === 1 ? 6 : fromPower;
  }

  function requestedW(): number {
    return setting(REGISTER.setpointType) === 1
      ? toSigned(setting(REGISTER.powerSetpointW))
      : toSigned(setting(REGISTER.currentSetpointA)) * options.nominalVoltageV;
  }

  /** The app charges as fast as the installer allows; a remote owner gets what its set point says. */
  function startAlone(): void {
    if (setting(REGISTER.autoStart) === 0 || setting(REGISTER.lock) === 1 || isFaulty()) return;
    power = charging.start(power, nature, now(), isRemote() ? requestedW() : plate.maxAvailableW);
  }

  function powerOff(): void {
    power = charging.disconnect(power, nature, now());
    for (const [address, word] of POWER_ON_SETTINGS) settings.set(address, word);
    watchdogFedMs = null;
    servesFromMs = now() + options.rebootOutageMs;
    errorUntilMs = servesFromMs + options.errorAfterRebootMs;
  }

  function act(action: number): void {
    if (action === 1 && setting(REGISTER.lock) === 0 && !isFaulty()) {
      power = charging.start(power, nature, now(), requestedW());
    }
    if (action === 2) power = charging.stop(power, nature, now());
    if (action === 3) {
      reboots++;
      powerOff();
    }
    if (action === 4) firmwareUpdates++;
  }

  function store(address: number, word: number): void {
    settings.set(address, word);
    if (address === REGISTER.action) act(word);
    if (address === REGISTER.controlOwner && word === 0) {
      for (const [reset, resetWord] of USER_CONTROL_SETTINGS) settings.set(reset, resetWord);
    }
    const isSetpoint = address === REGISTER.currentSetpointA || address === REGISTER.powerSetpointW;
    if (isSetpoint || address === REGISTER.setpointType) power = charging.request(power, nature, now(), requestedW());
  }

  function write(address: number, values: readonly number[]): ModbusException | null {
    const outcome = judgeWrite(address, values);
    writes.push({ atMs: clock.nowMs(), address, values, outcome });
    if (writes.length > MOST_WRITES_KEPT) writes.shift();
    if (outcome.startsWith("exception-")) return Number(outcome.slice("exception-".length));
    if (outcome === "stored") for (const [index, word] of values.entries()) store(address + index, word);
    return null;
  }

  function judgeWrite(address: number, values: readonly number[]): QuasarWrite["outcome"] {
    for (const [index, word] of values.entries()) {
      const refused = refuseWrite(address + index, word);
      if (refused !== null) return `exception-${refused}`;
    }
    if (fault === "zeros" || fault === "ignore-writes") return "ignored";
    if (address === REGISTER.controlOwner) return "stored";
    if (!isRemote()) return options.writesWithoutControl;
    const refusesPowerMode = fault === "reject-power-mode" || options.powerMode === "exception-1";
    return address === REGISTER.setpointType && refusesPowerMode ? "exception-1" : "stored";
  }

  function read(address: number, count: number): number[] | ModbusException {
    if (!isReadable(address, count)) return 2;
    const values = live();
    const words = Array.from({ length: count }, (_, index) => wordAt(address + index, plate, settings, values));
    if (fault === "zeros") return words.fill(0);
    const socIndex = REGISTER.socPercent - address;
    if (fault === "soc-glitch" && socIndex >= 0 && socIndex < count) {
      words[socIndex] = 1;
      if (++glitchedReads === 2) fault = null;
    }
    return words;
  }

  function answer(request: Buffer): Buffer | null {
    settle();
    requests++;
    if (fault === "hang") return null;
    // a crashed Modbus module does not serve the watchdog either
    const feedsWatchdog = options.watchdogFedBy === "any-request" || isWriteRequest(request);
    if (fault !== "zeros" && feedsWatchdog) watchdogFedMs = now();
    if (fault?.startsWith("exception-")) return exceptionReply(request, Number(fault.slice("exception-".length)));
    return answerRequest(request, { read, write });
  }

  return {
    answer,
    isServing: () => now() >= servesFromMs,
    setFault(next) {
      settle();
      fault = next;
      glitchedReads = 0;
      if (next === "error-status") power = charging.stop(power, nature, now());
    },
    get fault() {
      return fault;
    },
    acPowerW() {
      settle();
      return charging.acPowerAt(power, now());
    },
    car() {
      settle();
      return {
        plugged: power.plugged,
        socPercent: charging.socAt(power, nature, now()),
        energyWh: charging.energyAt(power, nature, now()),
        capacityWh: power.capacityWh,
        speedFactor: power.speedFactor,
      };
    },
    readRegister(address) {
      settle();
      return wordAt(address, plate, settings, live());
    },
    plug(socPercent) {
      settle();
      if (power.plugged && socPercent === undefined) return;
      power = charging.plugIn(power, nature, now(), socPercent ?? null);
      startAlone();
    },
    unplug() {
      settle();
      power = charging.unplug(power, nature, now());
    },
    setSpeedFactor(speedFactor) {
      settle();
      power = charging.changeSpeed(power, nature, now(), speedFactor);
    },
    powerCycle() {
      settle();
      fault = null;
      powerOff();
    },
    writes,
    get requests() {
      return requests;
    },
    get watchdogExpiries() {
      settle();
      return watchdogExpiries;
    },
    get firmwareUpdates() {
      return firmwareUpdates;
    },
    get reboots() {
      return reboots;
    },
  };
}
