import type { SessionFlag } from "../../model/session.ts";
import { energyWh, roundTo } from "../../model/units.ts";
import type { Counter, HeldJump } from "./state.ts";

/*
 * The accumulator rule (openevse-h2v-sessions 8.3): a counter adds what it gained since it was last read, as long as that
 * much can have flowed. What falls is a new base, what jumps is held until it has proved to stay; neither is ever added.
 */

/** Measuring and rounding of the device may be off by so much, Wh. */
const SLACK_WH = 50;
const SLACK_FACTOR = 1.2;
/** Rounding in the device lets a counter step back by so much, Wh. */
const JITTER_WH = 1;
/** A jump that is still there after so long is the new truth, ms. */
const JUMP_STAYS_MS = 10_000;

export interface CounterStep {
  readonly counter: Counter;
  /** what happened to the counter, if anything */
  readonly flag: SessionFlag | null;
}

export interface CounterMoment {
  readonly lineMs: number;
  /** time so far during which energy may have flowed */
  readonly flowMs: number;
  readonly maxPowerW: number;
}

/** Most that can have flowed in `flowMs` of charging, Wh. */
export const mostWh = (maxPowerW: number, flowMs: number): number =>
  energyWh(maxPowerW, flowMs) * SLACK_FACTOR + SLACK_WH;

/** A counter seen for the first time: its value is a base and nothing more. */
export const firstCounter = (valueWh: number, { lineMs, flowMs }: CounterMoment): Counter => ({
  lastWh: valueWh,
  seenMs: lineMs,
  movedFlowMs: flowMs,
  sumWh: 0,
  held: null,
  mayRestart: false,
});

/** Reads one value, Wh. */
export function readCounter(counter: Counter, valueWh: number, moment: CounterMoment): CounterStep {
  const gainWh = valueWh - counter.lastWh;
  if (gainWh === 0 && counter.held === null) return { counter: { ...counter, seenMs: moment.lineMs }, flag: null };
  // what falls when a car has come or gone is a new count, however little it falls
  if (gainWh < -JITTER_WH || (gainWh < 0 && counter.mayRestart)) return fall(counter, valueWh, moment);
  if (gainWh <= 0) return { counter: { ...counter, seenMs: moment.lineMs, held: null }, flag: null };
  if (isPossible(gainWh, counter.movedFlowMs, moment)) return goOn(counter, valueWh, gainWh, moment, null);
  return jump(counter, valueWh, moment);
}

const isPossible = (gainWh: number, sinceFlowMs: number, { flowMs, maxPowerW }: CounterMoment): boolean =>
  gainWh <= mostWh(maxPowerW, flowMs - sinceFlowMs);

function goOn(
  counter: Counter,
  valueWh: number,
  gainWh: number,
  moment: CounterMoment,
  flag: SessionFlag | null,
): CounterStep {
  return {
    counter: {
      lastWh: valueWh,
      seenMs: moment.lineMs,
      movedFlowMs: moment.flowMs,
      sumWh: roundTo(counter.sumWh + gainWh, 6),
      held: null,
      mayRestart: false,
    },
    flag,
  };
}

function fall(counter: Counter, valueWh: number, moment: CounterMoment): CounterStep {
  if (counter.mayRestart) {
    // the count of the car that came: all that it shows has flowed since
    const gainWh = isPossible(valueWh, counter.movedFlowMs, moment) ? Math.max(0, valueWh) : 0;
    return goOn(counter, valueWh, gainWh, moment, null);
  }
  const flag = valueWh <= Math.max(5, counter.lastWh * 0.02) ? "counter-reset" : "counter-rollback";
  return goOn(counter, valueWh, 0, moment, flag);
}

function jump(counter: Counter, valueWh: number, moment: CounterMoment): CounterStep {
  const { held } = counter;
  const fresh: HeldJump = { wh: valueWh, atMs: moment.lineMs, flowMs: moment.flowMs };
  const hold = (jumped: HeldJump): CounterStep => ({
    counter: { ...counter, seenMs: moment.lineMs, held: jumped },
    flag: null,
  });
  if (held === null) return hold(fresh);
  const gainWh = valueWh - held.wh;
  if (gainWh < -JITTER_WH || !isPossible(gainWh, held.flowMs, moment)) return hold(fresh);
  if (moment.lineMs - held.atMs < JUMP_STAYS_MS) return hold(held);
  return goOn(counter, valueWh, Math.max(0, gainWh), moment, "counter-jump");
}
