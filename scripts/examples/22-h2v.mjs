/* Example dashboard/22: the H2V gateway now, today and yesterday, the months, and the report as a file. */
import { dashboardGroup, dashboardPage, dashboardWidget, lookOf, sharedDashboardNodes } from "./dashboard-nodes.mjs";
import { h2v, monthlyReport, readingLog, virtualHome } from "./devices.mjs";
import { addComment, openTab } from "./draw.mjs";
import { latestOfH2v, reportToAsker } from "./h2v/flow-functions.mjs";
import * as sentence from "./h2v/sentence.mjs";
import * as sight from "./h2v/sight.mjs";
import { namesModules } from "./modules.mjs";
import { functionBody, templateReader } from "./pages/assemble.mjs";

const PAGE_ID = "ev-page-h2v";
const PORTS = { meterPort: 18221, chargerPort: 18222, h2vPort: 18223 };
const FOLDER = "ev-charging/h2v-dashboard";

/**
 * @param {string} id
 * @param {string} name
 * @param {number} width
 * @param {number} order
 */
const group = (id, name, width, order) => dashboardGroup({ id: `ev22-group-${id}`, name, page: PAGE_ID, width, order });
const NOW = group("now", "Now", 6, 1);
const MONTHS = group("months", "Months", 6, 2);
const REPORT = group("report", "Report", 6, 3);
const TRY = group("try", "Try it", 6, 4);

/** @param {import("./pages/wording.mjs").Words} words */
export function h2vPage(words) {
  const read = templateReader(new URL("h2v/", import.meta.url), { ...sight, ...sentence }, words);
  /** @type {(name: string, file: string, group: import("./draw.mjs").FlowNode) => Record<string, unknown>} */
  const widget = (name, file, group) => dashboardWidget({ name, group, order: 1, format: read(file) });
  const tab = openTab({
    id: "ev22-tab",
    label: words.h2vPage.name,
    info: "The page at /dashboard/h2v: now, today, yesterday, the months of the year, and the report.",
  });
  addComment(
    tab,
    "ev22-about",
    [40, 40],
    "Read me: what this page shows, and how to use your own gateway",
    [
      "Deploy, then open `/dashboard/h2v`. A simulated gateway tells what the virtual house and its car draw, a minute at a time.",
      "",
      "**With your own gateway:** open *H2V* and enter its address. In *Minute log* and *Monthly report* enter the folder that your",
      "scripts have begun, your price and your business share. Then delete group 1.",
    ].join("\n"),
  );
  tab.add("ui-template", "ev22-try", [80, 140], widget("Kettle and gateway", "try-it", TRY), [["ev22-home"]]);
  tab.add("ev-virtual-home", "ev22-home", [320, 140], virtualHome(PORTS), [[]]);
  tab.group("ev22-box-home", "1. Try it: a simulated house", ["ev22-try", "ev22-home"], "#c79a3a");
  tab.add("ev-h2v", "ev22-h2v", [80, 280], h2v(PORTS.h2vPort), [[], [], ["ev22-log", "ev22-latest"]]);
  tab.add("ev-reading-log", "ev22-log", [320, 280], readingLog("", FOLDER), []);
  tab.group("ev22-box-log", "2. The gateway and its log", ["ev22-h2v", "ev22-log"], "#6b9f5e");
  tab.add("inject", "ev22-tick", [80, 420], every({ repeat: "2", topic: "tick" }), [["ev22-latest"]]);
  tab.add("inject", "ev22-start", [80, 480], every({ repeat: "", topic: "start" }), [["ev22-latest"]]);
  tab.add(
    "function",
    "ev22-latest",
    [320, 440],
    { ...plain, name: "Latest of everything", func: functionBody(latestOfH2v) },
    [["ev22-now", "ev22-months"], ["ev22-report"]],
  );
  tab.add("ui-template", "ev22-now", [580, 400], widget("Sentence and figures", "now", NOW), [[]]);
  tab.add("ui-template", "ev22-months", [580, 460], widget("Months", "months", MONTHS), [[]]);
  tab.add("ui-template", "ev22-ask", [80, 560], widget("Report", "report", REPORT), [["ev22-report"]]);
  tab.add("ev-monthly-report", "ev22-report", [320, 560], monthlyReport(FOLDER), [["ev22-answer"]]);
  tab.add("catch", "ev22-not-done", [320, 620], { name: "not done", scope: ["ev22-report"], uncaught: false }, [
    ["ev22-answer"],
  ]);
  tab.add(
    "function",
    "ev22-answer",
    [580, 560],
    { ...plain, name: "To the asker", func: functionBody(reportToAsker) },
    [["ev22-ask"], ["ev22-latest"]],
  );
  tab.add("ui-template", "ev22-look", [80, 700], lookOf(PAGE_ID), [[]]);
  tab.group(
    "ev22-box-page",
    "3. The page",
    [
      "ev22-tick",
      "ev22-start",
      "ev22-latest",
      "ev22-now",
      "ev22-months",
      "ev22-ask",
      "ev22-report",
      "ev22-not-done",
      "ev22-answer",
      "ev22-look",
    ],
    "#5f8fc0",
  );
  const page = dashboardPage({
    id: PAGE_ID,
    name: words.h2vPage.name,
    path: "/h2v",
    icon: "home-lightning-bolt",
    order: 22,
  });
  return {
    file: "dashboard/22 - H2V.json",
    nodes: [
      ...tab.close(),
      ...namesModules("ev22-modules", ["@ev-flows/node-red-ev-charging", "@flowfuse/node-red-dashboard"]),
      ...sharedDashboardNodes(),
      page,
      NOW,
      MONTHS,
      REPORT,
      TRY,
    ],
  };
}

/** @param {{ repeat: string, topic: string }} when */
const every = ({ repeat, topic }) => ({
  name: topic,
  props: [{ p: "payload" }, { p: "topic", vt: "str" }],
  repeat,
  crontab: "",
  once: true,
  onceDelay: "1",
  topic,
  payload: "",
  payloadType: "date",
});
const plain = { outputs: 2, timeout: 0, noerr: 0, initialize: "", finalize: "", libs: [] };
