import type { Clock } from "../../lib/model/clock.ts";
import { EvError } from "../../lib/model/errors.ts";
import { roundTo } from "../../lib/model/units.ts";
import { type MqttBroker, startMqttBroker } from "../mqtt-broker.ts";
import {
  type OpenEvseFault,
  type OpenEvseGeneration,
  type OpenEvseOptions,
  type OpenEvseSimulator,
  startOpenEvse,
} from "../openevse.ts";

/* The second charger of the virtual home: an OpenEVSE with its own car, and the broker that it talks over. */

/** `stopped` closes the port, with everything retained lost; `drop` cuts all connections once. */
export const brokerFaults = ["stopped", "drop"] as const;
export type BrokerFault = (typeof brokerFaults)[number];

export interface AcChargerOptions {
  readonly host: string;
  /** Missing = no OpenEVSE. */
  readonly openEvsePort: number | undefined;
  /** Missing = no broker; an OpenEVSE is then reachable over HTTP only. */
  readonly brokerPort: number | undefined;
  readonly generation: OpenEvseGeneration | undefined;
  readonly speedFactor: number;
  readonly clock: Clock;
  readonly seed: number;
  readonly voltageV: () => number;
  readonly more: Partial<OpenEvseOptions> | undefined;
}

/** As it stands in the home's record; null where there is none. */
export interface AcChargerRecord {
  /** + into the OpenEVSE's car, W */
  readonly acCarW: number;
  readonly acPlugged: boolean | null;
  readonly acSocPercent: number | null;
  /** as the charger counts it, Wh */
  readonly acSessionWh: number | null;
  readonly openEvseState: number | null;
  readonly openEvseFault: string | null;
  readonly openEvsePort: number | null;
  readonly openEvseTopic: string | null;
  readonly brokerPort: number | null;
  readonly brokerOnline: boolean | null;
}

export interface AcCharger {
  readonly openEvse: OpenEvseSimulator | null;
  readonly broker: MqttBroker | null;
  /** W */
  powerW(): number;
  /** @throws EvError `unsupported` when the home has no OpenEVSE */
  plug(plugged: boolean, socPercent: number | undefined): void;
  /** @throws EvError `unsupported` */
  setFault(fault: OpenEvseFault | null): void;
  /** @throws EvError `unsupported` when the home has no broker */
  setBrokerFault(fault: BrokerFault | null): void;
  /** @throws EvError `unsupported` */
  wakeCar(): void;
  /** @throws EvError `unsupported` when there is no OpenEVSE or its RFID is off */
  presentTag(tag: string): void;
  setSpeedFactor(factor: number): void;
  describe(): AcChargerRecord;
  stop(): Promise<void>;
}

/** @throws EvError `config` when a port is taken */
export async function startAcCharger(options: AcChargerOptions): Promise<AcCharger> {
  const { host, openEvsePort, brokerPort, clock, seed, speedFactor, voltageV } = options;
  const broker = brokerPort === undefined ? null : await startMqttBroker({ host, port: brokerPort });
  try {
    const openEvse =
      openEvsePort === undefined
        ? null
        : await startOpenEvse({
            baseTopic: "openevse",
            speedFactor,
            ...options.more,
            ...(options.generation === undefined ? {} : { generation: options.generation }),
            ...(broker === null ? {} : { brokerUrl: broker.url }),
            host,
            port: openEvsePort,
            clock,
            seed,
            voltageV,
          });
    return new RunningAcCharger(openEvse, broker);
  } catch (thrown) {
    await broker?.stop();
    throw thrown;
  }
}

class RunningAcCharger implements AcCharger {
  readonly openEvse: OpenEvseSimulator | null;
  readonly broker: MqttBroker | null;
  /** Starting and stopping take a moment; one after the other. */
  #brokerWork: Promise<void> = Promise.resolve();

  constructor(openEvse: OpenEvseSimulator | null, broker: MqttBroker | null) {
    this.openEvse = openEvse;
    this.broker = broker;
  }
  powerW(): number {
    return this.openEvse?.acPowerW() ?? 0;
  }
  plug(plugged: boolean, socPercent: number | undefined): void {
    if (!plugged) this.#charger().unplug();
    else this.#charger().plug(socPercent === undefined ? undefined : { socPercent });
  }
  setFault(fault: OpenEvseFault | null): void {
    this.#charger().setFault(fault);
  }
  setBrokerFault(fault: BrokerFault | null): void {
    const { broker } = this;
    if (broker === null) throw new EvError("unsupported", "This home has no MQTT broker; set its port first.");
    if (fault === "drop") broker.dropClients();
    else this.#queueBroker(() => (fault === "stopped" ? broker.stop() : broker.start()));
  }
  wakeCar(): void {
    this.#charger().wakeCar();
  }
  presentTag(tag: string): void {
    if (!this.#charger().hasRfid) {
      throw new EvError(
        "unsupported",
        "The RFID reader is off; set rfid_enabled in the OpenEVSE's own settings first.",
      );
    }
    this.#charger().presentTag(tag);
  }
  setSpeedFactor(factor: number): void {
    this.openEvse?.setSpeedFactor(factor);
  }
  describe(): AcChargerRecord {
    const { openEvse, broker } = this;
    const car = openEvse?.car();
    return {
      acCarW: roundTo(this.powerW(), 1),
      acPlugged: car?.plugged ?? null,
      acSocPercent: car === undefined ? null : roundTo(car.socPercent, 1),
      acSessionWh: openEvse === null ? null : roundTo(openEvse.counters().sessionWh, 1),
      openEvseState: openEvse?.state ?? null,
      openEvseFault: openEvse?.fault ?? null,
      openEvsePort: openEvse?.port ?? null,
      openEvseTopic: openEvse?.baseTopic ?? null,
      brokerPort: broker?.port ?? null,
      brokerOnline: broker?.isRunning ?? null,
    };
  }
  async stop(): Promise<void> {
    await this.#brokerWork;
    await this.openEvse?.stop();
    await this.broker?.stop();
  }

  #charger(): OpenEvseSimulator {
    if (this.openEvse === null) throw new EvError("unsupported", "This home has no OpenEVSE; set its port first.");
    return this.openEvse;
  }
  /** A port that somebody else has taken meanwhile shows as a broker that stays offline. */
  #queueBroker(work: () => Promise<void>): void {
    this.#brokerWork = this.#brokerWork.then(work).catch(() => {});
  }
}
