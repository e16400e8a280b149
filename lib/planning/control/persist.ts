import { z } from "zod";
import { controlModes } from "../../model/records.ts";
import { type Choices, noChoices } from "./choice.ts";
import { type ControlState, createControlState } from "./state.ts";

/*
 * What survives a restart, where the user has asked for it: what people and schedules chose, and that the battery was
 * low. Readings, delays and the plan are learnt anew.
 */

const finite = z.number();
const choiceSchema = z.object({
  mode: z.enum(controlModes),
  currentA: finite.min(-500).max(500).nullable(),
  powerW: finite.min(-500_000).max(500_000).nullable(),
  until: z.object({ socPercent: finite.min(0).max(100), rising: z.boolean() }).nullable(),
  endMs: finite.nullable(),
});
const layerSchema = z.object({
  standing: choiceSchema.nullable(),
  override: choiceSchema.nullable(),
  limits: z.object({
    maxA: finite.min(0).nullable(),
    maxDischargeA: finite.min(0).nullable(),
    endMs: finite.nullable(),
  }),
});
const savedSchema = z.object({
  version: z.literal(1),
  user: layerSchema,
  schedule: layerSchema,
  wasAtFloor: z.boolean(),
});

/** Plain JSON. */
export type SavedControl = z.output<typeof savedSchema>;

/** What to keep; store it when it changes. */
export const saveable = ({ choices, latches }: ControlState): SavedControl => ({
  version: 1,
  user: choices.user,
  schedule: choices.schedule,
  wasAtFloor: latches.atFloor,
});

/** A fresh controller with the saved choices; anything that is not a saved controller gives one that does nothing. */
export function restore(saved: unknown): ControlState {
  const parsed = savedSchema.safeParse(saved);
  const fresh = createControlState();
  if (!parsed.success) return fresh;
  const choices: Choices = { ...noChoices, user: parsed.data.user, schedule: parsed.data.schedule };
  return { ...fresh, choices, latches: { ...fresh.latches, atFloor: parsed.data.wasAtFloor } };
}
