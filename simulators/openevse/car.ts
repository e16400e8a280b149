import { clamp } from "../../lib/model/units.ts";

export interface OpenEvseCarOptions {
  readonly capacityWh?: number;
  readonly socPercent?: number;
  /** the most its own charger takes, A per phase */
  readonly maxCurrentA?: number;
  /** where it stops by itself */
  readonly targetSocPercent?: number;
  /** from the moment it may draw until it does */
  readonly startDelayMs?: number;
  /** falls asleep when it is paused with state 254 and does not draw again before `wake`, a new plug or state 255 */
  readonly needsWake?: boolean;
}

/** The car as a test or a dashboard sees it. */
export interface OpenEvseCarState {
  readonly plugged: boolean;
  readonly socPercent: number;
  readonly isAsleep: boolean;
  /** It has stopped by itself or was told to. */
  readonly isRefusing: boolean;
}

/** Of what comes out of the socket, this much ends in the battery. */
const CHARGING_EFFICIENCY = 0.9;

/** A car with an on-board charger. It decides by itself whether it draws; the charger only offers. */
export class Car {
  readonly capacityWh: number;
  readonly maxCurrentA: number;
  readonly startDelayMs: number;
  readonly needsWake: boolean;
  readonly targetSocPercent: number;
  isAsleep = false;
  isRefusing = false;
  #batteryWh: number;

  constructor(options: OpenEvseCarOptions = {}) {
    this.capacityWh = options.capacityWh ?? 52_000;
    this.maxCurrentA = options.maxCurrentA ?? 32;
    this.startDelayMs = options.startDelayMs ?? 2_000;
    this.needsWake = options.needsWake ?? false;
    this.targetSocPercent = options.targetSocPercent ?? 100;
    this.#batteryWh = (clamp(options.socPercent ?? 50, 0, 100) / 100) * this.capacityWh;
  }
  get socPercent(): number {
    return (this.#batteryWh / this.capacityWh) * 100;
  }
  set socPercent(percent: number) {
    this.#batteryWh = (clamp(percent, 0, 100) / 100) * this.capacityWh;
  }
  get wantsCharge(): boolean {
    return !this.isAsleep && !this.isRefusing && this.roomWh() > 1e-6;
  }
  /** What the socket still has to give until it stops by itself, Wh. */
  roomWh(): number {
    return Math.max(0, (this.targetSocPercent / 100) * this.capacityWh - this.#batteryWh) / CHARGING_EFFICIENCY;
  }
  /** @param socketWh energy from the socket */
  take(socketWh: number): void {
    this.#batteryWh = Math.min(this.capacityWh, this.#batteryWh + socketWh * CHARGING_EFFICIENCY);
  }
}
