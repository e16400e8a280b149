import type { Clock } from "../../lib/model/clock.ts";

const NTP_DELAY_MS = 5_000;

/** Time as the WiFi module knows it: 1970 after a boot, until the network has told it better. */
export class ModuleClock {
  readonly utcOffsetMin: number;
  readonly #clock: Clock;
  #bootedAtMs: number;
  #syncedAtMs: number;

  /** @param uptimeS how long it has been running already */
  constructor(clock: Clock, utcOffsetMin: number, uptimeS: number) {
    this.#clock = clock;
    this.utcOffsetMin = utcOffsetMin;
    this.#bootedAtMs = clock.monotonicMs() - uptimeS * 1000;
    this.#syncedAtMs = this.#bootedAtMs;
  }
  /** Monotonic; for durations. */
  get nowMs(): number {
    return this.#clock.monotonicMs();
  }
  get runningMs(): number {
    return this.nowMs - this.#bootedAtMs;
  }
  get isSynced(): boolean {
    return this.nowMs >= this.#syncedAtMs;
  }
  /** Since 1970. */
  utcMs(): number {
    return this.isSynced ? this.#clock.nowMs() : this.runningMs;
  }
  /** Local time as if it were UTC. */
  localMs(): number {
    return this.utcMs() + this.utcOffsetMin * 60_000;
  }
  reboot(): void {
    this.#bootedAtMs = this.nowMs;
    this.#syncedAtMs = this.nowMs + NTP_DELAY_MS;
  }
}
