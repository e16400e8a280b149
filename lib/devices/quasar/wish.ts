import type { Command } from "../../model/commands.ts";
import { EvError } from "../../model/errors.ts";
import { secondsToMs } from "../../model/units.ts";
import type { Demand } from "./set-point.ts";

/* What a command asks of the charger's current, and until when. Pure. */

export interface Wish {
  readonly demand: Demand;
  /** charging ends at or above, discharging at or below */
  readonly untilSocPercent: number | null;
  /** wall clock, ms */
  readonly expiresAtMs: number | null;
  /** monotonic, ms: not renewed until then, the charger stops */
  readonly lentUntilMs: number | null;
}

type CurrentCommand = Extract<Command, { command: "charge" | "discharge" | "current" | "power" }>;

/** Farther than any limit: the clamp turns it into the most that is allowed. */
const AS_MUCH_AS_ALLOWED_A = 1000;

/**
 * @param monotonicMs now, from when on `validForS` runs
 * @throws EvError `out-of-range` for a number that is none
 */
export function readWish(command: CurrentCommand, monotonicMs: number): Wish {
  const wish = {
    demand: readDemand(command),
    untilSocPercent: "untilSocPercent" in command ? (command.untilSocPercent ?? null) : null,
    expiresAtMs: command.expiresAt === undefined ? null : Date.parse(command.expiresAt),
    lentUntilMs: command.validForS === undefined ? null : monotonicMs + secondsToMs(command.validForS),
  };
  const amount = wish.demand.unit === "A" ? wish.demand.currentA : wish.demand.powerW;
  if (!Number.isFinite(amount)) throw new EvError("out-of-range", `${amount} is neither a current nor a power.`);
  return wish;
}

function readDemand(command: CurrentCommand): Demand {
  switch (command.command) {
    case "charge":
      return { unit: "A", currentA: command.currentA ?? AS_MUCH_AS_ALLOWED_A };
    case "discharge":
      return { unit: "A", currentA: -(command.currentA ?? AS_MUCH_AS_ALLOWED_A) };
    case "current":
      return { unit: "A", currentA: command.currentA };
    case "power":
      return { unit: "W", powerW: command.powerW };
    default:
      return command satisfies never;
  }
}

/** + charge, - discharge, 0 stand still. */
export const direction = (demand: Demand): number => Math.sign(demand.unit === "A" ? demand.currentA : demand.powerW);

/** True when there is nothing left to do: the state of charge is reached, the time is over, or nobody renewed it. */
export function isFulfilled(wish: Wish, socPercent: number | null, wallMs: number, monotonicMs: number): boolean {
  if (wish.expiresAtMs !== null && wallMs >= wish.expiresAtMs) return true;
  if (wish.lentUntilMs !== null && monotonicMs >= wish.lentUntilMs) return true;
  if (wish.untilSocPercent === null || socPercent === null) return false;
  return direction(wish.demand) > 0 ? socPercent >= wish.untilSocPercent : socPercent <= wish.untilSocPercent;
}
