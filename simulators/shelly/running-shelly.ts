import type { DeviceWebServer } from "../web/device-web-server.ts";
import type { ShellyBody, ShellyFault, ShellySimulator } from "./device.ts";

/** A Shelly with its web server: the part of the handle that all generations share. */
export class RunningShelly implements ShellySimulator {
  readonly #body: ShellyBody;
  readonly #server: DeviceWebServer;

  constructor(body: ShellyBody, server: DeviceWebServer) {
    this.#body = body;
    this.#server = server;
    body.plugInto(server);
  }

  get host(): string {
    return this.#server.host;
  }
  get port(): number {
    return this.#server.port;
  }
  get fault(): ShellyFault | null {
    return this.#body.fault;
  }
  get mac(): string {
    return this.#body.mac;
  }
  get requests(): number {
    return this.#server.counts.requests;
  }
  get openSockets(): number {
    return this.#server.counts.openSockets;
  }
  get acceptedSockets(): number {
    return this.#server.counts.acceptedSockets;
  }
  get peakConcurrentRequests(): number {
    return this.#server.counts.peakConcurrentRequests;
  }
  get redirectsFollowed(): number {
    return this.#server.counts.redirectsFollowed;
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
    await this.#server.stop();
  }
}
