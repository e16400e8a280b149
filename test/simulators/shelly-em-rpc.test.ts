import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { createManualClock } from "../../lib/model/clock.ts";
import { type ShellyRpcOptions, type ShellyRpcSimulator, startShellyRpc } from "../../simulators/shelly-em-rpc.ts";
import type { ElectricalSample } from "../../simulators/simulator.ts";
import { asList, at, parseObject } from "./json.ts";
import { ask, askObject } from "./wire.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 14, 5, 5);
const clamp =
  (powerW: number, powerFactor = 1) =>
  (): ElectricalSample => ({ powerW, voltageV: 226.9, powerFactor });

describe("simulated Shelly EM, generation 2 and later", () => {
  const running: ShellyRpcSimulator[] = [];
  const start = async (options: Partial<ShellyRpcOptions> = {}): Promise<ShellyRpcSimulator> => {
    const shelly = await startShellyRpc({
      model: "pro-em",
      channels: [clamp(-332.2, 0.99), clamp(1480)],
      clock: createManualClock(NOW_MS),
      ...options,
    });
    running.push(shelly);
    return shelly;
  };
  const post = async (port: number, body: unknown) =>
    ask(port, "/rpc", { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((shelly) => shelly.stop()));
  });

  it("says who it is without a password, as /shelly and as a method", async () => {
    const shelly = await start({ password: "secret", firmware: "1.4.2" });
    const identity = await askObject(shelly.port, "/shelly");
    assert.deepEqual(identity, {
      name: null,
      id: "shellyproem50-08f9e0aabbcc",
      mac: "08F9E0AABBCC",
      slot: 0,
      model: "SPEM-002CEBEU50",
      gen: 2,
      fw_id: "20260710-101108/1.4.2-g87fbfa4",
      ver: "1.4.2",
      app: "ProEM",
      auth_en: true,
      auth_domain: "shellyproem50-08f9e0aabbcc",
    });
    assert.equal(shelly.deviceId, identity["id"]);
    assert.deepEqual(await askObject(shelly.port, "/rpc/Shelly.GetDeviceInfo"), identity);
    const reply = await post(shelly.port, { id: 1, method: "Shelly.GetDeviceInfo" });
    assert.deepEqual(at(parseObject(reply.text), "result"), identity);
    assert.equal((await ask(shelly.port, "/rpc/Shelly.GetStatus")).status, 401);
    assert.equal((await post(shelly.port, { id: 1, method: "Shelly.GetStatus" })).status, 401);
  });

  it("knows its generation by model", async () => {
    const expected = [
      ["em-gen3", "S3EM-002CXCEU", 3],
      ["em-gen4", "S4EM-002CXCEU", 4],
    ] as const;
    for (const [model, modelId, generation] of expected) {
      const { port } = await start({ model });
      const identity = await askObject(port, "/shelly");
      assert.equal(identity["model"], modelId);
      assert.equal(identity["gen"], generation);
      assert.equal(at(await askObject(port, "/rpc/EM1.GetStatus?id=1"), "act_power"), 1480);
    }
  });

  it("reports one clamp in the documented shape", async () => {
    const { port } = await start();
    assert.deepEqual(await askObject(port, "/rpc/EM1.GetStatus?id=0"), {
      id: 0,
      current: 1.479,
      voltage: 226.9,
      act_power: -332.2,
      aprt_power: 335.6,
      pf: 0.99,
      freq: 50,
      calibration: "factory",
    });
    assert.deepEqual(await askObject(port, "/rpc/EM1Data.GetStatus?id=0"), {
      id: 0,
      total_act_energy: 0,
      total_act_ret_energy: 0,
    });
    const config = await askObject(port, "/rpc/EM1.GetConfig?id=1");
    assert.deepEqual(config, { id: 1, name: null, reverse: false, ct_type: "50A" });
  });

  it("lists all its components in the whole status, and its methods", async () => {
    const { port } = await start();
    const status = await askObject(port, "/rpc/Shelly.GetStatus");
    for (const name of ["em1:0", "em1:1", "em1data:0", "em1data:1", "switch:0", "sys", "wifi", "cloud", "mqtt"]) {
      assert.ok(name in status, name);
    }
    assert.deepEqual(status["em1:1"], await askObject(port, "/rpc/EM1.GetStatus?id=1"));
    const methods = asList((await askObject(port, "/rpc/Shelly.ListMethods"))["methods"]);
    assert.ok(methods.includes("EM1.GetStatus") && methods.includes("EM1Data.GetStatus"));
    assert.ok(!methods.includes("EM.GetStatus"));
  });

  it("reports a 3EM with three phases, their sum and counters that are not netted", async () => {
    const clock = createManualClock(NOW_MS);
    const { port } = await start({ model: "pro-3em", channels: [clamp(1000), clamp(-600), clamp(0)], clock });
    clock.advance(360_000);
    const live = await askObject(port, "/rpc/EM.GetStatus?id=0");
    assert.equal(live["total_act_power"], 400);
    for (const letter of ["a", "b", "c"]) {
      for (const name of ["current", "voltage", "act_power", "aprt_power", "pf", "freq"]) {
        assert.equal(typeof live[`${letter}_${name}`], "number", `${letter}_${name}`);
      }
    }
    assert.equal(live["n_current"], null);
    assert.deepEqual(await askObject(port, "/rpc/EMData.GetStatus?id=0"), {
      id: 0,
      a_total_act_energy: 100,
      a_total_act_ret_energy: 0,
      b_total_act_energy: 0,
      b_total_act_ret_energy: 60,
      c_total_act_energy: 0,
      c_total_act_ret_energy: 0,
      total_act: 100,
      total_act_ret: 60,
    });
    assert.equal((await askObject(port, "/shelly"))["profile"], "triphase");
  });

  it("answers a posted frame with a frame", async () => {
    const { port } = await start();
    const reply = await post(port, { id: 7, src: "nr", method: "EM1.GetStatus", params: { id: 1 } });
    const frame = parseObject(reply.text);
    assert.equal(reply.status, 200);
    assert.deepEqual([frame["id"], frame["src"], frame["dst"]], [7, "shellyproem50-08f9e0aabbcc", "nr"]);
    assert.equal(at(frame, "result", "act_power"), 1480);
  });

  it("names the mistake: no such method, missing or wrong argument, no such id", async () => {
    const { port } = await start();
    const mistakes = [
      ["/rpc/EM1.Dance", 404, 404],
      ["/rpc/EM.GetStatus?id=0", 404, 404],
      ["/rpc/EM1.GetStatus", 500, -103],
      ["/rpc/EM1.GetStatus?id=first", 500, -103],
      ["/rpc/EM1.GetStatus?id=2", 500, -105],
    ] as const;
    for (const [path, status, code] of mistakes) {
      const reply = await ask(port, path);
      assert.equal(reply.status, status, path);
      assert.equal(parseObject(reply.text)["code"], code, path);
    }
    const posted = parseObject((await post(port, { id: 1, method: "EM1.GetStatus" })).text);
    assert.equal(at(posted, "error", "code"), -103);
    assert.ok(!("result" in posted));
    assert.equal((await post(port, "{not json")).status, 404);
    assert.equal((await ask(port, "/elsewhere")).status, 404);
  });

  it("refuses a body that no client would send", async () => {
    const { port } = await start();
    assert.equal((await post(port, "x".repeat(70_000))).status, 413);
  });

  it("resets counters on request and by hand", async () => {
    const clock = createManualClock(NOW_MS);
    const shelly = await start({ clock });
    const totals = async (id: number) =>
      at(await askObject(shelly.port, `/rpc/EM1Data.GetStatus?id=${id}`), "total_act_energy");
    clock.advance(900_000);
    assert.equal(await totals(1), 370);
    await askObject(shelly.port, "/rpc/EM1Data.ResetCounters?id=1");
    assert.equal(await totals(1), 0);
    clock.advance(900_000);
    shelly.resetCounters();
    assert.equal(await totals(1), 0);
  });

  it("loses its connections, its time and its nonces in a reboot, not its counters", async () => {
    const clock = createManualClock(NOW_MS);
    const shelly = await start({ clock });
    clock.advance(900_000);
    shelly.reboot({ downMs: 3_000 });
    assert.equal((await ask(shelly.port, "/shelly")).end, "refused");
    clock.advance(3_000);
    const status = await askObject(shelly.port, "/rpc/Shelly.GetStatus");
    assert.equal(at(status, "sys", "uptime"), 0);
    assert.equal(at(status, "sys", "unixtime"), null);
    assert.equal(at(status, "em1data:1", "total_act_energy"), 370);
    clock.advance(5_000);
    const synced = await askObject(shelly.port, "/rpc/Sys.GetStatus");
    assert.equal(synced["unixtime"], Math.floor(clock.nowMs() / 1000));
  });

  it("stays down when it reboots into the fault refuse", async () => {
    const clock = createManualClock(NOW_MS);
    const shelly = await start({ clock });
    shelly.reboot({ downMs: 3_000 });
    shelly.setFault("refuse");
    clock.advance(3_000);
    assert.equal((await ask(shelly.port, "/shelly")).end, "refused");
    shelly.setFault(null);
    assert.equal((await ask(shelly.port, "/shelly")).status, 200);
  });

  it("changes its id and its realm when another device takes its place", async () => {
    const shelly = await start({ password: "secret" });
    shelly.replaceDevice();
    assert.equal(shelly.deviceId, "shellyproem50-08f9e0aabbcd");
    assert.equal((await askObject(shelly.port, "/shelly"))["id"], shelly.deviceId);
    const denied = await ask(shelly.port, "/rpc/Shelly.GetStatus");
    assert.match(String(denied.headers["www-authenticate"]), /realm="shellyproem50-08f9e0aabbcd"/);
  });

  it("answers 429 after too many wrong passwords, except to say who it is", async () => {
    const shelly = await start({ password: "secret" });
    shelly.setFault("too-many-attempts");
    assert.equal((await ask(shelly.port, "/rpc/Shelly.GetStatus")).status, 429);
    assert.equal((await ask(shelly.port, "/shelly")).status, 200);
  });
});
