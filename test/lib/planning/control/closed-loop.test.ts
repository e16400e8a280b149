import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Bench, charger, gridMeter } from "./drive.ts";

/*
 * The controller on a slow car: a set point does nothing for some seconds, then the power ramps. The charger reports half
 * a second after the meter, so grid and car are never seen at quite the same instant.
 */

interface SlowCar {
  readonly waitS: number;
  readonly rampWPerS: number;
  readonly reportEveryS: number;
  readonly hasOwnChannel: boolean;
}

/** Runs for some seconds and returns what was sent and what the meter saw. */
function run(bench: Bench, car: SlowCar, seconds: number, demandAt: (second: number) => number) {
  let carW = 0;
  let setA = 0;
  let orders: { readonly atS: number; readonly amps: number }[] = [];
  const gridW: number[] = [];
  const sends: { readonly atS: number; readonly amps: number }[] = [];
  for (let second = 0; second < seconds; second++) {
    for (const amps of bench.sent()) {
      sends.push({ atS: second, amps: amps ?? 0 });
      orders.push({ atS: second + car.waitS, amps: amps ?? 0 });
    }
    for (const order of orders) if (order.atS <= second) setA = order.amps;
    orders = orders.filter((order) => order.atS > second);
    const goalW = setA * 240;
    carW += Math.max(-car.rampWPerS, Math.min(car.rampWPerS, goalW - carW));
    gridW.push(demandAt(second) + carW);
    bench.monotonicMs += 500;
    if (car.hasOwnChannel) bench.happen({ type: "meter", reading: gridMeter(carW, { role: "evse" }) });
    bench.happen({ type: "meter", reading: gridMeter(demandAt(second) + carW) });
    bench.monotonicMs += 500;
    const state = carW > 0 ? "charging" : carW < 0 ? "discharging" : "paused";
    const reading = charger({ powerW: Math.round(carW), state, setpointA: setA });
    if (second % car.reportEveryS === 0) bench.happen({ type: "charger", reading });
    else bench.happen({ type: "tick" });
  }
  return { sends, gridW };
}

const cars: readonly (readonly [title: string, car: SlowCar])[] = [
  ["a quick car", { waitS: 1, rampWPerS: 8000, reportEveryS: 1, hasOwnChannel: false }],
  ["a Quasar with its own meter channel", { waitS: 5, rampWPerS: 1500, reportEveryS: 1, hasOwnChannel: true }],
  ["a Quasar seen only through its own report", { waitS: 5, rampWPerS: 1500, reportEveryS: 1, hasOwnChannel: false }],
  ["a Quasar that reports every five seconds", { waitS: 5, rampWPerS: 1500, reportEveryS: 5, hasOwnChannel: false }],
];

describe("control: on a slow car", () => {
  for (const [title, car] of cars) {
    it(`${title} settles after a step and stays there`, () => {
      const bench = new Bench({ v2gStopDelayS: 10 });
      run(bench, car, 10, () => 500);
      bench.command("balance");
      run(bench, car, 20, () => 500);
      for (const demandW of [3000, -2500, 5200, 200]) {
        const { sends, gridW } = run(bench, car, 90, () => demandW);
        const late = sends.filter(({ atS }) => atS > 40);
        assert.deepEqual(late, [], `${demandW} W: ${JSON.stringify(sends)}`);
        assert.ok(sends.length <= 8, `${demandW} W: ${JSON.stringify(sends)}`);
        const leftW = Math.abs(gridW.at(-1) ?? Number.NaN);
        assert.ok(leftW < 770, `${demandW} W: ${leftW} W left at the meter`);
      }
    });
  }

  it("follows the house while the car waits, however far the car is from its set point", () => {
    const bench = new Bench();
    bench.house(3000);
    bench.command("balance");
    bench.sent();
    // told -12 A, gives 70 % of it; half a second between meter and charger
    for (const [demandW, targetA] of [
      [3000, -12],
      [5000, -20],
      [1500, -6],
    ] as const) {
      for (let second = 0; second < 3; second++) {
        bench.monotonicMs += 500;
        bench.happen({ type: "meter", reading: gridMeter(demandW - 2000) });
        bench.monotonicMs += 500;
        bench.happen({ type: "charger", reading: charger({ powerW: -2000, state: "discharging" }) });
      }
      assert.equal(bench.targetA, targetA);
    }
  });

  it("thirty seconds after the last set point even a restless car is believed", () => {
    const bench = new Bench();
    bench.house(3000);
    bench.command("balance");
    assert.equal(bench.targetA, -12);
    let second = 0;
    const restless = (seconds: number, demandW: number): void => {
      for (const end = second + seconds; second < end; second++) {
        const carW = second % 2 === 0 ? -1000 : -2500;
        bench.monotonicMs += 500;
        bench.happen({ type: "charger", reading: charger({ powerW: carW, state: "discharging", setpointA: -12 }) });
        bench.monotonicMs += 500;
        bench.happen({ type: "meter", reading: gridMeter(demandW + carW) });
      }
    };
    restless(28, 1500);
    assert.equal(bench.targetA, -12);
    restless(4, 1500);
    assert.equal(bench.targetA, -6);
  });

  it("a kettle that comes and goes does not switch the car with it", () => {
    const bench = new Bench({ v2gStopDelayS: 30 });
    run(bench, { waitS: 5, rampWPerS: 1500, reportEveryS: 1, hasOwnChannel: true }, 5, () => 0);
    bench.command("power-home");
    const car = { waitS: 5, rampWPerS: 1500, reportEveryS: 1, hasOwnChannel: true };
    const { sends } = run(bench, car, 300, (second) => (Math.floor(second / 15) % 2 === 0 ? 2400 : 400));
    assert.equal(sends.filter(({ amps }, row) => amps === 0 && row > 0).length, 0, JSON.stringify(sends));
  });

  it("the main fuse is never exceeded for longer than the car needs to follow", () => {
    const bench = new Bench({ fuseA: 40, fuseMarginA: 1 });
    const car = { waitS: 5, rampWPerS: 1500, reportEveryS: 1, hasOwnChannel: true };
    run(bench, car, 5, () => 500);
    bench.command("charge");
    const { gridW } = run(bench, car, 600, (second) => 500 + (Math.floor(second / 60) % 2) * 4000);
    let longestS = 0;
    let overS = 0;
    for (const powerW of gridW) {
      overS = powerW > 40 * 240 ? overS + 1 : 0;
      longestS = Math.max(longestS, overS);
    }
    assert.ok(longestS <= 10, `${longestS} s above the fuse`);
  });
});
