import assert from "node:assert/strict";
import { roundTo } from "../../../../lib/model/units.ts";
import type { DetectedSegment, DetectedSession } from "../../../../lib/records/session/detected.ts";
import { finalSessions, type Firmware, type Played, toldWh } from "./traces.ts";

/** What a trace must lead to; what is not named may be anything. */
export interface Expected {
  readonly firmware?: Firmware;
  readonly sessions: readonly (Partial<Omit<DetectedSession, "segments">> & {
    readonly segments?: readonly Partial<DetectedSegment>[];
  })[];
  readonly empty?: number;
}

/** Compares sessions with what is expected, and checks what holds for every session. */
export function expectSessions({ findings }: Played, expected: Expected): void {
  const found = finalSessions(findings);
  assert.equal(found.length, expected.sessions.length, `sessions: ${JSON.stringify(found)}`);
  assert.equal(findings.filter(({ type }) => type === "empty").length, expected.empty ?? 0, "empty plug-ins");
  for (const [index, session] of found.entries()) {
    const { segments, flags, ...rest } = expected.sessions[index] ?? {};
    if (flags !== undefined) assert.deepEqual([...session.flags].sort(), [...flags].sort(), JSON.stringify(session));
    for (const [key, value] of Object.entries(rest))
      assert.deepEqual(
        session[key as keyof DetectedSession],
        value,
        `${key} of session ${index + 1}: ${JSON.stringify(session)}`,
      );
    if (segments !== undefined) expectSegments(session, segments);
    expectSound(session);
    assert.equal(roundTo(toldWh(findings, session.sessionId), 3), session.energyWh, "told energy");
  }
}

function expectSegments(session: DetectedSession, expected: readonly Partial<DetectedSegment>[]): void {
  assert.equal(session.segments.length, expected.length, `segments: ${JSON.stringify(session.segments)}`);
  for (const [index, segment] of expected.entries())
    for (const [key, value] of Object.entries(segment))
      assert.deepEqual(
        session.segments[index]?.[key as keyof DetectedSegment],
        value,
        `${key} of segment ${index + 1}`,
      );
}

/** What no session may ever break. */
export function expectSound(session: DetectedSession): void {
  const { segments, pluggedAtMs, unpluggedAtMs } = session;
  assert.ok(session.energyWh >= 0 && session.dischargedWh >= 0);
  assert.ok(unpluggedAtMs === null || unpluggedAtMs >= pluggedAtMs, "ends after its beginning");
  assert.ok(session.pausedS >= 0 && session.chargingS <= session.pluggedS + 0.01, JSON.stringify(session));
  let lastMs = pluggedAtMs;
  for (const { startMs, endMs, chargingS, energyWh } of segments) {
    assert.ok(
      startMs >= lastMs && (endMs === null || endMs >= startMs),
      `segments in order: ${JSON.stringify(session)}`,
    );
    assert.ok(energyWh >= 0 && chargingS >= 0);
    lastMs = endMs ?? startMs;
  }
  const inSegments = segments.reduce((sum, { energyWh }) => sum + energyWh, 0);
  if (unpluggedAtMs !== null) assert.equal(roundTo(inSegments, 3), session.energyWh, "segments add up");
}
