import { roundTo, secondsToMs } from "../../model/units.ts";
import { takenWh } from "./energy.ts";
import { closeSession } from "./sessions.ts";
import type { DetectorState, Marks } from "./state.ts";
import { copySession, flagSession, now, type Step } from "./step.ts";
import { tell } from "./telling.ts";

/* Energy that arrives when the car has left: waited for, and told as a correction when it comes later still. */

/** Default wait, s; and where the total jumps at unplug, which such a device tells up to 42 s later. */
const GRACE_S = 15;
const LATE_GRACE_S = 60;
/** Later than that, and less than that, is the meter's own consumption: ms, Wh. */
const CORRECTION_MS = 900_000;
const CORRECTION_WH = 5;

/** How long the last energy is waited for, ms. */
export function graceMs(state: DetectorState, graceS: number | null): number {
  return secondsToMs(graceS ?? (state.totalGrows === "at-unplug" ? LATE_GRACE_S : GRACE_S));
}

/** The wait is over: the session is final. A device that is away is waited for. */
export function closeUnplugged(step: Step): void {
  const { draft, settings } = step;
  const { session } = draft;
  if (session === null || session.unpluggedMs === null || !draft.isOnline) return;
  if (now(step) - session.unpluggedMs < graceMs(draft, settings.graceS)) return;
  const isSwapped = draft.pendingPlug?.value === true;
  closeSession(step, session, {
    reason: session.flags.includes("end-uncertain") ? "unknown" : "unplugged",
    ...(isSwapped ? { until: draft.unpluggedMarks } : {}),
  });
}

/**
 * Energy that belongs to the session before, told as a new revision.
 *
 * @param until sums, without what belongs to a car that has come since
 */
export function correctClosed(step: Step, until: Marks): void {
  const { draft } = step;
  const { closed } = draft;
  if (closed === null) return;
  // where the counter jumps after the unplugging, the first jump is that session's, whenever it comes
  const isInTime = draft.totalGrows === "at-unplug" || now(step) - closed.closedMs <= CORRECTION_MS;
  if (!isInTime) return;
  const lateWh = roundTo(takenWh(draft, closed.session, until) - closed.session.energyWh, 3);
  if (lateWh < CORRECTION_WH) return;
  const session = copySession(closed.session);
  session.energyWh = roundTo(session.energyWh + lateWh, 3);
  session.untoldFromMs ??= session.segments.at(-1)?.startMs ?? session.pluggedMs;
  session.untoldToMs = session.unpluggedMs ?? now(step);
  session.meterEndWh = draft.totalCounter?.lastWh ?? session.meterEndWh;
  const segment = session.segments.at(-1);
  if (segment !== undefined) segment.energyWh = roundTo(segment.energyWh + lateWh, 3);
  else
    session.segments.push({
      startMs: session.pluggedMs,
      endMs: session.unpluggedMs ?? session.pluggedMs,
      chargingMs: 0,
      chargingFromMs: null,
      energyWh: lateWh,
      dischargedWh: 0,
      endReason: "unknown",
    });
  flagSession(step, session, "corrected");
  tell(step, session, "corrected");
  draft.closed = { session, closedMs: closed.closedMs };
  draft.unpluggedMarks = until;
}
