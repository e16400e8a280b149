import { type Command, type CommandSource, isDeviceCommand, limitsSession } from "../../model/commands.ts";
import { EvError } from "../../model/errors.ts";
import type { ControlMode } from "../../model/records.ts";
import { isoAt, secondsToMs } from "../../model/units.ts";
import { MODES } from "./modes.ts";

/*
 * What people and programs have asked for, kept per source so that nothing is lost: user > schedule > plan. Each source
 * has a standing choice and, above it, at most one override that ends by itself (a time, a state of charge, the car
 * leaving). Choosing `smart` hands the decision to the next source below.
 */

export interface Choice {
  readonly mode: ControlMode;
  /** `fixed`: signed; `charge` and `discharge`: a magnitude; null = the configured maximum, A */
  readonly currentA: number | null;
  /** `fixed` by power, signed, W */
  readonly powerW: number | null;
  readonly until: { readonly socPercent: number; readonly rising: boolean } | null;
  /** Wall clock, milliseconds since 1970. */
  readonly endMs: number | null;
}

export interface UserLimits {
  readonly maxA: number | null;
  readonly maxDischargeA: number | null;
  readonly endMs: number | null;
}

export interface Layer {
  readonly standing: Choice | null;
  readonly override: Choice | null;
  readonly limits: UserLimits;
}

export type Choices = Readonly<Record<CommandSource, Layer>>;

/** In falling priority; safety stands above all of them, in limits.ts. */
export const commandSources = ["user", "schedule", "plan"] as const satisfies readonly CommandSource[];

const noLimits: UserLimits = { maxA: null, maxDischargeA: null, endMs: null };
const emptyLayer: Layer = { standing: null, override: null, limits: noLimits };
export const noChoices: Choices = { user: emptyLayer, schedule: emptyLayer, plan: emptyLayer };

const choose = (mode: ControlMode, more: Partial<Choice> = {}): Choice => ({
  mode,
  currentA: null,
  powerW: null,
  until: null,
  endMs: null,
  ...more,
});

/** What is in force: the highest source that has an opinion. */
export interface InForce {
  readonly choice: Choice;
  readonly by: CommandSource | "start";
  /** What to show as the chosen mode: `smart` also while a lower source acts for it. */
  readonly shownMode: ControlMode;
}

export function inForce(choices: Choices, startMode: ControlMode): InForce {
  let smart: InForce | null = null;
  for (const by of commandSources) {
    const choice = choices[by].override ?? choices[by].standing;
    if (choice === null) continue;
    if (choice.mode !== "smart") return { choice, by, shownMode: smart === null ? choice.mode : "smart" };
    smart ??= { choice, by, shownMode: "smart" };
  }
  return smart ?? { choice: choose(startMode), by: "start", shownMode: startMode };
}

/** The tightest of what the sources allow, A. */
export function commandedLimits(choices: Choices): { readonly maxA: number; readonly maxDischargeA: number } {
  const tightest = (key: "maxA" | "maxDischargeA"): number =>
    Math.min(...commandSources.map((source) => choices[source].limits[key] ?? Number.POSITIVE_INFINITY));
  return { maxA: tightest("maxA"), maxDischargeA: tightest("maxDischargeA") };
}

/**
 * Why a controller does not take this command; null when it does. The node answers with it, `decide` ignores the command.
 *
 * @param maxDischargeA what the charger has said it can give back; null = it has not said
 */
export function refuseCommand(command: Command, maxDischargeA: number | null): EvError | null {
  if (isDeviceCommand(command) || (command.command === "limit" && limitsSession(command))) {
    return new EvError("unsupported", `"${command.command}" is for the charger itself. Send it to the charger node.`);
  }
  const choice = toChoice(command, null);
  if (choice === "incomplete") {
    return new EvError("bad-command", "Mode fixed needs currentA: amps, negative to discharge.");
  }
  if (choice === null) return null;
  if (choice.mode === "charge" && (choice.currentA ?? 0) < 0) {
    return new EvError("out-of-range", "Mode charge takes no negative current. Use mode discharge or fixed.");
  }
  if (maxDischargeA === 0 && wantsOnlyDischarge(choice)) {
    return new EvError("unsupported", "This charger cannot discharge.");
  }
  if ("untilSocPercent" in command && command.untilSocPercent !== undefined && choice.until === null) {
    return new EvError("bad-command", `untilSocPercent has no meaning in mode ${choice.mode}.`);
  }
  return null;
}

/** Takes a command in; a refused or expired one changes nothing. */
export function applyCommand(choices: Choices, command: Command, nowMs: number): Choices {
  const source = command.source ?? "user";
  const layer = choices[source];
  const lentUntil = command.validForS === undefined ? undefined : isoAt(nowMs + secondsToMs(command.validForS));
  const endMs = earliest(command.expiresAt, lentUntil, command.command === "mode" ? command.until : undefined);
  if (endMs !== null && endMs <= nowMs) return choices;
  if (command.command === "limit") {
    const { maxA = layer.limits.maxA, maxDischargeA = layer.limits.maxDischargeA } = command;
    return { ...choices, [source]: { ...layer, limits: { maxA, maxDischargeA, endMs } } };
  }
  const choice = toChoice(command, endMs);
  if (choice === null || choice === "incomplete") return choices;
  const endsByItself = choice.endMs !== null || choice.until !== null || choice.mode === "unplug";
  const next: Layer = endsByItself ? { ...layer, override: choice } : { ...layer, standing: choice, override: null };
  return { ...choices, [source]: next };
}

export interface Surroundings {
  readonly nowMs: number;
  readonly socPercent: number | null;
  /** The charger says, in a fresh reading, that no car is there. */
  readonly noCar: boolean;
  /** A car was there until now. */
  readonly carLeft: boolean;
  /** Charging ends here whatever was asked for. */
  readonly ceilingSocPercent: number;
  readonly floorSocPercent: number;
  readonly startMode: ControlMode;
}

/** Ends what has come to its end: time over, state of charge reached, car gone. */
export function endOverrides(choices: Choices, now: Surroundings): Choices {
  let next = choices;
  for (const source of commandSources) {
    const layer = next[source];
    if (layer.override !== null && hasEnded(layer.override, now)) {
      const wasUnplug = layer.override.mode === "unplug";
      next = { ...next, [source]: { ...layer, override: null } };
      if (wasUnplug) next = pauseWhenNothingIsLeft(next, source, now.startMode);
    }
    const { limits } = next[source];
    if (limits.endMs !== null && limits.endMs <= now.nowMs) {
      next = { ...next, [source]: { ...next[source], limits: noLimits } };
    }
  }
  return next;
}

function hasEnded({ mode, endMs, until }: Choice, now: Surroundings): boolean {
  if (endMs !== null && endMs <= now.nowMs) return true;
  if (mode === "unplug") return now.noCar;
  if (until === null) return false;
  // it was about the battery that has just left
  if (now.carLeft) return true;
  if (now.socPercent === null) return false;
  return until.rising
    ? now.socPercent >= Math.min(until.socPercent, now.ceilingSocPercent)
    : now.socPercent <= Math.max(until.socPercent, now.floorSocPercent);
}

/** After "stop until I unplug" the next car must not find a controller that does anything by itself. */
function pauseWhenNothingIsLeft(choices: Choices, source: CommandSource, startMode: ControlMode): Choices {
  const nothing = commandSources.every((each) => choices[each].standing === null && choices[each].override === null);
  if (!nothing || startMode !== "freerun") return choices;
  return { ...choices, [source]: { ...choices[source], standing: choose("pause") } };
}

function toChoice(command: Command, endMs: number | null): Choice | null | "incomplete" {
  switch (command.command) {
    case "charge":
    case "discharge":
      return withUntil(choose(command.command, { currentA: command.currentA ?? null, endMs }), command.untilSocPercent);
    case "pause":
      return choose("pause", { endMs });
    case "release":
      return choose("freerun", { endMs });
    case "current":
      return choose("fixed", { currentA: command.currentA, endMs });
    case "power":
      return choose("fixed", { powerW: command.powerW, endMs });
    case "mode": {
      const { mode, currentA, untilSocPercent } = command;
      if (mode === "fixed" && currentA === undefined) return "incomplete";
      const takesCurrent = mode === "fixed" || mode === "charge" || mode === "discharge";
      const asked = takesCurrent && currentA !== undefined ? currentA : null;
      return withUntil(
        choose(mode, { currentA: mode === "discharge" && asked !== null ? Math.abs(asked) : asked, endMs }),
        untilSocPercent,
      );
    }
    default:
      return null;
  }
}

/** A state of charge is only an end where the mode moves it one way. */
function withUntil(choice: Choice, socPercent: number | undefined): Choice {
  const { charge, discharge } = MODES[choice.mode];
  const signA = choice.mode === "fixed" ? (choice.currentA ?? choice.powerW ?? 0) : Number(charge) - Number(discharge);
  return socPercent === undefined || signA === 0 ? choice : { ...choice, until: { socPercent, rising: signA > 0 } };
}

function wantsOnlyDischarge({ mode, currentA, powerW }: Choice): boolean {
  if (mode === "fixed") return (currentA ?? powerW ?? 0) < 0;
  return MODES[mode].discharge && !MODES[mode].charge;
}

function earliest(...times: readonly (string | undefined)[]): number | null {
  const known = times.flatMap((time) => (time === undefined ? [] : [Date.parse(time)]));
  return known.length === 0 ? null : Math.min(...known);
}
