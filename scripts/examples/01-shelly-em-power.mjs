/* Example 01: one meter, its channels, and a house to measure. */
import { addComment, addDebug, addInject, openTab } from "./draw.mjs";
import { shellyEm, virtualHome } from "./devices.mjs";
import { namesModules } from "./modules.mjs";

export function shellyEmPower() {
  const tab = openTab({
    id: "ev01-tab",
    label: "Shelly EM power",
    info: "Reads a Shelly EM once a second: what the house draws from the grid, and what the car takes.",
  });

  addComment(
    tab,
    "ev01-about",
    [40, 40],
    "Read me: what this flow does, and how to read your own meter",
    [
      "Deploy. The meter node reads the simulated Shelly EM of the virtual home once a second and sends one message per",
      "channel: the car's clamp first, the grid last. The two debug nodes show the watts under themselves; open the debug",
      "sidebar to see whole records.",
      "",
      "Press a button of group 1 and watch the numbers: power is **positive when it comes out of the grid** or goes into",
      "the car, negative the other way.",
      "",
      "**With your own meter:** open *House meter*, enter its address (or press the search button) and say what each clamp",
      "measures. Any generation works; the node finds out. Then delete group 1.",
    ].join("\n"),
  );

  const buttons = [
    ["ev01-kettle", "boil the kettle, 60 s", { command: "step", powerW: 2000, durationS: 60 }],
    ["ev01-clouds", "clouds come", { command: "weather", cloudsPercent: 90 }],
    ["ev01-clear", "clear sky", { command: "weather", cloudsPercent: 0 }],
    ["ev01-pull", "pull the meter", { command: "meter", online: false }],
    ["ev01-plug", "plug the meter in", { command: "meter", online: true }],
  ];
  buttons.forEach(([id, name, payload], index) =>
    addInject(tab, String(id), [80, 140 + index * 40], String(name), payload, "ev01-home"),
  );
  tab.add("ev-virtual-home", "ev01-home", [340, 220], virtualHome({ meterPort: 18011, chargerPort: 18012 }), [[]]);
  tab.group(
    "ev01-box-home",
    "1. A house to measure: simulated",
    [...buttons.map(([id]) => String(id)), "ev01-home"],
    "#c79a3a",
  );

  addInject(tab, "ev01-now", [80, 440], "read now", { command: "refresh" }, "ev01-meter");
  tab.add("ev-shelly-em", "ev01-meter", [240, 440], shellyEm("House meter", 18011, ["grid", "evse"]), [
    ["ev01-which", "ev01-records"],
  ]);
  tab.add(
    "switch",
    "ev01-which",
    [460, 440],
    {
      name: "which clamp?",
      property: "payload.role",
      propertyType: "msg",
      rules: [
        { t: "eq", v: "grid", vt: "str" },
        { t: "eq", v: "evse", vt: "str" },
      ],
      checkall: "true",
      repair: false,
      outputs: 2,
    },
    [["ev01-grid"], ["ev01-car"]],
  );
  addDebug(tab, "ev01-grid", [680, 420], "grid, W", shownUnderNode);
  addDebug(tab, "ev01-car", [680, 480], "car, W", shownUnderNode);
  addDebug(tab, "ev01-records", [460, 520], "whole records");
  tab.group(
    "ev01-box-meter",
    "2. The meter",
    ["ev01-now", "ev01-meter", "ev01-which", "ev01-grid", "ev01-car", "ev01-records"],
    "#6b9f5e",
  );

  tab.add("catch", "ev01-catch", [80, 640], { name: "what went wrong", scope: null, uncaught: false }, [
    ["ev01-errors"],
  ]);
  addDebug(tab, "ev01-errors", [280, 640], "errors", { complete: "error.message" });
  tab.group("ev01-box-errors", "3. Mistakes end here", ["ev01-catch", "ev01-errors"], "#b06a6a");

  return {
    file: "01 - Shelly EM power.json",
    nodes: [...tab.close(), ...namesModules("ev01-modules", ["@ev-flows/node-red-ev-charging"])],
  };
}

/** The number stands under the node instead of filling the sidebar. */
const shownUnderNode = {
  active: false,
  tosidebar: false,
  tostatus: true,
  complete: "payload.powerW",
  statusVal: "payload.powerW",
  statusType: "msg",
};
