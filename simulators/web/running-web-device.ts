import type { DeviceWebServer, WireCounts } from "./device-web-server.ts";

/** The part of a handle that all devices with a web server share: where it is, and what was asked of it. */
export class RunningWebDevice implements WireCounts {
  protected readonly server: DeviceWebServer;

  constructor(server: DeviceWebServer) {
    this.server = server;
  }
  get host(): string {
    return this.server.host;
  }
  get port(): number {
    return this.server.port;
  }
  get requests(): number {
    return this.server.counts.requests;
  }
  get openSockets(): number {
    return this.server.counts.openSockets;
  }
  get acceptedSockets(): number {
    return this.server.counts.acceptedSockets;
  }
  get peakConcurrentRequests(): number {
    return this.server.counts.peakConcurrentRequests;
  }
  get redirectsFollowed(): number {
    return this.server.counts.redirectsFollowed;
  }
}
