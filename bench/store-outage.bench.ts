/*
 * An hour without the database server: 20 series at one reading a second and a session a minute wait in the file. How much memory
 * that takes, how long it takes to arrive afterwards, and whether each arrived once.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../lib/model/clock.ts";
import { silentLogger } from "../lib/model/logger.ts";
import { openStore } from "../lib/records/store/open-store.ts";
import { exampleReading, exampleSession } from "../test/lib/records/store/sessions.ts";
import { createMariadb, createPostgres } from "../test/services/databases.ts";
import { isListening, mariadb, postgres } from "../test/services/services.ts";

const SECONDS = Number(process.env.EV_BENCH_SECONDS ?? 3600);
const SERIES = 20;

for (const [service, create] of [
  [postgres, createPostgres],
  [mariadb, createMariadb],
] as const) {
  if (!(await isListening(service.url))) {
    console.log(`${service.name} does not listen at ${new URL(service.url).host}: left out`);
    continue;
  }
  const folder = mkdtempSync(join(tmpdir(), "ev-bench-"));
  const settings = { file: join(folder, "records.sqlite"), keepReadingsDays: null, backupsKept: 0 };
  const surroundings = { clock: systemClock, logger: silentLogger };
  // nobody listens on port 1
  let store = await openStore({ ...settings, server: { url: service.url.replace(/:\d+$/, ":1/ev") } }, surroundings);
  globalThis.gc?.();
  const before = process.memoryUsage();
  for (let second = 0; second < SECONDS; second++) {
    const at = exampleReading(0).at_ms + second * 1000;
    await store.appendReadings(
      Array.from({ length: SERIES }, (_, channel) => exampleReading(0, { channel, at_ms: at, energy_wh: 1 })),
    );
    if (second % 60 === 0) await store.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
  }
  globalThis.gc?.();
  const after = process.memoryUsage();
  const { waiting } = store.health;
  await store.close();

  const database = await create();
  const beganMs = performance.now();
  store = await openStore({ ...settings, server: database.settings }, surroundings);
  while ((await store.flush()) > 0);
  const tookS = (performance.now() - beganMs) / 1000;
  const [readings] = await database.query("SELECT count(*) AS n FROM readings");
  const [sessions] = await database.query("SELECT count(*) AS n FROM sessions");
  console.log(
    `${service.name}: ${waiting} parcels waited, heap + ${((after.heapUsed - before.heapUsed) / 1e6).toFixed(1)} MB, ` +
      `resident + ${((after.rss - before.rss) / 1e6).toFixed(1)} MB; all there ${tookS.toFixed(1)} s after the server was; ` +
      `${Number(readings?.n)} of ${SECONDS * SERIES} readings, ${Number(sessions?.n)} of ${Math.ceil(SECONDS / 60)} sessions`,
  );
  await store.close();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
}
