import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import { createManualClock, type ManualClock } from "../../lib/model/clock.ts";
import {
  type QuasarFault,
  quasarFaults,
  type QuasarSimulator,
  REGISTER,
  startQuasarSimulator,
} from "../../simulators/quasar.ts";
import { connectModbus, isServed, type ModbusWire, readPdu, staysQuiet } from "../support/modbus-wire.ts";

const SHORT = { rebootOutageMs: 60_000, errorAfterRebootMs: 300_000 };

describe("Quasar simulator with a fault", () => {
  let clock: ManualClock;
  let quasar: QuasarSimulator;
  let wire: ModbusWire;
  const others: ModbusWire[] = [];

  beforeEach(async () => {
    clock = createManualClock(Date.UTC(2026, 10, 21));
    quasar = await startQuasarSimulator({ clock, settleFraction: 1, ...SHORT });
    wire = await connectModbus(quasar.port);
    await wire.write(REGISTER.controlOwner, 1);
  });
  afterEach(async () => {
    for (const open of [wire, ...others.splice(0)]) open.close();
    await quasar.stop();
  });
  async function connectAgain(): Promise<ModbusWire> {
    const other = await connectModbus(quasar.port);
    others.push(other);
    return other;
  }
  async function charge(amps: number): Promise<void> {
    await wire.write(REGISTER.currentSetpointA, amps & 0xffff);
    await wire.write(REGISTER.action, 1);
    clock.advance(60_000);
  }

  it("silent: accepts connections and answers nobody", async () => {
    quasar.setFault("silent");
    const other = await connectAgain();
    wire.send(readPdu(1, 1));
    other.send(readPdu(1, 1));
    assert.deepEqual([await staysQuiet(wire), await staysQuiet(other)], [true, true]);
  });

  it("refuse: closes the port and drops who was there, and comes back on the same port", async () => {
    quasar.setFault("refuse");
    assert.equal(await wire.ended, "reset");
    await quasar.settled();
    await assert.rejects(connectModbus(quasar.port), { code: "ECONNREFUSED" });
    quasar.setFault(null);
    await quasar.settled();
    assert.equal(await isServed(quasar.port), true);
  });

  it("half-open: sockets of before stay dead without a word, also after the fault; new ones work", async () => {
    quasar.setFault("half-open");
    const other = await connectAgain();
    assert.deepEqual(await other.read(1), [3400]);
    wire.send(readPdu(1, 1));
    assert.equal(await staysQuiet(wire), true);
    quasar.setFault(null);
    wire.send(readPdu(1, 1));
    assert.equal(await staysQuiet(wire), true);
    assert.equal(await Promise.race([wire.ended, Promise.resolve("open")]), "open");
  });

  it("partial-reply: fewer registers than asked for, in a well-formed frame", async () => {
    quasar.setFault("partial-reply");
    const frame = await wire.ask(readPdu(0x219, 2));
    assert.deepEqual([frame.readUInt16BE(4), frame.readUInt8(8), frame.length], [5, 2, 11]);
    const empty = await wire.ask(readPdu(0x219, 1));
    assert.deepEqual([empty.readUInt16BE(4), empty.readUInt8(8), empty.length], [3, 0, 9]);
  });

  it("torn-frame: half a frame and nothing more", async () => {
    quasar.setFault("torn-frame");
    wire.send(readPdu(1, 2));
    const half = await wire.bytes(7);
    assert.equal(half.readUInt16BE(4), 7, "a length that promises more");
    assert.equal(await staysQuiet(wire), true);
    assert.equal(wire.received.length, 7);
  });

  it("reset-mid-frame: half a frame and a TCP reset", async () => {
    quasar.setFault("reset-mid-frame");
    wire.send(readPdu(1, 2));
    assert.equal(await wire.ended, "reset");
    assert.ok(wire.received.length < 13);
  });

  it("split-frame: a good reply in two pieces", async () => {
    quasar.setFault("split-frame");
    assert.deepEqual(await wire.read(1, 3), [3400, 5, 12_332]);
  });

  it("long-frame: two bytes more than byte count and request explain", async () => {
    quasar.setFault("long-frame");
    const frame = await wire.ask(readPdu(1, 1));
    assert.deepEqual([frame.readUInt16BE(4), frame.readUInt8(8), frame.length], [7, 2, 13]);
  });

  it("garbage: bytes that are no Modbus, the same every time", async () => {
    quasar.setFault("garbage");
    wire.send(readPdu(1, 1));
    const bytes = await wire.bytes(11);
    assert.notEqual(bytes.readUInt16BE(2), 0, "protocol id");
  });

  it("wrong-transaction and wrong-unit: a good reply to somebody else", async () => {
    quasar.setFault("wrong-transaction");
    const transaction = wire.send(readPdu(1, 1));
    assert.equal((await wire.nextFrame()).readUInt16BE(0), transaction + 1);
    quasar.setFault("wrong-unit");
    assert.notEqual((await wire.ask(readPdu(1, 1))).readUInt8(6), 1);
  });

  it("late-reply: each answer comes after the next question, and the last one before the first healthy answer", async () => {
    quasar.setFault("late-reply");
    const first = wire.send(readPdu(0x001, 1));
    assert.equal(await staysQuiet(wire), true);
    const second = wire.send(readPdu(0x200, 1));
    const late = await wire.nextFrame();
    assert.deepEqual([late.readUInt16BE(0), late.readUInt16BE(9)], [first, 3400]);
    quasar.setFault(null);
    const third = wire.send(readPdu(0x202, 1));
    const seen = [await wire.nextFrame(), await wire.nextFrame()].map((frame) => [
      frame.readUInt16BE(0),
      frame.readUInt16BE(9),
    ]);
    assert.deepEqual(seen, [
      [second, 32],
      [third, 7_400],
    ]);
  });

  for (const code of [1, 2, 3, 4, 5, 6, 8, 10, 11]) {
    it(`exception-${code}: to reads and writes alike`, async () => {
      quasar.setFault(`exception-${code}` as QuasarFault);
      await assert.rejects(wire.read(1), new RegExp(`exception ${code}$`));
      await assert.rejects(wire.write(REGISTER.currentSetpointA, 6), new RegExp(`exception ${code}$`));
      assert.equal(quasar.readRegister(REGISTER.currentSetpointA), 0);
    });
  }

  it("zeros: every register reads 0 while the current goes on, until the armed watchdog ends it", async () => {
    await wire.write(REGISTER.idleTimeoutS, 900);
    await charge(16);
    quasar.setFault("zeros");
    assert.deepEqual(await wire.read(0x001, 9), Array(9).fill(0));
    assert.deepEqual(await wire.read(0x207, 0x1f), Array(0x1f).fill(0));
    await wire.write(REGISTER.currentSetpointA, 6);
    assert.equal(quasar.readRegister(REGISTER.currentSetpointA), 16);
    assert.ok(quasar.acPowerW() > 3_000);
    for (let minute = 0; minute < 16; minute++) {
      clock.advance(60_000);
      await wire.read(0x219);
    }
    assert.equal(quasar.acPowerW(), 0);
  });

  it("hang: takes requests and answers none; a power cycle cures it after outage and error time", async () => {
    await charge(16);
    quasar.setFault("hang");
    wire.send(readPdu(1, 1));
    assert.equal(await staysQuiet(wire), true);
    quasar.powerCycle();
    assert.equal(await wire.ended, "reset");
    assert.equal(quasar.fault, null);
    assert.equal(quasar.acPowerW(), 0);
    assert.equal(await isServed(quasar.port), false);
    clock.advance(60_000);
    const other = await connectAgain();
    assert.deepEqual(await other.read(REGISTER.status), [7]);
    clock.advance(300_000);
    assert.deepEqual(await other.read(REGISTER.status), [4]);
    assert.deepEqual(await other.read(REGISTER.controlOwner), [0]);
  });

  it("soc-glitch: 1 % for two polls, then the truth", async () => {
    await charge(16);
    quasar.setFault("soc-glitch");
    const seen: number[] = [];
    for (let poll = 0; poll < 3; poll++) seen.push(...(await wire.read(REGISTER.status, 2)).slice(1));
    assert.deepEqual(seen, [1, 1, 50]);
    assert.equal(quasar.fault, null);
  });

  it("unknown-status: 42 while everything goes on", async () => {
    await charge(16);
    quasar.setFault("unknown-status");
    assert.deepEqual(await wire.read(REGISTER.status), [42]);
    assert.ok(quasar.acPowerW() > 3_000);
  });

  it("error-status: 7 with error bits, and no power", async () => {
    await charge(16);
    quasar.setFault("error-status");
    clock.advance(1_000);
    assert.deepEqual(await wire.read(REGISTER.status, 6), [7, 0, 0, 4, 0, 0]);
    await wire.write(REGISTER.action, 1);
    clock.advance(60_000);
    assert.equal(quasar.acPowerW(), 0);
    quasar.setFault(null);
    assert.deepEqual(await wire.read(REGISTER.status, 6), [4, 0, 0, 0, 0, 0]);
  });

  it("ignore-writes: confirms and keeps the old word", async () => {
    quasar.setFault("ignore-writes");
    await wire.write(REGISTER.currentSetpointA, 6);
    assert.deepEqual(await wire.read(REGISTER.currentSetpointA), [0]);
    assert.equal(quasar.writes.at(-1)?.outcome, "ignored");
  });

  it("reject-power-mode: exception 1 for register 0x53 and for no other", async () => {
    quasar.setFault("reject-power-mode");
    await assert.rejects(wire.write(REGISTER.setpointType, 1), /exception 1$/);
    await wire.write(REGISTER.currentSetpointA, 6);
  });

  it("is healthy again after every fault", async () => {
    for (const fault of quasarFaults) {
      quasar.setFault(fault);
      assert.equal(quasar.fault, fault);
      quasar.setFault(null);
      assert.equal(quasar.fault, null);
      await quasar.settled();
      assert.equal(await isServed(quasar.port), true, fault);
    }
  });

  it("hangs up on what is no Modbus", async () => {
    wire.sendRaw(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
    assert.equal(await wire.ended, "end");
  });
});
