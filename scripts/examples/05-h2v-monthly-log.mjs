/* Example 05: an H2V gateway, its minutes in monthly files, the car's sessions, and the report; without a dashboard. */
import { h2v, monthlyReport, readingLog, sessionLog, store, virtualHome } from "./devices.mjs";
import { addComment, addDebug, addInject, openTab } from "./draw.mjs";
import { namesModules } from "./modules.mjs";

const PORTS = { meterPort: 18051, chargerPort: 18052, h2vPort: 18053, openEvsePort: 18054 };
const FOLDER = "ev-charging/h2v-example";

export function h2vMonthlyLog() {
  const tab = openTab({
    id: "ev05-tab",
    label: "H2V monthly log",
    info: "Logs the H2V gateway minute by minute, in the files of the original scripts, finds the car's charging sessions, and reports month and year.",
  });
  addComment(
    tab,
    "ev05-about",
    [40, 40],
    "Read me: what this flow does, and how to use your own gateway (日本語の説明は中にあります)",
    [
      "Deploy. The virtual home has an H2V gateway; its minutes go into `ev-charging/h2v-example/<YYYYMM>h2vmgr-rawd.csv` in",
      "Node-RED's user directory, one line a minute. Press *report on this month* after a minute or two: the record is in the",
      "debug sidebar; summary, CSV and the page to print are beside the monthly files. On the first of each month the report on",
      "the last one comes by itself.",
      "",
      "**With your own gateway:** open *H2V* and enter its address. In *Minute log* enter the folder that your scripts have begun:",
      "its files go on as they are. Enter the same folder in *Monthly report*, your price, and your business share. *Car sessions* has",
      "a line for the car behind *H2V*: if you rename that node, change the name there too. Then delete group 1.",
      "",
      "**日本語：** デプロイすると、仮想のH2Vゲートウェイの値が1分ごとに月別ファイルに記録されます。実機で使うには、*H2V* を開いて",
      "ゲートウェイのアドレスを入力し、*Minute log* と *Monthly report* にこれまでのスクリプトのフォルダーを入力してください。",
      "既存のファイルはそのまま続けて書き足されます。単価と事業割合は *Monthly report* に入力します。",
      "*Car sessions* は車の充電を1回ごとの記録（開始、終了、電力量、料金）にします。充電が2分続くと始まり、5分止まると終わります。",
      "*H2V* の名前を変えたときは、*Car sessions* の充電器の名前も同じにしてください。最後にグループ1を削除してください。",
    ].join("\n"),
  );
  drawHome(tab);
  tab.add("ev-h2v", "ev05-h2v", [80, 460], h2v(PORTS.h2vPort), [
    ["ev05-house"],
    ["ev05-car", "ev05-sessions"],
    ["ev05-log", "ev05-minute"],
  ]);
  addDebug(tab, "ev05-house", [280, 400], "house, W", watts);
  addDebug(tab, "ev05-car", [280, 460], "car, W", watts);
  tab.add("ev-session-log", "ev05-sessions", [500, 400], carSessions, [["ev05-session"]]);
  addDebug(tab, "ev05-session", [720, 400], "sessions of the car", { complete: "true", targetType: "full" });
  tab.add("ev-reading-log", "ev05-log", [500, 460], readingLog("ev05-store", FOLDER), []);
  addDebug(tab, "ev05-minute", [500, 520], "all that the page says", { active: false });
  tab.group(
    "ev05-box-log",
    "2. The gateway, the log of its minutes, and the car's sessions",
    ["ev05-h2v", "ev05-house", "ev05-car", "ev05-sessions", "ev05-session", "ev05-log", "ev05-minute"],
    "#6b9f5e",
  );
  drawReport(tab);
  tab.add("catch", "ev05-catch", [80, 880], { name: "what went wrong", scope: null, uncaught: false }, [
    ["ev05-errors"],
  ]);
  addDebug(tab, "ev05-errors", [280, 880], "errors", { complete: "error.message" });
  tab.group("ev05-box-errors", "4. Mistakes end here", ["ev05-catch", "ev05-errors"], "#b06a6a");
  return {
    file: "05 - H2V monthly log.json",
    nodes: [
      ...tab.close(),
      ...namesModules("ev05-modules", ["@ev-flows/node-red-ev-charging"]),
      { ...store("ev05-store"), name: "Minutes and sessions of the demonstration" },
    ],
  };
}

/** The gateway's car channel is a meter with no charger of its own. */
const carSessions = {
  ...sessionLog("ev05-store", ""),
  name: "Car sessions",
  zone: "Asia/Tokyo",
  currency: "JPY",
  fixedPrice: "31",
  devices: [
    {
      device: "H2V",
      vehicle: "PHV",
      user: "",
      purpose: "mixed",
      businessPercent: "40",
      location: "home",
      isMeteredPlug: true,
    },
  ],
};

const watts = {
  active: false,
  tosidebar: false,
  tostatus: true,
  complete: "payload.powerW",
  statusVal: "payload.powerW",
  statusType: "msg",
};

/** @param {ReturnType<typeof openTab>} tab */
function drawHome(tab) {
  const buttons = [
    ["ev05-plug", "plug the car in", { command: "plug", charger: "openevse", plugged: true, socPercent: 40 }],
    ["ev05-unplug", "unplug the car", { command: "plug", charger: "openevse", plugged: false }],
    ["ev05-kettle", "switch a kettle on", { command: "load", powerW: 1800 }],
    ["ev05-off", "switch it off", { command: "load", powerW: 0 }],
    ["ev05-nodata", "restart the gateway: no data", { command: "fault", device: "h2v", fault: "placeholder" }],
    ["ev05-well", "all is well", { command: "fault", device: "h2v", fault: null }],
  ];
  buttons.forEach(([id, name, payload], index) =>
    addInject(tab, String(id), [80, 120 + index * 40], String(name), payload, "ev05-home"),
  );
  tab.add("ev-virtual-home", "ev05-home", [380, 220], virtualHome(PORTS), [[]]);
  tab.group(
    "ev05-box-home",
    "1. A house with an H2V gateway: simulated",
    [...buttons.map(([id]) => String(id)), "ev05-home"],
    "#c79a3a",
  );
}

/** @param {ReturnType<typeof openTab>} tab */
function drawReport(tab) {
  tab.add("inject", "ev05-this", [80, 640], thisMonth, [["ev05-month"]]);
  const func =
    "const now = new Date(Date.now() + 9 * 3600000);\nmsg.payload = { month: now.toISOString().slice(0, 7) };\nreturn msg;";
  tab.add(
    "function",
    "ev05-month",
    [300, 640],
    { name: "this month in Japan", func, outputs: 1, timeout: 0, noerr: 0, initialize: "", finalize: "", libs: [] },
    [["ev05-report"]],
  );
  addInject(tab, "ev05-last", [80, 700], "report on the last month", {}, "ev05-report");
  tab.add("ev-monthly-report", "ev05-report", [520, 640], monthlyReport(FOLDER), [["ev05-answer", "ev05-files"]]);
  addDebug(tab, "ev05-answer", [740, 640], "month");
  addDebug(tab, "ev05-files", [740, 700], "files", { complete: "files" });
  tab.group(
    "ev05-box-report",
    "3. The report: by itself on the first, or when asked",
    ["ev05-this", "ev05-month", "ev05-last", "ev05-report", "ev05-answer", "ev05-files"],
    "#5f8fc0",
  );
}

const thisMonth = {
  name: "report on this month",
  props: [{ p: "payload" }],
  repeat: "",
  crontab: "",
  once: false,
  onceDelay: "0.1",
  topic: "",
  payload: "",
  payloadType: "date",
};
