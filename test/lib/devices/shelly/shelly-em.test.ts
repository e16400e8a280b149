import assert from "node:assert/strict";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "mocha";
import { parseDeviceAddress } from "../../../../lib/devices/shelly/address.ts";
import {
  type Loss,
  type ShellyEm,
  type ShellyEmOptions,
  startShellyEm,
} from "../../../../lib/devices/shelly/shelly-em.ts";
import { type Clock, createManualClock, type ManualClock, systemClock } from "../../../../lib/model/clock.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import type { Meter } from "../../../../lib/model/records.ts";
import { startShellyGen1 } from "../../../../simulators/shelly-em-gen1.ts";
import { until } from "../../../support/until.ts";

const MAC = "98CDAC1F8A20";
const undo: (() => Promise<unknown>)[] = [];

/** A web server that answers with whatever `answer` gives as JSON; undefined breaks the connection. */
async function serve(answer: (path: string) => unknown): Promise<{ port: number; paths: string[] }> {
  const paths: string[] = [];
  const server = http.createServer((request, response) => {
    paths.push(request.url ?? "");
    const found = answer(request.url ?? "");
    if (found === undefined) response.destroy();
    else response.end(JSON.stringify(found));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, paths };
}

interface Watched {
  readonly meter: ShellyEm;
  readonly readings: Meter[];
  readonly losses: Loss[];
  readonly backs: number[];
  readonly kept: unknown[];
}

async function start(port: number, more: Partial<ShellyEmOptions> & { clock?: Clock } = {}): Promise<Watched> {
  const watched = { readings: [] as Meter[], losses: [] as Loss[], backs: [] as number[], kept: [] as unknown[] };
  const meter = await startShellyEm({
    address: parseDeviceAddress(`127.0.0.1:${port}`),
    name: "House",
    login: { user: "", password: "" },
    channels: [{ role: "grid", isInverted: false }],
    frozenAfterMs: 60_000,
    arePhasesSummed: false,
    pollMs: 500,
    wantsPush: false,
    clock: systemClock,
    logger: silentLogger,
    recall: async () => null,
    remember: async (kept) => void watched.kept.push(kept),
    onReadings: (readings) => watched.readings.push(...readings),
    onLost: (loss) => watched.losses.push(loss),
    onBack: () => watched.backs.push(watched.readings.length),
    ...more,
  });
  undo.unshift(() => meter.close());
  return { meter, ...watched };
}

/** Lets `seconds` pass on the clock, with real time between for the sockets. */
async function pass(clock: ManualClock, seconds: number, stepMs: number): Promise<void> {
  for (let passedMs = 0; passedMs < seconds * 1000; passedMs += stepMs) {
    await clock.advanceAsync(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

const GEN1_IDENTITY = { type: "SHEM", mac: MAC, auth: false };
const RPC_IDENTITY = { id: "shellyemg3-98cdac1f8a20", mac: MAC, model: "S3EM-002CXCEU", gen: 3 };
const gen1Status = (powerW: number): unknown => ({ mac: MAC, uptime: 9, emeters: [{ power: powerW, total: 1000 }] });
const rpcStatus = (powerW: number): unknown => ({ "em1:0": { act_power: powerW }, sys: { mac: MAC, uptime: 5 } });

describe("a Shelly that is read", () => {
  afterEach(async () => {
    for (const end of undo.splice(0)) await end();
  });

  it("is asked who it is once, and again as soon as its answers stop fitting", async () => {
    let isNew = false;
    const { port, paths } = await serve((path) => {
      if (path === "/shelly") return isNew ? RPC_IDENTITY : GEN1_IDENTITY;
      if (path === "/status") return isNew ? { ok: false } : gen1Status(100 + paths.length);
      return isNew && path === "/rpc/Shelly.GetStatus" ? rpcStatus(-7) : {};
    });
    const { readings, losses } = await start(port);
    await until("three readings", () => readings.length >= 3);
    assert.deepEqual(
      paths.filter((path) => path === "/shelly"),
      ["/shelly"],
    );
    isNew = true;
    await until("a reading by RPC", () => readings.at(-1)?.powerW === -7);
    assert.deepEqual(losses, [], "one bad answer is not a loss");
  });

  it("gets over one broken connection without a word", async () => {
    let requests = 0;
    const { port } = await serve((path) => {
      requests += 1;
      if (requests === 4) return undefined;
      return path === "/shelly" ? GEN1_IDENTITY : gen1Status(requests);
    });
    const { readings, losses } = await start(port);
    await until("readings before and after", () => readings.length >= 4);
    assert.deepEqual(losses, []);
  });

  it("is tried less and less often while it is away, but at least every ten seconds", async () => {
    const { port, paths } = await serve(() => undefined);
    const clock = createManualClock(Date.now());
    const { losses, readings } = await start(port, { clock });
    await pass(clock, 60, 100);
    const first = paths.length;
    await pass(clock, 60, 100);
    assert.equal(losses.length, 1);
    assert.equal(losses[0]?.error.code, "unreachable");
    assert.deepEqual(readings, []);
    assert.ok(first <= 18, `${first} tries in the first minute`);
    const second = paths.length - first;
    assert.ok(second >= 5 && second <= 13, `${second} tries in the second minute`);
  });

  it("is tried only every few minutes while it refuses the password, whoever asks", async () => {
    const clock = createManualClock(Date.now());
    const simulator = await startShellyGen1({
      channels: [() => ({ powerW: 500, voltageV: 240, powerFactor: 1 })],
      password: "right",
    });
    undo.push(() => simulator.stop());
    const { meter, losses } = await start(simulator.port, { clock, login: { user: "admin", password: "wrong" } });
    await pass(clock, 1, 100);
    await until("refused", () => losses.length === 1);
    for (let minute = 0; minute < 20; minute++) {
      await assert.rejects(meter.readNow(), (error) => error instanceof EvError && error.code === "auth");
      await pass(clock, 60, 5000);
    }
    assert.equal(losses.length, 1);
    assert.ok(simulator.requests <= 30, `${simulator.requests} requests in 20 minutes`);
    assert.ok(simulator.requests > 4, "it is tried again: somebody may have corrected the password in the meter");
  });

  it("keeps its counters when it is closed, and goes on from there", async () => {
    const { port } = await serve((path) => (path === "/shelly" ? GEN1_IDENTITY : gen1Status(100)));
    const first = await start(port);
    await until("a reading", () => first.readings.length > 0);
    await first.meter.close();
    const kept = first.kept.at(-1);
    const swapped = await serve((path) =>
      path === "/shelly"
        ? { ...RPC_IDENTITY, mac: "08F9E0AABBCC" }
        : { "em1:0": { act_power: 1 }, "em1data:0": { total_act_energy: 7 } },
    );
    const second = await start(swapped.port, { recall: async () => kept });
    await until("a reading", () => second.readings.length > 0);
    assert.equal(second.readings[0]?.importWh, 1000);
    assert.deepEqual(second.readings[0]?.flags, ["counter-reset"]);
  });

  it("reads although nothing can be recalled or kept", async () => {
    const { port } = await serve((path) => (path === "/shelly" ? GEN1_IDENTITY : gen1Status(100)));
    const broken = (): Promise<never> => Promise.reject(new Error("disk full"));
    const { readings, meter } = await start(port, { recall: broken, remember: broken });
    await until("a reading", () => readings.length > 0);
    await meter.close();
  });

  it("joins those who ask at the same time, and sends nothing after it was closed", async () => {
    let requests = 0;
    const { port } = await serve((path) => (path === "/shelly" ? GEN1_IDENTITY : gen1Status(++requests)));
    const { meter, readings } = await start(port, { pollMs: 3_600_000 });
    await Promise.all([meter.readNow(), meter.readNow(), meter.readNow()]);
    assert.equal(requests, 1);
    const late = meter.readNow();
    late.catch(() => {});
    await meter.close();
    await assert.rejects(late, (error) => error instanceof EvError || error instanceof Error);
    assert.equal(readings.length, 1);
  });

  it("is not hammered by somebody who asks again and again", async () => {
    let requests = 0;
    const { port } = await serve((path) => (path === "/shelly" ? GEN1_IDENTITY : gen1Status(++requests)));
    const { meter } = await start(port, { pollMs: 3_600_000 });
    const beganMs = performance.now();
    while (performance.now() - beganMs < 1000) await meter.readNow();
    assert.ok(requests >= 2 && requests <= 7, `${requests} requests in a second`);
  });

  it("is polled all the same where there is no WebSocket, and asked for one only now and then", async () => {
    const { port, paths } = await serve((path) => (path === "/shelly" ? RPC_IDENTITY : rpcStatus(paths.length)));
    const clock = createManualClock(Date.now());
    const { readings, losses } = await start(port, { clock, wantsPush: true });
    await pass(clock, 120, 500);
    const attempts = paths.filter((path) => path === "/rpc").length;
    assert.ok(attempts >= 3 && attempts <= 12, `${attempts} attempts in two minutes`);
    assert.ok(readings.length > 100, `${readings.length} readings`);
    assert.deepEqual(losses, []);
  });
});
