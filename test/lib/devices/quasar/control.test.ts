import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createRig, type Rig } from "./rig.ts";

/** Register writes as "0x102 6", oldest first. */
const writes = (rig: Rig): string[] =>
  rig.charger.writes.map(({ address, values: [word = 0] }) => {
    const isSigned = address === 0x102 || address === 0x104;
    return `0x${address.toString(16)} ${isSigned && word > 0x7fff ? word - 0x1_0000 : word}`;
  });
/** Seconds since the start of the first write of a number to a register. */
const secondsOf = (rig: Rig, write: string, nth = 0): number => {
  const at = rig.charger.writes.filter((_, index) => writes(rig)[index] === write)[nth];
  assert.ok(at, `${write} was not written (${writes(rig).join(", ")})`);
  return (at.atMs - Date.parse("2026-11-21T17:00:00Z")) / 1000;
};
const TAKE = ["0x51 1", "0x52 0", "0x58 900"];

async function started(options: Parameters<typeof createRig>[0] = {}): Promise<Rig> {
  const rig = createRig(options);
  await rig.until("the first record", () => rig.reports.length > 0);
  return rig;
}

async function charging(currentA = 16, options: Parameters<typeof createRig>[0] = {}): Promise<Rig> {
  const rig = await started(options);
  await rig.obey({ command: "current", currentA });
  await rig.until("power flows", () => Math.abs(rig.charger.acPowerW()) > Math.abs(currentA) * 200);
  return rig;
}

describe("taking control of a Quasar", () => {
  it("writes nothing before something is asked, whatever the charger does", async () => {
    const rig = await started();
    rig.charger.unplug();
    await rig.advance(20_000);
    rig.charger.plug(60);
    await rig.advance(60_000);
    await rig.close();
    assert.deepEqual(writes(rig), []);
  });

  it("takes control, switches auto start off, arms the watchdog, and only then starts", async () => {
    const rig = await started();
    await rig.obey({ command: "charge", currentA: 16 });
    await rig.advance(1000);
    assert.deepEqual(writes(rig), [...TAKE, "0x102 16", "0x101 1"]);
  });

  it("takes control for a pause too", async () => {
    const rig = await started();
    await rig.obey({ command: "pause" });
    await rig.advance(3000);
    assert.deepEqual(writes(rig), ["0x51 1", "0x102 0", "0x101 2", "0x52 0", "0x58 900"]);
  });

  it("arms again by itself after the charger was rebooted, and goes on", async () => {
    const rig = await charging(16);
    const before = rig.charger.writes.length;
    rig.charger.powerCycle();
    rig.wire.cut();
    await rig.until("it charges again", () => rig.charger.acPowerW() > 3000, 900_000);
    assert.deepEqual(writes(rig).slice(before), [...TAKE, "0x102 16", "0x101 1"]);
    assert.equal(rig.charger.readRegister(0x58), 900);
  });

  it("arms again after a lost connection only what is missing", async () => {
    const rig = await charging(16);
    const before = rig.charger.writes.length;
    rig.wire.cut();
    await rig.advance(10_000);
    assert.deepEqual(writes(rig).slice(before), []);
    assert.equal(rig.record().setpointA, 16);
  });

  it("keeps its watchdog: without us the charger stops by itself", async () => {
    const rig = await charging(-10, { settings: { idleTimeoutS: 60 } });
    rig.wire.state = "refused";
    rig.wire.cut();
    await rig.advance(62_000);
    assert.equal(rig.charger.watchdogExpiries, 1);
    await rig.advance(3000);
    assert.equal(rig.charger.acPowerW(), 0);
  });

  it("says so when the charger refuses the watchdog", async () => {
    const rig = createRig();
    rig.wire.onReply = (request, pdu) =>
      request.kind === "read" && request.address === 0x51 && pdu.length > 10
        ? Buffer.from(pdu.map((byte, index) => (index >= 16 ? 0 : byte)))
        : pdu;
    await rig.until("the first record", () => rig.reports.length > 0);
    await rig.obey({ command: "charge", currentA: 6 });
    await rig.advance(3000);
    assert.deepEqual(rig.written(0x58), [900, 900, 900]);
    assert.ok(rig.record().flags.includes("no-watchdog"));
    assert.deepEqual(rig.written(0x102), [6]);
  });

  it("copes with a firmware that answers writes without control with exception 1", async () => {
    const rig = await charging(16, { charger: { writesWithoutControl: "exception-1" } });
    assert.equal(rig.record().setpointA, 16);
  });

  it("is given back in the right order, and then nothing more is written", async () => {
    const rig = await charging(16);
    const before = rig.charger.writes.length;
    await rig.obey({ command: "release" });
    await rig.advance(60_000);
    assert.deepEqual(writes(rig).slice(before), ["0x102 0", "0x101 2", "0x51 0"]);
    assert.equal(rig.record().setpointA, null);
    assert.equal(rig.record().flags.includes("remote-control"), false);
  });

  it("can be given back when it was left over from an earlier life", async () => {
    const rig = createRig();
    rig.charger.answer(Buffer.from([6, 0, 0x51, 0, 1]));
    await rig.until("the first record", () => rig.reports.length > 0);
    await rig.obey({ command: "release" });
    assert.equal(rig.charger.readRegister(0x51), 0);
  });

  it("reports trouble when the charger ignores that control is taken, and writes no set point", async () => {
    const rig = await started();
    rig.charger.setFault("ignore-writes");
    await rig.obey({ command: "charge", currentA: 16 });
    await rig.advance(10_000);
    assert.deepEqual(rig.written(0x102), []);
    assert.deepEqual(
      rig.record().faults.map(({ code }) => code),
      ["control-refused"],
    );
    rig.charger.setFault(null);
    await rig.until("it charges", () => rig.record().state === "charging");
    assert.deepEqual(rig.record().faults, []);
  });
});

describe("set points of a Quasar", () => {
  it("keeps a target that arrives in the dead time; the latest wins", async () => {
    const rig = await started();
    await rig.obey({ command: "current", currentA: 6 });
    await rig.advance(5000);
    await rig.obey({ command: "current", currentA: 10 });
    await rig.advance(5000);
    await rig.obey({ command: "current", currentA: 20 });
    assert.ok(rig.record().flags.includes("settling"));
    await rig.advance(1000);
    assert.ok(rig.record().flags.includes("pending"));
    await rig.advance(30_000);
    assert.deepEqual(rig.written(0x102), [6, 20]);
    const waitedS = secondsOf(rig, "0x102 20") - secondsOf(rig, "0x102 6");
    assert.ok(Math.abs(waitedS - 21.9) < 0.06, `${waitedS}`);
  });

  it("waits according to the size of the step", async () => {
    const rig = await charging(10);
    await rig.advance(30_000);
    for (const currentA of [11, 13, 16, 20])
      await rig.obey({ command: "current", currentA }).then(() => rig.advance(50));
    await rig.obey({ command: "current", currentA: 11 });
    await rig.advance(40_000);
    assert.deepEqual(rig.written(0x102), [10, 11]);
    await rig.obey({ command: "current", currentA: 13 });
    await rig.advance(50);
    await rig.obey({ command: "current", currentA: 16 });
    await rig.advance(12_000);
    const waitedS = secondsOf(rig, "0x102 16") - secondsOf(rig, "0x102 13");
    assert.ok(Math.abs(waitedS - 7.9) < 0.06, `${waitedS}`);
  });

  it("stops at once in the middle of a dead time", async () => {
    const rig = await started();
    await rig.obey({ command: "current", currentA: 16 });
    await rig.advance(500);
    const atS = rig.clock.monotonicMs() / 1000;
    await rig.obey({ command: "pause" });
    assert.ok(secondsOf(rig, "0x101 2") - atS < 0.06);
    await rig.advance(60_000);
    assert.equal(rig.charger.acPowerW(), 0);
    assert.deepEqual(rig.written(0x102), [16, 0]);
  });

  it("lets a stop overtake a start that is only half written", async () => {
    const rig = await started();
    let isStopSent = false;
    rig.wire.onRequest = (request) => {
      if (isStopSent || request.kind !== "write" || request.address !== 0x102) return;
      isStopSent = true;
      rig.quasar.obey({ command: "pause" }).catch(() => {});
    };
    await rig.obey({ command: "charge", currentA: 16 });
    await rig.advance(60_000);
    assert.deepEqual(writes(rig), [...TAKE, "0x102 16", "0x102 0", "0x101 2"]);
    assert.equal(rig.charger.acPowerW(), 0);
  });

  it("lets a stop overtake the rest of a poll", async () => {
    const rig = await charging(16);
    let isStopSent = false;
    const seen: string[] = [];
    rig.wire.onRequest = (request) => {
      seen.push(`${request.kind} 0x${request.address.toString(16)}`);
      if (isStopSent || request.address !== 0x200) return;
      isStopSent = true;
      rig.quasar.obey({ command: "pause" }).catch(() => {});
    };
    await rig.until("the stop", () => seen.length >= 5);
    assert.deepEqual(seen.slice(0, 5), ["read 0x200", "write 0x102", "write 0x101", "read 0x100", "read 0x51"]);
  });

  it("changes direction through zero: stop, until the power has gone, then start", async () => {
    const rig = await charging(16);
    await rig.advance(30_000);
    const before = rig.charger.writes.length;
    await rig.obey({ command: "current", currentA: -6 });
    await rig.advance(3000);
    assert.deepEqual(writes(rig).slice(before), ["0x102 0", "0x101 2", "0x102 -6", "0x101 1"]);
    const waitedS = secondsOf(rig, "0x102 -6") - secondsOf(rig, "0x101 2");
    assert.ok(waitedS >= 0.4 && waitedS <= 2, `${waitedS}`);
    await rig.until("it discharges", () => rig.record().state === "discharging");
  });

  it("does not wait longer than 10.9 s for the power to go", async () => {
    const rig = await charging(16);
    await rig.advance(30_000);
    rig.wire.onReply = (request, pdu) => {
      if (request.kind !== "read" || request.address !== 0x200) return pdu;
      const shown = Buffer.from(pdu);
      shown.writeUInt16BE(3000, 2 + 0x0e * 2);
      return shown;
    };
    await rig.obey({ command: "current", currentA: -6 });
    await rig.advance(12_000);
    const waitedS = secondsOf(rig, "0x102 -6") - secondsOf(rig, "0x101 2");
    assert.ok(Math.abs(waitedS - 10.9) < 0.06, `${waitedS}`);
  });

  it("forgets a change of direction that a stop overtook", async () => {
    const rig = await charging(16);
    await rig.advance(30_000);
    await rig.obey({ command: "current", currentA: -6 });
    await rig.obey({ command: "pause" });
    await rig.advance(60_000);
    assert.deepEqual(
      rig.written(0x102).filter((amps) => amps < 0),
      [],
    );
  });

  it("clamps to the installer's and the user's limits", async () => {
    const rig = await started({ settings: { maxChargeA: 20, maxDischargeA: 8 } });
    await rig.obey({ command: "current", currentA: 500 });
    await rig.advance(60_000);
    await rig.obey({ command: "discharge" });
    await rig.advance(60_000);
    assert.deepEqual(rig.written(0x102), [20, 0, -8]);
    assert.deepEqual(rig.record().limits, { minA: 3, maxA: 20, maxDischargeA: 8 });
  });

  it("lowers a running current when the limit is lowered, and lifts it again", async () => {
    const rig = await charging(16);
    await rig.advance(30_000);
    await rig.obey({ command: "limit", maxA: 8 });
    await rig.advance(30_000);
    await rig.obey({ command: "limit", maxA: null });
    await rig.advance(30_000);
    assert.deepEqual(rig.written(0x102), [16, 8, 16]);
  });

  it("stops instead of running below the minimum", async () => {
    const rig = await charging(16, { settings: { minA: 6 } });
    await rig.advance(30_000);
    await rig.obey({ command: "current", currentA: 5 });
    await rig.advance(10_000);
    assert.deepEqual(rig.written(0x102), [16, 0]);
    assert.deepEqual(rig.written(0x101), [1, 2]);
  });

  it("writes nothing more while the same target is repeated every second", async () => {
    const rig = await charging(16);
    const before = rig.charger.writes.length;
    for (let second = 0; second < 30; second++) {
      await rig.obey({ command: "current", currentA: 16 });
      await rig.advance(1000);
    }
    assert.equal(rig.charger.writes.length, before);
  });

  it("ends when the wanted state of charge is reached", async () => {
    const rig = await charging(30, { charger: { socPercent: 79.9 } });
    await rig.obey({ command: "charge", currentA: 30, untilSocPercent: 80 });
    await rig.until("it is stopped", () => rig.charger.readRegister(0x102) === 0, 600_000);
    assert.deepEqual(rig.written(0x101), [1, 2]);
  });

  it("ends when the command expires", async () => {
    const rig = await started();
    await rig.obey({ command: "discharge", currentA: 6, expiresAt: "2026-11-21T17:01:00Z" });
    await rig.advance(62_000);
    assert.deepEqual(rig.written(0x102), [-6, 0]);
    assert.ok(Math.abs(secondsOf(rig, "0x101 2") - 60) < 1.1);
  });

  it("stops when the car leaves, and does not start when it comes back", async () => {
    const rig = await charging(16);
    const before = rig.charger.writes.length;
    rig.charger.unplug();
    await rig.advance(5000);
    assert.deepEqual(writes(rig).slice(before), ["0x102 0", "0x101 2"]);
    rig.charger.plug(30);
    await rig.advance(60_000);
    assert.equal(rig.charger.acPowerW(), 0);
    assert.equal(rig.record().state, "paused");
  });

  it("starts again, ever more rarely, when the charger paused by itself", async () => {
    const rig = await charging(16);
    await rig.advance(30_000);
    rig.charger.answer(Buffer.from([6, 1, 1, 0, 2]));
    await rig.until("it stands still", () => rig.charger.acPowerW() === 0);
    await rig.until("it charges again", () => rig.charger.acPowerW() > 3000);
    assert.deepEqual(rig.written(0x101), [1, 2, 1]);
  });

  it("leaves a full car alone", async () => {
    const rig = await charging(32, { charger: { socPercent: 96.95 } });
    await rig.until("the car is full", () => rig.charger.acPowerW() === 0, 600_000);
    await rig.advance(600_000);
    assert.deepEqual(rig.written(0x101), [1]);
    assert.equal(rig.record().socPercent, 97);
  });
});

describe("set points that are not taken", () => {
  it("are tried three more times, then the charger is stopped and says so", async () => {
    const rig = await charging(-6);
    await rig.advance(30_000);
    rig.charger.setFault("ignore-writes");
    await rig.obey({ command: "current", currentA: -12 });
    await rig.advance(20_000);
    assert.deepEqual(rig.written(0x102).slice(0, 6), [-6, -12, -12, -12, -12, 0]);
    assert.deepEqual(
      rig.record().faults.map(({ code }) => code),
      ["set-point-ignored"],
    );
    await assert.rejects(rig.obey({ command: "current", currentA: -12 }), { code: "device-fault" });
    rig.charger.setFault(null);
    await rig.advance(20_000);
    assert.equal(rig.charger.acPowerW(), 0);
  });

  it("are given up although somebody repeats the wish every second", async () => {
    const rig = await charging(-6);
    await rig.advance(30_000);
    rig.charger.setFault("ignore-writes");
    for (let second = 0; second < 20; second++) {
      rig.quasar.obey({ command: "current", currentA: -12 }).catch(() => {});
      await rig.advance(1000);
    }
    assert.deepEqual(rig.written(0x102).slice(0, 6), [-6, -12, -12, -12, -12, 0]);
  });

  it("are read back only after 2.5 s", async () => {
    const rig = await charging(6);
    await rig.advance(30_000);
    rig.charger.setFault("ignore-writes");
    await rig.obey({ command: "current", currentA: 12 });
    await rig.advance(10_000);
    const waitedS = secondsOf(rig, "0x102 12", 1) - secondsOf(rig, "0x102 12");
    assert.ok(waitedS >= 2.5 && waitedS <= 3.6, `${waitedS}`);
  });

  it("are refused with exceptions: the same, and a stop that is refused is tried for ever", async () => {
    const rig = await charging(6);
    await rig.advance(30_000);
    rig.wire.onReply = (request, pdu) => (request.kind === "write" ? Buffer.from([0x86, 3]) : pdu);
    await rig.obey({ command: "current", currentA: 12 });
    await rig.advance(20_000);
    const stops = rig.wire.requests.filter(({ request }) => request.kind === "write" && request.address === 0x101);
    assert.ok(stops.length > 5, `${stops.length}`);
    assert.equal(rig.record().faults[0]?.code, "set-point-refused");
    rig.wire.onReply = (_request, pdu) => pdu;
    await rig.advance(5000);
    assert.equal(rig.charger.readRegister(0x102), 0);
  });

  it("stops again while the charger ignores stops, and says so", async () => {
    const rig = await charging(16);
    rig.charger.setFault("ignore-writes");
    await rig.obey({ command: "pause" });
    await rig.advance(30_000);
    assert.ok(rig.written(0x101).filter((action) => action === 2).length >= 4);
    assert.equal(rig.record().faults[0]?.code, "stop-ignored");
    rig.charger.setFault(null);
    await rig.advance(15_000);
    assert.equal(rig.charger.acPowerW(), 0);
    assert.deepEqual(rig.record().faults, []);
  });
});

describe("power mode", () => {
  it("writes whole watts to its own register", async () => {
    const rig = await started({ settings: { mode: "power" } });
    await rig.obey({ command: "power", powerW: -1500.7 });
    await rig.until("it discharges", () => rig.record().state === "discharging");
    assert.deepEqual(rig.written(0x104), [-1500]);
    assert.deepEqual(rig.written(0x53), [1]);
    assert.equal(rig.record().setpointA, -6.5);
    await rig.obey({ command: "pause" });
    assert.deepEqual(rig.written(0x104), [-1500, 0]);
  });

  for (const charger of [{ powerMode: "exception-1" as const }, {}]) {
    const how = "powerMode" in charger ? "refused" : "ignored";
    it(`falls back to current mode where it is ${how}`, async () => {
      const rig = createRig({ settings: { mode: "power" }, charger });
      if (how === "ignored") {
        rig.wire.onReply = (request, pdu) => {
          const shown = Buffer.from(pdu);
          if (request.kind === "read" && request.address === 0x51) shown.writeUInt16BE(0, 6);
          return shown;
        };
      }
      await rig.until("the first record", () => rig.reports.length > 0);
      await rig.obey({ command: "power", powerW: 2000 });
      await rig.advance(5000);
      assert.deepEqual(rig.written(0x102), [8]);
      assert.deepEqual(rig.written(0x104), []);
      assert.deepEqual(rig.written(0x53), how === "refused" ? [1] : [1, 1, 1]);
      assert.ok(rig.record().flags.includes("power-mode-refused"));
    });
  }
});

describe("commands that a Quasar refuses", () => {
  it("says no to modes, restarts and OCPP without an account", async () => {
    const rig = await started();
    await assert.rejects(rig.obey({ command: "mode", mode: "solar" }), { code: "unsupported" });
    await assert.rejects(rig.obey({ command: "restart" }), { code: "unsupported" });
    await assert.rejects(rig.obey({ command: "ocpp", enabled: true }), { code: "unsupported" });
    assert.deepEqual(writes(rig), []);
  });

  it("says that no car is there", async () => {
    const rig = await started({ charger: { plugged: false } });
    await assert.rejects(rig.obey({ command: "charge" }), { code: "refused" });
    assert.deepEqual(writes(rig), []);
  });

  it("keeps no start for a charger that does not answer, but keeps a stop", async () => {
    const rig = await charging(16);
    rig.wire.state = "refused";
    rig.wire.cut();
    await rig.until("it is offline", () => !rig.record().online);
    await assert.rejects(rig.obey({ command: "discharge" }), { code: "unreachable" });
    await assert.rejects(rig.obey({ command: "pause" }), { code: "unreachable" });
    rig.wire.state = "healthy";
    await rig.until("it is back", () => rig.record().online);
    await rig.advance(30_000);
    assert.equal(rig.charger.acPowerW(), 0);
    assert.deepEqual(rig.written(0x102), [16, 0]);
  });

  it("waits for the first answer of the charger after a start", async () => {
    const rig = createRig();
    await rig.obey({ command: "charge", currentA: 6 });
    await rig.advance(1000);
    assert.deepEqual(rig.written(0x102), [6]);
  });

  it("does not let an older start, still waiting, undo a newer stop", async () => {
    const rig = createRig();
    rig.wire.state = "silent";
    const start = rig.quasar.obey({ command: "charge", currentA: 6 });
    start.catch(() => {});
    const stop = rig.quasar.obey({ command: "pause" });
    stop.catch(() => {});
    rig.wire.state = "healthy";
    await assert.rejects(start, { code: "stale" });
    await stop;
    await rig.advance(30_000);
    assert.deepEqual(rig.written(0x102), [0]);
  });
});
