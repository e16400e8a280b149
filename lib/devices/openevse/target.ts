import type { Command } from "../../model/commands.ts";
import { EvError } from "../../model/errors.ts";
import { secondsToMs } from "../../model/units.ts";
import type { Channel, Wanted } from "./orders.ts";

/* What the charger shall do, from a command, and how long. Pure. */

export interface Target {
  readonly kind: "run" | "hold";
  readonly channel: Channel;
  /** A per phase, within the limits; of a hold 0 */
  readonly currentA: number;
  readonly untilSocPercent: number | null;
  /** wall clock, ms */
  readonly endsAtMs: number | null;
  /** monotonic, ms: not renewed until then, the charger stops */
  readonly lentUntilMs: number | null;
}

export interface TargetLimits {
  readonly minA: number;
  readonly maxA: number;
  readonly voltageV: number;
  readonly phases: 1 | 3;
}

/** `auto` = what somebody controls all the time is a claim, what a person asks an override (fact sheet 4.5). */
export type ChannelChoice = "auto" | Channel;

export type TargetCommand = Extract<Command, { command: "charge" | "pause" | "current" | "power" }>;

export function chooseChannel(command: Command, choice: ChannelChoice): Channel {
  if (choice !== "auto") return choice;
  const isAutomatic = command.validForS !== undefined || (command.source ?? "user") !== "user";
  return isAutomatic ? "claim" : "override";
}

/**
 * @param monotonicMs now, from when on `validForS` runs
 * @throws EvError `unsupported` for a discharge
 */
export function readTarget(
  command: TargetCommand,
  limits: TargetLimits,
  choice: ChannelChoice,
  monotonicMs: number,
): Target {
  const askedA = askedCurrent(command, limits);
  if (askedA < 0) throw new EvError("unsupported", "An OpenEVSE only charges; it cannot discharge a car.");
  // the pilot cannot say less than the minimum: less than that is nothing, never more than was asked
  const currentA = askedA < limits.minA ? 0 : Math.floor(Math.min(askedA, limits.maxA));
  const isHold = currentA < limits.minA;
  return {
    kind: isHold ? "hold" : "run",
    channel: chooseChannel(command, choice),
    currentA: isHold ? 0 : currentA,
    untilSocPercent: command.command === "charge" ? (command.untilSocPercent ?? null) : null,
    endsAtMs: isHold || command.expiresAt === undefined ? null : Date.parse(command.expiresAt),
    lentUntilMs: isHold || command.validForS === undefined ? null : monotonicMs + secondsToMs(command.validForS),
  };
}

function askedCurrent(command: TargetCommand, { maxA, voltageV, phases }: TargetLimits): number {
  switch (command.command) {
    case "pause":
      return 0;
    case "charge":
      return command.currentA ?? maxA;
    case "current":
      return command.currentA;
    case "power":
      return command.powerW / (voltageV * phases);
    default:
      return command satisfies never;
  }
}

/** The same again: nothing is written, only the time runs anew. */
export const isRenewal = (before: Target | null, now: Target): boolean =>
  before !== null && before.kind === now.kind && before.channel === now.channel && before.currentA === now.currentA;

/** The same, but standing still and without an end. */
export const held = (target: Target): Target => ({
  ...target,
  kind: "hold",
  currentA: 0,
  untilSocPercent: null,
  endsAtMs: null,
  lentUntilMs: null,
});

/** Whether it will be stopped without another word. */
export const hasEnd = ({ untilSocPercent, endsAtMs, lentUntilMs }: Target): boolean =>
  untilSocPercent !== null || endsAtMs !== null || lentUntilMs !== null;

/** When it ends by itself, as a delay from now, ms; null = never. */
export function endsInMs({ endsAtMs, lentUntilMs }: Target, wallMs: number, monotonicMs: number): number | null {
  const ends = [
    ...(endsAtMs === null ? [] : [endsAtMs - wallMs]),
    ...(lentUntilMs === null ? [] : [lentUntilMs - monotonicMs]),
  ];
  return ends.length === 0 ? null : Math.max(0, Math.min(...ends));
}

/**
 * What is told to the charger. A ceiling is always part of our claim: it binds also those whose priority is higher.
 * What is claimed stays when the car leaves, as long as somebody controls; an override ends with the car.
 */
export function wantedOf(channel: Channel, target: Target | null, ceilingA: number | null): Wanted | null {
  const mine = target?.channel === channel ? target : null;
  const maxA = channel === "claim" ? (ceilingA ?? undefined) : undefined;
  if (mine === null && maxA === undefined) return null;
  return {
    state: mine === null ? undefined : mine.kind === "run" ? "active" : "disabled",
    chargeA: mine?.kind === "run" ? mine.currentA : undefined,
    maxA,
    isReleasedAtUnplug: channel === "override",
  };
}
