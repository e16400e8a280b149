import type { Command } from "../../model/commands.ts";
import type { Charger, Meter, Plan } from "../../model/records.ts";
import { type Choices, noChoices } from "./choice.ts";
import { type AlarmCode, because, type ControlReason } from "./codes.ts";
import { followReady, type FollowState } from "./follow.ts";
import { noCap, type SlowCap } from "./slow-cap.ts";
import { type Inputs, noInputs } from "./inputs.ts";
import type { Order } from "./pairing.ts";
import type { PreparedPlan, TimedAdvice } from "./smart.ts";
import { noLatches, type SocLatches } from "./soc.ts";

/** Both clocks at the moment of an event: the wall clock for plans and end times, the monotonic one for everything else. */
export interface Timing {
  /** Milliseconds since 1970 UTC; may jump. */
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** What can happen to a controller. */
export type ControlEvent = Timing &
  (
    | { readonly type: "meter"; readonly reading: Meter }
    | { readonly type: "charger"; readonly reading: Charger }
    | { readonly type: "plan"; readonly plan: Plan }
    /** rules for mode `smart`; null takes them away */
    | { readonly type: "advice"; readonly advice: TimedAdvice | null }
    | { readonly type: "command"; readonly command: Command }
    /** the site's share of the main fuse for this charger, A; null = not guarded by a site */
    | { readonly type: "headroom"; readonly availableA: number | null }
    /** once a second */
    | { readonly type: "tick" }
  );

/** What the shell has to do. */
export type ControlAction =
  /** to the charger, as it is */
  | { readonly type: "send"; readonly command: Command }
  | {
      readonly type: "alarm";
      readonly code: AlarmCode;
      readonly raised: boolean;
      readonly params: Readonly<Record<string, string | number>>;
    }
  /** `describe` has something new to say */
  | { readonly type: "report" };

export interface RaisedAlarm {
  readonly params: Readonly<Record<string, string | number>>;
  /** Wall clock. */
  readonly sinceMs: number;
}

/** What the last event led to. */
export interface Outcome {
  /** Whole amps, + charge, - discharge; null = hands off. */
  readonly targetA: number | null;
  readonly reason: ControlReason;
  readonly safeState: boolean;
  /** What would be charged if the main fuse had room for everything, A. */
  readonly beforeFuseA: number;
}

/** Everything a controller remembers. Plain data: equal states decide alike. */
export interface ControlState {
  readonly choices: Choices;
  readonly inputs: Inputs;
  readonly plan: PreparedPlan | null;
  readonly advice: TimedAdvice | null;
  readonly latches: SocLatches;
  readonly follow: FollowState;
  readonly headroomA: number | null;
  readonly fuseCap: SlowCap;
  readonly headroomCap: SlowCap;
  readonly exportCap: SlowCap;
  readonly outcome: Outcome;
  /** Monotonic time of the first event; NaN = none yet. */
  readonly startedMs: number;
  /** The last set point sent, and when (monotonic); null = none since start or release. */
  readonly sent: Order | null;
  readonly alarms: Readonly<Partial<Record<AlarmCode, RaisedAlarm>>>;
  /** Troubles that are not yet old enough to be an alarm, by the monotonic time of their start. */
  readonly troubles: Readonly<Partial<Record<AlarmCode, number>>>;
  /** What the last report said, to tell whether there is something new. */
  readonly reported: string;
}

/** A controller that has heard nothing and does nothing. */
export const createControlState = (): ControlState => ({
  choices: noChoices,
  inputs: noInputs,
  plan: null,
  advice: null,
  latches: noLatches,
  follow: followReady,
  headroomA: null,
  fuseCap: noCap,
  headroomCap: noCap,
  exportCap: noCap,
  outcome: { targetA: null, reason: because("hands-off"), safeState: false, beforeFuseA: 0 },
  startedMs: Number.NaN,
  sent: null,
  alarms: {},
  troubles: {},
  reported: "",
});
