/*
 * How long one decision of the controller takes: a grid reading in, a set point out. Prints CPU time per decision beside
 * the smallest thing one could do with the same reading, and the budget of 200 microseconds.
 */
import { decide } from "../lib/planning/control/control.ts";
import { parseControlSettings } from "../lib/planning/control/settings.ts";
import { createControlState } from "../lib/planning/control/state.ts";
import { type Charger, chargerSchema, type Meter, meterSchema } from "../lib/model/records.ts";

const DECISIONS = 20_000;
const ROUNDS = 7;
const settings = parseControlSettings({ fuseA: 63, v2gStopDelayS: 0 });

const meter = (step: number): Meter =>
  meterSchema.parse({
    kind: "meter",
    device: "m",
    at: "2026-11-21T12:00:00Z",
    channel: 0,
    role: "grid",
    powerW: 3000 * Math.sin(step / 7),
    voltageV: 230,
    importWh: step,
  });
const charger: Charger = chargerSchema.parse({
  kind: "charger",
  device: "q",
  at: "2026-11-21T12:00:00Z",
  online: true,
  plugged: true,
  state: "paused",
  powerW: 0,
  setpointA: 0,
  socPercent: 60,
  limits: { minA: 3, maxA: 32, maxDischargeA: 32 },
});
const readings = Array.from({ length: DECISIONS }, (_, step) => meter(step));

function decideAll(): number {
  let sends = 0;
  let timing = { nowMs: 0, monotonicMs: 0 };
  let { state } = decide(createControlState(), { type: "charger", reading: charger, ...timing }, settings);
  ({ state } = decide(state, { type: "command", command: { command: "mode", mode: "balance" }, ...timing }, settings));
  for (const reading of readings) {
    timing = { nowMs: timing.nowMs + 1000, monotonicMs: timing.monotonicMs + 1000 };
    ({ state } = decide(state, { type: "charger", reading: charger, ...timing }, settings));
    const decision = decide(state, { type: "meter", reading, ...timing }, settings);
    state = decision.state;
    sends += decision.actions.filter(({ type }) => type === "send").length;
  }
  return sends;
}

/** What a function node does: subtract, divide, round. */
function divideAll(): number {
  let sends = 0;
  let lastA = 0;
  for (const { powerW, voltageV } of readings) {
    const targetA = Math.round(-(powerW ?? 0) / (voltageV ?? 230));
    if (targetA !== lastA) sends += 1;
    lastA = targetA;
  }
  return sends;
}

const cpuMicros = (work: () => number): { micros: number; sends: number } => {
  const before = process.cpuUsage();
  const sends = work();
  const { user, system } = process.cpuUsage(before);
  return { micros: user + system, sends };
};

const median = (numbers: number[]): number =>
  numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
const rounds = Array.from({ length: ROUNDS }, () => ({ ours: cpuMicros(decideAll), bare: cpuMicros(divideAll) }));
const oursMicros = median(rounds.map(({ ours }) => ours.micros)) / (2 * DECISIONS);
const bareMicros = median(rounds.map(({ bare }) => bare.micros)) / DECISIONS;
console.log("control decision (CPU time, median of 7 rounds of 20 000)");
console.log(
  `  one decision             ${oursMicros.toFixed(1)} us   ${(oursMicros / 200).toFixed(3)} of the 200 us budget`,
);
console.log(
  `  subtract-divide-round    ${bareMicros.toFixed(3)} us   decision / bare = ${(oursMicros / bareMicros).toFixed(0)}`,
);
console.log(
  `  set points sent          ${rounds[0]?.ours.sends} by the controller, ${rounds[0]?.bare.sends} by bare division`,
);
