import assert from "node:assert/strict";
import fc from "fast-check";
import { afterEach, describe, it } from "mocha";
import { createManualClock } from "../../lib/model/clock.ts";
import { openEvseGenerations, startOpenEvse } from "../../simulators/openevse.ts";
import { withChecksum } from "../../simulators/openevse/rapi.ts";
import { asNumber } from "./json.ts";
import { type Bench, latestOf, openBench, START_MS } from "./openevse-setup.ts";

const near = (found: number, expected: number, tolerance: number, what: string): void =>
  assert.ok(Math.abs(found - expected) <= tolerance, `${what}: ${found} instead of ${expected}`);

describe("OpenEVSE simulator counts energy", () => {
  let bench: Bench;
  afterEach(() => bench.end());

  it("sets the session to zero when the car leaves, with the meter on the WiFi module", async () => {
    bench = await openBench({ generation: "5.1.5", plugged: true, lifetimeWh: 100_000, car: { maxCurrentA: 16 } });
    await bench.pass(2 + 3_600);
    near(bench.evse.counters().sessionWh, 16 * 240, 5, "session Wh");
    near(bench.evse.counters().totalKwh, 100 + 3.84, 0.005, "total kWh");
    bench.evse.unplug();
    assert.deepEqual([bench.evse.counters().sessionWh, bench.evse.counters().elapsedS], [0, 0]);
    near(bench.evse.counters().totalKwh, 103.84, 0.005, "total kWh");
    near(asNumber((await bench.status())["total_day"]), 3.84, 0.005, "today");
  });

  it("keeps the session until the next plug-in, and grows the lifetime at unplug by whole Wh, in the controller", async () => {
    bench = await openBench({ generation: "4.1.7", plugged: true, lifetimeWh: 100_000, car: { maxCurrentA: 16 } });
    await bench.pass(2 + 3_600);
    assert.equal(bench.evse.counters().totalKwh, 100, "not before the car leaves");
    bench.evse.unplug();
    const { sessionWh } = bench.evse.counters();
    near(sessionWh, 3_840, 5, "session Wh");
    assert.equal(bench.evse.counters().totalKwh, (100_000 + Math.floor(sessionWh)) / 1000);
    bench.evse.plug();
    assert.equal(bench.evse.counters().sessionWh, 0);
  });

  it("means session watt-seconds or lifetime watt-hours with the same topic wh", async () => {
    for (const [generation, expected] of [
      ["2.7.5", 3_600 * 3_840],
      ["2.9.1", 100_000],
    ] as const) {
      bench = await openBench({ generation, plugged: true, lifetimeWh: 100_000, car: { maxCurrentA: 16 } });
      await bench.pass(3_630);
      near(Number(latestOf(bench.published(), "wh")), expected, 3_840 * 60, generation);
      bench.evse.unplug();
      await bench.pass(42);
      const wh = Number(latestOf(bench.published(), "wh"));
      if (generation === "2.9.1") near(wh, 103_840, 60, "forty seconds after the car has left");
      else await bench.end();
    }
  });

  it("counts charging time without pauses, but with them on 4.1.9 and 4.2.1", async () => {
    for (const [generation, pauseS] of [
      ["5.1.5", 0],
      ["4.1.9", 600],
      ["4.1.7", 0],
    ] as const) {
      bench = await openBench({ generation, plugged: true });
      await bench.pass(2 + 300);
      await bench.command("claim/set", '{"state":"disabled"}');
      await bench.pass(598);
      await bench.command("claim/set", "release");
      await bench.pass(2 + 100);
      near(bench.evse.counters().elapsedS, 400 + pauseS, 2, generation);
      if (generation !== "4.1.7") await bench.end();
    }
  });

  it("counts energy that never flowed after a pause on 4.1.9 and 4.2.1", async () => {
    for (const generation of ["4.1.9", "4.2.1", "5.1.5"] as const) {
      bench = await openBench({ generation, plugged: true });
      await bench.pass(60);
      await bench.command("claim/set", '{"state":"disabled"}');
      const before = bench.evse.counters().sessionWh;
      await bench.pass(8 * 3_600);
      await bench.command("claim/set", "release");
      await bench.pass(3);
      // one ampere of the first moment, times eight hours
      const phantomWh = generation === "5.1.5" ? 0 : 240 * 8;
      near(bench.evse.counters().sessionWh - before, phantomWh, 5, generation);
      if (generation !== "5.1.5") await bench.end();
    }
  });

  it("falls back to what was saved when the WiFi module reboots, and misses what flowed meanwhile", async () => {
    bench = await openBench({ plugged: true, car: { maxCurrentA: 15 } });
    await bench.pass(2 + 480);
    const before = bench.evse.counters();
    near(before.sessionWh, 480, 3, "session Wh");
    bench.evse.setFault("reboot");
    await bench.listener.until(bench.evse.announceTopic, (text) => text.includes("disconnected"));
    await bench.pass(20);
    const after = bench.evse.counters();
    near(after.sessionWh, 300, 5, "as saved after five minutes");
    near(before.totalKwh - after.totalKwh, 0.18, 0.005, "the lifetime as well");
    near(bench.evse.deliveredWh, before.sessionWh + 5 + 6, 1, "the car went on, at six amperes after five seconds");
    await bench.listener.until(bench.evse.announceTopic, (text) => text.includes("http"));
    const { uptime, time, state } = await bench.status();
    assert.deepEqual([uptime, state], [0, 3]);
    assert.match(String(time), /^1970/);
    await bench.pass(6);
    assert.match(String((await bench.status())["time"]), /^2026/);
  });

  it("falls to six amperes while the controller does not hear from the module", async () => {
    bench = await openBench({ plugged: true });
    await bench.pass(5);
    bench.evse.reboot(60_000);
    await bench.pass(4);
    assert.equal(bench.evse.pilotA, 32);
    await bench.pass(2);
    assert.deepEqual([bench.evse.pilotA, Math.round(bench.evse.acPowerW())], [6, 1_440]);
    await bench.pass(70);
    assert.equal(bench.evse.pilotA, 32);
  });

  it("loses nothing at a reboot of an ESP8266, and the session at a reset of the controller", async () => {
    bench = await openBench({ generation: "2.9.1", plugged: true });
    await bench.pass(600);
    const { sessionWh } = bench.evse.counters();
    bench.evse.reboot();
    await bench.pass(30);
    assert.ok(bench.evse.counters().sessionWh > sessionWh);
    bench.evse.resetController();
    assert.deepEqual([bench.evse.state, bench.evse.counters().sessionWh], [0, 0]);
    await bench.pass(10);
    assert.equal(bench.evse.state, 3);
    assert.equal(bench.evse.counters().totalKwh, 1_585.443, "never added");
  });

  it("goes on with the same session after a reset of the controller, with the meter on the module", async () => {
    bench = await openBench({ plugged: true });
    await bench.pass(600);
    const { sessionWh } = bench.evse.counters();
    bench.published();
    bench.evse.setFault("controller-reset");
    assert.deepEqual(bench.published().slice(0, 3), ["state 0", "flags 0", "vehicle 0"]);
    await bench.pass(10);
    const published = bench.published();
    assert.ok(published.includes("state 2") && published.includes("state 3") && published.includes("vehicle 1"));
    assert.ok(bench.evse.counters().sessionWh > sessionWh);
  });

  it("does not clear the session when the car leaves while the module is off", async () => {
    bench = await openBench({ plugged: true });
    await bench.pass(600);
    bench.evse.reboot();
    bench.evse.unplug();
    await bench.pass(30);
    near(bench.evse.counters().sessionWh, 1_280, 640, "still there");
    const left = bench.evse.counters().sessionWh;
    bench.evse.plug();
    await bench.pass(60);
    assert.ok(bench.evse.counters().sessionWh > left, "the next car is counted on top");
  });

  it("jumps up by hundreds of kWh when its file was damaged, and back when told", async () => {
    bench = await openBench({ plugged: true });
    await bench.pass(700);
    const before = bench.evse.counters();
    bench.evse.setFault("counter-rollback");
    const rolled = bench.evse.counters();
    assert.ok(rolled.sessionWh < before.sessionWh && rolled.totalKwh < before.totalKwh && rolled.sessionWh > 0);
    bench.evse.setFault("meter-corrupt");
    assert.equal(bench.evse.counters().sessionWh, 0);
    assert.ok(bench.evse.counters().totalKwh > before.totalKwh + 500);
    bench.evse.setFault("energy-reset");
    assert.equal(bench.evse.counters().sessionWh, 0);
    assert.equal(bench.evse.fault, null, "all of it happened once");
  });

  it("rolls day, week, month and year by its own calendar", async () => {
    // 22:00 UTC on Saturday 31 January is 23:00 there; an hour later Sunday and February begin
    bench = await openBench({ utcOffsetMin: 60, plugged: true });
    bench.clock.setWallClock(Date.UTC(2026, 0, 31, 22));
    await bench.pass(1_800);
    const evening = await bench.status();
    assert.ok(asNumber(evening["total_day"]) > 3);
    assert.equal(evening["local_time"], "2026-01-31T23:30:00+0100");
    await bench.command("claim/set", '{"state":"disabled"}');
    await bench.pass(3_600);
    const night = await bench.status();
    assert.deepEqual([night["total_day"], night["total_week"], night["total_month"]], [0, 0, 0]);
    assert.equal(night["total_year"], evening["total_day"]);
    assert.equal(night["session_energy"], evening["session_energy"], "a session knows no midnight");
  });

  it("computes the checksums of the field", () => {
    bench = { end: async () => {} } as Bench;
    for (const text of [
      "$GS^30",
      "$GU^36",
      "$GT^37",
      "$SC 16^13",
      "$SC 16 V^65",
      "$ST 0 0 0 0^23",
      "$OK^20",
      "$NK^21",
    ]) {
      assert.equal(withChecksum(text.split("^", 1)[0] ?? ""), text);
    }
  });

  it("never loses or invents energy, whatever happens, except where its firmware does", async function () {
    this.timeout(20_000);
    bench = { end: async () => {} } as Bench;
    const happening = fc.record({
      what: fc.constantFrom("plug", "unplug", "swap", "sleep", "wake", "gfci", "well", "refuse", "accept", "nothing"),
      pauseS: fc.integer({ min: 0, max: 1_800 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...openEvseGenerations.filter((generation) => !/^4\.(1\.9|2)/.test(generation))),
        fc.array(happening, { minLength: 1, maxLength: 15 }),
        async (generation, happenings) => {
          const clock = createManualClock(START_MS);
          const evse = await startOpenEvse({ clock, generation, lifetimeWh: 0, car: { capacityWh: 8_000 } });
          const act = {
            plug: () => evse.plug({ socPercent: 20 }),
            unplug: () => evse.unplug(),
            swap: () => evse.swap({ socPercent: 50 }),
            sleep: () => evse.setCarRefusing(true),
            wake: () => evse.setCarRefusing(false),
            gfci: () => evse.setFault("gfci"),
            well: () => evse.setFault(null),
            refuse: () => evse.setCarRefusing(true),
            accept: () => evse.setCarRefusing(false),
            nothing: () => {},
          };
          let plugIns = 0;
          for (const { what, pauseS } of happenings) {
            if (what === "plug" || what === "swap") plugIns++;
            act[what]();
            clock.advance(pauseS * 1000);
            const { socPercent } = evse.car();
            assert.ok(socPercent >= 0 && socPercent <= 100 + 1e-9);
            assert.ok(evse.acPowerW() >= 0 && evse.acPowerW() <= 32 * 240);
          }
          evse.unplug();
          const { totalKwh } = evse.counters();
          // old controllers cut off what is less than a Wh, once per session
          near(totalKwh * 1000, evse.deliveredWh, /^(5|master)/.test(generation) ? 1e-6 : plugIns + 1e-6, generation);
          await evse.stop();
          assert.equal(clock.pending, 0);
        },
      ),
      { numRuns: 60 },
    );
  });
});
