import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, describe, it } from "mocha";
import { alarmCodes, reasonCodes } from "../../lib/planning/control/codes.ts";
import { controlModes } from "../../lib/model/records.ts";
import evControl from "../../nodes/planning/ev-control/ev-control.ts";
import evSite from "../../nodes/planning/ev-site/ev-site.ts";
import type { NodeMessage } from "../../nodes/shared/node-red.d.ts";
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

const modules = [withTexts(evSite, "planning/ev-site"), withTexts(evControl, "planning/ev-control")];
const FLOW = [
  { id: "tab", type: "tab", label: "test" },
  { id: "site", type: "ev-site", fuseA: "63", phases: "1", voltageV: "230", zone: "Europe/London", currency: "GBP" },
  {
    id: "control",
    z: "tab",
    type: "ev-control",
    name: "car",
    site: "site",
    minChargeA: "6",
    maxChargeA: "16",
    minDischargeA: "6",
    maxDischargeA: "16",
    staleAfterS: "1",
    recoveryDelayS: "0",
    riseDelayS: "0",
    v2gStopDelayS: "0",
    startDelayS: "0",
    wires: [["command"], ["state"], ["alarm"]],
  },
  { id: "command", z: "tab", type: "helper" },
  { id: "state", z: "tab", type: "helper" },
  { id: "alarm", z: "tab", type: "helper" },
  { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
  { id: "caught", z: "tab", type: "helper" },
];

let heard: NodeMessage[] = [];
const hearCommands = (): void => {
  (getNode("command") as unknown as { on(event: string, listener: (message: NodeMessage) => void): void }).on(
    "input",
    (message) => heard.push(message),
  );
};
const load = async (changes: Record<string, unknown> = {}): Promise<void> => {
  heard = [];
  await loadFlow(
    modules,
    FLOW.map((node) => (node.id === "control" ? { ...node, ...changes } : node)),
  );
  hearCommands();
};
const commands = (): unknown[] => heard.map(({ payload }) => payload);

const say = (payload: unknown, more: Record<string, unknown> = {}): void =>
  getNode("control").receive({ payload, ...more });
let watts = 0;
const meter = (powerW: number | null): void => {
  watts += 1; // a live meter's counter moves
  say({
    kind: "meter",
    device: "shelly",
    at: new Date().toISOString(),
    channel: 0,
    role: "grid",
    powerW,
    voltageV: 230,
    importWh: watts,
  });
};
const charger = (more: Record<string, unknown> = {}): void =>
  say({
    kind: "charger",
    device: "quasar",
    at: new Date().toISOString(),
    online: true,
    plugged: true,
    state: "paused",
    powerW: 0,
    currentA: 0,
    voltageV: 230,
    setpointA: 0,
    limits: { minA: 3, maxA: 32, maxDischargeA: 32 },
    socPercent: 60,
    ...more,
  });

describe("ev-control", () => {
  afterEach(unloadFlow);

  it("sends nothing on deploy, whatever the readings say", async () => {
    await load();
    charger();
    meter(5000);
    meter(-5000);
    const state = await nextMessage("state", ({ payload }) => (payload as { gridW: number }).gridW === -5000);
    assert.deepEqual(commands(), []);
    assert.match((state.payload as { why: string }).why, /Hands off/);
    assert.equal(statusTexts("control").at(-1), "grey ring let it be");
  });

  it("turns the house's demand into a set point when balancing, in both directions", async () => {
    await load();
    charger();
    meter(0);
    say("balance");
    meter(2500);
    await until("discharge", () => (commands().at(-1) as { currentA?: number })?.currentA === -10);
    await until("charge", () => {
      charger();
      meter(-3000);
      return (commands().at(-1) as { currentA?: number }).currentA === 12;
    });
    assert.match(statusTexts("control").at(-1) ?? "", /^blue dot charge 12 A$/);
  });

  it("stops V2G when the meter goes silent, raises an alarm, and goes on by itself when it is back", async () => {
    await load();
    charger();
    meter(0);
    say("power-home");
    meter(2500);
    await until("discharge", () => (commands().at(-1) as { currentA?: number })?.currentA === -10);
    const alarm = nextMessage("alarm");
    await until("stop", () => {
      charger({ state: "discharging", powerW: -2300, setpointA: -10 });
      return (commands().at(-1) as { command: string }).command === "pause";
    });
    const raised = (await alarm).payload as { code: string; raised: boolean; text: string };
    assert.deepEqual([raised.code, raised.raised], ["meter-lost", true]);
    assert.match(raised.text, /grid meter is lost/);
    assert.equal(statusTexts("control").at(-1), "yellow ring safe: 0 A");
    await until("discharge again", () => {
      charger();
      meter(2500);
      return (commands().at(-1) as { currentA?: number }).currentA === -10;
    });
  });

  it("refuses what is no command with done(EvError), naming what is accepted", async () => {
    await load();
    for (const [payload, expected] of [
      ["16; DROP", /not a command.*Accepted/],
      [1e9, /out|expected/i],
      [{ kind: "meter", powerW: "NaN" }, /not a command word/],
      [{ command: "restart" }, /Send it to the charger/],
      [{ command: "mode", mode: "fixed" }, /needs currentA/],
    ] as const) {
      const caught = nextMessage("caught");
      say(payload);
      assert.match(((await caught).error as { message: string }).message, expected);
    }
    const caught = nextMessage("caught");
    say("charge", { retain: true });
    assert.match(((await caught).error as { message: string }).message, /retained/);
    assert.deepEqual(commands(), []);
  });

  it("forgets the user's choice over a restart unless asked to keep it", async () => {
    await load();
    charger();
    meter(0);
    say({ command: "mode", mode: "fixed", currentA: 8 });
    await until("8 A", () => (commands().at(-1) as { currentA?: number })?.currentA === 8);
    await unloadFlow();
    await load();
    charger();
    meter(0);
    await nextMessage("state");
    assert.deepEqual(commands(), []);
  });

  it("goes on with the user's choice after a redeploy when asked to", async () => {
    await load({ restoreMode: true });
    charger();
    meter(0);
    say({ command: "mode", mode: "fixed", currentA: 8 });
    await until("8 A", () => (commands().at(-1) as { currentA?: number })?.currentA === 8);
    await redeploy(
      FLOW.map((node) => (node.id === "control" ? { ...node, restoreMode: true, info: "changed" } : node)),
    );
    heard = [];
    hearCommands();
    await until("8 A again", () => {
      charger();
      meter(0);
      return (commands().at(-1) as { currentA?: number })?.currentA === 8;
    });
  });

  it("does not hold the first charge down to the safe current of a meter that has not spoken yet", async () => {
    await load({ riseDelayS: "15" });
    charger();
    meter(0);
    say("charge");
    await until("16 A at once", () => (commands().at(-1) as { currentA?: number })?.currentA === 16, 3000);
  });

  it("says which setting is wrong", async () => {
    await load({ floorSocPercent: "95", ceilingSocPercent: "90" });
    await until("red", () => statusTexts("control").at(-1) === "red ring check settings");
    const caught = nextMessage("caught");
    say("pause");
    assert.match(((await caught).error as { message: string }).message, /floor/);
  });

  it("shares the main fuse with a second controller, the higher priority first", async () => {
    const second = { ...FLOW[2], id: "second", name: "van", priority: "5", wires: [["command2"], [], []] };
    heard = [];
    const flow = FLOW.map((node) => (node.id === "site" ? { ...node, fuseA: "21" } : node));
    await loadFlow(modules, [...flow, second, { id: "command2", z: "tab", type: "helper" }]);
    const last: Record<string, number | undefined> = {};
    for (const id of ["command", "command2"]) {
      (getNode(id) as unknown as { on(event: string, listener: (message: NodeMessage) => void): void }).on(
        "input",
        ({ payload }) => {
          last[id] = (payload as { currentA?: number }).currentA ?? 0;
        },
      );
    }
    const both = (payload: unknown): void => {
      getNode("second").receive({ payload });
      say(payload);
    };
    const tell = (): void => {
      watts += 1;
      both({
        kind: "charger",
        device: "q",
        at: new Date().toISOString(),
        online: true,
        plugged: true,
        state: "paused",
        powerW: 0,
        setpointA: 0,
        limits: { minA: 3, maxA: 32, maxDischargeA: 32 },
        socPercent: 60,
      });
      both({
        kind: "meter",
        device: "m",
        at: new Date().toISOString(),
        channel: 0,
        role: "grid",
        powerW: 230,
        voltageV: 230,
        importWh: watts,
      });
    };
    tell();
    both("charge");
    await until("the van has its share first, and together they stay below the fuse", () => {
      tell();
      return last.command2 === 16 && (last.command ?? 99) <= 3;
    });
  });

  it("has a text for every reason, alarm and mode", () => {
    const texts = JSON.parse(
      readFileSync(new URL("../../nodes/planning/ev-control/locales/en-US/ev-control.json", import.meta.url), "utf8"),
    )["ev-control"] as Record<string, Record<string, string>>;
    assert.deepEqual(Object.keys(texts.reason ?? {}).sort(), [...reasonCodes].sort());
    assert.deepEqual(Object.keys(texts.alarm ?? {}).sort(), [...alarmCodes].sort());
    assert.deepEqual(Object.keys(texts.mode ?? {}).sort(), [...controlModes].sort());
  });
});
