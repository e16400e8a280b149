import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { Charger } from "../../lib/model/records.ts";
import { type Session, sessionSchema } from "../../lib/model/session.ts";
import { openStore } from "../../lib/records/store/open-store.ts";
import type { Store } from "../../lib/records/store/store.ts";
import evSite from "../../nodes/planning/ev-site/ev-site.ts";
import evSessionLog from "../../nodes/records/ev-session-log/ev-session-log.ts";
import { defineNode } from "../../nodes/shared/define-node.ts";
import type { NodeMessage } from "../../nodes/shared/node-red.d.ts";
import {
  getNode,
  loadFlow,
  logLines,
  redeploy,
  statusTexts,
  unloadFlow,
  until,
  withTexts,
} from "../support/node-runtime.ts";

let folder: string;
let store: Store | null = null;

/** A store node with a real SQLite file, and nothing else to set. */
const storeNode = defineNode({
  type: "ev-store",
  isConfigNode: true,
  async start({ clock, logger, config }) {
    const file = join(folder, `${String(config.file)}.sqlite`);
    const opened = await openStore({ file, keepReadingsDays: null, backupsKept: 0 }, { clock, logger });
    store = opened;
    return { service: opened, close: () => opened.close() };
  },
});

const modules = [
  withTexts(storeNode, null),
  withTexts(evSite, "planning/ev-site"),
  withTexts(evSessionLog, "records/ev-session-log"),
];
const NODE = {
  id: "log",
  z: "tab",
  type: "ev-session-log",
  version: 1,
  store: "store",
  site: "site",
  fixedPrice: "0.3",
  settleS: "0",
  graceS: "0",
  updateIntervalS: "5",
  devices: [{ device: "", vehicle: "Zoe", user: "Ann", purpose: "mixed", businessPercent: "70", location: "home" }],
  tags: [{ rfid: "04A2", user: "Ben", vehicle: "", purpose: "business" }],
  wires: [["out"]],
};
const FLOW = [
  { id: "tab", type: "tab", label: "test" },
  { id: "store", type: "ev-store", file: "records" },
  { id: "site", type: "ev-site", fuseA: "63", phases: "1", voltageV: "230", zone: "Europe/Paris", currency: "EUR" },
  { id: "out", z: "tab", type: "helper" },
  { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
  { id: "caught", z: "tab", type: "helper" },
];
const flow = (changes: Record<string, unknown> = {}): Record<string, unknown>[] => [...FLOW, { ...NODE, ...changes }];

let heard: NodeMessage[] = [];
let caught: NodeMessage[] = [];
const listen = (): void => {
  getNode("out").on("input", (message) => heard.push(message));
  getNode("caught").on("input", (message) => caught.push(message));
};
const load = async (changes: Record<string, unknown> = {}): Promise<void> => {
  heard = [];
  caught = [];
  await loadFlow(modules, flow(changes));
  listen();
};
const say = (payload: unknown, more: Record<string, unknown> = {}): void =>
  getNode("log").receive({ payload, ...more });
let totalWh = 0;
const charger = (changes: Partial<Charger> & { readonly gainWh?: number } = {}): void => {
  const { gainWh = 0, ...fields } = changes;
  totalWh += gainWh;
  say({
    kind: "charger",
    device: "evse",
    at: new Date().toISOString(),
    online: true,
    plugged: true,
    state: "plugged",
    totalWh,
    counters: { sessionResets: "at-unplug", totalGrows: "continuously" },
    ...fields,
  });
};
const events = (): unknown[] => heard.map(({ event }) => event);
const isHeard = (event: string) => (): boolean => events().includes(event);
const rows = async (): Promise<Session[]> => {
  const found = await store?.db.selectFrom("sessions").selectAll().orderBy("plugged_at_ms").execute();
  return (found ?? []).map(({ record }) => sessionSchema.parse(JSON.parse(record)));
};
const lastStatus = (): string => statusTexts("log").at(-1) ?? "";

/** From unplugged to plugged in. */
async function plugIn(changes: Partial<Charger> = {}): Promise<void> {
  charger({ plugged: false, state: "unplugged" });
  await until("the log follows", () => lastStatus().includes("no car"));
  charger({ plugged: false, state: "unplugged" });
  charger({ ...changes });
  charger({ ...changes });
  await until("opened", isHeard("opened"));
}

async function leave(): Promise<void> {
  charger({ plugged: false, state: "unplugged" });
  charger({ plugged: false, state: "unplugged" });
  // after a restart an unplugging is believed more slowly
  await until("closed", () => events().at(-1) === "closed" || events().at(-1) === "empty", 15_000);
}

describe("ev-session-log", function () {
  this.timeout(30_000);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-log-"));
    totalWh = 5000;
  });
  afterEach(async () => {
    await unloadFlow();
    rmSync(folder, { recursive: true, force: true });
  });

  it("stores a session and tells it, priced, with vehicle and user, in the house's zone", async () => {
    await load();
    await plugIn({ rfid: "04:a2" });
    charger({ state: "charging", powerW: 7200 });
    charger({ state: "charging", powerW: 7200, gainWh: 20 });
    await until("charging is shown", () => /^blue dot charging 0\.0 kWh$/.test(lastStatus()));
    await leave();
    const [row] = await rows();
    const message = heard.at(-1);
    assert.equal(message?.topic, "evse");
    assert.deepEqual(message?.payload, row);
    assert.equal(row?.energyWh, 20);
    assert.equal(row?.cost, 0.006);
    assert.equal(row?.zone, "Europe/Paris");
    assert.deepEqual(
      [row?.user, row?.vehicle, row?.purpose, row?.businessRatio, row?.location],
      ["Ben", "Zoe", "business", 1, "home"],
    );
    assert.match(lastStatus(), /^grey ring no car$/);
    assert.equal((await rows()).length, 1);
    assert.deepEqual(caught, []);
  });

  it("goes on with the same session through twenty deploys, at once or node by node", async () => {
    await load();
    await plugIn();
    for (let round = 0; round < 20; round++) {
      charger({ state: "charging", powerW: 7200, gainWh: 2 });
      await redeploy(flow());
      listen();
    }
    charger({ state: "charging", powerW: 7200, gainWh: 2 });
    await until("the log is back", () => lastStatus().includes("charging"));
    await leave();
    const found = await rows();
    assert.equal(found.length, 1);
    assert.equal(found[0]?.energyWh, 42);
    assert.equal(events().filter((event) => event === "opened").length, 1);
  });

  it("says what is wrong with a message to the Catch nodes, and obeys no retained command", async () => {
    await load();
    await plugIn();
    say("explode");
    say({ kind: "charger", device: "evse" });
    say({ command: "annotate", note: "x" }, { retain: true });
    await until("three complaints", () => caught.length === 3);
    const codes = caught.map(({ error }) => (error as { source?: object; message: string }).message);
    assert.equal(codes.length, 3, codes.join("\n"));
    assert.equal((await rows())[0]?.note, null);
    say({ command: "annotate", note: "x" });
    await until("an edit", () => events().includes("updated"));
    assert.equal((await rows())[0]?.note, "x");
  });

  it("tells a plug-in without charging as an event and keeps no row", async () => {
    await load();
    await plugIn();
    await leave();
    assert.deepEqual(events(), ["opened", "empty"]);
    assert.deepEqual(await rows(), []);
  });

  it("answers a request for the open sessions", async () => {
    await load();
    await plugIn();
    heard = [];
    say("status");
    await until("an answer", isHeard("status"));
    assert.equal(sessionSchema.parse(heard[0]?.payload).status, "open");
  });

  it("asks for a store and a time zone when they are missing", async () => {
    await load({ store: "" });
    await until("check settings", () => /red ring check settings/.test(lastStatus()));
    await unloadFlow();
    await load({ site: "", zone: "" });
    await until("check settings", () => /red ring check settings/.test(lastStatus()));
    const lines = logLines().filter(({ type, level }) => type === "ev-session-log" && level <= 40);
    assert.match(String(lines[0]?.msg), /time zone/);
  });
});
