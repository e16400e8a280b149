import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Bench, charger, gridMeter } from "./drive.ts";

const charging = (powerW: number) => ({ powerW, state: "charging" as const, setpointA: null });

/** Three phases at the meter, currents with their sign. */
const threePhases = (...currentsA: readonly number[]) =>
  gridMeter(
    currentsA.reduce((sumW, currentA) => sumW + currentA * 230, 0),
    {
      voltageV: 230,
      phases: currentsA.map((currentA) => ({ powerW: currentA * 230, voltageV: 230, currentA: Math.abs(currentA) })),
    },
  );

describe("control: the main fuse", () => {
  it("leaves charging what the house does not use", () => {
    const bench = new Bench({ fuseA: 40, fuseMarginA: 2 });
    bench.house(20 * 240);
    bench.command("charge");
    assert.equal(bench.targetA, 18);
    assert.equal(bench.why, "fuse-limit");
  });

  it("stops when less than the minimum is left", () => {
    const bench = new Bench({ fuseA: 40, fuseMarginA: 0, minChargeA: 6 });
    bench.house(35 * 240);
    bench.command("charge");
    assert.equal(bench.targetA, 0);
    assert.equal(bench.why, "fuse-limit");
  });

  it("counts reactive current too", () => {
    const bench = new Bench({ fuseA: 40, fuseMarginA: 0 });
    bench.happen({ type: "charger", reading: charger() });
    bench.happen({ type: "meter", reading: gridMeter(20 * 240, { currentA: 30 }) });
    bench.command("charge");
    assert.equal(bench.targetA, 10);
  });

  it("H4: a house step of 6 kW is answered with the next meter reading", () => {
    const bench = new Bench({ fuseA: 50, fuseMarginA: 0 });
    bench.house(1200);
    bench.command("charge");
    bench.hold(5, 1200 + 7680, charging(7680));
    assert.equal(bench.targetA, 32);
    bench.wait(1);
    bench.house(1200 + 7680 + 6000, charging(7680));
    assert.equal(bench.targetA, 20);
  });

  it("gives way at once even to an import that is too high to be believed", () => {
    const bench = new Bench({ fuseA: 40, fuseMarginA: 0 });
    bench.house(0);
    bench.command("charge");
    assert.equal(bench.targetA, 32);
    bench.house(20_000, charging(7680));
    assert.equal(bench.targetA, 0);
    assert.deepEqual(bench.alarms, ["+meter-implausible"]);
    bench.hold(30, 20_000);
    assert.equal(bench.targetA, 0, "not even the safe current while it goes on");
  });

  it("reacts to a real overload even when the car's power is unknown just then", () => {
    const bench = new Bench({ fuseA: 40, fuseMarginA: 0 });
    bench.house(0);
    bench.command("charge");
    assert.equal(bench.targetA, 32);
    bench.wait(4);
    bench.happen({ type: "meter", reading: gridMeter(50 * 240) });
    assert.equal(bench.targetA, 22);
    bench.wait(20);
    bench.happen({ type: "meter", reading: gridMeter(39 * 240) });
    assert.equal(bench.targetA === null || bench.targetA <= 22, true);
  });

  it("guards the phase that the charger is on", () => {
    const bench = new Bench({ fuseA: 25, fuseMarginA: 1, sitePhases: 3, chargerPhase: 2, voltageV: 230 });
    bench.happen({ type: "charger", reading: charger({ voltageV: 230 }) });
    bench.happen({ type: "meter", reading: threePhases(20, 5, 22) });
    bench.command("charge");
    assert.equal(bench.targetA, 19);
  });

  it("guards the worst phase when nobody knows where the charger is", () => {
    const bench = new Bench({ fuseA: 25, fuseMarginA: 1, sitePhases: 3, voltageV: 230 });
    bench.happen({ type: "charger", reading: charger({ voltageV: 230 }) });
    bench.happen({ type: "meter", reading: threePhases(10, 5, -3) });
    bench.command("charge");
    assert.equal(bench.targetA, 14);
  });

  it("spreads a three-phase car over its phases", () => {
    const bench = new Bench({ fuseA: 25, fuseMarginA: 1, sitePhases: 3, voltageV: 230 });
    const car = { voltageV: 230, phases: 3, powerW: 3 * 10 * 230, state: "charging" as const };
    bench.happen({ type: "charger", reading: charger(car) });
    bench.happen({ type: "meter", reading: threePhases(22, 12, 10) });
    bench.command("charge");
    assert.equal(bench.targetA, 12);
  });

  it("from a total alone takes the whole house to hang on the charger's phase", () => {
    const bench = new Bench({ fuseA: 25, fuseMarginA: 1, sitePhases: 3, voltageV: 230 });
    bench.happen({ type: "charger", reading: charger({ voltageV: 230 }) });
    bench.happen({ type: "meter", reading: gridMeter(12 * 230, { voltageV: 230 }) });
    bench.command("charge");
    assert.equal(bench.targetA, 12);
  });

  it("does not flicker while the house flickers", () => {
    const bench = new Bench({ fuseA: 40, fuseMarginA: 0 });
    bench.house(20 * 240);
    bench.command("charge");
    bench.hold(2, 20 * 240 + 4800, charging(4800));
    bench.sent();
    for (let second = 0; second < 120; second++)
      bench.hold(1, (20.4 + (second % 2) * 0.4) * 240 + 4560, charging(4560));
    assert.deepEqual(bench.sent(), [19]);
  });

  it("obeys the site's share at once downwards and after a while upwards", () => {
    const bench = new Bench({ riseDelayS: 15 });
    bench.house(0);
    bench.happen({ type: "headroom", availableA: 20 });
    bench.command("charge");
    assert.equal(bench.targetA, 20);
    bench.happen({ type: "headroom", availableA: 9.9 });
    assert.equal(bench.targetA, 9);
    bench.happen({ type: "headroom", availableA: 30 });
    bench.hold(14, 0);
    assert.equal(bench.targetA, 9);
    bench.hold(1, 0);
    assert.equal(bench.targetA, 30);
    bench.happen({ type: "headroom", availableA: null });
    assert.equal(bench.targetA, 32);
  });

  it("a share dealt while the meter was silent is forgotten as soon as the meter speaks", () => {
    const bench = new Bench();
    bench.happen({ type: "headroom", availableA: 6 });
    bench.house(0);
    bench.happen({ type: "headroom", availableA: 40 });
    bench.command("charge");
    assert.equal(bench.targetA, 32);
  });

  it("limits discharging to what may be exported, and stops it when the sun already exports that", () => {
    const bench = new Bench({ exportLimitW: 2400 });
    bench.house(1200);
    bench.command("discharge");
    assert.equal(bench.targetA, -15);
    assert.equal(bench.why, "export-limit");
    bench.house(-3000);
    assert.equal(bench.targetA, 0);
  });

  it("an export limit of 0 lets the car carry the house and no more", () => {
    const bench = new Bench({ exportLimitW: 0, method: "direct", dischargeBiasA: 0.5 });
    bench.house(2500);
    bench.command("power-home");
    assert.equal(bench.targetA, -10);
  });

  it("does not push more through the fuse outwards than inwards", () => {
    const bench = new Bench({ fuseA: 20, fuseMarginA: 0 });
    bench.house(-10 * 240);
    bench.command("discharge");
    assert.equal(bench.targetA, -10);
  });

  it("does not count on a load that may be on another phase when discharging", () => {
    const bench = new Bench({ fuseA: 16, fuseMarginA: 0, sitePhases: 3, voltageV: 240 });
    bench.house(5 * 240);
    bench.command("discharge");
    assert.equal(bench.targetA, -16);
  });

  it("raises an alarm when the house alone overloads the fuse for ten seconds", () => {
    const bench = new Bench({ fuseA: 40 });
    bench.hold(9, 41 * 240);
    assert.deepEqual(bench.alarms, []);
    bench.hold(3, 41 * 240);
    assert.deepEqual(bench.alarms, ["+fuse-overload"]);
    bench.hold(1, 30 * 240);
    assert.deepEqual(bench.alarms, ["+fuse-overload", "-fuse-overload"]);
  });
});
