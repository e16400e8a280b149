import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "mocha";
import type { HeardService } from "../../lib/io/mdns.ts";
import { createManualClock } from "../../lib/model/clock.ts";

import { type Meter, meterSchema } from "../../lib/model/records.ts";
import shellyNode, { createShellyNode } from "../../nodes/devices/ev-shelly-em/ev-shelly-em.ts";
import type { AdminHandler, NodeMessage, NodeRed, PermissionCheck } from "../../nodes/shared/node-red.d.ts";
import type { ShellyFault, ShellySimulator } from "../../simulators/shelly/device.ts";
import { startShellyGen1 } from "../../simulators/shelly-em-gen1.ts";
import { startShellyRpc } from "../../simulators/shelly-em-rpc.ts";
import type { ElectricalSample } from "../../simulators/simulator.ts";
import {
  getNode,
  loadFlow,
  logLines,
  nextMessage,
  redeploy,
  statusTexts,
  unloadFlow,
  until,
  withTexts,
} from "../support/node-runtime.ts";

const module = withTexts(shellyNode, "devices/ev-shelly-em");
const PASSWORD = "open sesame 42";

/** A clamp that sees a little more every time it is looked at, so that nothing seems frozen. */
function clamp(powerW: number): () => ElectricalSample {
  let looks = 0;
  return () => ({ powerW: powerW + (looks++ % 50) / 10, voltageV: 241, powerFactor: 0.98 });
}

const running: ShellySimulator[] = [];
async function started<Simulator extends ShellySimulator>(starting: Promise<Simulator>): Promise<Simulator> {
  const simulator = await starting;
  running.push(simulator);
  return simulator;
}
const gen1 = (options: { password?: string; channels?: (() => ElectricalSample)[] } = {}) =>
  started(startShellyGen1({ channels: [clamp(1830), clamp(-700)], ...options }));
const rpc = (options: { password?: string; firmware?: string; model?: "pro-em" | "pro-3em" | "em-gen3" } = {}) =>
  started(startShellyRpc({ model: "em-gen3", channels: [clamp(1830), clamp(-700)], ...options }));

const node = (simulator: { readonly port: number }, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: "n",
  z: "tab",
  type: "ev-shelly-em",
  name: "House",
  version: 1,
  host: `http://127.0.0.1:${simulator.port}/`,
  channels: [
    { role: "grid", invert: false },
    { role: "evse", invert: true },
  ],
  pollS: "0.5",
  push: false,
  wires: [["out"]],
  ...more,
});

const AROUND = [
  { id: "tab", type: "tab", label: "test" },
  { id: "out", z: "tab", type: "helper" },
  { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
  { id: "caught", z: "tab", type: "helper" },
];

const load = (
  nodes: readonly Record<string, unknown>[],
  credentials: Record<string, Record<string, string>> = {},
): Promise<void> => loadFlow([module], [...AROUND, ...nodes], credentials);

/** Collects what arrives from now on. */
function collect(out = "out"): { messages: NodeMessage[]; readings: () => Meter[] } {
  const messages: NodeMessage[] = [];
  getNode(out).on("input", (message) => messages.push(message));
  return { messages, readings: () => messages.map(({ payload }) => payload as Meter) };
}

const isReading =
  (isWanted: (reading: Meter) => boolean = () => true) =>
  (message: NodeMessage): boolean =>
    isWanted(meterSchema.parse(message.payload));
const ofRole = (role: string) => isReading((reading) => reading.role === role && reading.powerW !== null);

/** Warnings and news (not debug) of our node. */
const lines = (of = "n"): string[] =>
  logLines()
    .filter(({ level, type, id }) => level <= 40 && type === "ev-shelly-em" && id === of)
    .map(({ msg }) => String(msg));
const lastStatus = (id = "n"): string => statusTexts(id).at(-1) ?? "";

/** Switches a fault on in the middle of healthy reading, and off again; the node must tell and must recover. */
async function proveOutage(simulator: ShellySimulator, fault: ShellyFault, status: RegExp, id = "n"): Promise<void> {
  const out = id === "n" ? "out" : `${id}-out`;
  simulator.setFault(fault);
  await until(`status tells of ${fault}`, () => status.test(lastStatus(id)), 15_000);
  const silent = collect(out);
  await until(`tries go on during ${fault}`, triesGoOn(simulator), 15_000);
  assert.deepEqual(silent.messages, [], "nothing is sent while there is no reading");
  assert.equal(lines(id).length, 1, lines(id).join("\n"));
  simulator.setFault(null);
  await nextMessage(out, ofRole("grid"), 15_000);
  await until("status is live again", () => /green dot import/.test(lastStatus(id)));
  assert.equal(lines(id).length, 2, lines(id).join("\n"));
  assert.match(lines(id)[1] ?? "", /House is back after \d+ s/);
}

function triesGoOn(simulator: ShellySimulator): () => boolean {
  const before = simulator.fault === "refuse" ? -1 : simulator.requests;
  const beganMs = performance.now();
  return () => simulator.requests > before && performance.now() - beganMs > 700;
}

describe("ev-shelly-em", function () {
  this.timeout(40_000);

  afterEach(async () => {
    await unloadFlow();
    await Promise.all(running.splice(0).map((simulator) => simulator.stop()));
  });

  describe("reading", () => {
    it("sends one record per channel and poll, the others before the grid, all of the same instant", async () => {
      const simulator = await gen1();
      await load([node(simulator)]);
      const { messages, readings } = collect();
      await until("four messages", () => messages.length >= 4);
      const [evse, grid] = readings().map((reading) => meterSchema.parse(reading));
      assert.equal(evse?.role, "evse");
      assert.equal(grid?.role, "grid");
      assert.equal(evse?.at, grid?.at);
      assert.equal(messages[0]?.topic, "House");
      assert.ok(grid?.powerW !== null && grid !== undefined && grid.powerW > 1800);
      assert.ok(evse?.powerW !== null && evse !== undefined && evse.powerW > 600, "the inverted clamp counts up");
      assert.equal(messages[0]?.raw, undefined);
      assert.match(lastStatus(), /^green dot import 183\d W$/);
      assert.deepEqual(lines(), []);
    });

    it("asks one thing at a time and no faster than it was told", async () => {
      const simulator = await gen1();
      await load([node(simulator)]);
      const { messages } = collect();
      await until("six polls", () => messages.length >= 12, 8000);
      assert.equal(simulator.peakConcurrentRequests, 1);
      assert.ok(simulator.requests <= 8, `${simulator.requests} requests for six polls and one question who it is`);
    });

    it("finds out that it is a newer device and reads it by RPC", async () => {
      const simulator = await rpc();
      await load([node(simulator, { name: "" })]);
      const grid = await nextMessage("out", ofRole("grid"));
      assert.equal(grid.topic, simulator.deviceId);
      assert.ok(Number((grid.payload as Meter).currentA) > 0);
    });

    it("gives a three-phase meter as one channel with its phases", async () => {
      const simulator = await started(
        startShellyRpc({ model: "pro-3em", channels: [clamp(1000), clamp(-300), clamp(200)] }),
      );
      await load([node(simulator, { channels: [{ role: "grid" }] })]);
      const { payload } = await nextMessage("out", ofRole("grid"));
      const grid = payload as Meter;
      assert.ok(grid.powerW !== null && grid.powerW > 890 && grid.powerW < 930);
      assert.equal(grid.phases?.length, 3);
      assert.ok(Number(grid.phases?.[1]?.currentA) < 0, "current flows the way the power does");
    });

    it("takes three clamps as the phases of one supply when told so", async () => {
      const simulator = await started(
        startShellyGen1({ has3Phases: true, channels: [clamp(1000), clamp(-300), clamp(200)] }),
      );
      await load([node(simulator, { channels: [{ role: "grid" }, { role: "grid" }], sumPhases: true })]);
      const { payload } = await nextMessage("out", ofRole("grid"));
      const grid = payload as Meter;
      assert.ok(grid.powerW !== null && grid.powerW > 890 && grid.powerW < 930);
      assert.equal(grid.phases?.length, 3);
    });

    it("reads two devices at once, each with its own count of log-ins", async () => {
      const first = await rpc({ password: PASSWORD });
      const second = await rpc({ password: PASSWORD });
      await load([node(first), node(second, { id: "m", name: "Garage" })], {
        n: { password: PASSWORD },
        m: { password: PASSWORD },
      });
      const { readings } = collect();
      const gridOf = (device: string): number =>
        readings().filter((reading) => reading.device === device && reading.role === "grid").length;
      await until("four polls of each", () => gridOf("House") >= 4 && gridOf("Garage") >= 4, 8000);
      // who am I, the challenge, and then one request per poll
      assert.ok(first.requests <= gridOf("House") + 3, `${first.requests} requests`);
      assert.deepEqual(lines(), []);
    });

    it("changes its status no more often than every two seconds while all is well", async () => {
      let looks = 0;
      const restless = (): ElectricalSample => ({ powerW: 100 * looks++, voltageV: 240, powerFactor: 1 });
      const simulator = await gen1({ channels: [restless] });
      await load([node(simulator, { channels: [{ role: "grid" }] })]);
      const { messages } = collect();
      await until("readings for more than four seconds", () => messages.length >= 9, 8000);
      const shown = statusTexts("n").filter((text) => text.startsWith("green"));
      assert.ok(shown.length >= 2 && shown.length <= 3, shown.join("\n"));
    });

    it("adds the device's own reply only when it was asked for", async () => {
      const simulator = await gen1();
      await load([node(simulator, { includeRaw: true })]);
      const { raw } = await nextMessage("out", ofRole("grid"));
      assert.equal((raw as { mac: string }).mac, simulator.mac);
    });
  });

  describe("while a Gen1 meter misbehaves", () => {
    const badReadings: readonly (readonly [ShellyFault, string, RegExp])[] = [
      ["huge-value", "implausible", /^yellow ring bad reading$/],
      ["null-fields", "", /^yellow ring no reading$/],
      ["invalid", "not-valid", /^yellow ring meter fault$/],
    ];
    for (const [fault, flag, status] of badReadings) {
      it(`gives no power and says why: ${fault}`, async () => {
        const simulator = await gen1();
        await load([node(simulator)]);
        await nextMessage("out", ofRole("grid"));
        simulator.setFault(fault);
        const { payload } = await nextMessage(
          "out",
          isReading(({ role, powerW }) => role === "grid" && powerW === null),
        );
        const { flags, currentA } = payload as Meter;
        assert.equal(currentA, null);
        assert.deepEqual(flags, flag === "" ? [] : [flag]);
        await until("status says so", () => status.test(lastStatus()));
        simulator.setFault(null);
        await nextMessage("out", ofRole("grid"));
        await until("status is live again", () => lastStatus().startsWith("green dot"));
        assert.deepEqual(lines(), [], "the device was never gone");
      });
    }

    it("never lets NaN or words through, be it broken JSON or text for numbers", async () => {
      const simulator = await gen1();
      await load([node(simulator)]);
      await nextMessage("out", ofRole("grid"));
      const { readings } = collect();
      simulator.setFault("nan");
      await until("status shows that the reading is bad", () => /bad re/.test(lastStatus()));
      await until("more tries", triesGoOn(simulator));
      for (const { powerW, flags } of readings()) {
        if (powerW === null) assert.ok(flags.includes("implausible"));
        else assert.ok(Number.isFinite(powerW));
      }
      simulator.setFault(null);
      await nextMessage("out", ofRole("grid"));
    });

    it("takes a reading that does not move for no reading, although the meter answers", async () => {
      const simulator = await gen1();
      await load([node(simulator, { frozenAfterS: "2" })]);
      await nextMessage("out", ofRole("grid"));
      simulator.setFault("frozen");
      const { payload } = await nextMessage(
        "out",
        isReading(({ flags }) => flags.includes("frozen")),
      );
      assert.equal((payload as Meter).powerW, null);
      await until("status says so", () => lastStatus() === "yellow ring frozen reading");
      simulator.setFault(null);
      await nextMessage("out", ofRole("grid"));
    });

    it("goes on after a reboot, says so in one reading, and keeps counting", async () => {
      const simulator = await gen1();
      await load([node(simulator)]);
      const { readings } = collect();
      await nextMessage("out", ofRole("grid"));
      simulator.reboot({ downMs: 300 });
      await nextMessage(
        "out",
        isReading(({ role, flags }) => role === "grid" && flags.includes("restarted")),
        15_000,
      );
      await nextMessage("out", ofRole("grid"));
      assert.equal(readings().filter(({ role, flags }) => role === "grid" && flags.includes("restarted")).length, 1);
      assertNeverBackwards(readings());
    });

    it("counts on after a counter reset, and says so once", async () => {
      const simulator = await gen1({ channels: [clamp(90_000), clamp(-80_000)] });
      await load([node(simulator)]);
      const { readings } = collect();
      await nextMessage(
        "out",
        isReading(({ role, importWh }) => role === "grid" && Number(importWh) > 20),
      );
      simulator.resetCounters();
      await nextMessage(
        "out",
        isReading(({ flags, role }) => role === "grid" && flags.includes("counter-reset")),
      );
      await nextMessage(
        "out",
        isReading(({ flags, role }) => role === "grid" && !flags.includes("counter-reset")),
      );
      assertNeverBackwards(readings());
      assert.equal(
        readings().filter(({ role, flags }) => role === "grid" && flags.includes("counter-reset")).length,
        1,
      );
    });

    it("does not use another device at the same address until it is deployed again, and then counts on", async () => {
      const simulator = await gen1({ channels: [clamp(90_000), clamp(-80_000)] });
      await load([node(simulator)]);
      const before = await nextMessage(
        "out",
        isReading(({ role, importWh }) => role === "grid" && Number(importWh) > 20),
      );
      simulator.replaceDevice();
      const told = await nextMessage(
        "out",
        isReading(({ flags, role }) => role === "grid" && flags.includes("other-device")),
      );
      assert.equal((told.payload as Meter).powerW, null);
      await until("status says so", () => lastStatus() === "red ring other device");
      const { messages } = collect();
      await until("it is asked again", triesGoOn(simulator), 10_000);
      assert.deepEqual(messages, [], "the stranger is not used");
      assert.equal(lines().length, 1);
      simulator.setFault("refuse");
      await redeploy([...AROUND, node(simulator)]);
      const first = nextMessage("out", ofRole("grid"), 15_000);
      simulator.setFault(null);
      const after = await first;
      const [was, is] = [before.payload as Meter, after.payload as Meter];
      assert.ok(Number(is.importWh) >= Number(was.importWh), `${is.importWh} after ${was.importWh}`);
      assert.ok(is.flags.includes("counter-reset"));
    });
  });

  describe("log-in", () => {
    for (const [kind, start] of [
      ["Basic of Gen1", gen1],
      ["digest of Gen2 and later", rpc],
    ] as const) {
      it(`knows the ${kind}`, async () => {
        const simulator = await start({ password: PASSWORD });
        await load([node(simulator)], { n: { user: "admin", password: PASSWORD } });
        await nextMessage("out", ofRole("grid"));
        await nextMessage("out", ofRole("grid"));
        assert.deepEqual(lines(), []);
      });

      it(`tells a wrong password once and does not hammer the device: ${kind}`, async () => {
        const simulator = await start({ password: PASSWORD });
        await load([node(simulator)], { n: { user: "admin", password: "guess-work" } });
        await until("status says so", () => lastStatus() === "red ring wrong password");
        const { requests } = simulator;
        assert.ok(requests <= 4, `${requests} requests`);
        const caught = nextMessage("caught");
        getNode("n").receive({ payload: "read!" });
        assert.equal(((await caught).error as { code: string }).code, "auth");
        await new Promise((resolve) => setTimeout(resolve, 1500));
        assert.equal(simulator.requests, requests, "neither time nor messages make it try again soon");
        assert.equal(lines().length, 1);
        assert.doesNotMatch(JSON.stringify(logLines()), /guess-work|Z3Vlc3Mtd29yaw/);
      });
    }

    it("gets over a worn-out nonce without a gap", async () => {
      const simulator = await rpc({ password: PASSWORD });
      await load([node(simulator)], { n: { password: PASSWORD } });
      await nextMessage("out", ofRole("grid"));
      simulator.reboot({ downMs: 0 });
      await nextMessage("out", ofRole("grid"), 10_000);
      await nextMessage("out", ofRole("grid"), 10_000);
    });

    it("asks for a password when the device wants one and none is entered", async () => {
      const simulator = await rpc({ password: PASSWORD });
      await load([node(simulator)]);
      await until("status says so", () => lastStatus() === "red ring wrong password");
      assert.match(lines()[0] ?? "", /asks for a password, and none is entered/);
    });
  });

  describe("push", () => {
    for (const password of [undefined, PASSWORD]) {
      it(`reads over one WebSocket and nothing else${password === undefined ? "" : ", with a password"}`, async () => {
        const simulator = await rpc(password === undefined ? {} : { password });
        await load([node(simulator, { push: true })], { n: { password: password ?? "" } });
        await until("the device pushes", () => simulator.listening === 1 && simulator.openSockets === 1);
        await nextMessage("out", ofRole("grid"));
        const requests = simulator.requests;
        const { readings } = collect();
        await until("pushed readings", () => readings().length >= 6, 8000);
        assert.equal(simulator.requests, requests, "no HTTP while the socket stands");
        assert.equal(simulator.openSockets, 1);
        assert.equal(simulator.listening, 1);
        assert.deepEqual(lines(), []);
      });
    }

    it("logs in to firmware 1, which counts no nonces and gives numbers for them", async () => {
      const simulator = await rpc({ password: PASSWORD, firmware: "1.4.2" });
      await load([node(simulator, { push: true })], { n: { password: PASSWORD } });
      await until("the device pushes", () => simulator.listening === 1 && simulator.openSockets === 1);
      const { frames } = simulator;
      await nextMessage("out", ofRole("grid"));
      await until("more frames", () => simulator.frames >= frames + 2);
      assert.deepEqual(lines(), []);
    });

    it("notices a half-open socket within two heartbeats, polls meanwhile, and pushes again", async () => {
      const simulator = await rpc();
      await load([node(simulator, { push: true })]);
      await until("the device pushes", () => simulator.listening === 1);
      await nextMessage("out", ofRole("grid"));
      const { requests } = simulator;
      simulator.setFault("half-open");
      const beganMs = performance.now();
      await until("polling by HTTP", () => simulator.requests > requests, 6000);
      assert.ok(performance.now() - beganMs < 5000);
      await nextMessage("out", ofRole("grid"));
      simulator.setFault(null);
      await until(
        "pushing again over one socket",
        () => simulator.listening === 1 && simulator.openSockets === 1,
        15_000,
      );
      await nextMessage("out", ofRole("grid"));
      assert.deepEqual(lines(), [], "a meter that is still read is not gone");
    });

    it("comes back after the device was away", async () => {
      const simulator = await rpc();
      await load([node(simulator, { push: true })]);
      await until("the device pushes", () => simulator.listening === 1);
      await proveOutage(simulator, "refuse", /^red ring unreachable$/);
      await until(
        "it pushes over one connection",
        () => simulator.listening === 1 && simulator.openSockets === 1,
        15_000,
      );
    });
  });

  describe("messages", () => {
    it("reads at once on any message, and on the command refresh", async () => {
      const simulator = await gen1();
      await load([node(simulator, { pollS: "600" })]);
      await nextMessage("out", ofRole("grid"));
      for (const payload of [Date.now(), "now", { command: "refresh" }]) {
        const next = nextMessage("out", ofRole("grid"), 2000);
        getNode("n").receive({ payload });
        await next;
      }
    });

    it("refuses every other command", async () => {
      const simulator = await gen1();
      await load([node(simulator)]);
      const caught = nextMessage("caught");
      getNode("n").receive({ payload: { command: "charge" }, topic: "kept" });
      const message = await caught;
      assert.equal((message.error as { code: string }).code, "unsupported");
      assert.equal(message.topic, "kept");
    });

    it("answers a flood of messages with few requests", async () => {
      const simulator = await gen1();
      await load([node(simulator, { pollS: "600" })]);
      await nextMessage("out", ofRole("grid"));
      const { requests } = simulator;
      for (let count = 0; count < 200; count++) getNode("n").receive({ payload: count });
      await nextMessage("out", ofRole("grid"));
      assert.ok(simulator.requests <= requests + 2, `${simulator.requests - requests} requests`);
    });
  });

  describe("settings", () => {
    for (const [title, more] of [
      ["no address", { host: "" }],
      ["https", { host: "https://192.0.2.10" }],
      ["a password in the address", { host: "http://admin:secret@192.0.2.10" }],
      ["polls faster than twice a second", { pollS: "0.1" }],
      ["no channel in use", { channels: [{ role: "off" }] }],
      ["two grids", { channels: [{ role: "grid" }, { role: "grid" }] }],
    ] as const) {
      it(`says what is wrong: ${title}`, async () => {
        await load([node({ port: 1 }, more)]);
        await until("status says so", () => lastStatus() === "red ring check settings");
        assert.match(lines()[0] ?? "", /^A setting is missing or wrong\. /);
        assert.doesNotMatch(lines()[0] ?? "", /secret/);
      });
    }

    it("marks a channel that the meter does not have", async () => {
      const simulator = await gen1({ channels: [clamp(500)] });
      await load([node(simulator)]);
      const { payload } = await nextMessage(
        "out",
        isReading(({ role }) => role === "evse"),
      );
      assert.deepEqual((payload as Meter).flags, ["no-channel"]);
      await until("status says so", () => lastStatus() === "yellow ring no channel 2");
    });
  });

  it("leaves no socket and no timer behind after 50 redeploys", async () => {
    const polled = await gen1();
    const pushed = await rpc();
    await load([{ id: "unused", z: "tab", type: "ev-shelly-em", d: true, wires: [] }]);
    const timers = activeTimers();
    await redeploy([...AROUND, node(polled), node(pushed, { id: "m", push: true })]);
    await until("the device pushes", () => pushed.listening === 1);
    for (let round = 0; round < 50; round++) {
      await redeploy([...AROUND, node(polled), node(pushed, { id: "m", push: true })]);
      if (round % 10 === 0) await nextMessage("out", ofRole("grid"));
    }
    await until("the device pushes to one client", () => pushed.listening === 1);
    await until("one connection to each", () => polled.openSockets <= 1 && pushed.openSockets === 1);
    await redeploy(AROUND);
    await until("no connection is left", () => polled.openSockets === 0 && pushed.openSockets === 0);
    const before = polled.requests + pushed.requests;
    await new Promise((resolve) => setTimeout(resolve, 1200));
    assert.equal(polled.requests + pushed.requests, before, "nobody asks any more");
    await until("no timer is left", () => activeTimers() <= timers);
  });

  describe("search", () => {
    it("asks for the permission and gives cleaned results, one search at a time", async () => {
      const clock = createManualClock(0);
      const announced: HeardService[] = [
        { name: "shellyplug-s-AABBCC", port: 80, addresses: ["192.0.2.30"], txt: { gen: "2" } },
        { name: "shellyem-98CDAC1F8A20", port: 80, addresses: ["fe80::1", "192.0.2.10"], txt: {} },
        { name: "<img src=x onerror=alert(1)>", port: 80, addresses: ["192.0.2.66"], txt: {} },
      ];
      let searches = 0;
      const { routes } = register({
        clock,
        async browse(types, onHeard) {
          searches += 1;
          assert.deepEqual(types, ["shelly", "http"]);
          for (const service of announced) onHeard(service);
          return { stop: () => {} };
        },
      });
      assert.deepEqual(
        routes.map(({ path, permission }) => [path, permission]),
        [["/ev-shelly-em/discover", "ev-shelly-em.write"]],
      );
      const answers = [ask(routes[0]?.handler), ask(routes[0]?.handler)];
      await until("the search has begun", () => clock.pending > 0);
      clock.advance(3000);
      for (const answer of await Promise.all(answers)) {
        assert.deepEqual(answer, [
          { name: "shellyem-98CDAC1F8A20", host: "192.0.2.10", generation: null, looksLikeMeter: true },
          { name: "shellyplug-s-AABBCC", host: "192.0.2.30", generation: 2, looksLikeMeter: false },
        ]);
      }
      assert.equal(searches, 1);
    });

    it("answers 500 without details when the network cannot be searched", async () => {
      const { routes } = register({
        browse: () => Promise.reject(new Error("bind EADDRINUSE 0.0.0.0:5353")),
      });
      assert.equal(await ask(routes[0]?.handler), 500);
    });
  });
});

/** All at once, each with a meter and a node of its own, because every outage takes its seconds. */
describe("ev-shelly-em in an outage", function () {
  this.timeout(60_000);
  type Outage = readonly [title: string, fault: ShellyFault, status: RegExp, kind: "polled" | "pushed"];
  const outages: readonly Outage[] = [
    ["garbage", "garbage", /^red ring bad reply$/, "polled"],
    ["truncated JSON", "truncated-json", /^red ring bad reply$/, "polled"],
    ["a web page with status 200", "html-200", /^red ring bad reply$/, "polled"],
    ["one byte per second", "slow-loris", /^red ring no answer$/, "polled"],
    ["no answer at all", "silent", /^red ring no answer$/, "polled"],
    ["an endless body", "endless-body", /^red ring reply too large$/, "polled"],
    ["a redirect to another host", "redirect", /^red ring bad reply$/, "polled"],
    ["status 500", "server-error", /^red ring bad reply$/, "polled"],
    ["a refused connection", "refuse", /^red ring unreachable$/, "polled"],
    ["garbage", "garbage", /^red ring bad reply$/, "pushed"],
    ["truncated JSON", "truncated-json", /^red ring bad reply$/, "pushed"],
    ["a web page with status 200", "html-200", /^red ring bad reply$/, "pushed"],
    ["no answer at all", "silent", /^red ring no answer$/, "pushed"],
    ["an endless body", "endless-body", /^red ring/, "pushed"],
    ["a refused connection", "refuse", /^red ring unreachable$/, "pushed"],
  ];
  const simulators: ShellySimulator[] = [];
  const proofs: Promise<void>[] = [];

  before(async () => {
    const flow: Record<string, unknown>[] = [{ id: "tab", type: "tab", label: "test" }];
    for (const [index, [, , , kind]] of outages.entries()) {
      const simulator = kind === "polled" ? await gen1() : await rpc();
      simulators.push(simulator);
      flow.push(node(simulator, { id: `n${index}`, push: kind === "pushed", wires: [[`n${index}-out`]] }));
      flow.push({ id: `n${index}-out`, z: "tab", type: "helper" });
    }
    await loadFlow([module], flow);
    for (const [index, [, fault, status, kind]] of outages.entries()) {
      const simulator = simulators[index];
      if (simulator === undefined) continue;
      const proof = prove(simulator, fault, status, kind, `n${index}`);
      proof.catch(() => {});
      proofs.push(proof);
    }
  });

  after(async () => {
    await unloadFlow();
    await Promise.all(running.splice(0).map((simulator) => simulator.stop()));
  });

  async function prove(
    simulator: ShellySimulator,
    fault: ShellyFault,
    status: RegExp,
    kind: "polled" | "pushed",
    id: string,
  ): Promise<void> {
    const isPushing = (): boolean => "listening" in simulator && simulator.listening === 1;
    await until(
      "it is read",
      () => lastStatus(id).startsWith("green dot") && (kind === "polled" || isPushing()),
      10_000,
    );
    await proveOutage(simulator, fault, status, id);
    assert.equal(simulator.redirectsFollowed, 0);
    if (kind === "pushed") await until("it pushes again, over one connection", isPushing, 20_000);
  }

  for (const [index, [title, , , kind]] of outages.entries()) {
    it(`shows it, says it once, sends nothing and comes back by itself: ${title} (${kind})`, () => proofs[index]);
  }
});

const activeTimers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

function assertNeverBackwards(readings: readonly Meter[]): void {
  for (const role of ["grid", "evse"]) {
    let last = { importWh: 0, exportWh: 0 };
    for (const { importWh, exportWh } of readings.filter((reading) => reading.role === role)) {
      if (importWh !== null) assert.ok(importWh >= last.importWh, `${role} import ${importWh} after ${last.importWh}`);
      if (exportWh !== null) assert.ok(exportWh >= last.exportWh, `${role} export ${exportWh} after ${last.exportWh}`);
      last = { importWh: importWh ?? last.importWh, exportWh: exportWh ?? last.exportWh };
    }
  }
}

interface Route {
  readonly path: string;
  readonly permission: string;
  readonly handler: AdminHandler;
}

/** Loads the node module into a Node-RED that only notes the admin routes. */
function register(parts: Parameters<typeof createShellyNode>[0]): { routes: Route[] } {
  const routes: Route[] = [];
  const permissions = new Map<PermissionCheck, string>();
  createShellyNode(parts)({
    nodes: { registerType: () => {} },
    auth: {
      needsPermission(permission: string): PermissionCheck {
        const check: PermissionCheck = () => {};
        permissions.set(check, permission);
        return check;
      },
    },
    httpAdmin: {
      post: (path: string, check: PermissionCheck, handler: AdminHandler) =>
        routes.push({ path, permission: permissions.get(check) ?? "", handler }),
    },
  } as unknown as NodeRed);
  return { routes };
}

/** What the route answers: the JSON, or the bare status. */
const ask = (handler: AdminHandler | undefined): Promise<unknown> =>
  new Promise((resolve) => {
    handler?.(
      { params: {}, query: {}, body: {} },
      { status: () => assert.fail("no status alone"), json: resolve, sendStatus: resolve },
    );
  });
