import type { Charger, Meter } from "../../model/records.ts";
import { energyWh as energyOf, roundTo, secondsToMs } from "../../model/units.ts";
import type { Instant } from "./detected.ts";

/*
 * A meter before a car as a charger: a metered plug, a clamp on the car's circuit, H2V's car channel. It sees only power, so
 * a car that draws is plugged in, and one that has drawn nothing for a while has left. Pure; the state is plain JSON.
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

/** Instants are wall clock ms, so that they mean something after a restart. */
export interface MeteredPlugState {
  readonly version: 1;
  readonly phase: "idle" | "rising" | "charging" | "falling";
  /** since when the phase has lasted */
  readonly sinceMs: number;
  readonly last: { readonly atMs: number; readonly monotonicMs: number; readonly powerW: number | null } | null;
  /** the meter's counter where the power rose; null = it has none */
  readonly importFromWh: number | null;
  /** what the meter's counter has shown so far */
  readonly importWh: number | null;
  /** by power and time, Wh since the power rose */
  readonly integratedWh: number;
  /** time above the threshold, s */
  readonly chargingS: number;
}

export const startMeteredPlug = (): MeteredPlugState => ({
  version: 1,
  phase: "idle",
  sinceMs: 0,
  last: null,
  importFromWh: null,
  importWh: null,
  integratedWh: 0,
  chargingS: 0,
});

/** A stored state, as it was written with JSON.stringify; a fresh one when it cannot be taken up. */
export function readMeteredPlugState(saved: unknown): MeteredPlugState {
  const isState = typeof saved === "object" && saved !== null && (saved as Partial<MeteredPlugState>).version === 1;
  return isState ? { ...startMeteredPlug(), ...(saved as MeteredPlugState) } : startMeteredPlug();
}

/** Longer gaps are not filled with the last power, ms. */
const LONGEST_GAP_MS = 300_000;

/** One reading of the meter; `charger` is what it means. */
export function readMeteredPlug(
  state: MeteredPlugState,
  meter: Meter,
  instant: Instant,
  settings: MeteredPlugSettings,
): { readonly state: MeteredPlugState; readonly charger: Charger } {
  const powerW = finite(meter.powerW);
  const after = step(state, powerW, finite(meter.importWh), instant, settings);
  return { state: after, charger: chargerOf(after, meter, powerW) };
}

const finite = (value: number | null): number | null => (value !== null && Number.isFinite(value) ? value : null);

function step(
  before: MeteredPlugState,
  powerW: number | null,
  importWh: number | null,
  instant: Instant,
  settings: MeteredPlugSettings,
): MeteredPlugState {
  const { nowMs, monotonicMs } = instant;
  const spanMs = passedMs(before, instant);
  // the wall clock may have been set: lengths follow the monotonic one
  const sinceMs = before.last === null ? nowMs : before.sinceMs + nowMs - before.last.atMs - spanMs;
  const state = addFlow({ ...before, sinceMs }, powerW, spanMs);
  const last = { atMs: nowMs, monotonicMs, powerW: powerW ?? before.last?.powerW ?? null };
  const counted = { ...state, last, importWh: importWh ?? before.importWh };
  if (powerW === null) return counted;
  return nextPhase(counted, before, powerW > settings.aboveW, instant, settings);
}

/** Monotonic, or by the wall clock where the program was restarted. */
function passedMs({ last }: MeteredPlugState, { nowMs, monotonicMs }: Instant): number {
  if (last === null) return 0;
  const spanMs = monotonicMs - last.monotonicMs;
  return spanMs >= 0 ? spanMs : Math.max(0, nowMs - last.atMs);
}

function addFlow(state: MeteredPlugState, powerW: number | null, spanMs: number): MeteredPlugState {
  const { phase, last } = state;
  if (phase === "idle" || phase === "falling" || last === null) return state;
  const isGap = spanMs > LONGEST_GAP_MS;
  const meanW = ((last.powerW ?? powerW ?? 0) + (powerW ?? last.powerW ?? 0)) / 2;
  return {
    ...state,
    integratedWh: isGap ? state.integratedWh : state.integratedWh + Math.max(0, energyOf(meanW, spanMs)),
    chargingS: state.chargingS + spanMs / 1000,
  };
}

function nextPhase(
  state: MeteredPlugState,
  before: MeteredPlugState,
  isAbove: boolean,
  { nowMs }: Instant,
  { startAfterS, endAfterS }: MeteredPlugSettings,
): MeteredPlugState {
  const { phase } = state;
  const hasLasted = (seconds: number): boolean => nowMs - state.sinceMs >= secondsToMs(seconds);
  const enter = (next: MeteredPlugState["phase"]): MeteredPlugState => ({ ...state, phase: next, sinceMs: nowMs });
  if (phase === "idle" && isAbove)
    // the counter before the rise: what flowed up to now belongs to the car
    return {
      ...enter("rising"),
      importFromWh: before.importWh ?? state.importWh,
      integratedWh: 0,
      chargingS: 0,
    };
  if (phase === "rising" && !isAbove) return enter("idle");
  if (phase === "rising" && hasLasted(startAfterS)) return enter("charging");
  if (phase === "charging" && !isAbove) return enter("falling");
  if (phase === "falling" && isAbove) return enter("charging");
  if (phase === "falling" && hasLasted(endAfterS)) return enter("idle");
  return state;
}

const MEANING = {
  idle: { plugged: false, state: "unplugged" },
  rising: { plugged: null, state: "unknown" },
  charging: { plugged: true, state: "charging" },
  falling: { plugged: true, state: "paused" },
} as const;

function chargerOf(state: MeteredPlugState, meter: Meter, powerW: number | null): Charger {
  const { phase, importFromWh, importWh } = state;
  const isSession = phase === "charging" || phase === "falling";
  const countedWh = importFromWh === null || importWh === null ? null : Math.max(0, importWh - importFromWh);
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
    sessionWh: isSession ? roundTo(countedWh ?? state.integratedWh, 3) : 0,
    totalWh: null,
    counters: { sessionResets: "at-unplug", totalGrows: null },
    sessionS: isSession ? roundTo(state.chargingS, 3) : 0,
    socPercent: null,
    rfid: null,
    faults: [],
    flags: ["metered", ...(countedWh === null ? ["integrated"] : []), ...meter.flags],
  };
}
