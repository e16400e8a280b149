import { createInterface } from "node:readline";
import { createManualClock } from "../../../../lib/model/clock.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { createDetection } from "../../../../lib/records/session-log/detection.ts";
import { startSessionLog } from "../../../../lib/records/session-log/session-log.ts";
import { openStore } from "../../../../lib/records/store/open-store.ts";
import type { Store } from "../../../../lib/records/store/store.ts";
import { systemClock } from "../../../../lib/model/clock.ts";
import { plainSettings } from "./rig.ts";

/*
 * A process to be killed: a session log on a real file. It is fed lines `{ nowMs, payload }` and answers with lines: `ready`,
 * `took`, `written`, and one line per session message. Its time is that of the lines.
 */

const [, , file = "", startMs = ""] = process.argv;
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const store = await openStore(
  { file, keepReadingsDays: null, backupsKept: 0 },
  { clock: systemClock, logger: silentLogger },
);
let underWay = 0;
const counting = Object.create(store, {
  health: { get: () => store.health },
  commit: {
    value: async (change: Parameters<Store["commit"]>[0]) => {
      underWay += 1;
      try {
        return await store.commit(change);
      } finally {
        underWay -= 1;
        if (underWay === 0) tell({ written: true });
      }
    },
  },
}) as Store;

const clock = createManualClock(Number(startMs));
const log = await startSessionLog({
  settings: plainSettings,
  store: counting,
  clock,
  logger: silentLogger,
  detection: createDetection(plainSettings.detector),
  onSession(event, session) {
    tell({ event, sessionId: session.sessionId, energyWh: session.energyWh, revision: session.revision });
    return true;
  },
  onOverview: () => {},
});
tell({ ready: true });

for await (const line of createInterface({ input: process.stdin })) {
  const { nowMs, payload } = JSON.parse(line) as { nowMs: number; payload: unknown };
  clock.advance(Math.max(0, nowMs - clock.nowMs()));
  log.take(payload);
  tell({ took: nowMs, isIdle: underWay === 0 });
}
