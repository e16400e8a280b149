/*
 * The store beside the bare node:sqlite, in one run: a million readings, a month's report over them, ten thousand sessions filtered
 * and totalled, and how long the main thread was held at most meanwhile.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { measureHolds, tellHolds } from "./event-loop.ts";
import { systemClock } from "../lib/model/clock.ts";
import { silentLogger } from "../lib/model/logger.ts";
import { sessionSchema } from "../lib/model/session.ts";
import { openStore } from "../lib/records/store/open-store.ts";
import { schemaSteps, statementsOf } from "../lib/records/store/schema.ts";
import { readingColumns } from "../lib/records/store/session-row.ts";
import type { ReadingsTable } from "../lib/records/store/tables.ts";

const ROWS = Number(process.env.EV_BENCH_ROWS ?? 1_000_000);
const ROUNDS = Number(process.env.EV_BENCH_ROUNDS ?? 3);
const BATCH = 1000;
const SESSIONS = 10_000;

const folder = mkdtempSync(join(tmpdir(), "ev-bench-"));
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const timed = async (work: () => unknown): Promise<number> => {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
};

/** Minutes of two meters; made batch by batch, so that making them costs both sides the same and is not measured. */
function makeBatch(from: number): ReadingsTable[] {
  return Array.from({ length: BATCH }, (_, offset) => {
    const row = from + offset;
    const atMs = Date.UTC(2026, 0, 1) + Math.floor(row / 2) * 60_000;
    const day = new Date(atMs).toISOString().slice(0, 10);
    return {
      device: "house",
      channel: row % 2,
      at_ms: atMs,
      role: row % 2 === 0 ? "grid" : "evse",
      power_w: (row * 7919) % 7000,
      energy_wh: ((row * 7919) % 7000) / 60,
      duration_s: 60,
      import_wh: row * 10.5,
      export_wh: null,
      local_day: day,
      local_month: day.slice(0, 7),
    };
  });
}

function openRaw(path: string): DatabaseSync {
  const raw = new DatabaseSync(path);
  raw.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  for (const step of schemaSteps) for (const sql of statementsOf(step, "sqlite")) raw.exec(sql);
  return raw;
}

async function insertRaw(path: string): Promise<number> {
  const raw = openRaw(path);
  const insert = raw.prepare(
    `INSERT INTO readings (${readingColumns.join(", ")}) VALUES (${readingColumns.map(() => "?").join(", ")})
       ON CONFLICT (device, channel, at_ms) DO UPDATE SET power_w = excluded.power_w, energy_wh = excluded.energy_wh`,
  );
  let ms = 0;
  for (let from = 0; from < ROWS; from += BATCH) {
    const rows = makeBatch(from);
    ms += await timed(() => {
      raw.exec("BEGIN");
      for (const row of rows) insert.run(...readingColumns.map((column) => row[column]));
      raw.exec("COMMIT");
    });
  }
  raw.close();
  return ms;
}

const openOurs = (path: string) =>
  openStore({ file: path, keepReadingsDays: null, backupsKept: 0 }, { clock: systemClock, logger: silentLogger });

async function insertOurs(path: string): Promise<number> {
  const store = await openOurs(path);
  let ms = 0;
  for (let from = 0; from < ROWS; from += BATCH * 20) {
    const rows = Array.from({ length: Math.min(20, (ROWS - from) / BATCH) }, (_, at) =>
      makeBatch(from + at * BATCH),
    ).flat();
    ms += await timed(() => store.appendReadings(rows));
  }
  await store.close();
  return ms;
}

const REPORT = `SELECT local_day, channel, sum(energy_wh) AS energy, max(power_w) AS peak, count(*) AS minutes
  FROM readings WHERE local_month = ? GROUP BY local_day, channel ORDER BY local_day, channel`;

const raws: number[] = [];
const ours: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  raws.push(await insertRaw(join(folder, `raw-${round}.sqlite`)));
  ours.push(await insertOurs(join(folder, `ours-${round}.sqlite`)));
}
const ratios = raws.map((ms, round) => ms / (ours[round] ?? Number.NaN));
console.log(
  `${ROWS} readings: raw ${median(raws).toFixed(0)} ms, store ${median(ours).toFixed(0)} ms; store / raw speed ` +
    `${median(ratios).toFixed(2)} (target at least 0.8)`,
);

const path = join(folder, "ours-0.sqlite");
const raw = new DatabaseSync(path, { readOnly: true });
const store = await openOurs(path);
const monthRows = (): Promise<unknown[]> =>
  store.db
    .selectFrom("readings")
    .select(({ fn }) => [
      "local_day",
      "channel",
      fn.sum<number>("energy_wh").as("energy"),
      fn.max("power_w").as("peak"),
      fn.countAll<number>().as("minutes"),
    ])
    .where("local_month", "=", "2026-06")
    .groupBy(["local_day", "channel"])
    .orderBy("local_day")
    .orderBy("channel")
    .execute();
const rawReports: number[] = [];
const ourReports: number[] = [];
for (let round = 0; round < 15; round++) {
  const report = raw.prepare(REPORT);
  rawReports.push(await timed(() => report.all("2026-06")));
  ourReports.push(await timed(monthRows));
}
console.log(
  `month report: raw ${median(rawReports).toFixed(1)} ms, store ${median(ourReports).toFixed(1)} ms; store / raw time ` +
    `${(median(ourReports) / median(rawReports)).toFixed(2)} (target at most 1.2)`,
);
raw.close();

const someSessions = () =>
  Array.from({ length: SESSIONS }, (_, index) => {
    const pluggedAt = new Date(Date.UTC(2024, 0, 1) + index * 7_200_000).toISOString();
    return {
      reason: "imported" as const,
      session: sessionSchema.parse({
        kind: "session",
        sessionId: randomUUID(),
        revision: 1,
        status: "closed",
        device: `charger-${index % 3}`,
        zone: "Europe/Berlin",
        pluggedAt,
        unpluggedAt: pluggedAt,
        pluggedS: 7000,
        chargingS: 3600,
        pausedS: 3400,
        energyWh: 5000 + (index % 1000),
        energySource: "session-counter",
        cost: 1.5,
        currency: "EUR",
        vehicle: `car ${index % 4}`,
        user: `user ${index % 7}`,
      }),
    };
  });
const commitAll = async (sessions: ReturnType<typeof someSessions>): Promise<void> => {
  for (let from = 0; from < SESSIONS; from += 500) await store.commit({ sessions: sessions.slice(from, from + 500) });
};
const first = someSessions();
const importMs = await timed(() => commitAll(first));
const totals = (): Promise<unknown> =>
  store.db
    .selectFrom("sessions")
    .select(({ fn }) => [
      "user_name",
      fn.countAll<number>().as("count"),
      fn.sum<number>("energy_wh").as("energy"),
      fn.sum<number>("cost").as("cost"),
    ])
    .where("vehicle", "=", "car 1")
    .where("local_day", ">=", "2024-06-01")
    .groupBy("user_name")
    .execute();
const totalMs: number[] = [];
for (let round = 0; round < 15; round++) totalMs.push(await timed(totals));
console.log(
  `${SESSIONS} sessions: committed in ${importMs.toFixed(0)} ms; filtered and totalled in ${median(totalMs).toFixed(1)} ms (target under 20)`,
);

console.log("the event loop, longest turn (target: held at most 10 ms):");
const batches = Array.from({ length: 100 }, (_, at) => makeBatch(2_000_000 + at * BATCH)).flat();
const works: Readonly<Record<string, () => Promise<unknown>>> = {
  "commit of 500 sessions": () => store.commit({ sessions: first.slice(0, 500) }),
  "list of all sessions": () => store.db.selectFrom("sessions").selectAll().execute(),
  "month report": monthRows,
  "100000 readings": () => store.appendReadings(batches),
};
for (const [name, work] of Object.entries(works)) console.log(`  ${name}: ${tellHolds(await measureHolds(work))}`);
await store.close();
rmSync(folder, { recursive: true, force: true });
