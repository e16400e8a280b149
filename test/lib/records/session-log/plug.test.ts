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
});
