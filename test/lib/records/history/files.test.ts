import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import readXlsxFile from "read-excel-file/node";
import { EvError } from "../../../../lib/model/errors.ts";
import type { SessionRow } from "../../../../lib/records/history/answers.ts";
import { xlsxOfTable } from "../../../../lib/records/tables/xlsx.ts";
import { parseCsv } from "../../../support/csv-reader.ts";
import { createRig, keep, type Rig, someSession } from "./rig.ts";

describe("files from the history", () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = createRig();
    await keep(
      rig,
      someSession("2026-11-01T08:00:00Z", { vehicle: "Zoé 🔌", cost: 1.5, currency: "EUR", pricePerKwh: 0.2 }),
      someSession("2026-07-02T08:00:00Z", { vehicle: "=cmd|' /C calc'!A0", note: 'two\r\nlines, "quoted"' }),
    );
  });
  afterEach(() => rig.close());

  const csv = async (request: Record<string, unknown>, separator = ","): Promise<string[][]> =>
    parseCsv((await rig.ask({ format: "csv", ...request })).payload as string, separator);

  it("holds all sessions with local times, their offset, and a row of totals", async () => {
    const [header = [], first = [], second = [], totals = [], ...rest] = await csv({ command: "sessions" });
    const cell = (row: readonly string[], title: string): string | undefined => row[header.indexOf(title)];
    assert.deepEqual(rest, []);
    assert.deepEqual(
      ["Start", "UTC offset", "Energy (kWh)", "Cost", "Vehicle"].map((title) => cell(first, title)),
      ["2026-11-01 09:00:00", "UTC+01:00", "7.2", "1.5", "Zoé 🔌"],
    );
    assert.deepEqual(
      ["Start", "UTC offset", "Cost", "Vehicle", "Note"].map((title) => cell(second, title)),
      ["2026-07-02 10:00:00", "UTC+02:00", "", "'=cmd|' /C calc'!A0", 'two\r\nlines, "quoted"'],
    );
    assert.deepEqual(
      ["Start", "Energy (kWh)", "Cost", "Currency"].map((title) => cell(totals, title)),
      ["Total", "14.4", "1.5", "EUR"],
    );
  });

  it("has a name made of the period, a media type, and the name that was asked for, made safe", async () => {
    const answer = await rig.ask({ command: "sessions", year: 2026, month: 7, format: "csv" });
    assert.equal(answer.fileName, "sessions-2026-07.csv");
    assert.equal(answer.contentType, "text/csv; charset=utf-8");
    assert.equal((await rig.ask({ command: "months", format: "csv", fileName: "../../x" })).fileName, "x.csv");
    assert.equal((await rig.ask({ command: "totals", by: "user", format: "json" })).fileName, "totals-by-user.json");
    const days = await rig.ask({ command: "days", from: "2026-07-01", to: "2026-07-31", format: "csv" });
    assert.equal(days.fileName, "days-2026-07-01_2026-07-31.csv");
  });

  it("takes separator, decimal sign and byte order mark from the request, else from the settings", async () => {
    const text = (await rig.ask({ command: "months", format: "csv" })).payload as string;
    assert.ok(text.startsWith("\uFEFFMonth,"));
    const continental = { command: "months", format: "csv", decimalSign: ",", bom: false };
    assert.match((await rig.ask(continental)).payload as string, /^Month;[^]*2026-07;1;7,2;/);
    assert.match((await rig.ask({ ...continental, separator: "\t" })).payload as string, /2026-07\t1\t7,2\t/);
  });

  it("keeps several currencies apart in the totals", async () => {
    await keep(rig, someSession("2026-11-03T08:00:00Z", { cost: 4, currency: "GBP" }));
    const table = await csv({ command: "sessions" });
    const cost = table[0]?.indexOf("Cost") ?? -1;
    const currency = table[0]?.indexOf("Currency") ?? -1;
    assert.deepEqual(
      table.slice(-3).map((row) => [row[0], row[cost], row[currency]]),
      [
        ["Total", "", ""],
        ["Total", "1.5", "EUR"],
        ["Total", "4", "GBP"],
      ],
    );
  });

  it("writes the statement as its lines", async () => {
    await rig.ask({ command: "add-payment", day: "2026-11-04", amount: 1, note: "=1+1" });
    assert.deepEqual(await csv({ command: "statement" }), [
      ["Day", "Entry", "Amount", "Currency", "Vehicle", "User", "Note"],
      ["", "Due", "1.5", "EUR", "", "", ""],
      ["2026-11-04", "Payment", "1", "EUR", "", "", "'=1+1"],
      ["", "Paid", "1", "EUR", "", "", ""],
      ["", "Still to be paid", "0.5", "EUR", "", "", ""],
    ]);
  });

  it("is JSON that a program can read, with the totals", async () => {
    const answer = await rig.ask({ command: "sessions", format: "json" });
    const read = JSON.parse(answer.payload as string) as { rows: SessionRow[]; totals: unknown; count: number };
    assert.deepEqual(read.rows, (await rig.ask("sessions")).payload);
    assert.deepEqual([read.totals, read.count], [answer.totals, 2]);
    assert.deepEqual(JSON.parse((await rig.ask({ command: "tariffs", format: "json" })).payload as string), {
      rows: [],
    });
  });

  it("is a workbook with real numbers and dates in which no text is a formula", async () => {
    const answer = await rig.ask({ command: "sessions", format: "xlsx" });
    assert.equal(answer.fileName, "sessions.xlsx");
    assert.ok(Buffer.isBuffer(answer.payload));
    const [sheet] = await readXlsxFile(answer.payload);
    const [header = [], first = [], second = [], totals = []] = sheet?.data ?? [];
    assert.equal(sheet?.sheet, "Sessions");
    const cell = (row: readonly unknown[], title: string): unknown => row[header.indexOf(title)];
    assert.deepEqual(cell(first, "Start"), new Date("2026-11-01T09:00:00Z"));
    assert.equal(cell(first, "Energy (kWh)"), 7.2);
    assert.equal(cell(first, "Vehicle"), "Zoé 🔌");
    assert.equal(cell(second, "Vehicle"), "'=cmd|' /C calc'!A0");
    assert.equal(cell(second, "Cost"), null);
    assert.equal(cell(totals, "Energy (kWh)"), 14.4);
    assert.equal(cell(totals, "Start"), "Total");
  });

  it("is a workbook that opens, whatever a name holds", async () => {
    await keep(
      rig,
      someSession("2026-11-04T08:00:00Z", { vehicle: "\u0001=\uD800<b>&\uFFFF _x0041_", note: "x".repeat(2000) }),
    );
    const [sheet] = await readXlsxFile((await rig.ask({ command: "sessions", format: "xlsx" })).payload as Buffer);
    assert.equal(sheet?.data[1]?.[4], "'=<b>& _x0041_");
  });

  it("is no workbook when its rows come to an end too early", async () => {
    async function* rows() {
      yield ["first"];
      throw new EvError("unreachable", "the database has gone");
    }
    const columns = [{ title: "Name", kind: "text" }] as const;
    await assert.rejects(
      xlsxOfTable({ title: "x", columns, rows: rows(), totals: [] }),
      (error) => error instanceof EvError && error.code === "unreachable",
    );
  });

  it("has no folder of another month in a workbook of nothing", async () => {
    const answer = await rig.ask({ command: "days", year: 2001, format: "xlsx" });
    const [sheet] = await readXlsxFile(answer.payload as Buffer);
    assert.equal(sheet?.data.length, 2);
  });
});
