import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { chargerSchema } from "../../../../lib/model/records.ts";
import { createRig, type Rig } from "./rig.ts";

const seen = async (options: Parameters<typeof createRig>[0] = {}): Promise<Rig> => {
  const rig = createRig(options);
  await rig.until("the first record", () => rig.reports.length > 0);
  return rig;
};
const charging = async (currentA: number, options: Parameters<typeof createRig>[0] = {}): Promise<Rig> => {
  const rig = await seen(options);
  await rig.obey({ command: "current", currentA });
  await rig.until("power flows", () => Math.abs(rig.charger.acPowerW()) > Math.abs(currentA) * 200);
  await rig.advance(1000);
  return rig;
};
/** Shows another word in the live block. */
const show = (rig: Rig, words: Readonly<Record<number, number>>): void => {
  rig.wire.onReply = (request, pdu) => {
    if (request.kind !== "read" || request.address !== 0x200) return pdu;
    const shown = Buffer.from(pdu);
    for (const [address, word] of Object.entries(words)) shown.writeUInt16BE(word, 2 + (Number(address) - 0x200) * 2);
    return shown;
  };
};

describe("the record of a Quasar", () => {
  it("is a valid record in every situation", async () => {
    const rig = await charging(-10);
    rig.charger.unplug();
    await rig.advance(10_000);
    rig.wire.state = "refused";
    rig.wire.cut();
    await rig.advance(10_000);
    for (const { charger } of rig.reports) chargerSchema.parse(charger);
    assert.deepEqual([...new Set(rig.reports.map(({ charger }) => charger.state))].toSorted(), [
      "discharging",
      "paused",
      "plugged",
      "unknown",
      "unplugged",
    ]);
  });

  it("comes with every poll and says whether it is news", async () => {
    const rig = await seen();
    const before = rig.reports.length;
    await rig.advance(5000);
    const news = rig.reports.slice(before).map(({ isChange }) => isChange);
    assert.deepEqual(news, [false, false, false, false, false]);
  });

  it("gives the latest record to whoever subscribes late", async () => {
    const rig = await seen();
    const late: boolean[] = [];
    rig.quasar.subscribe(({ charger }) => late.push(charger.online));
    assert.deepEqual(late, [true]);
  });

  it("counts the energy of the session", async () => {
    const rig = await charging(16);
    const beforeWh = rig.record().sessionWh ?? 0;
    await rig.advance(360_000);
    const addedWh = (rig.record().sessionWh ?? 0) - beforeWh;
    assert.ok(Math.abs(addedWh - 351) < 2, `${addedWh}`);
  });

  it("keeps state and plug over an unknown status and flags it, without losing the connection", async () => {
    const rig = await charging(16);
    rig.charger.setFault("unknown-status");
    await rig.advance(30_000);
    const { state, plugged, online, flags } = rig.record();
    assert.deepEqual([state, plugged, online, flags.includes("unknown-status")], ["charging", true, true, true]);
    assert.equal(rig.wire.opened, 1);
    assert.deepEqual(rig.written(0x101), [1]);
  });

  it("remembers the state of charge while it stands still, and forgets it with the car", async () => {
    const rig = await charging(16);
    assert.deepEqual([rig.record().socPercent, rig.record().flags.includes("soc-remembered")], [50, false]);
    await rig.obey({ command: "pause" });
    await rig.advance(5000);
    assert.deepEqual([rig.record().socPercent, rig.record().flags.includes("soc-remembered")], [50, true]);
    rig.charger.unplug();
    await rig.advance(2000);
    rig.charger.plug(20);
    await rig.advance(10_000);
    assert.equal(rig.record().socPercent, null);
  });

  it("does not believe a glitch of 1 %", async () => {
    const rig = await charging(-10);
    rig.charger.setFault("soc-glitch");
    await rig.advance(5000);
    assert.ok(rig.reports.slice(-5).every(({ charger }) => charger.socPercent === 50));
    assert.ok(rig.charger.acPowerW() < -2000);
  });

  it("refuses to discharge an empty battery and stops a discharge that empties it", async () => {
    const rig = await charging(-10);
    show(rig, { 0x21a: 4 });
    await rig.advance(15_000);
    assert.equal(rig.charger.readRegister(0x102), 0);
    await assert.rejects(rig.obey({ command: "discharge" }), { code: "refused" });
    rig.wire.onReply = (_request, pdu) => pdu;
    await rig.obey({ command: "charge", currentA: 6 });
    await rig.until("it charges", () => rig.record().state === "charging");
  });

  it("shows an error status at once, and as an alarm after a minute", async () => {
    const rig = await charging(16);
    rig.charger.setFault("error-status");
    await rig.advance(2000);
    assert.deepEqual([rig.record().state, rig.record().faults.length], ["fault", 0]);
    assert.ok(rig.record().flags.includes("fault-pending"));
    await rig.advance(60_000);
    assert.deepEqual(
      rig.record().faults.map(({ code, text }) => [code, text]),
      [
        ["status-error", "text of status-error"],
        ["unrecoverable-error", "text of unrecoverable-error"],
      ],
    );
    rig.charger.setFault(null);
    await rig.until("it charges again", () => rig.record().state === "charging");
    assert.deepEqual(rig.record().faults, []);
  });

  it("has more patience with errors after a restart", async () => {
    const rig = await charging(16, { charger: { errorAfterRebootMs: 250_000 } });
    rig.charger.powerCycle();
    rig.wire.cut();
    await rig.until("it is back", () => rig.record().state === "fault", 300_000);
    await rig.until("it charges", () => rig.record().state === "charging", 600_000);
    assert.ok(rig.reports.every(({ charger }) => !charger.online || charger.faults.length === 0));
  });

  it("takes zeros in every register for a crash, not for an empty car or a car that left", async () => {
    const rig = await charging(16);
    rig.charger.setFault("zeros");
    await rig.advance(20_000);
    const { online, plugged, socPercent, faults } = rig.record();
    assert.deepEqual([online, plugged, socPercent, faults[0]?.code], [false, null, 50, "crashed"]);
    assert.ok(rig.reports.every(({ charger }) => charger.state !== "unplugged"));
    rig.charger.setFault(null);
    await rig.until("it is back", () => rig.record().online);
    assert.deepEqual([rig.record().state, rig.record().setpointA], ["charging", 16]);
  });

  it("recognises the crash on the first contact too", async () => {
    const rig = createRig();
    rig.charger.setFault("zeros");
    await rig.until("the first record", () => rig.reports.length > 0);
    assert.equal(rig.record().faults[0]?.code, "crashed");
  });

  it("shows implausible numbers as unknown", async () => {
    const rig = await charging(16);
    show(rig, { 0x20e: 0x7fff, 0x20a: 65_535 });
    await rig.advance(1000);
    assert.deepEqual([rig.record().powerW, rig.record().voltageV], [null, null]);
  });

  it("flags what else the status says", async () => {
    const rig = await seen();
    for (const [status, flag] of [
      [2, "waiting-for-car"],
      [3, "app-controlled"],
      [5, "end-of-schedule"],
      [6, "locked"],
      [8, "queued-power-sharing"],
      [10, "queued-power-boost"],
    ] as const) {
      show(rig, { 0x219: status });
      await rig.advance(6000);
      assert.ok(rig.record().flags.includes(flag), flag);
    }
  });
});
