import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { EvError } from "../../../../lib/model/errors.ts";
import type { Charger } from "../../../../lib/model/records.ts";
import { CHARGING, closeBenches, lent, NONE, open, PAUSED } from "./word-bench.ts";

/* What a charger is told and what it says, word by word: one that is deaf, dead, or slow to introduce itself. */

describe("openevse: words that are lost, old or late", () => {
  afterEach(closeBenches);

  it("does not take what the broker has kept for a charger that has stopped", async () => {
    const bench = open();
    bench.events.announced({ state: "connected", id: "a", mqtt: "garage" }, true);
    bench.say({ ...PAUSED, override: '{"state":"disabled","auto_release":true}', claim: NONE }, true);
    assert.equal(await bench.order("pause"), "timeout");
    bench.say(PAUSED);
    assert.equal(await bench.order("pause"), "done");
  });

  it("does not take what the broker has kept for a charger that charges", async () => {
    const bench = open();
    bench.events.announced({ state: "connected", id: "a", mqtt: "garage" }, true);
    bench.say({ ...CHARGING, override: '{"state":"active","charge_current":8,"auto_release":true}' }, true);
    assert.equal(await bench.order(8), "timeout");
  });

  for (const [what, command] of [
    ["a pause", { command: "pause", source: "plan" }],
    ["a release", { command: "release", source: "plan" }],
    ["a charge without end", { command: "current", currentA: 16, source: "plan" }],
  ] as const) {
    it(`lets a loan end in its time also when ${what} went unheard meanwhile`, async () => {
      const bench = await lent();
      assert.equal(await bench.order(command), "timeout");
      bench.told();
      for (let second = 0; second < 60; second += 5) {
        bench.say(CHARGING);
        await bench.clock.advanceAsync(5000);
      }
      assert.ok(
        bench.told().some((word) => word.startsWith('claim/set {"state":"disabled"')),
        "nobody stopped what was lent",
      );
    });
  }

  it("does not bring back a loan that was ended in good order", async () => {
    const bench = await lent();
    const released = bench.order({ command: "release", source: "plan" });
    await bench.clock.advanceAsync(0);
    bench.say({ claim: NONE });
    assert.equal(await released, "done");
    bench.told();
    for (let second = 0; second < 90; second += 5) {
      bench.say(CHARGING);
      await bench.clock.advanceAsync(5000);
    }
    assert.deepEqual(bench.told(), []);
  });

  it("waits for the number of phases before it turns watts into amps", async () => {
    const bench = open();
    bench.say({ ...CHARGING, voltage: "230", override: NONE });
    const ordered = bench.order({ command: "power", powerW: 6900 });
    await bench.clock.advanceAsync(0);
    assert.deepEqual(bench.told(), [], "one phase or three?");
    bench.say({ config: '{"is_threephase":true,"version":"v5.1.5"}' }, true);
    await bench.clock.advanceAsync(0);
    assert.match(bench.told().join(), /"charge_current":10,/);
    await ordered;
  });

  it("does not guess the number of phases, but needs none to stop", async () => {
    const bench = open();
    bench.say({ ...CHARGING, voltage: "230", override: NONE });
    assert.equal(await bench.order({ command: "power", powerW: 6900 }), "unreachable");
    assert.deepEqual(bench.told(), []);
    await bench.order({ command: "power", powerW: 0 });
    assert.match(bench.told().join(), /"state":"disabled"/);
  });

  it("needs not wait for the number of phases when it was entered", async () => {
    const bench = open({ wiredPhases: 3 });
    bench.say({ ...CHARGING, voltage: "230", override: NONE });
    const ordered = bench.order({ command: "power", powerW: 6900 });
    await bench.clock.advanceAsync(0);
    assert.match(bench.told().join(), /"charge_current":10,/);
    await ordered;
  });

  it("counts three phases itself where the charger has counted one only", async () => {
    const bench = open({ wiredPhases: 3 });
    const powers: (number | null)[] = [];
    bench.device.subscribe(({ charger }) => powers.push(charger.powerW));
    bench.say({ ...CHARGING, uptime: "5000", voltage: "230", amp: "10000", power: "2300" });
    await bench.clock.advanceAsync(5000);
    assert.equal(powers.at(-1), 6900);
  });

  it("takes the limits that became known while a command waited for the charger", async () => {
    const bench = open();
    const ordered = bench.order({ command: "charge" });
    bench.say({ config: '{"max_current_soft":13}', override: NONE }, true);
    bench.say(CHARGING);
    await bench.clock.advanceAsync(0);
    assert.match(bench.told().join(), /"charge_current":13,/);
    await ordered;
  });

  it("leaves to somebody else what he has put in the place of our claim", async () => {
    const bench = await lent();
    bench.say({ claim: '{"priority":500,"state":"active","charge_current":24,"auto_release":false}' });
    const closing = bench.device.close();
    await bench.clock.advanceAsync(5000);
    await closing;
    assert.deepEqual(bench.told(), []);
  });

  it("gives back also a claim that the charger has not confirmed", async () => {
    const bench = await lent();
    void bench.order({ command: "current", currentA: 16, validForS: 60, source: "plan" }, 1);
    await bench.clock.advanceAsync(0);
    bench.told();
    const closing = bench.device.close();
    await bench.clock.advanceAsync(5000);
    await closing;
    assert.deepEqual(bench.told(), ["claim/set release"]);
  });

  const OLD = { config: '{"version":"2.9.1"}', state: "3", wh: "1000", srssi: "-60" };

  it("does not take somebody else's yes for the restart of an old controller", async () => {
    const bench = open({}, (text) => (text === "$GS" ? "$OK 03 3600 03 0140" : "$OK^20"));
    bench.say(OLD);
    assert.equal(await bench.order("restart", 60), "timeout");
  });

  it("sees an old controller count anew after its restart, however long it is silent meanwhile", async () => {
    let looks = -1;
    const bench = open({}, (text) => {
      if (text === "$FR") looks = 0;
      if (text !== "$GS") return "$OK^20";
      if (looks < 0) return "$OK 03 3600 03 0140";
      looks += 1;
      if (looks < 3) throw new EvError("timeout", "it boots");
      return "$OK 03 4 03 0140";
    });
    bench.say(OLD);
    assert.equal(await bench.order("restart", 60), "done");
    assert.equal(looks, 3);
  });

  it("has nothing but the answer of an old controller that has counted nothing yet", async () => {
    const bench = open({}, (text) => (text === "$GS" ? "$OK 01 0 01 0000" : "$OK^20"));
    bench.say(OLD);
    assert.equal(await bench.order("restart", 60), "done");
  });

  it("takes only a current for the answer of an old controller that was told one", async () => {
    for (const [answer, expected] of [
      ["$OK 10^20", "done"],
      ["$OK", "done"],
      ["$OK 25212279 1585443", "refused"],
      ["$OK 16", "refused"],
    ]) {
      const bench = open({}, (text) => (text.startsWith("$SC") ? (answer ?? "") : "$OK 03 10 03 0140"));
      bench.say(OLD);
      assert.equal(await bench.order(10), expected, answer);
    }
  });

  for (const [what, document, words, command] of [
    [
      "limit",
      '{"type":"energy","value":5000,"auto_release":true}',
      { limit_version: "1" },
      { command: "limit", energyWh: 5000 },
    ],
    ["missing limit", '{"type":"none","value":0,"auto_release":true}', {}, { command: "limit", energyWh: null }],
    [
      "timer",
      '[{"id":4,"state":"active","time":"23:30:00","days":["monday"]}]',
      {},
      { command: "schedule", set: [{ id: 4, state: "active", time: "23:30", days: ["monday"] }] },
    ],
  ] as const) {
    it(`does not take a ${what} that the broker has kept for the charger's answer`, async () => {
      const key = what === "timer" ? "schedule" : "limit";
      const bench = open();
      bench.say({ [key]: document, override: NONE, config: '{"version":"v5.1.5"}' }, true);
      bench.say({ ...CHARGING, ...words });
      assert.equal(await bench.order(command), "timeout");
      assert.equal(bench.told().length, 1, "it was not told");
      const ordered = bench.order(command);
      await bench.clock.advanceAsync(0);
      bench.say({ [key]: document });
      assert.equal(await ordered, "done");
    });
  }

  it("does not take a new connection of the module for a restart", async () => {
    const bench = open();
    bench.say({ ...CHARGING, override: NONE, limit_version: "1", uptime: "5000" });
    const ordered = bench.order("restart", 120);
    await bench.clock.advanceAsync(0);
    bench.events.presence(false, false);
    bench.events.announced({ state: "connected", id: "a", mqtt: "garage" }, false);
    bench.say({ ...CHARGING, uptime: "5012" });
    assert.equal(await ordered, "timeout");
  });

  it("does not take a restart of before the command, which nobody had noticed, for its own", async () => {
    const bench = open();
    bench.say({ ...CHARGING, override: NONE, limit_version: "1", uptime: "5000" });
    await bench.clock.advanceAsync(30_000);
    const ordered = bench.order("restart", 120);
    await bench.clock.advanceAsync(20_000);
    bench.say({ ...CHARGING, uptime: "35" });
    assert.equal(await ordered, "timeout");
  });

  it("does not take a spoilt uptime for a young one", async () => {
    const bench = open();
    bench.say({ ...CHARGING, override: NONE, limit_version: "1", uptime: "12" });
    const ordered = bench.order("restart", 120);
    await bench.clock.advanceAsync(20_000);
    bench.say({ uptime: "soon" });
    assert.equal(await ordered, "timeout");
  });

  it("sees by its uptime that the module has restarted, also when it has never heard one before", async () => {
    const bench = open();
    bench.say({ ...CHARGING, override: NONE, limit_version: "1" });
    const ordered = bench.order("restart", 120);
    await bench.clock.advanceAsync(25_000);
    bench.say({ ...CHARGING, uptime: "12" });
    assert.equal(await ordered, "done");
  });

  it("takes no document for a sign of life", async () => {
    const bench = open();
    bench.say({ override: NONE, claim: NONE, config: '{"version":"v5.1.5"}' });
    assert.equal(await bench.order("pause"), "unreachable");
    assert.deepEqual(bench.told(), []);
  });

  it("does not take a charger that was replaced long ago, but is still announced, for a stranger", async () => {
    const bench = open();
    bench.say({ ...CHARGING, override: NONE, config: '{"wifi_serial":"a","version":"v5.1.5"}' });
    bench.events.announced({ state: "connected", id: "b", mqtt: "garage" }, true);
    assert.equal(await bench.order("pause"), "timeout", "it is told");
    bench.events.announced({ state: "connected", id: "b", mqtt: "garage" }, false);
    assert.equal(await bench.order("pause"), "config", "now another one really answers");
  });

  it("stops no charge of somebody else when its own has ended", async () => {
    const bench = await lent();
    await bench.clock.advanceAsync(60_000);
    assert.equal(bench.told().length, 1);
    bench.say({ claim: '{"priority":500,"state":"disabled","auto_release":false}', manual_override: "1" });
    for (let second = 0; second < 60; second += 5) {
      bench.say(CHARGING);
      await bench.clock.advanceAsync(5000);
    }
    assert.deepEqual(bench.told(), []);
  });

  it("does not repeat what a lost controller said last", async () => {
    const bench = open();
    const records: Charger[] = [];
    bench.device.subscribe(({ charger }) => records.push(charger));
    bench.say({ ...CHARGING, uptime: "5000", voltage: "230", amp: "10000", power: "2300", evse_connected: "0" });
    await bench.clock.advanceAsync(5000);
    const { state, powerW, setpointA, faults } = records.at(-1) ?? {};
    assert.deepEqual([state, powerW, setpointA], ["unknown", null, null]);
    assert.deepEqual(
      faults?.map(({ code }) => code),
      ["no-controller"],
    );
  });

  it("reports what the controller refuses", async () => {
    const bench = open({}, (text) => (text.startsWith("$SC") ? "$NK^21" : "$OK 03 10 03 0140"));
    bench.say(OLD);
    assert.equal(await bench.order(10), "refused");
  });

  it("does not take an uptime that the broker has kept for a restart", async () => {
    const bench = open();
    bench.say({ ...CHARGING, override: NONE, limit_version: "1", uptime: "5000" });
    const ordered = bench.order("restart", 120);
    await bench.clock.advanceAsync(0);
    bench.say({ uptime: "100" }, true);
    assert.equal(await ordered, "timeout");
  });
});
