import type { Charger, Meter } from "../../model/records.ts";

/*
 * A plug behind a meter as a charger: a car is there while it draws, and for a while after. When exactly it left nobody can
 * see; its energy is the meter's.
 */

/** Less is a lamp or the charger's own appetite, W. */
const STARTS_ABOVE_W = 60;
const STOPS_BELOW_W = 30;
/** A car that draws nothing for so long has left, or might as well have, ms. */
const LEFT_AFTER_MS = 600_000;

export interface PlugState {
  readonly isFlowing: boolean;
  /** whether a car is there; null = it has not been watched for long enough */
  readonly isPlugged: boolean | null;
  /** monotonic, of the last flow or of the beginning of watching */
  readonly idleFromMs: number;
}

/** @param before null = the first reading of this run of the program */
export function followPlug(
  before: PlugState | null,
  meter: Meter,
  monotonicMs: number,
): { readonly state: PlugState; readonly charger: Charger } {
  const state = nextState(before, meter.powerW, monotonicMs);
  const { isFlowing, isPlugged } = state;
  const charger: Charger = {
    kind: "charger",
    device: meter.device,
    at: meter.at,
    online: true,
    plugged: isPlugged,
    state: isFlowing ? "charging" : isPlugged === true ? "plugged" : isPlugged === false ? "unplugged" : "paused",
    powerW: meter.powerW,
    currentA: meter.currentA,
    voltageV: meter.voltageV,
    phases: 1,
    setpointA: null,
    limits: null,
    sessionWh: null,
    totalWh: meter.importWh,
    counters: { sessionResets: null, totalGrows: "continuously" },
    socPercent: null,
    rfid: null,
    faults: [],
    flags: ["metered"],
  };
  return { state, charger };
}

function nextState(before: PlugState | null, powerW: number | null, monotonicMs: number): PlugState {
  const wasFlowing = before?.isFlowing ?? false;
  // a meter that does not know changes nothing
  const isFlowing = powerW === null ? wasFlowing : powerW >= (wasFlowing ? STOPS_BELOW_W : STARTS_ABOVE_W);
  if (isFlowing) return { isFlowing, isPlugged: true, idleFromMs: monotonicMs };
  const idleFromMs = before?.idleFromMs ?? monotonicMs;
  const hasLeft = monotonicMs - idleFromMs >= LEFT_AFTER_MS;
  return { isFlowing, isPlugged: hasLeft ? false : (before?.isPlugged ?? null), idleFromMs };
}
