import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mysql from "mysql2/promise";
import pg from "pg";
import type { Charger } from "../../lib/model/records.ts";
import { type Session, sessionSchema } from "../../lib/model/session.ts";
import openevseNode from "../../nodes/devices/ev-openevse/ev-openevse.ts";
import connectionNode from "../../nodes/devices/ev-openevse-connection/ev-openevse-connection.ts";
import evSessionLog from "../../nodes/records/ev-session-log/ev-session-log.ts";
import evStore from "../../nodes/records/ev-store/ev-store.ts";
import type { NodeMessage } from "../../nodes/shared/node-red.d.ts";
import { type OpenEvseSimulator, startOpenEvse } from "../../simulators/openevse.ts";
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
import { makeOwnServer, type OwnServer } from "./own-servers.ts";

/*
 * The whole way with real servers: an OpenEVSE speaks to Mosquitto, our nodes listen, and the session goes to a database.
 * Broker and database are stopped in the middle of it.
 */

const modules = [
  withTexts(openevseNode, "devices/ev-openevse"),
  withTexts(connectionNode, "devices/ev-openevse-connection"),
  withTexts(evSessionLog, "records/ev-session-log"),
  withTexts(evStore, "records/ev-store"),
];

interface Database {
  readonly kind: "mysql" | "postgres";
  readonly server: OwnServer;
  query(sql: string, database?: string): Promise<Record<string, unknown>[]>;
}

const queryMariadb =
  ({ url }: OwnServer): Database["query"] =>
  async (sql, database = "") => {
    const connection = await mysql.createConnection({ uri: `${url}/${database}` });
    try {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
    } finally {
      await connection.end();
    }
  };
const queryPostgres =
  ({ url }: OwnServer): Database["query"] =>
  async (sql, database = "postgres") => {
    const client = new pg.Client({ connectionString: `${url}/${database}` });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

for (const which of ["mariadb", "postgres"] as const) {
  describe(`a session over Mosquitto into ${which === "mariadb" ? "MariaDB" : "PostgreSQL"}`, function () {
    this.timeout(180_000);
    let folder: string;
    let broker: OwnServer | null = null;
    let database: Database | null = null;
    let evse: OpenEvseSimulator | null = null;
    const heard: NodeMessage[] = [];

    before(async function () {
      broker = await makeOwnServer("mosquitto");
      const server = await makeOwnServer(which);
      if (broker === null || server === null) {
        this.skip();
      }
      database = {
        kind: which === "mariadb" ? "mysql" : "postgres",
        server,
        query: which === "mariadb" ? queryMariadb(server) : queryPostgres(server),
      };
      folder = mkdtempSync(join(tmpdir(), "ev-way-"));
      await broker.start();
      await server.start();
      const { query } = database;
      // one that listens may still be starting up
      const create = (): Promise<boolean> =>
        query("CREATE DATABASE ev_way").then(
          () => true,
          () => false,
        );
      await until("the database is made", create, 30_000);
    });
    after(async () => {
      await unloadFlow();
      await evse?.stop();
      await broker?.remove();
      await database?.server.remove();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    const events = (): unknown[] => heard.map(({ event }) => event);
    const status = (): string => statusTexts("log").at(-1) ?? "";
    const rows = async (): Promise<Session[]> => {
      const found = (await database?.query("SELECT record FROM sessions", "ev_way").catch(() => [])) ?? [];
      return found.map(({ record }) => sessionSchema.parse(JSON.parse(String(record))));
    };
    const passS = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

    it("is one correct row, although broker and database were away in the middle and at the end of it", async () => {
      assert.ok(broker !== null && database !== null);
      await loadFlow(modules, [
        { id: "tab", type: "tab", label: "test" },
        {
          id: "store",
          type: "ev-store",
          kind: database.kind,
          file: join(folder, "records.sqlite"),
          url: `${database.server.url}/ev_way`,
          backupsKept: "0",
        },
        {
          id: "c",
          type: "ev-openevse-connection",
          version: 1,
          via: "mqtt",
          host: "127.0.0.1",
          port: String(broker.port),
          baseTopic: "openevse-way",
        },
        {
          id: "n",
          z: "tab",
          type: "ev-openevse",
          version: 1,
          name: "Carport",
          connection: "c",
          wires: [["log", "readings"], [], []],
        },
        {
          id: "log",
          z: "tab",
          type: "ev-session-log",
          version: 1,
          store: "store",
          zone: "Europe/Berlin",
          currency: "EUR",
          fixedPrice: "0.3",
          updateIntervalS: "5",
          wires: [["out"]],
        },
        { id: "out", z: "tab", type: "helper" },
        { id: "readings", z: "tab", type: "helper" },
      ]);
      getNode("out").on("input", (message) => heard.push(message));
      evse = await startOpenEvse({ brokerUrl: broker.url, baseTopic: "openevse-way", voltageV: () => 230 });
      const isFree = ({ payload }: NodeMessage): boolean => (payload as Charger).plugged === false;
      await nextMessage("readings", isFree, 60_000);
      await passS(3);
      evse.plug();
      await until("opened", () => events().includes("opened"), 20_000);
      await until("the row is in the database", async () => (await rows()).length === 1, 20_000);
      await until("charging", () => status().includes("charging"), 30_000);
      await passS(8);

      await broker.stop();
      await passS(8);
      await broker.start();
      await until("the charger is back", () => evse?.isMqttConnected === true, 30_000);
      await passS(6);

      await database.server.stop();
      await until("the status tells of it", () => status().startsWith("yellow ring store waits"), 30_000);
      await passS(3);
      await database.server.start();
      await until("the status is well again", () => !status().includes("store"), 60_000);

      await Promise.all([broker.stop(), database.server.stop()]);
      await passS(5);
      evse.unplug();
      await passS(2);
      await Promise.all([broker.start(), database.server.start()]);
      await until("closed", () => events().includes("closed"), 90_000);
      await until(
        "the closed row is in the database",
        async () => (await rows()).every((row) => row.status === "closed"),
        60_000,
      );

      const found = await rows();
      assert.equal(found.length, 1, `${found.length} rows`);
      const [row] = found;
      assert.equal(row?.flags.includes("partial-start"), false);
      assert.ok(row !== undefined);
      assert.deepEqual(row, heard.findLast(({ event }) => event === "closed" || event === "corrected")?.payload);
      const trueWh = evse.deliveredWh;
      assert.ok(Math.abs(row.energyWh - trueWh) <= Math.max(1, trueWh * 0.02), `${row.energyWh} Wh of ${trueWh}`);
      assert.ok(Math.abs((row.cost ?? 0) - row.energyWh * 0.0003) < 1e-6);
      assert.deepEqual(
        events().filter((event) => event === "opened" || event === "closed"),
        ["opened", "closed"],
      );
      const errors = logLines().filter(({ level, type }) => level <= 20 && String(type).startsWith("ev-session"));
      assert.deepEqual(errors, []);
      console.log(
        `      ${row.energyWh} Wh of ${trueWh.toFixed(1)}, revision ${row.revision}, flags ${row.flags.join() || "none"}`,
      );
    });
  });
}
