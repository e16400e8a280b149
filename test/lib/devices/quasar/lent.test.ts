import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Command } from "../../../../lib/model/commands.ts";
import { createRig, type Rig } from "./rig.ts";

const LENT: Command = { command: "current", currentA: -10, validForS: 180 };

async function discharging(): Promise<Rig> {
  const rig = createRig();
  await rig.until("the first record", () => rig.reports.length > 0);
  await rig.obey({ command: "charge", currentA: 16 });
  await rig.until("the state of charge is known", () => rig.record().socPercent !== null, 60_000);
  await rig.obey(LENT);
  await rig.until("it discharges", () => rig.charger.acPowerW() < -2000, 90_000);
  return rig;
}

describe("a current that is lent to a Quasar", () => {
  it("ends by itself when its controller is gone, although we go on polling", async () => {
    const rig = await discharging();
    await rig.advance(200_000);
    assert.equal(rig.charger.acPowerW(), 0);
    assert.equal(rig.record().setpointA, 0);
    assert.equal(rig.record().online, true);
  });

  it("goes on while it is renewed, and a renewal is no new set point", async () => {
    const rig = await discharging();
    const writes = rig.charger.writes.length;
    for (let minute = 0; minute < 10; minute++) {
      await rig.obey(LENT);
      await rig.advance(60_000);
    }
    assert.ok(rig.charger.acPowerW() < -2000);
    assert.equal(rig.charger.writes.length, writes);
  });

  it("ends as soon as the charger is heard again, when the time ran out meanwhile", async () => {
    const rig = await discharging();
    rig.wire.state = "refused";
    rig.wire.cut();
    await rig.advance(200_000);
    rig.wire.state = "healthy";
    await rig.until("it stands still", () => rig.charger.acPowerW() === 0, 60_000);
  });

  it("does not end early when the wall clock jumps", async () => {
    const rig = await discharging();
    rig.clock.setWallClock(rig.clock.nowMs() + 7_200_000);
    await rig.advance(60_000);
    assert.ok(rig.charger.acPowerW() < -2000);
  });
});
