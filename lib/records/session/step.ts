import type { DetectorSettings, Finding } from "./detected.ts";
import {
  type DetectorState,
  type Marks,
  type OpenSegment,
  type OpenSession,
  type TimeLine,
  UNTROUBLED,
} from "./state.ts";
import type { SessionFlag } from "../../model/session.ts";

/* One step of the detector while it is being made: a copy of the state that may be written, and what has been found. */

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface Step {
  readonly draft: Writable<DetectorState> & { time: TimeLine };
  readonly settings: DetectorSettings;
  readonly newId: () => string;
  readonly findings: Finding[];
  /** sessions of which something worth telling has changed */
  readonly changed: Set<OpenSession>;
}

/** A step over `state`; nothing of `state` is written to. */
export function beginStep(state: DetectorState, time: TimeLine, settings: DetectorSettings, newId: () => string): Step {
  const session = state.session === null ? null : copySession(state.session);
  return { draft: { ...state, time, session }, settings, newId, findings: [], changed: new Set() };
}

/** So much of a session is copied that writing to it leaves the original alone. */
export function copySession(session: OpenSession): OpenSession {
  const segments = session.segments.slice();
  const last = segments.at(-1);
  if (last !== undefined) segments[segments.length - 1] = { ...last };
  return { ...session, segments, flags: session.flags.slice() };
}

export const now = ({ draft }: Step): number => draft.time.lineMs;

/** Sums of all counters as they are. */
export const marksOf = ({ sessionCounter, totalCounter, integratedWh }: DetectorState): Marks => ({
  session: sessionCounter?.sumWh ?? null,
  total: totalCounter?.sumWh ?? null,
  integrated: integratedWh,
});

/** The next session begins with the sums as they are. */
export function markUnplugged({ draft }: Step): void {
  draft.unpluggedMarks = marksOf(draft);
  draft.unpluggedTroubled = UNTROUBLED;
}

/** Marks a session with something that the reader of the record must know; saying it twice says it once. */
export function flagSession(step: Step, session: OpenSession | null, flag: SessionFlag): void {
  if (session === null || session.flags.includes(flag)) return;
  session.flags.push(flag);
  step.changed.add(session);
}

/** The segment that is going on. */
export function openSegment(session: OpenSession): OpenSegment | null {
  const last = session.segments.at(-1);
  return last !== undefined && last.endMs === null ? last : null;
}
