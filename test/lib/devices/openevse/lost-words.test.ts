import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import type { LinkEvents, OpenevseLink } from "../../../../lib/devices/openevse/link.ts";
import { createOpenevse, type Openevse, type OpenevseSettings } from "../../../../lib/devices/openevse/openevse.ts";
import { type Publication, toPublications } from "../../../../lib/devices/openevse/orders.ts";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import { parseCommand } from "../../../../lib/model/commands.ts";
import { toEvError } from "../../../../lib/model/errors.ts";

/* What a charger is told and what it says, word by word: one that is deaf, dead, or slow to introduce itself. */

interface Bench {
  readonly clock: ManualClock;
  readonly device: Openevse;
  readonly events: LinkEvents;
  /** what was told since the last call */
  told(): string[];
  /** the charger says these */
  say(words: Readonly<Record<string, string>>, isRetained?: boolean): void;
  /** Obeys; the code after so long, s. */
  order(payload: unknown, withinS?: number): Promise<string>;
}

const benches: Bench[] = [];
const CHARGING = { state: "3", status: "active", vehicle: "1", flags: "1344", pilot: "8", max_current: "32" };
const PAUSED = { state: "254", status: "disabled", vehicle: "1", flags: "1280", pilot: "8", max_current: "32" };
const NONE = '{"state":"null"}';

function open(settings: Partial<OpenevseSettings> = {}, answerRapi: (text: string) => string = () => "$OK"): Bench {
  const clock = createManualClock(Date.parse("2026-11-21T03:10:05Z"));
  let heard: Publication[] = [];
  const rapi: string[] = [];
  const links: LinkEvents[] = [];
  const device = createOpenevse({
    settings: {
      device: "OpenEVSE",
      baseTopic: "garage",
      minA: 6,
      maxA: 32,
      channel: "auto",
      onExit: "release",
      whMeaning: null,
      silenceS: 95,
      ...settings,
    },
    clock,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    describe: (code) => code,
    openLink(events): OpenevseLink {
      links.push(events);
      return {
        kind: "mqtt",
        isUp: true,
        async send(order, config) {
          heard = [...heard, ...toPublications(order, "garage", config)];
        },
        async askRapi(text) {
          rapi.push(text);
          return answerRapi(text);
        },
        look: () => Promise.resolve(),
        readHolders: () => Promise.resolve(null),
        close: () => Promise.resolve(),
      };
    },
  });
  const [events] = links;
  assert.ok(events);
  events.up();
  const bench: Bench = {
    clock,
    device,
    events,
    told() {
      const words = heard.map(({ topic, payload }) => `${topic.slice("garage/".length)} ${payload}`);
      heard = [];
      return words;
    },
    say(words, isRetained = false) {
      for (const [key, raw] of Object.entries(words)) events.heard(key, raw, isRetained);
    },
    async order(payload, withinS = 30) {
      let code = "waiting";
      device.obey(parseCommand(payload, clock.nowMs())).then(
        () => {
          code = "done";
        },
        (thrown: unknown) => {
          code = toEvError(thrown).code;
        },
      );
      for (let second = 0; second < withinS && code === "waiting"; second++) await clock.advanceAsync(1000);
      return code;
    },
  };
  benches.push(bench);
  return bench;
}

/** Charges with 8 A that were lent for 60 s. */
async function lent(settings: Partial<OpenevseSettings> = {}): Promise<Bench> {
  const bench = open(settings);
  const claim = '{"priority":500,"state":"active","charge_current":8,"auto_release":false}';
  bench.say({ override: NONE, claim: NONE, config: '{"is_threephase":false}' }, true);
  bench.say(CHARGING);
  const ordered = bench.order({ command: "current", currentA: 8, validForS: 60, source: "plan" });
  await bench.clock.advanceAsync(0);
  bench.say({ claim });
  assert.equal(await ordered, "done");
  bench.told();
  return bench;
}

describe("openevse: words that are lost, old or late", () => {
  afterEach(async () => {
    for (const { device, clock } of benches.splice(0)) {
      const closing = device.close();
      await clock.advanceAsync(5000);
      await closing;
    }
  });

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

  it("takes only a current for the answer of an old controller that was told one", async () => {
    const old = { version: "2.9.1" };
    for (const [answer, expected] of [
      ["$OK 10^20", "done"],
      ["$OK", "done"],
      ["$OK 25212279 1585443", "refused"],
      ["$OK 16", "refused"],
    ]) {
      const bench = open({}, (text) => (text.startsWith("$SC") ? (answer ?? "") : "$OK 03 10 03 0140"));
      bench.say({ config: JSON.stringify(old), state: "3", wh: "1000", srssi: "-60" });
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

  it("does not take an uptime that the broker has kept for a restart", async () => {
    const bench = open();
    bench.say({ ...CHARGING, override: NONE, limit_version: "1", uptime: "5000" });
    const ordered = bench.order("restart", 120);
    await bench.clock.advanceAsync(0);
    bench.say({ uptime: "100" }, true);
    assert.equal(await ordered, "timeout");
  });
});
