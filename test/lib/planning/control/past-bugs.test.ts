import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Bench, charger, gridMeter } from "./drive.ts";

/* One test per mistake of the origin project that a controller can repeat (fact sheet v2g 1.15 and 1.4). */

describe("control: mistakes not repeated", () => {
  it("3: the gentle current for an unknown state of charge is forgotten as soon as it is known", () => {
    const bench = new Bench({ maxChargeA: 32 });
    bench.house(0, { socPercent: null });
    bench.command("charge");
    assert.equal(bench.targetA, 3);
    bench.hold(30, 720, { socPercent: null, powerW: 720 });
    bench.house(720, { socPercent: 40, powerW: 720 });
    assert.equal(bench.targetA, 32);
    bench.command({ command: "charge", currentA: 10 });
    assert.equal(bench.targetA, 10);
    bench.command("charge");
    assert.equal(bench.targetA, 32);
  });

  it("5: a dead meter is seen by the controller, stops load following and raises an alarm", () => {
    const bench = new Bench({ staleAfterS: 10 });
    bench.house(3000);
    bench.command("balance");
    assert.equal(bench.targetA, -12);
    for (let second = 0; second < 11; second++) {
      bench.wait(1);
      bench.happen({ type: "charger", reading: charger({ powerW: -2880, state: "discharging" }) });
    }
    assert.equal(bench.targetA, 0);
    assert.ok(bench.alarms.includes("+meter-lost"));
    assert.equal(bench.view.safeState, true);
  });

  it("6: control is never handed back while a current is wanted, so the charger's watchdog stays armed", () => {
    const bench = new Bench();
    bench.house(3000);
    bench.command("discharge");
    bench.hold(600, -4000, { powerW: -7680, state: "discharging", setpointA: -32 });
    bench.command("pause");
    bench.hold(60, 3000);
    assert.ok(!bench.sends.includes(null), "a release was sent");
  });

  it("7: a second meter channel does not cause a second control pass", () => {
    const bench = new Bench();
    bench.house(3000);
    bench.command("balance");
    bench.sent();
    bench.wait(1);
    for (const role of ["evse", "solar", "house", "battery"] as const) {
      bench.happen({ type: "meter", reading: gridMeter(role === "evse" ? -2880 : 500, { role }) });
      assert.deepEqual(bench.sent(), [], `after the ${role} channel`);
    }
    assert.equal(bench.state.follow.levelA, -12);
  });

  const discharging = ["discharge", "power-home", "balance", "fixed", "smart"] as const;
  for (const mode of discharging) {
    it(`9: the floor holds in mode ${mode}`, () => {
      const bench = new Bench({ floorSocPercent: 25 });
      bench.house(3000, { socPercent: 26 });
      bench.command(mode === "fixed" ? { command: "mode", mode, currentA: -10 } : { command: "mode", mode });
      if (mode === "smart") {
        const advice = {
          wantA: -10,
          reason: { code: "plan-discharge", params: {} },
          untilMs: bench.nowMs + 1e6,
        } as const;
        bench.happen({ type: "advice", advice });
      }
      assert.ok((bench.targetA ?? 0) < 0, "discharges above the floor");
      bench.hold(1, 600, { socPercent: 25, powerW: -2400, state: "discharging" });
      assert.equal(bench.targetA, 0);
      assert.equal(bench.why, "soc-floor");
      bench.hold(1, 3000, { socPercent: 26 });
      assert.equal(bench.targetA, 0, "one point above the floor is not enough");
      bench.hold(1, 3000, { socPercent: 27 });
      assert.ok((bench.targetA ?? 0) < 0, "two points above the floor are");
    });
  }

  it("1.4: the hysteresis works when discharging as it does when charging", () => {
    for (const sign of [1, -1]) {
      const bench = new Bench({ hysteresisW: 50 });
      bench.house(sign * 1450);
      bench.command("balance");
      const settledA = bench.targetA;
      assert.equal(settledA, sign * -6);
      bench.sent();
      for (const demandW of [1400, 1480, 1395, 1720, 1450]) {
        bench.wait(1);
        bench.house(sign * demandW);
        assert.equal(bench.targetA, settledA, `${sign * demandW} W`);
      }
      assert.deepEqual(bench.sent(), []);
      bench.house(sign * 1380);
      assert.equal(bench.targetA, sign * -5);
    }
  });
});
