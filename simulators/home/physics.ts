import { clamp } from "../../lib/model/units.ts";
import { wander } from "../seeded-noise.ts";

/*
 * What the house uses and what the sun gives, as a function of the weather, the switches and the time. The car's power is
 * handed in; the grid carries the rest, so the balance holds by construction.
 */

export const sunCurves = ["noon", "day"] as const;
/** `noon`: the sun stands still, so that a demo is alive at night. `day`: up at 6, down at 20, UTC. */
export type SunCurve = (typeof sunCurves)[number];

/** An appliance that switches itself off. */
export interface LoadStep {
  readonly powerW: number;
  /** milliseconds since the home was started */
  readonly untilMs: number;
}

/** Weather and switches. */
export interface HomeConditions {
  /** what is always on, W */
  readonly baseW: number;
  /** appliances that stay on, W */
  readonly loadW: number;
  readonly steps: readonly LoadStep[];
  readonly peakW: number;
  readonly cloudsPercent: number;
  readonly curve: SunCurve;
}

/** The whole home at one instant; `gridW === houseW - solarW + carW + acCarW`. */
export interface HomeSample {
  /** without the cars, W */
  readonly houseW: number;
  readonly solarW: number;
  /** + into the car at the Quasar, W */
  readonly carW: number;
  /** + into the car at the OpenEVSE, W */
  readonly acCarW: number;
  /** + import, W */
  readonly gridW: number;
  readonly voltageV: number;
  /** reactive power of house and cars, var; the grid carries the sum */
  readonly houseVar: number;
  readonly carVar: number;
  readonly acCarVar: number;
}

export interface HomeInstant {
  /** since the home was started */
  readonly elapsedMs: number;
  /** wall clock */
  readonly nowMs: number;
  readonly seed: number;
}

const DAY_MS = 86_400_000;
const SUNRISE_HOUR = 6;
const SUNSET_HOUR = 20;
/** Under a closed cover a tenth of the light is left. */
const CLOUD_SHADE = 0.9;
const FRIDGE_W = 90;
const FRIDGE_PERIOD_MS = 23 * 60_000;
const FRIDGE_SHARE = 0.35;
const HOUSE_VAR = 120;
const CAR_VAR = 150;

/** AC power of both chargers at the same instant, W. */
export interface ChargersW {
  readonly carW: number;
  readonly acCarW: number;
}

export function sampleHome(conditions: HomeConditions, at: HomeInstant, { carW, acCarW }: ChargersW): HomeSample {
  const houseW = houseAt(conditions, at);
  const solarW = solarAt(conditions, at);
  const gridW = houseW - solarW + carW + acCarW;
  return {
    houseW,
    solarW,
    carW,
    acCarW,
    gridW,
    voltageV: voltageAt(at, gridW),
    houseVar: HOUSE_VAR,
    carVar: carW === 0 ? 0 : CAR_VAR,
    acCarVar: acCarW === 0 ? 0 : CAR_VAR,
  };
}

/** What a house connection can carry, W. */
export const MOST_LOAD_W = 100_000;

/** Appliances that are on at an instant, W. */
export function applianceW(conditions: HomeConditions, elapsedMs: number): number {
  const running = conditions.steps.filter((step) => elapsedMs < step.untilMs);
  return clamp(
    running.reduce((sumW, step) => sumW + step.powerW, conditions.loadW),
    0,
    MOST_LOAD_W,
  );
}

function houseAt(conditions: HomeConditions, { seed, elapsedMs }: HomeInstant): number {
  const flicker = 0.05 * wander(seed, 1, elapsedMs, 4_000) + 0.12 * wander(seed, 2, elapsedMs, 70_000);
  const fridgeW = (elapsedMs / FRIDGE_PERIOD_MS) % 1 < FRIDGE_SHARE ? FRIDGE_W : 0;
  const restlessW = conditions.baseW === 0 ? 0 : conditions.baseW * (1 + flicker) + fridgeW;
  return restlessW + applianceW(conditions, elapsedMs);
}

function solarAt(conditions: HomeConditions, { seed, elapsedMs, nowMs }: HomeInstant): number {
  const cover = conditions.cloudsPercent / 100;
  const passing = 1 + 0.6 * cover * (1 - cover) * wander(seed, 3, elapsedMs, 12_000);
  const light = (1 - CLOUD_SHADE * cover) * passing * (conditions.curve === "noon" ? 1 : elevationAt(nowMs));
  return conditions.peakW * clamp(light, 0, 1);
}

/** 0 at night, 1 in the middle of the day. */
function elevationAt(nowMs: number): number {
  const hour = ((((nowMs % DAY_MS) + DAY_MS) % DAY_MS) / DAY_MS) * 24;
  if (hour <= SUNRISE_HOUR || hour >= SUNSET_HOUR) return 0;
  return Math.sin((Math.PI * (hour - SUNRISE_HOUR)) / (SUNSET_HOUR - SUNRISE_HOUR));
}

/** Wanders by the hour, sags under load, rises when the sun feeds in. */
function voltageAt({ seed, elapsedMs }: HomeInstant, gridW: number): number {
  const wanderedV = 235.5 + 2.5 * wander(seed, 4, elapsedMs, 600_000) + 0.3 * wander(seed, 5, elapsedMs, 3_000);
  return clamp(wanderedV - gridW * 0.000_25, 230, 241);
}
