import assert from "node:assert/strict";
import * as net from "node:net";
import { afterEach, describe, it } from "mocha";
import virtualHome from "../../nodes/devices/ev-virtual-home/ev-virtual-home.ts";
import type { NodeMessage } from "../../nodes/shared/node-red.d.ts";
import { connectModbus, isServed } from "../support/modbus-wire.ts";
import {
  getNode,
  loadFlow,
  logLines,
  nextMessage,
  statusTexts,
  unloadFlow,
  until,
  withTexts,
} from "../support/node-runtime.ts";

const module = withTexts(virtualHome, "devices/ev-virtual-home");
const FREE_PORTS = { meterPort: "0", chargerPort: "0", solarMeterPort: "" };

async function load(settings: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await loadFlow(
    [module],
    [
      { id: "tab", type: "tab", label: "test" },
      { id: "h", z: "tab", type: "ev-virtual-home", name: "Demo", wires: [["out"]], ...FREE_PORTS, ...settings },
      { id: "out", z: "tab", type: "helper" },
      { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
      { id: "caught", z: "tab", type: "helper" },
    ],
  );
}

interface Home {
  readonly kind: string;
  readonly device: string;
  readonly houseW: number;
  readonly solarW: number;
  readonly gridW: number;
  readonly carW: number;
  readonly socPercent: number;
  readonly plugged: boolean;
  readonly cloudsPercent: number;
  readonly meterPort: number;
  readonly chargerPort: number;
  readonly solarMeterPort: number | null;
  readonly meterFault: string | null;
  readonly acCarW: number;
  readonly openEvseState: number | null;
  readonly openEvsePort: number | null;
  readonly brokerPort: number | null;
}
const homeOf = (message: NodeMessage): Home => message.payload as Home;
const command = async (payload: unknown, topic = "from test"): Promise<NodeMessage> => {
  const answered = nextMessage("out", (message) => message.marker === 1);
  getNode("h").receive({ payload, topic, marker: 1 });
  return answered;
};
const errorTextOf = (message: NodeMessage): string => (message.error as { message: string }).message;

describe("ev-virtual-home", () => {
  afterEach(unloadFlow);

  it("reports a living home every second by itself, and shows it", async () => {
    await load();
    const first = await nextMessage("out");
    const home = homeOf(first);
    assert.deepEqual([first.topic, home.kind, home.device], ["Demo", "home", "Demo"]);
    assert.ok(Math.abs(home.gridW - (home.houseW - home.solarW + home.carW)) < 1e-6);
    assert.ok(home.solarW > 3_000, "sun also at night");
    const second = homeOf(await nextMessage("out"));
    assert.notEqual(second.houseW, home.houseW);
    assert.match(statusTexts("h").at(-1) ?? "", /^green dot grid -\d\.\d kW, 50 %$/);
  });

  it("starts devices that answer on the wire", async () => {
    await load({ solarMeterPort: "0" });
    const home = homeOf(await command({ command: "load", powerW: 1_000 }));
    for (const port of [home.meterPort, home.solarMeterPort]) {
      const reply = await fetch(`http://127.0.0.1:${port}/shelly`);
      assert.equal(((await reply.json()) as { type: string }).type, "SHEM");
    }
    assert.equal(await isServed(home.chargerPort), true);
    await unloadFlow();
    await assert.rejects(connectModbus(home.chargerPort), { code: "ECONNREFUSED" });
    await assert.rejects(fetch(`http://127.0.0.1:${home.meterPort}/shelly`));
  });

  it("starts an OpenEVSE and a broker when they have ports, none when they are empty", async () => {
    await load({ openEvsePort: "0", brokerPort: "0", openEvseGeneration: "2.9.1" });
    const home = homeOf(await command({ command: "plug", plugged: true, charger: "openevse" }));
    assert.equal(home.openEvseState, 2);
    const reply = await fetch(`http://127.0.0.1:${home.openEvsePort}/status`);
    assert.equal("watthour" in ((await reply.json()) as object), true);
    (await connectModbus(home.brokerPort ?? 0)).close();
    assert.equal(homeOf(await command({ command: "fault", device: "openevse", fault: "gfci" })).openEvseState, 6);
    assert.equal(statusTexts("h").at(-1), "yellow ring fault gfci");
    await unloadFlow();
    await assert.rejects(connectModbus(home.brokerPort ?? 0), { code: "ECONNREFUSED" });
    await load({ openEvsePort: "", brokerPort: "" });
    const plain = homeOf(await nextMessage("out"));
    assert.deepEqual([plain.openEvsePort, plain.brokerPort, plain.acCarW], [null, null, 0]);
  });

  it("takes its settings from the dialog", async () => {
    const dialog = {
      baseW: "0",
      peakW: "8000",
      cloudsPercent: "100",
      batteryKwh: "20",
      socPercent: "33",
      plugged: false,
    };
    await load({ ...dialog, meterModel: "pro-em" });
    const home = homeOf(await command({ command: "speed", factor: 10 }));
    assert.deepEqual([home.houseW, home.solarW, home.socPercent, home.plugged], [0, 800, 33, false]);
    assert.match(statusTexts("h").at(-1) ?? "", /^green dot grid -0\.8 kW$/);
    const reply = await fetch(`http://127.0.0.1:${home.meterPort}/shelly`);
    assert.equal(((await reply.json()) as { gen: number }).gen, 2);
  });

  it("obeys commands and answers each with the home after it, keeping the rest of the message", async () => {
    await load();
    const cloudy = await command({ command: "weather", cloudsPercent: 100 });
    assert.deepEqual([homeOf(cloudy).solarW, homeOf(cloudy).cloudsPercent, cloudy.topic], [500, 100, "Demo"]);
    assert.equal(homeOf(await command({ command: "plug", plugged: false })).plugged, false);
    assert.equal(homeOf(await command({ command: "meter", online: false })).meterFault, "silent");
    assert.equal(statusTexts("h").at(-1), "yellow ring fault silent");
  });

  it("hands what is no command to the Catch nodes, naming what is accepted", async () => {
    await load();
    for (const [payload, expected] of [
      ["sunshine", /not a command.*Accepted:.*"weather"/],
      [{ command: "load", powerW: 1e9 }, /powerW/],
      [undefined, /Accepted:/],
    ] as const) {
      const caught = nextMessage("caught");
      getNode("h").receive({ payload, topic: "kept" });
      const message = await caught;
      assert.match(errorTextOf(message), expected);
      assert.equal(message.topic, "kept");
    }
    assert.equal(homeOf(await command({ command: "load", powerW: 5 })).kind, "home", "and lives on");
  });

  it("says which port is taken, and starts by itself as soon as it is free", async function () {
    this.timeout(10_000);
    const squatter = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => squatter.once("listening", resolve));
    const { port } = squatter.address() as net.AddressInfo;
    await load({ chargerPort: String(port) });
    await until("the node says so", () => statusTexts("h").at(-1) === "red ring check settings");
    const caught = nextMessage("caught");
    getNode("h").receive({ payload: { command: "load", powerW: 5 } });
    assert.match(errorTextOf(await caught), new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is taken`));
    const warnings = logLines().filter((line) => line.level === 30 && line.type === "ev-virtual-home");
    assert.equal(warnings.length, 1);
    await new Promise((resolve) => squatter.close(resolve));
    const home = homeOf(await nextMessage("out", undefined, 8_000));
    assert.equal(home.chargerPort, port);
    assert.match(statusTexts("h").at(-1) ?? "", /^green dot/);
  });

  it("names a setting that cannot be", async () => {
    await load({ meterPort: "70000" });
    await until("the node says so", () => statusTexts("h").at(-1) === "red ring check settings");
    const caught = nextMessage("caught");
    getNode("h").receive({ payload: { command: "load", powerW: 5 } });
    assert.match(errorTextOf(await caught), /meterPort/);
  });

  it("takes the same ports again after a redeploy", async () => {
    await load();
    const { meterPort, chargerPort } = homeOf(await nextMessage("out"));
    for (let round = 0; round < 5; round++) {
      await unloadFlow();
      await load({ meterPort, chargerPort });
      const home = homeOf(await command({ command: "load", powerW: 5 }));
      assert.deepEqual([home.meterPort, home.chargerPort], [meterPort, chargerPort]);
    }
  });
});
