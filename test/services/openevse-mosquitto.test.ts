import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "mocha";
import { type Rig, type RigOptions, startRig } from "../lib/devices/openevse/rig.ts";
import { until } from "../support/until.ts";

/* The same OpenEVSE behind a real Mosquitto of the test's own, which may be killed in the middle of anything. */

const MOSQUITTO = process.env.EV_MOSQUITTO ?? "/usr/sbin/mosquitto";

interface OwnMosquitto {
  readonly url: string;
  readonly port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
  kill(): Promise<void>;
  remove(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });

async function ownMosquitto(): Promise<OwnMosquitto> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "ev-mosquitto-"));
  const file = join(folder, "mosquitto.conf");
  const user = process.getuid?.() === 0 ? "user root\n" : "";
  writeFileSync(file, `listener ${port} 127.0.0.1\nallow_anonymous true\n${user}`);
  let child: ChildProcess | null = null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child;
    child = null;
    if (ending === null) return;
    const gone = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill(signal);
    await gone;
  };
  return {
    url: `mqtt://127.0.0.1:${port}`,
    port,
    async start() {
      child = spawn(MOSQUITTO, ["-c", file], { stdio: "ignore" });
      await until("Mosquitto listens", () => isListening(port), 10_000);
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    async remove() {
      await end("SIGTERM");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe("an OpenEVSE behind Mosquitto", function () {
  this.timeout(30_000);
  let broker: OwnMosquitto | null = null;
  const rigs: Rig[] = [];

  before(async function () {
    if (!existsSync(MOSQUITTO)) {
      this.test?.parent?.tests.forEach((test) => {
        test.title += ` (skipped: there is no Mosquitto at ${MOSQUITTO}; EV_MOSQUITTO names another place)`;
      });
      this.skip();
    }
    broker = await ownMosquitto();
    await broker.start();
  });
  afterEach(async () => {
    for (const rig of rigs.splice(0)) await rig.stop();
  });
  after(() => broker?.remove());

  const mosquitto = (): OwnMosquitto => {
    if (broker === null) throw new Error("no broker");
    return broker;
  };
  async function charging(options: RigOptions = {}): Promise<Rig> {
    const rig = await startRig({ ...options, broker: mosquitto(), simulator: { plugged: true, ...options.simulator } });
    rigs.push(rig);
    await rig.pass(31);
    await rig.until("charging", () => rig.records.length > 0 && rig.last().state === "charging");
    rig.heard();
    return rig;
  }

  for (const generation of ["2.9.1", "4.1.9", "5.1.5"] as const) {
    it(`${generation}: reads and obeys`, async () => {
      const rig = await charging({ simulator: { generation } });
      await rig.until("the firmware", () => rig.reports.at(-1)?.firmware.generation !== "unknown");
      assert.equal((await rig.order(10)).code, "done");
      assert.equal(rig.simulator.pilotA, 10);
      assert.equal((await rig.order("pause")).code, "done");
      assert.notEqual(rig.simulator.state, 3);
      assert.equal((await rig.order("release")).code, "done");
    });
  }

  it("is offline while the broker is killed, sends nothing late, and goes on by itself", async () => {
    const rig = await charging();
    await mosquitto().kill();
    await rig.until("offline", () => !rig.last().online);
    assert.equal((await rig.order("pause")).code, "unreachable");
    await mosquitto().start();
    await rig.until("online", () => rig.last().online && rig.last().state === "charging", 90);
    await rig.pass(10);
    assert.deepEqual(rig.heard(), []);
    assert.equal((await rig.order(8)).code, "done");
    assert.equal(rig.simulator.pilotA, 8);
  });

  it("sees the charger's last will", async () => {
    const rig = await charging();
    rig.simulator.setFault("mqtt-offline");
    await rig.until("gone", () => !rig.last().online, 20);
    assert.equal(rig.reports.at(-1)?.fault?.code, "unreachable");
    rig.simulator.setFault(null);
    await rig.until("back", () => rig.last().online, 60);
  });
});
