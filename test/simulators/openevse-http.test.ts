import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { EvError } from "../../lib/model/errors.ts";
import { httpFaults } from "../../simulators/web/wire-faults.ts";
import { startOpenEvse } from "../../simulators/openevse.ts";
import { asList, at, parseObject } from "./json.ts";
import { type Bench, openBench } from "./openevse-setup.ts";
import { ask } from "./wire.ts";

describe("OpenEVSE simulator over HTTP", () => {
  let bench: Bench;
  afterEach(() => bench.end());

  async function says(method: string, path: string, status: number, body?: string): Promise<unknown> {
    const reply = await bench.http(method, path, body);
    assert.equal(reply.status, status, `${method} ${path}: ${reply.text}`);
    return reply.headers["content-type"] === "application/json" ? JSON.parse(reply.text) : reply.text;
  }

  it("makes, shows, toggles and releases an override", async () => {
    bench = await openBench({ plugged: true });
    await bench.pass(5);
    assert.deepEqual(await says("GET", "/override", 200), {});
    assert.deepEqual(await says("POST", "/override", 201, '{"charge_current":9}'), { msg: "Created" });
    assert.deepEqual(await says("GET", "/override", 200), { charge_current: 9, auto_release: true });
    assert.deepEqual(await says("POST", "/override", 201, '{"state":"disabled"}'), { msg: "Created" });
    assert.deepEqual(await says("GET", "/override", 200), { state: "disabled", auto_release: true }, "from scratch");
    assert.equal(bench.evse.state, 254);
    assert.deepEqual(await says("DELETE", "/override", 200), { msg: "Deleted" });
    await says("DELETE", "/override", 500);
    assert.deepEqual(await says("PATCH", "/override", 200), { msg: "Updated" });
    assert.equal(bench.evse.state, 254);
    await says("POST", "/override", 400, "{");
  });

  it("answers 404 for what is not set on firmware before 5", async () => {
    bench = await openBench({ generation: "4.2.1" });
    await says("GET", "/override", 404);
    await says("GET", "/limit", 404);
    await says("GET", "/nowhere", 404);
  });

  it("keeps claims of several clients apart, all of priority 500, ten at most", async () => {
    bench = await openBench();
    assert.deepEqual(await says("GET", "/claims", 200), []);
    assert.deepEqual(await says("POST", "/claims/20", 200, '{"state":"disabled","priority":9}'), { msg: "done" });
    assert.deepEqual(await says("GET", "/claims/20", 200), {
      client: 20,
      priority: 500,
      state: "disabled",
      auto_release: false,
    });
    assert.equal(bench.evse.state, 254);
    await says("POST", "/claims/262145", 200, '{"max_current":10}');
    assert.equal(bench.evse.pilotA, 10);
    for (let client = 1; client <= 8; client++) await says("POST", `/claims/${client}`, 200, "{}");
    assert.equal(asList(await says("GET", "/claims", 200)).length, 10);
    await says("POST", "/claims/9", 500, "{}");
    await says("GET", "/claims/9", 404);
    await says("DELETE", "/claims/20", 200);
    await says("DELETE", "/claims/20", 404);
    assert.equal(bench.evse.state, 1);
    await says("POST", "/claims/4294967295", 200, "{}");
    await says("GET", "/claims/2147483647", 200);
  });

  it("knows limits, timer, divert and shaper", async () => {
    bench = await openBench();
    assert.deepEqual(await says("GET", "/limit", 200), {});
    await says("POST", "/limit", 201, '{"type":"time","value":90}');
    assert.deepEqual(await says("GET", "/limit", 200), { type: "time", value: 90, auto_release: true });
    assert.equal((await bench.status())["limit"], true);
    await says("POST", "/limit", 400, '{"type":"time","value":-1}');
    await says("DELETE", "/limit", 200);
    const event = { state: "active", time: "23:30:00", days: ["monday"] };
    assert.deepEqual(await says("POST", "/schedule/5", 200, JSON.stringify(event)), { msg: "done" });
    assert.deepEqual(await says("GET", "/schedule/5", 200), { id: 5, ...event });
    await says("POST", "/schedule", 400, JSON.stringify({ ...event, id: 1, days: ["someday"] }));
    assert.equal(at(await says("GET", "/schedule/plan", 200), "next_event", "id"), 5);
    await says("DELETE", "/schedule/5", 200);
    await says("DELETE", "/schedule/5", 404);
    await says("POST", "/divertmode", 200, "divertmode=2");
    await says("POST", "/divertmode", 400, "divertmode=eco");
    await says("POST", "/shaper", 200, "shaper=1");
    const { divertmode, shaper } = await bench.status();
    assert.deepEqual([divertmode, shaper], [2, 1]);
  });

  it("takes measurements and says them back", async () => {
    bench = await openBench({ generation: "master-2026", config: { vehicle_data_src: 3 } });
    const fed = { voltage: 231, grid_ie: -900.7, battery_level: 41 };
    assert.deepEqual(await says("POST", "/status", 200, JSON.stringify(fed)), fed);
    const status = await bench.status();
    assert.deepEqual([status["voltage"], status["grid_ie"], status["battery_level"]], [231, -900, 41]);
    await bench.pass(121);
    assert.equal((await bench.status())["voltage"], 240, "the feed has grown old");
    await says("POST", "/status", 400, "voltage=231");
  });

  it("changes settings and says whether something changed", async () => {
    bench = await openBench();
    assert.deepEqual(await says("POST", "/config", 200, '{"max_current_soft":16}'), { msg: "done" });
    assert.deepEqual(await says("POST", "/config", 200, '{"max_current_soft":16}'), { msg: "no change" });
    await says("POST", "/config", 400, "max_current_soft=16");
  });

  it("passes raw commands or says that they are blocked", async () => {
    bench = await openBench();
    assert.deepEqual(await says("GET", "/r?json=1&rapi=$GS", 200), { cmd: "$GS", ret: "$OK 01 0 01 0000^10" });
    assert.equal(at(await says("GET", "/r?json=1&rapi=$FE", 200), "error"), "RAPI_RESPONSE_BLOCKED");
    assert.equal(at(await says("GET", "/r?json=1&rapi=%24SC+13", 200), "error"), "RAPI_RESPONSE_BLOCKED");
    assert.equal(await says("GET", "/r?rapi=$G0", 200), "$G0 > $OK 0^30");
  });

  it("resets its energy counters, the lifetime only with hard", async () => {
    bench = await openBench({ plugged: true });
    await bench.pass(3_600);
    await says("DELETE", "/emeter", 400, '{"hard":0}');
    const { totalKwh } = bench.evse.counters();
    await says("DELETE", "/emeter", 200, '{"hard":0,"import":0}');
    assert.deepEqual([bench.evse.counters().sessionWh, bench.evse.counters().totalKwh], [0, totalKwh]);
    await says("DELETE", "/emeter", 200, '{"hard":1,"import":0}');
    assert.equal(bench.evse.counters().totalKwh, 0);
  });

  it("keeps a log of every change of state, for sessions that nobody saw", async () => {
    bench = await openBench();
    bench.evse.plug();
    await bench.pass(600);
    bench.evse.unplug();
    assert.deepEqual(await says("GET", "/logs", 200), { min: 0, max: 0 });
    const events = asList(await says("GET", "/logs/0", 200));
    assert.deepEqual(
      events.map((event) => at(event, "evseState")),
      [2, 3, 1],
    );
    assert.deepEqual([at(events[2], "time"), at(events[2], "elapsed")], ["2026-11-21T03:10:00Z", 598]);
    assert.ok(Number(at(events[2], "energy")) > 1_200, "the session is still in it");
    await says("GET", "/logs/7", 404);
    for (let times = 0; times < 40; times++) {
      bench.evse.plug();
      bench.evse.unplug();
    }
    assert.deepEqual(await says("GET", "/logs", 200), { min: 0, max: 1 });
  });

  it("asks for HTTP Basic on every page when it has a password", async () => {
    bench = await openBench({ username: "owner", password: "secret" });
    const basic = (pair: string) => ({ headers: { Authorization: `Basic ${Buffer.from(pair).toString("base64")}` } });
    for (const path of ["/status", "/config", "/override", "/r?rapi=$GS", "/nowhere"]) {
      assert.equal((await ask(bench.evse.port, path)).status, 401, path);
      assert.equal((await ask(bench.evse.port, path, basic("owner:wrong"))).status, 401, path);
    }
    assert.equal((await ask(bench.evse.port, "/status", basic("owner:secret"))).status, 200);
  });

  it("has only the old pages as an ESP8266", async () => {
    bench = await openBench({ generation: "2.9.1" });
    for (const path of ["/override", "/claims", "/schedule", "/limit", "/logs"]) await says("GET", path, 404);
    await says("GET", "/r?json=1&rapi=$FS", 200);
    assert.equal(bench.evse.state, 254);
  });

  it("misbehaves on the wire as told, and is well again at once", async () => {
    bench = await openBench();
    const seen: Record<string, unknown> = {};
    for (const fault of [...httpFaults, "refuse", "unauthorized"] as const) {
      bench.evse.setFault(fault);
      const { end, status, text } = await ask(bench.evse.port, "/status", { deadlineMs: 150, maxBytes: 100_000 });
      seen[fault] = end === "complete" ? status : end;
      if (fault === "truncated-json") assert.throws(() => parseObject(text));
      bench.evse.setFault(null);
    }
    assert.deepEqual(seen, {
      silent: "deadline",
      "slow-loris": "deadline",
      "endless-body": "too-large",
      garbage: seen["garbage"],
      "truncated-json": 200,
      "html-200": 200,
      "server-error": 500,
      redirect: 302,
      refuse: "refused",
      unauthorized: 401,
    });
    assert.equal((await bench.status())["state"], 1);
    assert.ok(bench.evse.isMqttConnected, "MQTT was never affected");
  });

  it("says in words that a port is taken, and leaves nothing running", async () => {
    bench = await openBench();
    const pending = bench.clock.pending;
    const { port } = bench.evse;
    await assert.rejects(
      startOpenEvse({ clock: bench.clock, port, brokerUrl: bench.broker.url, mac: "9C9C1FE57B2D" }),
      (error) => error instanceof EvError && error.code === "config" && error.message.includes(String(port)),
    );
    assert.equal(bench.clock.pending, pending);
    assert.equal(bench.broker.clientIds.includes("openevse-7b2d"), false);
  });
});
