import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { createManualClock } from "../../lib/model/clock.ts";
import { countEnergy, createMetering, type EnergyCounters, toReading } from "../../simulators/shelly/metering.ts";

const none: EnergyCounters = { importWh: 0, exportWh: 0 };
const sampleOf = (powerW: number) => ({ powerW, voltageV: 230, powerFactor: 0.9 });

describe("simulated metering chip", () => {
  it("counts every step in exactly one direction, and never backwards", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -50_000, max: 50_000 }), fc.integer({ min: 0, max: 10_000 })));
    fc.assert(
      fc.property(steps, (list) => {
        let counters = none;
        let netWs = 0;
        for (const [powerW, elapsedMs] of list) {
          const next = countEnergy(counters, powerW, elapsedMs);
          assert.ok(next.importWh >= counters.importWh && next.exportWh >= counters.exportWh);
          assert.ok(next.importWh === counters.importWh || next.exportWh === counters.exportWh);
          counters = next;
          netWs += (powerW * elapsedMs) / 1000;
        }
        assert.ok(Math.abs(counters.importWh - counters.exportWh - netWs / 3600) < 1e-6);
      }),
    );
  });

  it("turns constant power into energy, however often it is looked at", () => {
    const clock = createManualClock(0);
    const metering = createMetering(clock, [() => sampleOf(-1800)]);
    for (let look = 0; look < 600; look++) {
      clock.advance(1000);
      if (look % 7 === 0) metering.readings();
    }
    metering.update();
    const [reading] = metering.readings();
    assert.equal(reading?.importWh, 0);
    assert.ok(Math.abs((reading?.exportWh ?? 0) - 300) < 1e-6);
  });

  it("does not net one channel against another", () => {
    const clock = createManualClock(0);
    const metering = createMetering(clock, [() => sampleOf(1000), () => sampleOf(-1000)]);
    clock.advance(360_000);
    const [first, second] = metering.readings();
    assert.equal(first?.importWh, 100);
    assert.equal(first?.exportWh, 0);
    assert.equal(second?.importWh, 0);
    assert.equal(second?.exportWh, 100);
  });

  it("shows its last sample and counts nothing while it does not run", () => {
    const clock = createManualClock(0);
    let powerW = 1000;
    const metering = createMetering(clock, [() => sampleOf(powerW)]);
    metering.setRunning(false);
    powerW = 5000;
    clock.advance(600_000);
    assert.equal(metering.readings()[0]?.powerW, 1000);
    metering.setRunning(true);
    assert.equal(metering.readings()[0]?.powerW, 5000);
    assert.equal(metering.readings()[0]?.importWh, 0);
  });

  it("counts nothing over a time in which the machine slept", () => {
    const clock = createManualClock(0);
    const metering = createMetering(clock, [() => sampleOf(1000)]);
    clock.advance(3_600_000);
    assert.equal(metering.readings()[0]?.importWh, 0);
  });

  it("derives current, apparent and reactive power that fit together", () => {
    const reading = toReading(sampleOf(-900), none);
    assert.equal(reading.apparentVa, 1000);
    assert.ok(Math.abs(reading.currentA - 1000 / 230) < 1e-9);
    assert.ok(Math.abs(reading.reactiveVar ** 2 + 900 ** 2 - 1000 ** 2) < 1e-3);
    assert.equal(toReading({ powerW: 0, voltageV: 0, powerFactor: 0 }, none).currentA, 0);
  });

  it("resets one channel or all", () => {
    const clock = createManualClock(0);
    const metering = createMetering(clock, [() => sampleOf(1000), () => sampleOf(1000)]);
    clock.advance(36_000);
    metering.resetCounters(1);
    assert.deepEqual(
      metering.readings().map((reading) => reading.importWh),
      [10, 0],
    );
    metering.resetCounters();
    assert.equal(metering.readings()[0]?.importWh, 0);
  });
});
