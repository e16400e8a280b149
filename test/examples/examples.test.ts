import assert from "node:assert/strict";
import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import type { Session } from "../../lib/model/session.ts";
import type { SessionRow, SumRow } from "../../lib/records/history/answers.ts";
import { projectDirectory } from "../../scripts/ensure.mjs";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";
import { errorLines, installTarball, manifest, nodeRed5, startRuntime } from "../support/installed-package.ts";
import { parseCsv } from "../support/csv-reader.ts";
import { type Heard, heardFrom, press, pressAndHear, readExample, tap, waitFor } from "./tapped-example.ts";

const folder = join(projectDirectory, "examples");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".json"))
  .toSorted();

type Reading = Readonly<Record<string, unknown>>;

/** A charger takes up to 20 s from a standstill, and the controller asks for the battery level first. */
const CHARGER_MS = 60_000;

describe("the example flows", function () {
  this.timeout(240_000);
  let userDirectory = "";

  before(async () => {
    userDirectory = await installTarball();
    const dashboard = join(projectDirectory, "node_modules", "@flowfuse");
    symlinkSync(dashboard, join(userDirectory, "node_modules", "@flowfuse"), "junction");
  });

  /** Starts an example with taps on some of its nodes, and requires a log without errors. */
  async function running(
    file: string,
    tappedIds: readonly string[],
    use: (nodeRed: NodeRedProcess) => Promise<void>,
  ): Promise<void> {
    const nodeRed = await startRuntime(nodeRed5(), userDirectory, tap(readExample(file), tappedIds));
    try {
      await use(nodeRed);
    } finally {
      await nodeRed.stop();
    }
    assert.deepEqual(errorLines(nodeRed), []);
  }

  it("show every node type, so that the Flow Library finds an example of each", () => {
    const coreOnly = files.filter((file) => !file.startsWith("dashboard"));
    const shown = new Set(coreOnly.flatMap(readExample).map((node) => node.type));
    const types = Object.keys(manifest["node-red"].nodes);
    assert.deepEqual(
      types.filter((type) => !shown.has(type)),
      [],
    );
  });

  for (const file of files) {
    it(`"${file}" names no host but this machine and holds no secret`, () => {
      const text = readFileSync(join(folder, file), "utf8");
      const hosts = [...text.matchAll(/"host"\s*:\s*"([^"]*)"|https?:\/\/([^/"\s:]+)/g)].map((hit) => hit[1] ?? hit[2]);
      assert.deepEqual(
        hosts.filter((host) => !/^127\.0\.0\.1(:\d+)?$/.test(host ?? "")),
        [],
      );
      for (const node of readExample(file)) assert.equal(node.credentials, undefined, `${node.id} carries credentials`);
    });
  }

  it("all run together in one Node-RED without an unknown type or an error", async () => {
    const nodes = new Map(files.flatMap(readExample).map((node) => [node.id, node]));
    const nodeRed = await startRuntime(nodeRed5(), userDirectory, [...nodes.values()]);
    await nodeRed.stop();
    assert.deepEqual(errorLines(nodeRed), []);
  });

  it("01 reads both clamps, the grid last, and sees the kettle", () =>
    running("01 - Shelly EM power.json", ["ev01-meter"], async (nodeRed) => {
      const isGrid = ({ payload }: { payload: Readonly<Record<string, unknown>> }): boolean => payload.role === "grid";
      const quiet = await waitFor(nodeRed, "ev01-meter", isGrid, 20_000);
      assert.deepEqual(
        (await heardFrom(nodeRed, "ev01-meter")).slice(0, 2).map(({ payload }) => payload.role),
        ["evse", "grid"],
      );
      await press(nodeRed, "ev01-kettle");
      const boilingW = Number(quiet.payload.powerW) + 1500;
      await waitFor(nodeRed, "ev01-meter", (heard) => isGrid(heard) && Number(heard.payload.powerW) > boilingW, 10_000);
    }));

  it("02 moves nothing on deploy, charges when asked, and pauses at once", () =>
    running("02 - Quasar charge and discharge.json", ["ev02-quasar"], async (nodeRed) => {
      const first = await waitFor(nodeRed, "ev02-quasar", ({ payload }) => payload.online === true, 20_000);
      assert.equal(first.payload.powerW, 0);
      assert.ok(!(first.payload.flags as readonly string[]).includes("remote-control"), "nobody asked for control");
      await press(nodeRed, "ev02-charge");
      await waitFor(nodeRed, "ev02-quasar", ({ payload }) => Number(payload.powerW) > 2000, CHARGER_MS);
      await press(nodeRed, "ev02-pause");
      await waitFor(nodeRed, "ev02-quasar", ({ payload }) => payload.powerW === 0, 10_000);
      await press(nodeRed, "ev02-discharge");
      await waitFor(nodeRed, "ev02-quasar", ({ payload }) => Number(payload.powerW) < -1000, CHARGER_MS);
      await press(nodeRed, "ev02-unplug");
      await waitFor(nodeRed, "ev02-quasar", ({ payload }) => payload.state === "unplugged", 15_000);
    }));

  it("03 follows the sun, gives way to the oven, and stops V2G when the meter is pulled", () =>
    running("03 - Solar and load following.json", ["ev03-control"], async (nodeRed) => {
      const carAbove =
        (powerW: number) =>
        ({ output, payload }: { output: number; payload: Readonly<Record<string, unknown>> }) =>
          output === 1 && Number(payload.carW) > powerW;
      await press(nodeRed, "ev03-solar");
      await waitFor(nodeRed, "ev03-control", carAbove(2000), CHARGER_MS);
      await press(nodeRed, "ev03-balance");
      await press(nodeRed, "ev03-clouds");
      await press(nodeRed, "ev03-oven");
      await waitFor(
        nodeRed,
        "ev03-control",
        ({ output, payload }) => output === 1 && Number(payload.carW) < -1000,
        CHARGER_MS,
      );
      await press(nodeRed, "ev03-pull");
      const alarm = await waitFor(nodeRed, "ev03-control", ({ output }) => output === 2, 15_000);
      assert.equal(alarm.payload.code, "meter-lost");
      const stopped = await waitFor(
        nodeRed,
        "ev03-control",
        ({ output, payload }) => output === 1 && Math.abs(Number(payload.carW)) < 100,
        15_000,
      );
      assert.equal(stopped.payload.targetA, 0);
      assert.equal(stopped.payload.mode, "balance", "the user's choice stays");
    }));

  it("04 makes one session of a charge with a pause and a reboot in it, and lists it once", () =>
    running("04 - OpenEVSE session log.json", ["ev04-charger", "ev04-log", "ev04-history"], async (nodeRed) => {
      const charger = (wanted: (reading: Reading) => boolean): Promise<Heard> =>
        waitFor(nodeRed, "ev04-charger", ({ payload }) => wanted(payload), CHARGER_MS);
      const answered = (id: string): Promise<Heard> => pressAndHear(nodeRed, id, "ev04-history", 10_000);
      await charger(({ online }) => online === true);
      await press(nodeRed, "ev04-unplug");
      await charger(({ state }) => state === "unplugged");
      await press(nodeRed, "ev04-plug");
      await press(nodeRed, "ev04-charge");
      await charger(({ powerW, sessionWh }) => Number(powerW) > 2000 && Number(sessionWh) > 10);
      await press(nodeRed, "ev04-pause");
      await charger(({ state }) => state === "paused");
      await press(nodeRed, "ev04-release");
      const { uptimeS } = (await charger(({ state }) => state === "charging")).payload;
      await press(nodeRed, "ev04-reboot");
      await charger((reading) => Number(reading.uptimeS) < Number(uptimeS) && reading.state === "charging");
      await press(nodeRed, "ev04-unplug");
      const closed = await waitFor(nodeRed, "ev04-log", ({ payload }) => payload.status === "closed", CHARGER_MS);
      const { energyWh, cost, segments } = closed.payload as unknown as Session;
      assert.ok(energyWh > 30, `${energyWh} Wh`);
      assert.ok(segments.length >= 2, "the pause parts the session in two");
      assert.ok(Math.abs((cost ?? 0) - (energyWh / 1000) * 0.25) < 0.005, `${cost}`);
      const listed = (await answered("ev04-list")).payload as unknown as readonly SessionRow[];
      assert.deepEqual(
        listed.map(({ energyKwh }) => energyKwh.toFixed(3)),
        [(energyWh / 1000).toFixed(3)],
      );
      const [month] = (await answered("ev04-months")).payload as unknown as readonly SumRow[];
      assert.deepEqual([month?.sessions, month?.energyKwh.toFixed(3)], [1, (energyWh / 1000).toFixed(3)]);
      const [header = [], line = []] = parseCsv(String((await answered("ev04-csv")).payload), ",");
      assert.equal(
        Number(line[header.findIndex((title) => /kWh/.test(title))]).toFixed(3),
        (energyWh / 1000).toFixed(3),
      );
      const [record] = (await answered("ev04-verify")).payload as unknown as readonly { isIntact: boolean }[];
      assert.equal(record?.isIntact, true);
    }));

  it("05 logs the gateway's minute, and reports on the month when asked", () =>
    running("05 - H2V monthly log.json", ["ev05-h2v", "ev05-report"], async (nodeRed) => {
      const minute = await waitFor(nodeRed, "ev05-h2v", ({ output }) => output === 2, 80_000);
      assert.equal(minute.payload.kind, "h2v");
      assert.deepEqual(minute.payload.flags, []);
      let report: Heard | null = null;
      for (let tries = 0; report === null && tries < 10; tries++) {
        await press(nodeRed, "ev05-this");
        // the line is written a moment after the minute was told
        report = await waitFor(nodeRed, "ev05-report", () => true, 2000).catch(() => null);
      }
      assert.equal(report?.payload.kind, "month-report");
      assert.equal(report?.payload.currency, "JPY");
      assert.ok(Number(report?.payload.recordedMinutes) >= 1);
    }));

  it("20 draws its page and starts hands-off", () =>
    running("dashboard/20 - Home energy.json", ["ev20-control", "ev20-latest"], async (nodeRed) => {
      const roles = ["evse", "grid", "house", "solar"];
      const hasAll = ({ payload }: Heard): boolean =>
        payload.charger !== null && roles.every((role) => role in (payload.meters as object));
      const page = await waitFor(nodeRed, "ev20-latest", hasAll, 20_000);
      const { mode, targetA } = page.payload.control as { mode: string; targetA: number | null };
      assert.deepEqual({ mode, targetA }, { mode: "freerun", targetA: null });
      const reply = await fetch(`${nodeRed.url}/dashboard/home-energy`);
      assert.equal(reply.status, 200);
    }));

  it("22 draws its page and hears the gateway", () =>
    running("dashboard/22 - H2V.json", ["ev22-latest"], async (nodeRed) => {
      const isHeard = ({ output, payload }: Heard): boolean => output === 0 && payload.minute !== null;
      const page = await waitFor(nodeRed, "ev22-latest", isHeard, 20_000);
      assert.equal((page.payload.minute as Reading).kind, "h2v");
      assert.equal((await fetch(`${nodeRed.url}/dashboard/h2v`)).status, 200);
    }));

  it("21 draws its page, hears the charger, and knows that nothing was charged yet", () =>
    running("dashboard/21 - Charging sessions.json", ["ev21-latest", "ev21-history"], async (nodeRed) => {
      const isHeard = ({ output, payload }: Heard): boolean =>
        output === 0 && (payload.charger as Reading | null)?.online === true;
      const page = await waitFor(nodeRed, "ev21-latest", isHeard, 20_000);
      assert.equal(page.payload.kind, "charging-sessions");
      assert.equal((page.payload.store as Reading | null)?.state, "ok");
      const reply = await fetch(`${nodeRed.url}/dashboard/charging-sessions`);
      assert.equal(reply.status, 200);
    }));
});
