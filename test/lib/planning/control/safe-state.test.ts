import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Bench, charger, gridMeter } from "./drive.ts";

const following = (settings: ConstructorParameters<typeof Bench>[0] = {}): Bench => {
  const bench = new Bench(settings);
  bench.house(3000);
  bench.command("power-home");
  assert.equal(bench.targetA, -12);
  bench.sent();
  return bench;
};
const discharging = { powerW: -2880, state: "discharging" as const, setpointA: -12 };

/** The charger is heard, the meter is not. */
const meterSilent = (bench: Bench, seconds: number): void => {
  for (let second = 0; second < seconds; second++) {
    bench.wait(1);
    bench.happen({ type: "charger", reading: charger(discharging) });
  }
};

describe("control: readings that cannot be used", () => {
  it("H1: a dead meter brings V2G to 0 after staleAfterS and not before", () => {
    const bench = following({ staleAfterS: 10 });
    meterSilent(bench, 10);
    assert.deepEqual(bench.sent(), []);
    meterSilent(bench, 1);
    assert.deepEqual(bench.sent(), [0]);
    assert.equal(bench.view.gridW, null);
  });

  const impossible: readonly (readonly [title: string, settings: object, powerW: number])[] = [
    ["1e9 W", {}, 1e9],
    ["-1e9 W", {}, -1e9],
    ["more than the fuse can carry", { fuseA: 63 }, 25_000],
  ];
  for (const [title, settings, powerW] of impossible) {
    it(`C7: ${title} is not acted upon, is alarmed, and counts as silence`, () => {
      const bench = following(settings);
      for (let second = 0; second < 11; second++) {
        bench.wait(1);
        bench.happen({ type: "charger", reading: charger(discharging) });
        bench.happen({ type: "meter", reading: gridMeter(powerW) });
        if (second < 9) assert.equal(bench.targetA, -12);
      }
      assert.equal(bench.targetA, 0);
      assert.deepEqual(bench.alarms, ["+meter-implausible", "+meter-lost"]);
      bench.house(3000);
      assert.deepEqual(bench.alarms.slice(2), ["-meter-implausible"]);
    });
  }

  it("a reading without power is no reading", () => {
    const bench = following();
    for (let second = 0; second < 11; second++) {
      bench.wait(1);
      bench.house(null, discharging);
    }
    assert.equal(bench.why, "meter-lost");
  });

  it("C8: a meter that repeats itself to the last digit for minutes is dead", () => {
    const bench = following({ frozenAfterS: 300 });
    const frozen = gridMeter(250, { importWh: 1234.5, exportWh: 0 });
    for (let second = 0; second < 320; second++) {
      bench.wait(1);
      bench.happen({ type: "charger", reading: charger(discharging) });
      bench.happen({ type: "meter", reading: frozen });
      if (second === 290) assert.notEqual(bench.targetA, 0);
    }
    assert.equal(bench.targetA, 0);
    assert.ok(bench.alarms.includes("+meter-frozen") && bench.alarms.includes("+meter-lost"));
  });

  it("a meter whose counter moves may show the same power for hours", () => {
    const bench = following({ frozenAfterS: 300 });
    for (let second = 0; second < 900; second++) {
      bench.wait(1);
      bench.happen({ type: "charger", reading: charger(discharging) });
      bench.happen({ type: "meter", reading: gridMeter(250, { importWh: 1234.5 + second * 0.07, exportWh: 0 }) });
    }
    assert.notEqual(bench.targetA, 0);
  });

  it("a device that says its value is frozen is believed", () => {
    const bench = following();
    for (let second = 0; second < 11; second++) {
      bench.wait(1);
      bench.happen({ type: "charger", reading: charger(discharging) });
      bench.happen({ type: "meter", reading: gridMeter(120 + second, { flags: ["frozen"] }) });
    }
    assert.equal(bench.targetA, 0);
  });

  it("without any meter ever V2G and following stay at 0 and a charge at the safe current", () => {
    for (const [mode, targetA, why] of [
      ["balance", 0, "meter-missing"],
      ["discharge", 0, "meter-missing"],
      ["charge", 6, "safe-charge"],
    ] as const) {
      const bench = new Bench({ safeChargeA: 6 });
      bench.happen({ type: "charger", reading: charger() });
      bench.command(mode);
      for (let second = 0; second < 50; second++) {
        bench.wait(1);
        bench.happen({ type: "charger", reading: charger() });
      }
      assert.equal(bench.targetA, targetA);
      assert.equal(bench.why, why);
      assert.deepEqual(bench.alarms, ["+meter-missing"]);
    }
  });

  it("the safe current is never more than the fuse", () => {
    const bench = new Bench({ safeChargeA: 20, fuseA: 15, fuseMarginA: 1 });
    bench.happen({ type: "charger", reading: charger() });
    bench.command("charge");
    assert.equal(bench.targetA, 14);
  });

  it("following needs the car's power too", () => {
    const bench = new Bench();
    const blind = charger({ powerW: null, currentA: null, state: "charging" });
    bench.command("balance");
    for (let second = 0; second < 5; second++) {
      bench.wait(1);
      bench.happen({ type: "charger", reading: blind });
      bench.happen({ type: "meter", reading: gridMeter(3000) });
    }
    assert.equal(bench.targetA, 0);
    assert.equal(bench.why, "car-power-unknown");
  });

  it("following stops when the car's power is no longer told, and waits before it goes on", () => {
    const bench = following({ recoveryDelayS: 10 });
    const blind = { powerW: null, currentA: null, state: "discharging" as const, setpointA: -12 };
    bench.hold(30, 3000, blind);
    bench.hold(11, 3000, blind);
    assert.equal(bench.why, "car-power-unknown");
    assert.equal(bench.targetA, 0);
    bench.hold(5, 3000);
    assert.equal(bench.targetA, 0);
    bench.hold(6, 3000);
    assert.equal(bench.targetA, -12);
  });
});

describe("control: recovery", () => {
  it("H2: comes back to the user's choice after the recovery delay", () => {
    const bench = following({ recoveryDelayS: 10 });
    meterSilent(bench, 15);
    bench.sent();
    bench.hold(10, 3000);
    assert.deepEqual(bench.sent(), []);
    bench.hold(1, 3000);
    assert.deepEqual(bench.sent(), [-12]);
    assert.deepEqual(bench.alarms, ["+meter-lost", "-meter-lost"]);
  });

  it("H2: a meter that comes and goes switches the car at most once in five minutes", () => {
    const bench = following({ recoveryDelayS: 10, staleAfterS: 10 });
    let starts = 0;
    for (let minute = 0; minute < 60; minute++) {
      meterSilent(bench, 12);
      for (let second = 0; second < 48; second++) bench.hold(1, 3000);
      starts += bench.sent().filter((amps) => amps !== 0).length;
    }
    assert.ok(starts <= 12, `${starts} starts in an hour`);
  });

  it("the delay is short again after ten calm minutes", () => {
    const bench = following({ recoveryDelayS: 10 });
    for (let loss = 0; loss < 5; loss++) {
      meterSilent(bench, 12);
      bench.hold(5, 3000);
    }
    bench.hold(900, 600, discharging);
    meterSilent(bench, 12);
    bench.sent();
    bench.hold(11, 3000);
    assert.deepEqual(bench.sent(), [-12]);
  });

  it("a lost charger is told to stop, and told again when it is back", () => {
    const bench = following({ chargerStaleAfterS: 30, recoveryDelayS: 10 });
    for (let second = 0; second < 31; second++) {
      bench.wait(1);
      bench.happen({ type: "meter", reading: gridMeter(3000) });
    }
    assert.equal(bench.why, "car-power-unknown" === bench.why ? bench.why : "charger-lost");
    assert.deepEqual(bench.sent(), [0]);
    bench.house(3000, discharging);
    assert.deepEqual(bench.sent(), [0]);
    assert.ok(bench.alarms.includes("+charger-lost"));
    bench.hold(25, 3000);
    assert.deepEqual(bench.sent(), [-12]);
    assert.ok(bench.alarms.includes("-charger-lost"));
  });

  it("a fault stops at once, is alarmed only when it lasts, and is waited out", () => {
    const bench = following({ recoveryDelayS: 10 });
    const fault = { state: "fault" as const, faults: [{ code: "recoverable-3", text: "over temperature" }] };
    bench.hold(1, 3000, fault);
    assert.deepEqual(bench.sent(), [0]);
    assert.equal(bench.why, "charger-fault");
    bench.hold(30, 3000, fault);
    assert.deepEqual(bench.alarms, []);
    bench.hold(31, 3000, fault);
    assert.deepEqual(bench.alarms, ["+charger-fault"]);
    bench.hold(9, 3000);
    assert.equal(bench.why, "charger-recovering");
    bench.hold(2, 3000);
    assert.deepEqual(bench.sent(), [-12]);
  });

  it("H3: a stop goes out at once, in the middle of any delay", () => {
    const bench = following({ v2gStopDelayS: 60, v2gStartDelayS: 60 });
    bench.command("pause");
    assert.deepEqual(bench.sent(), [0]);
  });

  it("H5: nonsense at the meter and the charger never reaches the wire", () => {
    const bench = following();
    bench.house(3000, { limits: { minA: 0, maxA: 1e6, maxDischargeA: 1e6 }, socPercent: 60 });
    for (const amps of [1e2, -1e2, 499.9, -0.4]) {
      bench.command(amps);
      assert.ok(Math.abs(bench.targetA ?? 0) <= 32);
    }
  });

  it("H6: a redeploy while charging leaves the set point alone", async () => {
    const { restore, saveable } = await import("../../../../lib/planning/control/persist.ts");
    const before = new Bench();
    before.house(0);
    before.command(16);
    const after = new Bench({}, restore(structuredClone(saveable(before.state))));
    after.happen({ type: "tick" });
    after.wait(1);
    after.happen({ type: "charger", reading: charger({ powerW: 3840, setpointA: 16, state: "charging" }) });
    after.wait(1);
    after.house(3840, { powerW: 3840, setpointA: 16, state: "charging" });
    assert.deepEqual(after.sent(), [16]);
  });

  it("does not send to a charger that it has never heard, except a stop", () => {
    const bench = new Bench();
    bench.command("charge");
    bench.wait(40);
    assert.deepEqual(bench.sent(), []);
    assert.equal(bench.why, "charger-missing");
    assert.ok(bench.alarms.includes("+charger-missing") || bench.view.alarms.length === 0);
    bench.command("pause");
    assert.deepEqual(bench.sent(), [0]);
  });

  it("alarms a car that discharges although it was told to stop", () => {
    const bench = following({ resendAfterS: 60 });
    bench.command("pause");
    bench.hold(62, 100, discharging);
    assert.deepEqual(bench.alarms, ["+charger-disobeys"]);
    assert.deepEqual(bench.sent(), [0, 0]);
    bench.hold(1, 3000);
    assert.deepEqual(bench.alarms, ["+charger-disobeys", "-charger-disobeys"]);
  });
});

describe("control: state of charge", () => {
  it("the ceiling has two points and is forgotten when the car leaves", () => {
    const bench = new Bench({ ceilingSocPercent: 80 });
    bench.house(0, { socPercent: 79 });
    bench.command("charge");
    assert.equal(bench.targetA, 32);
    bench.house(0, { socPercent: 80 });
    assert.equal(bench.why, "soc-ceiling");
    bench.house(0, { socPercent: 79 });
    assert.equal(bench.targetA, 0);
    bench.house(0, { socPercent: null });
    assert.equal(bench.targetA, 0, "an unknown state of charge opens nothing");
    bench.house(0, { socPercent: 78 });
    assert.equal(bench.targetA, 32);
    bench.house(0, { socPercent: 80 });
    bench.house(0, { socPercent: null, plugged: false, state: "unplugged" });
    bench.house(0, { socPercent: null });
    assert.equal(bench.why, "soc-probe");
  });

  it("a battery that was low is not discharged when its state of charge becomes unknown or bogus", () => {
    const bench = new Bench();
    bench.house(3000, { socPercent: 25 });
    bench.command("power-home");
    for (const socPercent of [null, 26, null, 0, 1]) {
      bench.hold(1, 3000, { socPercent });
      assert.equal(bench.targetA, 0, `${socPercent} %`);
    }
  });

  it("a charge-only box without a state of charge charges normally", () => {
    const bench = new Bench({ minChargeA: 6 });
    bench.house(0, { socPercent: null, limits: { minA: 6, maxA: 16, maxDischargeA: 0 } });
    bench.command("charge");
    assert.equal(bench.targetA, 16);
  });

  it("is asked for by a gentle charge before discharging only where the user has allowed that", () => {
    for (const [probeBeforeDischarge, targetA, why] of [
      [false, 0, "soc-unknown"],
      [true, 3, "soc-probe"],
    ] as const) {
      const bench = new Bench({ probeBeforeDischarge });
      bench.house(3000, { socPercent: null });
      bench.command("discharge");
      assert.equal(bench.targetA, targetA);
      assert.equal(bench.why, why);
      bench.house(3000, { socPercent: 60 });
      assert.equal(bench.targetA, -32);
    }
  });

  it("is not asked for at all where the user has set the gentle current to 0", () => {
    const bench = new Bench({ probeA: 0 });
    bench.house(0, { socPercent: null });
    bench.command("charge");
    assert.equal(bench.why, "soc-unknown");
    assert.equal(bench.targetA, 0);
  });

  it("does not discharge a charger that has not said that it can", () => {
    const bench = new Bench();
    bench.house(3000, { limits: null });
    bench.command("discharge");
    assert.equal(bench.why, "no-discharge");
    assert.equal(bench.targetA, 0);
  });
});
