import { EvError, toEvError } from "../../model/errors.ts";
import type { H2vMinute } from "../../model/h2v.ts";
import type { CsvFolder } from "../report/csv-folder.ts";
import { type CsvLayout, type CsvLine, type MeteredMinute, toCsvLine, toMeteredLine } from "../report/h2v-layout.ts";

/** Minutes on their way into the monthly files, in order; a disk that refuses is asked again later. */
export interface CsvDesk {
  addGateway(minute: H2vMinute, hostStamp: string): void;
  addMetered(minute: MeteredMinute): void;
  /** Writes what waits. @throws EvError `io`; nothing is lost by it */
  write(): Promise<void>;
  readonly waiting: number;
}

/** A line in the layout that its file has. */
interface Waiting {
  readonly month: string;
  readonly lineFor: (layout: CsvLayout) => CsvLine | null;
}

/** A month of minutes; a disk that is full for longer has had its chance. */
const MAX_WAITING = 44_640;
const LINES_AT_ONCE = 500;

/** @param layout for files that do not exist yet */
export function createCsvDesk(folder: CsvFolder, layout: CsvLayout): CsvDesk {
  const waiting: Waiting[] = [];
  let lost = 0;
  let writing: Promise<void> = Promise.resolve();

  function add(lineFor: Waiting["lineFor"]): void {
    const month = lineFor(layout)?.month ?? lineFor("compatible")?.month;
    if (month === undefined) return;
    waiting.push({ month, lineFor });
    if (waiting.length <= MAX_WAITING) return;
    waiting.shift();
    lost += 1;
  }

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const month = waiting[0]?.month ?? "";
      const style = await folder.styleOf(month);
      const end = waiting.findIndex((line) => line.month !== month);
      const count = Math.min(LINES_AT_ONCE, end < 0 ? waiting.length : end);
      const lines = waiting.slice(0, count).flatMap(({ lineFor }) => lineFor(style.layout) ?? []);
      const before = lost;
      await folder.append(month, lines);
      // the queue may have let go of its oldest meanwhile
      waiting.splice(0, Math.max(0, count - (lost - before)));
    }
  }

  return {
    addGateway: (minute, hostStamp) => add((as) => toCsvLine(minute, as, hostStamp)),
    addMetered: (minute) => add((as) => toMeteredLine(minute, as)),
    write() {
      writing = writing.catch(() => {}).then(writeAll);
      return writing.catch((thrown: unknown) => {
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
