import { type Clock, systemClock } from "../lib/model/clock.ts";
import { EvError, toEvError } from "../lib/model/errors.ts";
import { createConversion } from "./quasar/efficiency-curve.ts";
import { exceptionReply } from "./quasar/modbus-requests.ts";
import { type ModbusWireFault, modbusWireFaults, startModbusTcpServer } from "./quasar/modbus-tcp-server.ts";
import type { QuasarTiming } from "./quasar/charging.ts";
import {
  createQuasarDevice,
  type QuasarCar,
  type QuasarDeviceFault,
  quasarDeviceFaults,
  type QuasarVariants,
  type QuasarWrite,
} from "./quasar/device.ts";
import type { NamePlate } from "./quasar/registers.ts";
import type { RunningSimulator } from "./simulator.ts";

export type { QuasarCar, QuasarWrite } from "./quasar/device.ts";
export { REGISTER } from "./quasar/registers.ts";

/** Everything that can be wrong: on the wire, and inside the charger. */
export const quasarFaults = [...modbusWireFaults, ...quasarDeviceFaults] as const;
export type QuasarFault = ModbusWireFault | QuasarDeviceFault;

export interface QuasarSimulatorOptions extends Partial<QuasarVariants>, Partial<NamePlate> {
  /** 127.0.0.1 */
  readonly host?: string;
  /** 0 = any free port */
  readonly port?: number;
  readonly clock?: Clock;
  /** delays and the difference between request and measured power follow from it */
  readonly seed?: number;
  readonly timing?: Partial<QuasarTiming>;
  /** measured power as part of the request; missing or null = 0.81 to 0.97 by seed and request */
  readonly settleFraction?: number | null;
  /** a car is on the cable at the start, not charging; true */
  readonly plugged?: boolean;
  readonly socPercent?: number;
  readonly capacityWh?: number;
  /** how many times faster than real the battery fills; the AC power stays real */
  readonly speedFactor?: number;
  /** turns the current set point into watts, and the efficiency curve's amps */
  readonly nominalVoltageV?: number;
  /** what the voltage register shows */
  readonly voltageV?: () => number;
}

export interface QuasarSimulator extends RunningSimulator<QuasarFault> {
  /** AC power at this instant, + into the car, W. */
  acPowerW(): number;
  car(): QuasarCar;
  /** A register as the charger holds it, faults left aside, as a word. */
  readRegister(address: number): number;
  /** Connects the car; with a state of charge another car, also while one is there. */
  plug(socPercent?: number): void;
  unplug(): void;
  setSpeedFactor(speedFactor: number): void;
  /** Mains off and on: ends every fault, then outage and error status as after a reboot. */
  powerCycle(): void;
  /** Every write that arrived, the latest 10 000. */
  readonly writes: readonly QuasarWrite[];
  /** Requests that reached the charger. */
  readonly requests: number;
  readonly watchdogExpiries: number;
  /** How often action 4 was written; a client must leave this at 0. */
  readonly firmwareUpdates: number;
  readonly reboots: number;
  /** Sockets open now, most at the same time, and all ever. */
  readonly connections: number;
  readonly peakConnections: number;
  readonly acceptedConnections: number;
  /** Resolves once the port is open or closed as the last fault asked. */
  settled(): Promise<void>;
}

const REAL_TIMING: QuasarTiming = {
  startDelayMs: [5_000, 12_000],
  responseDelayMs: [1_000, 3_000],
  slewWPerS: 1_000,
  stopSlewWPerS: 7_400,
};

const UNIT_ID = 1;
const GATEWAY_TARGET_FAILED = 11;

/**
 * A Wallbox Quasar on Modbus TCP, as fact sheet v2g section 2 describes it.
 *
 * @throws EvError `config` when the port is taken or an option is impossible
 */
export async function startQuasarSimulator(options: QuasarSimulatorOptions = {}): Promise<QuasarSimulator> {
  const { host = "127.0.0.1", port = 0 } = options;
  const device = createDevice(options);
  let wireFault: ModbusWireFault | null = null;
  const server = await startModbusTcpServer({
    host,
    port,
    isServing: () => device.isServing(),
    answer: (request, unitId) =>
      unitId === UNIT_ID ? device.answer(request) : exceptionReply(request, GATEWAY_TARGET_FAILED),
  }).catch((thrown: unknown) => {
    throw explainClosedPort(thrown, host, port);
  });
  return {
    host,
    port: server.port,
    setFault(fault) {
      wireFault = modbusWireFaults.find((known) => known === fault) ?? null;
      server.setFault(wireFault);
      device.setFault(quasarDeviceFaults.find((known) => known === fault) ?? null);
    },
    get fault() {
      return wireFault ?? device.fault;
    },
    powerCycle() {
      wireFault = null;
      server.setFault(null);
      device.powerCycle();
      server.dropConnections();
    },
    stop: () => server.stop(),
    acPowerW: () => device.acPowerW(),
    car: () => device.car(),
    readRegister: (address) => device.readRegister(address),
    plug: (socPercent) => device.plug(socPercent),
    unplug: () => device.unplug(),
    setSpeedFactor: (speedFactor) => device.setSpeedFactor(speedFactor),
    settled: () => server.settled(),
    writes: device.writes,
    get requests() {
      return device.requests;
    },
    get watchdogExpiries() {
      return device.watchdogExpiries;
    },
    get firmwareUpdates() {
      return device.firmwareUpdates;
    },
    get reboots() {
      return device.reboots;
    },
    get connections() {
      return server.connections;
    },
    get peakConnections() {
      return server.peakConnections;
    },
    get acceptedConnections() {
      return server.acceptedConnections;
    },
  };
}

function createDevice(options: QuasarSimulatorOptions): ReturnType<typeof createQuasarDevice> {
  const { nominalVoltageV = 231, maxAvailableA = 32, maxAvailableW = 7_400 } = options;
  const timing = { ...REAL_TIMING, ...options.timing };
  if (timing.stopSlewWPerS < timing.slewWPerS) {
    throw new EvError("config", "timing.stopSlewWPerS must not be less than timing.slewWPerS.");
  }
  return createQuasarDevice({
    clock: options.clock ?? systemClock,
    plate: {
      firmware: options.firmware ?? 3400,
      serialNumber: options.serialNumber ?? 340_012,
      partNumber: options.partNumber ?? "QSX-SIM-0001",
      maxAvailableA,
      maxAvailableW,
    },
    nature: {
      seed: options.seed ?? 1,
      timing,
      conversion: createConversion(nominalVoltageV),
      maxAvailableW: Math.min(maxAvailableW, maxAvailableA * nominalVoltageV),
      settleFraction: options.settleFraction ?? null,
    },
    nominalVoltageV,
    voltageV: options.voltageV ?? (() => nominalVoltageV),
    car: {
      plugged: options.plugged ?? true,
      socPercent: options.socPercent ?? 50,
      capacityWh: options.capacityWh ?? 59_000,
      speedFactor: options.speedFactor ?? 1,
    },
    writesWithoutControl: options.writesWithoutControl ?? "ignored",
    powerMode: options.powerMode ?? "accepted",
    socWhenIdle: options.socWhenIdle ?? "zero",
    watchdogFedBy: options.watchdogFedBy ?? "any-request",
    rebootOutageMs: options.rebootOutageMs ?? 90_000,
    errorAfterRebootMs: options.errorAfterRebootMs ?? 300_000,
  });
}

function explainClosedPort(thrown: unknown, host: string, port: number): EvError {
  const cause = toEvError(thrown);
  if (cause.code !== "config") return cause;
  const sentence = `Port ${port} on ${host} is taken; choose another one, or 0 for any free port.`;
  return new EvError("config", sentence, { cause: thrown });
}
