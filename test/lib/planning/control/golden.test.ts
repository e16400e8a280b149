import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { ControlSettings } from "../../../../lib/planning/control/settings.ts";
import { Bench, planOf } from "./drive.ts";

/** One thing that happens, what is sent because of it, and why the controller is where it is then. */
type Step = readonly [what: (bench: Bench) => void, sends: readonly (number | null)[], why: string];
type Trace = readonly [title: string, settings: Partial<Record<keyof ControlSettings, unknown>>, ...steps: Step[]];

const car = (powerW: number, socPercent: number | null = 60) => ({
  powerW,
  socPercent,
  state: powerW > 0 ? ("charging" as const) : powerW < 0 ? ("discharging" as const) : ("paused" as const),
});
const house =
  (gridW: number, powerW = 0, socPercent: number | null = 60) =>
  (bench: Bench) => {
    bench.wait(1);
    bench.house(gridW, car(powerW, socPercent));
  };
const command = (payload: unknown) => (bench: Bench) => void bench.command(payload);
const wait = (seconds: number) => (bench: Bench) => bench.wait(seconds);

const traces: readonly Trace[] = [
  [
    "does nothing on deploy, whatever the readings say",
    {},
    [house(3000), [], "hands-off"],
    [house(-3000), [], "hands-off"],
    [wait(1000), [], "hands-off"],
  ],
  [
    "charges at the configured maximum, pauses, and lets go once",
    { maxChargeA: 20 },
    [house(300), [], "hands-off"],
    [command("charge"), [20], "charging-now"],
    [house(5100, 4800), [], "charging-now"],
    [command("pause"), [0], "paused"],
    [command("freerun"), [null], "hands-off"],
    [house(300), [], "hands-off"],
  ],
  [
    "follows the house with the level table in both directions",
    {},
    [house(0), [], "hands-off"],
    [command("balance"), [0], "balanced"],
    [house(1500), [-6], "balancing-discharge"],
    [house(60, -1440), [], "balancing-discharge"],
    [house(-2000, -1440), [0], "balanced"],
    [house(-1000), [4], "balancing-charge"],
    [house(-1500, 960), [10], "balancing-charge"],
    [house(0, 2400), [], "balancing-charge"],
    [house(2600, 2400), [0], "balanced"],
  ],
  [
    "solar never discharges and power-home never charges",
    {},
    [house(2000), [], "hands-off"],
    [command("solar"), [0], "waiting-surplus"],
    [house(-2000), [8], "following-sun"],
    [command("power-home"), [0], "waiting-load"],
    [house(2000), [-8], "powering-house"],
    [house(-2000), [0], "waiting-load"],
  ],
  [
    "solar waits to start, then holds the minimum before it stops",
    { startDelayS: 60, stopDelayS: 180, minChargeA: 6 },
    [house(0), [], "hands-off"],
    [command("solar"), [0], "waiting-surplus"],
    [house(-2000), [], "start-delay"],
    [(bench) => bench.hold(58, -2000), [], "start-delay"],
    [(bench) => bench.hold(2, -2000), [8], "following-sun"],
    [house(1440, 1920), [6], "stop-delay"],
    [(bench) => bench.hold(178, 960, { ...car(1440), setpointA: 6 }), [], "stop-delay"],
    [(bench) => bench.hold(3, 960, { ...car(1440), setpointA: 6 }), [0], "waiting-surplus"],
  ],
  [
    "starts at once when the button is pressed or the car plugged in while the sun shines",
    { startDelayS: 60, stopDelayS: 180, minChargeA: 6 },
    [house(-2000), [], "hands-off"],
    [command("solar"), [8], "following-sun"],
    [(bench) => bench.house(-2000, { plugged: false, state: "unplugged" }), [0], "no-car"],
    [house(-2000), [8], "following-sun"],
  ],
  [
    "charges until the wanted state of charge, then does what it did before",
    {},
    [house(0), [], "hands-off"],
    [command("balance"), [0], "balanced"],
    [command({ command: "charge", currentA: 16, untilSocPercent: 80 }), [16], "charging-now"],
    [house(3840, 3840, 79), [], "charging-now"],
    [house(3840, 3840, 80), [0], "balanced"],
  ],
  [
    "stays at 0 until the car is unplugged, then returns to the mode before",
    {},
    [house(2000), [], "hands-off"],
    [command("power-home"), [-8], "powering-house"],
    [command("unplug"), [0], "waiting-unplug"],
    [house(2000), [], "waiting-unplug"],
    [(bench) => bench.house(2000, { plugged: false, state: "unplugged" }), [], "no-car"],
    [house(2000), [-8], "powering-house"],
  ],
  [
    "pauses after unplugging when nothing was chosen before",
    {},
    [house(2000), [], "hands-off"],
    [command("unplug"), [0], "waiting-unplug"],
    [(bench) => bench.house(2000, { plugged: false, state: "unplugged" }), [], "paused"],
    [house(2000), [], "paused"],
  ],
  [
    "obeys a plan slot by slot and rests after it",
    {},
    [house(0), [], "hands-off"],
    [command("smart"), [0], "no-plan"],
    [(bench) => void bench.happen({ type: "plan", plan: planOf([11, 21, 2300], [21, 31, -2300]) }), [], "plan-rest"],
    [(bench) => bench.hold(10, 0), [10], "plan-charge"],
    [(bench) => bench.hold(9, 2400, { ...car(2400), setpointA: 10 }), [], "plan-charge"],
    [(bench) => bench.hold(1, 2400, car(2400)), [-10], "plan-discharge"],
    [(bench) => bench.hold(10, -2400, car(-2400)), [0], "plan-expired"],
  ],
  [
    "loses the meter: V2G stops, and comes back a little after the meter",
    { recoveryDelayS: 5 },
    [house(2000), [], "hands-off"],
    [command("power-home"), [-8], "powering-house"],
    [wait(10), [], "powering-house"],
    [wait(1), [0], "meter-lost"],
    [house(2000), [], "meter-recovering"],
    [(bench) => bench.hold(4, 2000), [], "meter-recovering"],
    [(bench) => bench.hold(1, 2000), [-8], "powering-house"],
  ],
  [
    "loses the meter: a charge falls to what the fuse carries without it",
    { safeChargeA: 7 },
    [house(0), [], "hands-off"],
    [command(20), [20], "fixed"],
    [(bench) => bench.hold(3, 4800, car(4800)), [], "fixed"],
    [wait(11), [7], "safe-charge"],
    [(bench) => bench.hold(10, 1680, car(1680)), [], "safe-charge"],
    [(bench) => bench.hold(1, 1680, car(1680)), [20], "fixed"],
  ],
  [
    "gives way to the house at once and takes back slowly",
    { fuseA: 40, fuseMarginA: 0, riseDelayS: 15, maxChargeA: 32 },
    [house(0), [], "hands-off"],
    [command("charge"), [32], "charging-now"],
    [house(7680, 7680), [], "charging-now"],
    [house(7680 + 4800, 7680), [20], "fuse-limit"],
    [house(4800 + 4800, 4800), [], "fuse-limit"],
    [house(4800, 4800), [], "fuse-limit"],
    [(bench) => bench.hold(13, 4800, car(4800)), [], "fuse-limit"],
    [(bench) => bench.hold(1, 4800, car(4800)), [32], "charging-now"],
  ],
  [
    "asks a car of unknown state of charge gently, then goes on at full current",
    { minChargeA: 6 },
    [house(0, 0, null), [], "hands-off"],
    [command("charge"), [3], "soc-probe"],
    [house(720, 720, null), [], "soc-probe"],
    [house(720, 720, 55), [32], "charging-now"],
  ],
  [
    "stops a lost charger again when it is back, then goes on",
    { recoveryDelayS: 5, chargerStaleAfterS: 30 },
    [house(0), [], "hands-off"],
    [command(16), [16], "fixed"],
    [(bench) => bench.house(3840, { ...car(3840), online: false }), [0], "charger-lost"],
    [house(3840, 3840), [0], "charger-recovering"],
    [(bench) => bench.hold(5, 0), [16], "fixed"],
  ],
];

describe("control: golden traces", () => {
  for (const [title, settings, ...steps] of traces) {
    it(title, () => {
      const bench = new Bench(settings);
      for (const [row, [what, sends, why]] of steps.entries()) {
        what(bench);
        assert.deepEqual({ row, sends: bench.sent(), why: bench.why }, { row, sends: [...sends], why });
      }
    });
  }

  it("renews a current slowly, so that a charger may stop by itself when its controller is gone", () => {
    const bench = new Bench({ resendAfterS: 60 });
    bench.house(0);
    const [first] = bench.command(10).filter(({ type }) => type === "send");
    assert.deepEqual(first, { type: "send", command: { command: "current", currentA: 10, validForS: 180 } });
    bench.hold(59, 0, { setpointA: 10, state: "charging" });
    assert.equal(bench.renewals, 0);
    bench.hold(121, 0, { setpointA: 10, state: "charging" });
    assert.equal(bench.renewals, 3);
    assert.deepEqual(bench.sent(), [10]);
  });

  it("repeats a stop only while the charger goes on", () => {
    const bench = new Bench({ resendAfterS: 60 });
    bench.house(0);
    bench.command("pause");
    bench.hold(130, 0, { setpointA: 6, state: "charging" });
    assert.deepEqual(bench.sent(), [0, 0, 0]);
    bench.hold(130, 0, { setpointA: 0, state: "paused" });
    assert.deepEqual(bench.sent(), []);
  });
});
