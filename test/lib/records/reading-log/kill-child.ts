import { writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createManualClock, systemClock } from "../../../../lib/model/clock.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { createCsvDesk } from "../../../../lib/records/reading-log/csv-desk.ts";
import { startReadingLog } from "../../../../lib/records/reading-log/reading-log.ts";
import { openCsvFolder } from "../../../../lib/records/h2v-files/csv-folder.ts";
import { openStore } from "../../../../lib/records/store/open-store.ts";

/*
 * A process to be killed: a reading log on a real store and a real folder. It is fed lines `{ nowMs, payload }`, whose time is
 * its time, and answers each with a line when it is safe.
 */

const [, , folder = ""] = process.argv;
const tell = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);
const clock = createManualClock(0);
const store = await openStore(
  { file: join(folder, "records.sqlite"), keepReadingsDays: null, backupsKept: 0 },
  { clock: systemClock, logger: silentLogger },
);
const csv = openCsvFolder({ folder, layout: "compatible", encoding: "utf-8", onTorn: () => {} });
const log = await startReadingLog({
  id: "n",
  zone: "Asia/Tokyo",
  store,
  csv: createCsvDesk(csv, "compatible"),
  clock,
  logger: silentLogger,
  onTrouble: ({ message }) => tell({ trouble: message }),
  onWritten: () => {},
});
tell({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { nowMs, payload } = JSON.parse(line) as { nowMs: number; payload: unknown };
  clock.setWallClock(nowMs);
  await log.take(payload);
  tell({ took: nowMs });
}
