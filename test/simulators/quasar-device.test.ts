import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { createManualClock } from "../../lib/model/clock.ts";
import { createConversion } from "../../simulators/quasar/efficiency-curve.ts";
import { createQuasarDevice, type QuasarDevice } from "../../simulators/quasar/device.ts";
import { REGISTER } from "../../simulators/quasar/registers.ts";
import { writePdu } from "../support/modbus-wire.ts";

const VOLTAGE_V = 231;
const conversion = createConversion(VOLTAGE_V);

/** What can happen to a charger, after a pause. */
const event = fc.record({
  pauseMs: fc.integer({ min: 0, max: 40_000 }),
  happens: fc.oneof(
    { weight: 4, arbitrary: fc.record({ amps: fc.integer({ min: -32, max: 32 }) }) },
    { weight: 3, arbitrary: fc.constantFrom("start", "stop", "plug", "unplug", "give", "take") },
    { weight: 1, arbitrary: fc.record({ speed: fc.constantFrom(1, 60, 600) }) },
    { weight: 1, arbitrary: fc.record({ soc: fc.integer({ min: 0, max: 100 }) }) },
  ),
});
type Happening = typeof event extends fc.Arbitrary<infer Event> ? Event : never;
const history = fc.array(event, { minLength: 3, maxLength: 20 });

function makeDevice(seed: number) {
  const clock = createManualClock(0);
  const device = createQuasarDevice({
    clock,
    plate: { firmware: 3400, serialNumber: 1, partNumber: "QSX", maxAvailableA: 32, maxAvailableW: 7_400 },
    nature: {
      seed,
      timing: {
        startDelayMs: [5_000, 12_000],
        responseDelayMs: [1_000, 3_000],
        slewWPerS: 1_000,
        stopSlewWPerS: 7_400,
      },
      conversion,
      maxAvailableW: 7_400,
      settleFraction: null,
    },
    nominalVoltageV: VOLTAGE_V,
    voltageV: () => VOLTAGE_V,
    car: { plugged: true, socPercent: 50, capacityWh: 59_000, speedFactor: 1 },
    writesWithoutControl: "ignored",
    powerMode: "accepted",
    socWhenIdle: "zero",
    watchdogFedBy: "any-request",
    rebootOutageMs: 0,
    errorAfterRebootMs: 0,
  });
  const write = (address: number, word: number): void => void device.answer(Buffer.from(writePdu(address, word)));
  write(REGISTER.controlOwner, 1);
  write(REGISTER.idleTimeoutS, 30);
  return { clock, device, write };
}

function happen({ happens }: Happening, device: QuasarDevice, write: (address: number, word: number) => void): void {
  if (typeof happens === "object") {
    if ("amps" in happens) {
      write(REGISTER.currentSetpointA, happens.amps & 0xffff);
      write(REGISTER.action, 1);
    } else if ("speed" in happens) device.setSpeedFactor(happens.speed);
    else device.plug(happens.soc);
  } else if (happens === "start") write(REGISTER.action, 1);
  else if (happens === "stop") write(REGISTER.action, 2);
  else if (happens === "plug") device.plug();
  else if (happens === "unplug") device.unplug();
  else if (happens === "give") write(REGISTER.controlOwner, 0);
  else write(REGISTER.controlOwner, 1);
}

describe("Quasar simulator's power and battery", () => {
  it("puts into the battery what the AC power and the efficiency curve say, whatever happens", function () {
    this.timeout(10_000);
    fc.assert(
      fc.property(fc.integer(), history, (seed, events) => {
        const { clock, device, write } = makeDevice(seed);
        for (const each of events) {
          let { energyWh } = device.car();
          const { energyWh: beforeWh, speedFactor } = device.car();
          let dcW = conversion.dcPowerW(device.acPowerW());
          for (let passedMs = 0; passedMs < each.pauseMs; ) {
            const stepMs = Math.min(25, each.pauseMs - passedMs);
            clock.advance(stepMs);
            passedMs += stepMs;
            const nextDcW = conversion.dcPowerW(device.acPowerW());
            energyWh += (((dcW + nextDcW) / 2) * stepMs * speedFactor) / 3_600_000;
            dcW = nextDcW;
          }
          const errorWh = Math.abs(device.car().energyWh - energyWh);
          // the sum of small steps is wrong by up to half a step wherever the curve has a corner
          assert.ok(errorWh < 0.02 * speedFactor, `${errorWh} Wh wrong after ${energyWh - beforeWh} Wh`);
          happen(each, device, write);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("holds the same energy and power however often somebody looks", function () {
    this.timeout(10_000);
    fc.assert(
      fc.property(fc.integer(), history, fc.integer({ min: 50, max: 900 }), (seed, events, lookMs) => {
        const watched = makeDevice(seed);
        const alone = makeDevice(seed);
        for (const each of events) {
          alone.clock.advance(each.pauseMs);
          for (let passedMs = 0; passedMs < each.pauseMs; passedMs += lookMs) {
            watched.clock.advance(Math.min(lookMs, each.pauseMs - passedMs));
            watched.device.acPowerW();
            watched.device.car();
            watched.device.readRegister(REGISTER.status);
          }
          happen(each, watched.device, watched.write);
          happen(each, alone.device, alone.write);
        }
        assert.deepEqual(watched.device.car(), alone.device.car());
        assert.equal(watched.device.acPowerW(), alone.device.acPowerW());
        assert.equal(watched.device.watchdogExpiries, alone.device.watchdogExpiries);
      }),
      { numRuns: 40 },
    );
  });

  it("never charges above 97 % nor discharges below 5 %, and moves no faster than it can", function () {
    this.timeout(10_000);
    fc.assert(
      fc.property(fc.integer(), history, (seed, events) => {
        const { clock, device, write } = makeDevice(seed);
        for (const each of events) {
          for (let passedMs = 0; passedMs < each.pauseMs; passedMs += 200) {
            const before = { soc: device.car().socPercent, powerW: device.acPowerW() };
            clock.advance(200);
            const { socPercent, capacityWh } = device.car();
            const powerW = device.acPowerW();
            if (socPercent > before.soc) assert.ok(socPercent <= 97 + 1e-6, `charged to ${socPercent} %`);
            if (socPercent < before.soc) assert.ok(socPercent >= 5 - 1e-6, `discharged to ${socPercent} %`);
            assert.ok(Math.abs(powerW) <= 7_400);
            const restWh = (Math.min(Math.abs(97 - before.soc), Math.abs(before.soc - 5)) / 100) * capacityWh;
            const mayStopShort = restWh < 3_000;
            assert.ok(mayStopShort || Math.abs(powerW - before.powerW) <= 7_400 * 0.2 + 1e-6, "a jump");
          }
          happen(each, device, write);
        }
      }),
      { numRuns: 40 },
    );
  });

  it("lives the same life with the same seed and another one with another", () => {
    const lives = [7, 7, 8].map((seed) => {
      const { clock, device, write } = makeDevice(seed);
      const trace: number[] = [];
      for (const amps of [16, -10, 6, 0, -32]) {
        write(REGISTER.currentSetpointA, amps & 0xffff);
        write(REGISTER.action, 1);
        for (let second = 0; second < 25; second++) {
          clock.advance(1_000);
          trace.push(device.acPowerW(), device.readRegister(REGISTER.status));
        }
      }
      return trace;
    });
    assert.deepEqual(lives[0], lives[1]);
    assert.notDeepEqual(lives[0], lives[2]);
  });
});
