import { hearReading } from "./health.ts";
import { type Inputs, isYoung, mainsVoltage, type TimedPower } from "./inputs.ts";
import type { ControlSettings } from "./settings.ts";

/*
 * What the house wants is the grid reading less the car, and both must be of the same instant: a car that is ramping
 * would otherwise look like the house, the set point would chase it, and the loop would swing for ever. A meter channel
 * on the car comes together with the grid channel. A charger's own report does not; it is believed for an instant when
 * the car stood still around it.
 */

/** The last set point sent. */
export interface Order {
  readonly targetA: number;
  /** Monotonic. */
  readonly atMs: number;
}

/** Channels of one meter arrive within this. */
const SAME_METER_MS = 300;
/** A charger's report that happens to arrive with the grid reading. */
const SAME_INSTANT_MS = 50;
/** After this a car has done what it was told, or will not (fact sheet v2g 1.6: 21.9 s from standstill). */
const TRAVEL_MS = 30_000;
const STEADY_W = 150;
const ARRIVED_W = 120;
const ARRIVED_SHARE = 0.05;

/** The grid reading in `inputs` is new. */
export function pairGrid(inputs: Inputs, order: Order | null, monotonicMs: number, settings: ControlSettings): Inputs {
  const { carLast, demand } = inputs;
  const unpaired: Inputs = { ...inputs, carAtGrid: null };
  if (!isYoung(carLast, monotonicMs, settings.staleAfterS * 1000)) return unpaired;
  if (isTogether(inputs, carLast) || isSettled(inputs, carLast, order, monotonicMs, settings)) {
    return accept(inputs, carLast, monotonicMs);
  }
  // the car is on its way: what the house wanted before is the best guess until it is there
  return demand === null
    ? unpaired
    : {
        ...unpaired,
        demand: { ...demand, arrivedMs: monotonicMs },
        demandHealth: hearReading(inputs.demandHealth, monotonicMs),
      };
}

/** The car's power is new. */
export function pairCar(inputs: Inputs, car: TimedPower, settings: ControlSettings): Inputs {
  const { grid, carLast: before, carAtGrid } = inputs;
  const heard: Inputs = { ...inputs, carBefore: before, carLast: car };
  if (grid === null || carAtGrid !== null) return heard;
  if (isTogether(heard, car)) return accept(heard, car, car.arrivedMs);
  const isAround =
    isYoung(before, car.arrivedMs, settings.staleAfterS * 1000) &&
    before.arrivedMs <= grid.arrivedMs &&
    isSteady(before, car);
  return isAround ? accept(heard, { ...car, powerW: (before.powerW + car.powerW) / 2 }, car.arrivedMs) : heard;
}

function accept(inputs: Inputs, car: TimedPower, monotonicMs: number): Inputs {
  const { grid } = inputs;
  if (grid === null) return inputs;
  return {
    ...inputs,
    carAtGrid: car,
    demand: { powerW: grid.powerW - car.powerW, voltageV: grid.voltageV, arrivedMs: monotonicMs },
    demandHealth: hearReading(inputs.demandHealth, monotonicMs),
  };
}

const isTogether = ({ grid, evse }: Inputs, car: TimedPower): boolean =>
  grid !== null &&
  Math.abs(grid.arrivedMs - car.arrivedMs) <= (car.arrivedMs === evse?.arrivedMs ? SAME_METER_MS : SAME_INSTANT_MS);

const isSteady = (one: TimedPower, other: TimedPower): boolean =>
  Math.abs(one.powerW - other.powerW) <= Math.max(STEADY_W, Math.abs(other.powerW) * ARRIVED_SHARE);

/** The car is not under way to a new set point. */
function isSettled(
  inputs: Inputs,
  car: TimedPower,
  order: Order | null,
  monotonicMs: number,
  settings: ControlSettings,
): boolean {
  if (order === null || monotonicMs - order.atMs >= TRAVEL_MS) return true;
  const { carBefore } = inputs;
  if (carBefore === null || car.arrivedMs <= order.atMs || !isSteady(carBefore, car)) return false;
  const orderedW = order.targetA * mainsVoltage(inputs, settings) * (inputs.charger?.phases ?? 1);
  return Math.abs(car.powerW - orderedW) <= Math.max(ARRIVED_W, Math.abs(orderedW) * ARRIVED_SHARE);
}
