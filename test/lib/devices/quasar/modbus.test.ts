import assert from "node:assert/strict";
import net from "node:net";
import fc from "fast-check";
import modbusSerial from "modbus-serial";
import { afterEach, describe, it } from "mocha";
import { type ModbusLine, openModbusTcp } from "../../../../lib/devices/quasar/modbus.ts";
import {
  encodeRequest,
  ModbusException,
  readReply,
  splitFrames,
} from "../../../../lib/devices/quasar/modbus-frames.ts";
import { systemClock } from "../../../../lib/model/clock.ts";
import { type QuasarSimulator, startQuasarSimulator } from "../../../../simulators/quasar.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

const open = async (port: number, deadlineMs = 300): Promise<ModbusLine> => {
  const line = await openModbusTcp({ host: "127.0.0.1", port, unitId: 1, deadlineMs, clock: systemClock });
  cleanups.push(() => line.close());
  return line;
};

async function simulate(): Promise<QuasarSimulator> {
  const simulator = await startQuasarSimulator();
  cleanups.push(() => simulator.stop());
  return simulator;
}

/** A server that answers bytes with whatever the test says. */
async function serve(answer: (bytes: Buffer, socket: net.Socket) => void): Promise<number> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => answer(bytes, socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as net.AddressInfo).port;
}

describe("Modbus frames", () => {
  it("survive any bytes without throwing", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const { frames, rest } = splitFrames(Buffer.from(bytes));
        for (const { pdu } of frames) {
          for (const request of [
            { kind: "read", address: 0x200, count: 3 } as const,
            { kind: "write", address: 1, word: 2 } as const,
          ]) {
            try {
              assert.equal(readReply(request, pdu).length, request.kind === "read" ? 3 : 0);
            } catch (thrown) {
              assert.ok(thrown instanceof Error && thrown.name !== "RangeError", String(thrown));
            }
          }
        }
        return rest.length < 260;
      }),
      { numRuns: 1000 },
    );
  });

  it("are found again however the stream is cut", () => {
    const pdus = fc.array(fc.uint8Array({ minLength: 2, maxLength: 253 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(pdus, fc.array(fc.nat(1500), { maxLength: 5 }), (sent, cuts) => {
        const stream = Buffer.concat(
          sent.map((pdu, index) => {
            const header = Buffer.from([0, index, 0, 0, 0, 0, 1]);
            header.writeUInt16BE(pdu.length + 1, 4);
            return Buffer.concat([header, pdu]);
          }),
        );
        const found: Buffer[] = [];
        let unread: Buffer = Buffer.alloc(0);
        let from = 0;
        for (const cut of [...cuts.map((at) => Math.min(at, stream.length)).toSorted((a, b) => a - b), stream.length]) {
          const { frames, rest } = splitFrames(Buffer.concat([unread, stream.subarray(from, cut)]));
          found.push(...frames.map(({ pdu }) => Buffer.from(pdu)));
          unread = rest;
          from = cut;
        }
        assert.deepEqual(
          found.map((pdu) => pdu.toString("hex")),
          sent.map((pdu) => Buffer.from(pdu).toString("hex")),
        );
      }),
    );
  });

  it("refuse to be built from impossible requests", () => {
    for (const [address, count] of [
      [-1, 1],
      [0x1_0000, 1],
      [0, 0],
      [0, 126],
      [1.5, 1],
    ] as const) {
      assert.throws(() => encodeRequest(1, 1, { kind: "read", address, count }), { code: "internal" });
    }
    assert.throws(() => encodeRequest(1, 1, { kind: "write", address: 1, word: -6 }), { code: "internal" });
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
    [99, "bad-reply"],
  ] as const) {
    it(`call exception ${exception} ${code}`, () => {
      assert.equal(new ModbusException(exception).code, code);
    });
  }
});

describe("a Modbus line", () => {
  it("reads and writes", async () => {
    const simulator = await simulate();
    const line = await open(simulator.port);
    assert.deepEqual((await line.read(1, 3))[0], 3400);
    await line.write(0x51, 1);
    assert.equal(simulator.readRegister(0x51), 1);
  });

  it("understands an independent slave (modbus-serial)", async () => {
    const words = new Map<number, number>();
    const slave = new modbusSerial.ServerTCP(
      {
        getHoldingRegister: (address: number) => words.get(address) ?? address,
        setRegister: (address: number, word: number) => void words.set(address, word),
      },
      { host: "127.0.0.1", port: 0, unitID: 1 },
    );
    cleanups.push(() => new Promise<void>((resolve) => slave.close(() => resolve())));
    const port = await new Promise<number>((resolve) => {
      slave.on("initialized", () => {
        // its own types do not tell that it is listening on a net.Server
        const { _server: server } = slave as unknown as { _server: net.Server };
        resolve((server.address() as net.AddressInfo).port);
      });
    });
    const line = await open(port, 2000);
    assert.deepEqual(await line.read(0x200, 3), [0x200, 0x201, 0x202]);
    await line.write(0x102, 65_530);
    assert.deepEqual([words.get(0x102), await line.read(0x102, 1)], [65_530, [65_530]]);
  });

  it("stays open after an exception", async () => {
    const simulator = await simulate();
    const line = await open(simulator.port);
    await assert.rejects(line.read(0x10, 1), { exception: 2, code: "config" });
    assert.equal((await line.read(1, 1)).length, 1);
  });

  for (const fault of [
    "partial-reply",
    "long-frame",
    "garbage",
    "wrong-unit",
    "torn-frame",
    "reset-mid-frame",
    "wrong-transaction",
    "silent",
  ] as const) {
    it(`fails and closes on ${fault}, and a new line reads right`, async () => {
      const simulator = await simulate();
      const line = await open(simulator.port, 150);
      simulator.setFault(fault);
      await assert.rejects(line.read(0x20a, 5), (error: { code: string }) =>
        ["bad-reply", "timeout", "unreachable"].includes(error.code),
      );
      assert.equal(line.isOpen, false);
      simulator.setFault(null);
      assert.deepEqual(await (await open(simulator.port)).read(0x20a, 1), [231]);
    });
  }

  it("notices a reset at once, not by its time-out", async () => {
    const simulator = await simulate();
    const line = await open(simulator.port, 10_000);
    simulator.setFault("reset-mid-frame");
    const startMs = performance.now();
    await assert.rejects(line.read(0x20a, 1), { code: "unreachable" });
    assert.ok(performance.now() - startMs < 1000);
  });

  it("notices at once that the other side hung up politely", async () => {
    const line = await open(await serve((_bytes, socket) => socket.end()), 10_000);
    const startMs = performance.now();
    await assert.rejects(line.read(0x20a, 1), { code: "unreachable" });
    assert.ok(performance.now() - startMs < 1000);
  });

  it("puts a reply together that came in pieces", async () => {
    const simulator = await simulate();
    const line = await open(simulator.port);
    simulator.setFault("split-frame");
    assert.deepEqual(await line.read(0x20a, 1), [231]);
  });

  it("never takes a late reply for the answer to a newer request", async () => {
    const replies: Buffer[] = [];
    const port = await serve((bytes, socket) => {
      // the first request is answered only after the second one came, with another number
      const reply = Buffer.from([...bytes.subarray(0, 4), 0, 5, 1, 3, 2, 0, replies.length === 0 ? 111 : 222]);
      replies.push(reply);
      if (replies.length === 2) socket.write(Buffer.concat(replies));
    });
    const first = await open(port, 100);
    await assert.rejects(first.read(1, 1), { code: "timeout" });
    await assert.rejects(first.read(1, 1), { code: "unreachable" });
    const second = await open(port, 100);
    assert.deepEqual(await second.read(1, 1), [222]);
  });

  it("survives a flood of rubbish while nothing was asked", async () => {
    const simulator = await simulate();
    const port = await serve((_bytes, socket) => socket.write(Buffer.alloc(2_000_000, 0xa5)));
    const line = await open(port);
    await assert.rejects(line.read(1, 1), { code: "bad-reply" });
    assert.equal(line.isOpen, false);
    assert.equal((await (await open(simulator.port)).read(1, 1)).length, 1);
  });

  it("refuses two requests at once instead of mixing their answers", async () => {
    const simulator = await simulate();
    const line = await open(simulator.port);
    const first = line.read(1, 1);
    await assert.rejects(line.read(2, 1), { code: "internal" });
    assert.deepEqual(await first, [3400]);
  });

  it("refuses a write whose echo is another number", async () => {
    const port = await serve((bytes, socket) => {
      const echo = Buffer.from(bytes);
      echo.writeUInt16BE(0, 10);
      socket.write(echo);
    });
    await assert.rejects((await open(port)).write(0x102, 6), { code: "bad-reply" });
  });

  it("is refused with a reason where nobody listens", async () => {
    const simulator = await simulate();
    simulator.setFault("refuse");
    await simulator.settled();
    await assert.rejects(open(simulator.port), { code: "unreachable" });
  });

  it("stops connecting when told to", async () => {
    const simulator = await simulate();
    const aborter = new AbortController();
    const opening = openModbusTcp({
      host: "127.0.0.1",
      port: simulator.port,
      unitId: 1,
      deadlineMs: 1000,
      clock: systemClock,
      signal: aborter.signal,
    });
    aborter.abort();
    await assert.rejects(opening, { code: "closed" });
  });

  it("refuses what waits when it is closed, and leaves no socket", async () => {
    const simulator = await simulate();
    const line = await open(simulator.port);
    simulator.setFault("silent");
    const waiting = line.read(1, 1);
    const closed = line.close();
    await assert.rejects(waiting, { code: "closed" });
    await closed;
    await assert.rejects(line.read(1, 1), { code: "unreachable" });
  });
});
