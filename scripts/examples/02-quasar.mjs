/* Example 02: one charger, told what to do by buttons. */
import { addComment, addDebug, addInject, openTab } from "./draw.mjs";
import { quasar, quasarConnection, virtualHome } from "./devices.mjs";
import { namesModules } from "./modules.mjs";

export function quasarChargeAndDischarge() {
  const tab = openTab({
    id: "ev02-tab",
    label: "Quasar charge and discharge",
    info: "Charges, discharges, pauses and releases a Wallbox Quasar by hand.",
  });

  addComment(
    tab,
    "ev02-about",
    [40, 40],
    "Read me: what this flow does, and how to use your own Quasar",
    [
      "Deploy. Nothing moves: the charger node only reads until a button asks for something.",
      "",
      "Press *charge with 16 A*. As with the real charger it takes up to 20 seconds until power flows; the watts stand",
      "under *power, W*: positive into the car, negative out of it. From charging to discharging it goes through zero.",
      "*release* hands the charger back to its own app. When Node-RED stops, the charger stops by itself.",
      "",
      "**With your own Quasar:** enter its address in *Quasar* (the connection), then delete group 1. Do not let two",
      "programs control one charger. These buttons know no battery limits: that is the job of `ev-control`, see example 03.",
    ].join("\n"),
  );

  addInject(tab, "ev02-unplug", [80, 140], "unplug the car", { command: "plug", plugged: false }, "ev02-home");
  addInject(
    tab,
    "ev02-plug",
    [80, 180],
    "plug in, 40 %",
    { command: "plug", plugged: true, socPercent: 40 },
    "ev02-home",
  );
  tab.add("ev-virtual-home", "ev02-home", [340, 160], virtualHome({ meterPort: 18021, chargerPort: 18022 }), [[]]);
  tab.group("ev02-box-home", "1. A car and a charger: simulated", ["ev02-unplug", "ev02-plug", "ev02-home"], "#c79a3a");

  const wishes = [
    ["ev02-charge", "charge with 16 A", { command: "charge", currentA: 16 }],
    ["ev02-discharge", "discharge with 10 A", { command: "discharge", currentA: 10 }],
    ["ev02-six", "6 (a number is amps)", 6],
    ["ev02-pause", "pause", "pause"],
    ["ev02-release", "release", "release"],
    ["ev02-refresh", "read now", "refresh"],
  ];
  wishes.forEach(([id, name, payload], index) =>
    addInject(tab, String(id), [80, 300 + index * 40], String(name), payload, "ev02-quasar"),
  );
  tab.add("ev-quasar", "ev02-quasar", [340, 400], quasar("ev02-connection"), [
    ["ev02-state", "ev02-power", "ev02-records"],
  ]);
  addDebug(tab, "ev02-state", [540, 340], "state", {
    active: false,
    tosidebar: false,
    tostatus: true,
    complete: "payload.state",
    statusVal: "payload.state",
    statusType: "msg",
  });
  addDebug(tab, "ev02-power", [540, 400], "power, W", {
    active: false,
    tosidebar: false,
    tostatus: true,
    complete: "payload.powerW",
    statusVal: "payload.powerW",
    statusType: "msg",
  });
  addDebug(tab, "ev02-records", [540, 460], "whole records");
  tab.group(
    "ev02-box-charger",
    "2. The charger",
    [...wishes.map(([id]) => String(id)), "ev02-quasar", "ev02-state", "ev02-power", "ev02-records"],
    "#6b9f5e",
  );

  tab.add("catch", "ev02-catch", [80, 640], { name: "what went wrong", scope: null, uncaught: false }, [
    ["ev02-errors"],
  ]);
  addDebug(tab, "ev02-errors", [280, 640], "errors", { complete: "error.message" });
  tab.group("ev02-box-errors", "3. Mistakes end here", ["ev02-catch", "ev02-errors"], "#b06a6a");

  return {
    file: "02 - Quasar charge and discharge.json",
    nodes: [
      ...tab.close(),
      ...namesModules("ev02-modules", ["@ev-flows/node-red-ev-charging"]),
      quasarConnection("ev02-connection", 18022),
    ],
  };
}
