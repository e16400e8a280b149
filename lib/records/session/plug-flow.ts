import type { Meter } from "../../model/records.ts";
import { clamp, energyWh as energyOf, secondsToMs } from "../../model/units.ts";
import { GAP_MS } from "./away.ts";
import type { Instant } from "./detected.ts";
import type { MeteredPlugState } from "./plug-state.ts";

/*
 * What has flowed through a plug from one reading of its meter to the next: by the meter's counter, else by power and
 * time, as far as they are known. Never negative, and no stretch of time or of the counter twice.
 */

/** Longer gaps are not filled with power and time, ms. */
const LONGEST_GAP_MS = 300_000;
/** Readings further apart are no rhythm in which one power goes over into the next, ms. */
const RHYTHM_MS = 60_000;
/** Rounding in the meter lets its counter step back by so much, Wh. */
const JITTER_WH = 1;
/** No plug carries more, W; and a step of the counter may be so large, Wh. */
const MOST_W = 100_000;
const SLACK_WH = 1000;

export interface Flow {
  /** since the reading before, ms */
  readonly spanMs: number;
  /** how long before now the power was what it is, ms */
  readonly meanMs: number;
  readonly wh: number;
  /** the counter says so */
  readonly isCounted: boolean;
  /** nobody looked: what happened meanwhile, only the counter knows */
  readonly isUnseen: boolean;
  readonly counterWh: number | null;
  readonly uncountedWh: number;
  readonly last: NonNullable<MeteredPlugState["last"]>;
}

/** @param powerW of the meter, known */
export function flowSince(state: MeteredPlugState, meter: Meter, powerW: number, instant: Instant): Flow {
  const spanMs = passedMs(state, instant);
  const byPower = meter.meanOverS === undefined ? byInstants(state, powerW, spanMs) : byMean(state, meter, spanMs);
  const counted = byCounter(state, importOf(meter), byPower.wh, spanMs);
  return {
    spanMs,
    meanMs: secondsToMs(meter.meanOverS ?? 0),
    isUnseen: isUnseen(state.last, spanMs),
    ...counted,
    last: {
      atMs: instant.nowMs,
      monotonicMs: instant.monotonicMs,
      powerW,
      meanFromMs: byPower.meanFromMs,
      meanUntilMs: byPower.meanUntilMs,
    },
  };
}

/** What was gone for a while may tell its power first and its counter a moment later: so long it is waited for, ms. */
const COUNTER_WAIT_MS = 60_000;

/**
 * Since when the counter is waited for, which alone knows what flowed while nobody looked.
 *
 * @returns null = it need not be waited for, or was for long enough
 */
export function waitForCounter(state: MeteredPlugState, meter: Meter, instant: Instant): number | null {
  const { last, counterWh, waitsFromMs } = state;
  if (counterWh === null || importOf(meter) !== null || !isUnseen(last, passedMs(state, instant))) return null;
  const fromMs = waitsFromMs ?? instant.monotonicMs;
  return instant.monotonicMs - fromMs < COUNTER_WAIT_MS ? fromMs : null;
}

const isUnseen = (last: MeteredPlugState["last"], spanMs: number): boolean =>
  last !== null && (last.monotonicMs === null || spanMs > GAP_MS);

/** The meter's power, if it can be true. */
export const powerOf = ({ powerW }: Meter): number | null =>
  powerW !== null && Math.abs(powerW) <= MOST_W ? powerW : null;

const importOf = ({ importWh }: Meter): number | null =>
  importWh !== null && Number.isFinite(importWh) && importWh >= 0 ? importWh : null;

/** Monotonic, or by the wall clock where the program was restarted. */
function passedMs({ last }: MeteredPlugState, { nowMs, monotonicMs }: Instant): number {
  if (last === null) return 0;
  const spanMs = last.monotonicMs === null ? Number.NaN : monotonicMs - last.monotonicMs;
  return spanMs >= 0 ? spanMs : Math.max(0, nowMs - last.atMs);
}

interface ByPower {
  readonly wh: number;
  readonly meanFromMs: number | null;
  readonly meanUntilMs: number | null;
}

const positiveWh = (powerW: number, durationMs: number): number => Math.max(0, energyOf(powerW, durationMs));

/** Between two instants: in the usual rhythm the mean of both, in a gap no more than is sure, and in a long one nothing. */
function betweenWh({ powerW, monotonicMs }: Flow["last"], nowW: number, spanMs: number): number {
  if (spanMs > LONGEST_GAP_MS) return 0;
  const isGap = monotonicMs === null || spanMs > RHYTHM_MS;
  return positiveWh(isGap ? Math.min(powerW, nowW) : (powerW + nowW) / 2, spanMs);
}

function byInstants({ last }: MeteredPlugState, powerW: number, spanMs: number): ByPower {
  return { wh: last === null ? 0 : betweenWh(last, powerW, spanMs), meanFromMs: null, meanUntilMs: null };
}

/**
 * A mean holds for its own stretch of the meter's clock, whenever it arrives. A missing stretch before it is filled; what
 * was accounted for before is not counted again.
 */
function byMean({ last }: MeteredPlugState, { at, meanOverS = 0, powerW }: Meter, spanMs: number): ByPower {
  const meanMs = secondsToMs(meanOverS);
  const fromMs = Date.parse(at);
  const untilMs = fromMs + meanMs;
  const ownW = powerW ?? 0;
  const reach = { meanFromMs: fromMs, meanUntilMs: untilMs };
  if (last === null) return { wh: positiveWh(ownW, meanMs), ...reach };
  if (last.meanUntilMs === null || last.meanFromMs === null)
    return { wh: positiveWh(ownW, Math.min(meanMs, spanMs)), ...reach };
  // the same again
  if (fromMs === last.meanFromMs) return { wh: 0, ...reach };
  // a clock that was set back: as much as has passed
  if (untilMs <= last.meanUntilMs) return { wh: positiveWh(ownW, Math.min(meanMs, spanMs)), ...reach };
  const freshMs = untilMs - Math.max(fromMs, last.meanUntilMs);
  const missingMs = clamp(fromMs - last.meanUntilMs, 0, Math.max(0, spanMs - meanMs));
  return { wh: positiveWh(ownW, freshMs) + betweenWh(last, ownW, missingMs), ...reach };
}

function byCounter(
  { counterWh, uncountedWh }: MeteredPlugState,
  shownWh: number | null,
  byPowerWh: number,
  spanMs: number,
): Pick<Flow, "wh" | "isCounted" | "counterWh" | "uncountedWh"> {
  if (shownWh === null)
    return {
      wh: byPowerWh,
      isCounted: false,
      counterWh,
      uncountedWh: counterWh === null ? 0 : uncountedWh + byPowerWh,
    };
  // a counter that was set back, or jumped, begins anew
  const mostWh = counterWh === null ? 0 : counterWh + uncountedWh + energyOf(MOST_W, spanMs) + SLACK_WH;
  if (counterWh === null || shownWh < counterWh - JITTER_WH || shownWh > mostWh)
    return { wh: byPowerWh, isCounted: false, counterWh: shownWh, uncountedWh: 0 };
  const grownWh = Math.max(0, shownWh - counterWh);
  return {
    wh: Math.max(0, grownWh - uncountedWh),
    isCounted: true,
    counterWh: Math.max(shownWh, counterWh),
    // what was counted by power too much, the counter makes up for
    uncountedWh: Math.max(0, uncountedWh - grownWh),
  };
}
