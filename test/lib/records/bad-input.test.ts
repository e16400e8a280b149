import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { createManualClock } from "../../../lib/model/clock.ts";
import { openCsvFolder } from "../../../lib/records/h2v-files/csv-folder.ts";
import { createMonthlyReport, type ReportAnswer } from "../../../lib/records/report/monthly-report.ts";
import { readReportRequest } from "../../../lib/records/report/report-request.ts";

/*
 * "Bad input" of the H2V task, what concerns files, each line by its own words: from the file to the report, and to the next
 * minute that is written. What concerns the page is in `devices/h2v`.
 */

const HEADER =
  '"最新電力情報の時刻","本日","昨日","平均","最大","車充電","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)"';
const row = (minute: string, today: number | string = 100, mean: number | string = 600, car: number | string = 1200) =>
  `"2025/01/05 ${minute}",${today},20000,${mean},700,${car},0,-64,4,"1970/01/01 09:00"`;
const NEXT = row("10:05");

describe("bad input in a monthly file", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-bad-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const path = (): string => join(folder, "202501h2vmgr-rawd.csv");

  const report = (): Promise<ReportAnswer> =>
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
      clock: createManualClock(Date.parse("2025-02-01T00:31:00+09:00")),
    }).answer(readReportRequest("2025-01", "2025-02"));
  const append = (): Promise<number> =>
    openCsvFolder({ folder, layout: "compatible", encoding: "utf-8", onTorn: () => {} }).append("202501", [
      { month: "202501", header: HEADER, row: NEXT, minute: "2025/01/05 10:05" },
    ]);

  const lines: readonly (readonly [quote: string, content: string, problems: string[], minutes: number, wh: number])[] =
    [
      ["a CSV with short rows", `${HEADER}\n${row("10:00")}\n"2025/01/05 10:01",100,600\n`, ["3 short-row"], 1, 10],
      [
        "a second header in the middle",
        `${HEADER}\n${row("10:00")}\n${HEADER}\n${row("10:01")}\n`,
        ["3 second-header"],
        2,
        20,
      ],
      ["CRLF", `${HEADER}\r\n${row("10:00")}\r\n${row("10:01")}\r\n`, [], 2, 20],
      [
        "a torn last line after power loss",
        `${HEADER}\n${row("10:00")}\n${row("10:01").slice(0, 31)}`,
        ["3 torn-line"],
        1,
        10,
      ],
      [
        "a torn last line after power loss, which another line followed",
        `${HEADER}\n${row("10:00").slice(0, 31)}\n${row("10:00")}\n`,
        ["2 short-row"],
        1,
        10,
      ],
      [
        "negative and 7-digit values",
        `${HEADER}\n${row("10:00", 100, 1_234_567)}\n${row("10:01", 100, -60, -3)}\n${row("10:02")}\n`,
        ["2 implausible", "3 implausible"],
        3,
        9,
      ],
      ["本日[abc]", `${HEADER}\n${row("10:00", "abc")}\n${row("10:01")}\n`, [], 2, 20],
      [
        "昨日[abc]",
        `${HEADER}\n${row("10:00").replace("20000", "abc")}\n${row("10:01").replace("20000", "1234567")}\n${row("10:02").replace("20000", "-1")}\n`,
        ["2 not-a-number", "3 implausible", "4 implausible"],
        3,
        30,
      ],
      ["平均[abc]", `${HEADER}\n${row("10:00", 100, "abc")}\n${row("10:01")}\n`, ["2 not-a-number"], 2, 10],
    ];
  for (const [quote, content, problems, minutes, houseWh] of lines) {
    it(`"${quote}": says file and line, keeps what is right, and never rewrites the user's file`, async () => {
      writeFileSync(path(), content);
      const { month, problems: found } = await report();
      assert.deepEqual(
        found.map(({ file, line, code }) => `${file} ${line} ${code}`),
        problems.map((problem) => `202501h2vmgr-rawd.csv ${problem}`),
      );
      assert.equal(month?.recordedMinutes, minutes);
      assert.ok(Math.abs((month?.houseKwh ?? 0) * 1000 - houseWh) < 1e-9, `${month?.houseKwh} kWh`);
      assert.equal(readFileSync(path(), "utf8"), content, "a report only reads");
      assert.equal(await append(), 1);
      const end = content.includes("\r\n") ? "\r\n" : "\n";
      const gap = content.endsWith("\n") ? "" : end;
      assert.equal(readFileSync(path(), "utf8"), `${content}${gap}${NEXT}${end}`);
      assert.equal((await report()).month?.recordedMinutes, minutes + 1);
    });
  }

  it(`"append only, fsync": a line is given to the disk before it counts as written`, async () => {
    writeFileSync(path(), `${HEADER}\n`);
    const handle = await open(path(), "r");
    const prototype = Object.getPrototypeOf(handle) as { sync: () => Promise<void> };
    await handle.close();
    const { sync } = prototype;
    const synced: string[] = [];
    prototype.sync = async function (this: unknown): Promise<void> {
      await sync.call(this);
      synced.push(readFileSync(path(), "utf8"));
    };
    try {
      await append();
    } finally {
      prototype.sync = sync;
    }
    assert.ok(synced.includes(`${HEADER}\n${NEXT}\n`));
  });
});
