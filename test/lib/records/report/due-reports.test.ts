import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import { createDueReports, type DueReports } from "../../../../lib/records/report/due-reports.ts";
import { createMonthlyReport, type MonthlyReport } from "../../../../lib/records/report/monthly-report.ts";

const HEADER =
  '"最新電力情報の時刻","本日","昨日","平均","最大","車充電","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)"';
const row = (minute: string): string => `"${minute}",100,20000,600,700,1200,0,-64,4,"1970/01/01 09:00"`;

describe("reports that come by themselves", () => {
  let folder = "";
  let clock: ManualClock;
  let kept: unknown;
  const told: string[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-due-"));
    kept = undefined;
    told.splice(0);
    clock = createManualClock(0);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Minutes of these days of a month, one each. @param month `YYYYMM` */
  function record(month: string, days: readonly number[]): void {
    const [year, number] = [month.slice(0, 4), month.slice(4)];
    const lines = days.map((day) => row(`${year}/${number}/${String(day).padStart(2, "0")} 10:00`));
    writeFileSync(join(folder, `${month}h2vmgr-rawd.csv`), `${[HEADER, ...lines].join("\n")}\n`);
  }
  const summary = (month: string): string => {
    const path = join(folder, `${month}h2vmgr-sum.txt`);
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  };
  const blocks = (month: string): number => summary(month).match(/^Sumary/gm)?.length ?? 0;

  const makeReport = (): MonthlyReport =>
    createMonthlyReport({
      source: { kind: "folder", folder },
      device: "H2V",
      zone: "Asia/Tokyo",
      currency: "JPY",
      language: "ja",
      businessRatio: 0.5,
      prices: [],
      owner: "",
      folder,
      writesFiles: true,
      isSummaryDoubled: false,
      clock,
    });
  /** A process: what it remembers lies outside of it. */
  const start = (report: MonthlyReport = makeReport(), remember = true): DueReports =>
    createDueReports({
      report,
      recall: async () => kept,
      remember: async (next) => {
        if (remember) kept = next;
      },
      onReport: ({ month }, occasion) => void told.push(`${month?.month} ${occasion} ${month?.recordedMinutes}`),
      nowMs: () => clock.nowMs(),
      signal: new AbortController().signal,
    });
  async function lookAt(reports: DueReports, ...times: readonly string[]): Promise<void> {
    for (const time of times) {
      clock.setWallClock(Date.parse(`${time}:00+09:00`));
      await reports.look();
    }
  }

  it("come once, however often it is looked", async () => {
    record("202501", [1, 2, 3]);
    const reports = start();
    await lookAt(reports, "2025-02-01T00:30", "2025-02-01T00:31", "2025-02-20T12:00");
    await lookAt(start(), "2025-02-21T12:00");
    assert.deepEqual(told, ["2025-01 due 3"]);
    assert.equal(blocks("202501"), 1);
  });

  it("come once when the clock is set back over the first and comes there again", async () => {
    record("202412", [5]);
    record("202501", [1, 2, 3]);
    const reports = start();
    await lookAt(reports, "2025-01-05T12:00", "2025-02-01T00:40", "2025-01-31T23:00", "2025-02-01T00:30");
    assert.deepEqual(told, ["2024-12 due 1", "2025-01 due 3"]);
  });

  it("come again as a correction, once, when a clock that was ahead had ended the month too early", async () => {
    record("202412", [5]);
    const reports = start();
    await lookAt(reports, "2025-01-05T12:00");
    record("202501", [1, 2]);
    await lookAt(reports, "2025-02-03T12:00");
    record("202501", [1, 2, 3]);
    await lookAt(reports, "2025-01-15T12:00");
    record("202501", [1, 2, 3, 31]);
    await lookAt(reports, "2025-02-01T00:30", "2025-02-01T00:31", "2025-02-03T12:00");
    await lookAt(start(), "2025-02-03T12:01");
    assert.deepEqual(told, ["2024-12 due 1", "2025-01 due 2", "2025-01 correction 4"]);
    assert.equal(blocks("202501"), 2, "the right figures stand below the wrong ones");
    assert.match(summary("202501"), /Recorded 2 .*\n\nSumary.*\n.*\n.*\nLost \d+\/ Recorded 4 /);
  });

  it("come for every month that was missed and has data, oldest first", async () => {
    record("202412", [5]);
    await lookAt(start(), "2025-01-05T12:00");
    for (const month of ["202501", "202503"]) record(month, [1]);
    await lookAt(start(), "2025-04-10T12:00");
    assert.deepEqual(told, ["2024-12 due 1", "2025-01 due 1", "2025-03 due 1"]);
  });

  it("come for twelve months at most, and never for those before the node was there", async () => {
    for (let year = 2024; year <= 2026; year++) {
      for (let month = 1; month <= 12; month++) record(`${year}${String(month).padStart(2, "0")}`, [1]);
    }
    await lookAt(start(), "2025-01-05T12:00");
    assert.deepEqual(told, ["2024-12 due 1"]);
    await lookAt(start(), "2026-07-05T12:00");
    assert.deepEqual([told.length, told[1], told.at(-1)], [13, "2025-07 due 1", "2026-06 due 1"]);
  });

  it("come although the clock was years ahead at the very first look", async () => {
    record("202501", [1]);
    await lookAt(start(), "2028-05-05T12:00", "2025-02-05T12:00");
    assert.deepEqual(told, ["2025-01 due 1"]);
  });

  it("do not begin in 1970, where a machine without a clock of its own does", async () => {
    for (const month of ["202411", "202412", "202501"]) record(month, [1]);
    await lookAt(start(), "1970-03-05T12:00", "2025-02-05T12:00");
    assert.deepEqual(told, ["2025-01 due 1"]);
  });

  it("are no corrections while minutes are still coming in: those are looked at with the next month", async () => {
    record("202501", [1]);
    const reports = start();
    await lookAt(reports, "2025-02-01T00:30");
    record("202501", [1, 2]);
    await lookAt(reports, "2025-02-01T02:00", "2025-02-01T04:00");
    assert.deepEqual(told, ["2025-01 due 1"]);
    await lookAt(reports, "2025-03-01T00:30");
    assert.deepEqual(told, ["2025-01 due 1", "2025-01 correction 2"]);
  });

  it("come when the minutes are there at last, within the hour", async () => {
    const reports = start();
    await lookAt(reports, "2025-02-01T00:30", "2025-02-01T00:31");
    record("202501", [1]);
    await lookAt(reports, "2025-02-01T01:31");
    assert.deepEqual(told, ["2025-01 due 1"]);
  });

  it("do not fail over a memory that something else has written", async () => {
    record("202501", [1]);
    for (const rubbish of [7, "{}", "[", "null", '{"since":5,"reported":"x","sending":null}']) {
      kept = rubbish;
      told.splice(0);
      await lookAt(start(), "2025-02-05T12:00");
      assert.deepEqual(told, ["2025-01 due 1"]);
    }
  });

  it("are tried again at the next look after a failure", async () => {
    record("202501", [1]);
    const report = makeReport();
    let isBroken = true;
    const answer: MonthlyReport["answer"] = (request) =>
      isBroken ? Promise.reject(new EvError("io", "full")) : report.answer(request);
    const reports = start({ ...report, answer });
    await assert.rejects(lookAt(reports, "2025-02-01T00:30"), /full/);
    isBroken = false;
    await lookAt(reports, "2025-02-01T00:31");
    assert.deepEqual(told, ["2025-01 due 1"]);
  });
});
