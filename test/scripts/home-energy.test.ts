import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import type { Charger, Control } from "../../lib/model/records.ts";
import { lastFiveMinutes, latestRecords } from "../../scripts/examples/home-energy/flow-functions.mjs";
import { saySentence } from "../../scripts/examples/home-energy/sentence.mjs";
import { carState, chooseGridLines, hear, readHouse, traceFlows } from "../../scripts/examples/home-energy/sight.mjs";
import { listen } from "../../scripts/examples/pages/ear.mjs";
import { formatAge, formatPower, formatTime } from "../../scripts/examples/pages/wording.mjs";
import words from "../../scripts/examples/locales/en-US.json" with { type: "json" };

const NOW_MS = Date.parse("2026-11-21T17:04:05.000Z");
const ago = (seconds: number): string => new Date(NOW_MS - seconds * 1000).toISOString();
/** Numbers and units hang together by a space that does not break. */
const plain = (text: string): string => text.replaceAll("\u00a0", " ");

const control = (more: Partial<Control> = {}): Control => ({
  kind: "control",
  device: "Controller",
  at: ago(0),
  mode: "solar",
  safeState: false,
  targetA: 15,
  setpointA: 15,
  gridW: -100,
  carW: 3400,
  solarW: 3900,
  houseW: 400,
  socPercent: 64,
  plugged: true,
  floorSocPercent: 25,
  ceilingSocPercent: 90,
  targetSocPercent: null,
  reason: { code: "following-sun", params: {} },
  why: "Charging from the sun: 3.5 kW to spare.",
  until: null,
  alarms: [],
  ...more,
});
const charger = (more: Partial<Charger> = {}): Charger => ({
  kind: "charger",
  device: "Quasar",
  at: ago(1),
  online: true,
  plugged: true,
  state: "charging",
  powerW: 3400,
  currentA: 15,
  voltageV: 230,
  phases: 1,
  setpointA: 15,
  limits: null,
  sessionWh: null,
  totalWh: null,
  socPercent: 64,
  rfid: null,
  faults: [],
  flags: [],
  ...more,
});
type Page = Parameters<typeof saySentence>[0];
const page = (more: Partial<Page> = {}): Page => ({
  kind: "home-energy",
  at: ago(0),
  control: control(),
  charger: charger(),
  meters: {
    grid: { powerW: -100, at: ago(1) },
    solar: { powerW: 3900, at: ago(1) },
    house: { powerW: 400, at: ago(1) },
  },
  home: null,
  refusal: null,
  ...more,
});
const say = (more: Partial<Page>): string => plain(saySentence(page(more), NOW_MS, words));

describe("the sentence of the home energy page", () => {
  it("says what, how much, how full and until when", () => {
    assert.equal(say({}), "Charging from the sun at 3.4 kW, 64 %.");
    const until = ago(-3600);
    assert.equal(
      say({ control: control({ mode: "charge", reason: { code: "charging-now", params: {} }, until }) }),
      `Charging at 3.4 kW, 64 %, until ${formatTime(until, words)}.`,
    );
  });

  it("never writes a minus before a power", () => {
    const giving = { targetA: -8, reason: { code: "powering-house", params: {} }, mode: "power-home" } as const;
    const sentence = say({ control: control(giving), charger: charger({ powerW: -1830, state: "discharging" }) });
    assert.equal(sentence, "Powering the house at 1.8 kW, 64 %.");
    fc.assert(
      fc.property(fc.double({ min: -50_000, max: 50_000, noNaN: true }), (powerW) => {
        assert.match(plain(formatPower(powerW, words)), /^\d+\.\d{1,2} kW$/);
      }),
    );
  });

  it("tells how long ago the meter was lost, and what stopped", () => {
    const meters = { grid: { powerW: 900, at: ago(40) } };
    const lost = (mode: Control["mode"], code = "meter-lost"): Control =>
      control({ mode, safeState: true, targetA: 0, reason: { code, params: { currentA: 6 } } });
    assert.equal(say({ meters, control: lost("balance") }), "Meter lost 40 s ago: discharging stopped.");
    assert.equal(say({ meters, control: lost("solar") }), "Meter lost 40 s ago: following the sun stopped.");
    assert.equal(
      say({ meters, control: lost("charge", "safe-charge") }),
      "Meter lost 40 s ago: charging goes on at the safe 6 A.",
    );
  });

  it("leaves the words to the controller while nothing flows", () => {
    const why = "Waiting for more sun: 0.30 kW to spare is too little.";
    assert.equal(say({ control: control({ targetA: 0, why }), charger: charger({ powerW: 0, state: "paused" }) }), why);
  });

  it("admits that the car has not stopped yet", () => {
    const paused = control({ mode: "pause", targetA: 0, why: "Paused, as you asked." });
    assert.equal(say({ control: paused }), "Stopping: still charging at 3.4 kW.");
    assert.equal(say({ control: control({ targetA: -10 }) }), "Changing over: still charging at 3.4 kW.");
  });
});

describe("the state that the home energy page shows", () => {
  const stateOf = (more: Partial<Page>): string => carState(page(more), NOW_MS);

  it("puts trouble before everything else", () => {
    assert.equal(stateOf({ charger: charger({ state: "fault" }) }), "fault");
    assert.equal(stateOf({ charger: charger({ online: false }) }), "offline");
    const alarms = [{ code: "charger-lost", text: "The charger does not answer.", since: ago(5) }];
    assert.equal(stateOf({ control: control({ safeState: true, alarms }) }), "offline");
    assert.equal(stateOf({ control: control({ safeState: true }) }), "safe");
    const back = { code: "meter-recovering", params: { remainingS: 4 } };
    assert.equal(stateOf({ control: control({ safeState: true, reason: back }) }), "waiting");
  });

  it("believes no power that is old", () => {
    assert.equal(stateOf({ charger: charger({ at: ago(60) }) }), "starting");
  });

  it("has a word in the locale file for each state", () => {
    for (const state of ["charging", "discharging", "unplugged", "hands-off", "turning", "stopping", "loading"]) {
      assert.ok(state in words.state, state);
    }
  });
});

describe("what the home energy page believes", () => {
  const deaf = { payload: null, receivedMs: 0, isTrusted: false };

  it("doubts an old message that the dashboard kept, until a newer one follows", () => {
    const kept = listen(deaf, page({ at: ago(3600) }), NOW_MS);
    assert.equal(hear(kept, NOW_MS, true).state, "loading");
    const next = listen(kept, page({ at: ago(3599) }), NOW_MS + 1000);
    assert.equal(hear(next, NOW_MS + 1000, true).state, "live");
  });

  it("tells ages by Node-RED's clock, also on a phone whose clock is an hour wrong", () => {
    const phoneMs = NOW_MS + 3_600_000;
    const first = listen(deaf, page({ at: ago(1) }), phoneMs - 1000);
    const ear = listen(first, page(), phoneMs);
    const { serverMs } = hear(ear, phoneMs + 3000, true);
    assert.equal(serverMs, NOW_MS + 3000);
    assert.equal(readHouse(page(), serverMs).grid.ageS, 4);
  });

  it("says so when Node-RED falls silent, and whether the network is to blame", () => {
    const ear = listen(deaf, page(), NOW_MS);
    assert.equal(hear(ear, NOW_MS + 4000, true).state, "live");
    assert.equal(hear(ear, NOW_MS + 9000, true).state, "silent");
    assert.equal(hear(ear, NOW_MS + 9000, false).state, "lost");
  });

  it("keeps an old value, marked as stale, and calls a missing one unknown", () => {
    const house = readHouse(page({ meters: { grid: { powerW: 500, at: ago(12) } } }), NOW_MS);
    assert.deepEqual(house.grid, { powerW: 500, ageS: 12, isStale: true });
    assert.deepEqual(house.sun, { powerW: null, ageS: null, isStale: false });
    assert.equal(house.house.powerW, 400, "worked out by the controller when no meter measures it");
    assert.equal(formatAge(12, words).replace("\u00a0", " "), "12 s ago");
  });
});

describe("the arrows of the home energy page", () => {
  const reading = (powerW: number): { powerW: number; ageS: number; isStale: boolean } => ({
    powerW,
    ageS: 0,
    isStale: false,
  });

  it("carry what is made to what is used and lose nothing", () => {
    const watts = fc.integer({ min: 0, max: 12_000 });
    fc.assert(
      fc.property(watts, watts, fc.integer({ min: -7_400, max: 7_400 }), (sunW, houseW, carW) => {
        const gridW = houseW + carW - sunW;
        const places = { sun: reading(sunW), house: reading(houseW), car: reading(carW), grid: reading(gridW) };
        const links = traceFlows(places);
        const sumOf = (from?: string): number =>
          links.reduce((sumW, link) => sumW + (from === undefined || link.from === from ? link.powerW : 0), 0);
        assert.ok(sumOf("sun") <= sunW && sumOf("grid") <= Math.max(0, gridW), "nobody gives more than there is");
        const carriedW = sumOf();
        const usedW = houseW + Math.max(0, carW) + Math.max(0, -gridW);
        assert.ok(Math.abs(usedW - carriedW) < 7 * 50, "only what is too small for an arrow may be missing");
      }),
    );
  });

  it("never cross: sun to grid and car to house do not happen at once", () => {
    const watts = fc.integer({ min: -12_000, max: 12_000 });
    fc.assert(
      fc.property(watts, watts, watts, watts, (sunW, houseW, carW, gridW) => {
        const places = { sun: reading(sunW), house: reading(houseW), car: reading(carW), grid: reading(gridW) };
        const flowing = traceFlows(places).filter(({ powerW }) => powerW > 0);
        const isFlowing = (from: string, to: string): boolean =>
          flowing.some((link) => link.from === from && link.to === to);
        assert.ok(!(isFlowing("sun", "grid") && isFlowing("car", "house")));
      }),
    );
  });
});

describe("the chart of the home energy page", () => {
  it("draws at most eight round lines around all values, zero among them", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: -30_000, max: 60_000 }))), (powersW) => {
        const lines = chooseGridLines(powersW);
        assert.ok(lines.includes(0) && lines.length <= 8, String(lines));
        for (const powerW of powersW) {
          if (powerW !== null) assert.ok((lines[0] ?? 0) <= powerW && powerW <= (lines.at(-1) ?? 0));
        }
      }),
    );
  });
});

describe("the function nodes of the home energy flow", () => {
  function memory(): { get(key: string): unknown; set(key: string, kept: unknown): void } {
    const kept = new Map<string, unknown>();
    return { get: (key) => structuredClone(kept.get(key)), set: (key, value) => void kept.set(key, value) };
  }
  const grid = { kind: "meter", role: "grid", powerW: 500, at: ago(0) };

  it("collect records silently and hand on all of them once a second", () => {
    const context = memory();
    assert.equal(latestRecords({ payload: grid }, context), null);
    const sent = latestRecords({ topic: "tick", payload: 0 }, context);
    assert.deepEqual(sent?.payload.meters, { grid: { powerW: 500, at: ago(0) } });
  });

  it("answer a button at once when the controller has changed its mode", () => {
    const context = memory();
    assert.notEqual(latestRecords({ payload: control({ mode: "pause" }) }, context), null);
    assert.equal(latestRecords({ payload: control({ mode: "pause" }) }, context), null);
    assert.notEqual(latestRecords({ payload: control({ mode: "balance" }) }, context), null);
  });

  it("keep the last known power when a meter sends none", () => {
    const context = memory();
    latestRecords({ payload: grid }, context);
    latestRecords({ payload: { ...grid, powerW: null } }, context);
    assert.equal(latestRecords({ topic: "tick", payload: 0 }, context)?.payload.meters.grid.powerW, 500);
  });

  it("pass on why a command was refused", () => {
    const sent = latestRecords({ payload: "discharge", error: { message: "It cannot." } }, memory());
    assert.equal(sent?.payload.refusal.text, "It cannot.");
  });

  it("keep five minutes of points, one every two seconds, with a gap where a reading is missing", () => {
    const context = memory();
    let points: unknown[][] = [];
    for (let second = 0; second <= 700; second++) {
      const at = new Date(NOW_MS + second * 1000).toISOString();
      const meters = second < 690 ? { grid: { powerW: 100.4, at } } : { grid: { powerW: 100, at: ago(0) } };
      const sent = lastFiveMinutes({ payload: page({ at, meters, control: null, charger: null }) }, context);
      if (sent !== null) points = sent.payload.points;
    }
    assert.ok(points.length >= 150 && points.length <= 152, `${points.length} points`);
    assert.equal(points[0]?.[1], 100);
    assert.deepEqual(points.at(-1)?.slice(1), [null, null, null, null]);
  });
});
