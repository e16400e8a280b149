import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { type OpenEvseFault, openEvseFaults } from "../../simulators/openevse.ts";
import { type Bench, latestOf, openBench } from "./openevse-setup.ts";
import { ask, waitUntil } from "./wire.ts";

describe("OpenEVSE simulator, its car and its faults", () => {
  let bench: Bench;
  afterEach(() => bench.end());

  it("draws no more than the car takes and the charger offers", async () => {
    bench = await openBench({ plugged: true, car: { maxCurrentA: 16 }, voltageV: () => 230 });
    await bench.pass(10);
    assert.equal(bench.evse.acPowerW(), 16 * 230);
    await bench.command("claim/set", '{"charge_current":8}');
    assert.equal(bench.evse.acPowerW(), 8 * 230);
    const { amp, voltage, power } = await bench.status();
    assert.deepEqual([amp, voltage, power], [8_000, 230, 1_840]);
  });

  it("draws on three phases", async () => {
    bench = await openBench({ plugged: true, phases: 3, car: { maxCurrentA: 16 }, voltageV: () => 230 });
    await bench.pass(10);
    assert.equal(bench.evse.acPowerW(), 3 * 16 * 230);
    assert.equal((await bench.status())["power"], 11_040);
  });

  it("stops by itself when the car is full, to the watt-hour, and shows state 2", async () => {
    bench = await openBench({ plugged: true, car: { capacityWh: 10_000, socPercent: 90, targetSocPercent: 95 } });
    await bench.pass(600);
    assert.equal(bench.evse.state, 2);
    assert.equal(Math.round(bench.evse.car().socPercent * 1000) / 1000, 95);
    assert.ok(Math.abs(bench.evse.counters().sessionWh - 500 / 0.9) < 0.01, "nine tenths end in the battery");
  });

  it("fills the battery faster than real for a demo, with power and counters as they are", async () => {
    bench = await openBench({ plugged: true, car: { capacityWh: 52_000, socPercent: 50 }, speedFactor: 60 });
    await bench.pass(62);
    assert.ok(Math.abs(bench.evse.counters().sessionWh - 128) < 3);
    assert.ok(bench.evse.car().socPercent > 62);
    bench.evse.setSpeedFactor(1);
    const { socPercent } = bench.evse.car();
    await bench.pass(60);
    assert.ok(bench.evse.car().socPercent - socPercent < 0.3);
  });

  it("counts faster than real when told", async () => {
    bench = await openBench({ plugged: true, car: { capacityWh: 500_000 }, meterSpeedFactor: 60 });
    await bench.pass(62);
    const { sessionWh, elapsedS } = bench.evse.counters();
    assert.ok(sessionWh > 7_400 && sessionWh < 7_700 && elapsedS > 3_500 && elapsedS < 3_700);
  });

  it("sees a car swapped while sleeping, by the flag alone", async () => {
    bench = await openBench({ plugged: true });
    await bench.pass(600);
    await bench.command("claim/set", '{"state":"disabled"}');
    bench.published();
    bench.evse.swap({ socPercent: 10 });
    const published = bench.published().filter((entry) => /^(state|vehicle|session_energy) /.test(entry));
    assert.deepEqual(published, ["state 254", "vehicle 0", "session_energy 0", "state 254", "vehicle 1"]);
    assert.equal(Math.round(bench.evse.car().socPercent), 10);
  });

  it("has cars that fall asleep in a pause, wake by hand or by a new plug, and do not sleep when disabled", async () => {
    bench = await openBench({ plugged: true, car: { needsWake: true } });
    const pauseAndResume = async (): Promise<void> => {
      await bench.command("claim/set", '{"state":"disabled"}');
      await bench.pass(60);
      await bench.command("claim/set", "release");
      await bench.pass(60);
    };
    await bench.pass(10);
    await pauseAndResume();
    assert.deepEqual([bench.evse.state, bench.evse.car().isAsleep], [2, true]);
    bench.evse.wakeCar();
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
    await pauseAndResume();
    bench.evse.unplug();
    bench.evse.plug();
    await bench.pass(5);
    assert.equal(bench.evse.state, 3);
    await bench.command("config/set", '{"pause_uses_disabled":true}');
    await pauseAndResume();
    assert.equal(bench.evse.state, 3);
  });

  it("charges only with a tag when RFID is on, tells the tag, and forgets it when the car leaves", async () => {
    bench = await openBench({ config: { rfid_enabled: true } });
    assert.equal(bench.evse.hasRfid, true);
    bench.evse.plug();
    await bench.pass(10);
    assert.equal(bench.evse.state, 254);
    bench.evse.presentTag("04A1B2C3");
    assert.equal(latestOf(bench.published(), "rfid_auth"), "04A1B2C3");
    await bench.pass(120);
    assert.equal(bench.evse.state, 3);
    bench.evse.unplug();
    const published = bench.published();
    assert.equal(latestOf(published, "rfid_auth"), "");
    assert.ok(published.indexOf("vehicle 0") < published.indexOf("rfid_auth "));
    bench.evse.presentTag("04A1B2C3");
    await bench.pass(61);
    assert.equal(latestOf(bench.published(), "rfid_auth"), "", "nobody plugged in for a minute");
  });

  it("opens the relay at a fault, says which, and goes on afterwards", async () => {
    for (const [fault, code, flag] of [
      ["gfci", 6, 0x80],
      ["no-ground", 7, 0x20],
      ["stuck-relay", 8, 0],
      ["over-temperature", 10, 0],
    ] as const) {
      bench = await openBench({ plugged: true });
      await bench.pass(60);
      bench.evse.setFault(fault);
      const published = bench.published();
      assert.deepEqual([bench.evse.state, bench.evse.acPowerW()], [code, 0]);
      assert.deepEqual([latestOf(published, "state"), latestOf(published, "vehicle")], [String(code), "1"]);
      assert.equal(latestOf(published, "colour"), "1");
      assert.equal(Number(latestOf(published, "flags")) & 0xa0, flag);
      const { gfcicount, nogndcount, stuckcount } = await bench.status();
      assert.deepEqual(
        [gfcicount, nogndcount, stuckcount],
        [6, 7, 8].map((of) => (of === code ? 1 : 0)),
      );
      bench.evse.setFault(null);
      await bench.pass(5);
      assert.equal(bench.evse.state, 3);
      if (fault !== "over-temperature") await bench.end();
    }
  });

  it("sends bursts twice or backwards, silence, or rubbish instead of numbers", async () => {
    bench = await openBench();
    const burst = (fault: OpenEvseFault): readonly string[] => {
      bench.evse.setFault(fault);
      bench.published();
      bench.evse.plug();
      const published = bench.published();
      bench.evse.setFault(null);
      bench.evse.unplug();
      return published;
    };
    const keys = (published: readonly string[]): readonly string[] =>
      published.map((entry) => entry.split(" ", 1)[0] ?? "");
    assert.equal(burst("duplicate-bursts").filter((entry) => entry === "state 2").length, 2);
    assert.deepEqual(keys(burst("shuffled-bursts")).slice(-3), ["vehicle", "flags", "state"]);
    assert.deepEqual(burst("mqtt-silent"), []);
    const rubbish = burst("garbage-values");
    assert.ok(rubbish.length > 9 && !rubbish.includes("state 2") && rubbish.includes("vehicle 1"));
  });

  it("goes off the network as a whole while the car charges on, and comes back with all of it counted", async () => {
    bench = await openBench({ plugged: true });
    await bench.pass(60);
    const before = bench.evse.counters().sessionWh;
    bench.evse.setFault("offline");
    await bench.listener.until(bench.evse.announceTopic, (text) => text.includes("disconnected"));
    assert.equal((await ask(bench.evse.port, "/status")).end, "refused");
    await bench.pass(3_600);
    bench.evse.setFault(null);
    await waitUntil(() => bench.evse.isMqttConnected, "the charger to come back");
    assert.ok(Number((await bench.status())["session_energy"]) > before + 7_000);
  });

  it("answers nobody while its module reboots, also when told over MQTT or HTTP", async () => {
    bench = await openBench({ plugged: true });
    await bench.command("limit/set", '{"type":"energy","value":9000}');
    await bench.command("claim/set", '{"charge_current":10}');
    await bench.command("restart", '{"device":"gateway"}');
    await bench.pass(1);
    await bench.listener.until(bench.evse.announceTopic, (text) => text.includes("disconnected"));
    assert.equal((await ask(bench.evse.port, "/status")).end, "refused");
    await bench.pass(20);
    await waitUntil(() => bench.evse.isMqttConnected, "the module to come back");
    const { uptime, limit, claims_version: claimsVersion } = await bench.status();
    assert.deepEqual([uptime, limit, claimsVersion], [0, false, 0], "nothing of it was kept");
    assert.deepEqual(await bench.document("claim"), { state: "null" });
    assert.equal((await bench.http("POST", "/restart", '{"device":"gateway"}')).status, 200);
    await bench.pass(1);
    await waitUntil(() => !bench.evse.isMqttConnected, "the module to go");
  });

  it("recovers from every fault there is", async function () {
    this.timeout(10_000);
    bench = await openBench({ plugged: true, rebootMs: 2_000 });
    for (const fault of openEvseFaults) {
      bench.evse.setFault(fault);
      await bench.pass(15);
      bench.evse.setFault(null);
      await bench.pass(15);
      await waitUntil(() => {
        bench.clock.advance(1_000);
        return bench.evse.isMqttConnected;
      }, `MQTT after ${fault}`);
      assert.equal((await bench.status())["state"], 3, fault);
    }
  });

  it("leaves no timer, socket or client behind", async () => {
    bench = await openBench({ plugged: true });
    bench.evse.reboot();
    await bench.evse.stop();
    assert.equal(bench.clock.pending, 0);
    await waitUntil(() => bench.broker.counts.clients === 1, "the broker to notice");
    assert.equal((await ask(bench.evse.port, "/status")).end, "refused");
  });
});
