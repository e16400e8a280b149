import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { sessionFlags } from "../../../../lib/model/session.ts";
import { roundTo } from "../../../../lib/model/units.ts";
import type { DetectorEvent, Finding } from "../../../../lib/records/session/detected.ts";
import {
  defaultDetectorSettings,
  detect,
  readDetectorState,
  startDetector,
} from "../../../../lib/records/session/detector.ts";
import type { DetectorState } from "../../../../lib/records/session/state.ts";
import { chargerOf, finalSessions, play, START_MS, toldWh } from "./traces.ts";

const CHARGE = [
  "0 state=1 vehicle=0 session_energy=0 total=100",
  "60 state=3 vehicle=1",
  "660 state=1 vehicle=0 session_energy=1000 total=101",
  "660.1 session_energy=0",
];

/** Events without the harness's own clock. */
function take(events: readonly DetectorEvent[], from: DetectorState = startDetector("openevse")) {
  const findings: Finding[] = [];
  let state = from;
  let ids = 0;
  for (const event of events) {
    const step = detect(state, event, defaultDetectorSettings, () => `session-${++ids}`);
    state = step.state;
    findings.push(...step.findings);
  }
  return { state, findings, sessions: finalSessions(findings) };
}

const reading = (
  atS: number,
  words: string,
  nowMs = START_MS + atS * 1000,
  monotonicMs = atS * 1000,
): DetectorEvent => {
  const pairs = Object.fromEntries(words.split(" ").map((pair) => pair.split("=")));
  return { type: "reading", charger: chargerOf(pairs, "5.x", nowMs), nowMs, monotonicMs };
};

describe("the session detector", () => {
  it("28: ends a session when the car left, not when that was found out", () => {
    const [session] = play(CHARGE).findings.flatMap((finding) => (finding.type === "closed" ? [finding.session] : []));
    assert.equal(session?.unpluggedAtMs, START_MS + 660_000);
  });

  it("28: gives the same findings for the same events, so that a replay writes the same rows", () => {
    assert.deepEqual(play(CHARGE), play(CHARGE));
  });

  it("31: keeps two chargers apart, and their states too", () => {
    assert.equal(readDetectorState(startDetector("left"), "right"), null);
    assert.equal(startDetector("left").device, "left");
  });

  it("takes up no state of another version, and no rubbish", () => {
    const state = startDetector("openevse");
    assert.deepEqual(readDetectorState(JSON.parse(JSON.stringify(state)), "openevse"), state);
    for (const rubbish of [null, 7, "x", [], {}, { ...state, version: 0 }])
      assert.equal(readDetectorState(rubbish, "openevse"), null);
  });

  it("writes nothing into the state or the events it is given", () => {
    const freeze = <T>(value: T): T => {
      if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
      return value;
    };
    let state = freeze(startDetector("openevse"));
    for (const [atS, words] of [
      [0, "state=1 vehicle=0 session_energy=0 total=100"],
      [60, "state=3 vehicle=1 session_energy=0 total=100"],
      [90, "state=3 vehicle=1 session_energy=50 total=100.05"],
      [120, "state=254 vehicle=1 session_energy=80 total=100.08"],
      [180, "state=3 vehicle=1 session_energy=80 total=100.08 rfid=04"],
      [240, "state=1 vehicle=0 session_energy=0 total=100.2"],
      [300, "state=1 vehicle=0 session_energy=0 total=100.3"],
    ] as const)
      state = freeze(detect(state, freeze(reading(atS, words)), defaultDetectorSettings, () => "id").state);
    assert.equal(state.session, null);
  });

  it("27: makes up for the time it was away when a host without a clock has learnt the time", () => {
    const before = take([
      reading(0, "state=1 vehicle=0 session_energy=0 total=100"),
      reading(60, "state=3 vehicle=1 session_energy=0 total=100"),
      reading(90, "state=3 vehicle=1 session_energy=50 total=100.05"),
    ]);
    const charging = "state=3 vehicle=1 session_energy=400 total=100.4";
    const after = take(
      [
        { type: "resumed", nowMs: 10_000, monotonicMs: 0 },
        reading(0, charging, 20_000, 10_000),
        reading(0, charging, START_MS + 300_000, 20_000),
        reading(0, "state=1 vehicle=0 session_energy=0 total=100.9", START_MS + 660_000, 380_000),
        reading(0, "state=1 vehicle=0 session_energy=0 total=100.9", START_MS + 690_000, 410_000),
      ],
      before.state,
    );
    const [session] = after.sessions;
    assert.equal(session?.pluggedAtMs, START_MS + 60_000);
    assert.equal(session?.unpluggedAtMs, START_MS + 660_000);
    assert.equal(session?.pluggedS, 600);
    assert.equal(session?.energyWh, 900);
    assert.ok(session?.flags.includes("clock-adjusted"));
  });

  it("tells an open session at most once a minute while nothing but its energy changes", () => {
    const lines = Array.from(
      { length: 600 },
      (_, second) => `${70 + second} session_energy=${second} total=${100 + second / 1000}`,
    );
    const { findings } = play(["0 state=1 vehicle=0 session_energy=0 total=100", "60 state=3 vehicle=1", ...lines]);
    const updates = findings.filter(({ type }) => type === "updated").length;
    assert.ok(updates >= 9 && updates <= 15, String(updates));
  });

  it("goes on for months of flapping without a state that grows without end", function () {
    // tens of thousands of steps: some seconds of work, on a busy machine many
    this.timeout(60_000);
    const lines = Array.from({ length: 4000 }, (_, at) => `${100 + at * 10} state=${at % 2 === 0 ? 3 : 254}`);
    const { state } = play(["0 state=1 vehicle=0 session_energy=0 total=100", "60 state=2 vehicle=1", ...lines]);
    assert.ok((state.session?.segments.length ?? 0) <= 1000);
  });

  it("goes on for months of flapping without a profile of the estimate that grows without end", function () {
    // tens of thousands of steps: some seconds of work, on a busy machine many
    this.timeout(60_000);
    const lines = Array.from({ length: 9000 }, (_, at) => `${100 + at * 10} state=${at % 3 === 0 ? 3 : 254} amp=10000`);
    const { state, findings } = play(
      ["0 state=1 wh=1000000 voltage=240 amp=0", "60 state=2", ...lines, "91000 state=1 amp=0", "91040 wh=1030000"],
      { firmware: "2.9.1" },
    );
    assert.equal(state.session, null);
    const told = findings.filter(({ type }) => type === "energy");
    assert.ok(told.length > 100 && told.length <= 2001, String(told.length));
    const [session] = finalSessions(findings);
    assert.equal(session?.energyWh, 30_000);
    assert.equal(roundTo(toldWh(findings, "session-1"), 3), 30_000);
  });

  it("tells the energy of a gap for the time in which it flowed, by the charger's own count", () => {
    const { findings } = play([
      "0 state=1 vehicle=0 session_energy=0 total=100 session_elapsed=0",
      "60 state=3 vehicle=1",
      "660 session_energy=1000 total=101 session_elapsed=600",
      "661 announce=disconnected silent=1",
      "30000 announce=connected state=2 session_energy=2000 total=102 session_elapsed=1200",
    ]);
    const gap = findings.findLast((finding) => finding.type === "energy");
    assert.ok(gap?.type === "energy");
    assert.equal(gap.energyWh, 1000);
    assert.equal(gap.fromMs, START_MS + 660_000);
    assert.equal(gap.toMs, START_MS + 1_260_000);
  });

  it("counts from the first moment what a counter shows that is only there while a car is", () => {
    const { sessions } = take([
      reading(0, "state=1 vehicle=0"),
      reading(10, "state=1 vehicle=0"),
      ...Array.from({ length: 100 }, (_, s) => reading(60 + s, `state=3 vehicle=1 session_energy=${s * 2}`)),
      ...Array.from({ length: 60 }, (_, s) => reading(160 + s, "state=1 vehicle=0")),
    ]);
    assert.deepEqual(
      sessions.map(({ energyWh }) => energyWh),
      [198],
    );
  });

  it("is described with every flag it can set", () => {
    const page = readFileSync(new URL("../../../../docs/sessions.md", import.meta.url), "utf8");
    for (const flag of sessionFlags) assert.ok(page.includes(`| \`${flag}\` |`), `docs/sessions.md lacks ${flag}`);
    for (let edge = 1; edge <= 38; edge++)
      assert.ok(page.includes(`| ${edge} |`), `docs/sessions.md lacks case ${edge}`);
  });
});
