import { createBreather } from "./breathe.ts";
import { BYTE_ORDER_MARK, type Cell, csvLine, type CsvOptions } from "./csv.ts";

/*
 * A report as columns and rows, before it becomes a file. Rows are plain cells, so that one writer serves all reports.
 */

/** `time` cells are texts `YYYY-MM-DD HH:MM:SS`, `day` cells `YYYY-MM-DD`; both are real dates in a spreadsheet. */
export type ColumnKind = "text" | "number" | "time" | "day";

export interface TableColumn {
  readonly title: string;
  readonly kind: ColumnKind;
}

export interface Table {
  /** of the sheet */
  readonly title: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly (readonly Cell[])[];
  /** the last rows: one, or one more per currency where several must not be added */
  readonly totals: readonly (readonly Cell[])[];
}

/** Header, rows, totals. The event loop turns in between. */
export async function csvOfTable({ columns, rows, totals }: Table, options: CsvOptions): Promise<string> {
  const breathe = createBreather();
  const lines = [
    options.bom ? BYTE_ORDER_MARK : "",
    csvLine(
      columns.map(({ title }) => title),
      options,
    ),
  ];
  for (const row of rows) {
    lines.push(csvLine(row, options));
    await breathe();
  }
  for (const row of totals) lines.push(csvLine(row, options));
  return lines.join("");
}

/** Every row of a list turned into cells; the event loop turns in between. */
export async function toCells<Row>(
  list: readonly Row[],
  columns: readonly { readonly read: (row: Row) => Cell }[],
): Promise<Cell[][]> {
  const breathe = createBreather();
  const rows: Cell[][] = [];
  for (const row of list) {
    rows.push(columns.map(({ read }) => read(row)));
    await breathe();
  }
  return rows;
}
