import { MIN_PILOT_A } from "./controller.ts";

/*
 * Divert (eco) and shaper (fact sheet openevse 4.6), as far as a client can see them: what is fed is echoed and smoothed,
 * and decides a current.
 */

const HYSTERESIS_A = 0.5;

export interface DivertSettings {
  readonly pvRatio: number;
  readonly attackS: number;
  readonly decayS: number;
  readonly minChargeS: number;
}

/** Eco: charges with what is left over. */
export class Divert {
  solarW = 0;
  gridW = 0;
  updatedAtMs: number;
  isActive = false;
  availableA = 0;
  smoothedA = 0;
  #activeSinceMs = -Infinity;

  constructor(atMs: number) {
    this.updatedAtMs = atMs;
  }
  /** Current that makes eco start, A. */
  triggerA(settings: DivertSettings): number {
    return MIN_PILOT_A * Math.min(1, settings.pvRatio);
  }
  /** Whole amps to charge with. */
  get chargeRateA(): number {
    return Math.max(this.isActive ? MIN_PILOT_A : 0, Math.floor(this.smoothedA));
  }
  minChargeEndS(settings: DivertSettings, nowMs: number): number {
    return this.isActive ? Math.max(0, Math.ceil(settings.minChargeS - (nowMs - this.#activeSinceMs) / 1000)) : 0;
  }
  /** @param availableA surplus of sun or grid, the car's own current included */
  follow(availableA: number, settings: DivertSettings, nowMs: number): void {
    const passedS = (nowMs - this.updatedAtMs) / 1000;
    this.updatedAtMs = nowMs;
    this.availableA = Math.max(0, availableA);
    const smoothingS = this.availableA > this.smoothedA ? settings.attackS : settings.decayS;
    const weight = smoothingS <= 0 ? 1 : 1 - Math.exp(-passedS / smoothingS);
    this.smoothedA += (this.availableA - this.smoothedA) * weight;
    const triggerA = this.triggerA(settings);
    if (!this.isActive && this.smoothedA >= triggerA) {
      this.isActive = true;
      this.#activeSinceMs = nowMs;
    } else if (this.isActive && this.smoothedA < triggerA - HYSTERESIS_A && this.minChargeEndS(settings, nowMs) === 0) {
      this.isActive = false;
    }
  }
}

/** Keeps the whole house below a power; without fresh data it pauses. */
export class Shaper {
  isOn = false;
  liveW = 0;
  smoothedW = 0;
  updatedAtMs = -Infinity;

  follow(liveW: number, smoothingS: number, nowMs: number): void {
    const passedS = (nowMs - this.updatedAtMs) / 1000;
    const weight = smoothingS <= 0 || !Number.isFinite(passedS) ? 1 : 1 - Math.exp(-passedS / smoothingS);
    this.liveW = liveW;
    this.smoothedW += (liveW - this.smoothedW) * weight;
    this.updatedAtMs = nowMs;
  }
  isFresh(maxAgeS: number, nowMs: number): boolean {
    return nowMs - this.updatedAtMs <= maxAgeS * 1000;
  }
  /** What the car may take, A. @param presentA what it takes now */
  currentA(maxW: number, presentA: number, voltageV: number): number {
    return Math.max(0, Math.floor((maxW - this.smoothedW) / voltageV + presentA));
  }
}
