import type { ElectricalSample } from "../simulator.ts";
import type { HomeSample } from "./physics.ts";

/** Lines of the house that a clamp can sit on; `evse` is the Quasar's. */
export type Clamps = Readonly<Record<"grid" | "evse" | "solar" | "house", () => ElectricalSample>>;

/** What a clamp on each line sees. */
export function clampsOf(sample: () => HomeSample): Clamps {
  return {
    grid: () => {
      const { gridW, voltageV, houseVar, carVar, acCarVar } = sample();
      return clamped(gridW, houseVar + carVar + acCarVar, voltageV);
    },
    evse: () => {
      const { carW, voltageV, carVar } = sample();
      return clamped(carW, carVar, voltageV);
    },
    solar: () => {
      const { solarW, voltageV } = sample();
      return clamped(solarW, 0, voltageV);
    },
    house: () => {
      const { houseW, voltageV, houseVar } = sample();
      return clamped(houseW, houseVar, voltageV);
    },
  };
}

function clamped(powerW: number, reactiveVar: number, voltageV: number): ElectricalSample {
  const apparentVa = Math.hypot(powerW, reactiveVar);
  return { powerW, voltageV, powerFactor: apparentVa === 0 ? 0 : Math.abs(powerW) / apparentVa };
}
