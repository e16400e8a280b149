import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { createManualClock } from "../../lib/model/clock.ts";
import { type ShellyGen1Options, type ShellyGen1Simulator, startShellyGen1 } from "../../simulators/shelly-em-gen1.ts";
import type { ElectricalSample } from "../../simulators/simulator.ts";
import { asNumber, asObject, at } from "./json.ts";
import { ask, askObject, waitUntil } from "./wire.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 14, 5, 5);
const basic = (credentials: string): { headers: Record<string, string> } => ({
  headers: { Authorization: `Basic ${Buffer.from(credentials).toString("base64")}` },
});

describe("simulated Shelly EM, first generation", () => {
  const running: ShellyGen1Simulator[] = [];
  const start = async (options: Partial<ShellyGen1Options> = {}): Promise<ShellyGen1Simulator> => {
    const sample = (): ElectricalSample => ({ powerW: -612.4, voltageV: 235.1, powerFactor: 0.66 });
    const shelly = await startShellyGen1({ channels: [sample], clock: createManualClock(NOW_MS), ...options });
    running.push(shelly);
    return shelly;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map((shelly) => shelly.stop()));
  });

  it("says who it is without a password and without a generation", async () => {
    const { port } = await start({ password: "secret" });
    assert.deepEqual(await askObject(port, "/shelly"), {
      type: "SHEM",
      mac: "98CDAC1F8A20",
      auth: true,
      fw: "20230913-114008/v1.14.0-gcb84623",
      longid: 1,
      num_outputs: 1,
      num_meters: 0,
      num_emeters: 1,
      report_period: 1,
    });
  });

  it("asks for HTTP Basic everywhere else", async () => {
    const { port } = await start({ username: "owner", password: "secret" });
    for (const path of ["/status", "/emeter/0", "/settings", "/relay/0", "/emeter/0/em_data.csv", "/nowhere"]) {
      const refused = await ask(port, path);
      assert.equal(refused.status, 401, path);
      assert.match(String(refused.headers["www-authenticate"]), /^Basic realm="shellyem-1F8A20"$/);
      assert.equal((await ask(port, path, basic("owner:wrong"))).status, 401, path);
      assert.equal((await ask(port, path, basic("admin:secret"))).status, 401, path);
    }
    assert.equal((await ask(port, "/status", basic("owner:secret"))).status, 200);
  });

  it("reports the status of an EM in the documented shape", async () => {
    const load = (): ElectricalSample => ({ powerW: 1480, voltageV: 235.1, powerFactor: 1 });
    const grid = (): ElectricalSample => ({ powerW: -612.4, voltageV: 235.1, powerFactor: 0.66 });
    const { port } = await start({ channels: [grid, load] });
    const status = await askObject(port, "/status");
    assert.deepEqual(status["emeters"], [
      {
        power: -612.4,
        reactive: 697.08,
        pf: -0.66,
        voltage: 235.1,
        is_valid: true,
        total: 0,
        total_returned: 0,
      },
      { power: 1480, reactive: 0, pf: 1, voltage: 235.1, is_valid: true, total: 0, total_returned: 0 },
    ]);
    assert.equal(status["unixtime"], NOW_MS / 1000);
    assert.equal(status["time"], "14:05");
    assert.equal(status["mac"], "98CDAC1F8A20");
    assert.equal(status["uptime"], 864001);
    assert.equal(at(status, "relays", 0, "ison"), false);
    for (const key of ["wifi_sta", "cloud", "mqtt", "serial", "has_update", "update", "ram_total", "fs_free"]) {
      assert.ok(key in status, key);
    }
    assert.ok(!("total_power" in status));
  });

  it("reports a 3EM with current and total power, without reactive power", async () => {
    const phase = (powerW: number) => (): ElectricalSample => ({ powerW, voltageV: 230, powerFactor: 1 });
    const { port } = await start({ has3Phases: true, channels: [phase(230), phase(-460), phase(690)] });
    assert.equal((await askObject(port, "/shelly"))["type"], "SHEM-3");
    const status = await askObject(port, "/status");
    assert.equal(status["total_power"], 460);
    assert.deepEqual(at(status, "emeters", 1), {
      power: -460,
      pf: -1,
      current: 2,
      voltage: 230,
      is_valid: true,
      total: 0,
      total_returned: 0,
    });
  });

  it("answers for one meter like in the whole status, and 404 for one that it does not have", async () => {
    const { port } = await start();
    const status = await askObject(port, "/status");
    assert.deepEqual(await askObject(port, "/emeter/0"), at(status, "emeters", 0));
    for (const path of ["/emeter/1", "/emeter/x", "/emeter/0/other", "/emeter/", "/settings/emeter/4", "/"]) {
      assert.equal((await ask(port, path)).status, 404, path);
    }
    assert.equal(at(await askObject(port, "/settings"), "emeters", 0, "ctraf_type"), 50);
    assert.equal(at(await askObject(port, "/settings/emeter/0"), "ctraf_type"), 50);
  });

  it("adds energy up in Wh, import and export apart", async () => {
    const clock = createManualClock(NOW_MS);
    let powerW = 3000;
    const { port } = await start({ clock, channels: [() => ({ powerW, voltageV: 230, powerFactor: 1 })] });
    clock.advance(1_200_000);
    powerW = -1200;
    clock.advance(600_000);
    const meter = await askObject(port, "/emeter/0");
    assert.equal(meter["total"], 1000);
    assert.equal(meter["total_returned"], 200);
    assert.equal(at(await askObject(port, "/emeter/0?reset_totals=true"), "total"), 0);
  });

  it("switches its relay", async () => {
    const shelly = await start();
    assert.equal((await askObject(shelly.port, "/relay/0?turn=on"))["ison"], true);
    assert.equal((await askObject(shelly.port, "/relay/0"))["ison"], true);
    assert.equal((await askObject(shelly.port, "/relay/0?turn=toggle"))["ison"], false);
    assert.equal(shelly.relayOn, false);
  });

  it("keeps ten-minute rows of history and streams them slowly, one file at a time", async () => {
    const clock = createManualClock(NOW_MS);
    const { port } = await start({ clock, channels: [() => ({ powerW: 600, voltageV: 230, powerFactor: 1 })] });
    clock.advance(24 * 3_600_000);
    let isDone = false;
    const download = ask(port, "/emeter/0/em_data.csv", { deadlineMs: 5_000 }).then((reply) => {
      isDone = true;
      return reply;
    });
    assert.equal((await ask(port, "/emeter/0/em_data.csv")).text, "Another file transfer is in progress!");
    assert.equal(isDone, false);
    for (let tick = 0; tick < 50 && !isDone; tick++) await clock.advanceAsync(100);
    const lines = (await download).text.trimEnd().split("\n");
    assert.equal(lines[0], "Date/time UTC,Active energy Wh (1),Returned energy Wh (1),Min V,Max V");
    assert.equal(lines.length, 1 + 144);
    assert.equal(lines[2], "2026-11-21 14:10,100.00,0.00,230.00,230.00");
  });

  it("comes back from a reboot with its counters but without the time, until NTP", async () => {
    const clock = createManualClock(NOW_MS);
    const shelly = await start({ clock, channels: [() => ({ powerW: 3600, voltageV: 230, powerFactor: 1 })] });
    clock.advance(100_000);
    const before = await askObject(shelly.port, "/status");
    shelly.reboot({ downMs: 8_000 });
    assert.equal((await ask(shelly.port, "/status")).end, "refused");
    clock.advance(8_000);
    const after = await askObject(shelly.port, "/status");
    assert.equal(after["uptime"], 0);
    assert.equal(after["unixtime"], 0);
    assert.equal(after["time"], "");
    assert.equal(at(after, "emeters", 0, "total"), at(before, "emeters", 0, "total"));
    clock.advance(5_000);
    const synced = await askObject(shelly.port, "/status");
    assert.equal(synced["unixtime"], Math.floor(clock.nowMs() / 1000));
    assert.equal(at(synced, "emeters", 0, "total"), asNumber(at(after, "emeters", 0, "total")) + 5);
  });

  it("can be replaced by another device at the same address", async () => {
    const clock = createManualClock(NOW_MS);
    const shelly = await start({ clock });
    clock.advance(600_000);
    shelly.replaceDevice();
    const status = await askObject(shelly.port, "/status");
    assert.equal(status["mac"], "98CDAC1F8A21");
    assert.equal(shelly.mac, "98CDAC1F8A21");
    assert.equal(at(status, "emeters", 0, "total_returned"), 0);
    assert.equal((await askObject(shelly.port, "/shelly"))["mac"], "98CDAC1F8A21");
  });

  it("forgets its energy when its counters are reset", async () => {
    const clock = createManualClock(NOW_MS);
    const shelly = await start({ clock });
    clock.advance(600_000);
    assert.ok(asNumber((await askObject(shelly.port, "/emeter/0"))["total_returned"]) > 100);
    shelly.resetCounters();
    assert.equal((await askObject(shelly.port, "/emeter/0"))["total_returned"], 0);
  });

  it("counts requests, sockets and how many came at once", async () => {
    const shelly = await start();
    shelly.setFault("silent");
    const held = [1, 2, 3].map(() => ask(shelly.port, "/status", { deadlineMs: 300 }));
    await waitUntil(() => shelly.requests === 3, "three requests");
    assert.equal(shelly.openSockets, 3);
    assert.equal(shelly.peakConcurrentRequests, 3);
    await Promise.all(held);
    await waitUntil(() => shelly.openSockets === 0, "the sockets to close");
    shelly.setFault(null);
    assert.equal((await ask(shelly.port, "/status")).status, 200);
    assert.equal(shelly.peakConcurrentRequests, 3);
    assert.equal(shelly.acceptedSockets, 4);
  });

  it("says in words that a port is taken", async () => {
    const { port } = await start();
    await assert.rejects(start({ port }), (error: unknown) => asObject({ ...Object(error) })["code"] === "config");
  });
});
