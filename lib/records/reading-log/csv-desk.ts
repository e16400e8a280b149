import { z } from "zod";
import { EvError, toEvError } from "../../model/errors.ts";
import type { H2vMinute } from "../../model/h2v.ts";
import type { CsvFolder } from "../h2v-files/csv-folder.ts";
import { type CsvLayout, type CsvLine, type MeteredMinute, toCsvLine, toMeteredLine } from "../h2v-files/h2v-layout.ts";
import type { Store } from "../store/store.ts";

/** Minutes on their way into the monthly files, in order; a disk that refuses is asked again later. */
export interface CsvDesk {
  /**
   * Lines that a disk refuses are kept in the store from now on, so that a kill loses none of them; those of an earlier run
   * come first. @param prefix of the names in the store
   */
  keepIn(store: Store, prefix: string): Promise<void>;
  addGateway(minute: H2vMinute, hostStamp: string): void;
  addMetered(minute: MeteredMinute): void;
  /** Writes what waits. @throws EvError `io`; nothing is lost by it */
  write(): Promise<void>;
  readonly waiting: number;
}

const lineSchema = z.object({
  month: z.string(),
  header: z.string().nullable(),
  row: z.string(),
  minute: z.string().nullable(),
});

/** A line in both layouts: which of them is told by its file. */
const waitingSchema = z.object({
  month: z.string().regex(/^\d{6}$/),
  compatible: lineSchema.nullable(),
  corrected: lineSchema.nullable(),
});

interface Waiting extends z.output<typeof waitingSchema> {
  /** its name in the store; null = in memory only */
  keptAs: string | null;
}

/** A month of minutes; a disk that is full for longer has had its chance. */
const MAX_WAITING = 44_640;
const LINES_AT_ONCE = 500;
/** Names sort as the lines came. */
const NUMBER_DIGITS = 12;

/** @param layout for files that do not exist yet */
export function createCsvDesk(folder: CsvFolder, layout: CsvLayout): CsvDesk {
  const waiting: Waiting[] = [];
  let keeper: { readonly store: Store; readonly prefix: string } | null = null;
  let keptCount = 0;
  let lost = 0;
  let writing: Promise<void> = Promise.resolve();

  function add(lines: Readonly<Record<CsvLayout, CsvLine | null>>): void {
    const month = lines[layout]?.month ?? lines.compatible?.month;
    if (month === undefined) return;
    waiting.push({ ...lines, month, keptAs: null });
    if (waiting.length <= MAX_WAITING) return;
    forget(waiting.splice(0, 1));
    lost += 1;
  }

  /** Not waited for: a store whose own disk refuses answers when that is over. */
  function keepAll(): void {
    if (keeper === null) return;
    const { store, prefix } = keeper;
    const fresh = waiting.filter(({ keptAs }) => keptAs === null);
    for (let from = 0; from < fresh.length; from += LINES_AT_ONCE) {
      const lines = fresh.slice(from, from + LINES_AT_ONCE);
      const kept = lines.map((line) => {
        const { keptAs: _, ...content } = line;
        line.keptAs = `${prefix}${String((keptCount += 1)).padStart(NUMBER_DIGITS, "0")}`;
        return { name: line.keptAs, content: JSON.stringify(content) };
      });
      store.commit({ kept }).catch(() => {
        for (const line of lines) line.keptAs = null;
      });
    }
  }

  function forget(lines: readonly Waiting[]): void {
    const kept = lines.flatMap(({ keptAs }) => (keptAs === null ? [] : [{ name: keptAs, content: null }]));
    // what stays there is written again by the next run, which finds it in the file
    if (kept.length > 0) keeper?.store.commit({ kept }).catch(() => {});
  }

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const month = waiting[0]?.month ?? "";
      const style = await folder.styleOf(month);
      const end = waiting.findIndex((line) => line.month !== month);
      const count = Math.min(LINES_AT_ONCE, end < 0 ? waiting.length : end);
      const lines = waiting.slice(0, count).flatMap((line) => line[style.layout] ?? []);
      const before = lost;
      await folder.append(month, lines);
      // the queue may have let go of its oldest meanwhile
      forget(waiting.splice(0, Math.max(0, count - (lost - before))));
    }
  }

  return {
    async keepIn(store, prefix) {
      keeper = { store, prefix };
      for (const { name, content } of await store.recallAll(prefix)) {
        keptCount = Math.max(keptCount, Number(name.slice(prefix.length)) || 0);
        const line = readKept(content);
        if (line === null) continue;
        waiting.push({ ...line, keptAs: name });
      }
    },
    addGateway: (minute, hostStamp) =>
      add({
        compatible: toCsvLine(minute, "compatible", hostStamp),
        corrected: toCsvLine(minute, "corrected", hostStamp),
      }),
    addMetered: (minute) =>
      add({ compatible: toMeteredLine(minute, "compatible"), corrected: toMeteredLine(minute, "corrected") }),
    write() {
      writing = writing.catch(() => {}).then(writeAll);
      return writing.catch((thrown: unknown) => {
        keepAll();
        const error = toEvError(thrown, "io");
        throw new EvError(error.code, `${error.message} ${waiting.length} minutes wait to be written.`, {
          cause: thrown,
        });
      });
    },
    get waiting() {
      return waiting.length;
    },
  };
}

/** null for what no log has kept. */
function readKept(content: string): z.output<typeof waitingSchema> | null {
  try {
    return waitingSchema.parse(JSON.parse(content));
  } catch {
    return null;
  }
}
