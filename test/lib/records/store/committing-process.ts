/*
 * A process that is made to be killed: commits sessions and readings to the file named by its argument and prints what was
 * acknowledged, one line each.
 */
import { writeSync } from "node:fs";
import { systemClock } from "../../../../lib/model/clock.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { openStore } from "../../../../lib/records/store/open-store.ts";
import { exampleReading, exampleSession } from "./sessions.ts";

const file = process.argv[2];
if (file === undefined) throw new Error("which file?");
const store = await openStore(
  { file, keepReadingsDays: null, backupsKept: 0 },
  { clock: systemClock, logger: silentLogger },
);
const say = (line: string): void => void writeSync(1, `${line}\n`);
say("ready");
for (let minute = 0; ; minute++) {
  const open = exampleSession({ status: "open", unpluggedAt: null, energyWh: 0 });
  const at = `open/${open.sessionId}`;
  await store.commit({ sessions: [{ session: open, reason: "detected" }], kept: [{ name: at, content: "0" }] });
  say(`opened ${open.sessionId}`);
  for (let energyWh = 10; energyWh <= 30; energyWh += 10) {
    await store.commit({ kept: [{ name: at, content: String(energyWh) }] });
    say(`kept ${open.sessionId} ${energyWh}`);
  }
  await store.commit({
    sessions: [
      { session: { ...open, status: "closed", unpluggedAt: open.pluggedAt, energyWh: 30 }, reason: "detected" },
    ],
    kept: [{ name: at, content: null }],
  });
  say(`closed ${open.sessionId}`);
  await store.appendReadings([exampleReading(minute)]);
  say(`read ${exampleReading(minute).at_ms}`);
}
