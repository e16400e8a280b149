import assert from "node:assert/strict";
import modbusSerial from "modbus-serial";
import { afterEach, describe, it } from "mocha";
import { createManualClock, type ManualClock } from "../../lib/model/clock.ts";
import { EvError } from "../../lib/model/errors.ts";
import {
  type QuasarSimulator,
  type QuasarSimulatorOptions,
  REGISTER,
  startQuasarSimulator,
} from "../../simulators/quasar.ts";
import { connectModbus, isServed, type ModbusWire } from "../support/modbus-wire.ts";

const CHARGE = 1;
const DISCHARGE = 11;
const START_MS = Date.UTC(2026, 10, 21, 12);
/** 16-bit two's complement */
const signed = (number: number): number => number & 0xffff;

describe("Quasar simulator", () => {
  let clock: ManualClock;
  let quasar: QuasarSimulator;
  let wire: ModbusWire;

  async function begin(options: QuasarSimulatorOptions = {}): Promise<void> {
    clock = createManualClock(START_MS);
    quasar = await startQuasarSimulator({
      clock,
      settleFraction: 0.9,
      timing: { startDelayMs: [10_000, 10_000], responseDelayMs: [2_000, 2_000], slewWPerS: 1_000 },
      ...options,
    });
    wire = await connectModbus(quasar.port);
  }
  async function take(): Promise<void> {
    await wire.write(REGISTER.controlOwner, 1);
    await wire.write(REGISTER.autoStart, 0);
  }
  async function startAt(amps: number): Promise<void> {
    await wire.write(REGISTER.currentSetpointA, signed(amps));
    await wire.write(REGISTER.action, 1);
  }
  const status = (): number => quasar.readRegister(REGISTER.status);
  afterEach(async () => {
    wire.close();
    await quasar.stop();
  });

  describe("registers", () => {
    it("tells who it is, with the part number as ASCII", async () => {
      await begin({ firmware: 3400, serialNumber: 340_012, partNumber: "QSX-SIM-0001" });
      const [firmware, high, low, ...part] = await wire.read(0x001, 9);
      assert.deepEqual([firmware, (high ?? 0) * 65_536 + (low ?? 0)], [3400, 340_012]);
      const text = Buffer.from(part.flatMap((word) => [word >> 8, word & 0xff])).toString("ascii");
      assert.equal(text, "QSX-SIM-0001");
    });

    it("shows a charger in the user's hands with no car as the fact sheet does", async () => {
      await begin({ plugged: false });
      assert.deepEqual(await wire.read(0x050, 10), [502, 0, 1, 0, 0, 6, 0, 0, 0, 30]);
      assert.deepEqual(await wire.read(0x100, 5), [0, 0, 0, 0, 0]);
      assert.deepEqual(await wire.read(0x200, 3), [32, 0, 7400]);
      assert.deepEqual(await wire.read(0x219, 6), [0, 0, 0, 0, 0, 0]);
    });

    it("reads a gap inside a block as 0 and answers exception 2 between and across blocks", async () => {
      await begin();
      assert.equal((await wire.read(0x200, 0x26)).length, 0x26);
      assert.deepEqual(await wire.read(0x203, 4), [0, 0, 0, 0]);
      for (const [address, count] of [
        [0x000, 1],
        [0x009, 2],
        [0x04f, 1],
        [0x05a, 1],
        [0x105, 1],
        [0x104, 2],
        [0x226, 1],
        [0x220, 10],
      ] as const) {
        await assert.rejects(wire.read(address, count), /exception 2/, `0x${address.toString(16)}`);
      }
    });

    it("refuses what is not a Quasar's business: functions, counts, units, values", async () => {
      await begin();
      const exceptionOf = async (pdu: number[], unitId = 1): Promise<number[]> => [
        ...(await wire.ask(pdu, unitId)).subarray(7),
      ];
      assert.deepEqual(await exceptionOf([4, 0, 1, 0, 1]), [0x84, 1]);
      assert.deepEqual(await exceptionOf([3, 0, 1, 0, 0]), [0x83, 3]);
      assert.deepEqual(await exceptionOf([3, 0, 1, 0, 126]), [0x83, 3]);
      assert.deepEqual(await exceptionOf([3, 0, 1, 0, 1], 2), [0x83, 11]);
      assert.deepEqual(await exceptionOf([3, 0]), [0x83, 3]);
      await take();
      await assert.rejects(wire.write(REGISTER.currentSetpointA, 33), /exception 3/);
      await assert.rejects(wire.write(REGISTER.currentSetpointA, signed(-33)), /exception 3/);
      await assert.rejects(wire.write(REGISTER.powerSetpointW, 7_401), /exception 3/);
      await assert.rejects(wire.write(REGISTER.action, 5), /exception 3/);
      await assert.rejects(wire.write(REGISTER.status, 1), /exception 2/);
    });

    it("takes several registers in one write (function 16)", async () => {
      await begin();
      await take();
      const reply = await wire.ask([16, 0x01, 0x02, 0, 1, 2, 0xff, 0xf0]);
      assert.deepEqual([...reply.subarray(7)], [16, 0x01, 0x02, 0, 1]);
      assert.equal(quasar.readRegister(REGISTER.currentSetpointA), signed(-16));
      const malformed = await wire.ask([16, 0x01, 0x02, 0, 2, 4, 0xff, 0xf0]);
      assert.deepEqual([...malformed.subarray(7)], [0x90, 3]);
    });

    it("understands an independent master (modbus-serial)", async () => {
      await begin({ socPercent: 60 });
      const master = new modbusSerial.default();
      try {
        await master.connectTCP("127.0.0.1", { port: quasar.port });
        master.setID(1);
        await master.writeRegister(REGISTER.controlOwner, 1);
        await master.writeRegisters(REGISTER.currentSetpointA, [signed(-10)]);
        await master.writeRegister(REGISTER.action, 1);
        clock.advance(20_000);
        const live = await master.readHoldingRegisters(REGISTER.acPowerW, 13);
        assert.equal(live.buffer.readInt16BE(0), Math.round(-10 * 231 * 0.9));
        assert.deepEqual(live.data.slice(-2), [DISCHARGE, 60]);
        await assert.rejects(master.readHoldingRegisters(10, 1), /illegal data address/i);
      } finally {
        await new Promise<void>((resolve) => master.close(() => resolve()));
      }
    });

    it("keeps a log of every write with its time and outcome", async () => {
      await begin();
      await wire.write(REGISTER.currentSetpointA, 16);
      clock.advance(5_000);
      await wire.write(REGISTER.controlOwner, 1);
      await assert.rejects(wire.write(REGISTER.currentSetpointA, 99));
      assert.deepEqual(quasar.writes, [
        { atMs: START_MS, address: 0x102, values: [16], outcome: "ignored" },
        { atMs: START_MS + 5_000, address: 0x51, values: [1], outcome: "stored" },
        { atMs: START_MS + 5_000, address: 0x102, values: [99], outcome: "exception-3" },
      ]);
      assert.equal(quasar.requests, 3);
    });
  });

  describe("side effects", () => {
    it("forgets what a remote owner set as soon as the user is in control again", async () => {
      await begin();
      await take();
      for (const [address, word] of [
        [REGISTER.setpointType, 1],
        [REGISTER.useIdleSetpoint, 1],
        [REGISTER.idlePowerW, 500],
        [REGISTER.idleTimeoutS, 900],
      ] as const) {
        await wire.write(address, word);
      }
      await wire.write(REGISTER.controlOwner, 0);
      assert.deepEqual(await wire.read(0x051, 8), [0, 1, 0, 0, 6, 0, 0, 0]);
    });

    it("ignores writes while the user is in control", async () => {
      await begin();
      await startAt(16);
      clock.advance(60_000);
      assert.deepEqual([quasar.acPowerW(), quasar.readRegister(REGISTER.currentSetpointA)], [0, 0]);
    });

    it("answers them with exception 1 in the other variant", async () => {
      await begin({ writesWithoutControl: "exception-1" });
      await assert.rejects(wire.write(REGISTER.currentSetpointA, 16), /exception 1/);
      await wire.write(REGISTER.controlOwner, 1);
      await wire.write(REGISTER.currentSetpointA, 16);
    });

    it("may refuse power mode on some firmware", async () => {
      await begin({ powerMode: "exception-1" });
      await take();
      await assert.rejects(wire.write(REGISTER.setpointType, 1), /exception 1/);
    });

    it("goes on charging when control is handed back after a start", async () => {
      await begin();
      await take();
      await startAt(10);
      await wire.write(REGISTER.controlOwner, 0);
      clock.advance(60_000);
      assert.ok(quasar.acPowerW() > 2_000);
    });

    it("starts by itself on a re-plug in the user's hands, and not once auto start is off", async () => {
      await begin();
      quasar.unplug();
      quasar.plug();
      clock.advance(60_000);
      assert.ok(quasar.acPowerW() > 6_000, "the app charges as fast as it can");
      await take();
      await wire.write(REGISTER.action, 2);
      quasar.unplug();
      clock.advance(60_000);
      quasar.plug();
      clock.advance(60_000);
      assert.deepEqual([quasar.acPowerW(), status()], [0, 4]);
    });

    it("counts a firmware update that somebody asked for", async () => {
      await begin();
      await take();
      assert.equal(quasar.firmwareUpdates, 0);
      await wire.write(REGISTER.action, 4);
      assert.equal(quasar.firmwareUpdates, 1);
    });

    it("reboots on action 3: confirms, drops the line, serves nobody for a while, then reports an error for a while", async () => {
      await begin({ rebootOutageMs: 60_000, errorAfterRebootMs: 300_000 });
      await take();
      await startAt(16);
      clock.advance(60_000);
      await wire.write(REGISTER.action, 3);
      assert.equal(await wire.ended, "end");
      assert.equal(quasar.acPowerW(), 0);
      assert.equal(await isServed(quasar.port), false);
      clock.advance(60_000);
      wire = await connectModbus(quasar.port);
      assert.deepEqual(await wire.read(REGISTER.status, 6), [7, 0, 0, 4, 0, 0]);
      assert.deepEqual(await wire.read(REGISTER.controlOwner), [0]);
      clock.advance(300_000);
      assert.deepEqual(await wire.read(REGISTER.status, 6), [4, 0, 0, 0, 0, 0]);
      assert.equal(quasar.reboots, 1);
    });

    it("shows a lock: 6 without a car, and no start with one", async () => {
      await begin({ plugged: false });
      await take();
      await wire.write(REGISTER.lock, 1);
      assert.equal(status(), 6);
      quasar.plug();
      await startAt(16);
      clock.advance(60_000);
      assert.deepEqual([quasar.acPowerW(), status()], [0, 4]);
    });
  });

  describe("power", () => {
    it("starts slowly: 4, then 2, then 1 with rising power", async () => {
      await begin();
      await take();
      await startAt(16);
      const seen: [number, number][] = [];
      for (const stepMs of [0, 3_900, 200, 5_800, 200, 3_500, 10_000]) {
        clock.advance(stepMs);
        seen.push([status(), Math.round(quasar.acPowerW())]);
      }
      assert.deepEqual(seen, [
        [4, 0],
        [4, 0],
        [2, 0],
        [2, 0],
        [CHARGE, 100],
        [CHARGE, 3_326],
        [CHARGE, 3_326],
      ]);
    });

    it("discharges when the set point is negative, in power mode as well", async () => {
      await begin();
      await take();
      await wire.write(REGISTER.setpointType, 1);
      await wire.write(REGISTER.powerSetpointW, signed(-3_000));
      await wire.write(REGISTER.action, 1);
      clock.advance(30_000);
      assert.ok(Math.abs(quasar.acPowerW() + 2_700) < 1e-9);
      const [current, , , voltage, , , , power] = await wire.read(REGISTER.acCurrentA, 8);
      assert.deepEqual([current, voltage, power], [12, 231, signed(-2_700)]);
      assert.equal(status(), DISCHARGE);
      const [dcVoltage = 0, dcCurrent = 0] = await wire.read(REGISTER.dcVoltage, 2);
      const dcW = (dcVoltage / 10) * ((dcCurrent - 65_536) / 10);
      assert.ok(Math.abs(dcW + 2_700 / 0.895) < 60, `battery gives ${dcW} W`);
    });

    it("follows a new set point late and gradually, also while more of them keep coming", async () => {
      await begin();
      await take();
      await startAt(6);
      clock.advance(30_000);
      const beforeW = quasar.acPowerW();
      await wire.write(REGISTER.currentSetpointA, 20);
      clock.advance(1_900);
      assert.equal(quasar.acPowerW(), beforeW);
      clock.advance(600);
      assert.ok(Math.abs(quasar.acPowerW() - beforeW - 500) < 1);
      for (let amps = 21; amps < 31; amps++) {
        await wire.write(REGISTER.currentSetpointA, amps);
        clock.advance(1_000);
      }
      assert.ok(quasar.acPowerW() > 5_000);
    });

    it("turns round through zero without a start", async () => {
      await begin();
      await take();
      await startAt(16);
      clock.advance(30_000);
      await wire.write(REGISTER.currentSetpointA, signed(-16));
      clock.advance(2_000 + 3_326);
      assert.ok(Math.abs(quasar.acPowerW()) < 1);
      clock.advance(10_000);
      assert.deepEqual([Math.round(quasar.acPowerW()), status()], [-3_326, DISCHARGE]);
    });

    it("waits with status 2 at set point 0 and flows again after another start delay", async () => {
      await begin();
      await take();
      await startAt(10);
      clock.advance(30_000);
      await wire.write(REGISTER.currentSetpointA, 0);
      clock.advance(30_000);
      assert.deepEqual([quasar.acPowerW(), status()], [0, 2]);
      await wire.write(REGISTER.currentSetpointA, 10);
      clock.advance(9_900);
      assert.deepEqual([quasar.acPowerW(), status()], [0, 2]);
      clock.advance(10_000);
      assert.deepEqual([Math.round(quasar.acPowerW()), status()], [2_079, CHARGE]);
    });

    it("stops: 4 at once, the power within a second", async () => {
      await begin();
      await take();
      await startAt(32);
      clock.advance(60_000);
      await wire.write(REGISTER.action, 2);
      assert.equal(status(), 4);
      assert.ok(quasar.acPowerW() > 6_000);
      clock.advance(1_000);
      assert.equal(quasar.acPowerW(), 0);
    });

    it("never gives more than the installer allowed", async () => {
      await begin({ maxAvailableW: 3_680, maxAvailableA: 16, settleFraction: 1 });
      await take();
      await startAt(32);
      clock.advance(60_000);
      assert.equal(quasar.acPowerW(), 3_680);
    });

    it("settles at 81 to 97 % of the request, the same for the same seed, another for another", async () => {
      const settled: number[] = [];
      for (const seed of [1, 1, 2, 3, 4]) {
        await begin({ seed, settleFraction: null });
        await take();
        await startAt(10);
        clock.advance(60_000);
        settled.push(quasar.acPowerW() / 2_310);
        wire.close();
        await quasar.stop();
      }
      assert.ok(settled.every((part) => part >= 0.81 && part <= 0.97));
      assert.equal(settled[0], settled[1]);
      assert.equal(new Set(settled).size, 4);
    });
  });

  describe("car", () => {
    it("reads state of charge 0 while no power flows, or keeps it in the other variant", async () => {
      for (const [socWhenIdle, idle] of [
        ["zero", 0],
        ["kept", 55],
      ] as const) {
        await begin({ socWhenIdle, socPercent: 55 });
        await take();
        assert.deepEqual(await wire.read(REGISTER.socPercent), [idle]);
        await startAt(6);
        clock.advance(30_000);
        assert.deepEqual(await wire.read(REGISTER.socPercent), [55]);
        wire.close();
        await quasar.stop();
      }
    });

    it("ends a charge at 97 %, refuses to go on, and still discharges", async () => {
      await begin({ socPercent: 96.9, speedFactor: 60 });
      await take();
      await startAt(16);
      clock.advance(600_000);
      assert.deepEqual([quasar.acPowerW(), status(), quasar.car().socPercent.toFixed(6)], [0, 4, "97.000000"]);
      await wire.write(REGISTER.action, 1);
      clock.advance(600_000);
      assert.deepEqual([quasar.acPowerW(), status(), quasar.car().socPercent.toFixed(6)], [0, 4, "97.000000"]);
      await startAt(-16);
      clock.advance(20_000);
      assert.ok(quasar.acPowerW() < -3_000);
    });

    it("takes nothing from a car that arrives at 99 %, and gives nothing to the house from one at 3 %", async () => {
      for (const [socPercent, amps] of [
        [99, 16],
        [3, -16],
      ] as const) {
        await begin({ socPercent });
        await take();
        await startAt(amps);
        clock.advance(600_000);
        assert.deepEqual([quasar.acPowerW(), status(), quasar.car().socPercent], [0, 4, socPercent]);
        wire.close();
        await quasar.stop();
      }
    });

    it("ends a discharge at 5 %", async () => {
      await begin({ socPercent: 6, speedFactor: 60 });
      await take();
      await startAt(-16);
      clock.advance(3_600_000);
      assert.deepEqual([quasar.acPowerW(), status(), quasar.car().socPercent.toFixed(6)], [0, 4, "5.000000"]);
    });

    it("fills the battery faster by the speed factor while the AC power stays real", async () => {
      const gained: number[] = [];
      for (const speedFactor of [1, 60]) {
        await begin({ speedFactor });
        await take();
        await startAt(10);
        clock.advance(10_000 + 2_079);
        const beforeWh = quasar.car().energyWh;
        clock.advance(60_000);
        assert.equal(Math.round(quasar.acPowerW()), 2_079);
        gained.push(quasar.car().energyWh - beforeWh);
        wire.close();
        await quasar.stop();
      }
      const [real = 0, fast = 0] = gained;
      // 2079 W are 9 A: 85.1 %
      assert.ok(Math.abs(real - (2_079 * 0.851) / 60) < 1e-6, `${real} Wh in a minute`);
      assert.ok(Math.abs(fast / real - 60) < 1e-6);
    });

    it("takes a change of speed in the middle of a charge without a step in the battery or the power", async () => {
      await begin();
      await take();
      await startAt(10);
      clock.advance(11_000);
      const before = [quasar.car().energyWh, quasar.acPowerW()];
      quasar.setSpeedFactor(100);
      assert.deepEqual([quasar.car().energyWh, quasar.acPowerW()], before);
      clock.advance(60_000);
      assert.ok(quasar.car().energyWh - (before[0] ?? 0) > 2_500);
    });

    it("takes its power away the moment it is unplugged and keeps its state of charge", async () => {
      await begin();
      await take();
      await startAt(32);
      clock.advance(600_000);
      const { socPercent } = quasar.car();
      quasar.unplug();
      assert.deepEqual([quasar.acPowerW(), status(), quasar.readRegister(REGISTER.socPercent)], [0, 0, 0]);
      clock.advance(60_000);
      quasar.plug();
      assert.equal(quasar.car().socPercent, socPercent);
      quasar.plug(30);
      assert.equal(quasar.car().socPercent, 30);
    });
  });

  describe("watchdog (register 0x58)", () => {
    it("pauses a discharge at the armed time after the last request, at whatever time somebody looks", async () => {
      await begin();
      await take();
      await wire.write(REGISTER.idleTimeoutS, 60);
      await startAt(-10);
      clock.advance(59_000);
      await wire.read(REGISTER.status);
      clock.advance(59_999);
      assert.ok(quasar.acPowerW() < -2_000);
      clock.advance(301);
      assert.equal(quasar.acPowerW(), 0, "run down in 281 ms since the watchdog barked");
      assert.equal(quasar.watchdogExpiries, 1);
      assert.deepEqual(await wire.read(REGISTER.controlOwner), [1]);
      assert.deepEqual(await wire.read(REGISTER.currentSetpointA), [0]);
      assert.deepEqual(await wire.read(REGISTER.status), [4]);
    });

    it("is off at 0, and after the user took control", async () => {
      await begin();
      await take();
      await wire.write(REGISTER.idleTimeoutS, 60);
      await startAt(10);
      await wire.write(REGISTER.controlOwner, 0);
      clock.advance(3_600_000);
      assert.equal(quasar.watchdogExpiries, 0);
      assert.ok(quasar.acPowerW() > 2_000);
    });

    it("is not fed by reads in the variant where only writes count", async () => {
      await begin({ watchdogFedBy: "writes" });
      await take();
      await wire.write(REGISTER.idleTimeoutS, 60);
      clock.advance(59_000);
      await wire.read(REGISTER.status);
      clock.advance(2_000);
      assert.equal(quasar.watchdogExpiries, 1);
    });
  });

  it("says which port is taken, as a config error", async () => {
    await begin();
    await assert.rejects(
      startQuasarSimulator({ port: quasar.port }),
      (error) => error instanceof EvError && error.code === "config" && error.message.includes(`Port ${quasar.port}`),
    );
  });

  it("counts its sockets and leaves none behind", async () => {
    await begin();
    const second = await connectModbus(quasar.port);
    await second.read(REGISTER.status);
    assert.deepEqual([quasar.connections, quasar.peakConnections, quasar.acceptedConnections], [2, 2, 2]);
    await quasar.stop();
    assert.deepEqual([await second.ended, quasar.connections, clock.pending], ["reset", 0, 0]);
  });
});
