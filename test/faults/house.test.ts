import assert from "node:assert/strict";
import helper from "node-red-node-test-helper";
import { afterEach, describe, it } from "mocha";
import { ACTION, CURRENT_SETPOINT, type House, type HouseChanges, startHouse } from "../support/house.ts";
import { getNode, logLines, statusTexts, unloadFlow, until } from "../support/node-runtime.ts";

/* The fault list of the fact sheets, the rows that concern the whole house; each title begins with its number. */

let house: House;
const start = async (changes: HouseChanges = {}): Promise<House> => {
  house = await startHouse(changes);
  await house.settled();
  return house;
};
const { abs } = Math;
const carW = (): number => house.home.sample().carW;
const gridW = (): number => house.home.sample().gridW;
const linesOf = (type: string, level: number): number =>
  logLines().filter((line) => line.type === type && line.level === level).length;

describe("a house under fault", () => {
  afterEach(() => house.stop());

  it("follows the house load with real current, and stops on pause", async () => {
    await start();
    house.say("power-home");
    house.home.command({ command: "load", powerW: 3000 });
    await until("the car gives what the house needs", () => carW() < -2800 && abs(gridW()) < 500, 8000);
    house.say("pause");
    await until("the car stands still", () => carW() === 0);
    assert.equal(house.written(ACTION).at(-1), 2);
  });

  it("H1 brings V2G to 0 when the meter dies, and goes on when it is back", async () => {
    await start();
    house.home.command({ command: "load", powerW: 3000 });
    house.say("balance");
    await until("discharging", () => carW() < -2000, 8000);
    house.home.command({ command: "meter", online: false });
    await until("V2G is at 0", () => carW() === 0, 8000);
    await until("the sentence says so", () => /[Mm]eter/.test(house.control()?.why ?? ""));
    assert.equal(house.control()?.safeState, true);
    await until("the meter is shown as lost", () => statusTexts("meter").at(-1)?.startsWith("red ring") === true);
    house.home.command({ command: "meter", online: true });
    await until("discharging again", () => carW() < -2000, 20_000);
    assert.equal(house.control()?.safeState, false);
    assert.equal(linesOf("ev-shelly-em", 30), 1, "one line when the meter goes");
    assert.equal(linesOf("ev-shelly-em", 40), 1, "one line when it is back");
  }).timeout(40_000);

  it("H1 lets a plain charge fall to the safe current when the meter dies", async () => {
    await start({ control: { safeChargeA: "8" } });
    house.say("charge");
    await until("32 A", () => house.written(CURRENT_SETPOINT).at(-1) === 32, 8000);
    house.home.command({ command: "meter", online: false });
    await until("8 A", () => house.written(CURRENT_SETPOINT).at(-1) === 8, 8000);
    assert.match(house.control()?.why ?? "", /Meter lost: charging at the safe 8 A/);
  }).timeout(20_000);

  it("H4 keeps the main fuse when the house suddenly needs 6 kW more", async () => {
    await start({ site: { fuseA: "40" }, control: { maxChargeA: "32" } });
    house.say("charge");
    await until("charging", () => carW() > 6000, 8000);
    house.home.command({ command: "load", powerW: 6000 });
    const beganMs = performance.now();
    await until("below the fuse", () => gridW() < 40 * 230, 10_000);
    assert.ok(performance.now() - beganMs < 10_000);
    await until("charges on with what is left", () => (house.written(CURRENT_SETPOINT).at(-1) ?? 0) <= 12);
  }).timeout(30_000);

  it("H5 refuses rubbish as a command, and the charger never sees it", async () => {
    await start();
    const before = house.home.charger.writes.length;
    for (const payload of [-1e9, 1e6, "16; DROP", null, Number.NaN, { command: "current", currentA: "6" }, [6], {}]) {
      house.say(payload);
    }
    await until("eight errors", () => linesOf("ev-control", 20) >= 8);
    assert.equal(house.home.charger.writes.length, before);
  });

  it("H6 leaves a running charge alone through 20 redeploys of its controller's neighbours", async () => {
    await start();
    house.say("charge");
    await until("charging", () => carW() > 6000, 8000);
    const writes = house.written(CURRENT_SETPOINT).length;
    for (let deploy = 0; deploy < 20; deploy++) {
      const flow = house.flow().map((node) => (node.id === "quasar" ? { ...node, info: `deploy ${deploy}` } : node));
      await helper.setFlows(flow.map(place) as never, "nodes");
    }
    await until("still read", () => /charging/.test(statusTexts("quasar").at(-1) ?? ""));
    assert.equal(house.home.charger.connections, 1, "one connection");
    assert.equal(house.written(CURRENT_SETPOINT).length, writes, "no new set point");
    assert.ok(carW() > 6000);
  }).timeout(30_000);

  it("H7 stops V2G within five seconds when Node-RED stops", async () => {
    await start();
    house.say("discharge");
    await until("discharging", () => carW() < -6000, 8000);
    const beganMs = performance.now();
    await unloadFlow();
    assert.ok(performance.now() - beganMs < 5000);
    await until("the car stands still", () => carW() === 0);
    assert.equal(house.home.charger.connections, 0);
  });

  it("stops a discharge by itself when the controller is taken out of the flow", async () => {
    await start({ control: { resendAfterS: "1" } });
    house.say("discharge");
    await until("discharging", () => carW() < -6000, 8000);
    const flow = house.flow().filter(({ id }) => id !== "control");
    await helper.setFlows(flow.map(place) as never, "nodes");
    assert.ok(carW() < -6000, "the charger itself was not redeployed");
    await until("the car stands still", () => carW() === 0, 8000);
  }).timeout(20_000);

  it("D6 takes a charger whose registers all read 0 for crashed, not for an empty battery", async () => {
    await start();
    house.say("discharge");
    await until("discharging", () => carW() < -6000, 8000);
    house.home.command({ command: "fault", device: "charger", fault: "zeros" });
    await until(
      "the charger is known to be lost",
      () => statusTexts("quasar").at(-1)?.startsWith("red ring") === true,
      8000,
    );
    assert.notEqual(house.control()?.socPercent, 0);
    house.home.command({ command: "fault", device: "charger", fault: null });
    await until("obeys again", () => /discharging/.test(statusTexts("quasar").at(-1) ?? ""), 20_000);
  }).timeout(40_000);

  it("C7 does not act on a meter that says 1e9 W", async () => {
    await start();
    house.say("balance");
    await until("balanced", () => house.control()?.mode === "balance");
    house.home.command({ command: "fault", device: "meter", fault: "huge-value" });
    await until("safe", () => house.control()?.safeState === true, 8000);
    assert.ok(house.written(CURRENT_SETPOINT).every((amps) => abs(amps) <= 32));
    assert.equal(carW(), 0);
  }).timeout(20_000);

  it("never discharges below the floor nor charges above the ceiling, whatever is pressed", async () => {
    await start({ home: { charger: { socPercent: 26, speedFactor: 200, capacityWh: 20_000 } } });
    house.say("discharge");
    await until("the floor stops it", () => house.control()?.reason.code === "soc-floor" && carW() === 0, 20_000);
    const { socPercent } = house.home.charger.car();
    assert.ok(socPercent > 20, `${socPercent} %`);
    house.say({ command: "current", currentA: -10 });
    await until("still the floor", () => house.control()?.reason.code === "soc-floor");
    assert.equal(carW(), 0);
  }).timeout(30_000);

  it("obeys the newest of contradictory commands", async () => {
    await start();
    for (const payload of ["charge", "discharge", 10, "pause", 6]) house.say(payload);
    await until("6 A", () => house.written(CURRENT_SETPOINT).at(-1) === 6, 8000);
    assert.match(getNode("control").type, /ev-control/);
  });
});

const place = (node: Record<string, unknown>): Record<string, unknown> =>
  "wires" in node || node.type === "helper" ? { x: 0, y: 0, ...node } : node;
