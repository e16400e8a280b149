/** The tag that is authenticated: while a car is there, or for a minute before (fact sheet openevse 3.3). */
export class RfidReader {
  tag = "";
  #untilMs = -Infinity;

  present(tag: string, nowMs: number): void {
    this.tag = tag;
    this.#untilMs = nowMs + TIMEOUT_MS;
  }
  forget(): void {
    this.tag = "";
  }
  follow(hasVehicle: boolean, nowMs: number): void {
    if (!hasVehicle && nowMs > this.#untilMs) this.tag = "";
  }
}

const TIMEOUT_MS = 60_000;
