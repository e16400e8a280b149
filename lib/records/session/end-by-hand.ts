import type { DetectorSettings, Finding, Instant } from "./detected.ts";
import { isKnownLate } from "./energy.ts";
import { beginSegment, beginSession, closeSession, endSegment } from "./sessions.ts";
import type { DetectorState, Marks, OpenSession } from "./state.ts";
import { beginStep, markUnplugged, marksOf, now, type Step } from "./step.ts";
import { passTime } from "./time-line.ts";

/**
 * A person ends the session, because the charger will not do it any more or because the bill shall be split here. A car that
 * is still there begins a new session at this instant; no energy is lost or counted twice. A device that is away ends its
 * session where it was last seen.
 *
 * @param newId makes the id of a session that begins, a UUID
 */
export function endByHand(
  state: DetectorState,
  at: Instant,
  settings: DetectorSettings,
  newId: () => string,
): { readonly state: DetectorState; readonly findings: readonly Finding[] } {
  if (state.time === null || state.session === null) return { state, findings: [] };
  const step = beginStep(state, passTime(state.time, at).time, settings, newId);
  const { draft } = step;
  const { session } = draft;
  if (session === null) return { state, findings: [] };
  if (session.unpluggedMs !== null) closeSession(step, session, { reason: "unplugged" });
  else if (draft.isOnline && draft.phase === "plugged") split(step, session);
  else endUnseen(step, session);
  return { state: draft, findings: step.findings };
}

/** The car is there: what follows is a session of its own. */
function split(step: Step, session: OpenSession): void {
  const { draft } = step;
  const atMs = now(step);
  endSegment(step, session, atMs, "closed");
  session.unpluggedMs = atMs;
  closeSession(step, session, { reason: "closed" });
  const marks = marksAfter(draft, session);
  beginSession(step, { pluggedMs: atMs, marks, adoptedWh: 0, adoptedMs: 0, adoptedUntilMs: atMs, isPartial: true });
  if (draft.session !== null && draft.activity !== "idle") {
    beginSegment(step, draft.session, atMs, draft.activity === "charging");
  }
}

/** Where the total jumps when the car has left, the estimate of the first session is a part of that jump. */
function marksAfter(draft: DetectorState, { energyWh }: OpenSession): Marks {
  const marks = marksOf(draft);
  if (!isKnownLate(draft) || marks.total === null) return marks;
  return { ...marks, total: marks.total + energyWh };
}

function endUnseen(step: Step, session: OpenSession): void {
  const { draft } = step;
  const seenMs = Math.max(session.pluggedMs, draft.seen?.atMs ?? session.pluggedMs);
  endSegment(step, session, seenMs, "offline");
  session.unpluggedMs = seenMs;
  closeSession(step, session, { reason: "closed", flags: ["end-uncertain"] });
  // if it comes back, what it has counted since belongs to what comes then
  draft.phase = "unplugged";
  markUnplugged(step);
  draft.unpluggedSeenMs = seenMs;
  draft.activity = "idle";
  draft.pendingActivity = null;
  draft.pendingPlug = null;
}
