import { z } from "zod";

/*
 * What a plug behind a meter remembers: plain JSON, kept at every step that matters and taken up again after a kill.
 * Energies are Wh, instants are on the plug's own line of time, ms: it runs with the monotonic clock, and over a restart
 * with the wall clock.
 */

const number = z.number();

const stateSchema = z.object({
  version: z.literal(2),
  /** of the meter; null = nothing heard yet */
  channel: number.nullable(),
  phase: z.enum(["idle", "rising", "charging", "falling"]),
  lineMs: number,
  /** since when the phase has lasted */
  sinceMs: number,
  last: z
    .object({
      /** wall clock */
      atMs: number,
      /** null = of an earlier run of the program */
      monotonicMs: number.nullable(),
      powerW: number,
      /** up to where the meter's own clock has been accounted for; of means only */
      meanUntilMs: number.nullable(),
      meanFromMs: number.nullable(),
    })
    .nullable(),
  /** what the meter's counter showed last; null = it has none */
  counterWh: number.nullable(),
  /** after a gap, its counter is waited for since then, by the monotonic clock; null = it is not */
  waitsFromMs: number.nullable(),
  /** by power and time since the counter was last read */
  uncountedWh: number,
  /** what a plug without a charging car draws, W */
  idleW: number,
  /** the session began while nobody looked */
  isStartUnseen: z.boolean(),
  /** since the power rose, and not yet known to be a charge */
  risingWh: number,
  /** all that ever went into cars; only grows */
  carWh: number,
  /** of the session, s */
  chargingS: number,
});

export type MeteredPlugState = Readonly<z.output<typeof stateSchema>>;

export const startMeteredPlug = (): MeteredPlugState => ({
  version: 2,
  channel: null,
  phase: "idle",
  lineMs: 0,
  sinceMs: 0,
  last: null,
  counterWh: null,
  waitsFromMs: null,
  uncountedWh: 0,
  idleW: 0,
  isStartUnseen: false,
  risingWh: 0,
  carWh: 0,
  chargingS: 0,
});

/** A stored state, as it was written with JSON.stringify; a fresh one when it cannot be taken up. */
export function readMeteredPlugState(saved: unknown): MeteredPlugState {
  return stateSchema.safeParse(saved).data ?? startMeteredPlug();
}

/** The program was restarted: its monotonic clock has begun anew. */
export function resumeMeteredPlug(state: MeteredPlugState): MeteredPlugState {
  if (state.last === null) return state;
  return { ...state, waitsFromMs: null, last: { ...state.last, monotonicMs: null } };
}
