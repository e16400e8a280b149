/* Example 03: the whole loop, meter -> controller -> charger, without a dashboard. */
import { addComment, addDebug, addInject, openTab } from "./draw.mjs";
import { controller, quasar, quasarConnection, shellyEm, site, virtualHome } from "./devices.mjs";
import { namesModules } from "./modules.mjs";

export function loadFollowing() {
  const tab = openTab({
    id: "ev03-tab",
    label: "Solar and load following",
    info: "The whole loop: a meter is read, the controller decides, the charger obeys.",
  });

  addComment(
    tab,
    "ev03-about",
    [40, 40],
    "Read me: what this flow does, and how to use your own devices",
    [
      "Deploy, then press *follow the sun*: within a few seconds the car takes what the roof has to spare. Press *clouds*",
      "and it takes less; press *oven on* and the house comes first. *balance* also gives back: with the oven on and",
      "clouds above, the car feeds the house. *pull the meter* and discharging stops: without a meter there is no V2G.",
      "",
      "The controller says what it does and why under *why*. It keeps the battery between 25 % and 90 % in every mode.",
      "",
      "**With your own devices:** enter the address of your Shelly EM in *House meter* and of your Quasar in its connection;",
      "set your main fuse in *House* (open the controller, edit the house). Give the sun 60 seconds to start and 180 to",
      "stop in the controller: here it is quick, because you are watching. Then delete group 1.",
    ].join("\n"),
  );

  const weather = [
    ["ev03-clear", "clear sky", { command: "weather", cloudsPercent: 0 }],
    ["ev03-clouds", "clouds", { command: "weather", cloudsPercent: 90 }],
    ["ev03-oven", "oven on, 3 kW", { command: "load", powerW: 3000 }],
    ["ev03-oven-off", "oven off", { command: "load", powerW: 0 }],
    ["ev03-pull", "pull the meter", { command: "meter", online: false }],
    ["ev03-plug", "plug the meter in", { command: "meter", online: true }],
  ];
  weather.forEach(([id, name, payload], index) =>
    addInject(tab, String(id), [80, 140 + index * 40], String(name), payload, "ev03-home"),
  );
  tab.add("ev-virtual-home", "ev03-home", [340, 240], virtualHome({ meterPort: 18031, chargerPort: 18032 }), [[]]);
  tab.group(
    "ev03-box-home",
    "1. Weather and switches of a simulated house",
    [...weather.map(([id]) => String(id)), "ev03-home"],
    "#c79a3a",
  );

  const modes = [
    ["ev03-solar", "follow the sun", { command: "mode", mode: "solar" }],
    ["ev03-power-home", "power the house", { command: "mode", mode: "power-home" }],
    ["ev03-balance", "balance", { command: "mode", mode: "balance" }],
    ["ev03-charge", "charge to 80 %", { command: "charge", untilSocPercent: 80 }],
    ["ev03-pause", "pause", "pause"],
    ["ev03-freerun", "let it be", { command: "mode", mode: "freerun" }],
  ];
  tab.add("ev-shelly-em", "ev03-meter", [80, 460], shellyEm("House meter", 18031, ["grid", "evse"]), [
    ["ev03-control"],
  ]);
  modes.forEach(([id, name, payload], index) =>
    addInject(tab, String(id), [80, 520 + index * 40], String(name), payload, "ev03-control"),
  );
  tab.add("ev-control", "ev03-control", [340, 580], controller("Controller", "ev03-site"), [
    ["ev03-quasar", "ev03-command"],
    ["ev03-why", "ev03-state"],
    ["ev03-alarm"],
  ]);
  tab.add("ev-quasar", "ev03-quasar", [340, 460], quasar("ev03-connection"), [["ev03-control"]]);
  addDebug(tab, "ev03-command", [560, 500], "command");
  addDebug(tab, "ev03-why", [560, 560], "why", {
    active: false,
    tosidebar: false,
    tostatus: true,
    complete: "payload.why",
    statusVal: "payload.why",
    statusType: "msg",
  });
  addDebug(tab, "ev03-state", [560, 620], "whole state", { active: false });
  addDebug(tab, "ev03-alarm", [560, 680], "alarm");
  tab.group(
    "ev03-box-loop",
    "2. Measure, decide, act",
    [
      "ev03-meter",
      ...modes.map(([id]) => String(id)),
      "ev03-control",
      "ev03-quasar",
      "ev03-command",
      "ev03-why",
      "ev03-state",
      "ev03-alarm",
    ],
    "#6b9f5e",
  );

  tab.add("catch", "ev03-catch", [80, 840], { name: "what went wrong", scope: null, uncaught: false }, [
    ["ev03-errors"],
  ]);
  addDebug(tab, "ev03-errors", [280, 840], "errors", { complete: "error.message" });
  tab.group("ev03-box-errors", "3. Mistakes end here", ["ev03-catch", "ev03-errors"], "#b06a6a");

  return {
    file: "03 - Solar and load following.json",
    nodes: [
      ...tab.close(),
      ...namesModules("ev03-modules", ["@ev-flows/node-red-ev-charging"]),
      site("ev03-site"),
      quasarConnection("ev03-connection", 18032),
    ],
  };
}
