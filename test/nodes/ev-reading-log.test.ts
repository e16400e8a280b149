import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import h2vNode from "../../nodes/devices/ev-h2v/ev-h2v.ts";
import reportNode from "../../nodes/records/ev-monthly-report/ev-monthly-report.ts";
import logNode from "../../nodes/records/ev-reading-log/ev-reading-log.ts";
import storeNode from "../../nodes/records/ev-store/ev-store.ts";
import { type H2vSimulator, startH2vGateway } from "../../simulators/h2v.ts";
import {
  getNode,
  loadFlow,
  nextMessage,
  redeploy,
  statusTexts,
  unloadFlow,
  until,
  withTexts,
} from "../support/node-runtime.ts";

let folder = "";
const modules = [
  withTexts(h2vNode, "devices/ev-h2v"),
  withTexts(logNode, "records/ev-reading-log"),
  withTexts((RED) => {
    const settings = { ...RED.settings, userDir: folder };
    reportNode(Object.create(RED, { settings: { value: settings } }) as typeof RED);
  }, "records/ev-monthly-report"),
  withTexts(storeNode, "records/ev-store"),
];
const JAPAN_MS = 9 * 3_600_000;
const thisMonth = (): string => new Date(Date.now() + JAPAN_MS).toISOString().slice(0, 7);
const lastStatus = (id: string): string => statusTexts(id).at(-1) ?? "";

describe("from the gateway to the report, in Node-RED", function () {
  this.timeout(30_000);
  let gateway: H2vSimulator;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "ev-flow-"));
    gateway = await startH2vGateway({ home: () => ({ meanW: 817, peakW: 849, carW: 1200 }) });
  });
  afterEach(async () => {
    await unloadFlow();
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const flow = (changes: Readonly<Record<string, Record<string, unknown>>> = {}) =>
    [
      { id: "tab", type: "tab", label: "test" },
      { id: "store", type: "ev-store", kind: "sqlite", file: join(folder, "x.sqlite"), backupsKept: "0" },
      {
        id: "gateway",
        z: "tab",
        type: "ev-h2v",
        name: "h2v",
        host: `127.0.0.1:${gateway.port}`,
        offsetHours: "9",
        pollS: "1",
        wires: [["log"], ["log"], ["log", "seen"]],
      },
      {
        id: "log",
        z: "tab",
        type: "ev-reading-log",
        store: "store",
        csv: true,
        folder,
        layout: "compatible",
        wires: [],
      },
      {
        id: "report",
        z: "tab",
        type: "ev-monthly-report",
        from: "folder",
        sourceFolder: folder,
        pricePerKwh: "30",
        businessPercent: "50",
        automatic: false,
        writesFiles: true,
        wires: [["out"]],
      },
      { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
      ...["out", "seen", "caught"].map((id) => ({ id, z: "tab", type: "helper" })),
    ].map((node) => ({ ...node, ...changes[node.id] }));

  it("logs a minute into file and store, and reports the same from both", async () => {
    await loadFlow(modules, flow());
    await until("it has logged", () => /green dot logged \d\d:\d\d/.test(lastStatus("log")));
    const path = join(folder, `${thisMonth().replace("-", "")}h2vmgr-rawd.csv`);
    const readLines = (): string[] => (existsSync(path) ? readFileSync(path, "utf8").split("\n") : []);
    await until("the line is written", () => readLines().length > 2);
    const csv = readLines();
    assert.match(
      csv[1] ?? "",
      /^"\d{4}\/\d\d\/\d\d \d\d:\d\d",14,22436,817,849,1200,0,-64,4,"\d{4}\/\d\d\/\d\d \d\d:\d\d"$/,
    );
    const answer = nextMessage("out");
    getNode("report").receive({ payload: thisMonth() });
    const fromFile = (await answer) as { payload: { carKwh: number; businessAmount: number }; files: string[] };
    assert.ok(Math.abs(fromFile.payload.carKwh - 0.02) < 0.021);
    assert.equal(fromFile.files.length, 4);
    await redeploy(flow({ report: { from: "store", store: "store", writesFiles: false } }));
    const second = nextMessage("out");
    getNode("report").receive({ payload: { month: thisMonth(), format: "summary" } });
    const fromStore = await second;
    assert.match(String(fromStore.payload), /^Sumary of the .*\n.*\n.*\nLost \d+\/ Recorded \d+ minutes/);
    assert.match(String((fromStore.headers as Record<string, string>)["content-disposition"]), /h2vmgr-sum\.txt/);
  });

  it("reports a month that is due by itself once, and not again after a redeploy or a restart", async () => {
    const due = new Date(Date.now() + JAPAN_MS - 30 * 60_000);
    due.setUTCDate(0);
    const month = due.toISOString().slice(0, 7);
    writeFileSync(
      join(folder, `${month.replace("-", "")}h2vmgr-rawd.csv`),
      `"最新電力情報の時刻","本日","昨日","平均","最大","車充電","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)"\n"${month.replace("-", "/")}/03 10:00",1,2,600,700,1200,0,-64,4,"1970/01/01 09:00"\n`,
    );
    await loadFlow(modules, flow());
    const occasions: unknown[] = [];
    const listen = (): void => {
      getNode("out").on("input", ({ occasion }) => occasions.push(occasion ?? "asked"));
    };
    const kept = (): string => readFileSync(join(folder, "ev-charging", "report-reported.json"), "utf8");
    const summary = (): string => readFileSync(join(folder, `${month.replace("-", "")}h2vmgr-sum.txt`), "utf8");
    const automatic = flow({ report: { automatic: true } });
    await redeploy(automatic);
    listen();
    await until("it is remembered", () => /green dot/.test(lastStatus("report")) && /"sending":null/.test(kept()));
    const before = [kept(), summary()];
    for (const begin of [() => redeploy(automatic), () => unloadFlow().then(() => loadFlow(modules, automatic))]) {
      await begin();
      listen();
      occasions.splice(0);
      for (let ask = 0; ask < 2; ask++) {
        const answer = nextMessage("out");
        getNode("report").receive({ payload: month });
        await answer;
      }
      assert.deepEqual(occasions, ["asked", "asked"]);
      assert.deepEqual([kept(), summary()], before);
    }
  });

  it("tells of mistakes by their code, and of settings that lack something", async () => {
    await loadFlow(modules, flow());
    for (const [id, payload] of [
      ["report", "2025-13"],
      ["report", "1999-01"],
      ["log", "rubbish"],
    ] as const) {
      const caught = nextMessage("caught");
      getNode(id).receive({ payload });
      assert.ok((await caught).error !== undefined);
    }
    await redeploy(flow({ log: { store: "", csv: false }, report: { zone: "Nowhere/Land" } }));
    await until(
      "both show",
      () => /check settings/.test(lastStatus("log")) && /check settings/.test(lastStatus("report")),
    );
  });
});
