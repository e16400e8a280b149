import assert from "node:assert/strict";
import { isoAt } from "../../../../lib/model/units.ts";
import { createRig, defaultsOf, type Rig } from "./rig.ts";

describe("a plug behind a meter", () => {
  let rig: Rig;
  let importWh = 1000;
  const minutes = async (count: number, powerW: number | null, device = "plug"): Promise<void> => {
    for (let second = 0; second < count * 60; second += 10) {
      importWh += (Math.max(0, powerW ?? 0) * 10) / 3600;
      rig.say({ kind: "meter", device, at: isoAt(rig.clock.nowMs()), channel: 0, role: "evse", powerW, importWh });
      await rig.clock.advanceAsync(10_000);
    }
  };
  /** Readings every 10 s of whatever the meter says; `flowW` is what really flows. */
  const meter = async (count: number, flowW: number, changes: Record<string, unknown>): Promise<void> => {
    for (let second = 0; second < count * 60; second += 10) {
      importWh += (flowW * 10) / 3600;
      const at = isoAt(rig.clock.nowMs());
      rig.say({
        kind: "meter",
        device: "plug",
        at,
        channel: 0,
        role: "evse",
        powerW: flowW,
        importWh,
        ...changes,
      });
      await rig.clock.advanceAsync(10_000);
    }
  };
  /** The program is away for so long while this flows. */
  const away = async (count: number, wh: number): Promise<void> => {
    importWh += wh;
    await rig.kill(count * 60);
  };
  const near = (wh: number, within = 5): void =>
    assert.ok(Math.abs(rig.row().energyWh - wh) < within, `${rig.row().energyWh} instead of ${wh} Wh`);
  const asPlug = { devices: [defaultsOf({ device: "plug", isMeteredPlug: true, vehicle: "Twizy" })] };
  afterEach(async () => rig.close());

  it("is a session from the first flow to a while after the last, with the meter's energy", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 2);
    await minutes(30, 2000);
    await minutes(3, 0);
    await minutes(30, 2000);
    await minutes(15, 2);
    const row = rig.row();
    assert.equal(row.status, "closed");
    assert.equal(row.vehicle, "Twizy");
    assert.ok(rig.heard.every(({ session }) => session.energySource === "external-meter"));
    const [first] = row.tariffSlots;
    assert.ok(
      Date.parse(first?.start ?? "") <= Date.parse(row.pluggedAt) + 1000,
      "energy is priced from its first minute on",
    );
    assert.deepEqual([row.energySource, row.meterId], ["external-meter", "plug"]);
    assert.equal(row.segments.length, 2);
    assert.ok(Math.abs(row.energyWh - 2000) < 3, String(row.energyWh));
    assert.ok(!row.flags.includes("partial-start"), row.flags.join());
  });

  it("goes on after a restart in a pause", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 0);
    await minutes(30, 2000);
    await minutes(2, 0);
    await rig.kill();
    await minutes(2, 0);
    await minutes(2, null);
    await minutes(30, 2000);
    await minutes(20, 0);
    assert.equal(rig.row().status, "closed");
    assert.ok(Math.abs(rig.row().energyWh - 2000) < 3, String(rig.row().energyWh));
  });

  it("is only what was said to be one: the meter of a charger makes no second session", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 0, "clamp");
    await minutes(30, 2000, "clamp");
    assert.deepEqual(rig.events(), []);
  });

  describe("whose program was away", () => {
    it("makes a session of its own of what the meter has counted meanwhile, with uncertain times", async () => {
      rig = await createRig(asPlug);
      await minutes(20, 2);
      const beganMs = rig.clock.nowMs();
      await away(120, 5000);
      await minutes(5, 2);
      near(5000);
      const { flags, pluggedAt, unpluggedAt, energySource, status } = rig.row();
      assert.deepEqual([flags.toSorted(), status], [["end-uncertain", "partial-start"], "closed"]);
      assert.equal(energySource, "external-meter");
      assert.ok(Date.parse(pluggedAt) >= beganMs - 300_000 && Date.parse(unpluggedAt ?? "") <= rig.clock.nowMs());
    });

    it("makes none of its standby, however long it was away", async () => {
      rig = await createRig(asPlug);
      await minutes(20, 2);
      await away(100 * 60, 200);
      await minutes(20, 2);
      await away(60, 45);
      await minutes(20, 2);
      assert.deepEqual(rig.rows(), []);
    });

    it("finds a short charge in a long night, which on average is no more than standby", async () => {
      rig = await createRig(asPlug);
      await minutes(20, 2);
      await away(48 * 60, 1500);
      await minutes(5, 2);
      near(1500, 100);
    });

    it("does not take the standby of the day before for what hides a charge", async function () {
      this.timeout(40_000);
      rig = await createRig(asPlug);
      await minutes(600, 20);
      await away(60, 300);
      await minutes(5, 20);
      near(300, 20);
    });

    it("gives a running session all that the meter has counted", async () => {
      rig = await createRig(asPlug);
      await minutes(3, 2);
      await minutes(30, 2000);
      await away(60, 2000);
      await minutes(30, 2000);
      await minutes(10, 2);
      near(4000);
      assert.ok(Math.abs(rig.row().chargingS - 7200) < 60, String(rig.row().chargingS));
      assert.ok(!rig.row().flags.includes("estimated"), rig.row().flags.join());
    });

    it("ends a session whose car stopped meanwhile, at a time unknown", async () => {
      rig = await createRig(asPlug);
      await minutes(3, 2);
      await minutes(30, 2000);
      await away(120, 1000);
      await minutes(3, 2);
      near(2000);
      assert.equal(rig.row().status, "closed");
      assert.ok(rig.row().flags.includes("end-uncertain"), rig.row().flags.join());
      assert.ok(Math.abs(rig.row().chargingS - 3600) < 60, String(rig.row().chargingS));
    });

    it("knows a charge that had just begun", async () => {
      rig = await createRig(asPlug);
      await minutes(20, 2);
      await minutes(1, 2000);
      await away(60, 500);
      await minutes(5, 2);
      near(533);
    });

    it("knows a charge that had just begun and goes on", async () => {
      rig = await createRig(asPlug);
      await minutes(20, 2);
      await minutes(1, 2000);
      await away(60, 2000);
      await minutes(10, 2000);
      await minutes(10, 2);
      near(2367, 6);
    });

    it("knows a charge that began meanwhile and goes on", async () => {
      rig = await createRig(asPlug);
      await minutes(20, 2);
      await away(120, 2000);
      await minutes(10, 2000);
      await minutes(10, 2);
      near(2333, 6);
      assert.deepEqual(rig.row().flags, ["partial-start"]);
    });

    it("ends a session in its last pause, and takes what flowed after it", async () => {
      rig = await createRig(asPlug);
      await minutes(3, 2);
      await minutes(30, 2000);
      await minutes(2, 2);
      await away(60, 500);
      await minutes(5, 2);
      near(1500);
      assert.equal(rig.row().status, "closed");
    });

    it("knows how long, although its clock of lengths has started anew", async () => {
      rig = await createRig(asPlug);
      await minutes(3, 2);
      await away(600, 5000);
      // a little longer awake than before, and only then the first word of the meter
      await rig.clock.advanceAsync(90_000);
      await minutes(5, 2);
      near(5000);
    });

    it("starts with any rubbish that was kept", async () => {
      rig = await createRig(asPlug);
      await minutes(3, 2);
      await minutes(10, 2000);
      for (const plug of [null, 7, { version: 2 }, { version: 2, phase: "charging", last: "x", counter: {} }]) {
        const [[name, content] = ["", ""]] = [...rig.store.kept].filter(([key]) => key.includes(":state:"));
        rig.store.kept.set(name, JSON.stringify({ ...(JSON.parse(content) as object), plug }));
        await rig.kill(10);
        await minutes(5, 2000);
      }
      await minutes(10, 2);
      const total = rig.rows().reduce((sum, { energyWh }) => sum + energyWh, 0);
      assert.ok(total < 1005 && total > 333, String(total));
    });
  });

  it("loses nothing of a strong charge's first two minutes", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 2);
    await minutes(30, 11_000);
    await minutes(10, 2);
    near(5500);
    assert.deepEqual(rig.row().flags, []);
  });

  it("bridges a silence of the meter by its counter", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 2);
    await minutes(30, 2000);
    importWh += 1000;
    await rig.clock.advanceAsync(1_800_000);
    await minutes(30, 2000);
    await minutes(10, 2);
    near(3000);
  });

  it("ends a session whose power nobody knows any more, where it was last known", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 2);
    await minutes(30, 2000);
    const knownMs = rig.clock.nowMs();
    for (let hour = 0; hour < 25; hour++) {
      for (let minute = 0; minute < 60; minute += 10) {
        const at = isoAt(rig.clock.nowMs());
        rig.say({ kind: "meter", device: "plug", at, channel: 0, role: "evse", powerW: null });
        await rig.clock.advanceAsync(600_000);
      }
    }
    near(1000);
    const { status, flags, unpluggedAt, chargeEndedAt } = rig.row();
    assert.equal(status, "closed");
    assert.ok(flags.includes("end-uncertain"), flags.join());
    for (const end of [unpluggedAt, chargeEndedAt]) {
      assert.ok(Math.abs(Date.parse(end ?? "") - knownMs) <= 11_000, `${end} instead of ${isoAt(knownMs)}`);
    }
  });

  it("takes what flowed while the power was not known from the counter", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 2);
    await minutes(30, 2000);
    await meter(30, 2000, { powerW: null });
    await minutes(30, 2000);
    await minutes(10, 2);
    near(3000);
  });

  it("goes on by power where the counter fails, and loses and doubles nothing when it is back", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 2);
    await minutes(30, 2000);
    await meter(30, 2000, { importWh: null });
    await minutes(30, 2000);
    await minutes(10, 2);
    near(3000);
  });

  it("waits a moment for the counter where a meter that was away tells its power first", async () => {
    rig = await createRig(asPlug);
    await minutes(10, 2);
    await rig.kill(3600);
    importWh += 3000;
    await meter(0.5, 2, { importWh: null });
    await minutes(5, 2);
    near(3000);
  });

  it("loses nothing when the meter's counter is set to 0, and counts nothing twice", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 2);
    await minutes(30, 2000);
    importWh = 0;
    await minutes(30, 2000);
    importWh -= 100;
    await minutes(30, 2000);
    await minutes(10, 2);
    near(3000);
    assert.ok(rig.row().flags.includes("estimated"), rig.row().flags.join());
  });

  it("is not led astray by a power or a counter that cannot be true", async () => {
    rig = await createRig(asPlug);
    await minutes(3, 2);
    await minutes(10, 2000);
    for (const powerW of [1e300, 5e6]) await meter(0.5, 2000, { powerW });
    for (const wrongWh of [1e300, 9e11, 4e8]) await meter(0.5, 2000, { importWh: wrongWh });
    await minutes(20, 2000);
    await minutes(10, 2);
    near((32.5 * 2000) / 60, 35);
    await minutes(30, 2000);
    await minutes(10, 2);
    const [, second] = rig.rows();
    assert.ok(Math.abs((second?.energyWh ?? 0) - 1000) < 5, String(second?.energyWh));
  });

  it("is two plugs where one meter has two channels before cars", async () => {
    rig = await createRig(asPlug);
    const both = async (count: number, first: number, second: number): Promise<void> => {
      for (let at = 0; at < count * 60; at += 10) {
        for (const [channel, powerW] of [first, second].entries()) {
          rig.say({ kind: "meter", device: "plug", at: isoAt(rig.clock.nowMs()), channel, role: "evse", powerW });
        }
        await rig.clock.advanceAsync(10_000);
      }
    };
    await both(5, 2, 2);
    await both(10, 2000, 2);
    await both(20, 2000, 3000);
    await rig.kill(10);
    await both(10, 2, 3000);
    await both(10, 2, 2);
    const rows = rig.rows();
    const vehicles = Object.fromEntries(rows.map(({ device, vehicle }) => [device, vehicle]));
    assert.deepEqual([rows.length, vehicles], [2, { plug: "Twizy", "plug:1": null }]);
    for (const { device, energyWh } of rows) {
      const trueWh = device === "plug" ? 1000 : 1500;
      assert.ok(Math.abs(energyWh - trueWh) < 20, `${device}: ${energyWh}`);
    }
  });
});
