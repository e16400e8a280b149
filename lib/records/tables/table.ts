import { createBreather, createLongText } from "./breathe.ts";
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

/** At hand, or made while they are written, which keeps a long list short in memory. */
export type RowsOf<Row> = Iterable<Row> | AsyncIterable<Row>;

export interface Table {
  /** of the sheet */
  readonly title: string;
  readonly columns: readonly TableColumn[];
  readonly rows: RowsOf<readonly Cell[]>;
  /** the last rows: one, or one more per currency where several must not be added */
  readonly totals: readonly (readonly Cell[])[];
}

/** Header, rows, totals. The event loop turns in between. */
export async function csvOfTable({ columns, rows, totals }: Table, options: CsvOptions): Promise<string> {
  const breathe = createBreather();
  const text = createLongText();
  if (options.bom) text.add(BYTE_ORDER_MARK);
  const titles = columns.map(({ title }) => title);
  text.add(csvLine(titles, options));
  for await (const row of rows) {
    text.add(csvLine(row, options));
    await breathe();
  }
  for (const row of totals) text.add(csvLine(row, options));
  return text.finish();
}

/** Every row of a list turned into cells, one when it is asked for. */
export async function* toCells<Row>(
  list: RowsOf<Row>,
  columns: readonly { readonly read: (row: Row) => Cell }[],
): AsyncGenerator<Cell[]> {
  for await (const row of list) yield columns.map(({ read }) => read(row));
}
