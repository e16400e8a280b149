import assert from "node:assert/strict";
import { readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "mocha";
import { projectDirectory } from "../../scripts/ensure.mjs";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";
import { errorLines, installTarball, manifest, nodeRed5, startRuntime } from "../support/installed-package.ts";
import { type Heard, heardFrom, press, readExample, tap, waitFor } from "./tapped-example.ts";

const folder = join(projectDirectory, "examples");
const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".json"))
  .toSorted();

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
});
