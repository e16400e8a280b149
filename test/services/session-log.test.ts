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

/** A database, the log that fills it, and what the log said. */
interface Way extends Database {
  readonly name: string;
  readonly heard: NodeMessage[];
  readonly logId: string;
}

describe("sessions over Mosquitto into MariaDB and PostgreSQL", function () {
  this.timeout(240_000);
  let folder: string | null = null;
  let broker: OwnServer | null = null;
  let evse: OpenEvseSimulator | null = null;
  const ways: Way[] = [];

  before(async function () {
    broker = await makeOwnServer(this, "mosquitto");
    for (const which of ["mariadb", "postgres"] as const) {
      const server = await makeOwnServer(this, which);
      const query = which === "mariadb" ? queryMariadb(server) : queryPostgres(server);
      const kind = which === "mariadb" ? "mysql" : "postgres";
      ways.push({ name: which, kind, server, query, heard: [], logId: `log-${which}` });
    }
    folder = mkdtempSync(join(tmpdir(), "ev-way-"));
    await Promise.all([broker, ...ways.map(({ server }) => server)].map((server) => server.start()));
    for (const { query } of ways) await query("CREATE DATABASE ev_way");
  });
  after(async () => {
    await unloadFlow();
    await evse?.stop();
    await broker?.remove();
    for (const { server } of ways) await server.remove();
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  });

  const everywhere = (isTrue: (way: Way) => boolean | Promise<boolean>) => async (): Promise<boolean> =>
    (await Promise.all(ways.map(async (way) => isTrue(way)))).every(Boolean);
  const status = ({ logId }: Way): string => statusTexts(logId).at(-1) ?? "";
  const events = ({ heard }: Way): unknown[] => heard.map(({ event }) => event);
  const rows = async ({ query }: Way): Promise<Session[]> => {
    const found = await query("SELECT record FROM sessions", "ev_way").catch(() => []);
    return found.map(({ record }) => sessionSchema.parse(JSON.parse(String(record))));
  };
  const passS = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const databases = (action: "start" | "stop"): Promise<unknown> =>
    Promise.all(ways.map(({ server }) => server[action]()));

  const flow = (brokerPort: number): Record<string, unknown>[] => [
    { id: "tab", type: "tab", label: "test" },
    {
      id: "c",
      type: "ev-openevse-connection",
      version: 1,
      via: "mqtt",
      host: "127.0.0.1",
      port: String(brokerPort),
      baseTopic: "openevse-way",
    },
    {
      id: "n",
      z: "tab",
      type: "ev-openevse",
      version: 1,
      name: "Carport",
      connection: "c",
      wires: [["readings", ...ways.map(({ logId }) => logId)], [], []],
    },
    { id: "readings", z: "tab", type: "helper" },
    ...ways.flatMap(({ name, kind, server, logId }) => [
      {
        id: `store-${name}`,
        type: "ev-store",
        kind,
        file: join(folder ?? "", `${name}.sqlite`),
        url: `${server.url}/ev_way`,
        backupsKept: "0",
      },
      {
        id: logId,
        z: "tab",
        type: "ev-session-log",
        version: 1,
        store: `store-${name}`,
        zone: "Europe/Berlin",
        currency: "EUR",
        fixedPrice: "0.3",
        updateIntervalS: "5",
        wires: [[`out-${name}`]],
      },
      { id: `out-${name}`, z: "tab", type: "helper" },
    ]),
  ];

  it("are one correct row each, although broker and databases were away in the middle and at the end", async () => {
    assert.ok(broker !== null);
    await loadFlow(modules, flow(broker.port));
    for (const { name, heard } of ways) getNode(`out-${name}`).on("input", (message) => heard.push(message));
    evse = await startOpenEvse({ brokerUrl: broker.url, baseTopic: "openevse-way", voltageV: () => 230 });
    const charger = evse;
    const isFree = ({ payload }: NodeMessage): boolean => (payload as Charger).plugged === false;
    await nextMessage("readings", isFree, 60_000);
    await passS(3);
    charger.plug();
    await until(
      "opened",
      everywhere((way) => events(way).includes("opened")),
      20_000,
    );
    await until(
      "the row is in the database",
      everywhere(async (way) => (await rows(way)).length === 1),
      20_000,
    );
    await until(
      "charging",
      everywhere((way) => status(way).includes("charging")),
      30_000,
    );
    await passS(8);

    await broker.stop();
    await passS(8);
    await broker.start();
    await until("the charger is back", () => charger.isMqttConnected, 30_000);
    await passS(6);

    await databases("stop");
    await until(
      "the status tells of it",
      everywhere((way) => status(way).startsWith("yellow ring store waits")),
      30_000,
    );
    await passS(3);
    await databases("start");
    await until(
      "the status is well again",
      everywhere((way) => !status(way).includes("store")),
      60_000,
    );

    await Promise.all([broker.stop(), databases("stop")]);
    await passS(5);
    charger.unplug();
    await passS(2);
    await Promise.all([broker.start(), databases("start")]);
    await until(
      "closed",
      everywhere((way) => events(way).includes("closed")),
      90_000,
    );
    const isClosed = async (way: Way): Promise<boolean> => (await rows(way)).every((row) => row.status === "closed");
    await until("the closed row is in the database", everywhere(isClosed), 60_000);
    for (const way of ways) judge(way, await rows(way), charger.deliveredWh);
    const complaints = logLines().filter(({ level, type }) => level <= 20 && String(type).startsWith("ev-session"));
    assert.deepEqual(complaints, []);
  });

  function judge(way: Way, found: readonly Session[], trueWh: number): void {
    assert.equal(found.length, 1, `${found.length} rows`);
    const [row] = found;
    assert.ok(row !== undefined);
    assert.deepEqual(row, way.heard.findLast(({ event }) => event === "closed" || event === "corrected")?.payload);
    assert.equal(row.flags.includes("partial-start"), false);
    assert.ok(Math.abs(row.energyWh - trueWh) <= Math.max(1, trueWh * 0.02), `${row.energyWh} Wh of ${trueWh}`);
    assert.ok(Math.abs((row.cost ?? 0) - row.energyWh * 0.0003) < 1e-6);
    assert.deepEqual(
      events(way).filter((event) => event === "opened" || event === "closed"),
      ["opened", "closed"],
    );
    const flags = row.flags.join() || "none";
    console.log(
      `      ${way.name}: ${row.energyWh} Wh of ${trueWh.toFixed(1)}, revision ${row.revision}, flags ${flags}`,
    );
  }
});
