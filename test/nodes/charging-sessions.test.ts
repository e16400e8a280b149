import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { Charger } from "../../lib/model/records.ts";
import { type Session, sessionSchema } from "../../lib/model/session.ts";
import openevseConnection from "../../nodes/devices/ev-openevse-connection/ev-openevse-connection.ts";
import openevseNode from "../../nodes/devices/ev-openevse/ev-openevse.ts";
import quasarConnection from "../../nodes/devices/ev-quasar-connection/ev-quasar-connection.ts";
import quasarNode from "../../nodes/devices/ev-quasar/ev-quasar.ts";
import evSessionLog from "../../nodes/records/ev-session-log/ev-session-log.ts";
import evStore from "../../nodes/records/ev-store/ev-store.ts";
import type { NodeMessage } from "../../nodes/shared/node-red.d.ts";
import { startOpenEvse } from "../../simulators/openevse.ts";
import { startQuasarSimulator } from "../../simulators/quasar.ts";
import { getNode, loadFlow, unloadFlow, until, withTexts } from "../support/node-runtime.ts";

/* The whole way in one flow: two chargers of different makes, our nodes, one log, one store. */

const modules = [
  withTexts(openevseNode, "devices/ev-openevse"),
  withTexts(openevseConnection, "devices/ev-openevse-connection"),
  withTexts(quasarNode, "devices/ev-quasar"),
  withTexts(quasarConnection, "devices/ev-quasar-connection"),
  withTexts(evSessionLog, "records/ev-session-log"),
  withTexts(evStore, "records/ev-store"),
];

const flow = (url: string, modbusPort: number, file: string): Record<string, unknown>[] => [
  { id: "tab", type: "tab", label: "test" },
  {
    id: "web",
    type: "ev-openevse-connection",
    version: 1,
    via: "http",
    url,
    pollS: "1",
  },
  {
    id: "modbus",
    type: "ev-quasar-connection",
    version: 1,
    host: "127.0.0.1",
    port: String(modbusPort),
    pollS: "0.2",
    deadTimeFactor: "0.01",
  },
  {
    id: "carport",
    z: "tab",
    type: "ev-openevse",
    version: 1,
    name: "Carport",
    connection: "web",
    wires: [["readings", "log"], [], []],
  },
  {
    id: "garage",
    z: "tab",
    type: "ev-quasar",
    version: 1,
    name: "Garage",
    connection: "modbus",
    wires: [["readings", "log"]],
  },
  { id: "readings", z: "tab", type: "helper" },
  { id: "store", type: "ev-store", kind: "sqlite", file, backupsKept: "0" },
  {
    id: "log",
    z: "tab",
    type: "ev-session-log",
    version: 1,
    store: "store",
    zone: "Europe/Berlin",
    currency: "EUR",
    fixedPrice: "0.3",
    settleS: "1",
    graceS: "2",
    updateIntervalS: "5",
    wires: [["told"]],
  },
  { id: "told", z: "tab", type: "helper" },
  { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
  { id: "caught", z: "tab", type: "helper" },
];

describe("an OpenEVSE and a Quasar in one session log", function () {
  this.timeout(120_000);
  let folder: string;
  const endings: (() => void | Promise<void>)[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-two-"));
  });
  afterEach(async () => {
    await unloadFlow();
    for (const end of endings.splice(0).toReversed()) await end();
    rmSync(folder, { recursive: true, force: true });
  });

  it("are one right row each, with the energy that went into each car", async () => {
    const openevse = await startOpenEvse({ voltageV: () => 230 });
    endings.push(() => openevse.stop());
    const quasar = await startQuasarSimulator({
      plugged: false,
      timing: { startDelayMs: [2500, 3000], responseDelayMs: [5, 20], slewWPerS: 20_000, stopSlewWPerS: 40_000 },
      settleFraction: 0.95,
    });
    endings.push(() => quasar.stop());
    let quasarWh = 0;
    let lookedMs = performance.now();
    const meter = setInterval(() => {
      const nowMs = performance.now();
      quasarWh += (quasar.acPowerW() * (nowMs - lookedMs)) / 3_600_000;
      lookedMs = nowMs;
    }, 20);
    endings.push(() => clearInterval(meter));

    const file = join(folder, "records.sqlite");
    await loadFlow(modules, flow(openevse.url, quasar.port, file));
    const readings = new Map<string, Charger>();
    const told: NodeMessage[] = [];
    const caught: unknown[] = [];
    getNode("readings").on("input", ({ payload }) => {
      const charger = payload as Charger;
      readings.set(charger.device, charger);
    });
    getNode("told").on("input", (message) => told.push(message));
    getNode("caught").on("input", ({ error }) => caught.push(error));
    const both = (isSo: (charger: Charger) => boolean): boolean =>
      ["Carport", "Garage"].every((device) => {
        const charger = readings.get(device);
        return charger !== undefined && isSo(charger);
      });
    const count = (event: string): number => told.filter((message) => message.event === event).length;

    await until("both are free", () => both(({ plugged }) => plugged === false), 60_000);
    // what was before the first reading is not known; from now on it is
    await new Promise((resolve) => setTimeout(resolve, 3000));
    openevse.plug();
    quasar.plug();
    await until("two sessions", () => count("opened") === 2, 30_000);
    getNode("garage").receive({ payload: { command: "charge", currentA: 16 } });
    await until("both charge", () => both(({ state }) => state === "charging"), 30_000);
    await until("enough has flowed", () => quasarWh > 8 && openevse.deliveredWh > 8, 60_000);
    getNode("garage").receive({ payload: "pause" });
    await until("the Quasar rests", () => readings.get("Garage")?.powerW === 0, 20_000);
    openevse.unplug();
    quasar.unplug();
    await until("both are closed", () => count("closed") === 2, 60_000);
    const openevseWh = openevse.deliveredWh;
    const pausedWh = quasarWh;
    await unloadFlow();

    const database = new DatabaseSync(file, { readOnly: true });
    const rows: Session[] = database
      .prepare("SELECT record FROM sessions")
      .all()
      .map(({ record }) => sessionSchema.parse(JSON.parse(String(record))));
    database.close();
    assert.deepEqual(rows.map(({ device }) => device).toSorted(), ["Carport", "Garage"]);
    for (const [device, deliveredWh, toleranceWh] of [
      ["Carport", openevseWh, 0.1],
      ["Garage", pausedWh, 1],
    ] as const) {
      const row = rows.find((found) => found.device === device);
      assert.ok(row !== undefined);
      const { energyWh, segments, cost, endReason, unpluggedAt } = row;
      assert.ok(Math.abs(energyWh - deliveredWh) < toleranceWh, `${device}: ${energyWh} of ${deliveredWh} Wh`);
      assert.equal(segments.length, 1, `${device} has ${segments.length} segments`);
      assert.ok(Math.abs((cost ?? 0) - (energyWh * 0.3) / 1000) < 1e-4);
      assert.ok(unpluggedAt !== null && endReason !== null);
    }
    assert.deepEqual(caught, []);
  });
});
