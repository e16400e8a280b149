import type { Charger, Meter } from "../../model/records.ts";
import { energyWh as energyOf, roundTo, secondsToMs } from "../../model/units.ts";
import type { Instant } from "./detected.ts";
import { type Flow, flowSince, powerOf, waitForCounter } from "./plug-flow.ts";
import type { MeteredPlugState } from "./plug-state.ts";

/*
 * A meter before a car as a charger: a metered plug, a clamp on the car's circuit, H2V's car channel. It sees only power, so
 * a car that draws is plugged in, and one that has drawn nothing for a while has left. Pure; the state is plain JSON.
 *
 * To the detector it shows one counter of all that ever went into cars, which stands still while the plug is idle. So the
 * detector can tell by itself what flowed while nobody looked.
 */

export interface MeteredPlugSettings {
  /** more than this is charging, W */
  readonly aboveW: number;
  /** ... when it has lasted so long; the session then begins where the power rose, s */
  readonly startAfterS: number;
  /** a session is over when the power has been below for so long, s */
  readonly endAfterS: number;
}

export const defaultMeteredPlugSettings: MeteredPlugSettings = { aboveW: 50, startAfterS: 120, endAfterS: 300 };

/** Of what was counted while nobody looked, more than this beyond twice the usual standby is a charge, Wh. */
const BEYOND_STANDBY_WH = 250;
/** No session's counter ever shows so much: the detector never takes it for what a session has delivered, Wh. */
const COUNT_BEGINS_AT_WH = 1e9;

/** One reading of the meter; `charger` is what it means. */
export function readMeteredPlug(
  state: MeteredPlugState,
  meter: Meter,
  instant: Instant,
  settings: MeteredPlugSettings,
): { readonly state: MeteredPlugState; readonly charger: Charger } {
  const powerW = powerOf(meter);
  const waitsFromMs = waitForCounter(state, meter, instant);
  const known = { ...state, channel: state.channel ?? meter.channel, waitsFromMs };
  // a meter that does not know is a meter that is not there: what flows meanwhile comes to light with its next word
  if (powerW === null || waitsFromMs !== null)
    return { state: known, charger: { ...chargerOf(known, meter, null, true), online: false } };
  const flow = flowSince(known, meter, powerW, instant);
  const after = nextPhase(known, flow, settings);
  return { state: after, charger: chargerOf(after, meter, powerW, flow.isCounted) };
}

/** Most that a plug without a charging car can have drawn while nobody looked, Wh. */
function standbyWh(idleW: number, spanMs: number, { aboveW }: MeteredPlugSettings): number {
  return Math.min(energyOf(aboveW, spanMs), 2 * energyOf(idleW, spanMs) + BEYOND_STANDBY_WH);
}

function nextPhase(before: MeteredPlugState, flow: Flow, settings: MeteredPlugSettings): MeteredPlugState {
  const { phase } = before;
  const { spanMs, meanMs, wh, last } = flow;
  const isAbove = last.powerW > settings.aboveW;
  const lineMs = before.lineMs + spanMs;
  // a mean tells of the time before it came
  const turnedMs = Math.max(before.lineMs, lineMs - meanMs);
  const state: MeteredPlugState = {
    ...before,
    lineMs,
    last,
    counterWh: flow.counterWh,
    uncountedWh: flow.uncountedWh,
    idleW: phase === "idle" && !isAbove ? Math.max(0, last.powerW) : before.idleW,
  };
  const chargedS = before.chargingS + chargedMs(before, flow, isAbove) / 1000;
  const take = (next: MeteredPlugState["phase"], changes: Partial<MeteredPlugState> = {}): MeteredPlugState => ({
    ...state,
    phase: next,
    sinceMs: next === phase ? before.sinceMs : turnedMs,
    carWh: before.carWh + wh,
    ...changes,
  });
  const ignore = (): MeteredPlugState => take("idle", { carWh: before.carWh });
  const hasLasted = (seconds: number): boolean => lineMs - before.sinceMs >= secondsToMs(seconds);
  const isLong = flow.isUnseen && spanMs >= secondsToMs(settings.startAfterS);
  const idleW = isAbove ? before.idleW : Math.max(before.idleW, last.powerW);
  const isCharge = (unseenWh: number): boolean =>
    isLong && flow.isCounted && unseenWh > standbyWh(idleW, spanMs, settings);
  const isOver = isLong && spanMs >= secondsToMs(settings.endAfterS);

  if (phase === "idle" && isCharge(wh)) {
    const chargingS = chargedUnseenMs(flow, last.powerW) / 1000;
    return isAbove ? take("charging", { chargingS, isStartUnseen: true }) : take("idle");
  }
  if (phase === "idle" && isAbove) {
    // the counter before the rise: what flowed up to now belongs to the car, but for the standby of a long time
    const risingWh = isLong && flow.isCounted ? 0 : wh;
    return take("rising", { carWh: before.carWh, risingWh, chargingS: meanMs / 1000, isStartUnseen: false });
  }
  if (phase === "idle") return ignore();

  const risenWh = before.risingWh + wh;
  if (phase === "rising" && isAbove && hasLasted(settings.startAfterS))
    return take("charging", { sinceMs: before.sinceMs, carWh: before.carWh + risenWh, chargingS: chargedS });
  if (phase === "rising" && isAbove)
    return take("rising", { carWh: before.carWh, risingWh: risenWh, chargingS: chargedS });
  if (phase === "rising") return isCharge(risenWh) ? take("idle", { carWh: before.carWh + risenWh }) : ignore();

  if (phase === "charging" && isAbove) return take("charging", { chargingS: chargedS });
  if (phase === "charging") return take(isOver ? "idle" : "falling", { chargingS: chargedS });

  // nobody saw when a car came back after a long pause: what it took belongs to what was there before
  if (isOver) return isCharge(wh) ? take("idle") : ignore();
  if (isAbove) return take("charging", { chargingS: chargedS });
  return take(hasLasted(settings.endAfterS) ? "idle" : "falling");
}

/** How much of the time since the reading before was charging, ms. */
function chargedMs({ phase, last: before }: MeteredPlugState, flow: Flow, isAbove: boolean): number {
  const { spanMs, meanMs, last } = flow;
  if (flow.isUnseen && !isShort(flow)) return chargedUnseenMs(flow, Math.max(before?.powerW ?? 0, last.powerW));
  if (meanMs > 0) return isAbove ? Math.min(meanMs, spanMs) : 0;
  return phase === "rising" || phase === "charging" ? spanMs : 0;
}

/** A restart takes no longer. */
const isShort = ({ spanMs }: Flow): boolean => spanMs < 60_000;

const chargedUnseenMs = ({ isCounted, wh, spanMs }: Flow, powerW: number): number =>
  isCounted && powerW > 0 ? Math.min(spanMs, (wh / powerW) * 3_600_000) : 0;

const MEANING = {
  idle: { plugged: false, state: "unplugged" },
  rising: { plugged: null, state: "unknown" },
  charging: { plugged: true, state: "charging" },
  falling: { plugged: true, state: "paused" },
} as const;

function chargerOf(state: MeteredPlugState, meter: Meter, powerW: number | null, isCounted: boolean): Charger {
  const { phase } = state;
  const isSession = phase === "charging" || phase === "falling";
  return {
    kind: "charger",
    device: meter.device,
    at: meter.at,
    online: true,
    ...MEANING[phase],
    powerW: isSession ? powerW : 0,
    currentA: meter.currentA,
    voltageV: meter.voltageV,
    phases: 1,
    setpointA: null,
    limits: null,
    sessionWh: roundTo(COUNT_BEGINS_AT_WH + state.carWh, 3),
    totalWh: null,
    counters: { sessionResets: "never", totalGrows: null },
    sessionS: isSession ? roundTo(state.chargingS, 3) : 0,
    socPercent: null,
    rfid: null,
    faults: [],
    flags: [
      "metered",
      ...(isSession && state.isStartUnseen ? ["start-unseen"] : []),
      ...(isSession && !isCounted ? ["integrated"] : []),
      ...meter.flags,
    ],
  };
}
