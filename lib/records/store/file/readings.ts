import { upsertSql } from "./commit-change.ts";
import type { Connection } from "./connection.ts";
import { bindable, type ReadingsPack, rowCount, unpackReadings } from "../readings-pack.ts";
import { readingColumns } from "../session-row.ts";

const UPSERT_ONE = upsertSql("readings", readingColumns, ["device", "channel", "at_ms"]);
/** Rows per statement: one call into SQLite for many rows is what makes this fast. */
const ROWS_AT_ONCE = 200;
const UPSERT_MANY = UPSERT_ONE.replace(
  /VALUES (\([^)]*\))/,
  (_, row: string) => `VALUES ${Array(ROWS_AT_ONCE).fill(row).join(", ")}`,
);

/** Writes a pack into the file. */
export function appendPack(file: Connection, pack: ReadingsPack): void {
  const count = rowCount(pack);
  file.transaction(() => {
    const many = file.prepare(UPSERT_MANY);
    let row = 0;
    for (; row + ROWS_AT_ONCE <= count; row += ROWS_AT_ONCE) many.run(...bindable(pack, row, row + ROWS_AT_ONCE));
    const one = file.prepare(UPSERT_ONE);
    for (; row < count; row += 1) one.run(...bindable(pack, row, row + 1));
  });
}

/** Leaves a pack for the server. */
export function postPack(file: Connection, pack: ReadingsPack, nowMs: number): void {
  const body = JSON.stringify(unpackReadings(pack));
  file.run(
    "INSERT INTO outbox (kind, readings, body, created_at_ms) VALUES ('readings', ?, ?, ?)",
    rowCount(pack),
    body,
    nowMs,
  );
}
