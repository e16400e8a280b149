/*
 * The one CSV writer: RFC 4180 lines that Excel, LibreOffice and Numbers open as they are meant, and in which no text can
 * start a formula (OWASP ASVS 1.2.10; facts best-systems 3, I5).
 */

/** Text is guarded and quoted, a number is written with the chosen decimal sign, null is an empty cell. */
export type Cell = string | number | null;

export const csvSeparators = [",", ";", "\t"] as const;
export const decimalSigns = [".", ","] as const;

export interface CsvOptions {
  readonly separator: (typeof csvSeparators)[number];
  readonly decimalSign: (typeof decimalSigns)[number];
  /** byte order mark, from which Excel knows UTF-8 */
  readonly bom: boolean;
}

export const BYTE_ORDER_MARK = "\uFEFF";
export const LINE_END = "\r\n";

const MOST_DECIMALS = 9;

// Spreadsheets look past blanks and invisible marks, and some past a full-width sign, before they decide what a cell is.
const FORMULA = String.raw`(?:[\s\0-\x20\u200B-\u200F\u2060\uFEFF]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|[\t\r\n\0])`;
// A text that has apostrophes of its own gets another, so that taking one away gives the text back.
const NEEDS_GUARD = new RegExp(`^'*${FORMULA}`, "u");
const GUARDED = new RegExp(`^'+${FORMULA}`, "u");

// every separator that a spreadsheet may be set to, so that a file opened with the wrong one does not fall apart
const NEEDS_QUOTES = /[",;\t|\r\n\0]|^[\s\uFEFF]|[\s\uFEFF]$/u;

/** A text that no spreadsheet takes for a formula: an apostrophe in front where needed. */
export const guardText = (text: string): string => (NEEDS_GUARD.test(text) ? `'${text}` : text);

/** What `guardText` was given. */
export const unguardText = (text: string): string => (GUARDED.test(text) ? text.slice(1) : text);

/** Plain decimal notation, never an exponent, no needless zeros; what is no number is empty. */
export function plainNumber(number: number, decimalSign: CsvOptions["decimalSign"]): string {
  if (!Number.isFinite(number)) return "";
  if (Math.abs(number) >= 1e15) return String(BigInt(Math.trunc(number)));
  const fixed = number.toFixed(MOST_DECIMALS).replace(/\.?0+$/, "");
  return (fixed === "-0" ? "0" : fixed).replace(".", decimalSign);
}

/** One record, with its line end. */
export function csvLine(cells: readonly Cell[], options: Pick<CsvOptions, "separator" | "decimalSign">): string {
  return cells.map((cell) => csvCell(cell, options)).join(options.separator) + LINE_END;
}

function csvCell(cell: Cell, { separator, decimalSign }: Pick<CsvOptions, "separator" | "decimalSign">): string {
  if (cell === null) return "";
  if (typeof cell === "number") {
    const plain = plainNumber(cell, decimalSign);
    return plain.includes(separator) ? `"${plain}"` : plain;
  }
  const guarded = guardText(cell);
  return NEEDS_QUOTES.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}
