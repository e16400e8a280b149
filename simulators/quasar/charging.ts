import type { Conversion } from "./efficiency-curve.ts";
import { cut, dcEnergyUntil, type LimitedTrack, limitByBattery, powerAt, rampTo, steady } from "./power-track.ts";
import { drawBetween, drawUniform } from "../seeded-noise.ts";

/*
 * The power part of the simulated Quasar and the car on its cable, as functions (state, instant, request) => state. A
 * state holds the whole future that follows from the last event, so looking at it at any instant is exact and changes
 * nothing.
 */

/** Fact sheet v2g 1.14: a car is full at 97 % and empty at 5 %. */
export const FULL_PERCENT = 97;
export const EMPTY_PERCENT = 5;

/** How sluggish the charger is (fact sheet v2g 2.4 quirk 4, 2.6). Pairs are the shortest and the longest. */
export interface QuasarTiming {
  /** from start at a standstill until power flows */
  readonly startDelayMs: readonly [number, number];
  /** from a new set point until the power begins to follow */
  readonly responseDelayMs: readonly [number, number];
  readonly slewWPerS: number;
  /** when stopping; not slower than `slewWPerS` */
  readonly stopSlewWPerS: number;
}

/** What never changes while the charger runs. */
export interface ChargingNature {
  readonly seed: number;
  readonly timing: QuasarTiming;
  readonly conversion: Conversion;
  readonly maxAvailableW: number;
  /** measured power as part of the request; null = 0.81 to 0.97, by seed */
  readonly settleFraction: number | null;
}

export interface ChargingState {
  readonly plugged: boolean;
  readonly capacityWh: number;
  readonly speedFactor: number;
  /** when the track begins, and what the battery held then */
  readonly sinceMs: number;
  readonly energyWh: number;
  /** what would happen with a battery without end, and what will */
  readonly wish: LimitedTrack["track"];
  readonly limited: LimitedTrack;
  /** null = stopped; otherwise until when it still looks paused, and when power begins to flow */
  readonly started: { readonly waitsFromMs: number; readonly flowsFromMs: number } | null;
  /** what was asked for last, W */
  readonly requestW: number;
  /** random delays drawn so far */
  readonly draws: number;
}

/** @returns a charger that stands still */
export function createCharging(
  atMs: number,
  car: { plugged: boolean; socPercent: number; capacityWh: number; speedFactor: number },
): ChargingState {
  const track = steady(atMs, 0);
  return {
    plugged: car.plugged,
    capacityWh: car.capacityWh,
    speedFactor: car.speedFactor,
    sinceMs: atMs,
    energyWh: (car.socPercent / 100) * car.capacityWh,
    wish: track,
    limited: { track, yieldsMs: Infinity, endedMs: Infinity },
    started: null,
    requestW: 0,
    draws: 0,
  };
}

/** AC power, + into the car, W. */
export const acPowerAt = (state: ChargingState, atMs: number): number => powerAt(state.limited.track, atMs);

/** Energy in the battery, Wh. */
export const energyAt = (state: ChargingState, nature: ChargingNature, atMs: number): number =>
  state.energyWh + dcEnergyUntil(state.limited.track, atMs, nature.conversion) * state.speedFactor;

/** State of charge, 0 to 100. */
export const socAt = (state: ChargingState, nature: ChargingNature, atMs: number): number =>
  (energyAt(state, nature, atMs) / state.capacityWh) * 100;

/** Status register as far as power and plug decide it (fact sheet v2g 2.2): 0, 1, 2, 4 or 11. */
export function statusAt(state: ChargingState, atMs: number): 0 | 1 | 2 | 4 | 11 {
  if (!state.plugged) return 0;
  if (!isStarted(state, atMs)) return 4;
  const { waitsFromMs = 0, flowsFromMs = 0 } = state.started ?? {};
  const powerW = acPowerAt(state, atMs);
  if (atMs < flowsFromMs) return atMs < waitsFromMs ? 4 : 2;
  if (powerW === 0) return 2;
  return powerW > 0 ? 1 : 11;
}

/** False as soon as the battery has ended it. */
export const isStarted = (state: ChargingState, atMs: number): boolean =>
  state.started !== null && atMs < state.limited.endedMs;

/** Action 1. Already running: nothing but a new request. */
export function start(state: ChargingState, nature: ChargingNature, atMs: number, requestW: number): ChargingState {
  if (!state.plugged) return state;
  if (isStarted(state, atMs) && atMs < state.limited.yieldsMs) return request(state, nature, atMs, requestW);
  const runDown = rampTo(atMs, acPowerAt(state, atMs), 0, nature.timing.stopSlewWPerS / 1000);
  const stillMs = runDown.at(-1)?.fromMs ?? atMs;
  const delayMs = drawBetween(nature.timing.startDelayMs, nature.seed, 1, state.draws);
  const flowsFromMs = stillMs + delayMs;
  const wish = [
    ...cut(runDown, atMs, flowsFromMs),
    ...rampTo(flowsFromMs, 0, settledPowerW(requestW, nature), nature.timing.slewWPerS / 1000),
  ];
  // the status stays 4 for the first part of a start, then 2 until power flows
  const started = { waitsFromMs: stillMs + delayMs * 0.4, flowsFromMs };
  return replan({ ...state, started, requestW, draws: state.draws + 1 }, nature, atMs, wish);
}

/** Action 2: the status is 4 at once, the power runs down. */
export function stop(state: ChargingState, nature: ChargingNature, atMs: number): ChargingState {
  const wish = rampTo(atMs, acPowerAt(state, atMs), 0, nature.timing.stopSlewWPerS / 1000);
  return replan({ ...state, started: null }, nature, atMs, wish);
}

/** A new set point while running; without a start it changes nothing. */
export function request(state: ChargingState, nature: ChargingNature, atMs: number, requestW: number): ChargingState {
  if (!isStarted(state, atMs) || state.started === null || atMs >= state.limited.yieldsMs) return state;
  if (requestW === state.requestW) return state;
  const standsStill = acPowerAt(state, atMs) === 0 && powerAt(state.wish, Infinity) === 0;
  if (standsStill && atMs >= state.started.flowsFromMs) {
    const restarted = start({ ...state, started: null }, nature, atMs, requestW);
    return { ...restarted, started: restarted.started && { ...restarted.started, waitsFromMs: atMs } };
  }
  // what was asked before goes on for the delay, as in a delay line: many requests in a row cannot hold it up
  const delayMs = drawBetween(nature.timing.responseDelayMs, nature.seed, 2, state.draws);
  const followsMs = Math.max(atMs + delayMs, state.started.flowsFromMs);
  const wish = [
    ...cut(state.wish, atMs, followsMs),
    ...rampTo(
      followsMs,
      powerAt(state.wish, followsMs),
      settledPowerW(requestW, nature),
      nature.timing.slewWPerS / 1000,
    ),
  ];
  return replan({ ...state, requestW, draws: state.draws + 1 }, nature, atMs, wish);
}

/** A contactor opens: power and everything that was asked are gone in the same instant. */
export function disconnect(state: ChargingState, nature: ChargingNature, atMs: number): ChargingState {
  return replan({ ...state, started: null, requestW: 0 }, nature, atMs, steady(atMs, 0));
}

/** @param socPercent what the car brings; null = what it had when it left */
export function plugIn(
  state: ChargingState,
  nature: ChargingNature,
  atMs: number,
  socPercent: number | null,
): ChargingState {
  const still = disconnect(state, nature, atMs);
  const energyWh = socPercent === null ? still.energyWh : (socPercent / 100) * still.capacityWh;
  return { ...still, plugged: true, energyWh };
}

export const unplug = (state: ChargingState, nature: ChargingNature, atMs: number): ChargingState => ({
  ...disconnect(state, nature, atMs),
  plugged: false,
});

/** How many times faster than real the battery fills from now on. */
export function changeSpeed(
  state: ChargingState,
  nature: ChargingNature,
  atMs: number,
  speedFactor: number,
): ChargingState {
  const energyWh = energyAt(state, nature, atMs);
  const future = atMs >= state.limited.yieldsMs ? state.limited.track : state.wish;
  const changed = { ...state, sinceMs: atMs, energyWh, speedFactor };
  const replanned = withTrack(changed, nature, cut(future, atMs, Infinity));
  if (atMs < state.limited.yieldsMs) return replanned;
  const endedMs = Math.min(replanned.limited.endedMs, Math.max(atMs, state.limited.endedMs));
  return { ...replanned, limited: { ...replanned.limited, yieldsMs: atMs, endedMs } };
}

function replan(
  state: ChargingState,
  nature: ChargingNature,
  atMs: number,
  wish: LimitedTrack["track"],
): ChargingState {
  return withTrack({ ...state, sinceMs: atMs, energyWh: energyAt(state, nature, atMs) }, nature, wish);
}

function withTrack(state: ChargingState, nature: ChargingNature, wish: LimitedTrack["track"]): ChargingState {
  const limited = limitByBattery(
    wish,
    {
      energyWh: state.energyWh,
      floorWh: (state.capacityWh * EMPTY_PERCENT) / 100,
      ceilingWh: (state.capacityWh * FULL_PERCENT) / 100,
      speedFactor: state.speedFactor,
      stopSlewWPerMs: nature.timing.stopSlewWPerS / 1000,
    },
    nature.conversion,
  );
  return { ...state, wish, limited };
}

/** The charger never quite gives what it is asked for, and never more than the installer allowed (fact sheet v2g 2.6). */
function settledPowerW(requestW: number, nature: ChargingNature): number {
  const allowedW = Math.max(-nature.maxAvailableW, Math.min(nature.maxAvailableW, requestW));
  const fraction = nature.settleFraction ?? 0.81 + 0.16 * drawUniform(nature.seed, 3, Math.round(requestW));
  return allowedW * fraction;
}
