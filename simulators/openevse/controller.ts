import { Car, type OpenEvseCarOptions } from "./car.ts";

/*
 * The controller (AVR) of an OpenEVSE with the cable and the car: states, flags and its own energy counters (fact sheet
 * openevse 2.1, 2.2, 3.7). It moves only when told the time; whoever owns it calls `advance` first.
 */

export const STATE = { starting: 0, ready: 1, connected: 2, charging: 3, sleeping: 254, disabled: 255 } as const;

/** What the WiFi module asked for last. */
export type Commanded = "active" | "sleep" | "disabled";

/** A stretch of time in which the power did not change. */
export interface Delivery {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly amps: number;
  readonly energyWh: number;
  /** the relay was closed */
  readonly isCharging: boolean;
}

const FLAG = {
  hardFault: 0x2,
  relayClosed: 0x40,
  gfiTripped: 0x80,
  connected: 0x100,
  sessionEnded: 0x200,
  wasConnected: 0x400,
  noGround: 0x20,
} as const;
const FAULT_GFI = 6;
const FAULT_NO_GROUND = 7;

export const MIN_PILOT_A = 6;
/** A car draws little in the first moment after the relay has closed. */
const RAMP_MS = 1_000;
const RAMP_A = 1;
const BOOT_MS = 3_000;

export interface ControllerOptions {
  readonly atMs: number;
  readonly plugged: boolean;
  readonly car: OpenEvseCarOptions | undefined;
  readonly maxCurrentA: number;
  readonly lifetimeWh: number;
  readonly phases: 1 | 3;
  /** how many times faster than real the battery fills, and the counters count */
  readonly speedFactor: number;
  readonly meterSpeedFactor: number;
}

export class Controller {
  car: Car;
  speedFactor: number;
  meterSpeedFactor: number;
  /** V, as the mains are */
  voltageV = 240;
  /** controller's own counters: session Ws, whole lifetime Wh, seconds with the relay closed */
  sessionWs = 0;
  lifetimeWh: number;
  elapsedS = 0;
  /** current offered; the heartbeat can force it down */
  #offeredA: number;
  isHeartbeatLost = false;
  /** what went through the relay since the start, as fast as the counters count, Wh */
  deliveredWh = 0;
  readonly phases: 1 | 3;
  readonly faultCounts = { gfci: 0, noGround: 0, stuck: 0 };
  #atMs: number;
  #commanded: Commanded = "active";
  #fault: number | null = null;
  #isPlugged: boolean;
  /** as the controller last could see it */
  #evConnected = false;
  #hasSeenSession = false;
  #trippedFlags = 0;
  #bootEndMs = -Infinity;
  #drawsFromMs = Infinity;

  constructor(options: ControllerOptions) {
    this.car = new Car(options.car);
    this.speedFactor = options.speedFactor;
    this.meterSpeedFactor = options.meterSpeedFactor;
    this.lifetimeWh = options.lifetimeWh;
    this.phases = options.phases;
    this.#offeredA = options.maxCurrentA;
    this.#atMs = options.atMs;
    this.#isPlugged = options.plugged;
    this.#look();
  }

  get isPlugged(): boolean {
    return this.#isPlugged;
  }
  get evConnected(): boolean {
    return this.#evConnected;
  }
  get commanded(): Commanded {
    return this.#commanded;
  }
  get fault(): number | null {
    return this.#fault;
  }
  get isStarting(): boolean {
    return this.#atMs < this.#bootEndMs;
  }
  get pilotA(): number {
    return this.isHeartbeatLost ? MIN_PILOT_A : this.#offeredA;
  }

  /** Code of section 2.1. */
  get state(): number {
    if (this.isStarting) return STATE.starting;
    if (this.#fault !== null) return this.#fault;
    if (this.#commanded === "disabled") return STATE.disabled;
    if (this.#commanded === "sleep") return STATE.sleeping;
    if (!this.#isPlugged) return STATE.ready;
    return this.#atMs >= this.#drawsFromMs ? STATE.charging : STATE.connected;
  }
  /** Bits of section 2.2. */
  get flags(): number {
    if (this.isStarting) return 0;
    const plug = this.#evConnected ? FLAG.connected | FLAG.wasConnected : this.#hasSeenSession ? FLAG.sessionEnded : 0;
    const relay = this.state === STATE.charging ? FLAG.relayClosed : 0;
    return plug | relay | this.#trippedFlags | (this.#fault === null ? 0 : FLAG.hardFault);
  }
  /** Per phase, A. */
  get amps(): number {
    if (this.state !== STATE.charging) return 0;
    const fullA = Math.min(this.pilotA, this.car.maxCurrentA);
    return this.#atMs < this.#drawsFromMs + RAMP_MS ? Math.min(RAMP_A, fullA) : fullA;
  }
  /** What truly flows, W. */
  get powerW(): number {
    return this.amps * this.voltageV * this.phases;
  }

  /** Moves to an instant; each stretch of steady power is told to `onDelivery`. */
  advance(nowMs: number, onDelivery: (delivery: Delivery) => void = () => {}): void {
    this.#look();
    while (this.#atMs < nowMs) {
      const { powerW, amps } = this;
      const isCharging = this.state === STATE.charging;
      const untilMs = this.#nextTurnMs(nowMs, powerW);
      const realWh = (powerW * (untilMs - this.#atMs)) / 3_600_000;
      this.car.take(realWh * this.speedFactor);
      const energyWh = realWh * this.meterSpeedFactor;
      this.deliveredWh += energyWh;
      if (isCharging) {
        this.sessionWs += energyWh * 3600;
        this.elapsedS += ((untilMs - this.#atMs) / 1000) * this.meterSpeedFactor;
      }
      const delivery = { fromMs: this.#atMs, untilMs, amps, energyWh, isCharging };
      this.#atMs = untilMs;
      onDelivery(delivery);
      this.#look();
    }
  }

  /** The next instant at which the power changes by itself, at most `nowMs`. */
  #nextTurnMs(nowMs: number, powerW: number): number {
    const fullMs = powerW > 0 ? this.#atMs + (this.car.roomWh() / (powerW * this.speedFactor)) * 3_600_000 : Infinity;
    const turns = [this.#bootEndMs, this.#drawsFromMs, this.#drawsFromMs + RAMP_MS, Math.max(fullMs, this.#atMs + 1)];
    return turns.reduce((nearest, turnMs) => (turnMs > this.#atMs && turnMs < nearest ? turnMs : nearest), nowMs);
  }

  /** Looks at cable and car, as the pilot line lets it. */
  #look(): void {
    // with -12 V on the pilot nothing can be seen, and while starting nothing is looked at
    if (this.#commanded !== "disabled" && !this.isStarting && this.#evConnected !== this.#isPlugged) {
      this.#evConnected = this.#isPlugged;
      if (this.#isPlugged) {
        this.sessionWs = 0;
        this.elapsedS = 0;
      } else {
        this.#hasSeenSession = true;
        this.lifetimeWh += Math.floor(this.sessionWs / 3600);
      }
    }
    const mayDraw =
      this.#isPlugged &&
      !this.isStarting &&
      this.#fault === null &&
      this.#commanded === "active" &&
      this.car.wantsCharge;
    if (!mayDraw) this.#drawsFromMs = Infinity;
    else if (this.#drawsFromMs === Infinity) this.#drawsFromMs = this.#atMs + this.car.startDelayMs;
  }

  command(commanded: Commanded): void {
    if (commanded === this.#commanded) return;
    if (commanded === "sleep" && this.#isPlugged && this.car.needsWake) this.car.isAsleep = true;
    if (this.#commanded === "disabled") this.car.isAsleep = false;
    this.#commanded = commanded;
    this.#look();
  }
  offer(amps: number): void {
    this.#offeredA = Math.max(MIN_PILOT_A, amps);
  }
  /** @param car another car, or the same one as before when missing */
  plug(car?: Car): void {
    if (this.#isPlugged && car !== undefined) this.unplug();
    if (car !== undefined) this.car = car;
    if (this.#isPlugged) return;
    this.car.isAsleep = false;
    this.#isPlugged = true;
    this.#look();
  }
  unplug(): void {
    this.#isPlugged = false;
    this.#look();
  }
  /** The car's own decisions take effect. */
  reconsider(): void {
    this.#look();
  }
  /** @param code of section 2.1, null = healthy */
  setFault(code: number | null): void {
    if (code === this.#fault) return;
    this.#fault = code;
    if (code === FAULT_GFI) {
      this.faultCounts.gfci++;
      this.#trippedFlags |= FLAG.gfiTripped;
    } else if (code === FAULT_NO_GROUND) {
      this.faultCounts.noGround++;
      this.#trippedFlags |= FLAG.noGround;
    } else if (code === 8) {
      this.faultCounts.stuck++;
    }
    this.#look();
  }
  /** Power cut or `$FR`: the session counter is lost before it was added to the lifetime counter (section 3.7). */
  reset(): void {
    this.sessionWs = 0;
    this.elapsedS = 0;
    this.#evConnected = false;
    this.#hasSeenSession = false;
    this.#trippedFlags = 0;
    this.#fault = null;
    this.#bootEndMs = this.#atMs + BOOT_MS;
    this.#look();
  }
}
