import { EvError } from "../../../model/errors.ts";
import type { Connection } from "./connection.ts";
import type { RowsPart, SqlParameter } from "./worker-protocol.ts";

/** About what the main thread reads back in a millisecond or two. */
const PART_CHARACTERS = 200_000;
/** Nobody reads so many lists at once; what is beyond was given up. */
const MOST_CURSORS = 50;

/** Rows of queries that are being read part by part. */
export interface Cursors {
  open(connection: Connection, sql: string, parameters: readonly SqlParameter[]): RowsPart;
  more(cursor: number): RowsPart;
  giveUp(cursor: number): void;
  closeAll(): void;
}

export function createCursors(): Cursors {
  const open = new Map<number, Iterator<unknown>>();
  let latest = 0;

  const nextPart = (cursor: number, rows: Iterator<unknown>): RowsPart => {
    const texts: string[] = [];
    let characters = 0;
    while (characters < PART_CHARACTERS) {
      const { done, value: row } = rows.next();
      if (done === true) {
        open.delete(cursor);
        return { rows: `[${texts.join(",")}]`, cursor: null, changes: 0 };
      }
      const text = JSON.stringify(row);
      texts.push(text);
      characters += text.length;
    }
    open.set(cursor, rows);
    return { rows: `[${texts.join(",")}]`, cursor, changes: 0 };
  };

  return {
    open(connection, sql, parameters) {
      // never a shared statement: another run of it would tear this one off
      const statement = connection.database.prepare(sql);
      if (open.size >= MOST_CURSORS) {
        const [oldest] = open.keys();
        if (oldest !== undefined) open.delete(oldest);
      }
      return nextPart(++latest, statement.iterate(...parameters));
    },
    more(cursor) {
      const rows = open.get(cursor);
      if (rows === undefined) throw new EvError("closed", "The list was given up before it was read to its end.");
      return nextPart(cursor, rows);
    },
    giveUp(cursor) {
      open.get(cursor)?.return?.();
      open.delete(cursor);
    },
    closeAll: () => open.clear(),
  };
}
