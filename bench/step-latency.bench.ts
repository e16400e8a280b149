/*
 * From a 3 kW step at the meter to the new set point on the Modbus wire, through real sockets: Shelly simulator, the four
 * nodes in a Node-RED runtime, Quasar simulator. Outside dead times (factor 0). The budget is one meter period plus 150 ms;
 * the physical limit is half a period on average, because the step falls anywhere between two readings.
 */
import { CURRENT_SETPOINT, type House, startHouse } from "../test/support/house.ts";
import { until } from "../test/support/until.ts";

const STEPS = Number(process.env.EV_BENCH_STEPS ?? 30);
const STEP_W = 3000;

interface Way {
  readonly name: string;
  readonly periodMs: number;
  readonly meterModel: "gen1" | "em-gen3";
  readonly pollS: string;
}

const WAYS: readonly Way[] = [
  { name: "Gen1, polled every 1 s", periodMs: 1000, meterModel: "gen1", pollS: "1" },
  { name: "Gen1, polled every 0.5 s", periodMs: 500, meterModel: "gen1", pollS: "0.5" },
  { name: "Gen3, pushed about once a second", periodMs: 1000, meterModel: "em-gen3", pollS: "1" },
];

/** Milliseconds from the step to the write that answers it. */
async function measureStep(house: House, loadW: number): Promise<number> {
  // anywhere in the period, so that the mean is honest
  await new Promise((resolve) => setTimeout(resolve, 2500 + Math.random() * 1000));
  const writes = house.written(CURRENT_SETPOINT).length;
  const beganMs = performance.now();
  house.home.command({ command: "load", powerW: loadW });
  await until("a new set point", () => house.written(CURRENT_SETPOINT).length > writes, 10_000);
  return performance.now() - beganMs;
}

const quantile = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;

console.log(`3 kW step to set point on the wire (${STEPS} steps each)`);
for (const way of WAYS) {
  const house = await startHouse({ home: { meterModel: way.meterModel }, meter: { pollS: way.pollS } });
  await house.settled();
  house.say("power-home");
  const latenciesMs: number[] = [];
  for (let step = 0; step < STEPS; step++) latenciesMs.push(await measureStep(house, step % 2 === 0 ? STEP_W : 0));
  await house.stop();
  const sorted = latenciesMs.toSorted((a, b) => a - b);
  const worstMs = quantile(sorted, 1);
  const ratio = (ms: number): string => `${ms.toFixed(0)} ms = ${(ms / way.periodMs).toFixed(2)} periods`;
  console.log(`  ${way.name}`);
  console.log(`    median ${ratio(quantile(sorted, 0.5))}, worst ${ratio(worstMs)}`);
  console.log(`    worst / (one period + 150 ms) = ${(worstMs / (way.periodMs + 150)).toFixed(2)}`);
}
