import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseCommand } from "../../../../lib/model/commands.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import { refuseCommand } from "../../../../lib/planning/control/choice.ts";
import { Bench, planOf, START_MS } from "./drive.ts";

const ready = (settings: ConstructorParameters<typeof Bench>[0] = {}): Bench => {
  const bench = new Bench(settings);
  bench.house(3000);
  return bench;
};
const later = (seconds: number): string => isoAt(START_MS + seconds * 1000);

describe("control: who decides", () => {
  it("user beats schedule, schedule beats plan, whatever comes last", () => {
    const bench = ready();
    bench.command({ command: "current", currentA: 6, source: "plan" });
    assert.equal(bench.targetA, 6);
    bench.command({ command: "current", currentA: 8, source: "schedule" });
    assert.equal(bench.targetA, 8);
    bench.command({ command: "current", currentA: 10 });
    assert.equal(bench.targetA, 10);
    bench.command({ command: "current", currentA: 7, source: "schedule" });
    bench.command({ command: "current", currentA: 5, source: "plan" });
    assert.equal(bench.targetA, 10);
  });

  it("keeps what a schedule asked for during the user's override and follows it afterwards", () => {
    const bench = ready();
    bench.command({ command: "current", currentA: 8, source: "schedule" });
    bench.command({ command: "charge", currentA: 16, expiresAt: later(60) });
    assert.equal(bench.targetA, 16);
    assert.equal(bench.view.until, later(60));
    bench.command({ command: "current", currentA: 12, source: "schedule" });
    assert.equal(bench.targetA, 16);
    bench.hold(60, 3000);
    assert.equal(bench.targetA, 12);
    assert.equal(bench.view.until, null);
  });

  it("an override over an override leaves the standing choice alone", () => {
    const bench = ready();
    bench.command(6);
    bench.command({ command: "charge", currentA: 16, expiresAt: later(20) });
    bench.command({ command: "mode", mode: "fixed", currentA: 20, until: later(10) });
    assert.equal(bench.targetA, 20);
    bench.hold(11, 3000);
    assert.equal(bench.targetA, 6);
  });

  it("the user's stop ends an override and is not recovered from by anything but the user", () => {
    const bench = ready({ recoveryDelayS: 0 });
    bench.command("balance");
    bench.command({ command: "charge", untilSocPercent: 80 });
    bench.command("pause");
    bench.wait(30);
    bench.hold(30, 3000);
    bench.command({ command: "charge", source: "schedule" });
    bench.happen({ type: "plan", plan: planOf([0, 1000, 5000]) });
    bench.hold(5, 3000);
    assert.equal(bench.targetA, 0);
    assert.equal(bench.why, "paused");
    bench.command("balance");
    assert.equal(bench.targetA, -12);
  });

  it("mode smart hands the decision to the schedule, and to the plan when the schedule is silent", () => {
    const bench = ready();
    bench.happen({ type: "plan", plan: planOf([0, 1000, 2300]) });
    bench.command("smart");
    assert.equal(bench.targetA, 10);
    bench.command({ command: "current", currentA: 7, source: "schedule", expiresAt: later(5) });
    assert.equal(bench.targetA, 7);
    assert.equal(bench.view.mode, "smart");
    bench.hold(6, 3000);
    assert.equal(bench.targetA, 10);
  });

  it("rules can send mode smart after the house for a while", () => {
    const bench = ready();
    bench.command("smart");
    bench.happen({ type: "advice", advice: { follow: "power-home", untilMs: START_MS + 10_000 } });
    assert.equal(bench.targetA, -12);
    bench.hold(11, 3000);
    assert.equal(bench.why, "no-plan");
    assert.equal(bench.targetA, 0);
  });

  it("a battery that has left takes its state-of-charge goal with it", () => {
    const bench = ready();
    bench.command("pause");
    bench.command({ command: "discharge", untilSocPercent: 40 });
    assert.equal(bench.targetA, -32);
    bench.house(3000, { plugged: false, state: "unplugged" });
    bench.house(3000);
    assert.equal(bench.targetA, 0);
    assert.equal(bench.why, "paused");
  });

  it("a goal beyond the ceiling ends at the ceiling, one below the floor at the floor", () => {
    const bench = ready({ ceilingSocPercent: 90, floorSocPercent: 25 });
    bench.command("pause");
    bench.command({ command: "charge", untilSocPercent: 97 });
    bench.house(0, { socPercent: 90 });
    assert.equal(bench.why, "paused");
    bench.command({ command: "discharge", untilSocPercent: 5 });
    bench.house(0, { socPercent: 25 });
    assert.equal(bench.why, "paused");
  });

  it("a user's limit holds in every mode until it is taken away or expires", () => {
    const bench = ready();
    bench.command("charge");
    bench.command({ command: "limit", maxA: 10 });
    assert.equal(bench.targetA, 10);
    bench.command({ command: "limit", maxDischargeA: 5 });
    assert.equal(bench.targetA, 10);
    bench.command("discharge");
    assert.equal(bench.targetA, -5);
    bench.command({ command: "limit", maxA: null, maxDischargeA: null });
    assert.equal(bench.targetA, -32);
    bench.command({ command: "limit", maxDischargeA: 6, expiresAt: later(5) });
    assert.equal(bench.targetA, -6);
    bench.hold(6, 3000);
    assert.equal(bench.targetA, -32);
  });

  it("a limit while hands are off sends nothing", () => {
    const bench = ready();
    bench.command({ command: "limit", maxA: 10 });
    assert.deepEqual(bench.sent(), []);
  });

  it("letting go is sent once, also when asked for before anything was sent", () => {
    const bench = ready();
    bench.command("release");
    assert.deepEqual(bench.sent(), [null]);
    bench.hold(100, 3000);
    assert.deepEqual(bench.sent(), []);
  });

  it("whoever presses the button again is not made to wait out the start delay", () => {
    const bench = new Bench({ startDelayS: 60 });
    bench.house(0);
    bench.command("solar");
    bench.hold(5, -2500);
    assert.equal(bench.why, "start-delay");
    bench.command("solar");
    assert.equal(bench.targetA, 10);
  });

  it("power is turned into amps at the nominal voltage, towards zero", () => {
    const bench = ready({ voltageV: 230 });
    bench.command({ command: "power", powerW: 2300 });
    assert.equal(bench.targetA, 10);
    bench.command({ command: "power", powerW: -2200 });
    assert.equal(bench.targetA, -9);
  });

  it("a wall clock that jumps starts and stops nothing but plans and end times", () => {
    for (const jumpMs of [-3_600_000, 3_600_000, 400 * 86_400_000]) {
      const bench = ready({ v2gStartDelayS: 20 });
      bench.command("balance");
      bench.hold(5, 600, { powerW: -2400, state: "discharging", setpointA: -12 });
      const before = { targetA: bench.targetA, why: bench.why };
      bench.sent();
      bench.wallOffsetMs += jumpMs;
      bench.hold(5, 600, { powerW: -2400, state: "discharging", setpointA: -12 });
      assert.deepEqual({ targetA: bench.targetA, why: bench.why }, before);
      assert.deepEqual(bench.sent(), []);
    }
  });
});

describe("control: commands that are not taken", () => {
  const rows: readonly (readonly [payload: unknown, maxDischargeA: number | null, code: string | null])[] = [
    [{ command: "restart" }, null, "unsupported"],
    [{ command: "ocpp", enabled: true }, null, "unsupported"],
    ["discharge", 0, "unsupported"],
    [-6, 0, "unsupported"],
    [{ command: "power", powerW: -1 }, 0, "unsupported"],
    ["power-home", 0, "unsupported"],
    ["discharge", null, null],
    ["balance", 0, null],
    [{ command: "mode", mode: "fixed" }, 32, "bad-command"],
    [{ command: "mode", mode: "charge", currentA: -6 }, 32, "out-of-range"],
    [{ command: "mode", mode: "balance", untilSocPercent: 50 }, 32, "bad-command"],
    [{ command: "mode", mode: "solar", untilSocPercent: 50 }, 32, null],
    ["refresh", 32, null],
  ];
  for (const [payload, maxDischargeA, code] of rows) {
    it(`${JSON.stringify(payload)} with a charger that gives ${maxDischargeA} A: ${code ?? "taken"}`, () => {
      assert.equal(refuseCommand(parseCommand(payload, START_MS), maxDischargeA)?.code ?? null, code);
    });
  }

  it("a refused command changes nothing", () => {
    const bench = ready();
    bench.command("charge");
    bench.sent();
    bench.command({ command: "restart" });
    bench.command({ command: "mode", mode: "fixed" });
    assert.deepEqual(bench.sent(), []);
    assert.equal(bench.why, "charging-now");
  });

  it("a command that has expired on the way changes nothing", () => {
    const bench = ready();
    const command = { command: "charge", expiresAt: later(10) } as const;
    bench.hold(11, 3000);
    bench.happen({ type: "command", command });
    assert.equal(bench.targetA, null);
    bench.command({ command: "mode", mode: "fixed", currentA: 8, until: later(100) });
    bench.happen({ type: "command", command });
    assert.equal(bench.targetA, 8, "nor does it end the override that is in force");
  });

  it("a command that is valid for a while ends like an override", () => {
    const bench = new Bench();
    bench.house(0);
    bench.command("pause");
    bench.command({ command: "current", currentA: 8, validForS: 60 });
    bench.hold(59, 0);
    assert.equal(bench.targetA, 8);
    bench.hold(2, 0);
    assert.equal(bench.targetA, 0);
  });
});
