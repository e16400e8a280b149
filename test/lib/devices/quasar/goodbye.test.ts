import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createRig, type Rig } from "./rig.ts";
import type { OnExit } from "../../../../lib/devices/quasar/farewell.ts";

async function running(currentA: number, onExit: OnExit, settings = {}): Promise<{ rig: Rig; before: number }> {
  const rig = createRig({ settings: { onExit, ...settings } });
  await rig.until("the first record", () => rig.reports.length > 0);
  await rig.obey({ command: "current", currentA });
  await rig.until("power flows", () => Math.abs(rig.charger.acPowerW()) > Math.abs(currentA) * 200);
  return { rig, before: rig.charger.writes.length };
}
const writesSince = (rig: Rig, before: number): string[] =>
  rig.charger.writes.slice(before).map(({ address, values }) => `0x${address.toString(16)} ${values[0]}`);

describe("closing the connection to a Quasar", () => {
  it("stops and keeps control by default, with the watchdog armed and auto start off", async () => {
    const { rig, before } = await running(16, "stop");
    await rig.close();
    assert.deepEqual(writesSince(rig, before), ["0x102 0", "0x101 2"]);
    assert.deepEqual(
      [0x51, 0x52, 0x58].map((address) => rig.charger.readRegister(address)),
      [1, 0, 900],
    );
  });

  it("gives control back when told to", async () => {
    const { rig, before } = await running(16, "release");
    await rig.close();
    assert.deepEqual(writesSince(rig, before), ["0x102 0", "0x101 2", "0x51 0"]);
  });

  it("keeps a charge when told to, under the watchdog", async () => {
    const { rig, before } = await running(16, "keep");
    await rig.close();
    assert.deepEqual(writesSince(rig, before), []);
    await rig.advance(30_000);
    assert.ok(rig.charger.acPowerW() > 3000);
    assert.equal(rig.charger.readRegister(0x58), 900);
  });

  it("never keeps a discharge", async () => {
    const { rig, before } = await running(-10, "keep");
    await rig.close();
    assert.deepEqual(writesSince(rig, before), ["0x102 0", "0x101 2"]);
  });

  it("writes nothing when control was never taken", async () => {
    for (const onExit of ["stop", "release", "keep"] as const) {
      const rig = createRig({ settings: { onExit } });
      await rig.until("the first record", () => rig.reports.length > 0);
      await rig.close();
      assert.deepEqual(rig.charger.writes, []);
    }
  });

  it("does not wait for dead times", async () => {
    const rig = createRig();
    await rig.until("the first record", () => rig.reports.length > 0);
    await rig.obey({ command: "discharge", currentA: 10 });
    await rig.until("the set point is out", () => rig.written(0x101).length === 1);
    assert.ok((await rig.close()) < 1000);
    assert.equal(rig.charger.readRegister(0x102), 0);
  });

  it("takes less than 4 s when nobody answers any more", async () => {
    const { rig } = await running(16, "stop");
    rig.wire.state = "silent";
    const tookMs = await rig.close();
    assert.ok(tookMs < 4000, `${tookMs}`);
    assert.deepEqual([rig.wire.open, rig.clock.pending], [0, 0]);
  });

  it("says goodbye over a new connection when the old one hangs", async () => {
    const { rig, before } = await running(16, "stop");
    rig.wire.state = "silent";
    const asked = rig.wire.requests.length;
    await rig.until("a request hangs", () => rig.wire.requests.length > asked);
    const closing = rig.close();
    await rig.advance(200);
    rig.wire.state = "healthy";
    const tookMs = await closing;
    assert.ok(tookMs < 1500, `${tookMs}`);
    assert.deepEqual(writesSince(rig, before), ["0x102 0", "0x101 2"]);
    assert.deepEqual([rig.wire.peak, rig.wire.open], [1, 0]);
  });

  it("says goodbye while it is between two tries to connect", async () => {
    const { rig, before } = await running(-10, "stop");
    rig.wire.state = "refused";
    rig.wire.cut();
    await rig.advance(3000);
    rig.wire.state = "healthy";
    const tookMs = await rig.close();
    assert.ok(tookMs < 1000, `${tookMs}`);
    assert.deepEqual(writesSince(rig, before).slice(-2), ["0x52 0", "0x58 900"]);
    assert.equal(rig.charger.readRegister(0x102), 0);
  });

  it("does not finish a poll first", async () => {
    const { rig } = await running(16, "stop");
    let closing: Promise<void> | null = null;
    const after: string[] = [];
    rig.wire.onRequest = (request) => {
      if (closing !== null) after.push(`${request.kind} 0x${request.address.toString(16)}`);
      if (request.kind === "read" && closing === null) closing = rig.quasar.close();
    };
    await rig.until("it is closed", () => rig.wire.open === 0);
    assert.deepEqual(after, ["write 0x102", "write 0x101"]);
  });

  it("stops what it can even when one write is refused", async () => {
    const { rig } = await running(16, "stop");
    rig.wire.onReply = (request, pdu) =>
      request.kind === "write" && request.address === 0x102 ? Buffer.from([0x86, 4]) : pdu;
    await rig.close();
    assert.equal(rig.written(0x101).at(-1), 2);
  });

  it("refuses commands afterwards, and closing twice is harmless", async () => {
    const { rig } = await running(16, "stop");
    await rig.close();
    await rig.close();
    await assert.rejects(rig.obey({ command: "charge" }), { code: "closed" });
  });

  it("leaves no timer and no connection behind, fifty times", async () => {
    for (let life = 0; life < 50; life++) {
      const rig = createRig();
      await rig.until("the first record", () => rig.reports.length > 0);
      if (life % 2 === 0) await rig.obey({ command: "charge", currentA: 6 });
      await rig.close();
      assert.deepEqual([rig.clock.pending, rig.wire.open], [0, 0]);
    }
  });
});
