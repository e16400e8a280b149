/*
 * Starting and stopping while the car follows the house. A change of current is followed at once; only leaving 0 A and
 * returning to 0 A wait, so that a cloud or a kettle does not switch the car (fact sheet best-systems 2).
 */

export const followPhases = ["ready", "rest", "starting", "running", "stopping"] as const;
export type FollowPhase = (typeof followPhases)[number];

/**
 * `wanted` current in the direction of this phase; `other-way` current in the opposite one; `unwanted` none; `delay-over`
 * the start or stop delay has run out; `reset` another mode, another car, or the meter was lost.
 */
export const followSignals = ["wanted", "other-way", "unwanted", "delay-over", "reset"] as const;
export type FollowSignal = (typeof followSignals)[number];

/** `running` follows, `stopping` holds the minimum, the others rest at 0 A. The same table stands in docs/control.md. */
export const FOLLOW_TRANSITIONS: Readonly<Record<FollowPhase, Readonly<Record<FollowSignal, FollowPhase>>>> = {
  ready: { wanted: "running", "other-way": "running", unwanted: "rest", "delay-over": "ready", reset: "ready" },
  rest: { wanted: "starting", "other-way": "starting", unwanted: "rest", "delay-over": "rest", reset: "ready" },
  starting: { wanted: "starting", "other-way": "starting", unwanted: "rest", "delay-over": "running", reset: "ready" },
  running: {
    wanted: "running",
    "other-way": "starting",
    unwanted: "stopping",
    "delay-over": "running",
    reset: "ready",
  },
  stopping: { wanted: "running", "other-way": "starting", unwanted: "stopping", "delay-over": "rest", reset: "ready" },
};

export interface FollowState {
  readonly phase: FollowPhase;
  /** 1 charge, -1 discharge, 0 none yet */
  readonly direction: 1 | -1 | 0;
  /** Monotonic, when the phase or the direction began. */
  readonly sinceMs: number;
  /** what the demand method said last, for its hysteresis, A */
  readonly levelA: number;
}

export const followReady: FollowState = { phase: "ready", direction: 0, sinceMs: 0, levelA: 0 };

export interface FollowDelays {
  readonly startDelayS: number;
  readonly stopDelayS: number;
}

/** @param wantA whole amps the demand asks for, + charge, - discharge, 0 none */
export function stepFollow(state: FollowState, wantA: number, monotonicMs: number, delays: FollowDelays): FollowState {
  const direction = wantA > 0 ? 1 : wantA < 0 ? -1 : state.direction;
  const signal: FollowSignal =
    wantA === 0 ? "unwanted" : state.direction !== 0 && direction !== state.direction ? "other-way" : "wanted";
  const moved = enter(state, FOLLOW_TRANSITIONS[state.phase][signal], direction, monotonicMs);
  return remainingS(moved, monotonicMs, delays) > 0
    ? moved
    : enter(moved, FOLLOW_TRANSITIONS[moved.phase]["delay-over"], direction, monotonicMs);
}

/** Seconds that the present phase still waits; 0 where it does not wait. */
export function remainingS(state: FollowState, monotonicMs: number, delays: FollowDelays): number {
  const delayS = state.phase === "starting" ? delays.startDelayS : state.phase === "stopping" ? delays.stopDelayS : 0;
  return Math.max(0, delayS - (monotonicMs - state.sinceMs) / 1000);
}

function enter(
  state: FollowState,
  phase: FollowPhase,
  direction: FollowState["direction"],
  monotonicMs: number,
): FollowState {
  if (phase === state.phase && direction === state.direction) return state;
  return { ...state, phase, direction, sinceMs: monotonicMs };
}
