import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { type Charger, chargerSchema } from "../../lib/model/records.ts";
import connectionNode from "../../nodes/devices/ev-quasar-connection/ev-quasar-connection.ts";
import quasarNode from "../../nodes/devices/ev-quasar/ev-quasar.ts";
import type { NodeMessage } from "../../nodes/shared/node-red.d.ts";
import { type QuasarSimulator, type QuasarSimulatorOptions, startQuasarSimulator } from "../../simulators/quasar.ts";
import { startWallboxCloud, type WallboxCloudSimulator } from "../../simulators/wallbox-cloud.ts";
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

const modules = [withTexts(quasarNode, "devices/ev-quasar"), withTexts(connectionNode, "devices/ev-quasar-connection")];
const EMAIL = "owner@example.org";
const PASSWORD = "correct horse";
/** So that seconds of a real charger pass in milliseconds. */
const FAST: QuasarSimulatorOptions = {
  timing: { startDelayMs: [30, 60], responseDelayMs: [5, 20], slewWPerS: 200_000, stopSlewWPerS: 400_000 },
  settleFraction: 0.95,
};

const running: { stop(): Promise<void> }[] = [];
async function charger(options: QuasarSimulatorOptions = {}): Promise<QuasarSimulator> {
  const simulator = await startQuasarSimulator({ ...FAST, ...options });
  running.push(simulator);
  return simulator;
}
async function cloud(): Promise<WallboxCloudSimulator> {
  const simulator = await startWallboxCloud();
  running.push(simulator);
  return simulator;
}

const connection = (port: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  id: "c",
  type: "ev-quasar-connection",
  name: "Garage",
  version: 1,
  host: "127.0.0.1",
  port: String(port),
  pollS: "0.1",
  deadTimeFactor: "0.01",
  ...more,
});
const flow = (port: number, more: Record<string, unknown> = {}, node: Record<string, unknown> = {}) => [
  { id: "tab", type: "tab", label: "test" },
  connection(port, more),
  { id: "n", z: "tab", type: "ev-quasar", version: 1, name: "Quasar", connection: "c", wires: [["out"]], ...node },
  { id: "out", z: "tab", type: "helper" },
  { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
  { id: "caught", z: "tab", type: "helper" },
];
const load = (
  port: number,
  more: Record<string, unknown> = {},
  credentials: Record<string, string> = {},
  node: Record<string, unknown> = {},
): Promise<void> => loadFlow(modules, flow(port, more, node), { c: credentials });

const nextRecord = async (isWanted: (record: Charger) => boolean = () => true, withinMs = 5000): Promise<Charger> => {
  const message = await nextMessage("out", ({ payload }) => isWanted(payload as Charger), withinMs);
  return message.payload as Charger;
};
async function refusal(payload: unknown, more: Partial<NodeMessage> = {}): Promise<{ code: string; message: string }> {
  const caught = nextMessage("caught");
  getNode("n").receive({ payload, ...more });
  return (await caught).error as { code: string; message: string };
}
const linesAt = (level: number): string[] =>
  logLines()
    .filter((line) => line.level === level && line.type?.startsWith("ev-quasar") === true)
    .map((line) => String(line.msg instanceof Error ? line.msg.message : line.msg));
const actions = (simulator: QuasarSimulator): number[] =>
  simulator.writes.filter(({ address }) => address === 0x101).map(({ values }) => values[0] ?? 0);

describe("ev-quasar", function () {
  this.timeout(15_000);
  afterEach(async () => {
    await unloadFlow();
    for (const simulator of running.splice(0)) await simulator.stop();
  });

  it("sends a charger record with every poll and says what is going on", async () => {
    const simulator = await charger({ socWhenIdle: "kept", socPercent: 64 });
    await load(simulator.port);
    const message = await nextMessage("out");
    assert.equal(message.topic, "Quasar");
    const record = chargerSchema.parse(message.payload);
    assert.deepEqual([record.device, record.online, record.state, record.socPercent], ["Quasar", true, "paused", 64]);
    await nextRecord();
    assert.deepEqual(statusTexts("n").slice(-1), ["green dot 64 % idle"]);
    assert.deepEqual(simulator.writes, []);
  });

  it("charges, discharges and pauses on command", async () => {
    const simulator = await charger();
    await load(simulator.port);
    await nextRecord();
    getNode("n").receive({ payload: { command: "charge", currentA: 10 } });
    await nextRecord(({ currentA }) => currentA === 10 || currentA === 9);
    assert.match(statusTexts("n").at(-1) ?? "", /^blue dot charging (9|10) A$/);
    getNode("n").receive({ payload: -6 });
    const record = await nextRecord(({ state, setpointA }) => state === "discharging" && setpointA === -6);
    assert.ok((record.powerW ?? 0) < 0);
    await until("the status tells it", () => /^blue dot discharging 6 A$/.test(statusTexts("n").at(-1) ?? ""));
    getNode("n").receive({ payload: "pause" });
    await nextRecord(({ state }) => state === "paused");
    assert.equal(simulator.readRegister(0x102), 0);
  });

  it("hands rubbish, expired and retained commands to the Catch nodes and does nothing", async () => {
    const simulator = await charger();
    await load(simulator.port);
    await nextRecord();
    for (const payload of [
      null,
      "16; DROP",
      Number.NaN,
      { command: "charge", currentA: -1 },
      { command: "charge", amps: 6 },
      1e6,
    ]) {
      assert.match((await refusal(payload)).code, /bad-command|out-of-range/);
    }
    const expired = await refusal({ command: "charge", expiresAt: "2020-01-01T00:00:00Z" });
    assert.equal(expired.code, "stale");
    assert.equal((await refusal("charge", { retain: true })).code, "stale");
    const mode = await refusal("solar");
    assert.equal(mode.code, "unsupported");
    assert.match(mode.message, /ev-control/);
    assert.deepEqual(simulator.writes, []);
  });

  it("adds the raw registers when asked to, and sends news only when told so", async () => {
    const simulator = await charger();
    await load(simulator.port, {}, {}, { includeRaw: true, everyS: "3600" });
    const message = await nextMessage("out");
    assert.equal((message.raw as { serial: number }).serial, 340_012);
    let count = 0;
    getNode("out").on("input", () => count++);
    await until("five polls", () => simulator.requests > 25);
    assert.equal(count, 0);
    simulator.unplug();
    await nextRecord(({ plugged }) => plugged === false);
    assert.equal(statusTexts("n").at(-1), "green dot no car");
  });

  it("shows red, logs once when the charger goes and once when it is back, and recovers without a deploy", async () => {
    const simulator = await charger();
    await load(simulator.port);
    await nextRecord();
    const warnings = linesAt(30).length;
    simulator.setFault("refuse");
    await nextRecord(({ online }) => !online, 10_000);
    assert.equal(statusTexts("n").at(-1), "red ring unreachable");
    simulator.setFault(null);
    await nextRecord(({ online }) => online, 10_000);
    assert.deepEqual(
      [linesAt(30).length - warnings, linesAt(40).filter((line) => line.includes("back after")).length],
      [1, 1],
    );
    assert.equal(simulator.peakConnections, 1);
  });

  it("calls a crash a crash", async () => {
    const simulator = await charger();
    simulator.setFault("zeros");
    await load(simulator.port);
    const record = await nextRecord();
    assert.deepEqual([record.online, record.plugged, record.faults[0]?.code], [false, null, "crashed"]);
    assert.match(record.faults[0]?.text ?? "", /restart the charger/);
    assert.equal(statusTexts("n").at(-1), "red ring charger crashed");
  });

  it("has a text for every fault and every status", async () => {
    const simulator = await charger();
    await load(simulator.port);
    await nextRecord();
    simulator.setFault("error-status");
    await nextRecord(({ state }) => state === "fault");
    assert.equal(statusTexts("n").at(-1), "yellow ring charger error");
    const shown = statusTexts("n").join(" ");
    assert.doesNotMatch(shown, /ev-quasar\./);
  });

  it("says what is wrong when no connection is chosen", async () => {
    const simulator = await charger();
    await load(simulator.port, {}, {}, { connection: "" });
    await until("the status is red", () => statusTexts("n").at(-1) === "red ring check settings");
    assert.equal((await refusal("charge")).code, "config");
  });

  for (const [field, wrong] of [
    ["host", "http://127.0.0.1/"],
    ["host", ""],
    ["port", "0"],
    ["maxChargeA", "99"],
    ["idleTimeoutS", "31.5"],
  ] as const) {
    it(`refuses ${field} "${wrong}" with its name`, async () => {
      const simulator = await charger();
      await load(simulator.port, { [field]: wrong });
      await until("the status is red", () => statusTexts("n").at(-1) === "red ring check settings");
      assert.match((await refusal("charge")).message, new RegExp(field));
      assert.equal(simulator.acceptedConnections, 0);
    });
  }

  it("lets two nodes share one connection", async () => {
    const simulator = await charger();
    await loadFlow(modules, [
      ...flow(simulator.port),
      { id: "m", z: "tab", type: "ev-quasar", version: 1, name: "Other", connection: "c", wires: [["out2"]] },
      { id: "out2", z: "tab", type: "helper" },
    ]);
    const [one, two] = await Promise.all([nextMessage("out"), nextMessage("out2")]);
    assert.deepEqual([one.topic, two.topic], ["Quasar", "Other"]);
    assert.equal(simulator.peakConnections, 1);
  });

  it("stops the car when Node-RED stops, keeps control with the watchdog armed, and is quick", async () => {
    const simulator = await charger();
    await load(simulator.port);
    await nextRecord();
    getNode("n").receive({ payload: "discharge" });
    await nextRecord(({ state }) => state === "discharging");
    const startMs = performance.now();
    await unloadFlow();
    assert.ok(performance.now() - startMs < 5000);
    assert.deepEqual(
      [0x102, 0x51, 0x52, 0x58].map((address) => simulator.readRegister(address)),
      [0, 1, 0, 900],
    );
    assert.equal(actions(simulator).at(-1), 2);
  });

  it("closes within its time when the charger hangs", async () => {
    const simulator = await charger();
    await load(simulator.port);
    await nextRecord();
    getNode("n").receive({ payload: "charge" });
    await nextRecord(({ state }) => state === "charging");
    simulator.setFault("hang");
    const startMs = performance.now();
    await unloadFlow();
    assert.ok(performance.now() - startMs < 5000, `${performance.now() - startMs}`);
  });

  it("keeps charging over twenty deploys when told to, with the same set point", async () => {
    const simulator = await charger();
    await load(simulator.port, { onExit: "keep" });
    await nextRecord();
    getNode("n").receive({ payload: 16 });
    await nextRecord(({ state }) => state === "charging");
    const before = simulator.writes.length;
    for (let deploy = 0; deploy < 20; deploy++) {
      await redeploy(flow(simulator.port, { onExit: "keep" }));
      await nextRecord(({ setpointA }) => setpointA === 16);
    }
    assert.equal(simulator.writes.length, before);
    assert.equal(simulator.peakConnections, 1);
    assert.ok(simulator.acPowerW() > 3000);
  });

  it("leaves nothing behind after fifty deploys", async () => {
    const simulator = await charger();
    await load(simulator.port);
    await nextRecord();
    const resources = (): number => process.getActiveResourcesInfo().filter((kind) => kind !== "TTYWrap").length;
    const before = resources();
    for (let deploy = 0; deploy < 50; deploy++) {
      await redeploy(flow(simulator.port));
      if (deploy % 10 === 0) await nextRecord();
    }
    await nextRecord();
    assert.equal(simulator.peakConnections, 1);
    assert.ok(resources() <= before + 2, `${before} -> ${resources()}`);
    await unloadFlow();
    await until("the last connection is gone", () => simulator.connections === 0);
    assert.deepEqual(simulator.writes, []);
  });

  it("restarts through the cloud on command, and tells no secret to log, status or message", async () => {
    const simulator = await charger();
    const account = await cloud();
    const messages: NodeMessage[] = [];
    await load(
      simulator.port,
      { chargerId: "12345", cloudUrl: account.url },
      { email: EMAIL, password: PASSWORD },
      { includeRaw: true },
    );
    getNode("out").on("input", (message) => messages.push(message));
    await nextRecord();
    account.setFault("html-200");
    const page = await refusal("restart");
    account.setFault("403");
    const wrong = await refusal("restart");
    assert.deepEqual([page.code, wrong.code], ["bad-reply", "refused"]);
    const told = JSON.stringify([messages, statusTexts("n"), logLines(), page, page.message, wrong.message]);
    const basic = Buffer.from(`${EMAIL}:${PASSWORD}`).toString("base64");
    for (const secret of [EMAIL, PASSWORD, basic, "simulated-token"]) assert.ok(!told.includes(secret), secret);
  });

  it("never sends a cloud action but 3", async () => {
    const simulator = await charger();
    const account = await cloud();
    await load(simulator.port, { chargerId: "12345", cloudUrl: account.url }, { email: EMAIL, password: PASSWORD });
    await nextRecord();
    // the second call waits its minute; the first one, the status, is made at once
    getNode("n").receive({ payload: "restart" });
    await until("the status was asked for", () => account.calls.some(({ path }) => path.includes("status")));
    for (const payload of [{ command: "restart", action: 4 }, { command: "action", action: 5 }, 4, "4", 5]) {
      getNode("n").receive({ payload });
    }
    await until("a few polls", () => simulator.requests > 20);
    await unloadFlow();
    assert.deepEqual(
      account.actions.filter(({ action }) => action !== 3),
      [],
    );
    assert.equal(simulator.firmwareUpdates, 0);
    assert.ok(actions(simulator).every((action) => action === 1 || action === 2));
  });
});
