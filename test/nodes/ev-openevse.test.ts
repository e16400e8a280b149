import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createConnection } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, describe, it } from "mocha";
import { createManualClock } from "../../lib/model/clock.ts";
import { type Charger, chargerSchema } from "../../lib/model/records.ts";
import type { HeardService } from "../../lib/io/mdns.ts";
import openevseNode from "../../nodes/devices/ev-openevse/ev-openevse.ts";
import connectionNode, {
  createConnectionNode,
} from "../../nodes/devices/ev-openevse-connection/ev-openevse-connection.ts";
import { noteBroker } from "../../nodes/devices/ev-openevse-connection/discovery-route.ts";
import type { AdminHandler, NodeMessage, NodeRed, PermissionCheck } from "../../nodes/shared/node-red.d.ts";
import { type MqttBroker, startMqttBroker } from "../../simulators/mqtt-broker.ts";
import { type OpenEvseOptions, type OpenEvseSimulator, startOpenEvse } from "../../simulators/openevse.ts";
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

const modules = [
  withTexts(openevseNode, "devices/ev-openevse"),
  withTexts(connectionNode, "devices/ev-openevse-connection"),
];
const PASSWORD = "correct horse battery";
const USER = "openevse-user";

const endings: (() => void | Promise<void>)[] = [];

/** The charger lives twenty times faster, so that its half minute passes in one and a half seconds. */
function fastClock() {
  const clock = createManualClock(Date.now());
  const timer = setInterval(() => clock.advance(500), 25);
  endings.push(() => clearInterval(timer));
  return clock;
}
async function broker(options: Parameters<typeof startMqttBroker>[0] = {}): Promise<MqttBroker> {
  const started = await startMqttBroker(options);
  endings.push(() => started.stop());
  return started;
}
async function charger(options: OpenEvseOptions = {}): Promise<OpenEvseSimulator> {
  const simulator = await startOpenEvse({ clock: fastClock(), ...options });
  endings.push(() => simulator.stop());
  return simulator;
}

const connection = (more: Record<string, unknown>): Record<string, unknown> => ({
  id: "c",
  type: "ev-openevse-connection",
  name: "Garage",
  version: 1,
  via: "mqtt",
  host: "127.0.0.1",
  baseTopic: "openevse-7b2c",
  announceTopic: "openevse/announce/#",
  ...more,
});
const flow = (more: Record<string, unknown>, node: Record<string, unknown> = {}) => [
  { id: "tab", type: "tab", label: "test" },
  connection(more),
  {
    id: "n",
    z: "tab",
    type: "ev-openevse",
    version: 1,
    name: "Carport",
    connection: "c",
    wires: [["out"], ["mqtt"], ["answers"]],
    ...node,
  },
  { id: "out", z: "tab", type: "helper" },
  { id: "mqtt", z: "tab", type: "helper" },
  { id: "answers", z: "tab", type: "helper" },
  { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
  { id: "caught", z: "tab", type: "helper" },
];
const load = (
  more: Record<string, unknown>,
  credentials: Record<string, string> = {},
  node: Record<string, unknown> = {},
): Promise<void> => loadFlow(modules, flow(more, node), { c: credentials });

const nextRecord = async (isWanted: (record: Charger) => boolean = () => true, withinMs = 10_000): Promise<Charger> => {
  const message = await nextMessage("out", ({ payload }) => isWanted(chargerSchema.parse(payload)), withinMs);
  return chargerSchema.parse(message.payload);
};
async function refusal(payload: unknown, more: Partial<NodeMessage> = {}, withinMs = 25_000) {
  const caught = nextMessage("caught", () => true, withinMs);
  getNode("n").receive({ payload, ...more });
  return (await caught).error as { code: string; message: string };
}
const lines = (...levels: number[]): string[] =>
  logLines()
    .filter((line) => levels.includes(line.level) && line.type?.startsWith("ev-openevse") === true)
    .map((line) => String(line.msg instanceof Error ? line.msg.message : line.msg));
const shown = (id = "n"): string => statusTexts(id).at(-1) ?? "";

describe("ev-openevse", function () {
  this.timeout(40_000);
  afterEach(async () => {
    await unloadFlow();
    for (const end of endings.splice(0).toReversed()) await end();
  });

  describe("over MQTT", () => {
    it("tells what the charger is doing, from plugging in to unplugging", async () => {
      const { url, port } = await broker();
      const simulator = await charger({ brokerUrl: url });
      await load({ port: String(port) });
      const empty = await nextRecord(({ state }) => state === "unplugged");
      assert.deepEqual([empty.device, empty.online, empty.plugged, empty.firmware], ["Carport", true, false, "5.1.5"]);
      assert.equal(shown(), "green dot no car, 5.1.5");
      simulator.plug();
      const charging = await nextRecord(({ state, currentA }) => state === "charging" && currentA === 32);
      assert.deepEqual([charging.plugged, charging.setpointA, charging.powerW], [true, 32, 7680]);
      assert.equal(shown(), "blue dot charging 32 A");
      simulator.unplug();
      const gone = await nextRecord(({ plugged }) => plugged === false);
      assert.equal(gone.state, "unplugged");
      assert.deepEqual(simulator.commands, [], "nothing was written");
    });

    it("charges, pauses and gives control back", async () => {
      const { url, port } = await broker();
      const simulator = await charger({ brokerUrl: url, plugged: true });
      await load({ port: String(port) });
      await nextRecord(({ state }) => state === "charging");
      getNode("n").receive({ payload: 10 });
      await until("10 A", () => simulator.pilotA === 10);
      await nextRecord(({ setpointA, currentA }) => setpointA === 10 && currentA === 10);
      getNode("n").receive({ payload: "pause" });
      await nextRecord(({ state }) => state === "paused");
      assert.match(shown(), /^green dot paused/);
      getNode("n").receive({ payload: "release" });
      await nextRecord(({ state }) => state === "charging");
      assert.deepEqual(
        statusTexts("n").filter((text) => text.startsWith("red")),
        [],
      );
      assert.equal(
        simulator.publications.some(({ topic }) => topic.endsWith("/set")),
        false,
      );
    });

    it("hands rubbish, expired and retained commands to the Catch nodes, and the charger never sees them", async () => {
      const { url, port } = await broker();
      const simulator = await charger({ brokerUrl: url, plugged: true });
      await load({ port: String(port) });
      await nextRecord();
      for (const payload of [
        null,
        "16; DROP",
        Number.NaN,
        -6,
        1e6,
        { command: "charge", currentA: -1 },
        { command: "charge", amps: 6 },
        { command: "rapi", text: "$SC 80" },
        { command: "discharge" },
        { command: "limit", maxA: 3 },
        JSON.parse('{"command":"charge","__proto__":{"polluted":true}}') as unknown,
      ]) {
        assert.match((await refusal(payload)).code, /bad-command|out-of-range|unsupported/, JSON.stringify(payload));
      }
      assert.equal((await refusal({ command: "charge", expiresAt: "2020-01-01T00:00:00Z" })).code, "stale");
      assert.equal((await refusal("charge", { retain: true })).code, "stale");
      assert.match((await refusal("solar")).message, /ev-control/);
      assert.deepEqual(simulator.commands, []);
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    });

    it("answers a question for the timer on its third output, with the id of the question", async () => {
      const { url, port } = await broker();
      await charger({ brokerUrl: url });
      await load({ port: String(port) });
      await nextRecord();
      const answered = nextMessage("answers");
      const event = { id: 3, state: "active", time: "23:30", days: ["monday"] };
      getNode("n").receive({ payload: { command: "schedule", set: [event] }, _msgid: "question" });
      const { _msgid, topic, payload } = await answered;
      assert.deepEqual([_msgid, topic], ["question", "Carport"]);
      const { events } = payload as { events: { id: number; time: string }[] };
      assert.deepEqual(
        events.map(({ id, time }) => [id, time.slice(0, 5)]),
        [[3, "23:30"]],
      );
    });

    it("says so when the charger does not hear", async () => {
      const { url, port } = await broker();
      const simulator = await charger({ brokerUrl: url, plugged: true });
      await load({ port: String(port) });
      await nextRecord(({ state }) => state === "charging");
      simulator.setFault("mqtt-silent");
      const { code, message } = await refusal(8);
      assert.equal(code, "timeout");
      assert.match(message, /may not have heard/);
    });

    it("shows red and logs once when the broker goes and once when it is back, and sends nothing late", async () => {
      const server = await broker();
      const simulator = await charger({ brokerUrl: server.url, plugged: true });
      await load({ port: String(server.port) });
      await nextRecord(({ state }) => state === "charging");
      await server.stop();
      const offline = await nextRecord(({ online }) => !online);
      assert.deepEqual([offline.state, offline.plugged, offline.powerW], ["unknown", null, null]);
      assert.match(shown(), /^red ring unreachable/);
      const lost = await refusal("pause");
      assert.equal(lost.code, "unreachable");
      const before = simulator.commands.length;
      await server.start();
      await nextRecord(({ online, state }) => online && state === "charging", 20_000);
      assert.deepEqual(simulator.commands.slice(before), [], "the pause of before is not sent now");
      assert.deepEqual([lines(30).length, lines(40).filter((line) => /is back after/.test(line)).length], [1, 1]);
    });

    it("sees the charger leave by its last will and come back by itself", async () => {
      const { url, port } = await broker();
      const simulator = await charger({ brokerUrl: url, plugged: true });
      await load({ port: String(port) });
      await nextRecord(({ state }) => state === "charging");
      simulator.setFault("offline");
      await nextRecord(({ online }) => !online);
      simulator.setFault(null);
      await nextRecord(({ online, state }) => online && state === "charging", 20_000);
    });

    it("never shows a password, whoever asks", async () => {
      const { url, port } = await broker({ username: USER, password: "another one" });
      await charger({ brokerUrl: url, brokerUsername: USER, brokerPassword: "another one" });
      await load({ port: String(port) }, { user: USER, password: PASSWORD });
      await until("the status is red", () => shown() === "red ring wrong password");
      const error = await refusal("pause");
      assert.equal(error.code, "unreachable");
      const everything = JSON.stringify([logLines(), statusTexts("n"), error.message]);
      for (const secret of [PASSWORD, "another one"]) assert.ok(!everything.includes(secret), secret);
    });

    it("lets go of its claim when the flow is deployed anew, but leaves a person's override", async () => {
      const { url, port } = await broker();
      const simulator = await charger({ brokerUrl: url, plugged: true });
      await load({ port: String(port) });
      await nextRecord(({ state }) => state === "charging");
      getNode("n").receive({ payload: { command: "current", currentA: 8, validForS: 600 } });
      await until("8 A", () => simulator.pilotA === 8);
      await redeploy(flow({ port: String(port) }));
      await until("released", () => simulator.commands.at(-1)?.text === "release");
      await until("full current again", () => simulator.pilotA === 32);
      await nextRecord(({ state }) => state === "charging");
      getNode("n").receive({ payload: 12 });
      await until("12 A", () => simulator.pilotA === 12);
      await redeploy(flow({ port: String(port) }));
      await nextRecord(({ setpointA }) => setpointA === 12);
    });
  });

  describe("over HTTP", () => {
    const http = ({ url }: OpenEvseSimulator) => ({ via: "http", url, pollS: "1", baseTopic: "" });

    it("reads and drives the charger with its own user and password", async () => {
      const simulator = await charger({ username: "admin", password: PASSWORD, plugged: true });
      await load(http(simulator), { webUser: "admin", webPassword: PASSWORD }, { includeRaw: true });
      const message = await nextMessage("out", ({ payload }) => (payload as Charger).state === "charging", 10_000);
      assert.equal((message.raw as { pilot: number }).pilot, 32);
      getNode("n").receive({ payload: { command: "current", currentA: 9, source: "plan" } });
      await nextRecord(({ setpointA }) => setpointA === 9);
      assert.ok(simulator.requests.some(({ method, path }) => method === "POST" && path === "/claims/2027"));
    });

    it("shows a wrong password and keeps it to itself", async () => {
      const simulator = await charger({ username: "admin", password: "right" });
      await load(http(simulator), { webUser: "admin", webPassword: PASSWORD });
      await until("the status is red", () => shown() === "red ring wrong password");
      assert.ok(!JSON.stringify(logLines()).includes(PASSWORD));
      const before = simulator.requests.length;
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(simulator.requests.length, before, "it is not tried again and again");
    });

    it("takes another device at the address for what it is", async () => {
      const simulator = await charger();
      simulator.setFault("garbage");
      await load(http(simulator));
      await until("the status is red", () => shown() === "red ring bad reply", 15_000);
      simulator.setFault(null);
      await nextRecord(({ online }) => online, 20_000);
    });
  });

  describe("fed by MQTT nodes of the flow", () => {
    const FED = { via: "fed" };
    const hear = (topic: string, payload: unknown, more: Partial<NodeMessage> = {}): void =>
      getNode("n").receive({ topic, payload, retain: false, qos: 0, ...more });
    const burst = (values: Record<string, unknown>): void => {
      for (const [key, payload] of Object.entries(values)) hear(`openevse-7b2c/${key}`, payload);
    };
    const CHARGING = {
      amp: "15980",
      voltage: 240,
      power: "3835.2",
      pilot: 16,
      max_current: "32",
      temp: "352",
      temp1: false,
      state: 3,
      status: "active",
      flags: "1344",
      vehicle: 1,
      uptime: "86412",
      session_elapsed: "3605",
      session_energy: "3841.237812",
      total_energy: 1523.884121,
      wattsec: "1.382845612e7",
    };

    it("reads what an mqtt in node heard, parsed or not, as one record", async () => {
      await load(FED);
      let count = 0;
      getNode("out").on("input", () => count++);
      const next = nextRecord();
      burst(CHARGING);
      const record = await next;
      assert.deepEqual(
        [record.state, record.currentA, record.powerW, record.sessionWh, record.totalWh, record.temperatureC],
        ["charging", 15.98, 3835.2, 3841.238, 1_523_884.121, 35.2],
      );
      assert.equal(count, 1);
    });

    it("sends commands out for an mqtt out node and believes them only when the charger shows it", async () => {
      await load(FED);
      const next = nextRecord();
      burst(CHARGING);
      hear("openevse-7b2c/override", { state: "null" }, { retain: true });
      await next;
      const sent = nextMessage("mqtt");
      const caught: NodeMessage[] = [];
      getNode("caught").on("input", (message) => caught.push(message));
      getNode("n").receive({ payload: 10 });
      const message = await sent;
      assert.deepEqual(
        [message.topic, message.qos, message.retain, JSON.parse(String(message.payload))],
        [
          "openevse-7b2c/override/set",
          1,
          false,
          { state: "active", charge_current: 10, max_current: "clear", auto_release: true },
        ],
      );
      hear("openevse-7b2c/override", '{"state":"active","charge_current":10,"auto_release":true}');
      hear("openevse-7b2c/pilot", 10);
      await nextRecord(({ setpointA }) => setpointA === 10);
      assert.deepEqual(caught, []);
    });

    it("takes a retained value for what was, and says so", async () => {
      await load(FED);
      const next = nextRecord();
      hear(
        "openevse/announce/7b2c",
        '{"state":"connected","id":"9c9c1fe57b2c","name":"openevse-7b2c","mqtt":"openevse-7b2c"}',
        {
          retain: true,
        },
      );
      hear("openevse-7b2c/state", "3", { retain: true });
      hear("openevse-7b2c/vehicle", "1", { retain: true });
      assert.ok((await next).flags.includes("snapshot"));
    });

    it("obeys a command whose topic is the charger's name", async () => {
      await load(FED);
      const next = nextRecord();
      burst(CHARGING);
      await next;
      const sent = nextMessage("mqtt");
      getNode("n").receive({ topic: "openevse-7b2c", payload: "pause" });
      assert.equal((await sent).topic, "openevse-7b2c/override/set");
    });

    it("survives hostile messages without a word and keeps reading", async () => {
      await load(FED);
      const next = nextRecord();
      burst(CHARGING);
      await next;
      const hostile: unknown[] = [
        '{"__proto__":{"polluted":1}}',
        JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
        "x".repeat(1_000_000),
        Buffer.alloc(200_000, 0x7b),
        "\u0000",
        "NaN",
        "1e999",
        [[[[]]]],
        "[".repeat(50_000),
        null,
        undefined,
      ];
      for (const key of [
        "state",
        "amp",
        "override",
        "claim",
        "limit",
        "schedule",
        "config",
        "__proto__",
        "toString",
        "temp",
        "rfid_auth",
      ]) {
        for (const payload of hostile) hear(`openevse-7b2c/${key}`, payload);
      }
      for (const payload of hostile) hear("openevse/announce/zzzz", payload);
      hear("openevse-7b2c/amp", "8000");
      const record = await nextRecord(({ currentA }) => currentA === 8);
      assert.equal(record.state, "charging");
      assert.equal(({} as { polluted?: number }).polluted, undefined);
      assert.deepEqual(lines(30, 20), []);
    });

    it("makes few records of ten thousand messages", async () => {
      await load(FED);
      let count = 0;
      getNode("out").on("input", () => count++);
      const beganMs = performance.now();
      for (let index = 0; index < 10_000; index++) hear("openevse-7b2c/amp", String(index));
      hear("openevse-7b2c/state", "3");
      await nextRecord(({ currentA }) => currentA === 9.999);
      assert.ok(performance.now() - beganMs < 5000);
      assert.ok(count <= 4, `${count} records`);
    });
  });

  it("says what is missing in the settings", async () => {
    for (const more of [
      { host: "" },
      { baseTopic: "" },
      { baseTopic: "open/#" },
      { via: "http", url: "ftp://x" },
      { minA: "40" },
      { phases: "2" },
    ]) {
      await load({ port: "1883", ...more });
      await until(JSON.stringify(more), () => shown() === "red ring check settings");
      await unloadFlow();
    }
  });

  it("uses the certificates of a core TLS configuration", async () => {
    const { url, port: innerPort } = await broker();
    await charger({ brokerUrl: url });
    const fixture = (name: string): string => readFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url), "utf8");
    const server = createTlsServer({ cert: fixture("broker.pem"), key: fixture("broker-key.pem") }, (outer) => {
      const onward = createConnection(innerPort, "127.0.0.1");
      for (const socket of [outer, onward]) socket.on("error", () => [outer, onward].forEach((end) => end.destroy()));
      outer.pipe(onward).pipe(outer);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    endings.push(() => void server.close());
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const core = createRequire(import.meta.url)("@node-red/nodes/core/network/05-tls.js") as (RED: NodeRed) => void;
    const tls = { id: "t", type: "tls-config", servername: "broker.example", verifyservercert: true };
    await loadFlow([...modules, core], [tls, ...flow({ port: String(port), scheme: "mqtts", tls: "t" })], {
      t: { cadata: fixture("broker.pem") },
    });
    assert.equal((await nextRecord()).online, true);
  });

  it("says when the certificates that it shall use are gone", async () => {
    await load({ port: "8883", scheme: "mqtts", tls: "nowhere" });
    await until("the status is red", () => shown() === "red ring check settings");
  });
});

describe("the search of ev-openevse-connection", () => {
  interface Reply {
    status: number;
    body: unknown;
  }
  /** The route as Node-RED would call it, and what it asks for. */
  function route(parts: Parameters<typeof createConnectionNode>[0], node: object | null = null) {
    const permissions: string[] = [];
    let handler: AdminHandler | null = null;
    const RED = {
      nodes: { registerType() {}, getNode: () => node },
      auth: {
        needsPermission(permission: string): PermissionCheck {
          permissions.push(permission);
          return () => {};
        },
      },
      httpAdmin: {
        get() {},
        post(_path: string, _check: PermissionCheck, run: AdminHandler) {
          handler = run;
        },
      },
    };
    createConnectionNode(parts)(RED as unknown as NodeRed);
    const ask = (body: unknown): Promise<Reply> =>
      new Promise((resolve) => {
        let status = 200;
        const response = {
          status(code: number) {
            status = code;
            return response;
          },
          json: (sent: unknown) => resolve({ status, body: sent }),
          sendStatus: (code: number) => resolve({ status: code, body: null }),
        };
        handler?.({ params: {}, query: {}, body }, response);
      });
    return { ask, permissions };
  }

  it("needs the permission to write and lists chargers on the network", async () => {
    const clock = createManualClock(0);
    const heard: HeardService[] = [
      {
        name: "openevse-7b2c",
        port: 80,
        addresses: ["192.0.2.20"],
        txt: { version: "v5.1.5", type: "openevse_wifi_v1" },
      },
      { name: "<img src=x>", port: 80, addresses: ["192.0.2.21"] },
      { name: "openevse-far", port: 80, addresses: ["169.254.169.254"] },
    ];
    const { ask, permissions } = route({
      clock,
      async browse(types, onHeard) {
        assert.deepEqual(types, ["openevse"]);
        for (const service of heard) onHeard(service);
        return { stop() {} };
      },
    });
    const asking = ask({ via: "http" });
    await until("listening", () => clock.pending > 0);
    clock.advance(3000);
    assert.deepEqual((await asking).body, [
      { name: "openevse-7b2c", host: "192.0.2.20", baseTopic: null, firmware: "v5.1.5" },
    ]);
    assert.deepEqual(permissions, ["ev-openevse-connection.write"]);
  });

  it("names the field of the broker that it cannot use, and does not search the network instead", async () => {
    let searches = 0;
    const { ask } = route({
      clock: createManualClock(0),
      async browse() {
        searches += 1;
        return { stop() {} };
      },
    });
    const good = { via: "mqtt", scheme: "mqtt", host: "127.0.0.1", port: "1883", announceTopic: "openevse/announce/#" };
    for (const [field, wrong] of [
      ["host", ""],
      ["host", "mqtt://broker"],
      ["host", "${BROKER_HOST}"],
      ["port", ""],
      ["port", "70000"],
      ["scheme", "http"],
      ["announceTopic", ""],
      ["announceTopic", "openevse/#/more"],
      ["via", "fed"],
    ] as const) {
      const reply = await ask({ ...good, [field]: wrong });
      assert.deepEqual(reply, { status: 400, body: { code: "config", field } }, `${field} "${wrong}"`);
    }
    assert.equal(searches, 0);
  });

  it("sends the password of a connection to its own broker and nowhere else", async () => {
    const server = await startMqttBroker({ username: USER, password: PASSWORD });
    const body = {
      via: "mqtt",
      id: "c",
      scheme: "mqtt",
      host: "127.0.0.1",
      port: server.port,
      user: USER,
      password: "__PWRD__",
      announceTopic: "openevse/announce/#",
    };
    const node = { type: "ev-openevse-connection", credentials: { password: PASSWORD } };
    assert.deepEqual((await route({}, node).ask(body)).body, { code: "auth" });
    const forget = noteBroker("c", { host: "127.0.0.1", port: server.port });
    assert.deepEqual((await route({}, node).ask(body)).body, []);
    forget();
    await server.stop();
  }).timeout(15_000);

  it("lists what has announced itself on a broker", async () => {
    const server = await startMqttBroker();
    const simulator = await startOpenEvse({ brokerUrl: server.url });
    const { ask } = route({});
    const { body } = await ask({
      via: "mqtt",
      scheme: "mqtt",
      host: "127.0.0.1",
      port: String(server.port),
      announceTopic: "openevse/announce/#",
    });
    const [found] = body as { name: string; baseTopic: string }[];
    assert.deepEqual([found?.name, found?.baseTopic], ["openevse-7b2c", "openevse-7b2c"]);
    await simulator.stop();
    await server.stop();
    const failed = await ask({
      via: "mqtt",
      scheme: "mqtt",
      host: "127.0.0.1",
      port: server.port,
      announceTopic: "openevse/announce/#",
    });
    assert.deepEqual(failed, { status: 502, body: { code: "unreachable" } });
  }).timeout(15_000);
});
