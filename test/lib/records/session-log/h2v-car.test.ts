import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { parsePageUrl } from "../../../../lib/devices/h2v/client.ts";
import { startH2v } from "../../../../lib/devices/h2v/h2v.ts";
import { toMeters } from "../../../../lib/devices/h2v/minute.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import type { Session } from "../../../../lib/model/session.ts";
import { startH2vGateway } from "../../../../simulators/h2v.ts";
import { createRig, defaultsOf } from "./rig.ts";

/* From the gateway's page to a row in the store: what `ev-h2v` and `ev-session-log` do when they are wired together. */

const START_MS = Date.parse("2025-02-20T11:00:05+09:00");
const MINUTE_MS = 60_000;

/** Car power of each minute from 11:00 on, W: the charge begins and ends within a minute, and is cut by the peak once. */
const CAR_W = [
  ...Array<number>(10).fill(2),
  300,
  ...Array<number>(29).fill(1200),
  ...Array<number>(3).fill(2),
  ...Array<number>(29).fill(1200),
  700,
  ...Array<number>(20).fill(2),
];
const CHARGE_WH = CAR_W.slice(10, 73).reduce((sum, powerW) => sum + powerW / 60, 0);

describe("the car of an H2V gateway", () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  async function sessionsOfTheDay(): Promise<Session[]> {
    const rig = await createRig(
      { devices: [defaultsOf({ device: "h2v", isMeteredPlug: true, vehicle: "Prius" })] },
      START_MS,
    );
    const { clock } = rig;
    const home = (minuteMs: number) => {
      const minute = Math.floor((minuteMs - START_MS) / MINUTE_MS) + 1;
      return { meanW: 1800, peakW: 2000, carW: CAR_W[minute] ?? 2, isPeakCut: minute >= 40 && minute < 43 };
    };
    const gateway = await startH2vGateway({ clock, home });
    const h2v = await startH2v({
      url: parsePageUrl(`127.0.0.1:${gateway.port}`),
      name: "h2v",
      offsetMs: 9 * 3_600_000,
      pollMs: 86_400_000,
      clock,
      logger: silentLogger,
      recall: async () => null,
      remember: async () => {},
      onMinute: (minute) => {
        for (const meter of toMeters(minute)) rig.say(meter);
      },
      onTrouble: () => {},
      onBack: () => {},
    });
    ends.push(
      () => h2v.close(),
      () => gateway.stop(),
      () => rig.close(),
    );
    for (let minute = 1; minute < CAR_W.length; minute++) {
      await clock.advanceAsync(MINUTE_MS - 2000);
      const reading = h2v.readNow();
      await clock.advanceAsync(2000);
      await reading;
    }
    return rig.rows();
  }

  it("becomes one session with every minute in it, and the pause of the peak cut", async () => {
    const rows = await sessionsOfTheDay();
    assert.equal(rows.length, 1);
    const [row] = rows;
    assert.deepEqual([row?.device, row?.vehicle, row?.status], ["h2v", "Prius", "closed"]);
    assert.deepEqual([row?.energySource, row?.flags], ["external-meter", ["estimated"]]);
    assert.equal(row?.segments.length, 2);
    assert.ok(Math.abs((row?.energyWh ?? 0) - CHARGE_WH) < 0.3, `${row?.energyWh} instead of ${CHARGE_WH} Wh`);
    const startedMs = Date.parse(row?.chargeStartedAt ?? "");
    assert.ok(Math.abs(startedMs - (START_MS + 10 * MINUTE_MS)) <= MINUTE_MS, row?.chargeStartedAt ?? "");
  });
});
