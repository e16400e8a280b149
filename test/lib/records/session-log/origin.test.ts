import assert from "node:assert/strict";
import { type Meter, meterSchema, type MeterRole } from "../../../../lib/model/records.ts";
import { createOriginMeter } from "../../../../lib/records/session-log/origin.ts";
import { createRig, plainSettings, type Rig } from "./rig.ts";

const T0 = Date.UTC(2026, 5, 1, 12);
const meter = (role: MeterRole, powerW: number | null, device: string = role, channel = 0): Meter =>
  meterSchema.parse({ kind: "meter", device, at: new Date(T0).toISOString(), channel, role, powerW });

/** A minute in which all meters speak every 5 s, and the car takes 6 kW. */
function minute(speak: (second: number) => readonly Meter[], staleAfterS = 30) {
  const origin = createOriginMeter(staleAfterS);
  for (let second = -10; second <= 60; second += 5) {
    for (const reading of speak(second)) origin.learn(reading, T0 + second * 1000);
  }
  return origin.originOf({ fromMs: T0, toMs: T0 + 60_000, energyWh: 100, dischargedWh: 0 });
}
const rounded = (found: ReturnType<typeof minute>): unknown =>
  found === null ? null : { sunWh: Math.round(found.sunWh), batteryWh: Math.round(found.batteryWh) };

describe("where the car's energy came from", () => {
  it("calls the sun's what the house did not draw from the grid", () => {
    assert.deepEqual(rounded(minute(() => [meter("grid", 1500)])), { sunWh: 75, batteryWh: 0 });
    assert.deepEqual(rounded(minute(() => [meter("grid", -800)])), { sunWh: 100, batteryWh: 0 });
    assert.deepEqual(rounded(minute(() => [meter("grid", 9000)])), { sunWh: 0, batteryWh: 0 });
  });

  it("takes the house battery off first, and never calls more the sun's than shines", () => {
    assert.deepEqual(rounded(minute(() => [meter("grid", 1500), meter("battery", 2400)])), {
      sunWh: 35,
      batteryWh: 40,
    });
    assert.deepEqual(rounded(minute(() => [meter("grid", 1500), meter("battery", -2400)])), {
      sunWh: 75,
      batteryWh: 0,
    });
    assert.deepEqual(rounded(minute(() => [meter("grid", 0), meter("solar", 3000)])), { sunWh: 50, batteryWh: 0 });
    const twoRoofs = [meter("grid", 0), meter("solar", 1500, "east"), meter("solar", 1500, "west")];
    assert.deepEqual(rounded(minute(() => twoRoofs)), { sunWh: 50, batteryWh: 0 });
  });

  it("does not know it without a live meter, and never guesses", () => {
    assert.equal(
      minute(() => []),
      null,
    );
    assert.equal(
      minute((second) => (second < 20 ? [meter("grid", 0)] : []), 10),
      null,
    );
    assert.equal(
      minute(() => [meter("grid", null)]),
      null,
    );
    assert.equal(
      minute((second) => [meter("grid", 0), ...(second < 0 ? [meter("battery", 0)] : [])], 10),
      null,
    );
    assert.equal(
      minute(() => [meter("house", 0)]),
      null,
    );
  });

  it("does not mind a short gap", () => {
    assert.deepEqual(rounded(minute((second) => (second % 15 === 0 ? [meter("grid", 1500)] : []), 20)), {
      sunWh: 75,
      batteryWh: 0,
    });
  });

  it("believes the meter that sees more, and adds up the channels of one", () => {
    assert.deepEqual(rounded(minute(() => [meter("grid", 1500, "a"), meter("grid", 3000, "b")])), {
      sunWh: 50,
      batteryWh: 0,
    });
    assert.deepEqual(rounded(minute(() => [meter("grid", 1500, "a", 0), meter("grid", 1500, "a", 1)])), {
      sunWh: 50,
      batteryWh: 0,
    });
  });

  it("bears a flood and a clock that is set back", () => {
    const origin = createOriginMeter(30);
    for (let turn = 0; turn < 20_000; turn++) origin.learn(meter("grid", 0), T0 + turn);
    for (let turn = 0; turn < 20_000; turn++) origin.learn(meter("grid", 0, `m${turn}`), T0 + 20_000);
    for (let second = 0; second <= 60; second += 5) origin.learn(meter("grid", 1500), T0 - 86_400_000 + second * 1000);
    const back = { fromMs: T0 - 86_400_000, toMs: T0 - 86_340_000, energyWh: 100, dischargedWh: 0 };
    assert.equal(Math.round(origin.originOf(back)?.sunWh ?? 0), 75);
  });
});

describe("the sun's share of a session", () => {
  let rig: Rig;
  afterEach(async () => rig.close());

  it("adds up with grid and battery to what is known, and is priced at what it would have earned", async () => {
    rig = await createRig({ money: { ...plainSettings.money, feedInPerKwh: 0.08 } });
    rig.setMeter("grid", 1800);
    await rig.plug();
    await rig.charge(600, 7200);
    await rig.unplug();
    const row = rig.row();
    assert.ok(Math.abs((row.solarWh ?? 0) - 900) < 12, String(row.solarWh));
    assert.ok(Math.abs((row.solarWh ?? 0) + (row.batteryWh ?? 0) + (row.gridWh ?? 0) - row.energyWh) < 1e-6);
    assert.ok(Math.abs((row.solarPercent ?? 0) - 75) < 1, String(row.solarPercent));
    assert.ok(Math.abs((row.costSolar ?? 0) - 0.072) < 0.001);
    assert.ok(Math.abs((row.cost ?? 0) - 0.162) < 0.002);
  });

  it("does not take a retained message for a measurement", async () => {
    rig = await createRig({ meterStaleAfterS: 600 });
    await rig.plug();
    rig.say(meter("grid", 0), true);
    await rig.charge(300, 7200);
    await rig.unplug();
    assert.equal(rig.row().solarWh, null);
  });

  it("is unknown for the time in which the meter was silent", async () => {
    rig = await createRig();
    await rig.plug();
    await rig.charge(600, 7200);
    await rig.unplug();
    assert.deepEqual([rig.row().solarWh, rig.row().gridWh, rig.row().solarPercent], [null, null, null]);
    rig.setMeter("grid", 0);
    await rig.plug();
    rig.set("evse", { state: "charging", powerW: 7200 });
    await rig.run(300, 7200);
    rig.setMeter("grid", null);
    await rig.charge(300, 7200);
    await rig.unplug();
    const row = rig.rows()[1];
    assert.ok(row !== undefined && row.solarWh !== null && row.gridWh !== null);
    assert.ok(row.solarWh > 450 && row.solarWh < 700, `${row.solarWh} of ${row.energyWh}`);
    assert.equal(row.gridWh, 0);
    assert.ok(row.solarPercent === 100);
  });
});
