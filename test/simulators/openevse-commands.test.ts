import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { asList, at } from "./json.ts";
import { type Bench, latestOf, openBench } from "./openevse-setup.ts";

const RAPI_OUT = "openevse-7b2c/rapi/out";

describe("OpenEVSE simulator obeys over MQTT", () => {
  let bench: Bench;
  afterEach(() => bench.end());

  async function charging(options: Parameters<typeof openBench>[0] = {}): Promise<void> {
    bench = await openBench({ plugged: true, ...options });
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
    bench.published();
  }

  it("pauses and resumes by claim, and shows it as the retained document", async () => {
    await charging();
    await bench.command("claim/set", '{"state":"disabled"}');
    assert.deepEqual([bench.evse.state, bench.evse.acPowerW()], [254, 0]);
    assert.deepEqual(await bench.document("claim"), { priority: 500, state: "disabled", auto_release: false });
    const published = bench.published();
    assert.ok(published.indexOf("claims_version 1") < published.indexOf("state 254"), "the version goes first");
    assert.equal(latestOf(published, "status"), "disabled");
    await bench.command("claim/set", "release");
    assert.deepEqual(await bench.document("claim"), { state: "null" });
    await bench.pass(3);
    assert.equal(bench.evse.state, 3);
  });

  it("builds on what MQTT said before, and takes a single property away with clear", async () => {
    await charging();
    await bench.command("claim/set", '{"charge_current":16}');
    await bench.command("claim/set", '{"max_current":20,"state":"active"}');
    assert.deepEqual(await bench.document("claim"), {
      priority: 500,
      state: "active",
      charge_current: 16,
      max_current: 20,
      auto_release: false,
    });
    assert.equal(bench.evse.pilotA, 16);
    await bench.command("claim/set", '{"charge_current":"clear"}');
    assert.equal(bench.evse.pilotA, 20);
    await bench.command("claim/set", '{"max_current":0}');
    assert.equal(bench.evse.pilotA, 6, "never below the minimum");
    await bench.command("claim/set", '{"max_current":"clear"}');
    assert.equal(bench.evse.pilotA, 32);
    await bench.command("claim/set", '{"charge_current":99}');
    assert.equal(bench.evse.pilotA, 32, "never above the installer's limit");
    await bench.command("claim/set", "release");
    await bench.command("claim/set", '{"charge_current":10}');
    assert.deepEqual(await bench.document("claim"), { priority: 500, charge_current: 10, auto_release: false });
  });

  it("lets an override win over a claim, and forgets it when the car leaves", async () => {
    await charging();
    await bench.command("override/set", '{"state":"active","charge_current":10}');
    await bench.command("claim/set", '{"state":"disabled","charge_current":20}');
    assert.deepEqual([bench.evse.state, bench.evse.pilotA], [3, 10]);
    const target = JSON.parse((await bench.http("GET", "/claims/target")).text);
    assert.deepEqual(at(target, "claims"), { state: 65_537, charge_current: 65_537 });
    assert.deepEqual(await bench.document("override"), { state: "active", charge_current: 10, auto_release: true });
    assert.equal(latestOf(bench.published(), "manual_override"), "1");
    bench.evse.unplug();
    assert.deepEqual(await bench.document("override"), { state: "null" });
    assert.equal(latestOf(bench.published(), "manual_override"), "0");
    bench.evse.plug();
    await bench.pass(5);
    assert.equal(bench.evse.state, 254, "the claim is still there");
  });

  it("keeps an override for good when it says so, and toggles", async () => {
    await charging();
    await bench.command("override/set", '{"state":"disabled","auto_release":false}');
    bench.evse.swap();
    await bench.pass(5);
    assert.equal(bench.evse.state, 254);
    await bench.command("override/set", "toggle");
    await bench.pass(5);
    assert.equal(bench.evse.state, 3, "released");
    await bench.command("override/set", "toggle");
    assert.equal(bench.evse.state, 254, "the opposite of what was");
    await bench.command("override/set", "clear");
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
  });

  it("ends a session at its limit until the car leaves, and then forgets the limit", async () => {
    await charging({ car: { maxCurrentA: 16 } });
    await bench.command("limit/set", '{"type":"energy","value":500}');
    assert.deepEqual(await bench.document("limit"), { type: "energy", value: 500, auto_release: true });
    await bench.pass(600);
    assert.equal(bench.evse.state, 254);
    const { sessionWh } = bench.evse.counters();
    assert.ok(sessionWh >= 500 && sessionWh < 502, `${sessionWh} Wh`);
    assert.equal(JSON.parse((await bench.http("GET", "/claims/65542")).text).priority, 1_100);
    await bench.command("claim/set", '{"state":"active"}');
    await bench.pass(5);
    assert.equal(bench.evse.state, 254, "a claim of 500 loses to the limit");
    bench.evse.unplug();
    assert.deepEqual(await bench.document("limit"), { type: "none", value: 0, auto_release: true });
    bench.evse.plug();
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
  });

  it("limits by charging time from the start of the session, and by what is fed about the car", async () => {
    await charging({ config: { vehicle_data_src: 2, mqtt_vehicle_soc: "car/soc" } });
    await bench.pass(120);
    await bench.command("limit/set", '{"type":"t","value":3}');
    await bench.pass(50);
    assert.equal(bench.evse.state, 3);
    await bench.pass(15);
    assert.equal(bench.evse.state, 254, "three minutes after the start, not after the command");
    await bench.command("limit/set", '{"type":"soc","value":80}');
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
    await bench.listener.publish("car/soc", "80");
    await bench.listener.until("openevse-7b2c/battery_level", (text) => text === "80");
    assert.equal(bench.evse.state, 254);
  });

  it("starts by itself when a limit is set on a charger that is off by default", async () => {
    bench = await openBench({ plugged: true, config: { default_state: false } });
    await bench.pass(5);
    assert.equal(bench.evse.state, 254);
    await bench.command("limit/set", '{"type":"energy","value":500}');
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
  });

  it("follows its timer, keeps what is not mentioned, and deletes one by one", async () => {
    bench = await openBench({ plugged: true, config: { scheduler_start_window: 0 } });
    const daily = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    const event = (id: number, state: string, time: string): object => ({ id, state, time, days: daily });
    await bench.command("schedule/set", JSON.stringify(event(1, "disabled", "03:01:00")));
    await bench.command("schedule/set", JSON.stringify([event(2, "active", "3:02")]));
    assert.equal(asList(await bench.document("schedule")).length, 2);
    await bench.pass(5);
    assert.equal(bench.evse.state, 3, "the last event, of yesterday, said active");
    const plan = JSON.parse((await bench.http("GET", "/schedule/plan")).text);
    assert.deepEqual([at(plan, "next_event", "id"), at(plan, "next_event_delay")], [1, 55]);
    await bench.pass(60);
    assert.equal(bench.evse.state, 254);
    await bench.pass(60);
    assert.equal(bench.evse.state, 3);
    await bench.command("schedule/clear", "2");
    assert.equal(bench.evse.state, 254, "what is left says disabled");
    await bench.command("claim/set", '{"state":"active"}');
    await bench.pass(5);
    assert.equal(bench.evse.state, 3, "a claim wins over the timer");
  });

  it("charges with the surplus in eco mode, and does as it likes in normal mode", async () => {
    bench = await openBench({
      plugged: true,
      config: { divert_enabled: true, mqtt_grid_ie: "home/grid", divert_attack_smoothing_time: 0 },
    });
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
    await bench.command("divertmode/set", "2");
    assert.deepEqual([bench.evse.state, latestOf(bench.published(), "divertmode")], [254, "2"]);
    await bench.listener.publish("home/grid", "-2600.9");
    await bench.listener.until("openevse-7b2c/grid_ie", (text) => text === "-2600");
    await bench.pass(5);
    assert.deepEqual([bench.evse.state, bench.evse.pilotA], [3, 10]);
    assert.equal(latestOf(bench.published(), "charge_rate"), "10");
    await bench.command("divertmode/set", "1");
    assert.equal(bench.evse.pilotA, 32);
  });

  it("keeps the house below its ceiling with the shaper, and pauses when nobody tells it more", async () => {
    const config = { current_shaper_enabled: true, current_shaper_max_pwr: 9_600, mqtt_live_pwr: "home/all" };
    bench = await openBench({ plugged: true, config });
    const house = async (watts: number): Promise<void> => {
      bench.listener.forget();
      await bench.listener.publish("home/all", String(watts));
      await bench.listener.until("openevse-7b2c/shaper_live_pwr", (text) => text === String(watts));
    };
    await house(0);
    await bench.pass(5);
    assert.deepEqual([bench.evse.state, bench.evse.pilotA], [3, 32]);
    await bench.pass(500);
    assert.equal(bench.evse.state, 254, "no news");
    await bench.command("shaper/set", "0");
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
    assert.equal(latestOf(bench.published(), "shaper"), "0");
  });

  it("takes settings of the right type and tells the new version, without retaining it", async () => {
    await charging();
    await bench.command("config/set", '{"max_current_soft":13,"hostname":7,"version":"9","nonsense":1}');
    assert.deepEqual([bench.evse.pilotA, latestOf(bench.published(), "config_version")], [13, "2"]);
    const { max_current_soft: softA, hostname, version } = JSON.parse((await bench.http("GET", "/config")).text);
    assert.deepEqual([softA, hostname, version], [13, "openevse-7b2c", "v5.1.5"]);
    assert.equal(at(await bench.document("config"), "max_current_soft"), 13);
  });

  it("ignores nonsense without a word", async () => {
    await charging();
    const before = bench.evse.publications.length;
    for (const [path, text] of [
      ["claim/set", "{"],
      ["claim/set", "[1]"],
      ["claim/set", "7"],
      ["override/set", "on"],
      ["limit/set", '{"type":"energy","value":0}'],
      ["limit/set", '{"type":"banana","value":3}'],
      ["limit/set", '{"type":"energy","value":"10"}'],
      ["schedule/set", '{"id":1,"state":"active","time":"25:00","days":["monday"]}'],
      ["schedule/set", '{"id":0,"state":"active","time":"05:00","days":["monday"]}'],
      ["schedule/set", "[]"],
      ["schedule/clear", "7"],
      ["divertmode/set", "3"],
      ["shaper/set", "on"],
      ["config/set", `{"hostname":"${"x".repeat(5_000)}"}`],
      ["restart", '{"device":"house"}'],
    ] as const) {
      await bench.command(path, text);
    }
    assert.equal(bench.evse.publications.length, before);
    assert.equal(bench.evse.state, 3);
  });

  it("obeys again what was published retained, at every reconnect", async () => {
    await charging();
    await bench.command("override/set", '{"state":"disabled"}', true);
    await bench.command("override/set", "clear");
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
    const before = bench.evse.commands.length;
    bench.evse.setFault("mqtt-drop");
    await bench.listener.until("openevse-7b2c/override", (text) => text.includes("disabled"));
    while (bench.evse.commands.length === before) await bench.listener.settle();
    assert.equal(bench.evse.state, 254);
  });

  it("answers raw commands with a checksum, as far as each firmware lets them through", async () => {
    for (const [generation, command, reply] of [
      ["2.9.1", "$GS", /^\$OK 03 \d+ 03 0540\^[0-9A-F]{2}$/],
      ["2.9.1", "$GU", /^\$OK \d+ 1585443\^/],
      ["2.9.1", "$ST", /^\$OK\^20$/],
      ["4.1.9", "$FS", /^\$OK\^20$/],
      ["5.1.5", "$G0", /^\$OK 1\^31$/],
      ["5.1.5", "$GX", /^\$NK\^21$/],
      ["5.1.5", "$FB", /^\$OK\^20$/],
    ] as const) {
      await charging({ generation });
      await bench.command(`rapi/in/${command}`, command === "$ST" ? "0 0 0 0" : "");
      await bench.settle();
      assert.match(await bench.listener.latest(RAPI_OUT), reply, `${generation} ${command}`);
      await bench.end();
    }
    for (const [generation, command] of [
      ["4.1.7", "$ST"],
      ["5.1.5", "$FE"],
      ["5.1.5", "$SC"],
      ["master-2026", "$FD"],
    ] as const) {
      await charging({ generation });
      await bench.command(`rapi/in/${command}`, "");
      await bench.settle();
      await bench.listener.settle();
      assert.deepEqual(bench.listener.textsOf(RAPI_OUT), [], `${generation} ${command}`);
      assert.equal(bench.evse.state, 3);
      if (generation !== "master-2026") await bench.end();
    }
  });

  it("sleeps, wakes and sets the current by raw command as an old module", async () => {
    await charging({ generation: "2.9.1" });
    await bench.command("rapi/in/$SC", "10");
    assert.equal(bench.evse.pilotA, 10);
    await bench.command("rapi/in/$FS", "");
    assert.equal(bench.evse.state, 254);
    await bench.pass(60);
    assert.equal(bench.evse.state, 254, "nobody undoes it");
    await bench.command("rapi/in/$FE", "");
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
    await bench.command("rapi/in/$SC", "99");
    await bench.settle();
    assert.match(bench.listener.textsOf(RAPI_OUT).at(-1) ?? "", /^\$NK/);
    assert.equal(bench.evse.pilotA, 32);
  });

  it("does not know the commands of later firmwares", async () => {
    for (const [generation, path] of [
      ["4.0", "claim/set"],
      ["4.1.7", "limit/set"],
      ["4.2.1", "restart"],
    ] as const) {
      await charging({ generation });
      const before = bench.evse.commands.length;
      await bench.listener.publish(
        `openevse-7b2c/${path}`,
        '{"state":"disabled","device":"evse","type":"e","value":1}',
      );
      await bench.command("divertmode/set", "2");
      assert.equal(bench.evse.commands.length, before + 1, "not even subscribed");
      assert.equal(bench.evse.state, 3);
      if (generation !== "4.2.1") await bench.end();
    }
  });
});
