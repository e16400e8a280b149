import type { ModbusLine } from "../../../../lib/devices/quasar/modbus.ts";
import { encodeRequest, type ModbusRequest, readReply } from "../../../../lib/devices/quasar/modbus-frames.ts";
import {
  createQuasar,
  type Quasar,
  type QuasarOptions,
  type QuasarReport,
  type QuasarSettings,
} from "../../../../lib/devices/quasar/quasar.ts";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import type { Command } from "../../../../lib/model/commands.ts";
import { EvError, toEvError } from "../../../../lib/model/errors.ts";
import type { Charger } from "../../../../lib/model/records.ts";
import { createConversion } from "../../../../simulators/quasar/efficiency-curve.ts";
import {
  createQuasarDevice,
  type QuasarDevice,
  type QuasarDeviceOptions,
} from "../../../../simulators/quasar/device.ts";

/*
 * A Quasar device of ours and a simulated charger on one wire without a network, both on a clock that the test moves. The
 * wire speaks real Modbus PDUs, so both ends are the real ones.
 */

export const START_MS = Date.parse("2026-11-21T17:00:00Z");
const MBAP_BYTES = 7;
export const SERIAL = 340_012;

export interface Wire {
  /** no connection, or connections that nobody answers */
  state: "healthy" | "refused" | "silent";
  /** lines open now, most at the same time, and all ever */
  open: number;
  peak: number;
  opened: number;
  readonly requests: { readonly atMs: number; readonly request: ModbusRequest }[];
  /** called before each request is answered */
  onRequest: (request: ModbusRequest) => void;
  /** the answer of the device, changed on the way */
  onReply: (request: ModbusRequest, pdu: Buffer) => Buffer;
  /** cuts all open lines */
  cut(): void;
}

export interface Rig {
  readonly clock: ManualClock;
  readonly charger: QuasarDevice;
  readonly quasar: Quasar;
  readonly wire: Wire;
  readonly reports: QuasarReport[];
  readonly logged: string[];
  /** the latest record */
  record(): Charger;
  /** Sends a command and lets the clock run a little until it is settled. */
  obey(command: Command): Promise<void>;
  advance(ms: number): Promise<void>;
  /** Moves the clock until something is so. */
  until(what: string, isSo: () => boolean, withinMs?: number): Promise<void>;
  /** Closes while the clock runs. @returns how long it took, ms */
  close(): Promise<number>;
  /** words written to a register, signed, oldest first */
  written(address: number): number[];
}

export interface RigOptions {
  readonly settings?: Partial<QuasarSettings>;
  readonly charger?: Partial<QuasarDeviceOptions> & { plugged?: boolean; socPercent?: number; serial?: number };
  readonly options?: Partial<QuasarOptions>;
  readonly partNumber?: string;
}

export const DEFAULT_SETTINGS: QuasarSettings = {
  device: "quasar",
  mode: "current",
  idleTimeoutS: 900,
  deadTimeFactor: 1,
  minA: 3,
  maxChargeA: 32,
  maxDischargeA: 32,
  pollS: 1,
  onExit: "stop",
  socRememberMin: 720,
  serial: null,
  maxRestartsPerDay: 6,
};

export function createCharger(clock: ManualClock, options: RigOptions = {}): QuasarDevice {
  const { plugged = true, socPercent = 50, serial = SERIAL, ...rest } = options.charger ?? {};
  const plate = {
    firmware: 3400,
    serialNumber: serial,
    partNumber: options.partNumber ?? "QSX-SIM-0001",
    maxAvailableA: 32,
    maxAvailableW: 7400,
  };
  return createQuasarDevice({
    clock,
    plate,
    nature: {
      seed: 1,
      timing: {
        startDelayMs: [5000, 12_000],
        responseDelayMs: [1000, 3000],
        slewWPerS: 1000,
        stopSlewWPerS: 7400,
      },
      conversion: createConversion(231),
      maxAvailableW: 7392,
      settleFraction: 0.95,
    },
    nominalVoltageV: 231,
    voltageV: () => 231,
    car: { plugged, socPercent, capacityWh: 59_000, speedFactor: 1 },
    writesWithoutControl: "ignored",
    powerMode: "accepted",
    socWhenIdle: "zero",
    watchdogFedBy: "any-request",
    rebootOutageMs: 90_000,
    errorAfterRebootMs: 120_000,
    ...rest,
  });
}

export function createRig(options: RigOptions = {}): Rig {
  const clock = createManualClock(START_MS);
  const charger = createCharger(clock, options);
  const { wire, openLine } = createWire(clock, charger);
  const reports: QuasarReport[] = [];
  const logged: string[] = [];
  const log = (text: string): void => void logged.push(text);
  const quasar = createQuasar({
    settings: { ...DEFAULT_SETTINGS, ...options.settings },
    clock,
    logger: { debug: log, info: log, warn: log, error: log },
    openLine,
    cloud: null,
    describe: ({ code }) => `text of ${code}`,
    random: () => 0.5,
    ...options.options,
  });
  quasar.subscribe((report) => reports.push(report));

  const advance = async (ms: number): Promise<void> => {
    await breathe();
    for (let leftMs = ms; leftMs > 0; leftMs -= 50) {
      clock.advance(Math.min(50, leftMs));
      await breathe();
    }
  };
  const until = async (what: string, isSo: () => boolean, withinMs = 120_000): Promise<void> => {
    await breathe();
    for (let spentMs = 0; !isSo(); spentMs += 50) {
      if (spentMs > withinMs) throw new Error(`did not happen within ${withinMs} ms: ${what}`);
      await advance(50);
    }
  };
  /** Runs the clock until a promise is settled. */
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    let isSettled = false;
    const noted = work.finally(() => {
      isSettled = true;
    });
    noted.catch(() => {});
    await until("the work is done", () => isSettled);
    return noted;
  };

  return {
    clock,
    charger,
    quasar,
    wire,
    reports,
    logged,
    record() {
      const latest = reports.at(-1);
      if (latest === undefined) throw new Error("no record yet");
      return latest.charger;
    },
    obey: (command) => settle(quasar.obey(command)),
    advance,
    until,
    async close() {
      const startMs = clock.monotonicMs();
      await settle(quasar.close());
      return clock.monotonicMs() - startMs;
    },
    written: (address) =>
      charger.writes
        .filter((write) => write.address === address)
        .map(({ values }) => ((values[0] ?? 0) > 0x7fff ? (values[0] ?? 0) - 0x1_0000 : (values[0] ?? 0))),
  };
}

/** Lets everything that is already resolved run. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function createWire(
  clock: ManualClock,
  charger: QuasarDevice,
): { wire: Wire; openLine: (signal: AbortSignal) => Promise<ModbusLine> } {
  const cutters = new Set<() => void>();
  const wire: Wire = {
    state: "healthy",
    open: 0,
    peak: 0,
    opened: 0,
    requests: [],
    onRequest: () => {},
    onReply: (_request, pdu) => pdu,
    cut: () => {
      for (const cut of cutters) cut();
    },
  };
  const openLine = async (signal: AbortSignal): Promise<ModbusLine> => {
    if (signal.aborted) throw new EvError("closed", "stopped");
    if (wire.state === "refused" || !charger.isServing()) throw new EvError("unreachable", "refused");
    let isOpen = true;
    let breakOff: (error: EvError) => void = () => {};
    const end = (error: EvError): void => {
      if (isOpen) wire.open -= 1;
      isOpen = false;
      cutters.delete(cut);
      breakOff(error);
    };
    const cut = (): void => end(new EvError("unreachable", "cut"));
    cutters.add(cut);
    wire.opened += 1;
    wire.open += 1;
    wire.peak = Math.max(wire.peak, wire.open);

    const ask = (request: ModbusRequest): Promise<readonly number[]> =>
      new Promise((resolve, reject) => {
        if (!isOpen) throw new EvError("unreachable", "closed");
        const cancel = clock.after(2000, () => end(new EvError("timeout", "no answer")));
        breakOff = (error) => {
          cancel();
          reject(error);
        };
        wire.requests.push({ atMs: clock.monotonicMs(), request });
        wire.onRequest(request);
        const pdu = wire.state === "silent" ? null : answer(charger, request);
        if (!charger.isServing()) cut();
        if (pdu === null || !isOpen) return;
        cancel();
        try {
          resolve(readReply(request, wire.onReply(request, pdu)));
        } catch (thrown) {
          const error = toEvError(thrown);
          if (error.code === "bad-reply") end(error);
          reject(error);
        }
      });
    return {
      read: (address, count) => ask({ kind: "read", address, count }),
      write: async (address, word) => void (await ask({ kind: "write", address, word })),
      get isOpen() {
        return isOpen;
      },
      close: async () => end(new EvError("closed", "closed")),
    };
  };
  return { wire, openLine };
}

const answer = (charger: QuasarDevice, request: ModbusRequest): Buffer | null =>
  charger.answer(encodeRequest(1, 1, request).subarray(MBAP_BYTES));
