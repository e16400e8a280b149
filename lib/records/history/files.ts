import { createBreather, createLongText } from "../tables/breathe.ts";
import { type CsvOptions, type Cell } from "../tables/csv.ts";
import { safeFileName } from "../tables/file-name.ts";
import { csvOfTable, type RowsOf, type Table, toCells } from "../tables/table.ts";
import type { HistoryAnswer, SumRow } from "./answers.ts";
import type { Column } from "./columns.ts";
import type { Layout, SessionFilter } from "./requests.ts";

/** Texts of the node's language: `column.<name>`, `file.<name>`. */
export type Texts = (key: string) => string;

/** A list on its way out of the node. */
export interface Listing<Row> {
  readonly command: string;
  readonly rows: RowsOf<Row>;
  readonly columns: readonly Column<Row>[];
  readonly totals?: SumRow;
  readonly count?: number;
  /** of the file when nobody names it, without extension */
  readonly fileName: string;
}

const MEDIA_TYPE = {
  csv: "text/csv; charset=utf-8",
  json: "application/json; charset=utf-8",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
} as const;

/** Rows as they are, or as a file of the wished format. */
export async function layOut<Row>(
  listing: Listing<Row>,
  { format, fileName, separator, decimalSign, bom }: Layout,
  defaults: CsvOptions,
  texts: Texts,
): Promise<HistoryAnswer> {
  const { command, rows, columns, totals, count } = listing;
  const beside = {
    command,
    ...(totals === undefined ? {} : { totals }),
    ...(count === undefined ? {} : { count }),
  };
  if (format === "rows") {
    const shown = columns.flatMap(({ name, field }) =>
      field === null ? [] : [{ key: field, title: texts(`column.${name}`) }],
    );
    const list: Row[] = [];
    for await (const row of rows) list.push(row);
    return { ...beside, payload: list, columns: shown };
  }
  const file = {
    ...beside,
    fileName: safeFileName(fileName ?? listing.fileName, listing.fileName, `.${format}`),
    contentType: MEDIA_TYPE[format],
  };
  if (format === "json") return { ...file, payload: await jsonOf(listing) };
  const table: Table = {
    title: texts(`file.${command}`),
    columns: columns.map(({ name, kind }) => ({ title: texts(`column.${name}`), kind })),
    rows: toCells(rows, columns),
    totals: totals === undefined ? [] : totalRows(columns, totals, texts),
  };
  if (format === "xlsx") {
    const { xlsxOfTable } = await import("../tables/xlsx.ts");
    return { ...file, payload: await xlsxOfTable(table) };
  }
  return { ...file, payload: await csvOfTable(table, csvOptions({ separator, decimalSign, bom }, defaults)) };
}

/** A comma is one or the other: who asks for one as decimal sign alone gets semicolons between the cells. */
function csvOptions(wished: Pick<Layout, "separator" | "decimalSign" | "bom">, defaults: CsvOptions): CsvOptions {
  const decimalSign = wished.decimalSign ?? (wished.separator === "," ? "." : defaults.decimalSign);
  const separator = wished.separator ?? (decimalSign === "," && defaults.separator === "," ? ";" : defaults.separator);
  return { separator, decimalSign, bom: wished.bom ?? defaults.bom };
}

/** One row; where money of several currencies is in it, one more for each of them. */
function totalRows<Row>(columns: readonly Column<Row>[], totals: SumRow, texts: Texts): Cell[][] {
  const sum = columns.map(({ total }, index) => (index === 0 ? texts("file.total") : (total?.(totals) ?? null)));
  if (totals.costs.length < 2) return [sum];
  const each = totals.costs.map(({ currency, cost, energyKwh }) => {
    const cells: Readonly<Record<string, Cell>> = { currency, cost, energyKwh };
    return columns.map(({ name }, index) => (index === 0 ? texts("file.total") : (cells[name] ?? null)));
  });
  return [sum, ...each];
}

/** `{ rows, totals, count }`, one row per line. */
async function jsonOf<Row>({ rows, totals, count }: Listing<Row>): Promise<string> {
  const breathe = createBreather();
  const text = createLongText();
  text.add('{"rows": [\n');
  let separator = "";
  for await (const row of rows) {
    text.add(separator + JSON.stringify(row));
    separator = ",\n";
    await breathe();
  }
  text.add("\n]");
  for (const [name, field] of Object.entries({ totals, count })) {
    if (field !== undefined) text.add(`,\n${JSON.stringify(name)}: ${JSON.stringify(field)}`);
  }
  text.add("}\n");
  return text.finish();
}

/** `sessions-2026-11`, `months-2026`, `sessions-2026-11-01_2026-11-30`. */
export function nameOfPeriod(command: string, { year, month, from, to }: SessionFilter): string {
  if (year !== undefined) {
    return `${command}-${year}${month === undefined ? "" : `-${String(month).padStart(2, "0")}`}`;
  }
  if (from !== undefined && to !== undefined) return `${command}-${from}_${to}`;
  if (from !== undefined) return `${command}-from-${from}`;
  return to === undefined ? command : `${command}-to-${to}`;
}
