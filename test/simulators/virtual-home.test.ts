import assert from "node:assert/strict";
import fc from "fast-check";
import { afterEach, describe, it } from "mocha";
import { createManualClock, type ManualClock } from "../../lib/model/clock.ts";
import { EvError } from "../../lib/model/errors.ts";
import { REGISTER } from "../../simulators/quasar.ts";
import { startVirtualHome, type VirtualHome, type VirtualHomeOptions } from "../../simulators/virtual-home.ts";
import { connectModbus, type ModbusWire } from "../support/modbus-wire.ts";
import { listenToBroker } from "./mqtt-listener.ts";
import { ask, askObject, waitUntil } from "./wire.ts";

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

  it("has no OpenEVSE and no broker unless asked, and says so", async () => {
    await begin();
    assert.deepEqual([home.openEvse, home.broker], [null, null]);
    const { acCarW, acPlugged, openEvseState, openEvsePort, brokerPort, brokerOnline } = home.state();
    assert.deepEqual([acCarW, acPlugged, openEvseState], [0, null, null]);
    assert.deepEqual([openEvsePort, brokerPort, brokerOnline], [null, null, null]);
    for (const command of [
      { command: "plug", plugged: true, charger: "openevse" },
      { command: "wake" },
      { command: "tag", tag: "04A1B2C3" },
      { command: "fault", device: "openevse", fault: "gfci" },
      { command: "fault", device: "broker", fault: "stopped" },
    ]) {
      assert.throws(() => home.command(command), { code: "unsupported" }, JSON.stringify(command));
    }
    home.command({ command: "plug", plugged: false, charger: "quasar" });
    assert.equal(home.state().plugged, false);
  });

  it("puts the OpenEVSE's car on the same grid: grid = house - sun + car + second car", async () => {
    await begin({ openEvsePort: 0, brokerPort: 0, openEvse: { car: { maxCurrentA: 16 } } });
    home.command({ command: "plug", plugged: true, socPercent: 30, charger: "openevse" });
    await charge(-16);
    for (let minute = 0; minute < 10; minute++) {
      clock.advance(60_000);
      const { gridW, houseW, solarW, carW, acCarW, voltageV } = home.sample();
      assert.ok(Math.abs(gridW - (houseW - solarW + carW + acCarW)) <= 1e-9);
      assert.ok(carW < -2_000, "the Quasar discharges");
      assert.ok(Math.abs(acCarW - 16 * voltageV) < 16 * 2, "the other car charges with the voltage of the house");
      const record = home.state();
      assert.ok(Math.abs(record.gridW - (record.houseW - record.solarW + record.carW + record.acCarW)) < 1e-9);
      assert.equal(home.channels.grid().powerW, gridW, "the meter sees it");
      assert.equal(home.channels.evse().powerW, carW, "the Quasar's clamp does not");
    }
    const { acPlugged, acSocPercent, acSessionWh, openEvseState, openEvseTopic } = home.state();
    assert.deepEqual([acPlugged, openEvseState, openEvseTopic], [true, 3, "openevse"]);
    assert.ok((acSocPercent ?? 0) > 30 && (acSessionWh ?? 0) > 500);
    home.command({ command: "plug", plugged: false, charger: "openevse" });
    assert.deepEqual([home.sample().acCarW, home.state().plugged], [0, true], "the Quasar's car stays");
  });

  it("fills both cars as fast as told", async () => {
    await begin({ openEvsePort: 0, charger: { speedFactor: 60 } });
    home.command({ command: "plug", plugged: true, socPercent: 10, charger: "openevse" });
    clock.advance(180_000);
    const soc = home.state().acSocPercent ?? 0;
    assert.ok(soc > 40 && soc < 60, `${soc} %`);
    home.command({ command: "speed", factor: 1 });
    clock.advance(60_000);
    assert.ok((home.state().acSocPercent ?? 0) - soc < 1);
  });

  it("lets the OpenEVSE talk over the home's own broker and over HTTP, in the generation asked for", async () => {
    await begin({ openEvsePort: 0, brokerPort: 0, openEvseGeneration: "4.1.7" });
    const listener = await listenToBroker(home.broker?.url ?? "");
    await listener.until("openevse/announce/7b2c", (text) => text.includes('"mqtt":"openevse"'));
    home.command({ command: "plug", plugged: true, charger: "openevse" });
    await listener.until("openevse/vehicle", (text) => text === "1");
    const { openEvsePort, brokerPort } = home.state();
    const status = await askObject(openEvsePort ?? 0, "/status");
    assert.ok(status["vehicle"] === 1 && "wh" in status && !("uptime" in status));
    assert.equal(brokerPort, home.broker?.port);
    await listener.close();
  });

  it("passes faults on to OpenEVSE and broker", async () => {
    await begin({ openEvsePort: 0, brokerPort: 0 });
    home.command({ command: "plug", plugged: true, charger: "openevse" });
    clock.advance(5_000);
    home.command({ command: "fault", device: "openevse", fault: "gfci" });
    assert.deepEqual([home.state().openEvseFault, home.state().openEvseState, home.state().acCarW], ["gfci", 6, 0]);
    home.command({ command: "fault", device: "openevse", fault: null });
    home.command({ command: "fault", device: "broker", fault: "drop" });
    await waitUntil(() => home.openEvse?.isMqttConnected === false, "the connection to break");
    home.command({ command: "fault", device: "broker", fault: "stopped" });
    await waitUntil(() => home.state().brokerOnline === false, "the broker to stop");
    home.command({ command: "fault", device: "broker", fault: null });
    await waitUntil(() => home.state().brokerOnline === true, "the broker to start");
    await waitUntil(() => {
      clock.advance(1_000);
      return home.openEvse?.isMqttConnected === true;
    }, "the OpenEVSE to come back");
    assert.throws(() => home.command({ command: "fault", device: "openevse", fault: "hang" }), { code: "bad-command" });
    assert.throws(() => home.command({ command: "tag", tag: "04A1B2C3" }), { code: "unsupported" });
  });

  it("wakes the OpenEVSE's car and shows tags to its reader", async () => {
    await begin({
      openEvsePort: 0,
      openEvse: { plugged: true, config: { rfid_enabled: true }, car: { needsWake: true } },
    });
    clock.advance(5_000);
    assert.equal(home.state().openEvseState, 254);
    home.command({ command: "tag", tag: "04A1B2C3" });
    home.command({ command: "wake" });
    clock.advance(5_000);
    assert.equal(home.state().openEvseState, 3);
  });

  it("says which port is taken and leaves nothing running", async () => {
    await begin();
    const taken = home.meter.port;
    const other = createManualClock(NOON_MS);
    await assert.rejects(
      startVirtualHome({ clock: other, meterPort: taken }),
      (error) => error instanceof EvError && error.code === "config" && error.message.includes(String(taken)),
    );
    for (const ports of [{ openEvsePort: taken, brokerPort: 0 }, { brokerPort: taken }]) {
      await assert.rejects(
        startVirtualHome({ clock: other, ...ports }),
        (error) => error instanceof EvError && error.code === "config" && error.message.includes(String(taken)),
      );
    }
    assert.equal(other.pending, 0);
  });

  it("ends with all its sockets and timers", async () => {
    await begin({ solarMeterPort: 0, openEvsePort: 0, brokerPort: 0 });
    const ports = [home.charger.port, home.state().openEvsePort ?? 0, home.state().brokerPort ?? 0];
    await end();
    assert.equal(clock.pending, 0);
    for (const port of ports) assert.equal((await ask(port, "/")).end, "refused");
  });
});
