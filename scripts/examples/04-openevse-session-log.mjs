/* Example 04: an OpenEVSE, the log of its sessions, and what can be asked about them; without a dashboard. */
import { history, openEvse, openEvseConnection, sessionLog, site, store, virtualHome } from "./devices.mjs";
import { addComment, addDebug, addInject, openTab } from "./draw.mjs";
import { namesModules } from "./modules.mjs";

const PORTS = { meterPort: 18041, chargerPort: 18042, openEvsePort: 18043, brokerPort: 18044 };

export function openEvseSessionLog() {
  const tab = openTab({
    id: "ev04-tab",
    label: "OpenEVSE session log",
    info: "Keeps every charging session of an OpenEVSE, priced, in a database file, and shows them as rows, sums and CSV.",
  });
  addComment(
    tab,
    "ev04-about",
    [40, 40],
    "Read me: what this flow does, and how to use your own charger",
    [
      "Deploy, then press *plug the car in*: the charger of the virtual home starts, and *Session log* sends `opened`. While the car",
      "charges the session is kept on disk again and again, so that a power cut takes a reading at most. Press *pause the",
      "charger* and *charge*: still one session, with two segments. Press *take the car away*: a quarter of a minute later,",
      "when the last energy has come in, `closed` follows. *reboot the Wi-Fi module* in the middle of it tears nothing.",
      "",
      "*list sessions*, *month totals* and *export CSV* ask the records; the answers are in the debug sidebar.",
      "",
      "**With your own charger:** open *OpenEVSE* (the connection), enter your broker and the charger's base topic, or press the",
      "search button there. In *Session log* set your price, your currency and the largest power that the charger can give.",
      "Then delete group 1. A charger without a broker is read over HTTP; an ESP8266 of 2018 works as well.",
      "",
      "**Where the sessions are:** in a SQLite file in Node-RED's user directory, or in your MariaDB, MySQL or PostgreSQL: open the",
      "store behind *Session log*. Sessions of this demonstration are in a file of their own.",
    ].join("\n"),
  );
  drawHome(tab);
  drawCharger(tab);
  drawHistory(tab);
  tab.add("catch", "ev04-catch", [80, 860], { name: "what went wrong", scope: null, uncaught: false }, [
    ["ev04-errors"],
  ]);
  addDebug(tab, "ev04-errors", [280, 860], "errors", { complete: "error.message" });
  tab.group("ev04-box-errors", "4. Mistakes end here", ["ev04-catch", "ev04-errors"], "#b06a6a");
  return {
    file: "04 - OpenEVSE session log.json",
    nodes: [
      ...tab.close(),
      ...namesModules("ev04-modules", ["@ev-flows/node-red-ev-charging"]),
      site("ev04-site"),
      openEvseConnection("ev04-connection", PORTS.brokerPort),
      store("ev04-store"),
    ],
  };
}

/** @param {ReturnType<typeof openTab>} tab */
function drawHome(tab) {
  const buttons = [
    ["ev04-plug", "plug the car in", { command: "plug", charger: "openevse", plugged: true, socPercent: 40 }],
    ["ev04-unplug", "take the car away", { command: "plug", charger: "openevse", plugged: false }],
    ["ev04-reboot", "reboot the Wi-Fi module", { command: "fault", device: "openevse", fault: "reboot" }],
    ["ev04-broker-off", "stop the broker", { command: "fault", device: "broker", fault: "stopped" }],
    ["ev04-broker-on", "start the broker", { command: "fault", device: "broker", fault: null }],
  ];
  buttons.forEach(([id, name, payload], index) =>
    addInject(tab, String(id), [80, 140 + index * 40], String(name), payload, "ev04-home"),
  );
  tab.add("ev-virtual-home", "ev04-home", [360, 220], virtualHome(PORTS), [[]]);
  tab.group(
    "ev04-box-home",
    "1. A house with an OpenEVSE and a broker: simulated",
    [...buttons.map(([id]) => String(id)), "ev04-home"],
    "#c79a3a",
  );
}

/** @param {ReturnType<typeof openTab>} tab */
function drawCharger(tab) {
  const wishes = [
    ["ev04-charge", "charge", "charge"],
    ["ev04-pause", "pause the charger", "pause"],
    ["ev04-release", "let it be", "release"],
  ];
  wishes.forEach(([id, name, payload], index) =>
    addInject(tab, String(id), [80, 420 + index * 40], String(name), payload, "ev04-charger"),
  );
  tab.add("ev-openevse", "ev04-charger", [300, 460], openEvse("ev04-connection"), [["ev04-log", "ev04-power"]]);
  addDebug(tab, "ev04-power", [500, 520], "power, W", {
    active: false,
    tosidebar: false,
    tostatus: true,
    complete: "payload.powerW",
    statusVal: "payload.powerW",
    statusType: "msg",
  });
  tab.add("ev-session-log", "ev04-log", [500, 460], sessionLog("ev04-store", "ev04-site"), [["ev04-session"]]);
  addDebug(tab, "ev04-session", [700, 460], "sessions: opened, updated, closed", {
    complete: "true",
    targetType: "full",
  });
  tab.group(
    "ev04-box-log",
    "2. The charger, and the log of its sessions",
    [...wishes.map(([id]) => String(id)), "ev04-charger", "ev04-power", "ev04-log", "ev04-session"],
    "#6b9f5e",
  );
}

/** @param {ReturnType<typeof openTab>} tab */
function drawHistory(tab) {
  const questions = [
    ["ev04-list", "list sessions", { command: "sessions", limit: 20 }],
    ["ev04-months", "month totals", { command: "months" }],
    ["ev04-csv", "export CSV", { command: "sessions", format: "csv" }],
    ["ev04-verify", "are the records untouched?", { command: "verify" }],
  ];
  questions.forEach(([id, name, payload], index) =>
    addInject(tab, String(id), [80, 640 + index * 40], String(name), payload, "ev04-history"),
  );
  tab.add("ev-history", "ev04-history", [360, 700], history("ev04-store", "ev04-site"), [["ev04-answer"]]);
  addDebug(tab, "ev04-answer", [560, 700], "rows, sums, CSV");
  tab.group(
    "ev04-box-history",
    "3. Questions about them",
    [...questions.map(([id]) => String(id)), "ev04-history", "ev04-answer"],
    "#5f8fc0",
  );
}
