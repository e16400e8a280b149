import type { Plan } from "../../model/records.ts";
import { because, type ControlReason } from "./codes.ts";

/*
 * Mode `smart` does what it is advised: by a plan, slot by slot, or by rules that a later node hands in as an event.
 */

/** What a plan or a rule wants now: a current, or one of the modes that follow the house. */
export type SmartAdvice =
  | { readonly wantA: number; readonly reason: ControlReason }
  | { readonly follow: "solar" | "power-home" | "balance" };

/** Advice from rules, good until a wall clock time. */
export type TimedAdvice = SmartAdvice & { readonly untilMs: number };

/** A plan made ready for looking things up: slots in order of time, milliseconds since 1970. */
export interface PreparedPlan {
  readonly slots: readonly { readonly startMs: number; readonly endMs: number; readonly powerW: number }[];
  readonly endMs: number;
}

/** Slots that are empty or run backwards are dropped. */
export function preparePlan(plan: Plan): PreparedPlan {
  const slots = plan.slots
    .map(({ start, end, powerW }) => ({ startMs: Date.parse(start), endMs: Date.parse(end), powerW }))
    .filter(({ startMs, endMs, powerW }) => endMs > startMs && Number.isFinite(powerW))
    .sort((a, b) => a.startMs - b.startMs);
  return { slots, endMs: Math.max(Number.NEGATIVE_INFINITY, ...slots.map((slot) => slot.endMs)) };
}

/**
 * What the plan says for this instant of the wall clock. No plan, and a plan that is over, mean 0 A.
 *
 * @param wattsPerAmp nominal, so that the mains voltage does not make whole amps flicker
 */
export function adviseFromPlan(plan: PreparedPlan | null, nowMs: number, wattsPerAmp: number): SmartAdvice {
  if (plan === null) return { wantA: 0, reason: because("no-plan") };
  if (nowMs >= plan.endMs) return { wantA: 0, reason: because("plan-expired") };
  const slot = plan.slots.find(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs);
  const wantA = wholeAmps(slot?.powerW ?? 0, wattsPerAmp);
  if (wantA === 0) return { wantA, reason: because("plan-rest") };
  return { wantA, reason: because(wantA > 0 ? "plan-charge" : "plan-discharge", { currentA: Math.abs(wantA) }) };
}

/** Power to whole amps, towards zero; a hair under a whole amp is that amp. */
export function wholeAmps(powerW: number, wattsPerAmp: number): number {
  const amps = Math.trunc(powerW / wattsPerAmp + Math.sign(powerW) * 1e-6);
  return amps === 0 ? 0 : amps;
}
