import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { connectAsync } from "mqtt";
import { openEvseGenerations } from "../../../../simulators/openevse.ts";
import { besides, type Rig, type RigOptions, startRig } from "./rig.ts";

const rigs: Rig[] = [];
async function rigWith(options: RigOptions = {}): Promise<Rig> {
  const rig = await startRig(options);
  rigs.push(rig);
  return rig;
}
const LIFETIME_WH = 7_875_444;
/** What each generation calls itself where it says no version over MQTT. */
const SHOWN: Readonly<Record<string, string>> = { "2.7.5": "2.x", "2.9.1": "2.x", "4.0": "4.0" };

describe("openevse: reading a charger", function () {
  this.timeout(30_000);
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.stop();
  });

  for (const over of ["mqtt", "http"] as const) {
    for (const generation of openEvseGenerations) {
      it(`${generation} over ${over}: plugged, charging, unplugged, with the energy that flowed`, async () => {
        const rig = await rigWith({
          over,
          simulator: { generation, lifetimeWh: LIFETIME_WH },
          settings: { whMeaning: generation === "2.7.5" ? "session-ws" : null },
        });
        await rig.pass(45);
        assert.deepEqual([rig.last().online, rig.last().state, rig.last().plugged], [true, "unplugged", false]);
        rig.simulator.plug();
        await rig.until("charging", () => rig.last().state === "charging");
        await rig.pass(150);
        const during = rig.last();
        assert.deepEqual([during.plugged, during.setpointA, during.currentA], [true, 32, 32]);
        assert.ok((during.sessionS ?? 150) > 100, String(during.sessionS));
        rig.simulator.unplug();
        await rig.until("unplugged", () => rig.last().plugged === false);
        await rig.pass(70);
        assert.equal(rig.last().state, "unplugged");

        const deliveredWh = rig.simulator.deliveredWh;
        const mostSessionWh = Math.max(...rig.records.map(({ sessionWh }) => sessionWh ?? 0));
        assert.ok(Math.abs(mostSessionWh - deliveredWh) < 80, `session ${mostSessionWh}, delivered ${deliveredWh}`);
        // 4.1.9 to 4.2.1 count some idle time as if it had charged (fact sheet 3.7): the device's word, not our invention
        const phantomWh = ["4.1.9", "4.2.1"].includes(generation) ? 5 : 0;
        assert.ok(mostSessionWh <= deliveredWh + 1 + phantomWh);
        const { totalWh, counters, firmware } = rig.last();
        if (totalWh !== null) {
          assert.ok(
            Math.abs(totalWh - LIFETIME_WH - deliveredWh) < 2 + phantomWh,
            `total ${totalWh}, delivered ${deliveredWh}`,
          );
        }
        const isNew = ["4.1.9", "4.2.1", "5.1.5", "master-2026"].includes(generation);
        assert.equal(counters?.sessionResets, isNew ? "at-unplug" : "at-plug");
        assert.equal(counters?.totalGrows, isNew ? "continuously" : "at-unplug");
        if (over === "mqtt" && generation in SHOWN) assert.equal(firmware, SHOWN[generation]);
        if (over === "http" && generation !== "master-2026")
          assert.ok(firmware?.startsWith(generation), String(firmware));
        assert.deepEqual(
          rig.heard().filter((command) => !/^rapi\/in\/\$G[SU]$/.test(command)),
          [],
          "nothing was written",
        );
        assert.ok(rig.simulator.requests.every(({ method }) => method === "GET"));
      });
    }
  }

  it("does not use a bare wh before the user has said what it means, and says so", async () => {
    const rig = await rigWith({ simulator: { generation: "2.7.5", lifetimeWh: LIFETIME_WH } });
    await rig.until("wh", () => rig.reports.at(-1)?.raw["wh"] !== undefined);
    assert.deepEqual([rig.last().sessionWh, rig.last().totalWh], [null, null]);
    assert.ok(rig.last().flags.includes("wh-unknown"));
  });

  it("asks an old module's controller whether a car is plugged in while it sleeps", async () => {
    const rig = await rigWith({ simulator: { generation: "2.9.1", plugged: true } });
    await rig.until("the firmware", () => rig.reports.at(-1)?.firmware.generation === "2.9");
    assert.equal((await rig.order("pause")).code, "done");
    await rig.until("paused with its car", () => rig.last().state === "paused" && rig.last().plugged === true);
    rig.simulator.unplug();
    await rig.until("the car is gone", () => rig.last().plugged === false, 70);
  });

  it("sends one record for a burst, and no record in which the car is gone and still there", async () => {
    for (const fault of [null, "duplicate-bursts", "shuffled-bursts"] as const) {
      const rig = await rigWith({ simulator: { plugged: true } });
      if (fault !== null) rig.simulator.setFault(fault);
      await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
      const before = rig.records.length;
      const messagesBefore = rig.simulator.publications.length;
      rig.simulator.unplug();
      await rig.until("unplugged", () => rig.last().plugged === false);
      await rig.pass(5);
      assert.ok(rig.simulator.publications.length - messagesBefore > 11);
      assert.ok(rig.records.length - before <= 3, `${rig.records.length - before} records`);
      for (const { plugged, state, flags } of rig.records) {
        assert.ok(!(state === "unplugged" && plugged !== false), `${state} ${plugged}`);
        assert.ok(!flags.includes("plug-unknown"), `${state} ${plugged} ${fault}`);
      }
    }
  });

  it("tells the last energy before the counter goes back to 0 at unplugging", async () => {
    const rig = await rigWith({ simulator: { plugged: true } });
    await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
    await rig.pass(120);
    const said = (): string[] =>
      rig.simulator.publications.filter(({ topic }) => topic.endsWith("/session_energy")).map(({ text }) => text);
    const count = said().length;
    await rig.until("one more", () => said().length > count);
    const lastWh = Number(said().at(-1));
    rig.simulator.unplug();
    await rig.until("unplugged", () => rig.last().plugged === false);
    const last = rig.records.findLast(({ plugged }) => plugged === true);
    assert.ok(Math.abs((last?.sessionWh ?? 0) - lastWh) < 0.01, `${last?.sessionWh} of ${lastWh}`);
    assert.equal(rig.last().sessionWh, 0);
  });

  it("does not know the plug state while the charger is disabled, whatever the firmware says", async () => {
    for (const generation of ["5.1.5", "master-2026"] as const) {
      const rig = await rigWith({ simulator: { generation, plugged: true, config: { pause_uses_disabled: true } } });
      await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
      assert.equal((await rig.order("pause")).code, "done");
      await rig.pass(40);
      assert.deepEqual([rig.last().state, rig.last().plugged, rig.last().setpointA], ["paused", null, 0], generation);
      assert.ok(rig.last().flags.includes("plug-unknown"));
      assert.ok(
        rig.records.every(({ plugged }) => plugged !== false),
        "never called unplugged",
      );
    }
  });

  it("takes what the broker has kept for what was, until the charger speaks", async () => {
    const rig = await rigWith({ simulator: { plugged: true, config: { mqtt_retained: true } } });
    await rig.pass(40);
    // a second one joins in the middle
    const late = besides(rig);
    await late.until("a first record", () => late.records.length > 0);
    assert.ok(late.last().flags.includes("snapshot"));
    await late.until("a live one", () => !late.last().flags.includes("snapshot"), 40);
    await late.device.close();
  });

  it("opens nothing for a charger that was charging yesterday and is gone", async () => {
    const rig = await rigWith({ simulator: { plugged: true, config: { mqtt_retained: true } } });
    await rig.pass(40);
    rig.simulator.setFault("offline");
    await rig.until("gone", () => !rig.last().online);
    const late = besides(rig);
    await late.pass(10);
    assert.deepEqual(
      late.records.map(({ online, state, plugged }) => [online, state, plugged]),
      [[false, "unknown", null]],
    );
    await late.device.close();
  });

  it("calls the charger gone after silence, and there again with its next word", async () => {
    const rig = await rigWith({ simulator: { plugged: true } });
    await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
    rig.simulator.setFault("mqtt-silent");
    await rig.until("gone", () => !rig.last().online, 110);
    assert.equal(rig.reports.at(-1)?.fault?.code, "timeout");
    rig.simulator.setFault(null);
    await rig.until("there", () => rig.last().online && rig.last().state === "charging");
  });

  it("hears the last will of an old module on its base topic", async () => {
    const rig = await rigWith({ simulator: { generation: "2.9.1", plugged: true } });
    await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
    rig.simulator.setFault("mqtt-offline");
    await rig.until("gone", () => !rig.last().online, 10);
    rig.simulator.setFault(null);
    await rig.until("back", () => rig.last().online && rig.last().state === "charging", 60);
  });

  it("keeps up with ten thousand messages and makes two records of them", async () => {
    const rig = await rigWith({ simulator: { plugged: true } });
    await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
    const before = rig.records.length;
    const client = await connectAsync(rig.broker.url, { reconnectPeriod: 0 });
    for (let index = 0; index < 10_000; index++) client.publish(`${rig.simulator.baseTopic}/srssi`, `-${index % 90}`);
    await client.publishAsync(`${rig.simulator.baseTopic}/rfid_auth`, "LAST", { qos: 1 });
    await rig.until("the last one", () => rig.last().rfid === "LAST", 10);
    assert.ok(rig.records.length - before <= 5, `${rig.records.length - before} records`);
    await client.endAsync();
  });

  it("goes through a reboot of the module: gone, back, a younger uptime, counters as they are", async () => {
    const rig = await rigWith({ simulator: { plugged: true } });
    await rig.pass(400);
    const before = rig.last();
    rig.simulator.reboot(20_000);
    await rig.until("gone", () => !rig.last().online);
    await rig.until("back", () => rig.last().online && rig.last().state === "charging", 90);
    await rig.until("its uptime", () => (rig.last().uptimeS ?? 1e9) < (before.uptimeS ?? 0), 60);
    assert.ok((rig.last().sessionWh ?? 0) < (before.sessionWh ?? 0) + 500);
  });

  it("reads on through rubbish", async () => {
    const rig = await rigWith({ simulator: { plugged: true } });
    rig.simulator.setFault("garbage-values");
    await rig.pass(120);
    rig.simulator.setFault(null);
    await rig.until("charging", () => rig.last().state === "charging", 40);
    assert.ok(rig.records.every(({ powerW }) => powerW === null || (powerW >= 0 && powerW < 10_000)));
    assert.deepEqual(rig.logged, []);
  });

  for (const [fault, code] of [
    ["garbage", "bad-reply"],
    ["truncated-json", "bad-reply"],
    ["html-200", "bad-reply"],
    ["server-error", "bad-reply"],
    ["redirect", "bad-reply"],
    ["endless-body", "too-large"],
    ["refuse", "unreachable"],
    ["unauthorized", "auth"],
  ] as const) {
    it(`goes offline over HTTP with ${fault} as ${code}, and comes back by itself`, async () => {
      const rig = await rigWith({ over: "http", simulator: { plugged: true } });
      await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
      rig.simulator.setFault(fault);
      await rig.until("offline", () => !rig.last().online, 60);
      assert.equal(rig.reports.at(-1)?.fault?.code, code);
      assert.equal((await rig.order("pause")).code, "unreachable");
      rig.simulator.setFault(null);
      await rig.until("online", () => rig.last().online && rig.last().state === "charging", 700);
    });
  }

  it("names electric faults by the controller's number", async () => {
    const rig = await rigWith({ simulator: { plugged: true } });
    await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
    rig.simulator.setFault("gfci");
    await rig.until("the fault", () => rig.last().state === "fault");
    assert.deepEqual(rig.last().faults, [{ code: "6", text: "fault 6" }]);
    assert.equal(rig.last().plugged, true);
  });

  for (const generation of ["2.9.1", "4.1.7", "4.2.1"] as const) {
    it(`${generation}: takes the number of phases that was entered, and asks for power by it`, async () => {
      const simulator = { generation, phases: 3, plugged: true } as const;
      const rig = await rigWith({ simulator, settings: { wiredPhases: 3 } });
      await rig.pass(31);
      await rig.until(
        "charging",
        () => rig.records.length > 0 && rig.last().state === "charging" && rig.last().currentA === 32,
        60,
      );
      const { phases, powerW, voltageV } = rig.last();
      assert.deepEqual([phases, powerW], [3, 3 * 32 * (voltageV ?? 0)]);
      assert.equal((await rig.order({ command: "power", powerW: 7500 })).code, "done");
      assert.equal(rig.simulator.pilotA, 10);
    });
  }

  it("believes the charger's own word on its phases, whatever was entered", async () => {
    const rig = await rigWith({ simulator: { plugged: true }, settings: { wiredPhases: 3 } });
    await rig.until("charging", () => rig.records.length > 0 && rig.last().currentA === 32, 60);
    const { phases, powerW } = rig.last();
    assert.deepEqual([phases, powerW], [1, 7680]);
  });

  it("is not misled by the threefold voltage of three phases in eco mode", async () => {
    const rig = await rigWith({
      simulator: {
        plugged: true,
        phases: 3,
        config: { is_threephase: true, divert_enabled: true, divert_type: 1, mqtt_grid_ie: "house/grid" },
      },
    });
    await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
    await rig.order({ command: "divert", mode: "eco" });
    for (let round = 0; round < 5; round++) {
      await rig.order({ command: "feed", gridW: -20_000 - round });
      await rig.pass(3);
    }
    assert.ok(rig.records.every(({ voltageV }) => voltageV === null || voltageV < 300));
    assert.equal(rig.last().phases, 3);
  });

  it("does not control another charger that answers in the place of ours", async () => {
    const rig = await rigWith({ simulator: { plugged: true } });
    await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
    const config = JSON.stringify({ version: "v5.1.5", wifi_serial: "DEADBEEF0001" });
    await publish(rig, `${rig.simulator.baseTopic}/config`, config);
    await rig.until("the stranger is noticed", () => rig.last().flags.includes("other-device"));
    assert.equal((await rig.order("pause")).code, "config");
    assert.deepEqual(rig.heard(), []);
    assert.equal(rig.logged.length, 1);
  });
});

async function publish(rig: Rig, topic: string, text: string): Promise<void> {
  const client = await connectAsync(rig.broker.url, { reconnectPeriod: 0 });
  await client.publishAsync(topic, text);
  await client.endAsync();
}
