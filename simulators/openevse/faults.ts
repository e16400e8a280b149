import { type HttpFault, httpFaults } from "../web/wire-faults.ts";
import type { WireValue } from "./wire-text.ts";

/*
 * How a simulated OpenEVSE can misbehave (fact sheet openevse 2.1, 3.7 and 8.4).
 *
 * | fault | seen from outside |
 * |---|---|
 * | `silent` to `redirect`, `refuse` | HTTP only, as for every simulated device |
 * | `unauthorized` | HTTP refuses every password |
 * | `offline` | neither HTTP nor MQTT; the charger goes on by itself |
 * | `mqtt-offline` | the broker loses it, HTTP works |
 * | `mqtt-silent` | connected, but nothing is published |
 * | `duplicate-bursts`, `shuffled-bursts` | every burst twice; every burst backwards |
 * | `garbage-values` | every third value is no number |
 * | `gfci`, `no-ground`, `over-temperature` ... | states 5 to 11, the relay open, until the fault is over |
 */
export const lastingFaults = [
  "unauthorized",
  "refuse",
  "offline",
  "mqtt-offline",
  "mqtt-silent",
  "duplicate-bursts",
  "shuffled-bursts",
  "garbage-values",
] as const;

/** State code of each electric fault. */
export const electricFaultCodes = {
  ventilation: 4,
  "diode-check": 5,
  gfci: 6,
  "no-ground": 7,
  "stuck-relay": 8,
  "gfci-self-test": 9,
  "over-temperature": 10,
  "over-current": 11,
} as const;
export type ElectricFault = keyof typeof electricFaultCodes;
const electricFaults = [
  "ventilation",
  "diode-check",
  "gfci",
  "no-ground",
  "stuck-relay",
  "gfci-self-test",
  "over-temperature",
  "over-current",
] as const satisfies readonly ElectricFault[];

/**
 * Happens once and is over:
 * `reboot` of the WiFi module, `controller-reset`, `energy-reset` by its owner, `meter-corrupt` (all counters 0, then the
 * controller's lifetime value: a jump upward), `counter-rollback` to what was last saved, `mqtt-drop`.
 */
export const momentaryFaults = [
  "reboot",
  "controller-reset",
  "energy-reset",
  "meter-corrupt",
  "counter-rollback",
  "mqtt-drop",
] as const;
export type MomentaryFault = (typeof momentaryFaults)[number];

export const openEvseFaults = [...httpFaults, ...lastingFaults, ...electricFaults, ...momentaryFaults] as const;
export type OpenEvseFault = HttpFault | (typeof lastingFaults)[number] | ElectricFault | MomentaryFault;

export const isElectricFault = (fault: string | null): fault is ElectricFault =>
  fault !== null && Object.hasOwn(electricFaultCodes, fault);
export const isMomentaryFault = (fault: string | null): fault is MomentaryFault =>
  momentaryFaults.some((known) => known === fault);

type Burst = readonly (readonly [string, WireValue])[];
const RUBBISH = ["NaN", "", "null", "-", "1e999", "\u0000\u0001", '{"half":', "false"] as const;

/** A burst as a fault lets it out. */
export function spoilBurst(burst: Burst, fault: OpenEvseFault | null): Burst {
  switch (fault) {
    case "duplicate-bursts":
      return [...burst, ...burst];
    case "shuffled-bursts":
      return burst.toReversed();
    case "garbage-values":
      return burst.map(([key, shown], index) => (index % 3 === 0 ? [key, rubbishFor(key)] : [key, shown]));
    case "mqtt-silent":
      return [];
    default:
      return burst;
  }
}

const rubbishFor = (key: string): string => RUBBISH[key.length % RUBBISH.length] ?? "";
