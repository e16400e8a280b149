import type { EnergySource, SessionFlag } from "../../model/session.ts";

/*
 * What the session detector remembers: plain JSON, without NaN or undefined, so that it can be stored and taken up again
 * at any step. All instants are on the detector's own time line (`time-line.ts`), milliseconds; energies are Wh.
 */

export const DETECTOR_STATE_VERSION = 1;

/** The detector's own time: runs with the monotonic clock, goes on over restarts, never jumps. */
export interface TimeLine {
  readonly lineMs: number;
  /** wall clock = line + this */
  readonly offsetMs: number;
  /** of the last event */
  readonly monotonicMs: number;
  /** the program came back with a clock that had lost the time */
  readonly isWallLost: boolean;
}

/** A jump that nobody believes yet. */
export interface HeldJump {
  readonly wh: number;
  readonly atMs: number;
  readonly flowMs: number;
}

/** One counter of the device by the accumulator rule. */
export interface Counter {
  /** raw value last believed */
  readonly lastWh: number;
  readonly seenMs: number;
  /** flow time when the value last changed */
  readonly movedFlowMs: number;
  /** all that it ever counted plausibly; only grows */
  readonly sumWh: number;
  readonly held: HeldJump | null;
  /** a car has come or gone: the next fall begins a new count */
  readonly mayRestart: boolean;
}

/** Sums at one moment; null = that counter was not known then. */
export interface Marks {
  readonly session: number | null;
  readonly total: number | null;
  readonly integrated: number;
}

/** What the last live reading said, as far as the next one is compared with it. */
export interface Seen {
  readonly atMs: number;
  readonly plugged: boolean | null;
  readonly isFlowing: boolean;
  /** + into the car, W */
  readonly powerW: number | null;
  readonly sessionS: number | null;
  readonly uptimeS: number | null;
}

export type Activity = "charging" | "discharging" | "idle";

/** A value that counts once it has lasted. */
export interface Pending<Value> {
  readonly value: Value;
  readonly sinceMs: number;
  readonly settleMs: number;
  /** for the end of a segment */
  readonly reason: string;
}

export interface OpenSegment {
  startMs: number;
  endMs: number | null;
  /** without the stretch that is still going on */
  chargingMs: number;
  /** charging since; null = not charging at the moment */
  chargingFromMs: number | null;
  energyWh: number;
  dischargedWh: number;
  endReason: string | null;
}

/** Energy of a session whose true amount is only known at its end. */
export interface ProfileSlice {
  readonly fromMs: number;
  readonly toMs: number;
  readonly wh: number;
}

/** Counters that went back, or jumped. */
export interface Troubled {
  readonly session: boolean;
  readonly total: boolean;
}

export const UNTROUBLED: Troubled = { session: false, total: false };

export interface OpenSession {
  id: string;
  firmware: string | null;
  pluggedMs: number;
  /** the car has left, the last energy may still come */
  unpluggedMs: number | null;
  segments: OpenSegment[];
  marks: Marks;
  /** delivered before watching began */
  adoptedWh: number;
  source: EnergySource;
  energyWh: number;
  dischargedWh: number;
  /** told in `energy` findings so far */
  toldWh: number;
  toldDischargedWh: number;
  /** stretch of the energy that is not told yet */
  untoldFromMs: number | null;
  untoldToMs: number;
  toldAtMs: number;
  /** energy that flowed while no segment was known */
  looseWh: number;
  profile: ProfileSlice[];
  meterStartWh: number | null;
  meterEndWh: number | null;
  maxPowerW: number | null;
  maxCurrentA: number | null;
  maxTemperatureC: number | null;
  socStartPercent: number | null;
  socEndPercent: number | null;
  rfid: string | null;
  endReason: string | null;
  flags: SessionFlag[];
  /** a reset that is forgiven if the car turns out to have left */
  suspectedResetMs: number | null;
  /** counters that went back, or jumped, since the marks */
  troubled: Troubled;
  isResumed: boolean;
}

/** The session before, as long as late energy may still belong to it. */
export interface ClosedSession {
  readonly session: OpenSession;
  readonly closedMs: number;
}

export interface DetectorState {
  readonly version: typeof DETECTOR_STATE_VERSION;
  readonly device: string;
  readonly time: TimeLine | null;
  /** `unknown` until the first reading has settled */
  readonly phase: "unknown" | "unplugged" | "plugged";
  readonly isOnline: boolean;
  /** when the device was last expected to be there: since then it is away */
  readonly awayFromMs: number | null;
  /** the program was restarted and has heard nothing since */
  readonly isResumed: boolean;
  readonly seen: Seen | null;
  readonly pendingPlug: Pending<boolean> | null;
  readonly activity: Activity;
  readonly pendingActivity: Pending<Activity> | null;
  /** the charger could not tell whether the car was there */
  readonly isPlugDoubtful: boolean;
  /** it is no charger but a meter before the car */
  readonly isMetered: boolean;
  /** after signs of a reboot an unplugging is believed more slowly */
  readonly rebootedMs: number | null;
  /** time during which energy may have flowed, ms */
  readonly flowMs: number;
  /** since when unaccounted energy may have flowed */
  readonly flowFromMs: number;
  readonly sessionCounter: Counter | null;
  readonly totalCounter: Counter | null;
  readonly totalGrows: "continuously" | "at-unplug" | null;
  readonly sessionResets: "at-unplug" | "at-plug" | "never" | null;
  readonly integratedWh: number;
  readonly integratedDischargeWh: number;
  /** newest mains voltages, V, for telling glitches */
  readonly voltagesV: readonly number[];
  /** at the last reading that was surely without a car */
  readonly unpluggedMarks: Marks;
  /** counters that have been in trouble since those marks */
  readonly unpluggedTroubled: Troubled;
  readonly unpluggedSeenMs: number | null;
  readonly session: OpenSession | null;
  readonly closed: ClosedSession | null;
}

/** A detector that has heard nothing. */
export const emptyState = (device: string): DetectorState => ({
  version: DETECTOR_STATE_VERSION,
  device,
  time: null,
  phase: "unknown",
  isOnline: false,
  awayFromMs: null,
  isResumed: false,
  seen: null,
  pendingPlug: null,
  activity: "idle",
  pendingActivity: null,
  isPlugDoubtful: false,
  isMetered: false,
  rebootedMs: null,
  flowMs: 0,
  flowFromMs: 0,
  sessionCounter: null,
  totalCounter: null,
  totalGrows: null,
  sessionResets: null,
  integratedWh: 0,
  integratedDischargeWh: 0,
  voltagesV: [],
  unpluggedMarks: { session: null, total: null, integrated: 0 },
  unpluggedTroubled: UNTROUBLED,
  unpluggedSeenMs: null,
  session: null,
  closed: null,
});
