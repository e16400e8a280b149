import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { startMqttBroker } from "../../simulators/mqtt-broker.ts";
import { startOpenEvse } from "../../simulators/openevse.ts";
import { parseObject } from "./json.ts";
import { listenToBroker } from "./mqtt-listener.ts";
import { type Bench, latestOf, openBench, START_MS } from "./openevse-setup.ts";
import { waitUntil } from "./wire.ts";

const keysOf = (published: readonly string[]): readonly string[] =>
  published.map((entry) => entry.split(" ", 1)[0] ?? "");
const STATE_5 = "state flags vehicle colour pilot max_current manual_override status elapsed amp voltage power".split(
  " ",
);
const ENERGY =
  "session_elapsed session_energy total_energy total_day total_week total_month total_year total_switches".split(" ");

describe("OpenEVSE simulator over MQTT", () => {
  let bench: Bench;
  afterEach(() => bench.end());

  it("announces itself and leaves its documents on the broker for whoever comes later", async () => {
    bench = await openBench({ baseTopic: "garage/evse", config: { scheduler_start_window: 0 } });
    const late = await listenToBroker(bench.broker.url);
    const announced = parseObject(await late.latest("openevse/announce/7b2c"));
    assert.deepEqual(announced, {
      state: "connected",
      id: "9c9c1fe57b2c",
      name: "openevse-7b2c",
      mqtt: "garage/evse",
      http: `${bench.evse.url}/`,
    });
    for (const [name, text] of [
      ["override", '{"state":"null"}'],
      ["claim", '{"state":"null"}'],
      ["limit", '{"type":"none","value":0,"auto_release":true}'],
      ["schedule", "[]"],
      ["config_version", "1"],
    ] as const) {
      assert.equal(await late.latest(`garage/evse/${name}`), text);
    }
    assert.equal(parseObject(await late.latest("garage/evse/config"))["pass"], "_DUMMY_PASSWORD");
    await bench.pass(60);
    await late.settle();
    assert.equal(late.textsOf("garage/evse/state").length, 2);
    const later = await listenToBroker(bench.broker.url);
    await later.latest("garage/evse/config");
    await later.settle();
    assert.deepEqual(later.textsOf("garage/evse/state"), [], "values are not retained");
    await late.close();
    await later.close();
  });

  it("leaves a retained farewell without its addresses when it drops off, and comes back", async () => {
    bench = await openBench();
    const topic = bench.evse.announceTopic;
    bench.evse.setFault("mqtt-offline");
    await bench.listener.until(topic, (text) => text.includes("disconnected"));
    assert.deepEqual(parseObject(bench.listener.textsOf(topic).at(-1) ?? ""), {
      state: "disconnected",
      id: "9c9c1fe57b2c",
      name: "openevse-7b2c",
    });
    const late = await listenToBroker(bench.broker.url);
    assert.equal(parseObject(await late.latest(topic))["state"], "disconnected", "also for whoever comes later");
    await late.close();
    bench.listener.forget();
    bench.evse.setFault(null);
    await bench.listener.until(topic, (text) => text.includes("connected") && text.includes("http"));
    await bench.listener.until("openevse-7b2c/override", () => true);
  });

  it("finds a broker again that was away, in its own time", async () => {
    bench = await openBench();
    await bench.broker.stop();
    await waitUntil(() => !bench.evse.isMqttConnected, "the charger to notice");
    await bench.pass(10);
    await bench.broker.start();
    await bench.pass(4);
    const listener = await listenToBroker(bench.broker.url);
    await waitUntil(() => {
      bench.clock.advance(5_000);
      return bench.evse.isMqttConnected;
    }, "the charger to come back");
    await listener.until(bench.evse.announceTopic, (text) => text.includes('"connected"'));
    await listener.close();
  });

  it("connects with its user and password only", async () => {
    bench = await openBench();
    const guarded = await startMqttBroker({ username: "evse", password: "secret" });
    const start = (brokerPassword: string) =>
      startOpenEvse({ clock: bench.clock, brokerUrl: guarded.url, brokerUsername: "evse", brokerPassword });
    const right = await start("secret");
    const wrong = await start("Secret");
    assert.deepEqual([right.isMqttConnected, wrong.isMqttConnected], [true, false]);
    assert.ok(guarded.counts.refusedClients >= 1);
    await right.stop();
    await wrong.stop();
    await guarded.stop();
  });

  it("charges without a broker as well", async () => {
    bench = await openBench();
    const alone = await startOpenEvse({ clock: bench.clock });
    alone.plug();
    await bench.pass(5);
    assert.deepEqual([alone.state, alone.isMqttConnected, alone.publications.length], [3, false, 0]);
    await alone.stop();
  });

  it("tells plug, start and unplug of 5.1.5 in the firmware's order, the zero last", async () => {
    bench = await openBench({ generation: "5.1.5" });
    const { evse } = bench;
    bench.published();
    evse.plug();
    const plugged = bench.published();
    assert.deepEqual(keysOf(plugged), STATE_5);
    assert.deepEqual(plugged.slice(0, 4), ["state 2", "flags 1280", "vehicle 1", "colour 3"]);
    await bench.pass(2);
    const begun = bench.published();
    assert.deepEqual(keysOf(begun).slice(0, 12), STATE_5);
    assert.deepEqual(begun.slice(0, 4), ["state 3", "flags 1344", "vehicle 1", "colour 6"]);
    await bench.pass(600);
    bench.published();
    evse.unplug();
    const left = bench.published();
    assert.deepEqual(keysOf(left), [...STATE_5, ...ENERGY]);
    assert.deepEqual(left.slice(0, 4), ["state 1", "flags 512", "vehicle 0", "colour 2"]);
    assert.equal(latestOf(left, "elapsed"), "600", "still the old session");
    assert.deepEqual([latestOf(left, "session_elapsed"), latestOf(left, "session_energy")], ["0", "0"]);
    await bench.settle();
    assert.equal(
      bench.listener.textsOf(`${evse.baseTopic}/session_energy`).at(-1),
      "0",
      "as it came through the broker",
    );
  });

  it("sends power every second and energy every five while charging, everything every thirty", async () => {
    bench = await openBench({ plugged: true });
    await bench.pass(29);
    bench.published();
    await bench.pass(60);
    const published = keysOf(bench.published());
    const count = (key: string): number => published.filter((published_) => published_ === key).length;
    assert.equal(count("amp"), 60 + 2, "and in two full sets");
    assert.equal(count("total_switches"), 12 + 2);
    assert.deepEqual([count("uptime"), count("srssi"), count("state")], [2, 2, 2]);
  });

  it("has the full set of 5.1.5 in the firmware's order, with the energy twice when nothing flows", async () => {
    bench = await openBench({ generation: "5.1.5" });
    bench.published();
    await bench.pass(30);
    const expected = [
      ..."evse_connected amp voltage power pilot max_current temp temp_max temp1 temp2 temp3 temp4".split(" "),
      ..."state status flags vehicle colour manual_override freeram divertmode srssi".split(" "),
      ..."time local_time offset uptime".split(" "),
      ...ENERGY,
      ..."elapsed wattsec watthour".split(" "),
      ...ENERGY,
    ];
    const published = bench.published();
    assert.deepEqual(keysOf(published), expected);
    assert.equal(latestOf(published, "time"), "2026-11-21T03:00:30Z");
    assert.equal(latestOf(published, "temp1"), "false");
    assert.equal(latestOf(published, "uptime"), "86430");
  });

  it("prints milliamperes, and an exponent from ten million on", async () => {
    bench = await openBench({ plugged: true, car: { capacityWh: 500_000, maxCurrentA: 15.98 } });
    await bench.pass(30);
    assert.equal(latestOf(bench.published(), "amp"), "15980");
    await bench.pass(3_600);
    const published = bench.published();
    assert.match(latestOf(published, "wattsec") ?? "", /^1\.\d{1,9}e7$/);
    assert.match(latestOf(published, "watthour") ?? "", /^15\d{5}\.\d{1,3}$/);
  });

  for (const [generation, keys] of [
    ["2.7.5", "amp pilot wh temp1 temp2 temp3 state freeram divertmode"],
    ["2.9.1", "amp voltage pilot wh temp1 temp2 temp3 state freeram divertmode srssi"],
    ["4.0", "amp voltage pilot wh temp temp1 temp2 temp3 temp4 state freeram divertmode srssi"],
  ] as const) {
    it(`tells only what firmware ${generation} can tell, and nothing about a vehicle`, async () => {
      bench = await openBench({ generation });
      bench.published();
      bench.evse.plug();
      assert.deepEqual(bench.published(), ["state 2"]);
      await bench.pass(2);
      assert.deepEqual(bench.published(), ["state 3"]);
      await bench.pass(28);
      assert.deepEqual(keysOf(bench.published()), keys.split(" "));
    });
  }

  it("speaks plain words on the base topic as an ESP8266, with a will that is not retained", async () => {
    bench = await openBench({ generation: "2.9.1", baseTopic: "openevse" });
    await bench.listener.until("openevse", (text) => text === "connected");
    bench.evse.setFault("mqtt-offline");
    await bench.listener.until("openevse", (text) => text === "disconnected");
    const late = await listenToBroker(bench.broker.url);
    await late.settle();
    assert.deepEqual(late.textsOf("openevse"), []);
    await late.close();
  });

  it("polls slowly as an ESP8266: what it sends is up to twelve seconds old, the state is not", async () => {
    bench = await openBench({ generation: "2.9.1" });
    bench.evse.plug();
    await bench.pass(2);
    assert.deepEqual(bench.published().slice(-2), ["state 2", "state 3"]);
    assert.equal((await bench.status())["amp"], 1_000, "asked in the first moment");
    await bench.pass(11);
    assert.equal((await bench.status())["amp"], 1_000, "not asked since");
    await bench.pass(1);
    assert.equal((await bench.status())["amp"], 32_000);
  });

  it("retains every value when it is set to, in bursts of any state", async () => {
    bench = await openBench({ config: { mqtt_retained: true } });
    bench.evse.plug();
    await bench.pass(31);
    await bench.settle();
    const late = await listenToBroker(bench.broker.url);
    for (const key of ["state", "vehicle", "session_energy", "total_energy", "uptime"]) {
      await late.latest(`openevse-7b2c/${key}`);
    }
    assert.ok(late.heard.every(({ topic, retain }) => retain || !topic.startsWith("openevse-7b2c/")));
    await late.close();
  });

  it("hides the car while disabled with the firmware of 2026, and freezes what older ones saw", async () => {
    for (const [generation, vehicle] of [
      ["master-2026", "0"],
      ["5.1.5", "1"],
    ] as const) {
      bench = await openBench({ generation, plugged: true, config: { pause_uses_disabled: true } });
      await bench.pass(600);
      await bench.command("claim/set", '{"state":"disabled"}');
      const published = bench.published();
      assert.deepEqual([latestOf(published, "state"), latestOf(published, "vehicle")], ["255", vehicle], generation);
      const { sessionWh } = bench.evse.counters();
      bench.evse.unplug();
      assert.equal(latestOf(bench.published(), "vehicle"), undefined, "unplugging is not seen");
      bench.evse.plug();
      await bench.command("claim/set", "release");
      assert.equal(latestOf(bench.published(), "vehicle"), "1");
      await bench.pass(10);
      assert.ok(bench.evse.counters().sessionWh > sessionWh, "the same session goes on");
      if (generation === "master-2026") await bench.end();
    }
  });

  it("puts the state bits of plug, relay and a finished session into flags", async () => {
    bench = await openBench();
    assert.equal(bench.evse.flags, 0);
    bench.evse.plug();
    assert.equal(bench.evse.flags, 0x500);
    await bench.pass(2);
    assert.equal(bench.evse.flags, 0x540);
    bench.evse.unplug();
    assert.equal(bench.evse.flags, 0x200);
    assert.equal(bench.clock.nowMs(), START_MS + 2_000);
  });
});
