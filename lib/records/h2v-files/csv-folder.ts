import { join } from "node:path";
import { h2vLabels } from "../../model/h2v-page.ts";
import { appendDurably, isTorn, readEnds } from "./append-file.ts";
import type { CsvLayout, CsvLine } from "./h2v-layout.ts";
import { fileNameOf, PLACEHOLDER_MONTH } from "./h2v-layout.ts";
import { encodeText } from "./encode-text.ts";
import { decodeText, detectEncoding, type FileEncoding } from "./text-encoding.ts";

/** How an existing file is written on. */
export interface FileStyle {
  readonly layout: CsvLayout;
  readonly encoding: FileEncoding;
  readonly lineEnd: "\n" | "\r\n";
}

export interface CsvFolderOptions {
  readonly folder: string;
  /** for files that do not exist yet */
  readonly layout: CsvLayout;
  readonly encoding: FileEncoding;
  /** The file ended in the middle of a line; the next line begins on its own. */
  readonly onTorn: (file: string) => void;
}

/** A folder of monthly files, written on line by line. */
export interface CsvFolder {
  /** How the file of a month is written, or would be. @param month `YYYYMM` @throws EvError `io` */
  styleOf(month: string): Promise<FileStyle>;
  /**
   * Adds lines of one month; a minute that stands there already is left out.
   *
   * @returns how many were written
   * @throws EvError `io`; then all of them may be given again
   */
  append(month: string, lines: readonly CsvLine[]): Promise<number>;
}

interface OpenFile {
  readonly style: FileStyle;
  readonly minutes: Set<string>;
  /** the bytes of the last line when it has no end, as latin1 */
  readonly tornLine: string | null;
  isEmpty: boolean;
  isTorn: boolean;
}

const LABELS = Object.values(h2vLabels);
const MINUTE_AT_LINE_START = /^"(\d{4}\/\d\d\/\d\d \d\d:\d\d)"/gm;
const STAMP_AT_LINE_END = /,"(\d{12})"\r?$/gm;
/** A month has 44,640 minutes; the file of the placeholders never ends. */
const REMEMBERED_MINUTES = 50_000;

/** Opens a folder; nothing is written before the first line. */
export function openCsvFolder(options: CsvFolderOptions): CsvFolder {
  /** Only the month that is being written is remembered; another one is looked at again. */
  let opened: { readonly month: string; readonly file: OpenFile } | null = null;

  async function look(month: string): Promise<OpenFile> {
    if (opened?.month === month) return opened.file;
    const ends = await readEnds(join(options.folder, fileNameOf(month)));
    const text = ends.tail.toString("latin1");
    const wholeTo = text.lastIndexOf("\n") + 1;
    const pattern = month === PLACEHOLDER_MONTH ? STAMP_AT_LINE_END : MINUTE_AT_LINE_START;
    const file: OpenFile = {
      style: ends.head === null ? newStyle(options) : findStyle(ends.head, options),
      minutes: new Set([...text.slice(0, wholeTo).matchAll(pattern)].map(([, minute = ""]) => minute)),
      tornLine: isTorn(ends) ? text.slice(wholeTo) : null,
      isEmpty: ends.head === null,
      isTorn: isTorn(ends),
    };
    opened = { month, file };
    return file;
  }

  return {
    async styleOf(month) {
      return (await look(month)).style;
    },
    async append(month, lines) {
      const file = await look(month);
      // only its line end is missing
      const torn = lines.find(({ row }) => encodeText(row, file.style.encoding).toString("latin1") === file.tornLine);
      if (torn !== undefined && torn.minute !== null) file.minutes.add(torn.minute);
      const fresh = leaveOutKnown(lines, file.minutes);
      if (fresh.length === 0) return 0;
      const name = fileNameOf(month);
      if (file.isTorn) options.onTorn(name);
      const { lineEnd, encoding } = file.style;
      const header = file.isEmpty ? (fresh[0]?.header ?? null) : null;
      const text = [...(header === null ? [] : [header]), ...fresh.map(({ row }) => row)]
        .map((line) => line + lineEnd)
        .join("");
      try {
        await appendDurably(join(options.folder, name), encodeText((file.isTorn ? lineEnd : "") + text, encoding));
      } catch (thrown) {
        // a part may be there: look again before the next try
        opened = null;
        throw thrown;
      }
      file.isEmpty = false;
      file.isTorn = false;
      for (const { minute } of fresh) if (minute !== null) file.minutes.add(minute);
      for (const oldest of file.minutes) {
        if (file.minutes.size <= REMEMBERED_MINUTES) break;
        file.minutes.delete(oldest);
      }
      return fresh.length;
    },
  };
}

function leaveOutKnown(lines: readonly CsvLine[], known: ReadonlySet<string>): CsvLine[] {
  const taken = new Set(known);
  return lines.filter(({ minute }) => {
    if (minute === null) return true;
    if (taken.has(minute)) return false;
    taken.add(minute);
    return true;
  });
}

const newStyle = ({ layout, encoding }: CsvFolderOptions): FileStyle => ({ layout, encoding, lineEnd: "\n" });

/** A file that exists is written on as it was begun; what it does not tell is as for a new one. */
function findStyle(head: Buffer, options: CsvFolderOptions): FileStyle {
  const end = head.indexOf(0x0a);
  const first = end < 0 ? head : head.subarray(0, end);
  const encoding = detectEncoding(first, LABELS).encoding ?? detectEncoding(head, LABELS).encoding ?? options.encoding;
  const header = decodeText(first, encoding);
  const hasHeader = header.includes(h2vLabels.time);
  const hasRelay = header.includes(h2vLabels.relay);
  return {
    layout: hasHeader ? (hasRelay ? "corrected" : "compatible") : options.layout,
    encoding,
    lineEnd: first.at(-1) === 0x0d ? "\r\n" : "\n",
  };
}
