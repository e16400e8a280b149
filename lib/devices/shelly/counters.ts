import { z } from "zod";
import { energyWh, roundTo } from "../../model/units.ts";

/*
 * Energy counters that never run backwards. The device's own counter may be reset, lose its last minutes in a power cut,
 * or belong to another device after a swap; what is shown goes on from where it was. Pure.
 */

/** One counter: what the device said last, and what we showed for it. */
export interface CounterState {
  /** The device's own figure, Wh. */
  readonly deviceWh: number;
  /** What we add to it, Wh; changes only when the device's counter does not go on from where it was. */
  readonly offsetWh: number;
  /** Wall clock of that figure, ms since 1970 UTC: it must mean something after a restart. */
  readonly atMs: number;
  /** Since when the device has been showing a jump that no house can make; null while all is well. */
  readonly jumpSinceMs: number | null;
}

export interface CounterStep {
  readonly state: CounterState | null;
  /** Wh; null when nothing can be said. */
  readonly totalWh: number | null;
  readonly event: "reset" | "implausible" | null;
}

export const counterStateSchema = z.object({
  deviceWh: z.number().min(0).max(1e12),
  offsetWh: z.number().min(-1e15).max(1e15),
  atMs: z.number().min(0).max(8.64e15),
  jumpSinceMs: z.number().nullable(),
});

/** No house takes or gives more, W. */
const MOST_POWER_W = 100_000;
/** Some meters put a minute's energy into their counter at once; give them two. */
const BATCH_MS = 120_000;
/** A jump that stays is the device's new truth. */
const JUMP_STAYS_MS = 60_000;
/** Rounding in the device, Wh. */
const JITTER_WH = 1;

/**
 * One look at the device's counter.
 *
 * @param deviceWh what the device says, null when it says nothing
 * @param atMs wall clock, ms since 1970 UTC
 */
export function advanceCounter(state: CounterState | null, deviceWh: number | null, atMs: number): CounterStep {
  if (deviceWh === null) return { state, totalWh: null, event: null };
  if (state === null) return goOn(deviceWh, 0, atMs);
  const gainedWh = deviceWh - state.deviceWh;
  const mostWh = energyWh(MOST_POWER_W, Math.max(0, atMs - state.atMs) + BATCH_MS);
  if (gainedWh < -JITTER_WH) {
    // a counter that began anew has counted what it shows; one that only fell back a little has merely forgotten
    const beganAnew = deviceWh < state.deviceWh / 2 && deviceWh <= mostWh;
    return rebase(state, deviceWh, beganAnew ? deviceWh : 0, atMs);
  }
  if (gainedWh < 0) return { state: { ...state, atMs }, totalWh: totalOf(state), event: null };
  if (gainedWh <= mostWh) return goOn(deviceWh, state.offsetWh, atMs);
  const jumpSinceMs = state.jumpSinceMs ?? atMs;
  if (Math.abs(atMs - jumpSinceMs) >= JUMP_STAYS_MS) return rebase(state, deviceWh, 0, atMs);
  return { state: { ...state, jumpSinceMs }, totalWh: null, event: "implausible" };
}

/** Another device took the place: its past is not ours. */
export function adoptCounter(state: CounterState | null, deviceWh: number | null, atMs: number): CounterStep {
  if (deviceWh === null || state === null) return advanceCounter(state, deviceWh, atMs);
  return rebase(state, deviceWh, 0, atMs);
}

const totalOf = ({ deviceWh, offsetWh }: CounterState): number => roundTo(deviceWh + offsetWh, 3);

function goOn(deviceWh: number, offsetWh: number, atMs: number): CounterStep {
  const state = { deviceWh, offsetWh, atMs, jumpSinceMs: null };
  return { state, totalWh: totalOf(state), event: null };
}

/** Goes on from what was shown last, plus `gainedWh`. */
function rebase(state: CounterState, deviceWh: number, gainedWh: number, atMs: number): CounterStep {
  const offsetWh = roundTo(totalOf(state) + gainedWh - deviceWh, 3);
  return { ...goOn(deviceWh, offsetWh, atMs), event: "reset" };
}
