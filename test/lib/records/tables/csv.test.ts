import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  BYTE_ORDER_MARK,
  type CsvOptions,
  csvLine,
  csvSeparators,
  decimalSigns,
  guardText,
  plainNumber,
  unguardText,
} from "../../../../lib/records/tables/csv.ts";
import { csvOfTable } from "../../../../lib/records/tables/table.ts";
import { parseCsv } from "../../../support/csv-reader.ts";

const COMMA: CsvOptions = { separator: ",", decimalSign: ".", bom: false };
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({
    unit: fc.constantFrom("=", "+", "-", "@", "'", '"', ",", ";", "\t", "\r", "\n", "\0", " ", "＝", "a", "\uFEFF"),
  }),
);
const options = fc.record({
  separator: fc.constantFrom(...csvSeparators),
  decimalSign: fc.constantFrom(...decimalSigns),
  bom: fc.boolean(),
});

/** What a spreadsheet might begin a formula with, however it strips what stands in front. */
const looksLikeFormula = (cell: string): boolean =>
  /^[=+\-@＝＋－＠]/u.test(cell.replace(/^[\s\0-\x20\u200B-\u200F\u2060\uFEFF]+/u, "")) || /^[\t\r\n\0]/.test(cell);

describe("the CSV writer", () => {
  it("gives back every text through an independent reader, in every layout", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(anyText, { minLength: 2, maxLength: 4 }), { maxLength: 4 }),
        options,
        (rows, layout) => {
          const file = rows.map((row) => csvLine(row, layout)).join("");
          assert.deepEqual(
            parseCsv(file, layout.separator).map((row) => row.map(unguardText)),
            rows,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it("lets no text start a formula", () => {
    fc.assert(
      fc.property(anyText, options, (text, layout) => {
        const [[cell = ""] = []] = parseCsv(csvLine([text, "x"], layout), layout.separator);
        assert.ok(!looksLikeFormula(cell), JSON.stringify(cell));
      }),
      { numRuns: 1000 },
    );
  });

  it("puts an apostrophe before what a spreadsheet would run", () => {
    for (const text of [
      "=cmd|' /C calc'!A0",
      "+1",
      "-1",
      "@SUM(A1)",
      "\tx",
      "\rx",
      "\0x",
      "  =1",
      "＝1",
      "\uFEFF=1",
      "\u00A0@x",
    ]) {
      assert.equal(guardText(text), `'${text}`);
    }
    for (const text of ["Zoe", "a=b", "'quoted'", "", "日本"]) assert.equal(guardText(text), text);
  });

  it("quotes what another separator would tear apart, so that no hidden cell starts a formula", () => {
    assert.equal(csvLine(["x;=1+1"], COMMA), '"x;=1+1"\r\n');
    assert.equal(csvLine(["x\t=1+1"], COMMA), '"x\t=1+1"\r\n');
  });

  it("leaves numbers untouched, negative ones too, with the chosen decimal sign", () => {
    assert.equal(csvLine([-5.25, 0, 1e-7, 12_345.678], COMMA), "-5.25,0,0.0000001,12345.678\r\n");
    assert.equal(csvLine([-5.25, 3], { separator: ";", decimalSign: "," }), "-5,25;3\r\n");
    assert.equal(csvLine([-5.25, 3], { separator: ",", decimalSign: "," }), '"-5,25",3\r\n');
  });

  it("never writes an exponent, and every number reads back the same to nine decimals", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }), (number) => {
        const plain = plainNumber(number, ".");
        assert.match(plain, /^-?\d+(\.\d+)?$/);
        assert.ok(Math.abs(Number(plain) - number) <= 1e-9 * Math.max(1, Math.abs(number)));
      }),
    );
    assert.equal(plainNumber(1e21, "."), "1000000000000000000000");
    assert.equal(plainNumber(Number.NaN, "."), "");
    assert.equal(plainNumber(Number.POSITIVE_INFINITY, "."), "");
    assert.equal(plainNumber(-0, "."), "0");
    assert.equal(plainNumber(100, "."), "100");
  });

  it("begins with the byte order mark only when asked, then header, rows and totals", async () => {
    const table = {
      title: "x",
      columns: [
        { title: "Name", kind: "text" },
        { title: "kWh", kind: "number" },
      ],
      rows: [
        ["=a", 1.5],
        [null, null],
      ],
      totals: [["Total", 1.5]],
    } as const;
    const body = "Name,kWh\r\n'=a,1.5\r\n,\r\nTotal,1.5\r\n";
    assert.equal(await csvOfTable(table, COMMA), body);
    assert.equal(await csvOfTable(table, { ...COMMA, bom: true }), BYTE_ORDER_MARK + body);
  });

  it("is whole and in order, however long, with rows that are made while it is written", async () => {
    const names = Array.from({ length: 30_000 }, (_, row) => `row ${row} ${"x".repeat(1 + (row % 40))}`);
    async function* rows() {
      for (const name of names) yield [name];
    }
    const table = {
      title: "x",
      columns: [{ title: "Name", kind: "text" }],
      rows: rows(),
      totals: [["Total"]],
    } as const;
    assert.equal(await csvOfTable(table, COMMA), ["Name", ...names, "Total", ""].join("\r\n"));
  });
});
