/**
 * What every simulated device has in common. A simulator is the specification of the wire format: it is written from
 * the fact sheets and never imports the client it is there to test.
 */
export interface RunningSimulator<Fault extends string> {
  /** 127.0.0.1 unless told otherwise. */
  readonly host: string;
  readonly port: number;
  /** Switches one fault on, or back to health with null. */
  setFault(fault: Fault | null): void;
  readonly fault: Fault | null;
  /** Closes the server and every open socket. */
  stop(): Promise<void>;
}

/** What a current clamp sees at an instant. */
export interface ElectricalSample {
  /** + in the direction of the clamp's arrow, W */
  readonly powerW: number;
  readonly voltageV: number;
  readonly powerFactor: number;
}
