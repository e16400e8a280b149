import type { DeviceWebServer } from "../web/device-web-server.ts";
import { RunningWebDevice } from "../web/running-web-device.ts";
import type { ShellyBody, ShellyFault, ShellySimulator } from "./device.ts";

/** A Shelly with its web server: the part of the handle that all generations share. */
export class RunningShelly extends RunningWebDevice implements ShellySimulator {
  readonly #body: ShellyBody;

  constructor(body: ShellyBody, server: DeviceWebServer) {
    super(server);
    this.#body = body;
    body.plugInto(server);
  }

  get fault(): ShellyFault | null {
    return this.#body.fault;
  }
  get mac(): string {
    return this.#body.mac;
  }
  setFault(fault: ShellyFault | null): void {
    this.#body.setFault(fault);
  }
  reboot(outage: { readonly downMs: number }): void {
    this.#body.reboot(outage);
  }
  resetCounters(): void {
    this.#body.metering.resetCounters();
  }
  replaceDevice(): void {
    this.#body.replaceDevice();
  }
  async stop(): Promise<void> {
    this.#body.stop();
    await this.server.stop();
  }
}
