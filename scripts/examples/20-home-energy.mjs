/* Example dashboard/20: the page of a house with sun, grid, car, and a controller between them. */
import { dashboardGroup, dashboardPage, dashboardWidget, lookOf, sharedDashboardNodes } from "./dashboard-nodes.mjs";
import { addComment, addDebug, openTab } from "./draw.mjs";
import { controller, quasar, quasarConnection, shellyEm, site, virtualHome } from "./devices.mjs";
import { lastFiveMinutes, latestRecords } from "./home-energy/flow-functions.mjs";
import * as sentence from "./home-energy/sentence.mjs";
import * as sight from "./home-energy/sight.mjs";
import { namesModules } from "./modules.mjs";
import { functionBody, templateReader } from "./pages/assemble.mjs";

const PAGE_ID = "ev-page-home-energy";
const GREEN = "#6b9f5e";
const BLUE = "#5f8fc0";
const AMBER = "#c79a3a";

/** The groups of the page: what comes first on a phone, how many of twelve columns at a desk. */
const NOW = dashboardGroup({
  id: "ev20-group-now",
  name: "Now",
  page: PAGE_ID,
  width: 8,
  order: 1,
  className: "ev-tall",
});
const CHOOSE = dashboardGroup({ id: "ev20-group-choose", name: "Choose", page: PAGE_ID, width: 4, order: 2 });
const CHART = dashboardGroup({ id: "ev20-group-chart", name: "Last five minutes", page: PAGE_ID, width: 8, order: 3 });
const BATTERY = dashboardGroup({ id: "ev20-group-battery", name: "Battery", page: PAGE_ID, width: 4, order: 4 });
const TRY = dashboardGroup({ id: "ev20-group-try", name: "Try it", page: PAGE_ID, width: 12, order: 5 });

/** @param {import("./pages/wording.mjs").Words} words */
export function homeEnergy(words) {
  const read = templateReader(new URL("home-energy/", import.meta.url), { ...sight, ...sentence }, words);
  /** @type {(name: string, file: string, group: import("./draw.mjs").FlowNode, order: number) => Record<string, unknown>} */
  const widget = (name, file, group, order) => dashboardWidget({ name, group, order, format: read(file) });
  const tab = openTab({
    id: "ev20-tab",
    label: words.page.name,
    info: "The page at /dashboard/home-energy: what the house does now, buttons for the car, the last five minutes, alarms.",
  });

  addComment(
    tab,
    "ev20-about",
    [40, 40],
    "Read me: what this page shows, and how to use your own devices",
    [
      "Deploy, then open `/dashboard/home-energy`. Everything works at once against the virtual home in group 1.",
      "",
      "**With your own devices:** in group 2 enter the address of your Shelly EM in *House meter* and of your Quasar in",
      "its connection; set your main fuse in the *House* behind the controller, and there give the sun 60 s to start and",
      "180 s to stop (here it is quick, because you are watching). Then delete group 1.",
      "No second meter? Delete *Sun and house*: the page then shows no sun and works out the house from the rest.",
      "",
      "**Before others can reach this page** set `httpNodeAuth` in Node-RED's settings: its buttons can discharge the car.",
      "",
      "Nothing moves until a button is pressed: the controller starts with *Let it be*.",
    ].join("\n"),
  );

  tab.add("link in", "ev20-to-try", [80, 140], { name: "the page", links: ["ev20-page-out"] }, [["ev20-try"]]);
  tab.add("ui-template", "ev20-try", [160, 140], widget("Weather and switches", "try-it", TRY, 1), [["ev20-home"]]);
  tab.add(
    "ev-virtual-home",
    "ev20-home",
    [420, 140],
    virtualHome({ meterPort: 18201, chargerPort: 18202, solarMeterPort: 18203 }),
    [["ev20-home-out"]],
  );
  tab.add("link out", "ev20-home-out", [700, 140], { name: "records", mode: "link", links: ["ev20-records"] });
  tab.group(
    "ev20-box-home",
    "1. Try it: a simulated house with its weather and switches",
    ["ev20-to-try", "ev20-try", "ev20-home", "ev20-home-out"],
    AMBER,
  );

  tab.add("ev-shelly-em", "ev20-grid-meter", [80, 340], shellyEm("House meter", 18201, ["grid", "evse"]), [
    ["ev20-control", "ev20-meters-out"],
  ]);
  tab.add("ev-shelly-em", "ev20-sun-meter", [80, 400], shellyEm("Sun and house", 18203, ["solar", "house"]), [
    ["ev20-control", "ev20-meters-out"],
  ]);
  tab.add("link out", "ev20-meters-out", [300, 440], { name: "records", mode: "link", links: ["ev20-records"] });
  tab.add("link in", "ev20-to-control", [80, 280], { name: "buttons", links: ["ev20-from-buttons"] }, [
    ["ev20-control"],
  ]);
  tab.add("ev-control", "ev20-control", [300, 340], controller("Controller", "ev20-site"), [
    ["ev20-quasar"],
    ["ev20-readings-out"],
    ["ev20-alarm"],
  ]);
  tab.add("ev-quasar", "ev20-quasar", [500, 300], quasar("ev20-connection"), [["ev20-control", "ev20-readings-out"]]);
  tab.add("link out", "ev20-readings-out", [700, 340], { name: "records", mode: "link", links: ["ev20-records"] });
  addDebug(tab, "ev20-alarm", [500, 420], "Alarms");
  tab.group(
    "ev20-box-loop",
    "2. Measure, decide, act",
    [
      "ev20-grid-meter",
      "ev20-sun-meter",
      "ev20-meters-out",
      "ev20-to-control",
      "ev20-control",
      "ev20-quasar",
      "ev20-readings-out",
      "ev20-alarm",
    ],
    GREEN,
  );

  const widgets = /** @type {const} */ ([
    ["ev20-now", "Sentence and power flow", "sentence-and-flow", NOW, 1],
    ["ev20-alarms", "Alarms", "alarms", CHOOSE, 1],
    ["ev20-buttons", "Mode buttons", "mode-buttons", CHOOSE, 2],
    ["ev20-set-point", "Set point and why", "set-point", CHOOSE, 3],
    ["ev20-battery", "Battery", "battery", BATTERY, 1],
  ]);
  tab.add(
    "link in",
    "ev20-records",
    [80, 600],
    { name: "records", links: ["ev20-home-out", "ev20-meters-out", "ev20-readings-out"] },
    [["ev20-latest"]],
  );
  tab.add("inject", "ev20-tick", [80, 660], everySecond, [["ev20-latest"]]);
  tab.add(
    "function",
    "ev20-latest",
    [240, 600],
    { ...plainFunction, name: "Latest of everything", func: functionBody(latestRecords) },
    [[...widgets.map(([id]) => id), "ev20-five", "ev20-page-out"]],
  );
  widgets.forEach(([id, name, file, group, order], index) => {
    const wires = id === "ev20-buttons" ? [["ev20-from-buttons"]] : [[]];
    tab.add("ui-template", id, [480, 600 + index * 60], widget(name, file, group, order), wires);
  });
  tab.add(
    "function",
    "ev20-five",
    [480, 900],
    { ...plainFunction, name: "Last five minutes", func: functionBody(lastFiveMinutes) },
    [["ev20-chart"]],
  );
  tab.add("ui-template", "ev20-chart", [680, 900], widget("Step chart and table", "five-minutes", CHART, 1), [[]]);
  tab.add("link out", "ev20-from-buttons", [700, 720], { name: "buttons", mode: "link", links: ["ev20-to-control"] });
  tab.add("link out", "ev20-page-out", [480, 960], { name: "the page", mode: "link", links: ["ev20-to-try"] });
  tab.add("ui-template", "ev20-look", [80, 960], lookOf(PAGE_ID), [[]]);
  tab.add("catch", "ev20-refused", [80, 720], { name: "refused", scope: ["ev20-control"], uncaught: false }, [
    ["ev20-latest"],
  ]);
  tab.group(
    "ev20-box-page",
    "3. The page",
    [
      "ev20-records",
      "ev20-tick",
      "ev20-refused",
      "ev20-latest",
      ...widgets.map(([id]) => id),
      "ev20-five",
      "ev20-chart",
      "ev20-from-buttons",
      "ev20-page-out",
      "ev20-look",
    ],
    BLUE,
  );

  const page = dashboardPage({
    id: PAGE_ID,
    name: words.page.name,
    path: "/home-energy",
    icon: "home-lightning-bolt",
    order: 20,
  });
  return {
    file: "dashboard/20 - Home energy.json",
    nodes: [
      ...tab.close(),
      ...namesModules("ev20-modules", ["@ev-flows/node-red-ev-charging", "@flowfuse/node-red-dashboard"]),
      ...sharedDashboardNodes(),
      page,
      NOW,
      CHOOSE,
      CHART,
      BATTERY,
      TRY,
      site("ev20-site"),
      quasarConnection("ev20-connection", 18202),
    ],
  };
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
const plainFunction = { outputs: 1, timeout: 0, noerr: 0, initialize: "", finalize: "", libs: [] };
