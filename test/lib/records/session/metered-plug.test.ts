import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { meterSchema } from "../../../../lib/model/records.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import type { Finding } from "../../../../lib/records/session/detected.ts";
import { defaultDetectorSettings, detect, startDetector } from "../../../../lib/records/session/detector.ts";
import { defaultMeteredPlugSettings, readMeteredPlug } from "../../../../lib/records/session/metered-plug.ts";
import { readMeteredPlugState, startMeteredPlug } from "../../../../lib/records/session/plug-state.ts";
import { expectSound } from "./expect.ts";
import { playMinutes } from "./minutes.ts";
import { finalSessions, START_MS, toldWh } from "./traces.ts";

interface Stretch {
  readonly seconds: number;
  readonly powerW: number;
}

interface Metering {
  readonly periodS?: number;
  readonly hasCounter?: boolean;
  readonly throughJson?: boolean;
}

/** Plays power into meter, metered plug and detector. */
function play(stretches: readonly Stretch[], { periodS = 30, hasCounter = true, throughJson = false }: Metering = {}) {
  const findings: Finding[] = [];
  let plug = startMeteredPlug();
  let detector = startDetector("plug");
  let importWh = 5000;
  let atS = 0;
  let ids = 0;
  for (const { seconds, powerW } of stretches)
    for (let second = 0; second < seconds; second += periodS) {
      const instant = { nowMs: START_MS + atS * 1000, monotonicMs: atS * 1000 };
      const meter = meterSchema.parse({
        kind: "meter",
        device: "plug",
        at: isoAt(instant.nowMs),
        channel: 0,
        role: "evse",
        powerW,
        ...(hasCounter ? { importWh } : {}),
      });
      if (throughJson) plug = readMeteredPlugState(JSON.parse(JSON.stringify(plug)));
      const read = readMeteredPlug(plug, meter, instant, defaultMeteredPlugSettings);
      plug = read.state;
      const event = { type: "reading", charger: read.charger, ...instant } as const;
      const step = detect(detector, event, defaultDetectorSettings, () => `session-${++ids}`);
      detector = step.state;
      findings.push(...step.findings);
      importWh += (powerW * periodS) / 3600;
      atS += periodS;
    }
  return { findings, sessions: finalSessions(findings) };
}

const idle = (seconds: number): Stretch => ({ seconds, powerW: 2 });

describe("a metered plug as a charger", () => {
  it("finds a charge from where the power rose to where it fell, by the meter's counter", () => {
    const { sessions, findings } = play([idle(600), { seconds: 3600, powerW: 2400 }, idle(1200)]);
    assert.equal(sessions.length, 1);
    const [session] = sessions;
    assert.equal(session?.pluggedAtMs, START_MS + 600_000);
    assert.equal(session?.chargeStartedAtMs, START_MS + 600_000);
    assert.equal(session?.chargeEndedAtMs, START_MS + 4_200_000);
    assert.equal(session?.chargingS, 3600);
    assert.equal(session?.energySource, "external-meter");
    assert.ok(Math.abs((session?.energyWh ?? 0) - 2400) < 1, JSON.stringify(session));
    assert.equal(toldWh(findings, "session-1").toFixed(3), session?.energyWh.toFixed(3));
    assert.deepEqual(session?.flags, []);
  });

  it("counts H2V's minutes without a counter, and not its idle 2 W", () => {
    const { sessions } = play([idle(6000), { seconds: 3600, powerW: 1200 }, idle(60_000)], {
      periodS: 60,
      hasCounter: false,
    });
    assert.equal(sessions.length, 1);
    assert.ok(Math.abs((sessions[0]?.energyWh ?? 0) - 1200) <= 20, JSON.stringify(sessions[0]));
    assert.deepEqual(sessions[0]?.flags, ["estimated"]);
  });

  it("passes over a peak shorter than two minutes", () => {
    assert.deepEqual(play([idle(600), { seconds: 90, powerW: 800 }, idle(1200)]).sessions, []);
  });

  it("keeps one session with two segments over a pause of less than five minutes", () => {
    const charge = { seconds: 1800, powerW: 2400 };
    const { sessions } = play([idle(600), charge, idle(240), charge, idle(1200)]);
    assert.equal(sessions.length, 1);
    assert.equal(sessions[0]?.segments.length, 2);
    assert.ok(Math.abs((sessions[0]?.energyWh ?? 0) - 2400) < 2);
    for (const session of sessions) expectSound(session);
  });

  it("makes two sessions of two charges further apart", () => {
    const charge = { seconds: 1800, powerW: 2400 };
    const { sessions } = play([idle(600), charge, idle(900), charge, idle(1200)]);
    assert.equal(sessions.length, 2);
    for (const { energyWh } of sessions) assert.ok(Math.abs(energyWh - 1200) < 2);
  });

  it("goes on from its JSON", () => {
    const stretches = [idle(600), { seconds: 1800, powerW: 2400 }, idle(900)];
    assert.deepEqual(play(stretches, { throughJson: true }), play(stretches));
    for (const rubbish of [null, 3, {}, { version: 0 }])
      assert.deepEqual(readMeteredPlugState(rubbish), startMeteredPlug());
  });

  describe("told by means of a minute", () => {
    const minutes = (count: number, powerW: number): number[] => Array<number>(count).fill(powerW);
    // 12 s of the first minute, 59 whole ones, 24 s of the last
    const charge = [240, ...minutes(59, 1200), 480];
    const chargeWh = (240 + 59 * 1200 + 480) / 60;
    const evening = [...minutes(10, 0), ...charge, ...minutes(20, 0)];

    it("counts each minute at its mean, the first and the last of a charge too", () => {
      const sessions = finalSessions(playMinutes(evening).findings);
      assert.equal(sessions.length, 1);
      const [session] = sessions;
      assert.equal(session?.energyWh, chargeWh);
      assert.equal(session?.pluggedAtMs, START_MS + 10 * 60_000);
      // a minute below the threshold is known at its end
      assert.ok((session?.chargingS ?? 0) <= 62 * 60, JSON.stringify(session));
    });

    it("counts each minute once, however irregularly it comes, and however often", () => {
      const irregular = { delayMs: (minute: number) => [0, 55_000, 3000, 31_000][minute % 4] ?? 0 };
      for (const how of [irregular, { copies: 3 }, { ...irregular, copies: 2 }])
        assert.deepEqual(
          finalSessions(playMinutes(evening, how).findings).map(({ energyWh }) => energyWh),
          [chargeWh],
        );
    });

    it("fills a few minutes that are missing, and leaves out what nobody knows", () => {
      const gap = (count: number): (number | null)[] =>
        evening.map((powerW, minute) => (minute >= 30 && minute < 30 + count ? null : powerW));
      const energyOf = (count: number): number | undefined =>
        finalSessions(playMinutes(gap(count)).findings)[0]?.energyWh;
      assert.equal(energyOf(3), chargeWh);
      assert.equal(energyOf(20), chargeWh - 20 * 20);
    });
  });
});
