import { type Clock, systemClock } from "../lib/model/clock.ts";
import { EvError } from "../lib/model/errors.ts";
import { clamp, isoAt, roundTo } from "../lib/model/units.ts";
import { type AcCharger, type AcChargerRecord, startAcCharger } from "./home/ac-charger.ts";
import { type Clamps, clampsOf } from "./home/clamps.ts";
import { type HomeCommand, parseHomeCommand } from "./home/commands.ts";
import {
  applianceW,
  type HomeConditions,
  type HomeSample,
  MOST_LOAD_W,
  sampleHome,
  type SunCurve,
} from "./home/physics.ts";
import { type H2vFault, type H2vSimulator, startH2vGateway } from "./h2v.ts";
import type { MqttBroker } from "./mqtt-broker.ts";
import type { OpenEvseGeneration, OpenEvseOptions, OpenEvseSimulator } from "./openevse.ts";
import { type QuasarSimulator, type QuasarSimulatorOptions, startQuasarSimulator } from "./quasar.ts";
import type { ShellySimulator } from "./shelly/device.ts";
import { startShellyGen1 } from "./shelly-em-gen1.ts";
import { startShellyRpc } from "./shelly-em-rpc.ts";
import type { ElectricalSample } from "./simulator.ts";

export { type HomeCommand, homeCommandSchema, parseHomeCommand } from "./home/commands.ts";
export type { HomeSample, SunCurve } from "./home/physics.ts";

export const meterModels = ["gen1", "pro-em", "em-gen3"] as const;
export type MeterModel = (typeof meterModels)[number];

export interface VirtualHomeOptions {
  /** 127.0.0.1 */
  readonly host?: string;
  /** 0 = any free port, also the default */
  readonly meterPort?: number;
  readonly chargerPort?: number;
  /** A second Shelly with the roof on channel 0 and the house on channel 1; missing = none. */
  readonly solarMeterPort?: number | undefined;
  /** A second charger, an OpenEVSE with a car of its own; missing = none. */
  readonly openEvsePort?: number | undefined;
  /** An MQTT broker, which the OpenEVSE talks over; missing = none. */
  readonly brokerPort?: number | undefined;
  /** An H2V gateway that tells what house and cars draw, in minutes of the wall clock; missing = none. */
  readonly h2vPort?: number | undefined;
  readonly openEvseGeneration?: OpenEvseGeneration | undefined;
  readonly meterModel?: MeterModel;
  readonly meterPassword?: string | undefined;
  readonly clock?: Clock;
  readonly seed?: number;
  readonly baseW?: number;
  readonly peakW?: number;
  readonly cloudsPercent?: number;
  readonly curve?: SunCurve;
  /** Car, battery and the charger's character; `speedFactor` fills the battery faster. */
  readonly charger?: Omit<QuasarSimulatorOptions, "host" | "port" | "clock" | "seed" | "voltageV">;
  /** The OpenEVSE's car and character. */
  readonly openEvse?: Omit<OpenEvseOptions, "host" | "port" | "clock" | "seed" | "voltageV" | "brokerUrl">;
}

/** The home in one record, for a dashboard; powers in W with one decimal, so that they still add up. */
export interface HomeRecord extends AcChargerRecord {
  readonly kind: "home";
  readonly at: string;
  readonly houseW: number;
  readonly solarW: number;
  readonly gridW: number;
  readonly carW: number;
  readonly voltageV: number;
  readonly cloudsPercent: number;
  readonly peakW: number;
  /** appliances switched on by command */
  readonly loadW: number;
  readonly plugged: boolean;
  readonly socPercent: number;
  readonly speedFactor: number;
  readonly meterOnline: boolean;
  readonly meterFault: string | null;
  readonly chargerFault: string | null;
  readonly meterPort: number;
  readonly chargerPort: number;
  readonly solarMeterPort: number | null;
  readonly h2vPort: number | null;
  readonly h2vFault: string | null;
}

export interface VirtualHome {
  readonly host: string;
  readonly meter: ShellySimulator;
  readonly charger: QuasarSimulator;
  readonly solarMeter: ShellySimulator | null;
  readonly openEvse: OpenEvseSimulator | null;
  readonly broker: MqttBroker | null;
  readonly h2v: H2vSimulator | null;
  /** The whole home at this instant. */
  sample(): HomeSample;
  /** What a clamp on each line sees. */
  readonly channels: Clamps;
  /** @throws EvError `bad-command`, `out-of-range`, `busy`, `unsupported` for a device that is not there */
  command(payload: unknown): void;
  state(): HomeRecord;
  /** Closes all servers and sockets. */
  stop(): Promise<void>;
}

/** Faults that take a meter off the network. */
const OFFLINE_FAULTS: readonly (string | null)[] = ["silent", "refuse"];
const MOST_STEPS = 100;

/**
 * A house with sun on the roof, a Shelly EM at the meter (channel 0 grid, channel 1 charger), a Quasar with a car and, if
 * wanted, an OpenEVSE with another car, coupled by physics on one clock.
 *
 * @throws EvError `config` when a port is taken
 */
export async function startVirtualHome(options: VirtualHomeOptions = {}): Promise<VirtualHome> {
  const { host = "127.0.0.1", clock = systemClock, seed = 1 } = options;
  const startedMs = clock.monotonicMs();
  const elapsedMs = (): number => clock.monotonicMs() - startedMs;
  let conditions: HomeConditions = {
    baseW: options.baseW ?? 420,
    loadW: 0,
    steps: [],
    peakW: options.peakW ?? 5_000,
    cloudsPercent: options.cloudsPercent ?? 20,
    curve: options.curve ?? "noon",
  };
  const sampleWith = (carW: number, acCarW: number): HomeSample =>
    sampleHome(conditions, { elapsedMs: elapsedMs(), nowMs: clock.nowMs(), seed }, { carW, acCarW });
  // while a charger starts, nothing flows through it yet
  let sample = (): HomeSample => sampleWith(0, 0);

  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.allSettled(started.splice(0).map((device) => device.stop()));
  };
  try {
    const charger: QuasarSimulator = await startQuasarSimulator({
      ...options.charger,
      host,
      port: options.chargerPort ?? 0,
      clock,
      seed,
      voltageV: () => sample().voltageV,
    });
    started.push(charger);
    sample = () => sampleWith(charger.acPowerW(), 0);
    const acCharger = await startAcCharger({
      host,
      openEvsePort: options.openEvsePort,
      brokerPort: options.brokerPort,
      generation: options.openEvseGeneration,
      speedFactor: options.charger?.speedFactor ?? 1,
      clock,
      seed,
      voltageV: () => sample().voltageV,
      more: options.openEvse,
    });
    started.push(acCharger);
    sample = () => sampleWith(charger.acPowerW(), acCharger.powerW());
    const channels = clampsOf(() => sample());
    const startMeter = (port: number, clamps: readonly (() => ElectricalSample)[], mac: string) =>
      startShelly(options, { host, port, clock, channels: clamps, mac });
    const meter = await startMeter(options.meterPort ?? 0, [channels.grid, channels.evse], "98CDAC000001");
    started.push(meter);
    const solarMeter =
      options.solarMeterPort === undefined
        ? null
        : await startMeter(options.solarMeterPort, [channels.solar, channels.house], "98CDAC000002");
    if (solarMeter !== null) started.push(solarMeter);
    const h2v = options.h2vPort === undefined ? null : await startGateway(host, options.h2vPort, clock, () => sample());
    if (h2v !== null) started.push(h2v);
    const devices = { meter, charger, solarMeter, acCharger, h2v };
    return {
      host,
      meter,
      charger,
      solarMeter,
      openEvse: acCharger.openEvse,
      broker: acCharger.broker,
      h2v,
      sample: () => sample(),
      channels,
      command(payload) {
        const command = parseHomeCommand(payload);
        conditions = changeConditions(conditions, command, elapsedMs());
        changeDevices(devices, command);
      },
      state: () => describe(conditions, devices, sample(), isoAt(clock.nowMs()), elapsedMs()),
      stop,
    };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

interface HomeDevices {
  readonly meter: ShellySimulator;
  readonly charger: QuasarSimulator;
  readonly solarMeter: ShellySimulator | null;
  readonly acCharger: AcCharger;
  readonly h2v: H2vSimulator | null;
}

/** House and cars as the gateway's controller measures them: never negative, whole watts. */
function startGateway(host: string, port: number, clock: Clock, sample: () => HomeSample): Promise<H2vSimulator> {
  return startH2vGateway({
    host,
    port,
    clock,
    home() {
      const { houseW, carW, acCarW } = sample();
      const meanW = Math.max(0, Math.round(houseW));
      return { meanW, peakW: Math.round(meanW * 1.05), carW: Math.max(2, Math.round(carW + acCarW)) };
    },
  });
}

function startShelly(
  options: VirtualHomeOptions,
  wiring: {
    host: string;
    port: number;
    clock: Clock;
    channels: readonly (() => ElectricalSample)[];
    mac: string;
  },
): Promise<ShellySimulator> {
  const password = options.meterPassword === undefined ? {} : { password: options.meterPassword };
  const model = options.meterModel ?? "gen1";
  return model === "gen1"
    ? startShellyGen1({ ...wiring, ...password })
    : startShellyRpc({ ...wiring, ...password, model });
}

/** Weather and switches after a command. @throws EvError `busy` when too many appliances run at once */
function changeConditions(conditions: HomeConditions, command: HomeCommand, elapsedMs: number): HomeConditions {
  switch (command.command) {
    case "weather":
      return { ...conditions, cloudsPercent: command.cloudsPercent };
    case "load":
      return { ...conditions, loadW: command.powerW };
    case "sun":
      return { ...conditions, peakW: command.peakW ?? conditions.peakW, curve: command.curve ?? conditions.curve };
    case "step": {
      if (command.durationS === undefined) {
        return { ...conditions, loadW: clamp(conditions.loadW + command.powerW, 0, MOST_LOAD_W) };
      }
      const running = conditions.steps.filter((step) => elapsedMs < step.untilMs);
      if (running.length >= MOST_STEPS) {
        throw new EvError("busy", `${MOST_STEPS} steps are running already; wait until one has ended.`);
      }
      const step = { powerW: command.powerW, untilMs: elapsedMs + command.durationS * 1000 };
      return { ...conditions, steps: [...running, step] };
    }
    default:
      return conditions;
  }
}

function changeDevices({ meter, charger, acCharger, h2v }: HomeDevices, command: HomeCommand): void {
  switch (command.command) {
    case "plug":
      if (command.charger === "openevse") acCharger.plug(command.plugged, command.socPercent);
      else if (command.plugged) charger.plug(command.socPercent);
      else charger.unplug();
      return;
    case "wake":
      acCharger.wakeCar();
      return;
    case "tag":
      acCharger.presentTag(command.tag);
      return;
    case "speed":
      charger.setSpeedFactor(command.factor);
      acCharger.setSpeedFactor(command.factor);
      return;
    case "meter":
      meter.setFault(command.online ? null : "silent");
      return;
    case "fault":
      if (command.device === "meter") meter.setFault(command.fault);
      else if (command.device === "charger") charger.setFault(command.fault);
      else if (command.device === "openevse") acCharger.setFault(command.fault);
      else if (command.device === "h2v") setGatewayFault(h2v, command.fault);
      else acCharger.setBrokerFault(command.fault);
      return;
    default:
  }
}

/** @throws EvError `unsupported` */
function setGatewayFault(h2v: H2vSimulator | null, fault: H2vFault | null): void {
  if (h2v === null) throw new EvError("unsupported", "This home has no H2V gateway: give it a port first.");
  h2v.setFault(fault);
}

function describe(
  conditions: HomeConditions,
  { meter, charger, solarMeter, acCharger, h2v }: HomeDevices,
  sample: HomeSample,
  at: string,
  elapsedMs: number,
): HomeRecord {
  const car = charger.car();
  const houseW = roundTo(sample.houseW, 1);
  const solarW = roundTo(sample.solarW, 1);
  const carW = roundTo(sample.carW, 1);
  const acCar = acCharger.describe();
  return {
    kind: "home",
    at,
    houseW,
    solarW,
    gridW: roundTo(houseW - solarW + carW + acCar.acCarW, 1),
    carW,
    voltageV: roundTo(sample.voltageV, 1),
    cloudsPercent: conditions.cloudsPercent,
    peakW: conditions.peakW,
    loadW: applianceW(conditions, elapsedMs),
    plugged: car.plugged,
    socPercent: roundTo(car.socPercent, 1),
    speedFactor: car.speedFactor,
    meterOnline: !OFFLINE_FAULTS.includes(meter.fault),
    meterFault: meter.fault,
    chargerFault: charger.fault,
    meterPort: meter.port,
    chargerPort: charger.port,
    solarMeterPort: solarMeter?.port ?? null,
    h2vPort: h2v?.port ?? null,
    h2vFault: h2v?.fault ?? null,
    ...acCar,
  };
}
