import { parentPort } from "node:worker_threads";
import type { CellObject, SheetData } from "write-excel-file/node";
import { type Cell, guardText } from "./csv.ts";
import type { ColumnKind, TableColumn } from "./table.ts";

/* The thread that makes a workbook: it is told the columns, then the rows in pieces, and answers with the file. */

export type XlsxRequest =
  | { readonly type: "begin"; readonly title: string; readonly columns: readonly TableColumn[] }
  | { readonly type: "rows"; readonly rows: readonly (readonly Cell[])[] }
  | { readonly type: "end"; readonly totals: readonly (readonly Cell[])[] };

const FORMAT: Readonly<Partial<Record<ColumnKind, string>>> = { time: "yyyy-mm-dd hh:mm:ss", day: "yyyy-mm-dd" };
const WIDTH: Readonly<Record<ColumnKind, number>> = { time: 19, day: 11, number: 12, text: 18 };
/** What Excel takes in one cell. */
const LONGEST_TEXT = 32_000;
const LONGEST_TITLE = 31;

let title = "";
let columns: readonly TableColumn[] = [];
const sheet: SheetData = [];

parentPort?.on("message", (request: XlsxRequest) => {
  if (request.type === "begin") {
    ({ columns } = request);
    title = request.title;
    sheet.push(
      columns.map((column) => ({ value: guardText(cleanText(column.title)), type: String, fontWeight: "bold" })),
    );
  } else if (request.type === "rows") {
    for (const row of request.rows) sheet.push(toRow(row));
  } else {
    for (const row of request.totals) {
      sheet.push(toRow(row).map((cell) => (cell === null ? null : { ...cell, fontWeight: "bold" })));
    }
    void write();
  }
});

async function write(): Promise<void> {
  let library: typeof import("write-excel-file/node");
  try {
    library = await import("write-excel-file/node");
  } catch (thrown) {
    parentPort?.postMessage({ missing: String(thrown) }, []);
    return;
  }
  const file = await library
    .default(sheet, {
      sheet: title.replace(/[\\/?*[\]:]/g, " ").slice(0, LONGEST_TITLE),
      columns: columns.map(({ kind }) => ({ width: WIDTH[kind] })),
      stickyRowsCount: 1,
    })
    .toBuffer();
  const bytes = new Uint8Array(file);
  parentPort?.postMessage(bytes, [bytes.buffer]);
}

const toRow = (row: readonly Cell[]): (CellObject | null)[] =>
  row.map((cell, index) => toCell(cell, columns[index]?.kind ?? "text"));

function toCell(cell: Cell, kind: ColumnKind): CellObject | null {
  if (cell === null) return null;
  if (typeof cell === "number") return Number.isFinite(cell) ? { value: cell, type: Number } : null;
  const format = FORMAT[kind];
  // a spreadsheet knows no zones: the clock on the wall is what it shows
  const wallMs =
    format === undefined ? Number.NaN : Date.parse(`${cell.replace(" ", "T")}${kind === "day" ? "T00:00:00" : ""}Z`);
  if (format !== undefined && !Number.isNaN(wallMs)) return { value: new Date(wallMs), type: Date, format };
  return { value: escapeHex(guardText(cleanText(cell))), type: String };
}

/** Without what XML cannot hold; taken away before the guard looks at what stands first. */
const cleanText = (text: string): string =>
  text
    .slice(0, LONGEST_TEXT)
    .toWellFormed()
    // oxlint-disable-next-line no-control-regex
    .replace(/[\0-\x08\x0B\x0C\x0E-\x1F\uFFFD\uFFFE\uFFFF]/g, "");

/** Excel reads _x003D_ as a character, unless its underscore is written that way itself. */
const escapeHex = (text: string): string => text.replace(/_(?=x[0-9A-Fa-f]{4}_)/g, "_x005F_");
