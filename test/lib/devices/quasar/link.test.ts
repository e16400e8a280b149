import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createRig, type Rig, SERIAL } from "./rig.ts";

const seen = async (options: Parameters<typeof createRig>[0] = {}): Promise<Rig> => {
  const rig = createRig(options);
  await rig.until("the first record", () => rig.reports.length > 0);
  return rig;
};
const gapsSince = (rig: Rig, count: number): number[] => {
  const times = rig.wire.requests.slice(count).map(({ atMs }) => atMs);
  return times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
};

describe("polling a Quasar", () => {
  it("asks at most four times a poll, and once for its identity", async () => {
    const rig = await seen();
    const perSecond = new Map<number, number>();
    await rig.advance(10_000);
    for (const { atMs } of rig.wire.requests.slice(4)) {
      const second = Math.round(atMs / 1000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    }
    assert.deepEqual([...new Set(perSecond.values())], [3]);
    assert.equal(rig.wire.requests.filter(({ request }) => request.address === 1).length, 1);
  });

  it("polls more slowly without a car", async () => {
    const rig = await seen({ charger: { plugged: false } });
    const before = rig.reports.length;
    await rig.advance(20_000);
    assert.equal(rig.reports.length - before, 4);
  });

  it("reads in pieces where the firmware has gaps, and still asks at most four times a poll", async () => {
    const rig = createRig();
    rig.wire.onReply = (request, pdu) => {
      const hasGap = request.kind === "read" && request.count > 6 && request.address > 9;
      return hasGap || (request.kind === "read" && request.address === 0x100) ? Buffer.from([0x83, 2]) : pdu;
    };
    await rig.advance(6000);
    const first = rig.record();
    assert.deepEqual([first.online, first.voltageV, first.state, first.limits?.maxA], [true, 231, "paused", 32]);
    const before = rig.wire.requests.length;
    await rig.advance(10_000);
    assert.ok((rig.wire.requests.length - before) / 10 <= 4);
    await rig.obey({ command: "charge", currentA: 16 });
    await rig.until("it charges", () => rig.record().state === "charging");
    await rig.advance(30_000);
    assert.equal(rig.record().setpointA, 16);
    assert.deepEqual(rig.record().faults, []);
  });

  it("reads again at once when asked to", async () => {
    const rig = await seen({ settings: { pollS: 60 } });
    const before = rig.reports.length;
    await rig.obey({ command: "refresh" });
    await rig.advance(100);
    assert.equal(rig.reports.length, before + 1);
  });

  it("is patient with a busy charger: exceptions 5 and 6", async () => {
    const rig = await seen();
    let busy = 2;
    rig.wire.onReply = (request, pdu) =>
      request.kind === "read" && busy-- > 0 ? Buffer.from([0x83, busy === 1 ? 5 : 6]) : pdu;
    await rig.advance(5000);
    assert.deepEqual([rig.wire.opened, rig.record().online], [1, true]);
  });

  for (const [exception, code] of [
    [1, "unsupported"],
    [2, "config"],
    [3, "config"],
    [4, "device-fault"],
    [5, "busy"],
    [6, "busy"],
    [8, "device-fault"],
    [10, "unreachable"],
    [11, "unreachable"],
  ] as const) {
    it(`goes offline with ${code} on exception ${exception}, and comes back`, async () => {
      const rig = await seen();
      rig.charger.setFault(`exception-${exception}`);
      await rig.until("it is offline", () => !rig.record().online);
      assert.equal(rig.reports.at(-1)?.fault?.code, code);
      rig.charger.setFault(null);
      await rig.until("it is back", () => rig.record().online);
      assert.equal(rig.reports.at(-1)?.fault, null);
    });
  }

  it("asks to check the settings where no Quasar answers (exception 2 on everything)", async () => {
    const rig = createRig();
    rig.charger.setFault("exception-2");
    await rig.until("the first report", () => rig.reports.length > 0);
    assert.equal(rig.reports.at(-1)?.fault?.code, "config");
  });
});

describe("a connection that fails", () => {
  it("is noticed within two poll periods when the other end is gone without a word", async () => {
    const rig = await seen();
    await rig.advance(500);
    rig.wire.state = "silent";
    const count = rig.wire.requests.length;
    await rig.until("the first silent request", () => rig.wire.requests.length > count);
    const atMs = rig.clock.monotonicMs();
    await rig.until("the line is dropped", () => rig.wire.open === 0, 5000);
    assert.ok(rig.clock.monotonicMs() - atMs <= 2050);
  });

  it("never has two connections, and comes back by itself", async () => {
    const rig = await seen();
    for (const state of ["silent", "refused", "silent"] as const) {
      rig.wire.state = state;
      rig.wire.cut();
      await rig.advance(20_000);
      rig.wire.state = "healthy";
      await rig.until("it is back", () => rig.record().online);
    }
    assert.equal(rig.wire.peak, 1);
  });

  it("forgives a single failure, and is offline at the second in a row", async () => {
    const rig = await seen();
    rig.wire.cut();
    await rig.advance(5000);
    assert.ok(rig.reports.every(({ charger }) => charger.online));
    rig.wire.state = "refused";
    rig.wire.cut();
    await rig.advance(5000);
    assert.deepEqual(
      [rig.record().online, rig.record().state, rig.record().powerW, rig.record().plugged],
      [false, "unknown", null, null],
    );
  });

  it("tries again with growing pauses, at most half a minute", async () => {
    const rig = createRig();
    rig.wire.state = "silent";
    await rig.advance(600_000);
    const pauses = gapsSince(rig, 0);
    assert.ok((pauses[0] ?? 0) < 4000, `${pauses[0]}`);
    assert.ok(pauses.length > 15 && Math.max(...pauses) <= 32_050, pauses.join(" "));
  });

  it("tries to stop within two seconds although the pauses have grown", async () => {
    const rig = await seen();
    await rig.obey({ command: "charge", currentA: 16 });
    await rig.advance(20_000);
    rig.wire.state = "refused";
    rig.wire.cut();
    await rig.advance(200_000);
    await assert.rejects(rig.obey({ command: "pause" }), { code: "unreachable" });
    rig.wire.state = "healthy";
    await rig.advance(2100);
    assert.deepEqual(rig.written(0x101), [1, 2]);
  });
});

describe("another charger at the same address", () => {
  it("is not controlled, also not when leaving", async () => {
    const rig = await seen();
    await rig.obey({ command: "charge", currentA: 16 });
    await rig.advance(20_000);
    const before = rig.charger.writes.length;
    rig.wire.onReply = (request, pdu) => {
      if (request.address !== 1) return pdu;
      const shown = Buffer.from(pdu);
      shown.writeUInt16BE(999, 6);
      return shown;
    };
    rig.wire.cut();
    await rig.until("it is offline", () => !rig.record().online);
    assert.equal(rig.record().faults[0]?.code, "wrong-device");
    assert.equal(rig.reports.at(-1)?.fault?.code, "config");
    await rig.advance(60_000);
    await rig.close();
    assert.equal(rig.charger.writes.length, before);
  });

  it("is refused from the start when the serial number is in the settings", async () => {
    const rig = await seen({ settings: { serial: SERIAL + 1 } });
    assert.equal(rig.record().faults[0]?.code, "wrong-device");
    await assert.rejects(rig.obey({ command: "charge" }), { code: "unreachable" });
    assert.deepEqual(rig.charger.writes, []);
  });

  it("warns about other models", async () => {
    const rig = await seen({ partNumber: "PLP1-0-2-4" });
    assert.ok(rig.logged.some((line) => line.includes("part number")));
  });
});
