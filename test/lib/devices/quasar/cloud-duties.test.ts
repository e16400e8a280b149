import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { ChargerCloud } from "../../../../lib/devices/quasar/cloud-duties.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import { createRig, type Rig } from "./rig.ts";

interface FakeCloud extends ChargerCloud {
  readonly restarts: number[];
  readonly switches: boolean[];
  failure: EvError | null;
}

function createFakeCloud(now: () => number): FakeCloud {
  const cloud: FakeCloud = {
    restarts: [],
    switches: [],
    failure: null,
    async restart() {
      if (cloud.failure !== null) throw cloud.failure;
      cloud.restarts.push(now());
    },
    async setOcpp(enabled) {
      if (cloud.failure !== null) throw cloud.failure;
      cloud.switches.push(enabled);
    },
  };
  return cloud;
}

async function start(settings = {}): Promise<{ rig: Rig; cloud: FakeCloud; ocppChanges: boolean[] }> {
  const ocppChanges: boolean[] = [];
  let now = (): number => 0;
  const cloud = createFakeCloud(() => now());
  const rig = createRig({ settings, options: { cloud, onOcppChanged: (isOn) => void ocppChanges.push(isOn) } });
  now = () => rig.clock.monotonicMs();
  await rig.until("the first record", () => rig.reports.length > 0);
  return { rig, cloud, ocppChanges };
}
async function charging(settings = {}): Promise<Awaited<ReturnType<typeof start>>> {
  const at = await start(settings);
  await at.rig.obey({ command: "charge", currentA: 16 });
  await at.rig.until("power flows", () => at.rig.charger.acPowerW() > 3000);
  return at;
}

describe("restarting a Quasar through the cloud", () => {
  it("happens after ten failures in a row, then not for seven minutes, and six times a day", async () => {
    const { rig, cloud } = await charging();
    rig.charger.setFault("hang");
    await rig.until("the first restart", () => cloud.restarts.length === 1, 600_000);
    assert.ok(rig.wire.opened >= 10, `${rig.wire.opened}`);
    await rig.until("the second restart", () => cloud.restarts.length === 2, 900_000);
    assert.ok((cloud.restarts[1] ?? 0) - (cloud.restarts[0] ?? 0) >= 420_000);
    await rig.advance(3 * 3_600_000);
    assert.equal(cloud.restarts.length, 6);
  }).timeout(30_000);

  it("counts only failures in a row", async () => {
    const { rig, cloud } = await charging();
    for (let outage = 0; outage < 4; outage++) {
      const opened = rig.wire.opened;
      rig.charger.setFault("hang");
      await rig.until("some failures", () => rig.wire.opened >= opened + 5, 300_000);
      rig.charger.setFault(null);
      await rig.until("it is back", () => rig.record().online, 300_000);
      await rig.advance(2000);
    }
    assert.equal(cloud.restarts.length, 0);
  });

  it("happens for a crash with zeros as well", async () => {
    const { rig, cloud } = await charging();
    rig.charger.setFault("zeros");
    await rig.until("the restart", () => cloud.restarts.length === 1, 600_000);
  });

  it("does not happen when nobody asked for anything, or after a release", async () => {
    const { rig, cloud } = await start();
    rig.charger.setFault("hang");
    await rig.advance(600_000);
    assert.equal(cloud.restarts.length, 0);
    rig.charger.setFault(null);
    await rig.until("it is back", () => rig.record().online);
    await rig.obey({ command: "charge" });
    await rig.obey({ command: "release" });
    rig.charger.setFault("hang");
    await rig.advance(600_000);
    assert.equal(cloud.restarts.length, 0);
  });

  it("happens although the charger never answered, once somebody asks for something", async () => {
    const { rig, cloud } = await start();
    rig.charger.setFault("hang");
    await rig.until("it is offline", () => !rig.record().online);
    await assert.rejects(rig.obey({ command: "charge" }), { code: "unreachable" });
    await rig.until("the restart", () => cloud.restarts.length === 1, 600_000);
  });

  it("does not happen for an unknown status or a wrong address", async () => {
    const { rig, cloud } = await charging();
    rig.charger.setFault("unknown-status");
    await rig.advance(600_000);
    rig.charger.setFault("exception-2");
    await rig.advance(600_000);
    assert.equal(cloud.restarts.length, 0);
  });

  it("is logged once, also when the cloud fails, and the charger goes on being polled", async () => {
    const { rig, cloud } = await charging();
    cloud.failure = new EvError("auth", "account refused");
    rig.charger.setFault("hang");
    await rig.advance(400_000);
    assert.equal(rig.logged.filter((line) => line.includes("account refused")).length, 1);
    rig.charger.setFault(null);
    await rig.until("it is back", () => rig.record().online);
  });

  it("can be asked for, but not twice within seven minutes", async () => {
    const { rig, cloud } = await charging();
    await rig.obey({ command: "restart" });
    await assert.rejects(rig.obey({ command: "restart" }), { code: "refused" });
    await rig.advance(420_000);
    await rig.obey({ command: "restart" });
    assert.equal(cloud.restarts.length, 2);
  });
});

describe("handing a Quasar to an OCPP server", () => {
  it("stops and releases first, then nothing is written any more; only monitoring goes on", async () => {
    const { rig, cloud, ocppChanges } = await charging();
    await rig.obey({ command: "ocpp", enabled: true });
    assert.deepEqual([cloud.switches, ocppChanges], [[true], [true]]);
    assert.equal(rig.charger.readRegister(0x51), 0);
    const before = rig.charger.writes.length;
    for (const command of ["charge", "discharge", "pause", "release"] as const) {
      await assert.rejects(rig.obey({ command }), { code: "refused" });
    }
    await assert.rejects(rig.obey({ command: "restart" }), { code: "refused" });
    rig.charger.unplug();
    await rig.advance(60_000);
    assert.equal(rig.charger.writes.length, before);
    assert.ok(rig.record().online && rig.record().flags.includes("ocpp"));
    await rig.close();
    assert.equal(rig.charger.writes.length, before);
  });

  it("takes status 7 for waiting, not for an error", async () => {
    const { rig } = await start();
    await rig.obey({ command: "ocpp", enabled: true });
    rig.wire.onReply = (request, pdu) => {
      if (request.address !== 0x200) return pdu;
      const shown = Buffer.from(pdu);
      shown.writeUInt16BE(7, 2 + 0x19 * 2);
      return shown;
    };
    await rig.advance(120_000);
    assert.deepEqual([rig.record().state, rig.record().faults], ["plugged", []]);
  });

  it("comes back with hands off", async () => {
    const { rig, ocppChanges } = await charging();
    await rig.obey({ command: "ocpp", enabled: true });
    const before = rig.charger.writes.length;
    await rig.obey({ command: "ocpp", enabled: false });
    await rig.advance(60_000);
    assert.equal(rig.charger.writes.length, before);
    assert.deepEqual(ocppChanges, [true, false]);
    await rig.obey({ command: "charge", currentA: 6 });
    await rig.until("it charges", () => rig.record().state === "charging");
  });

  it("stays as it was when the cloud fails", async () => {
    const { rig, cloud, ocppChanges } = await charging();
    cloud.failure = new EvError("bad-reply", "web page");
    await assert.rejects(rig.obey({ command: "ocpp", enabled: true }), { code: "bad-reply" });
    await rig.obey({ command: "charge", currentA: 6 });
    assert.deepEqual(ocppChanges, []);
    assert.equal(rig.record().flags.includes("ocpp"), false);
  });
});
