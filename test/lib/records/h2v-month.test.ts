import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import iconv from "iconv-lite";
import { after, before, describe, it } from "mocha";
import { readMinute } from "../../../lib/devices/h2v/minute.ts";
import { admitMinute, nothingSeen } from "../../../lib/devices/h2v/seen-minutes.ts";
import { parsePage } from "../../../lib/devices/h2v/wire.ts";
import { createManualClock } from "../../../lib/model/clock.ts";
import { silentLogger } from "../../../lib/model/logger.ts";
import { createCsvDesk } from "../../../lib/records/reading-log/csv-desk.ts";
import { startReadingLog } from "../../../lib/records/reading-log/reading-log.ts";
import { openCsvFolder } from "../../../lib/records/h2v-files/csv-folder.ts";
import { readCsvMonth } from "../../../lib/records/report/csv-month.ts";
import type { CsvLayout } from "../../../lib/records/h2v-files/h2v-layout.ts";
import { createMonthlyReport } from "../../../lib/records/report/monthly-report.ts";
import { readReportRequest } from "../../../lib/records/report/report-request.ts";
import { type H2vFault, type H2vSimulator, startH2vGateway } from "../../../simulators/h2v.ts";

/*
 * A month, minute by minute, from the simulated page to the files; beside it the original scripts, written here once more
 * from the fact sheet (openevse-h2v-sessions 7.3 and 7.4) and from nothing of ours.
 */

const MINUTE_MS = 60_000;
const BEGIN_MS = Date.parse("2025-02-01T00:00:00+09:00");
const END_MS = Date.parse("2025-03-01T00:00:00+09:00");

/** A house that is never quite the same. */
const home = (minuteMs: number) => {
  const minute = Math.round((minuteMs - BEGIN_MS) / MINUTE_MS);
  const meanW = 300 + ((minute * 37) % 900);
  const isCharging = minute % 1440 > 1320;
  return { meanW, peakW: meanW + 40, carW: isCharging ? 2400 : 2, isPeakCut: minute % 5000 === 0 };
};

/** Which minutes go wrong, and how. */
function faultAt(minute: number): H2vFault | null {
  if (minute % 4000 === 7) return "placeholder";
  if (minute % 3000 === 11) return "no-mean";
  if (minute % 6100 === 13) return "no-time";
  if (minute % 5100 === 17) return "negative";
  return minute % 7100 === 19 ? "letters" : null;
}

/** h2vmgr.py as the fact sheet tells of it. */
class OriginalLogger {
  readonly files = new Map<string, string>();
  poll(page: string, hostStamp: string): void {
    const find = (label: string, pattern: string): string | null => {
      const at = page.indexOf(`${label}[`);
      const found = at < 0 ? null : new RegExp(`^(${pattern})\\]`).exec(page.slice(at + label.length + 1, at + 60));
      return found?.[1] ?? null;
    };
    const shown = find("最新電力情報の時刻", "\\d{4}/\\d{2}/\\d{2} \\d{2}:\\d{2}");
    if (shown === null) return;
    const ms = Date.parse(`${shown.replaceAll("/", "-").replace(" ", "T")}:00Z`) - 9 * 3_600_000;
    const stamp = new Date(ms).toISOString();
    const time = `${stamp.slice(0, 10).replaceAll("-", "/")} ${stamp.slice(11, 16)}`;
    const names = ['"最新電力情報の時刻"'];
    const cells = [`"${time}"`];
    const add = (label: string, pattern: string, quote = ""): void => {
      const text = find(label, pattern);
      if (text === null) return;
      names.push(`"${label}"`);
      cells.push(quote + text + quote);
    };
    for (const label of ["本日", "昨日", "平均", "最大", "車充電", "ピークカット状態"]) add(label, "\\d+");
    add("PCC接続状態", "-?\\d+");
    add("TSC接続状態", "\\d+");
    add("充電開始時刻(nooffset)", "\\d{4}/\\d{2}/\\d{2} \\d{2}:\\d{2}", '"');
    const isPlaceholder = shown.startsWith("1970");
    const file = `${stamp.slice(0, 4)}${stamp.slice(5, 7)}h2vmgr-rawd.csv`;
    const before = this.files.get(file) ?? (isPlaceholder ? "" : `${names.join(",")}\n`);
    this.files.set(file, `${before}${[...cells, ...(isPlaceholder ? [`"${hostStamp}"`] : [])].join(",")}\n`);
  }
}

/** h2vmgrmsum.py; the numbers are such that six digits need no rounding rule. */
function originalSummary(csv: string): string {
  let used = 0;
  let charged = 0;
  const rows = csv.split("\n").slice(1, -1);
  for (const row of rows) {
    const cells = row.split(",");
    used += Number(cells[3]);
    charged += Number(cells[5]);
  }
  const six = Number((used / 60_000).toPrecision(6))
    .toString()
    .padStart(8);
  return `Sumary of the 2025/02\nTotal used power(Kwh) : ${six}\nTotal charged power(Kwh) : ${charged / 60_000}\nLost ${40_320 - rows.length}/ Recorded ${rows.length} minutes(28days)\n\n`;
}

describe("a month of the H2V gateway, minute by minute", function () {
  this.timeout(120_000);
  let folder = "";
  let gateway: H2vSimulator;
  const original = new OriginalLogger();
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "ev-month-"));
    const clock = createManualClock(BEGIN_MS);
    gateway = await startH2vGateway({ clock, home });
    const desks = (["compatible", "corrected"] as const).map((layout: CsvLayout) =>
      createCsvDesk(
        openCsvFolder({ folder: join(folder, layout), layout, encoding: "utf-8", onTorn: () => assert.fail("torn") }),
        layout,
      ),
    );
    let seen = nothingSeen;
    for (let minute = 0; clock.nowMs() < END_MS; minute++) {
      clock.advance(20_000);
      gateway.setFault(faultAt(minute));
      const bytes = gateway.page();
      const admission = admitMinute(
        seen,
        readMinute(parsePage(bytes), { device: "h2v", offsetMs: 9 * 3_600_000 }, clock.nowMs()),
      );
      seen = admission.seen;
      const stamp = new Date(clock.nowMs() + 9 * 3_600_000).toISOString().slice(0, 16).replaceAll(/\D/g, "");
      original.poll(iconv.decode(bytes, "euc-jp"), stamp);
      if (admission.admitted !== null) for (const desk of desks) desk.addGateway(admission.admitted, stamp);
      clock.advance(40_000);
    }
    for (const desk of desks) await desk.write();
  });
  after(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const file = (layout: string, name: string): string => readFileSync(join(folder, layout, name), "utf8");

  it("is the same file as the original script's, byte for byte", () => {
    assert.equal(file("compatible", "202502h2vmgr-rawd.csv"), original.files.get("202502h2vmgr-rawd.csv"));
    const lines = file("compatible", "202502h2vmgr-rawd.csv").split("\n");
    // by hand, from the fact sheet
    assert.equal(lines[1], '"2025/02/01 00:00",5,22436,300,340,2,1,-64,4,"1970/01/01 09:00"');
    assert.equal(lines[2], '"2025/02/01 00:01",11,22436,337,377,2,0,-64,4,"1970/01/01 09:00"');
    assert.ok(lines.some((line) => line.split(",").length === 9));
  });

  it("has the placeholders in the file of 1970, byte for byte", () => {
    assert.equal(file("compatible", "197001h2vmgr-rawd.csv"), original.files.get("197001h2vmgr-rawd.csv"));
    assert.match(
      file("compatible", "197001h2vmgr-rawd.csv").split("\n")[0] ?? "",
      /^"1970\/01\/01 00:00",\d+,\d+,\d+,\d+,2,0,-64,4,"1970\/01\/01 09:00","202502010007"$/,
    );
    assert.equal(existsSync(join(folder, "corrected", "197001h2vmgr-rawd.csv")), false);
  });

  it("gives the original's summary, byte for byte", async () => {
    const { summary } = await createMonthlyReport({
      source: { kind: "folder", folder: join(folder, "compatible") },
      device: "h2v",
      zone: "Asia/Tokyo",
      currency: "JPY",
      language: "ja",
      businessRatio: 0,
      prices: [],
      owner: "",
      folder,
      writesFiles: false,
      isSummaryDoubled: false,
      clock: createManualClock(END_MS),
    }).answer(readReportRequest("2025-02", "2025-03"));
    assert.equal(summary, originalSummary(original.files.get("202502h2vmgr-rawd.csv") ?? ""));
  });

  it("reads its corrected layout back without loss", async () => {
    const month = await readCsvMonth(join(folder, "corrected"), "2025-02", () => 1);
    let houseWh = 0;
    let carWh = 0;
    let recorded = 0;
    let impossible = 0;
    for (let minute = 0; minute < 40_320; minute++) {
      const fault = faultAt(minute);
      if (fault === "placeholder" || fault === "no-time") continue;
      const { meanW, carW } = home(BEGIN_MS + minute * MINUTE_MS);
      recorded += 1;
      impossible += fault === "negative" ? 1 : 0;
      houseWh += fault === "no-mean" ? 0 : (fault === "negative" ? -120 : meanW) / 60;
      // a car that gives back through this gateway: read, reported, not counted
      carWh += fault === "negative" ? 0 : carW / 60;
    }
    assert.ok(impossible > 0);
    assert.deepEqual(
      month?.problems.map(({ code }) => code),
      Array.from({ length: impossible }, () => "implausible"),
    );
    const sum = (of: (day: { houseWh: number; carWh: number; recordedMinutes: number }) => number): number =>
      (month?.days ?? []).reduce((total, day) => total + of(day), 0);
    assert.equal(
      sum(({ recordedMinutes }) => recordedMinutes),
      recorded,
    );
    assert.ok(Math.abs(sum((day) => day.houseWh) - houseWh) < 1e-6);
    assert.ok(Math.abs(sum((day) => day.carWh) - carWh) < 1e-6);
    assert.match(file("corrected", "202502h2vmgr-rawd.csv").split("\n")[2] ?? "", /,1$/);
  });

  it("fits the gateway's own daily counter but for the lost minutes", async () => {
    const month = await readCsvMonth(join(folder, "corrected"), "2025-02", () => 1);
    for (const day of (month?.days ?? []).slice(1, 27)) {
      assert.ok(day.counterWh !== null);
      assert.ok(Math.abs(day.counterWh - day.houseWh) < 80, `${day.day}: ${day.counterWh} ${day.houseWh}`);
    }
  });

  it("is written by the reading log itself in the same way", async () => {
    const clock = createManualClock(BEGIN_MS + 30_000);
    const own = join(folder, "log");
    const log = await startReadingLog({
      id: "n",
      zone: "Asia/Tokyo",
      store: null,
      csv: createCsvDesk(
        openCsvFolder({ folder: own, layout: "compatible", encoding: "utf-8", onTorn: () => {} }),
        "compatible",
      ),
      clock,
      logger: silentLogger,
      onTrouble: (error) => assert.fail(error),
      onWritten: () => {},
    });
    const sim = await startH2vGateway({ clock, home });
    for (let minute = 0; minute < 20; minute++) {
      sim.setFault(faultAt(minute));
      const settings = { device: "h2v", offsetMs: 9 * 3_600_000 };
      await log.take(readMinute(parsePage(sim.page()), settings, clock.nowMs()));
      clock.advance(MINUTE_MS);
    }
    await log.close();
    await sim.stop();
    const written = readFileSync(join(own, "202502h2vmgr-rawd.csv"), "utf8");
    assert.ok(original.files.get("202502h2vmgr-rawd.csv")?.startsWith(written));
    assert.ok(written.split("\n").length > 15);
  });
});
