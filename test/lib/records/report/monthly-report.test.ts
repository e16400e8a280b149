import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { createManualClock, systemClock } from "../../../../lib/model/clock.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { counterName } from "../../../../lib/records/reading-log/kept-names.ts";
import { startReadingLog } from "../../../../lib/records/reading-log/reading-log.ts";
import { createMonthlyReport, type MonthlyReportOptions } from "../../../../lib/records/report/monthly-report.ts";
import { readReportRequest } from "../../../../lib/records/report/report-request.ts";
import { openStore } from "../../../../lib/records/store/open-store.ts";
import type { Store } from "../../../../lib/records/store/store.ts";
import { sampleMinute } from "../h2v-files/h2v-layout.test.ts";

const HEADER =
  '"最新電力情報の時刻","本日","昨日","平均","最大","車充電","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)"';
const BLOCK =
  "Sumary of the 2025/01\nTotal used power(Kwh) :     0.02\nTotal charged power(Kwh) : 0.04\nLost 44638/ Recorded 2 minutes(31days)\n\n";
const row = (minute: string): string => `"${minute}",100,20000,600,700,1200,0,-64,4,"1970/01/01 09:00"`;
const ask = (payload: unknown) => readReportRequest(payload, "2025-02");
const coded = (code: string) => (thrown: unknown) => thrown instanceof EvError && thrown.code === code;

describe("the monthly report", () => {
  let folder = "";
  let store: Store | null = null;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-report-"));
    writeFileSync(
      join(folder, "202501h2vmgr-rawd.csv"),
      `${HEADER}\n${row("2025/01/01 00:00")}\n${row("2025/01/31 23:59")}\n`,
    );
  });
  afterEach(async () => {
    await store?.close();
    store = null;
    rmSync(folder, { recursive: true, force: true });
  });

  const options = (more: Partial<MonthlyReportOptions> = {}): MonthlyReportOptions => ({
    source: { kind: "folder", folder },
    device: "H2V",
    zone: "Asia/Tokyo",
    currency: "JPY",
    language: "ja",
    businessRatio: 0.5,
    prices: [{ validFrom: null, pricePerKwh: 1000, windows: [] }],
    owner: "トヨタ <太郎>",
    folder,
    writesFiles: true,
    isSummaryDoubled: false,
    clock: createManualClock(Date.parse("2025-02-01T00:31:00+09:00")),
    ...more,
  });
  const summary = (): string => readFileSync(join(folder, "202501h2vmgr-sum.txt"), "utf8");

  it("adds up, costs, takes the business share and writes everything", async () => {
    const { month, files, html } = await createMonthlyReport(options()).answer(ask("2025-01"));
    assert.ok(Math.abs((month?.houseKwh ?? 0) - 0.02) < 1e-12);
    assert.equal(month?.businessAmount, 20);
    assert.equal(month?.lostMinutes, 44_638);
    assert.equal(summary(), BLOCK);
    assert.deepEqual(
      files.map((file) => file.slice(folder.length + 1)),
      ["202501h2vmgr-sum.txt", "202501-report.csv", "202501-report.ja.html", "202501-report.en.html"],
    );
    assert.match(html, /青色申告/);
    assert.match(html, /トヨタ &lt;太郎&gt;/);
    assert.match(readFileSync(join(folder, "202501-report.en.html"), "utf8"), /blue return/);
  });

  it("adds the block to the summary file once, however often it is asked, and again when told to", async () => {
    const report = createMonthlyReport(options());
    await report.answer(ask("2025-01"));
    await report.answer(ask("2025-01"));
    assert.equal(summary(), BLOCK);
    await report.answer(ask({ month: "2025-01", again: true }));
    assert.equal(summary(), BLOCK + BLOCK);
  });

  it("adds the block once when several nodes report into one folder at once", async () => {
    const reports = Array.from({ length: 4 }, () => createMonthlyReport(options()));
    await Promise.all(reports.map((report) => report.answer(ask("2025-01"))));
    assert.equal(summary(), BLOCK);
    assert.ok(!readdirSync(folder).some((name) => name.endsWith(".tmp")));
  });

  it("writes the block of a new file twice when set to, as the original", async () => {
    await createMonthlyReport(options({ isSummaryDoubled: true })).answer(ask("2025-01"));
    assert.equal(summary(), BLOCK + BLOCK);
  });

  it("adds a whole block behind one that a power cut has torn", async () => {
    writeFileSync(join(folder, "202501h2vmgr-sum.txt"), BLOCK.slice(0, 40));
    await createMonthlyReport(options()).answer(ask("2025-01"));
    assert.equal(summary(), `${BLOCK.slice(0, 40)}\n${BLOCK}`);
  });

  it("writes nothing when told so, and leaves the minutes' file alone in any case", async () => {
    const before = readFileSync(join(folder, "202501h2vmgr-rawd.csv"));
    const { files } = await createMonthlyReport(options()).answer(ask({ month: "2025-01", write: false }));
    assert.deepEqual(files, []);
    assert.equal(existsSync(join(folder, "202501h2vmgr-sum.txt")), false);
    await createMonthlyReport(options()).answer(ask("2025-01"));
    assert.deepEqual(readFileSync(join(folder, "202501h2vmgr-rawd.csv")), before);
    assert.ok(!readdirSync(folder).some((name) => name.endsWith(".tmp")));
  });

  it("takes the price from a bill", async () => {
    const { month } = await createMonthlyReport(options()).answer(ask({ month: "2025-01", bill: 10, write: false }));
    assert.ok(Math.abs((month?.carPricePerKwh ?? 0) - 500) < 1e-6);
  });

  it("counts no minute as lost that is still to come", async () => {
    const clock = createManualClock(Date.parse("2025-01-02T01:00:00+09:00"));
    const { month, summary: text } = await createMonthlyReport(options({ clock, writesFiles: false })).answer(
      ask("2025-01"),
    );
    assert.deepEqual(
      month?.days.slice(0, 3).map(({ lostMinutes }) => lostMinutes),
      [1439, 60, 0],
    );
    // the original counts the whole month, always
    assert.match(text ?? "", /Lost 44638/);
  });

  it("knows days of 23 and 25 hours when minutes come from a store", async () => {
    store = await openStore(
      { file: join(folder, "y.sqlite"), keepReadingsDays: null, backupsKept: 0 },
      { clock: systemClock, logger: silentLogger },
    );
    const endMs = Date.parse("2025-03-30T12:00:00+02:00");
    const common = { device: "m", channel: 0, role: "house", import_wh: null, export_wh: null, local_month: "2025-03" };
    await store.appendReadings([
      { ...common, at_ms: endMs, power_w: 600, energy_wh: 10, duration_s: 60, local_day: "2025-03-30" },
      { ...common, at_ms: endMs + 3_600_000, power_w: null, energy_wh: 500, duration_s: 3600, local_day: "2025-03-30" },
    ]);
    const prices = [
      { validFrom: null, pricePerKwh: 0, windows: [{ days: "all", from: "11:59", to: "12:00", pricePerKwh: 100 }] },
    ] as const;
    const report = createMonthlyReport(
      options({ source: { kind: "store", store }, zone: "Europe/Berlin", device: "m", prices, writesFiles: false }),
    );
    const { month } = await report.answer(ask("2025-03"));
    const day = month?.days[29];
    assert.deepEqual([day?.recordedMinutes, day?.lostMinutes, day?.houseWh], [1, 1379, 510]);
    assert.equal(day?.houseCost, 1);
    assert.equal(month?.lostMinutes, 31 * 1440 - 60 - 1);
  });

  it("says `out-of-range` when nothing was recorded", async () => {
    await assert.rejects(createMonthlyReport(options()).answer(ask("2024-12")), coded("out-of-range"));
    await assert.rejects(createMonthlyReport(options()).answer(ask({ year: 2019 })), coded("out-of-range"));
  });

  it("says the year of the yearly sheet in Japanese as the tax form does, beside the common one", async () => {
    const sheet = async (year: string, language: string): Promise<string> => {
      writeFileSync(join(folder, `${year}12h2vmgr-rawd.csv`), `${HEADER}\n${row(`${year}/12/01 00:00`)}\n`);
      return (await createMonthlyReport(options()).answer(ask({ year, language, write: false }))).html;
    };
    assert.match(await sheet("2025", "ja"), /<h1>令和7年分（2025年分）　/);
    assert.match(await sheet("2019", "ja"), /<h1>令和元年分（2019年分）　/, "the year in which it began");
    assert.match(await sheet("2018", "ja"), /<h1>平成30年分（2018年分）　/);
    assert.match(await sheet("2025", "en"), /<h1>Yearly sheet 2025:/);
  });

  it("gives the yearly sheet alone", async () => {
    const { month, year, csv } = await createMonthlyReport(options()).answer(ask({ year: "2025", write: false }));
    assert.equal(month, null);
    assert.equal(csv, null);
    assert.equal(year.businessAmount, 20);
  });

  it("is due for the last month from half an hour into the first day", () => {
    const at = (text: string) =>
      createMonthlyReport(options({ clock: createManualClock(Date.parse(text)) })).dueMonth();
    assert.equal(at("2025-02-01T00:29:00+09:00"), "2024-12");
    assert.equal(at("2025-02-01T00:30:00+09:00"), "2025-01");
    assert.equal(at("2025-02-28T23:00:00+09:00"), "2025-01");
    assert.equal(at("2025-01-01T01:00:00+09:00"), "2024-12");
  });

  it("says the same from the store as from the files, the summary byte for byte", async () => {
    store = await openStore(
      { file: join(folder, "x.sqlite"), keepReadingsDays: null, backupsKept: 0 },
      { clock: systemClock, logger: silentLogger },
    );
    const log = await startReadingLog({
      id: "n",
      zone: "Asia/Tokyo",
      store,
      csv: null,
      clock: systemClock,
      logger: silentLogger,
      onTrouble: (error) => assert.fail(error),
      onWritten: () => {},
    });
    for (const [minute, yesterdayWh] of [
      ["2025/01/01 00:00", 1],
      ["2025/01/31 23:59", 2],
      ["2025/02/01 00:10", 77],
    ] as const) {
      const at = `${minute.replaceAll("/", "-").replace(" ", "T")}:00+09:00`;
      await log.take(sampleMinute({}, { minute, at, meanW: 600, carW: 1200, yesterdayWh }));
    }
    await log.close();
    const report = createMonthlyReport(options({ source: { kind: "store", store }, device: "h2v" }));
    const { month, summary: text } = await report.answer(ask({ month: "2025-01", write: false }));
    const fromFiles = await createMonthlyReport(options()).answer(ask({ month: "2025-01", write: false }));
    assert.equal(text, BLOCK);
    assert.equal(month?.carKwh, fromFiles.month?.carKwh);
    assert.equal(month?.businessAmount, 20);
    assert.equal(month?.lostMinutes, 44_638);
    assert.equal(month?.days[30]?.counterWh, 77);
  });

  it("takes energy that the car gave back for none that was charged", async () => {
    store = await openStore(
      { file: join(folder, "w.sqlite"), keepReadingsDays: null, backupsKept: 0 },
      { clock: systemClock, logger: silentLogger },
    );
    const common = { device: "box", channel: 1, role: "evse", import_wh: null, export_wh: null, duration_s: 60 };
    const days = { local_day: "2025-01-01", local_month: "2025-01" };
    const at = (minute: string): number => Date.parse(`2025-01-01T00:${minute}:00+09:00`);
    await store.appendReadings([
      { ...common, ...days, at_ms: at("01"), power_w: 600, energy_wh: 10 },
      { ...common, ...days, at_ms: at("02"), power_w: -300, energy_wh: -5 },
    ]);
    const report = createMonthlyReport(
      options({ source: { kind: "store", store }, device: "box", writesFiles: false }),
    );
    const { month, summary: text } = await report.answer(ask("2025-01"));
    assert.equal(month?.carKwh, 0.01);
    assert.match(text ?? "", /charged power\(Kwh\) : 0\.01\n/);
  });

  it("finds a gateway's counter by any name, and adds those of several up, when all meters are asked for", async () => {
    store = await openStore(
      { file: join(folder, "z.sqlite"), keepReadingsDays: null, backupsKept: 0 },
      { clock: systemClock, logger: silentLogger },
    );
    const at_ms = Date.parse("2025-01-01T00:01:00+09:00");
    const common = { channel: 0, role: "house", import_wh: null, export_wh: null, duration_s: 60, at_ms, power_w: 600 };
    const days = { local_day: "2025-01-01", local_month: "2025-01", energy_wh: 10 };
    await store.appendReadings([{ ...common, ...days, device: "車庫 1" }]);
    const counters = async (): Promise<(number | null | undefined)[]> => {
      const report = createMonthlyReport(
        options({ source: { kind: "store", store: store as Store }, device: "", writesFiles: false }),
      );
      const { month } = await report.answer(ask("2025-01"));
      return [month?.days[0]?.counterWh, month?.days[1]?.counterWh];
    };
    const keep = (device: string, day: string, content: string) =>
      store?.commit({ kept: [{ name: counterName(device, day), content }] });
    await keep("車庫 1", "2025-01-01", "70");
    await keep("other", "2024-12-31", "5");
    assert.deepEqual(await counters(), [70, null]);
    await keep("other", "2025-01-01", "8");
    await keep("other", "2025-01-02", "9");
    assert.deepEqual(await counters(), [78, null], "of the second day one of the two is not known");
  });

  it("understands months as people write them, and refuses what is none", () => {
    for (const text of ["2025-01", "2025/01", "202501", " 2025-01 "]) assert.equal(ask(text).month, "2025-01");
    for (const payload of [undefined, 1234567890123, "", true]) assert.equal(ask(payload).month, "2025-01");
    for (const payload of ["../../x", "2025-13", { format: "exe" }, { businessPercent: 101 }, { year: "20x5" }]) {
      assert.throws(() => ask(payload), coded("bad-command"));
    }
  });
});
