import type { Charger } from "../../model/records.ts";
import type { EnergySource, SessionFlag } from "../../model/session.ts";

/*
 * What goes into the session detector and what comes out. The detector is pure: `(state, event) -> (state, findings)`, its
 * state is plain JSON, so that it can be kept at every step and taken up again after a kill.
 */

/** Instants are wall clock milliseconds; lengths are measured on the monotonic clock. */
export interface Instant {
  readonly nowMs: number;
  /** Of this run of the program; starts anywhere after a restart. */
  readonly monotonicMs: number;
}

export type DetectorEvent =
  /** `isSnapshot`: not news but what was known before (a retained message, the first answer after a reconnect). */
  | (Instant & { readonly type: "reading"; readonly charger: Charger; readonly isSnapshot?: boolean })
  /** Time passes; due about once a second while a session is open, harmless at any other rate. */
  | (Instant & { readonly type: "tick" })
  /** First event after a restart of the program, before any reading, when a state was taken up. */
  | (Instant & { readonly type: "resumed" });

export interface DetectorSettings {
  /** Nothing can be charged faster; jumps beyond are not believed, W. */
  readonly maxPowerW: number;
  /** Time for the values of one burst to arrive before a change counts, s. */
  readonly settleS: number;
  /** Waiting for the last energy after the car has left, s; null = 15, or 60 where the total jumps at unplug. */
  readonly graceS: number | null;
  /** A device that stays away longer ends its session as `end-uncertain`, s. */
  readonly offlineCloseS: number;
  /** A pause shorter than this does not split a segment, s. */
  readonly mergeGapS: number;
}

export interface DetectedSegment {
  readonly startMs: number;
  /** null = still going on */
  readonly endMs: number | null;
  /** of charging, on the monotonic clock */
  readonly chargingS: number;
  readonly energyWh: number;
  readonly dischargedWh: number;
  readonly endReason: string | null;
}

/** A session as the readings tell it; money, people and purpose are added by the log. */
export interface DetectedSession {
  readonly sessionId: string;
  readonly device: string;
  readonly firmware: string | null;
  readonly pluggedAtMs: number;
  readonly unpluggedAtMs: number | null;
  readonly chargeStartedAtMs: number | null;
  readonly chargeEndedAtMs: number | null;
  readonly pluggedS: number;
  readonly chargingS: number;
  readonly pausedS: number;
  readonly segments: readonly DetectedSegment[];
  readonly energyWh: number;
  readonly dischargedWh: number;
  readonly energySource: EnergySource;
  readonly meterStartKwh: number | null;
  readonly meterEndKwh: number | null;
  readonly maxPowerW: number | null;
  readonly maxCurrentA: number | null;
  readonly maxTemperatureC: number | null;
  readonly socStartPercent: number | null;
  readonly socEndPercent: number | null;
  /** the first that was shown */
  readonly rfid: string | null;
  readonly endReason: string | null;
  readonly flags: readonly SessionFlag[];
}

export type Finding =
  /** The car was plugged in (or found plugged in). */
  | { readonly type: "opened"; readonly session: DetectedSession }
  /** Something that matters changed: energy, segment, tag, flag. */
  | { readonly type: "updated"; readonly session: DetectedSession }
  /** The session is over and its energy final. */
  | { readonly type: "closed"; readonly session: DetectedSession }
  /** Plugged in and left without energy: an event, not a session (edge cases 11, 37). */
  | { readonly type: "empty"; readonly session: DetectedSession }
  /** Late energy of a session that was closed before: a new revision, never a silent edit. */
  | { readonly type: "corrected"; readonly session: DetectedSession }
  /** Energy that flowed in [fromMs, toMs], for prices and the sun's share; all of a session's add up to its energy. */
  | {
      readonly type: "energy";
      readonly sessionId: string;
      readonly fromMs: number;
      readonly toMs: number;
      readonly energyWh: number;
      readonly dischargedWh: number;
    };
