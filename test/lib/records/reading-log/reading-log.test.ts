import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, it } from "mocha";
import { createManualClock, systemClock } from "../../../../lib/model/clock.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import { type H2vMinute, h2vSchema } from "../../../../lib/model/h2v.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { type Meter, meterSchema } from "../../../../lib/model/records.ts";
import { createCsvDesk } from "../../../../lib/records/reading-log/csv-desk.ts";
import { createMinutes, type EnergyMinute } from "../../../../lib/records/reading-log/minutes.ts";
import { type ReadingLog, startReadingLog } from "../../../../lib/records/reading-log/reading-log.ts";
import { openCsvFolder } from "../../../../lib/records/h2v-files/csv-folder.ts";
import type { CsvLayout } from "../../../../lib/records/h2v-files/h2v-layout.ts";
import { openStore } from "../../../../lib/records/store/open-store.ts";
import type { Store } from "../../../../lib/records/store/store.ts";

const T0 = Date.parse("2025-02-20T11:09:00+09:00");
const meter = (afterS: number, more: Partial<Meter> = {}): Meter =>
  meterSchema.parse({
    kind: "meter",
    device: "m",
    at: new Date(T0 + afterS * 1000).toISOString(),
    channel: 0,
    role: "house",
    powerW: 600,
    ...more,
  });
const gatewayMinute = (minute: number): H2vMinute => {
  const shown = `2025/02/20 11:${String(minute).padStart(2, "0")}`;
  const fields = Object.entries({ todayWh: "6932", yesterdayWh: "22436", meanW: "817", peakW: "849", carW: "2" });
  return h2vSchema.parse({
    kind: "h2v",
    device: "h2v",
    at: new Date(T0 + (minute - 9) * 60_000).toISOString(),
    minute: shown,
    noData: false,
    stale: false,
    meanW: 817,
    carW: 2,
    fields: fields.map(([key, text]) => ({ label: key, text, key })),
  });
};
const takeAll = (meters: readonly Meter[]): EnergyMinute[] => {
  const minutes = createMinutes(null);
  return [...meters.flatMap((reading) => minutes.take(reading)), ...minutes.tick(T0 + 1e9)];
};
const sumWh = (minutes: readonly EnergyMinute[]): number => minutes.reduce((sum, { energyWh }) => sum + energyWh, 0);
const close = (a: number, b: number): void =>
  assert.ok(Math.abs(a - b) < 1e-6 * Math.max(1, Math.abs(b)), `${a} is not ${b}`);

describe("the energy of a minute", () => {
  it("is the mean of the minute where a meter tells one, at once", () => {
    const [minute, ...more] = createMinutes(null).take(meter(0, { meanOverS: 60 }));
    assert.deepEqual(more, []);
    assert.deepEqual([minute?.energyWh, minute?.coveredMs, minute?.startMs], [10, 60_000, T0]);
  });

  it("is power times time between readings, cut at the minute", () => {
    const minutes = takeAll([meter(0), meter(30), meter(90), meter(120)]);
    assert.deepEqual(
      minutes.map(({ startMs, energyWh, coveredMs }) => [(startMs - T0) / 1000, energyWh, coveredMs]),
      [
        [0, 10, 60_000],
        [60, 10, 60_000],
      ],
    );
  });

  it("goes by the counters where there are some, given back energy taken off", () => {
    const at = (afterS: number, importWh: number, exportWh: number) =>
      meter(afterS, { powerW: null, importWh, exportWh });
    close(sumWh(takeAll([at(0, 100, 50), at(60, 130, 55), at(120, 130, 75)])), 30 - 5 - 20);
  });

  it("goes by the power when a counter ran back or jumped", () => {
    const at = (afterS: number, importWh: number) => meter(afterS, { importWh });
    close(sumWh(takeAll([at(0, 100), at(60, 5), at(120, 9_000_000)])), 20);
  });

  it("leaves a gap a gap", () => {
    const minutes = takeAll([meter(0), meter(60), meter(600), meter(660)]);
    assert.deepEqual(
      minutes.map(({ startMs }) => (startMs - T0) / 60_000),
      [0, 10],
    );
  });

  it("keeps what a counter tells of a gap, as one row of its length", () => {
    const at = (afterS: number, importWh: number) => meter(afterS, { importWh });
    const [, gap] = takeAll([at(0, 0), at(60, 10), at(3660, 610)]);
    assert.deepEqual([gap?.energyWh, gap?.coveredMs, (gap?.endMs ?? 0) - (gap?.startMs ?? 0)], [600, 0, 3_600_000]);
  });

  it("is not made of a reading without power, one out of order, or the same again", () => {
    assert.deepEqual(takeAll([meter(0), meter(30, { powerW: null }), meter(60)]), []);
    close(sumWh(takeAll([meter(0), meter(60), meter(60), meter(30), meter(120)])), 20);
  });

  it("is never lost nor doubled, however readings fall", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 140 }), { minLength: 1, maxLength: 60 }), (gapsS) => {
        let afterS = 0;
        const meters = [meter(0), ...gapsS.map((gapS) => meter((afterS += gapS)))];
        close(sumWh(takeAll(meters)), (600 * afterS) / 3600);
      }),
    );
  });

  it("survives a restart in the middle of a minute", () => {
    const first = createMinutes(null);
    first.take(meter(0));
    first.take(meter(20));
    const second = createMinutes(JSON.parse(JSON.stringify(first.state)));
    assert.deepEqual(
      second.take(meter(60)).map(({ energyWh }) => energyWh),
      [10],
    );
  });
});

describe("the reading log", () => {
  let folder = "";
  let log: ReadingLog;
  let store: Store | null = null;
  const troubles: string[] = [];
  const written: number[] = [];
  const clock = createManualClock(T0);

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-log-"));
    troubles.splice(0);
  });
  afterEach(async () => {
    await log.close();
    await store?.close();
    store = null;
    rmSync(folder, { recursive: true, force: true });
  });

  async function begin(layout: CsvLayout | null, withStore: boolean): Promise<void> {
    written.splice(0);
    store = withStore
      ? await openStore(
          { file: join(folder, "x.sqlite"), keepReadingsDays: null, backupsKept: 0 },
          { clock: systemClock, logger: silentLogger },
        )
      : null;
    log = await startReadingLog({
      id: "n",
      zone: "Asia/Tokyo",
      store,
      csv:
        layout === null
          ? null
          : createCsvDesk(openCsvFolder({ folder, layout, encoding: "utf-8", onTorn: () => {} }), layout),
      clock,
      logger: silentLogger,
      onTrouble: ({ code }) => void troubles.push(code),
      onWritten: ({ endMs }) => void written.push(endMs),
    });
  }

  /** As a kill leaves it: the log says nothing more, what the store has on the disk is there. */
  async function killAndBegin(layout: CsvLayout | null): Promise<void> {
    await store?.close();
    await begin(layout, true);
  }
  const totalWh = async (): Promise<number> => {
    const rows = (await store?.db.selectFrom("readings").select("energy_wh").execute()) ?? [];
    return rows.reduce((sum, { energy_wh }) => sum + (energy_wh ?? 0), 0);
  };

  it("puts minutes into the store, with the local day of their begin", async () => {
    await begin(null, true);
    clock.setWallClock(Date.parse("2025-02-01T00:10:00+09:00"));
    await log.take(meter(0, { at: "2025-01-31T23:59:00+09:00", meanOverS: 60 }));
    const rows = (await store?.db.selectFrom("readings").selectAll().execute()) ?? [];
    assert.deepEqual(
      rows.map(({ device, at_ms, energy_wh, duration_s, power_w, local_day, local_month }) => ({
        device,
        at_ms,
        energy_wh,
        duration_s,
        power_w,
        local_day,
        local_month,
      })),
      [
        {
          device: "m",
          at_ms: Date.parse("2025-02-01T00:00:00+09:00"),
          energy_wh: 10,
          duration_s: 60,
          power_w: 600,
          local_day: "2025-01-31",
          local_month: "2025-01",
        },
      ],
    );
  });

  it("writes house and car of any meters into one line, when both have come", async () => {
    await begin("corrected", false);
    clock.setWallClock(T0);
    await log.take(meter(0, { meanOverS: 60 }));
    await log.take(meter(0, { meanOverS: 60, device: "car", role: "evse", powerW: 1200 }));
    clock.setWallClock(T0 + 300_000);
    await log.tick();
    const [, line] = readFileSync(join(folder, "202502h2vmgr-rawd.csv"), "utf8").split("\n");
    assert.equal(line, '"2025/02/20 11:09",,,600,600,1200,,,,,');
  });

  it("waits while the disk refuses, and writes everything afterwards, in order", async () => {
    await begin("compatible", false);
    clock.setWallClock(T0);
    const path = join(folder, "202502h2vmgr-rawd.csv");
    mkdirSync(path);
    for (const at of [0, 60]) await log.take(meter(at, { meanOverS: 60 }));
    clock.setWallClock(T0 + 600_000);
    await log.tick();
    assert.deepEqual(troubles, ["io"]);
    rmSync(path, { recursive: true });
    await log.tick();
    assert.match(readFileSync(path, "utf8"), /11:09".*\n.*11:10"/);
  });

  it("keeps minutes in the store while the folder refuses, and calls nothing written before it is", async () => {
    await begin("compatible", true);
    clock.setWallClock(T0 + 600_000);
    mkdirSync(join(folder, "202502h2vmgr-rawd.csv"));
    for (const minute of [9, 10]) await log.take(gatewayMinute(minute));
    close(await totalWh(), 2 * ((817 + 2) / 60));
    assert.deepEqual([troubles, written], [["io", "io"], []]);
    rmSync(join(folder, "202502h2vmgr-rawd.csv"), { recursive: true });
    await log.take(gatewayMinute(11));
    assert.equal(written.length, 2);
  });

  it("loses no line to a kill while the folder refuses", async () => {
    await begin("compatible", true);
    clock.setWallClock(T0 + 600_000);
    const path = join(folder, "202502h2vmgr-rawd.csv");
    mkdirSync(path);
    for (const minute of [9, 10]) await log.take(gatewayMinute(minute));
    await killAndBegin("compatible");
    await log.take(gatewayMinute(11));
    await killAndBegin("compatible");
    rmSync(path, { recursive: true });
    await log.take(gatewayMinute(12));
    const minutes = readFileSync(path, "utf8").match(/^"2025\/02\/20 11:\d\d"/gm);
    assert.deepEqual(
      minutes,
      ["09", "10", "11", "12"].map((minute) => `"2025/02/20 11:${minute}"`),
    );
    assert.deepEqual(await store?.recallAll("reading-log/n/line/"), []);
  });

  it("counts no energy twice that a counter told before a kill", async () => {
    await begin(null, true);
    clock.setWallClock(T0 + 3_600_000);
    const counted = (afterS: number) => log.take(meter(afterS, { importWh: afterS }));
    for (const afterS of [0, 60]) await counted(afterS);
    await log.close();
    await killAndBegin(null);
    for (let afterS = 120; afterS <= 1200; afterS += 60) await counted(afterS);
    await killAndBegin(null);
    for (const afterS of [2400, 2460]) await counted(afterS);
    close(await totalWh(), 2460);
  });

  it("knows after a restart what the day had used before it, and half a minute's car", async () => {
    await begin("corrected", true);
    const midnight = Date.parse("2025-02-20T00:00:00+09:00");
    const at = (minute: number) => new Date(midnight + minute * 60_000).toISOString();
    clock.setWallClock(midnight + 60_000);
    await log.take(meter(0, { at: at(0), meanOverS: 60 }));
    await log.take(meter(0, { at: at(1), meanOverS: 60 }));
    await log.close();
    await killAndBegin("corrected");
    await log.take(meter(0, { at: at(1), meanOverS: 60, device: "car", role: "evse", powerW: 1200 }));
    clock.setWallClock(midnight + 600_000);
    await log.tick();
    assert.deepEqual(readFileSync(join(folder, "202502h2vmgr-rawd.csv"), "utf8").split("\n").slice(1, 3), [
      '"2025/02/20 00:00",10,,600,600,,,,,,',
      '"2025/02/20 00:01",20,,600,600,1200,,,,,',
    ]);
  });

  it("refuses what is no reading, and readings of a time that cannot be", async () => {
    await begin("compatible", false);
    const coded = (code: string) => (thrown: unknown) => thrown instanceof EvError && thrown.code === code;
    for (const payload of [null, "x", 5, { kind: "charger" }])
      await assert.rejects(log.take(payload), coded("bad-command"));
    await assert.rejects(log.take(meter(1e7)), coded("out-of-range"));
    await assert.rejects(log.take(meter(0, { at: "1970-01-01T00:00:00Z" })), coded("out-of-range"));
  });
});
