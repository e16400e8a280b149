import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import iconv from "iconv-lite";
import { afterEach, beforeEach, describe, it } from "mocha";
import { createMonthTaker, type CsvMonth, readCsvMonth } from "../../../../lib/records/report/csv-month.ts";
import { type CsvMinute, type CsvProblem, createCsvReader } from "../../../../lib/records/h2v-files/h2v-csv.ts";
import { makeMonthReport, makeYearReport, roundDown } from "../../../../lib/records/report/month-report.ts";
import { summaryBlock } from "../../../../lib/records/report/summary-file.ts";
import { priceMonth } from "../../../../lib/records/report/tariff.ts";

const HEADER =
  '"最新電力情報の時刻","本日","昨日","平均","最大","車充電","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)"';
const row = (
  minute: string,
  meanW: number | string = 600,
  carW: number | string = 1200,
  yesterdayWh = 20_000,
): string => `"${minute}",100,${yesterdayWh},${meanW},700,${carW},0,-64,4,"1970/01/01 09:00"`;

function readAll(content: string | Buffer, chunkBytes = 1000): { minutes: CsvMinute[]; problems: string[] } {
  const minutes: CsvMinute[] = [];
  const problems: string[] = [];
  const reader = createCsvReader(
    "x.csv",
    (minute) => minutes.push(minute),
    ({ file, line, code }: CsvProblem) => problems.push(`${file}:${line} ${code}`),
  );
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes));
  reader.end();
  return { minutes, problems };
}

describe("a monthly file that is read", () => {
  const lines = [HEADER, row("2025/01/01 00:00"), row("2025/01/01 00:01", 601, 0)];

  it("gives minutes and their figures", () => {
    const { minutes, problems } = readAll(`${lines.join("\n")}\n`);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      minutes.map(({ line, minute, meanW, carW, yesterdayWh }) => [line, minute, meanW, carW, yesterdayWh]),
      [
        [2, "2025/01/01 00:00", 600, 1200, 20_000],
        [3, "2025/01/01 00:01", 601, 0, 20_000],
      ],
    );
  });

  it("is the same in every encoding, with CRLF, with a byte order mark, and in pieces of any size", () => {
    const plain = readAll(`${lines.join("\n")}\n`).minutes;
    for (const encoding of ["utf-8", "euc-jp", "shift_jis"]) {
      const bytes = iconv.encode(`${lines.join("\r\n")}\r\n`, encoding);
      for (const size of [1, 7, 100, 10_000]) assert.deepEqual(readAll(bytes, size), { minutes: plain, problems: [] });
    }
    assert.deepEqual(readAll(`\ufeff${lines.join("\n")}\n`).minutes, plain);
  });

  const spoilt: readonly (readonly [title: string, content: string | Buffer, problems: string[], minutes: number])[] = [
    [
      "a short row",
      [HEADER, row("2025/01/01 00:00").replace(",700", ""), row("2025/01/01 00:01"), ""].join("\n"),
      ["x.csv:2 short-row"],
      2,
    ],
    [
      "a second header in the middle",
      [HEADER, row("2025/01/01 00:00"), HEADER, row("2025/01/01 00:01"), ""].join("\n"),
      ["x.csv:3 second-header"],
      2,
    ],
    [
      "a torn last line",
      [HEADER, row("2025/01/01 00:00"), row("2025/01/01 00:01").slice(0, 30)].join("\n"),
      ["x.csv:3 torn-line"],
      1,
    ],
    ["a last line without its end, but whole", [HEADER, row("2025/01/01 00:00")].join("\n"), ["x.csv:2 torn-line"], 1],
    [
      "zeros after a power cut",
      [HEADER, "\u0000\u0000\u0000", row("2025/01/01 00:01"), ""].join("\n"),
      ["x.csv:2 not-text"],
      1,
    ],
    ["an empty line", [HEADER, "", row("2025/01/01 00:01"), ""].join("\n"), ["x.csv:2 empty-line"], 1],
    ["words for numbers", [HEADER, row("2025/01/01 00:00", "abc"), ""].join("\n"), ["x.csv:2 not-a-number"], 1],
    ["no header", `${row("2025/01/01 00:00")}\n`, ["x.csv:1 no-header"], 1],
    [
      "a line of one megabyte",
      [HEADER, "x".repeat(1_000_000), row("2025/01/01 00:01"), ""].join("\n"),
      ["x.csv:2 too-long-line"],
      1,
    ],
    ["something else altogether", "<html>\n", ["x.csv:1 not-a-minute"], 0],
    ["nothing at all", "", [], 0],
  ];
  for (const [title, content, problems, count] of spoilt) {
    it(`says with file and line what is wrong, and keeps the rest: ${title}`, () => {
      const read = readAll(content);
      assert.deepEqual(read.problems, problems);
      assert.equal(read.minutes.length, count);
    });
  }

  it("counts whole lines below a header that lacks a figure", () => {
    const short = HEADER.replace('"昨日",', "");
    const { minutes, problems } = readAll(`${short}\n${row("2025/01/01 00:00")}\n`);
    assert.deepEqual([minutes[0]?.meanW, minutes[0]?.carW, minutes[0]?.yesterdayWh, problems], [600, 1200, 20_000, []]);
  });

  it("reports powers that cannot be, with file and line, and leaves only them out", () => {
    const content = [HEADER, row("2025/01/01 00:00", 9_999_999, 2), row("2025/01/01 00:01", -50, -3)].join("\n");
    const { minutes, problems } = readAll(`${content}\n`);
    assert.deepEqual(problems, ["x.csv:2 implausible", "x.csv:3 implausible"]);
    assert.deepEqual(
      minutes.map(({ meanW, carW, originalMeanW }) => [meanW, carW, originalMeanW]),
      [
        [null, 2, 9_999_999],
        [-50, null, -50],
      ],
    );
  });

  it("survives any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (bytes, size) => {
        readAll(Buffer.concat([Buffer.from(`${HEADER}\n`), Buffer.from(bytes)]), size);
      }),
    );
  });

  it("reads a line of a gigabyte in a few megabytes of memory", function () {
    this.timeout(30_000);
    const chunk = Buffer.alloc(1024 * 1024, "9");
    const problems: string[] = [];
    const reader = createCsvReader(
      "x.csv",
      () => {},
      ({ line, code }) => problems.push(`${line} ${code}`),
    );
    const beforeBytes = process.memoryUsage().rss;
    for (let piece = 0; piece < 1024; piece++) reader.push(chunk);
    reader.push(Buffer.from(`\n${row("2025/01/01 00:01")}\n`));
    reader.end();
    assert.deepEqual(problems, ["1 too-long-line"]);
    assert.ok(process.memoryUsage().rss - beforeBytes < 50 * 1024 * 1024);
  });
});

describe("the month of a folder", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-h2v-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const FLAT = priceMonth("2025-01", [{ validFrom: null, pricePerKwh: 30, windows: [] }]);
  const write = (month: string, rows: readonly string[]): void =>
    writeFileSync(join(folder, `${month}h2vmgr-rawd.csv`), `${[HEADER, ...rows].join("\n")}\n`);
  const read = async (): Promise<CsvMonth> => {
    const month = await readCsvMonth(folder, "2025-01", FLAT);
    assert.ok(month !== null);
    return month;
  };

  it("adds up days, and counts lost minutes", async () => {
    write("202501", [row("2025/01/01 00:00"), row("2025/01/01 00:01"), row("2025/01/02 10:00")]);
    const { days, original, problems } = await read();
    assert.deepEqual(problems, []);
    assert.equal(days.length, 31);
    const { houseWh, carWh, recordedMinutes, lostMinutes } = days[0] ?? assert.fail();
    assert.deepEqual([houseWh, carWh, recordedMinutes, lostMinutes], [20, 40, 2, 1438]);
    assert.deepEqual(original, { rows: 3, meanW: 1800, carW: 3600 });
  });

  it("counts a minute once that stands there twice; the original counts it twice", async () => {
    write("202501", [row("2025/01/01 00:00"), row("2025/01/01 00:00")]);
    const { days, original, problems } = await read();
    assert.equal(days[0]?.recordedMinutes, 1);
    assert.equal(original.rows, 2);
    assert.deepEqual(problems, [{ file: "202501h2vmgr-rawd.csv", line: 3, code: "duplicate-minute" }]);
  });

  it("adds a short row up by its place, as the original, but not for the report", async () => {
    write("202501", ['"2025/01/01 00:00",100,20000,700,1200,0,-64,4,"1970/01/01 09:00"']);
    const { days, original } = await read();
    assert.deepEqual(original, { rows: 1, meanW: 700, carW: 0 });
    assert.equal(days[0]?.houseWh, 0);
    assert.equal(days[0]?.lostMinutes, 1440);
  });

  it("counts no minute of another month and no minute that does not exist", async () => {
    write("202501", [row("2025/02/01 00:00"), row("2025/01/32 00:00"), row("2025/01/01 24:00")]);
    const { days, problems } = await read();
    assert.equal(days[0]?.recordedMinutes, 0);
    assert.deepEqual(
      problems.map(({ line, code }) => `${line} ${code}`),
      ["2 other-month", "3 not-a-minute", "4 not-a-minute"],
    );
  });

  it("checks each day against the counter that the day after shows, the last one too", async () => {
    write("202501", [row("2025/01/01 00:00"), row("2025/01/02 00:00", 600, 0, 25), row("2025/01/31 00:00")]);
    write("202502", [row("2025/02/01 00:00", 600, 0, 44), row("2025/02/02 00:00", 600, 0, 99)]);
    const { days } = await read();
    assert.equal(days[0]?.counterWh, 25);
    assert.equal(days[30]?.counterWh, 44);
    const report = makeMonthReport("2025-01", days, { device: "h2v", currency: "JPY", businessRatio: 0.4 });
    assert.equal(report.days[0]?.missedWh, 15);
    assert.equal(report.crossCheck.days, 3);
  });

  it("costs by tariff and takes the business share, rounded down to the yen", async () => {
    write(
      "202501",
      Array.from({ length: 60 }, (_, minute) => row(`2025/01/01 10:${String(minute).padStart(2, "0")}`)),
    );
    const { days } = await read();
    const report = makeMonthReport("2025-01", days, { device: "h2v", currency: "JPY", businessRatio: 0.4 });
    assert.ok(Math.abs(report.carKwh - 1.2) < 1e-9);
    assert.ok(Math.abs((report.carCost ?? 0) - 36) < 1e-9);
    assert.equal(report.businessAmount, 14);
    const year = makeYearReport("2025", [report, null], { device: "h2v", currency: "JPY", businessRatio: 0.4 });
    assert.equal(year.businessAmount, 14);
  });

  it("comes out the same on the fast way, in one piece, as on the slow way, byte by byte", () => {
    const spoil = fc.constantFrom("", "", "", "x", "-", ",", "\u0000", "\r", '"', "99", "é");
    const lineOf = fc
      .tuple(
        fc.integer({ min: 0, max: 33 }),
        fc.integer({ min: 0, max: 25 }),
        fc.integer({ min: 0, max: 62 }),
        spoil,
        fc.nat(90),
      )
      .map(([day, hour, minute, spoilt, at]) => {
        const two = (number: number): string => String(number).padStart(2, "0");
        const line = row(`2025/01/${two(day)} ${two(hour)}:${two(minute)}`, day * 31, minute);
        return line.slice(0, at) + spoilt + line.slice(at);
      });
    fc.assert(
      fc.property(fc.array(lineOf, { maxLength: 20 }), fc.boolean(), (lines, hasEnd) => {
        const bytes = Buffer.from([HEADER, ...lines].join("\n") + (hasEnd ? "\n" : ""));
        const taken = [bytes.length, 1].map((size) => {
          const taker = createMonthTaker("x.csv", "2025-01", FLAT);
          const reader = createCsvReader("x.csv", taker.take, taker.problem, taker.takePlain);
          for (let from = 0; from < bytes.length; from += size) reader.push(bytes.subarray(from, from + size));
          reader.end();
          return taker.finish(null);
        });
        assert.deepEqual(taken[0], taken[1]);
      }),
    );
  });

  it("is null when there is no file", async () => {
    assert.equal(await readCsvMonth(folder, "2025-01", FLAT), null);
  });

  it("remembers a hundred problems, and counts all", async () => {
    write(
      "202501",
      Array.from({ length: 500 }, () => "rubbish"),
    );
    const { problems, problemCount } = await read();
    assert.deepEqual([problems.length, problemCount], [100, 500]);
  });
});

describe("prices of a month", () => {
  const price = priceMonth("2025-03", [
    { validFrom: null, pricePerKwh: 30, windows: [{ days: "all", from: "23:00", to: "07:00", pricePerKwh: 20 }] },
    {
      validFrom: "2025-03-15",
      pricePerKwh: 35,
      windows: [{ days: "weekend", from: "00:00", to: "00:00", pricePerKwh: 25 }],
    },
  ]);
  it("follow windows over midnight, weekends, and the day from which they hold", () => {
    assert.equal(price(1, 22 * 60 + 59), 30);
    assert.equal(price(1, 23 * 60), 20);
    assert.equal(price(1, 6 * 60 + 59), 20);
    assert.equal(price(1, 7 * 60), 30);
    assert.equal(price(14, 12 * 60), 30);
    assert.equal(price(15, 12 * 60), 25, "a Saturday");
    assert.equal(price(17, 12 * 60), 35, "a Monday");
  });
  it("are not known before the first one holds", () => {
    assert.equal(priceMonth("2025-03", [{ validFrom: "2025-03-02", pricePerKwh: 1, windows: [] }])(1, 0), null);
    assert.equal(priceMonth("2025-03", [])(1, 0), null);
  });
  it("round down to what can be paid, binary dust aside", () => {
    assert.equal(roundDown(99.9999999, "JPY"), 100);
    assert.equal(roundDown(99.9, "JPY"), 99);
    assert.equal(roundDown(1.239, "EUR"), 1.23);
  });
});

describe("the summary of the original script", () => {
  it("is the block of the fact sheet, byte for byte", () => {
    assert.equal(
      summaryBlock("2025-01", { rows: 44_630, meanW: 653.023 * 60_000, carW: 1_277_541 }),
      "Sumary of the 2025/01\n" +
        "Total used power(Kwh) :  653.023\n" +
        "Total charged power(Kwh) : 21.29235\n" +
        "Lost 10/ Recorded 44630 minutes(31days)\n" +
        "\n",
    );
  });
  it("prints nothing recorded as Python does", () => {
    assert.equal(
      summaryBlock("2024-02", { rows: 0, meanW: 0, carW: 0 }),
      "Sumary of the 2024/02\nTotal used power(Kwh) :        0\nTotal charged power(Kwh) : 0.0\nLost 41760/ Recorded 0 minutes(29days)\n\n",
    );
  });
});
