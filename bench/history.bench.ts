/*
 * What the history costs over 10,000 sessions: filtering and totalling them (budget 20 ms) beside the same SQL on a bare
 * node:sqlite, and how long the largest files hold the event loop (budget 10 ms) beside an empty loop and a bare copy.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../lib/model/clock.ts";
import { silentLogger } from "../lib/model/logger.ts";
import { openStore } from "../lib/records/store/open-store.ts";
import { measureHolds, tellHolds } from "./event-loop.ts";
import { createRigOn, someSession } from "../test/lib/records/history/rig.ts";

const SESSIONS = Number(process.env.EV_BENCH_SESSIONS ?? 10_000);
const RUNS = 15;
const folder = mkdtempSync(join(tmpdir(), "ev-bench-"));
const file = join(folder, "records.sqlite");
const store = await openStore(
  { file, keepReadingsDays: null, backupsKept: 0 },
  { clock: systemClock, logger: silentLogger },
);
const rig = createRigOn(
  store,
  {},
  async () => {},
  () => store.close(),
);

/** One session every four hours, with segments and price slots as the log writes them. */
function sessionNumber(index: number): ReturnType<typeof someSession> {
  const at = new Date(Date.UTC(2022, 0, 1) + index * 4 * 3_600_000).toISOString();
  return someSession(at, {
    cost: 1 + (index % 7) / 10,
    currency: "EUR",
    vehicle: ["Zoe", "Spring", "Leaf"][index % 3] ?? null,
    user: "Ann",
    segments: Array.from({ length: 2 }, () => ({
      start: at,
      end: at,
      energyWh: 3600,
      dischargedWh: 0,
      endReason: "paused",
    })),
    tariffSlots: Array.from({ length: 3 }, () => ({ start: at, end: at, energyWh: 2400, pricePerKwh: 0.2 })),
  });
}
for (let begin = 0; begin < SESSIONS; begin += 500) {
  const sessions = Array.from({ length: 500 }, (_, index) => sessionNumber(begin + index));
  await store.commit({ sessions: sessions.map((session) => ({ session, reason: "detected" })) });
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

/** Median time, ms. */
async function measure(work: () => unknown): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const beganMs = performance.now();
    await work();
    times.push(performance.now() - beganMs);
  }
  return median(times);
}

const filter = { vehicle: "Zoe", from: "2022-01-01", to: "2026-12-31" };
const WHERE = `vehicle = 'Zoe' AND local_day BETWEEN '2022-01-01' AND '2026-12-31'`;
const bare = new DatabaseSync(file, { readOnly: true });
const list = bare.prepare(`SELECT * FROM sessions WHERE ${WHERE} ORDER BY plugged_at_ms DESC LIMIT 50`);
const sums = bare.prepare(
  `SELECT currency, count(*), sum(energy_wh), sum(discharged_wh), sum(charging_s), sum(cost) FROM sessions WHERE ${WHERE} GROUP BY currency`,
);

const raw = await measure(() => [list.all(), sums.all()]);
const asked = await measure(() => rig.ask({ command: "sessions", limit: 50, ...filter }));
console.log(`${SESSIONS} sessions, filtered and totalled, a page of 50`);
console.log(`  ${asked.toFixed(1)} ms (budget 20), ${(asked / raw).toFixed(2)} of bare node:sqlite`);
for (const request of [
  "months",
  "statement",
  { command: "sessions", format: "csv" },
  { command: "sessions", format: "json" },
  { command: "sessions", format: "xlsx" },
]) {
  const name = typeof request === "string" ? request : `all as ${request.format}`;
  let ms = 0;
  let file: unknown = "";
  const holds = await measureHolds(async () => {
    const beganMs = performance.now();
    ({ payload: file } = await rig.ask(request));
    ms = performance.now() - beganMs;
  }, 5);
  console.log(`  ${name}: ${ms.toFixed(0)} ms; longest turn (budget 10 ms): ${tellHolds(holds)}`);
  if (typeof file !== "string") continue;
  // in the end the text is made in one turn, out of blocks: no less than a copy of it in fresh memory
  const halves = [file.slice(0, file.length >> 1), file.slice(file.length >> 1)];
  const { ownMs } = await measureHolds(async () => halves.join(""), 5);
  console.log(
    `    a bare copy of its ${(file.length / 1e6).toFixed(1)} million characters: own work ${ownMs.toFixed(1)} ms`,
  );
}
bare.close();
await rig.close();
rmSync(folder, { recursive: true, force: true });
