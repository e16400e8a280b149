import { clamp, roundTo } from "../../model/units.ts";

/** How exact a stored session is: energies to a thousandth of a Wh, money to a millionth. */
const WH_DECIMALS = 3;
const MONEY_DECIMALS = 6;

export const energy = (energyWh: number): number => Math.max(0, roundTo(energyWh, WH_DECIMALS));
export const seconds = (lengthS: number): number => Math.max(0, roundTo(lengthS, 1));
export const money = (amount: number | null): number | null => rounded(amount, MONEY_DECIMALS);
export const rounded = (measured: number | null, decimals: number): number | null =>
  measured === null || !Number.isFinite(measured) ? null : roundTo(measured, decimals);
export const percent = (measured: number | null | undefined): number | null =>
  measured === null || measured === undefined ? null : clamp(roundTo(measured, 1), 0, 100);
