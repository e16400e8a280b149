import { meterSchema } from "../../../../lib/model/records.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import type { Finding } from "../../../../lib/records/session/detected.ts";
import { defaultDetectorSettings, detect, startDetector } from "../../../../lib/records/session/detector.ts";
import { defaultMeteredPlugSettings, readMeteredPlug } from "../../../../lib/records/session/metered-plug.ts";
import {
  readMeteredPlugState,
  resumeMeteredPlug,
  startMeteredPlug,
} from "../../../../lib/records/session/plug-state.ts";
import { type Played, START_MS } from "./traces.ts";

const MINUTE_MS = 60_000;

export interface PlayingMinutes {
  /** how long after its end a minute arrives */
  readonly delayMs?: (minute: number) => number;
  /** how often it arrives */
  readonly copies?: number;
  /** minutes before which the program was restarted */
  readonly restarts?: readonly number[];
  readonly throughJson?: boolean;
}

/** Minutes as H2V's gateway tells them: the mean power of each, W, from START_MS on; null = never told. */
export function playMinutes(
  powers: readonly (number | null)[],
  { delayMs = () => 0, copies = 1, restarts = [], throughJson = false }: PlayingMinutes = {},
): Played {
  const findings: Finding[] = [];
  let plug = startMeteredPlug();
  let state = startDetector("h2v");
  let ids = 0;
  let bootMs = 0;
  const take = (event: Parameters<typeof detect>[1]): void => {
    if (throughJson) state = JSON.parse(JSON.stringify(state)) as typeof state;
    const step = detect(state, event, defaultDetectorSettings, () => `session-${++ids}`);
    state = step.state;
    findings.push(...step.findings);
  };
  for (const [minute, powerW] of powers.entries()) {
    const arrivesMs = (minute + 1) * MINUTE_MS + delayMs(minute);
    if (restarts.includes(minute)) {
      bootMs = arrivesMs - 5000;
      plug = resumeMeteredPlug(plug);
      take({ type: "resumed", nowMs: START_MS + bootMs, monotonicMs: 0 });
    }
    for (let copy = 0; powerW !== null && copy < copies; copy++) {
      const nowMs = START_MS + arrivesMs + copy * 100;
      const instant = { nowMs, monotonicMs: nowMs - START_MS - bootMs };
      const meter = meterSchema.parse({
        kind: "meter",
        device: "h2v",
        at: isoAt(START_MS + minute * MINUTE_MS),
        channel: 1,
        role: "evse",
        powerW,
        meanOverS: 60,
      });
      if (throughJson) plug = readMeteredPlugState(JSON.parse(JSON.stringify(plug)));
      const read = readMeteredPlug(plug, meter, instant, defaultMeteredPlugSettings);
      plug = read.state;
      take({ type: "reading", charger: read.charger, ...instant });
    }
  }
  return { findings, state };
}

/** Minutes as people write them down: "10 1200" = from minute 10 on 1200 W; "-" = not told; the last line ends it. */
export function minutesOf(lines: readonly string[]): (number | null)[] {
  const steps = lines.map((line) => line.split(" "));
  return steps.flatMap(([from = "0", power], index) => {
    const until = Number(steps[index + 1]?.[0] ?? from);
    return Array<number | null>(until - Number(from)).fill(power === "-" ? null : Number(power));
  });
}
