import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "mocha";
import { type WebSocket, WebSocketServer } from "ws";
import { parseDeviceAddress } from "../../../../lib/devices/shelly/address.ts";
import { openRpcSocket, type RpcSocket } from "../../../../lib/devices/shelly/rpc-socket.ts";
import { createManualClock, systemClock } from "../../../../lib/model/clock.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import { until } from "../../../support/until.ts";

type Frame = Readonly<Record<string, unknown>>;

const servers: WebSocketServer[] = [];
const aborters: AbortController[] = [];

/** A device of a few lines: `answer` sees each frame. */
async function device(
  answer: (frame: Frame, socket: WebSocket) => void,
): Promise<{ port: number; server: WebSocketServer }> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/rpc" });
  servers.push(server);
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (text) => answer(JSON.parse(String(text)) as Frame, socket));
  });
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, server };
}

async function open(
  port: number,
  clock = systemClock,
): Promise<{ rpc: RpcSocket; deltas: unknown[]; lost: EvError[] }> {
  const deltas: unknown[] = [];
  const lost: EvError[] = [];
  const aborter = new AbortController();
  aborters.push(aborter);
  const rpc = await openRpcSocket({
    address: parseDeviceAddress(`127.0.0.1:${port}`),
    password: "",
    clock,
    signal: aborter.signal,
    onDelta: (delta) => deltas.push(delta),
    onFullStatus: () => {},
    onLost: (error) => lost.push(error),
  });
  return { rpc, deltas, lost };
}

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof EvError && error.code === code;

describe("a WebSocket to a Shelly", () => {
  afterEach(async () => {
    for (const aborter of aborters.splice(0)) aborter.abort();
    for (const server of servers.splice(0)) {
      for (const client of server.clients) client.terminate();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("names itself in the first frame, and hands on what the device tells", async () => {
    const frames: Frame[] = [];
    const { port } = await device((frame, socket) => {
      frames.push(frame);
      socket.send(JSON.stringify({ id: frame.id, src: "shelly", result: { ok: 1 } }));
      socket.send(JSON.stringify({ method: "NotifyStatus", params: { "em1:0": { act_power: 5 } } }));
    });
    const { rpc, deltas, lost } = await open(port);
    assert.deepEqual(await rpc.call("Shelly.GetStatus"), { ok: 1 });
    await until("the delta", () => deltas.length === 1);
    assert.equal(typeof frames[0]?.src, "string");
    assert.equal(frames[0]?.auth, undefined);
    assert.deepEqual(deltas, [{ "em1:0": { act_power: 5 } }]);
    rpc.terminate();
    assert.deepEqual(lost, [], "our own goodbye is no loss");
    await assert.rejects(rpc.call("Shelly.GetStatus"), hasCode("closed"));
  });

  it("drops a late answer to an older request", async () => {
    const waiting: Frame[] = [];
    const { port } = await device((frame, socket) => {
      waiting.push(frame);
      if (waiting.length < 2) return;
      for (const late of waiting) socket.send(JSON.stringify({ id: late.id, result: `answer to ${String(late.id)}` }));
    });
    const clock = createManualClock(0);
    const { rpc } = await open(port, clock);
    const first = rpc.call("Shelly.GetStatus");
    clock.advance(2000);
    await assert.rejects(first, hasCode("timeout"));
    assert.equal(await rpc.call("Shelly.GetStatus"), "answer to 2");
    assert.equal(clock.pending, 0);
  });

  const offences: readonly (readonly [string, (socket: WebSocket) => void, string])[] = [
    ["text that is no JSON", (socket) => socket.send("<html>"), "bad-reply"],
    ["JSON that is no frame", (socket) => socket.send("[1]"), "bad-reply"],
    ["bytes", (socket) => socket.send(Buffer.from("{}")), "bad-reply"],
    ["a frame of 100 kB", (socket) => socket.send(JSON.stringify({ junk: "x".repeat(100_000) })), "too-large"],
    [
      "a flood of frames",
      (socket) => {
        for (let count = 0; count < 500; count++) socket.send('{"method":"NotifyEvent"}');
      },
      "too-large",
    ],
    ["goodbye", (socket) => socket.close(), "unreachable"],
  ];
  for (const [title, offend, code] of offences) {
    it(`gives the connection up after ${title}`, async () => {
      const { port, server } = await device((_frame, socket) => offend(socket));
      const { rpc, lost } = await open(port);
      await assert.rejects(rpc.call("Shelly.GetStatus"), hasCode(code));
      assert.equal(lost.length, 1);
      await until("closed", () => server.clients.size === 0);
    });
  }

  it("passes the device's refusal on, with its words", async () => {
    const { port } = await device((frame, socket) =>
      socket.send(JSON.stringify({ id: frame.id, error: { code: -108, message: "Resource exhausted" } })),
    );
    const { rpc } = await open(port);
    await assert.rejects(
      rpc.call("Shelly.GetStatus"),
      (error) => error instanceof EvError && error.code === "refused" && error.detail === "Resource exhausted",
    );
  });

  it("fails when there is no WebSocket there, and does not follow a redirect", async () => {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0, path: "/elsewhere" });
    servers.push(server);
    await once(server, "listening");
    await assert.rejects(open((server.address() as AddressInfo).port), EvError);
  });

  it("leaves nothing behind when it is stopped while connecting", async () => {
    const { port, server } = await device(() => {});
    const opening = open(port);
    await Promise.resolve();
    for (const aborter of aborters) aborter.abort();
    await assert.rejects(opening, hasCode("closed"));
    await until("closed", () => server.clients.size === 0);
  });
});
