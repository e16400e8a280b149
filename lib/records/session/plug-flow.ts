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
/** Rounding in the meter lets its counter step back by so much, Wh. */
const JITTER_WH = 1;

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
  const { last } = state;
  const spanMs = passedMs(state, instant);
  const byPower = meter.meanOverS === undefined ? byInstants(state, powerW, spanMs) : byMean(state, meter, spanMs);
  const counted = byCounter(state, importOf(meter), byPower.wh);
  return {
    spanMs,
    meanMs: secondsToMs(meter.meanOverS ?? 0),
    isUnseen: last !== null && (last.monotonicMs === null || spanMs > GAP_MS),
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

function byInstants({ last }: MeteredPlugState, powerW: number, spanMs: number): ByPower {
  const wh = last === null || spanMs > LONGEST_GAP_MS ? 0 : positiveWh((last.powerW + powerW) / 2, spanMs);
  return { wh, meanFromMs: null, meanUntilMs: null };
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
  const fillMs = missingMs > LONGEST_GAP_MS ? 0 : missingMs;
  return { wh: positiveWh(ownW, freshMs) + positiveWh((last.powerW + ownW) / 2, fillMs), ...reach };
}

function byCounter(
  { counterWh, uncountedWh }: MeteredPlugState,
  shownWh: number | null,
  byPowerWh: number,
): Pick<Flow, "wh" | "isCounted" | "counterWh" | "uncountedWh"> {
  if (shownWh === null)
    return {
      wh: byPowerWh,
      isCounted: false,
      counterWh,
      uncountedWh: counterWh === null ? 0 : uncountedWh + byPowerWh,
    };
  // a counter that was set back begins anew
  if (counterWh === null || shownWh < counterWh - JITTER_WH)
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
