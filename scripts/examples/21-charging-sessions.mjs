/* Example dashboard/21: every charging session in a table, priced, exportable, with the account of who paid what. */
import { answerToAsker, latestOfSessions, sampleYear } from "./charging-sessions/flow-functions.mjs";
import * as rows from "./charging-sessions/rows.mjs";
import * as sentence from "./charging-sessions/sentence.mjs";
import * as sight from "./charging-sessions/sight.mjs";
import { dashboardGroup, dashboardPage, dashboardWidget, lookOf, sharedDashboardNodes } from "./dashboard-nodes.mjs";
import { history, openEvse, openEvseConnection, sessionLog, shellyEm, site, store, virtualHome } from "./devices.mjs";
import { addComment, openTab } from "./draw.mjs";
import { namesModules } from "./modules.mjs";
import { functionBody, templateReader } from "./pages/assemble.mjs";

const PAGE_ID = "ev-page-charging-sessions";
const GREEN = "#6b9f5e";
const BLUE = "#5f8fc0";
const AMBER = "#c79a3a";
const PORTS = { meterPort: 18211, chargerPort: 18212, solarMeterPort: 18213, openEvsePort: 18214, brokerPort: 18215 };

/**
 * The groups of the page: what comes first on a phone, how many of twelve columns at a desk.
 * @type {(id: string, name: string, width: number, order: number, className?: string) => import("./draw.mjs").FlowNode}
 */
const group = (id, name, width, order, className = "") =>
  dashboardGroup({ id: `ev21-group-${id}`, name, page: PAGE_ID, width, order, className });
const NOW = group("now", "Now", 6, 1, "ev-tall");
const MONTHS = group("months", "Months", 6, 2);
const SESSIONS = group("sessions", "Sessions", 12, 3);
const DAYS = group("days", "Days", 4, 4);
const ACCOUNT = group("account", "Account", 4, 5);
const EXPORT = group("export", "Export", 4, 6);
const TRY = group("try", "Try it", 12, 7);

/** The widgets that ask the history, in the order of the outputs of "To the asker". */
const LISTS = /** @type {const} */ ([
  ["ev21-months", "Months", "months", MONTHS],
  ["ev21-sessions", "Sessions", "sessions", SESSIONS],
  ["ev21-days", "Days", "days", DAYS],
  ["ev21-account", "Account", "account", ACCOUNT],
  ["ev21-export", "Export", "export", EXPORT],
]);

/** @typedef {ReturnType<typeof openTab>} Tab */
/** @typedef {(name: string, file: string, group: import("./draw.mjs").FlowNode) => Record<string, unknown>} Widget */

/** @param {import("./pages/wording.mjs").Words} words */
export function chargingSessions(words) {
  const folder = new URL("charging-sessions/", import.meta.url);
  const read = templateReader(folder, { ...sight, ...sentence, ...rows }, words);
  /** @type {Widget} */
  const widget = (name, file, group) => dashboardWidget({ name, group, order: 1, format: read(file) });
  const tab = openTab({
    id: "ev21-tab",
    label: words.sessionsPage.name,
    info: "The page at /dashboard/charging-sessions: the running session, months, all sessions, days, account, files.",
  });
  addComment(
    tab,
    "ev21-about",
    [40, 40],
    "Read me: what this page shows, and how to use your own charger",
    [
      "Deploy, then open `/dashboard/charging-sessions`. Everything works at once against the virtual home in group 1: plug the",
      "car in there, watch the session grow, unplug it, and find it in the table. Power and energy are as real as time is: a",
      "minute at 7 kW is 0.1 kWh.",
      "",
      "**With your own charger:** open *OpenEVSE* (the connection), enter your broker and the charger's base topic, or press the",
      "search button. Set your price and currency in *Session log*, and there the largest power that your charger can give.",
      "Then delete group 1. No meter? Delete the two meters: the sun's share is then not known. Any other",
      "charger node of ours can take the place of *OpenEVSE*.",
      "",
      "**Where the sessions are:** in a SQLite file in Node-RED's user directory, or in your MariaDB, MySQL or PostgreSQL: see the",
      "store behind *Session log*. Sessions of this demonstration are in a file of their own.",
      "",
      "**Several people at once:** charger and buttons are shared by all who look. What somebody chooses, opens or exports stays",
      "in their own browser: an answer of *History* goes only to the one who asked. A change is seen by all within a second.",
      "",
      "**Before others can reach this page** set `httpNodeAuth` in Node-RED's settings: whoever opens it can edit and delete.",
    ].join("\n"),
  );
  drawHome(tab, widget);
  drawRecords(tab);
  drawPage(tab, widget);
  const page = dashboardPage({
    id: PAGE_ID,
    name: words.sessionsPage.name,
    path: "/charging-sessions",
    icon: "ev-station",
    order: 21,
  });
  return {
    file: "dashboard/21 - Charging sessions.json",
    nodes: [
      ...tab.close(),
      ...namesModules("ev21-modules", ["@ev-flows/node-red-ev-charging", "@flowfuse/node-red-dashboard"]),
      ...sharedDashboardNodes(),
      page,
      NOW,
      MONTHS,
      SESSIONS,
      DAYS,
      ACCOUNT,
      EXPORT,
      TRY,
      site("ev21-site"),
      openEvseConnection("ev21-connection", PORTS.brokerPort),
      store("ev21-store"),
    ],
  };
}

/**
 * @param {Tab} tab
 * @param {Widget} widget
 */
function drawHome(tab, widget) {
  tab.add("link in", "ev21-to-try", [80, 140], { name: "the page", links: ["ev21-page-out"] }, [["ev21-try"]]);
  tab.add("ui-template", "ev21-try", [160, 140], widget("Car, sun and faults", "try-it", TRY), [["ev21-which"]]);
  tab.add("switch", "ev21-which", [400, 140], sampleOrHome, [["ev21-sample"], ["ev21-home"]]);
  tab.add("function", "ev21-sample", [580, 100], sample, [["ev21-sample-out"]]);
  tab.add("ev-virtual-home", "ev21-home", [580, 160], virtualHome(PORTS), [["ev21-home-out"]]);
  tab.add("link out", "ev21-sample-out", [800, 100], { name: "questions", mode: "link", links: ["ev21-questions"] });
  tab.add("link out", "ev21-home-out", [800, 160], { name: "records", mode: "link", links: ["ev21-records"] });
  tab.group(
    "ev21-box-home",
    "1. Try it: a simulated house with an OpenEVSE",
    ["ev21-to-try", "ev21-try", "ev21-which", "ev21-sample", "ev21-home", "ev21-sample-out", "ev21-home-out"],
    AMBER,
  );
}

/** @param {Tab} tab */
function drawRecords(tab) {
  tab.add("link in", "ev21-to-charger", [80, 280], { name: "buttons", links: ["ev21-from-buttons"] }, [
    ["ev21-charger"],
  ]);
  tab.add("ev-openevse", "ev21-charger", [160, 280], openEvse("ev21-connection"), [
    ["ev21-log", "ev21-readings-out"],
    [],
    [],
  ]);
  tab.add("ev-shelly-em", "ev21-grid-meter", [160, 340], shellyEm("House meter", PORTS.meterPort, ["grid", "evse"]), [
    ["ev21-log"],
  ]);
  tab.add(
    "ev-shelly-em",
    "ev21-sun-meter",
    [160, 400],
    shellyEm("Sun and house", PORTS.solarMeterPort, ["solar", "house"]),
    [["ev21-log"]],
  );
  tab.add("inject", "ev21-open-sessions", [160, 460], everyFiveSeconds, [["ev21-log"]]);
  tab.add("ev-session-log", "ev21-log", [400, 340], sessionLog("ev21-store", "ev21-site"), [["ev21-readings-out"]]);
  tab.add("link out", "ev21-readings-out", [680, 280], { name: "records", mode: "link", links: ["ev21-records"] });
  tab.group(
    "ev21-box-log",
    "2. Charger, meters and the log of sessions",
    [
      "ev21-to-charger",
      "ev21-charger",
      "ev21-grid-meter",
      "ev21-sun-meter",
      "ev21-open-sessions",
      "ev21-log",
      "ev21-readings-out",
    ],
    GREEN,
  );
}

/**
 * @param {Tab} tab
 * @param {Widget} widget
 */
function drawPage(tab, widget) {
  const records = ["ev21-home-out", "ev21-readings-out"];
  const seldom = LISTS.map(([id]) => id).filter((id) => id !== "ev21-sessions");
  tab.add("link in", "ev21-records", [80, 660], { name: "records", links: records }, [["ev21-latest"]]);
  tab.add("inject", "ev21-tick", [80, 720], everySecond, [["ev21-latest"]]);
  tab.add("inject", "ev21-start", [80, 780], once, [["ev21-latest"]]);
  tab.add("catch", "ev21-refused", [80, 840], { name: "refused", scope: ["ev21-charger"], uncaught: false }, [
    ["ev21-latest"],
  ]);
  tab.add("status", "ev21-store-status", [80, 900], { name: "store", scope: ["ev21-history"] }, [["ev21-latest"]]);
  tab.add("function", "ev21-latest", [300, 720], latest, [
    ["ev21-now", "ev21-page-out", "ev21-sessions"],
    seldom,
    ["ev21-history"],
  ]);
  tab.add("ui-template", "ev21-now", [620, 660], widget("Sentence and charger", "now", NOW), [["ev21-from-buttons"]]);
  LISTS.forEach(([id, name, file, listGroup], index) =>
    tab.add("ui-template", id, [620, 720 + index * 60], widget(name, file, listGroup), [["ev21-to-history"]]),
  );
  tab.add("link out", "ev21-from-buttons", [880, 660], { name: "buttons", mode: "link", links: ["ev21-to-charger"] });
  tab.add("link out", "ev21-page-out", [620, 600], { name: "the page", mode: "link", links: ["ev21-to-try"] });
  tab.add("link out", "ev21-to-history", [880, 840], { name: "questions", mode: "link", links: ["ev21-questions"] });
  tab.add(
    "link in",
    "ev21-questions",
    [80, 1020],
    { name: "questions", links: ["ev21-to-history", "ev21-sample-out"] },
    [["ev21-history"]],
  );
  tab.add("ev-history", "ev21-history", [160, 1020], history("ev21-store", "ev21-site"), [["ev21-answers"]]);
  tab.add("catch", "ev21-not-done", [160, 1080], { name: "not done", scope: ["ev21-history"], uncaught: false }, [
    ["ev21-answers"],
  ]);
  tab.add("function", "ev21-answers", [360, 1020], answers, [...LISTS.map(([id]) => [id]), ["ev21-latest"]]);
  tab.add("ui-template", "ev21-look", [620, 1080], lookOf(PAGE_ID), [[]]);
  tab.group(
    "ev21-box-page",
    "3. The page: one record for everybody, and answers for whoever asked",
    [
      "ev21-records",
      "ev21-tick",
      "ev21-start",
      "ev21-refused",
      "ev21-store-status",
      "ev21-latest",
      "ev21-now",
      ...LISTS.map(([id]) => id),
      "ev21-from-buttons",
      "ev21-page-out",
      "ev21-to-history",
      "ev21-questions",
      "ev21-history",
      "ev21-not-done",
      "ev21-answers",
      "ev21-look",
    ],
    BLUE,
  );
}

const everySecond = {
  name: "every second",
  props: [{ p: "payload" }, { p: "topic", vt: "str" }],
  repeat: "1",
  crontab: "",
  once: true,
  onceDelay: "0.5",
  topic: "tick",
  payload: "",
  payloadType: "date",
};

/** Asks the log for the running session as it is now; it is stored once a minute only. */
const everyFiveSeconds = {
  ...everySecond,
  name: "running session",
  props: [{ p: "payload" }],
  repeat: "5",
  onceDelay: "2",
  topic: "",
  payload: JSON.stringify({ command: "status" }),
  payloadType: "json",
};
const once = { ...everySecond, name: "start", repeat: "", onceDelay: "2", topic: "start" };

/** A sample year is for the history, everything else for the house. */
const sampleOrHome = {
  name: "sample year?",
  property: "payload.command",
  propertyType: "msg",
  rules: [{ t: "eq", v: "sample-year", vt: "str" }, { t: "else" }],
  checkall: "false",
  repair: false,
  outputs: 2,
};

const plainFunction = { outputs: 1, timeout: 0, noerr: 0, initialize: "", finalize: "", libs: [] };
const latest = {
  ...plainFunction,
  outputs: 3,
  name: "Latest of everything",
  // a context that is kept on disk must not show a charger of yesterday
  initialize: 'context.set("page", undefined);',
  func: functionBody(latestOfSessions),
};
const sample = { ...plainFunction, name: "Sample year", func: functionBody(sampleYear) };
const answers = { ...plainFunction, outputs: 6, name: "To the asker", func: functionBody(answerToAsker) };
