import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import readXlsxFile from "read-excel-file/node";
import { systemClock } from "../../lib/model/clock.ts";
import { EvError } from "../../lib/model/errors.ts";
import { silentLogger } from "../../lib/model/logger.ts";
import type { SessionRow, Statement } from "../../lib/records/history/answers.ts";
import { openStore } from "../../lib/records/store/open-store.ts";
import type { Store, StoreHealth } from "../../lib/records/store/store.ts";
import siteNode from "../../nodes/planning/ev-site/ev-site.ts";
import historyNode from "../../nodes/records/ev-history/ev-history.ts";
import { defineNode } from "../../nodes/shared/define-node.ts";
import type { NodeMessage } from "../../nodes/shared/node-red.d.ts";
import { someSession } from "../lib/records/history/rig.ts";
import { makeFolder } from "../lib/records/store/sessions.ts";
import { parseCsv } from "../support/csv-reader.ts";
import { getNode, loadFlow, nextMessage, statusTexts, unloadFlow, until, withTexts } from "../support/node-runtime.ts";

describe("ev-history", () => {
  let store: Store;
  let remove = (): void => {};
  /** what the node is given in the place of the real store */
  let offered: Store;
  const storeNode = defineNode({ type: "ev-store", isConfigNode: true, start: async () => ({ service: offered }) });

  beforeEach(async () => {
    const made = makeFolder();
    remove = made.remove;
    const settings = { file: join(made.folder, "records.sqlite"), keepReadingsDays: null, backupsKept: 0 };
    store = await openStore(settings, { clock: systemClock, logger: silentLogger });
    offered = store;
  });
  afterEach(async () => {
    await unloadFlow();
    await store.close();
    remove();
  });

  const load = (more: Record<string, unknown> = {}): Promise<void> =>
    loadFlow(
      [
        withTexts(siteNode, "planning/ev-site"),
        withTexts(storeNode, null),
        withTexts(historyNode, "records/ev-history"),
      ],
      [
        { id: "tab", type: "tab", label: "test" },
        { id: "store", type: "ev-store" },
        { id: "house", type: "ev-site", fuseA: "63", zone: "Asia/Tokyo", currency: "JPY" },
        { id: "out", z: "tab", type: "helper" },
        { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
        { id: "caught", z: "tab", type: "helper" },
        {
          id: "n",
          z: "tab",
          type: "ev-history",
          store: "store",
          zone: "Europe/Paris",
          currency: "EUR",
          allowEdits: true,
          wires: [["out"]],
          ...more,
        },
      ],
    );
  const ask = async (payload: unknown, more: Partial<NodeMessage> = {}): Promise<NodeMessage> => {
    const answer = nextMessage("out");
    getNode("n").receive({ ...more, payload });
    return answer;
  };
  const askInVain = async (payload: unknown, more: Partial<NodeMessage> = {}): Promise<string> => {
    const caught = nextMessage("caught");
    getNode("n").receive({ ...more, payload });
    return ((await caught).error as { message: string }).message;
  };
  const keep = async (more: Parameters<typeof someSession>[1] = {}, at = "2026-11-01T08:00:00Z"): Promise<string> => {
    const session = someSession(at, more);
    await store.commit({ sessions: [{ session, reason: "detected" }] });
    return session.sessionId;
  };

  it("answers a word with rows, their columns, totals and count, and keeps the rest of the message", async () => {
    await load();
    await keep({ cost: 1.5, currency: "EUR" });
    const answer = await ask("sessions", { topic: "mine", req: { query: 1 }, totals: "old", fileName: "old.csv" });
    assert.equal(answer.topic, "mine");
    assert.deepEqual(answer.req, { query: 1 });
    assert.equal((answer.payload as SessionRow[])[0]?.start, "2026-11-01 09:00:00");
    assert.equal(answer.command, "sessions");
    assert.equal(answer.count, 1);
    assert.equal((answer.totals as { cost: number }).cost, 1.5);
    assert.deepEqual((answer.columns as unknown[])[0], { key: "start", title: "Start" });
    assert.ok(!("fileName" in answer));
    assert.match(statusTexts("n").at(-1) ?? "", /green dot ready/);
  });

  it("gives a download that an http response node can send as it is", async () => {
    await load({ separator: "semicolon", decimalSign: "comma" });
    await keep({ vehicle: "=1+1" });
    const query = { command: "sessions", format: "csv", year: "2026", month: "11", vehicle: "" };
    const answer = await ask(query, { headers: { "x-own": "1", "Content-Length": "7" } });
    const headers = answer.headers as Record<string, string>;
    assert.deepEqual(Object.keys(headers), ["x-own", "content-type", "content-disposition"]);
    // what `http response` does with it
    const server = createServer((_request, response) => {
      for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
      response.end(answer.payload);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const file = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await response.arrayBuffer());
    server.close();
    assert.match(response.headers.get("content-disposition") ?? "", /attachment; filename="sessions-2026-11\.csv"/);
    assert.ok(file.startsWith("\uFEFF"));
    const [header = [], row = []] = parseCsv(file, ";");
    assert.equal(row[header.indexOf("Energy (kWh)")], "7,2");
    assert.equal(row[header.indexOf("Vehicle")], "'=1+1");
  });

  it("gives a workbook as a buffer", async () => {
    await load();
    await keep();
    const answer = await ask({ command: "months", format: "xlsx", fileName: "../../CON" });
    assert.equal(answer.fileName, "_CON.xlsx");
    const [sheet] = await readXlsxFile(answer.payload as Buffer);
    assert.deepEqual(sheet?.data[1]?.slice(0, 3), ["2026-11", 1, 7.2]);
  });

  it("edits, adds, deletes and keeps the account when changes are allowed", async () => {
    await load();
    const sessionId = await keep({ cost: 10, currency: "EUR" });
    const edited = await ask({ command: "edit", sessionId, vehicle: "Zoe", author: "Ann" });
    assert.equal((edited.session as { vehicle: string }).vehicle, "Zoe");
    await ask({ command: "add-payment", day: "2026-11-02", amount: "4" });
    const statement = (await ask("statement")).payload as Statement;
    assert.deepEqual([statement.due, statement.paid, statement.balance], [10, 4, 6]);
    await ask({ command: "delete", sessionId });
    assert.equal((await ask("sessions")).count, 0);
    const [verdict] = (await ask("verify")).payload as { isIntact: boolean; revisions: number }[];
    assert.deepEqual([verdict?.isIntact, verdict?.revisions], [true, 3]);
  });

  it("changes nothing without the tick, or for a retained message", async () => {
    await load({ allowEdits: false });
    const sessionId = await keep();
    for (const payload of [
      { command: "delete", sessionId },
      { command: "edit", sessionId, user: "Ann" },
      { command: "add-payment", day: "2026-11-02", amount: 4 },
      { command: "restore", name: "x", confirm: true },
    ]) {
      assert.match(await askInVain(payload), /This node only answers/, payload.command);
    }
    assert.equal((await ask("sessions")).count, 1);
    await unloadFlow();
    await load();
    assert.match(await askInVain({ command: "delete", sessionId }, { retain: true }), /retained/);
    assert.equal((await ask("sessions")).count, 1);
  });

  it("says what it accepts when a request is misspelt", async () => {
    await load();
    assert.match(
      await askInVain("sesions"),
      /"sesions" is not a request\. Accepted words: sessions, days, months.*backups/,
    );
    assert.match(await askInVain({ command: "sessions", vehicel: "Zoe" }), /does not know "vehicel"\. Accepted: from/);
    assert.match(
      await askInVain({ command: "backup", file: "/etc/passwd" }),
      /Accepted: \{"command":"backup","name"\}/,
    );
  });

  it("passes backup, restore and flush on to the store; restore only when confirmed", async () => {
    const asked: string[] = [];
    offered = {
      ...store,
      backup: async (name) => {
        asked.push(`backup ${name}`);
        return { file: "/backups/a.sqlite", bytes: 1, sessions: 0 };
      },
      restore: async (name) => {
        asked.push(`restore ${name}`);
        return { file: "/backups/a.sqlite", bytes: 1, sessions: 0 };
      },
      listBackups: async () => [{ name: "a.sqlite", bytes: 1, at: "2026-11-01T00:00:00Z" }],
      flush: async () => 3,
    };
    await load();
    assert.deepEqual((await ask("flush")).payload, { waiting: 3 });
    assert.equal((await ask({ command: "backup", name: "a" })).command, "backup");
    assert.equal(((await ask("backups")).payload as unknown[]).length, 1);
    assert.match(await askInVain({ command: "restore", name: "a.sqlite" }), /"confirm": true/);
    assert.deepEqual((await ask({ command: "restore", name: "a.sqlite", confirm: true })).payload, {
      file: "/backups/a.sqlite",
      bytes: 1,
      sessions: 0,
    });
    assert.deepEqual(asked, ["backup a", "restore a.sqlite"]);
  });

  it("brings back from a copy what was deleted since", async () => {
    await load();
    const sessionId = await keep();
    await ask({ command: "backup", name: "before" });
    await ask({ command: "delete", sessionId });
    assert.equal((await ask("sessions")).count, 0);
    const [copy] = (await ask("backups")).payload as { name: string }[];
    await ask({ command: "restore", name: copy?.name, confirm: true });
    assert.equal(((await ask("sessions")).payload as SessionRow[])[0]?.sessionId, sessionId);
    assert.equal(((await ask("verify")).payload as { isIntact: boolean }[])[0]?.isIntact, true);
  });

  it("takes zone and currency from the house", async () => {
    await load({ site: "house" });
    const answer = await ask({
      command: "add",
      pluggedAt: "2026-11-20T16:00:00Z",
      unpluggedAt: "2026-11-20T17:00:00Z",
      energyWh: 5000,
      cost: 300,
    });
    const [row] = answer.payload as SessionRow[];
    assert.deepEqual([row?.start, row?.currency], ["2026-11-21 01:00:00", "JPY"]);
  });

  it("says which setting is missing", async () => {
    await load({ zone: "", currency: "" });
    await until("the status tells", () => /red ring check settings/.test(statusTexts("n").at(-1) ?? ""));
    assert.match(await askInVain("sessions"), /choose a house, or enter a time zone/);
  });

  it("tells in its status how much waits for a server, and answers again when the server is back", async () => {
    let tell: (health: StoreHealth) => void = () => {};
    let isDown = true;
    offered = Object.create(store, {
      db: {
        get: () => {
          if (isDown) throw new EvError("unreachable", "The database cannot be reached.");
          return store.db;
        },
      },
      subscribe: {
        value: (listener: typeof tell) => {
          tell = listener;
          return () => {};
        },
      },
    }) as Store;
    await load();
    await until("the node listens", () => statusTexts("n").length > 0);
    assert.match(await askInVain("sessions"), /database cannot be reached/);
    tell({ state: "waiting", waiting: 2, code: "unreachable", text: "" });
    assert.match(statusTexts("n").at(-1) ?? "", /yellow ring 2 waiting/);
    tell({ state: "waiting", waiting: 0, code: "unreachable", text: "" });
    assert.match(statusTexts("n").at(-1) ?? "", /yellow ring database away/);
    isDown = false;
    tell({ state: "ok", waiting: 0 });
    assert.match(statusTexts("n").at(-1) ?? "", /green dot ready/);
    assert.equal((await ask("sessions")).count, 0);
  });
});
