import assert from "node:assert/strict";
import fc from "fast-check";
import { afterEach, describe, it } from "mocha";
import { createManualClock, type ManualClock } from "../../lib/model/clock.ts";
import { EvError } from "../../lib/model/errors.ts";
import { REGISTER } from "../../simulators/quasar.ts";
import { startVirtualHome, type VirtualHome, type VirtualHomeOptions } from "../../simulators/virtual-home.ts";
import { connectModbus, isServed, type ModbusWire } from "../support/modbus-wire.ts";

const NOON_MS = Date.UTC(2026, 5, 21, 13);

const command = fc.oneof(
  fc.record({ command: fc.constant("weather"), cloudsPercent: fc.double({ min: 0, max: 100, noNaN: true }) }),
  fc.record({ command: fc.constant("load"), powerW: fc.double({ min: 0, max: 20_000, noNaN: true }) }),
  fc.record({
    command: fc.constant("step"),
    powerW: fc.double({ min: -5_000, max: 9_000, noNaN: true }),
    durationS: fc.integer({ min: 1, max: 60 }),
  }),
  fc.record({ command: fc.constant("step"), powerW: fc.integer({ min: -5_000, max: 9_000 }) }),
  fc.record({
    command: fc.constant("plug"),
    plugged: fc.boolean(),
    socPercent: fc.integer({ min: 0, max: 100 }),
  }),
  fc.record({ command: fc.constant("speed"), factor: fc.double({ min: 0.1, max: 3_600, noNaN: true }) }),
  fc.record({ command: fc.constant("meter"), online: fc.boolean() }),
  fc.record({ command: fc.constant("sun"), peakW: fc.integer({ min: 0, max: 20_000 }) }),
  fc.record({ command: fc.constant("sun"), curve: fc.constantFrom("noon", "day") }),
);

describe("virtual home", () => {
  let clock: ManualClock;
  let home: VirtualHome;
  let wire: ModbusWire | null = null;

  async function begin(options: VirtualHomeOptions = {}): Promise<void> {
    clock = createManualClock(NOON_MS);
    home = await startVirtualHome({ clock, ...options });
  }
  async function charge(amps: number): Promise<void> {
    wire ??= await connectModbus(home.charger.port);
    await wire.write(REGISTER.controlOwner, 1);
    await wire.write(REGISTER.currentSetpointA, amps & 0xffff);
    await wire.write(REGISTER.action, 1);
  }
  async function end(): Promise<void> {
    wire?.close();
    wire = null;
    await home.stop();
  }
  afterEach(end);

  it("balances at every instant: grid = house - sun + car, on every clamp", async function () {
    this.timeout(10_000);
    const happening = fc.record({
      command,
      amps: fc.option(fc.integer({ min: -32, max: 32 })),
      pauseMs: fc.integer({ min: 0, max: 30_000 }),
    });
    await fc.assert(
      fc
        .asyncProperty(fc.integer(), fc.array(happening, { minLength: 1, maxLength: 12 }), async (seed, happenings) => {
          await begin({ seed });
          for (const { command: asked, amps, pauseMs } of happenings) {
            home.command(asked);
            if (amps !== null) await charge(amps);
            clock.advance(pauseMs);
            const sample = home.sample();
            assert.ok(Math.abs(sample.gridW - (sample.houseW - sample.solarW + sample.carW)) <= 1e-9);
            assert.equal(sample.carW, home.charger.acPowerW());
            const { grid, evse, solar, house } = home.channels;
            const clampsW = grid().powerW - (house().powerW - solar().powerW + evse().powerW);
            assert.ok(Math.abs(clampsW) <= 1e-9, `${clampsW} W lost`);
            assert.ok(sample.houseW >= 0 && sample.solarW >= 0 && sample.solarW <= 20_000);
            assert.ok(sample.voltageV >= 230 && sample.voltageV <= 241);
            const { gridW, houseW, solarW, carW } = home.state();
            assert.ok(Math.abs(gridW - (houseW - solarW + carW)) < 1e-9, "the record adds up as well");
          }
        })
        .afterEach(end),
      { numRuns: 40 },
    );
  });

  it("is the same home with the same seed, and another one with another", async () => {
    const lives: unknown[] = [];
    for (const seed of [5, 5, 6]) {
      await begin({ seed, cloudsPercent: 50 });
      await charge(16);
      const life: unknown[] = [];
      for (let minute = 0; minute < 5; minute++) {
        clock.advance(60_000);
        life.push({ ...home.sample() });
      }
      lives.push(life);
      await end();
    }
    assert.deepEqual(lives[0], lives[1]);
    assert.notDeepEqual(lives[0], lives[2]);
  });

  for (const meterModel of ["gen1", "pro-em", "em-gen3"] as const) {
    it(`shows grid and car on a Shelly (${meterModel}) as the physics has them`, async () => {
      await begin({ meterModel });
      await charge(-16);
      clock.advance(60_000);
      const { gridW, carW } = home.sample();
      const readW = async (channel: number): Promise<number> => {
        const path = meterModel === "gen1" ? `/emeter/${channel}` : `/rpc/EM1.GetStatus?id=${channel}`;
        const reply = await fetch(`http://127.0.0.1:${home.meter.port}${path}`);
        const shown = (await reply.json()) as { power?: number; act_power?: number };
        return shown.power ?? shown.act_power ?? Number.NaN;
      };
      assert.ok(carW < -2_000);
      assert.ok(Math.abs((await readW(0)) - gridW) < 0.06);
      assert.ok(Math.abs((await readW(1)) - carW) < 0.06);
    });
  }

  it("has a second Shelly for roof and house when asked", async () => {
    await begin({ solarMeterPort: 0 });
    const { solarW, houseW } = home.sample();
    const reply = await fetch(`http://127.0.0.1:${home.solarMeter?.port}/status`);
    const { emeters } = (await reply.json()) as { emeters: { power: number }[] };
    assert.ok(Math.abs((emeters[0]?.power ?? 0) - solarW) < 0.06);
    assert.ok(Math.abs((emeters[1]?.power ?? 0) - houseW) < 0.06);
    assert.equal(home.state().solarMeterPort, home.solarMeter?.port);
  });

  it("obeys weather, sun and loads at once", async () => {
    await begin({ baseW: 0, peakW: 4_000, cloudsPercent: 0 });
    const powers = (): number[] => {
      const { houseW, solarW } = home.sample();
      return [Math.round(houseW), Math.round(solarW)];
    };
    assert.deepEqual(powers(), [0, 4_000]);
    home.command({ command: "weather", cloudsPercent: 100 });
    home.command({ command: "load", powerW: 2_000 });
    assert.deepEqual(powers(), [2_000, 400]);
    home.command({ command: "step", powerW: 3_000, durationS: 60 });
    home.command({ command: "step", powerW: 500 });
    home.command({ command: "sun", peakW: 10_000 });
    assert.deepEqual(powers(), [5_500, 1_000]);
    clock.advance(59_999);
    assert.deepEqual(powers(), [5_500, 1_000]);
    clock.advance(1);
    assert.deepEqual(powers(), [2_500, 1_000]);
    home.command({ command: "step", powerW: -9_000 });
    assert.deepEqual(powers(), [0, 1_000], "a house never runs backwards");
  });

  it("has sun at night unless it is asked for real days", async () => {
    await begin({ cloudsPercent: 0, peakW: 1_000 });
    clock.advance(12 * 3_600_000);
    assert.equal(home.sample().solarW, 1_000);
    home.command({ command: "sun", curve: "day" });
    assert.equal(home.sample().solarW, 0);
    clock.advance(12 * 3_600_000);
    assert.equal(Math.round(home.sample().solarW), 1_000, "13:00 is the middle of 6 to 20");
  });

  it("plugs, unplugs and fills the car as fast as told", async () => {
    await begin();
    home.command({ command: "plug", plugged: false });
    assert.deepEqual([home.state().plugged, home.charger.readRegister(REGISTER.status)], [false, 0]);
    home.command({ command: "speed", factor: 60 });
    home.command({ command: "plug", plugged: true, socPercent: 40 });
    await charge(32);
    clock.advance(5 * 60_000);
    const { socPercent, carW, speedFactor } = home.state();
    assert.ok(socPercent > 70 && carW > 5_000 && speedFactor === 60);
  });

  it("takes the meter off the network and back", async () => {
    await begin();
    home.command({ command: "meter", online: false });
    const signal = AbortSignal.timeout(100);
    await assert.rejects(fetch(`http://127.0.0.1:${home.meter.port}/status`, { signal }), { name: "TimeoutError" });
    assert.deepEqual([home.state().meterOnline, home.state().meterFault], [false, "silent"]);
    home.command({ command: "meter", online: true });
    assert.equal((await fetch(`http://127.0.0.1:${home.meter.port}/status`)).status, 200);
    assert.equal(home.state().meterOnline, true);
  });

  it("passes faults on to meter and charger", async () => {
    await begin();
    home.command({ command: "fault", device: "charger", fault: "hang" });
    home.command({ command: "fault", device: "meter", fault: "html-200" });
    assert.deepEqual([home.charger.fault, home.meter.fault], ["hang", "html-200"]);
    home.command({ command: "fault", device: "charger", fault: null });
    home.command({ command: "fault", device: "meter", fault: null });
    const { chargerFault, meterFault, meterOnline } = home.state();
    assert.deepEqual([chargerFault, meterFault, meterOnline], [null, null, true]);
  });

  it("tells what was wrong with a command and what is accepted, and changes nothing", async () => {
    await begin();
    const before = home.state();
    for (const [bad, code, text] of [
      ["load", "bad-command", /Accepted: .*weather.*plug/],
      [null, "bad-command", /Accepted: /],
      [{ command: "explode" }, "bad-command", /"explode" is not a command.*Accepted: /],
      [{ command: "toString" }, "bad-command", /"toString" is not a command.*Accepted: /],
      [{ command: "load", powerW: 1e9 }, "out-of-range", /powerW.*Accepted: .*"load"/],
      [{ command: "load", powerW: Number.NaN }, "bad-command", /powerW/],
      [{ command: "load", powerW: "2000" }, "bad-command", /powerW/],
      [{ command: "weather", cloudsPercent: 101 }, "out-of-range", /cloudsPercent/],
      [{ command: "speed", factor: 0 }, "out-of-range", /factor/],
      [{ command: "plug", plugged: true, soc: 3 }, "bad-command", /soc/],
      [{ command: "fault", device: "charger", fault: "html-200" }, "bad-command", /fault/],
      [{ command: "fault", device: "roof", fault: null }, "bad-command", /device/],
    ] as const) {
      assert.throws(
        () => home.command(bad),
        (error) => error instanceof EvError && error.code === code && text.test(error.message),
        JSON.stringify(bad),
      );
    }
    assert.deepEqual(home.state(), before);
  });

  it("does not pile up steps without end", async () => {
    await begin();
    const more = (): void => home.command({ command: "step", powerW: 10, durationS: 60 });
    for (let count = 0; count < 100; count++) more();
    assert.throws(more, (error) => error instanceof EvError && error.code === "busy");
    clock.advance(60_000);
    more();
  });

  it("says which port is taken and leaves nothing running", async () => {
    await begin();
    const taken = home.meter.port;
    const other = createManualClock(NOON_MS);
    await assert.rejects(
      startVirtualHome({ clock: other, meterPort: taken }),
      (error) => error instanceof EvError && error.code === "config" && error.message.includes(String(taken)),
    );
    assert.equal(other.pending, 0);
  });

  it("ends with all its sockets and timers", async () => {
    await begin({ solarMeterPort: 0 });
    const ports = [home.charger.port];
    await end();
    assert.equal(clock.pending, 0);
    for (const port of ports) assert.equal(await isServed(port), false);
  });
});
