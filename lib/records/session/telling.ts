import { roundTo } from "../../model/units.ts";
import type { DetectedSegment, DetectedSession, Finding } from "./detected.ts";
import { isKnownLate } from "./energy.ts";
import type { OpenSegment, OpenSession, TimeLine } from "./state.ts";
import { now, type Step } from "./step.ts";
import { wallMs } from "./time-line.ts";

/* What is told of a session, and when: wall times and lengths instead of the time line. */

/** Energy is told at least so often while it flows, ms. */
const TELL_EVERY_MS = 60_000;

const seconds = (ms: number): number => roundTo(ms / 1000, 3);
const kwh = (wh: number | null): number | null => (wh === null ? null : roundTo(wh / 1000, 6));

/** Time of charging of a segment up to `untilMs`, ms. */
export const chargedMs = ({ chargingMs, chargingFromMs }: OpenSegment, untilMs: number): number =>
  chargingMs + (chargingFromMs === null ? 0 : Math.max(0, untilMs - chargingFromMs));

/** The session as the world sees it. `untilMs` on the line: how far it is known. */
export function describeSession(
  device: string,
  time: TimeLine,
  session: OpenSession,
  untilMs: number,
): DetectedSession {
  const endMs = session.unpluggedMs ?? untilMs;
  const wall = (lineMs: number): number => wallMs(time, lineMs);
  const describeSegment = (segment: OpenSegment): DetectedSegment => ({
    startMs: wall(segment.startMs),
    endMs: segment.endMs === null ? null : wall(segment.endMs),
    chargingS: seconds(chargedMs(segment, endMs)),
    energyWh: segment.energyWh,
    dischargedWh: segment.dischargedWh,
    endReason: segment.endReason,
  });
  const first = session.segments[0];
  const last = session.segments.at(-1);
  const chargingMs = session.segments.reduce((sum, segment) => sum + chargedMs(segment, endMs), 0);
  const flowingMs = session.segments.reduce((sum, { startMs, endMs: end }) => sum + (end ?? endMs) - startMs, 0);
  const spanMs = first === undefined || last === undefined ? 0 : (last.endMs ?? endMs) - first.startMs;
  return {
    sessionId: session.id,
    device,
    firmware: session.firmware,
    pluggedAtMs: wall(session.pluggedMs),
    unpluggedAtMs: session.unpluggedMs === null ? null : wall(session.unpluggedMs),
    chargeStartedAtMs: first === undefined ? null : wall(first.startMs),
    chargeEndedAtMs: last?.endMs === undefined || last.endMs === null ? null : wall(last.endMs),
    pluggedS: seconds(endMs - session.pluggedMs),
    chargingS: seconds(chargingMs),
    pausedS: seconds(Math.max(0, spanMs - flowingMs)),
    segments: session.segments.map(describeSegment),
    energyWh: session.energyWh,
    dischargedWh: session.dischargedWh,
    energySource: session.source,
    meterStartKwh: kwh(session.meterStartWh),
    meterEndKwh: kwh(session.meterEndWh),
    maxPowerW: session.maxPowerW,
    maxCurrentA: session.maxCurrentA,
    maxTemperatureC: session.maxTemperatureC,
    socStartPercent: session.socStartPercent,
    socEndPercent: session.socEndPercent,
    rfid: session.rfid,
    endReason: session.endReason,
    flags: session.flags.slice(),
  };
}

/** Tells what has happened to a session, its energy first. */
export function tell(step: Step, session: OpenSession, type: Exclude<Finding["type"], "energy">): void {
  tellEnergy(step, session);
  const { draft, findings } = step;
  findings.push({ type, session: describeSession(draft.device, draft.time, session, now(step)) });
  step.changed.delete(session);
}

/** Tells the changes of the open session, and its energy at times. */
export function tellChanges(step: Step): void {
  const { session } = step.draft;
  if (session === null) return;
  const isDue = hasUntold(step, session) && now(step) - session.toldAtMs >= TELL_EVERY_MS;
  if (step.changed.has(session) || isDue) tell(step, session, "updated");
}

const hasUntold = ({ draft }: Step, session: OpenSession): boolean =>
  (session.energyWh > session.toldWh && !waitsForCounter(draft, session)) ||
  session.dischargedWh > session.toldDischargedWh;

/** Estimated energy is not told piece by piece: the counter may know better at the end. */
const waitsForCounter = (draft: Step["draft"], session: OpenSession): boolean =>
  isKnownLate(draft) && session.endReason === null;

function tellEnergy(step: Step, session: OpenSession): void {
  const { draft, findings } = step;
  const isWaiting = waitsForCounter(draft, session);
  if (!isWaiting) tellProfile(step, session);
  const energyWh = isWaiting ? 0 : roundTo(session.energyWh - session.toldWh, 3);
  const dischargedWh = roundTo(session.dischargedWh - session.toldDischargedWh, 3);
  session.toldAtMs = now(step);
  if (energyWh <= 0 && dischargedWh <= 0) return;
  const toMs = Math.max(session.pluggedMs, Math.min(session.untoldToMs, session.unpluggedMs ?? session.untoldToMs));
  const fromMs = Math.min(session.untoldFromMs ?? toMs, toMs);
  findings.push({
    type: "energy",
    sessionId: session.id,
    fromMs: wallMs(draft.time, fromMs),
    toMs: wallMs(draft.time, toMs),
    energyWh: Math.max(0, energyWh),
    dischargedWh: Math.max(0, dischargedWh),
  });
  session.toldWh = roundTo(session.toldWh + Math.max(0, energyWh), 3);
  session.toldDischargedWh = session.dischargedWh;
  session.untoldFromMs = null;
  draft.flowFromMs = Math.max(draft.flowFromMs, toMs);
}

/** An estimated session is told at its end, when its profile has been brought to the true amount. */
function tellProfile(step: Step, session: OpenSession): void {
  const { draft, findings } = step;
  for (const { fromMs, toMs, wh } of session.profile) {
    if (wh <= 0) continue;
    findings.push({
      type: "energy",
      sessionId: session.id,
      fromMs: wallMs(draft.time, fromMs),
      toMs: wallMs(draft.time, toMs),
      energyWh: wh,
      dischargedWh: 0,
    });
    session.toldWh = roundTo(session.toldWh + wh, 3);
  }
  session.profile = [];
}
