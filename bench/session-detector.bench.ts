/*
 * How long the session detector takes for one event: readings of an OpenEVSE, one a second, with plug-ins, pauses and
 * unpluggings. Prints CPU time per event and findings per second beside the algorithm of the logger that came before
 * (openevse-h2v-sessions 1.2), which knows a state and a counter and nothing else.
 */
import { type Charger, chargerSchema } from "../lib/model/records.ts";
import { defaultDetectorSettings, detect, startDetector } from "../lib/records/session/detector.ts";

const EVENTS = 50_000;
const ROUNDS = 5;
const BUDGET_MICROS = 20;

interface Moment {
  readonly charger: Charger;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** Ten minutes without a car, five waiting, half an hour charging, five pausing, half an hour charging. */
function momentsOfDays(): Moment[] {
  let sessionWh = 0;
  let totalWh = 100_000;
  return Array.from({ length: EVENTS }, (_, second) => {
    const at = second % 4800;
    const isCharging = (at >= 900 && at < 2700) || at >= 3000;
    const state = at < 600 ? "unplugged" : isCharging ? "charging" : at < 900 ? "plugged" : "paused";
    if (state === "unplugged") sessionWh = 0;
    if (isCharging) [sessionWh, totalWh] = [sessionWh + 2, totalWh + 2];
    const nowMs = Date.UTC(2026, 10, 20) + second * 1000;
    const charger = chargerSchema.parse({
      kind: "charger",
      device: "openevse",
      at: "2026-11-20T00:00:00Z",
      online: true,
      plugged: at >= 600,
      state,
      powerW: isCharging ? 7200 : 0,
      currentA: isCharging ? 30 : 0,
      voltageV: 240,
      sessionWh,
      totalWh,
      counters: { sessionResets: "at-unplug", totalGrows: "continuously" },
    });
    return { charger, nowMs, monotonicMs: second * 1000 };
  });
}

const moments = momentsOfDays();

function detectAll(): number {
  let state = startDetector("openevse");
  let found = 0;
  let ids = 0;
  for (const moment of moments) {
    const step = detect(state, { type: "reading", ...moment }, defaultDetectorSettings, () => `session-${++ids}`);
    state = step.state;
    found += step.findings.length;
  }
  return found;
}

/** Plugged, started, ended; one row per segment. */
function logLikeBefore(): number {
  let last = 0;
  let flag = 0;
  let pluggedS = 0;
  let startedS = 0;
  let endedS = 0;
  let baseWs = 0;
  let beforeWs = 0;
  const rows: { atS: number; energyWs: number; lengthS: number }[] = [];
  for (const { charger, nowMs } of moments) {
    const atS = nowMs / 1000;
    const code = charger.state === "charging" ? 3 : charger.plugged === true ? 2 : 1;
    if (code !== last) {
      if (last <= 1 && code === 2) pluggedS = atS;
      if (last === 2 && code === 3) [startedS, flag] = [atS, atS - pluggedS < 32 ? 1 : 2];
      if (last === 3 && code < 3) [endedS, flag] = [atS, 3];
      last = code;
    }
    const energyWs = Math.trunc((charger.sessionWh ?? 0) * 3600);
    if (flag === 1) [baseWs, flag] = [0, 0];
    else if (flag === 2) [baseWs, flag] = [beforeWs === 0 ? energyWs : beforeWs, 0];
    else if (flag === 3 && energyWs > 0) {
      if (energyWs > baseWs) rows.push({ atS, energyWs: energyWs - baseWs, lengthS: Math.trunc(endedS - startedS) });
      flag = 0;
    }
    beforeWs = energyWs;
  }
  return rows.length;
}

const cpuMicros = (work: () => number): { micros: number; found: number } => {
  const before = process.cpuUsage();
  const found = work();
  const { user, system } = process.cpuUsage(before);
  return { micros: user + system, found };
};

const median = (numbers: number[]): number =>
  numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const rounds = Array.from({ length: ROUNDS }, () => ({ ours: cpuMicros(detectAll), before: cpuMicros(logLikeBefore) }));
const oursMicros = median(rounds.map(({ ours }) => ours.micros));
const beforeMicros = median(rounds.map(({ before }) => before.micros));
const perEvent = oursMicros / EVENTS;
const found = rounds[0]?.ours.found ?? 0;
console.log(`session detector (CPU time, median of ${ROUNDS} rounds of ${EVENTS} readings)`);
console.log(
  `  one reading              ${perEvent.toFixed(2)} us   ${(perEvent / BUDGET_MICROS).toFixed(3)} of the ${BUDGET_MICROS} us budget`,
);
console.log(`  findings                 ${found}, ${Math.round((found / oursMicros) * 1e6)} per second of CPU time`);
console.log(
  `  the logger before        ${(beforeMicros / EVENTS).toFixed(3)} us   detector / logger = ${(oursMicros / beforeMicros).toFixed(0)}, ${rounds[0]?.before.found} rows`,
);
