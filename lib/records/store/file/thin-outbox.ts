import type { Connection } from "./connection.ts";
import { thinReadings } from "./thin-readings.ts";
import type { ReadingsTable } from "../tables.ts";

/** What thinning did. */
export interface Thinning {
  /** readings that went into coarser ones, their energy with them */
  readonly merged: number;
  /** readings that are lost: even the coarse ones were too many */
  readonly dropped: number;
}

const MINUTE_MS = 60_000;
/** The oldest are thinned first, and the coarse ones only when no finer ones are left. */
const LEVELS = [
  { from: "readings", to: "readings-15", stepMs: 15 * MINUTE_MS },
  { from: "readings-15", to: "readings-60", stepMs: 60 * MINUTE_MS },
] as const;

/**
 * Keeps the outbox within its limit, at the expense of readings only: changes of sessions are never touched.
 *
 * @param limit readings that may wait
 * @returns null when there was room
 */
export function thinOutbox(file: Connection, limit: number): Thinning | null {
  if (waitingReadings(file) <= limit) return null;
  return file.transaction(() => {
    let merged = 0;
    for (const { from, to, stepMs } of LEVELS) {
      if (waitingReadings(file) <= limit) break;
      merged += thinOldest(file, from, to, stepMs, Math.ceil(limit / 4));
    }
    const dropped = dropOldest(file, waitingReadings(file) - limit);
    return { merged, dropped };
  });
}

const waitingReadings = (file: Connection): number =>
  file.all<{ count: number }>("SELECT coalesce(sum(readings), 0) AS count FROM outbox WHERE kind >= 'readings'")[0]
    ?.count ?? 0;

interface Row {
  readonly id: number;
  readonly readings: number;
}

/** The oldest rows of a kind, until they hold so many readings. */
function oldest(file: Connection, kind: string, readings: number): Row[] {
  const rows: Row[] = [];
  let held = 0;
  for (const row of file.all<Row>("SELECT id, readings FROM outbox WHERE kind = ? ORDER BY id LIMIT 20000", kind)) {
    if (held >= readings) break;
    rows.push(row);
    held += row.readings;
  }
  return rows;
}

function thinOldest(file: Connection, from: string, to: string, stepMs: number, readings: number): number {
  const rows = oldest(file, from, readings);
  const [first] = rows;
  if (first === undefined) return 0;
  const fine = rows.flatMap(({ id }) => {
    const [row] = file.all<{ body: string }>("SELECT body FROM outbox WHERE id = ?", id);
    return JSON.parse(row?.body ?? "[]") as ReadingsTable[];
  });
  const coarse = thinReadings(fine, stepMs);
  for (const { id } of rows.slice(1)) file.run("DELETE FROM outbox WHERE id = ?", id);
  file.run(
    "UPDATE outbox SET kind = ?, readings = ?, body = ? WHERE id = ?",
    to,
    coarse.length,
    JSON.stringify(coarse),
    first.id,
  );
  return fine.length - coarse.length;
}

function dropOldest(file: Connection, readings: number): number {
  if (readings <= 0) return 0;
  let dropped = 0;
  for (const { id, readings: held } of file.all<Row>(
    "SELECT id, readings FROM outbox WHERE kind >= 'readings' ORDER BY id LIMIT 20000",
  )) {
    if (dropped >= readings) break;
    file.run("DELETE FROM outbox WHERE id = ?", id);
    dropped += held;
  }
  return dropped;
}
