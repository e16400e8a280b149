import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { LinkEvents } from "../../../../lib/devices/openevse/link.ts";
import {
  afterAnnouncement,
  afterReading,
  isOurs,
  isPresent,
  NOBODY,
} from "../../../../lib/devices/openevse/presence.ts";
import { createSettling } from "../../../../lib/devices/openevse/settling.ts";
import { createSnapshot, foresee, hear, stateNow, temperatureOf } from "../../../../lib/devices/openevse/snapshot.ts";
import { routeMessage, topicFilters } from "../../../../lib/devices/openevse/topics.ts";
import { createManualClock } from "../../../../lib/model/clock.ts";

describe("openevse: what was heard", () => {
  it("shows a state of 0 only when it lasts", () => {
    const snapshot = createSnapshot();
    hear(snapshot, "state", "3", false, 0);
    hear(snapshot, "state", "0", false, 1000);
    assert.equal(stateNow(snapshot, 10_999), 3);
    assert.equal(stateNow(snapshot, 11_000), 0);
    hear(snapshot, "state", "2", false, 12_000);
    assert.equal(stateNow(snapshot, 60_000), 2);
  });

  it("foresees a change of state and a counter that falls, but not a measurement", () => {
    const snapshot = createSnapshot();
    for (const [key, raw] of Object.entries({ state: 3, session_energy: 100, amp: 16_000, vehicle: 1 })) {
      hear(snapshot, key, raw, false, 0);
    }
    assert.equal(foresee(snapshot, "state", "1"), true);
    assert.equal(foresee(snapshot, "session_energy", "0"), true);
    assert.equal(foresee(snapshot, "session_energy", "101"), false);
    assert.equal(foresee(snapshot, "amp", "0"), false);
    assert.equal(foresee(snapshot, "state", "NaN"), false);
  });

  it("forgets a sensor that is gone and keeps the last good value of everything else", () => {
    const snapshot = createSnapshot();
    hear(snapshot, "temp", "352", false, 0);
    hear(snapshot, "amp", "8000", false, 0);
    assert.equal(temperatureOf(snapshot), 35.2);
    hear(snapshot, "temp", "false", false, 0);
    hear(snapshot, "amp", "rubbish", false, 0);
    assert.equal(temperatureOf(snapshot), null);
    assert.equal(snapshot.numbers.amp, 8000);
  });

  it("tells both shapes of the topic limit apart", () => {
    const snapshot = createSnapshot();
    hear(snapshot, "limit", '{"type":"energy","value":5000,"auto_release":true}', false, 0);
    hear(snapshot, "limit", "true", false, 0);
    assert.equal(snapshot.documents.limit?.value, 5000);
    hear(snapshot, "limit", "false", false, 0);
    assert.equal(snapshot.documents.limit, null);
  });

  it("does not grow with keys that nobody knows", () => {
    const snapshot = createSnapshot();
    for (let index = 0; index < 1000; index++) assert.equal(hear(snapshot, `key${index}`, "1", false, 0), "unknown");
    assert.equal(snapshot.keys.size + Object.keys(snapshot.numbers).length, 0);
  });
});

describe("openevse: bursts", () => {
  function bench() {
    const clock = createManualClock(0);
    const saidAtMs: number[] = [];
    return { clock, saidAtMs, settling: createSettling(clock, () => saidAtMs.push(clock.monotonicMs())) };
  }

  it("become one record", () => {
    const { clock, saidAtMs, settling } = bench();
    for (let key = 0; key < 12; key++) {
      settling.touch(key < 2);
      clock.advance(40);
    }
    clock.advance(10_000);
    assert.equal(saidAtMs.length, 1);
    assert.ok((saidAtMs[0] ?? 0) <= 2000);
  });

  it("are not cut in half when measurements came just before", () => {
    const { clock, saidAtMs, settling } = bench();
    settling.touch(false);
    clock.advance(1100);
    settling.touch(true);
    clock.advance(900);
    settling.touch(false);
    assert.deepEqual(saidAtMs, []);
    clock.advance(1000);
    assert.deepEqual(saidAtMs, [2100]);
  });

  it("come after what was measured before them", () => {
    const { clock, saidAtMs, settling } = bench();
    settling.touch(false);
    clock.advance(300);
    settling.flush();
    settling.touch(true);
    settling.flush();
    clock.advance(5000);
    assert.deepEqual(saidAtMs, [300, 1500]);
  });

  it("end, though somebody changes the state for ever, and few records come of it", () => {
    const { clock, saidAtMs, settling } = bench();
    for (let round = 0; round < 10_000; round++) {
      settling.flush();
      settling.touch(true);
      clock.advance(1);
    }
    assert.ok(saidAtMs.length >= 2 && saidAtMs.length <= 4, String(saidAtMs));
  });
});

describe("openevse: there or not", () => {
  const SILENCE_MS = 95_000;
  it("is there while it speaks, and gone after silence", () => {
    const presence = afterReading(NOBODY, 0);
    assert.equal(isPresent(presence, SILENCE_MS, 94_999), true);
    assert.equal(isPresent(presence, SILENCE_MS, 95_000), false);
  });
  it("is gone at once with its last will, and back with its next word", () => {
    const gone = afterAnnouncement(afterReading(NOBODY, 0), false, false, 10);
    assert.equal(isPresent(gone, SILENCE_MS, 11), false);
    assert.equal(isPresent(afterReading(gone, 20), SILENCE_MS, 21), true);
  });
  it("is believed for a while when the broker has kept that it came", () => {
    const presence = afterAnnouncement(NOBODY, true, true, 0);
    assert.equal(isPresent(presence, SILENCE_MS, 1), true);
    assert.equal(isPresent(presence, SILENCE_MS, 95_001), false);
  });
  it("is not known before anything was said", () => assert.equal(isPresent(NOBODY, SILENCE_MS, 0), false));

  it("knows its own announcements: by topic, and the last will by id or name", () => {
    const here = { state: "connected", id: "AABB", name: "openevse-7b2c", mqtt: "home/car" } as const;
    const will = { state: "disconnected", id: "aabb", name: "openevse-7b2c" } as const;
    assert.equal(isOurs(here, "home/car", null, null), true);
    assert.equal(isOurs(here, "openevse-7b2c", null, null), false);
    assert.equal(isOurs(will, "home/car", "AABB", null), true);
    assert.equal(isOurs(will, "home/car", null, "AABB"), true);
    assert.equal(isOurs(will, "home/car", "CCDD", null), false);
    assert.equal(isOurs(will, "home/car", null, null), false);
    assert.equal(isOurs(will, "openevse-7b2c", null, null), true);
  });
});

describe("openevse: topics", () => {
  const TOPICS = { baseTopic: "openevse", announceTopic: "openevse/announce/#" };
  function route(topic: string, payload: unknown, isRetained = false): string[] {
    const told: string[] = [];
    const events: LinkEvents = {
      heard: (key, raw, kept) => told.push(`heard ${key} ${String(raw)} ${kept}`),
      announced: ({ state, id }) => told.push(`announced ${state} ${id}`),
      presence: (isConnected) => told.push(`presence ${isConnected}`),
      up() {},
      down() {},
    };
    routeMessage(TOPICS, { topic, payload, isRetained }, events, (answer) => told.push(`rapi ${answer}`));
    return told;
  }

  it("subscribes to nothing deeper than needed", () => {
    assert.deepEqual(topicFilters(TOPICS), ["openevse", "openevse/+", "openevse/rapi/out", "openevse/announce/#"]);
  });
  it("hands each message to whom it concerns", () => {
    assert.deepEqual(route("openevse/state", Buffer.from("3"), true), ["heard state 3 true"]);
    assert.deepEqual(route("openevse", "connected"), ["presence true"]);
    assert.deepEqual(route("openevse", "disconnected"), ["presence false"]);
    assert.deepEqual(route("openevse/rapi/out", " $OK^20\r"), ["rapi $OK^20"]);
    assert.deepEqual(route("openevse/announce/7b2c", '{"state":"connected","id":"x"}'), ["announced connected x"]);
  });
  it("leaves out commands, strangers, retained answers and what is far too long", () => {
    for (const [topic, payload] of [
      ["openevse/override/set", "clear"],
      ["openevse/rapi/in/$FE", ""],
      ["openevse2/state", "3"],
      ["other", "3"],
      ["openevse", "hello"],
      ["openevse/announce/7b2c", "nonsense"],
      ["openevse/state", "3".repeat(70_000)],
      ["openevse/state", Buffer.alloc(70_000)],
      ["openevse/state", undefined],
    ] as const) {
      assert.deepEqual(route(topic, payload), [], topic);
    }
    assert.deepEqual(route("openevse/rapi/out", "$OK", true), []);
  });

  it("hears readings also when the announcements are looked for above or at the base topic", () => {
    for (const [announceTopic, baseTopic] of [
      ["openevse/#", "openevse/garage"],
      ["openevse/#", "openevse"],
      ["openevse/+", "openevse"],
      ["openevse/garage/+", "openevse/garage"],
    ] as const) {
      const told: string[] = [];
      const events: LinkEvents = {
        heard: (key, raw) => told.push(`${key}=${String(raw)}`),
        announced: ({ id }) => told.push(`announced ${id}`),
        presence: (isConnected) => told.push(isConnected ? "here" : "gone"),
        up() {},
        down() {},
      };
      for (const [topic, payload] of [
        [`${baseTopic}/state`, "3"],
        [`${baseTopic}/rapi/out`, "$OK"],
        [baseTopic, "connected"],
        [announceTopic.replace(/[#+]$/, "7b2c"), '{"state":"connected","id":"9c"}'],
      ] as const) {
        routeMessage({ baseTopic, announceTopic }, { topic, payload, isRetained: false }, events, (answer) =>
          told.push(`rapi ${answer}`),
        );
      }
      assert.deepEqual(told, ["state=3", "rapi $OK", "here", "announced 9c"], `${announceTopic} and ${baseTopic}`);
    }
  });
});
