import { z } from "zod";
import { EvError } from "../../model/errors.ts";
import { controlModes } from "../../model/records.ts";

/** No car battery is filled beyond this by remote control (fact sheet v2g 2.4: the Quasar stops there itself). */
export const HARD_TOP_SOC_PERCENT = 97;

const amps = z.number().min(0).max(500);
const delayS = z.number().min(0).max(86_400);
const watts = z.number().min(0).max(100_000);

/** One row of the level table: from this many watts on, this many amps. */
const levelSchema = z.strictObject({ fromW: watts, currentA: amps.int() });

/** Every setting of one controller: unit in the name, default in the schema. */
export const controlSettingsSchema = z
  .strictObject({
    /** used where nothing measures it, and to turn a planned power into amps */
    voltageV: z.number().min(80).max(300).default(230),
    /** main fuse per phase; null = not guarded here */
    fuseA: amps.nullable().default(null),
    fuseMarginA: amps.default(1),
    sitePhases: z.union([z.literal(1), z.literal(2), z.literal(3)]).default(1),
    /** phase of a single-phase charger, counted from 1; null = unknown, the worst phase counts */
    chargerPhase: z
      .union([z.literal(1), z.literal(2), z.literal(3)])
      .nullable()
      .default(null),
    exportLimitW: watts.nullable().default(null),

    minChargeA: amps.default(6),
    maxChargeA: amps.default(16),
    minDischargeA: amps.default(6),
    maxDischargeA: amps.default(16),

    method: z.enum(["levels", "direct"]).default("levels"),
    /** null = n x 240 W per phase gives n A, from 3 A on */
    levels: z.array(levelSchema).min(1).max(200).nullable().default(null),
    hysteresisW: watts.default(50),
    chargeBiasA: z.number().min(-10).max(10).default(-0.5),
    dischargeBiasA: z.number().min(-10).max(10).default(-0.5),
    /** null = the power of the minimum current */
    chargeActivationW: watts.nullable().default(null),
    dischargeActivationW: watts.nullable().default(null),

    startDelayS: delayS.default(60),
    stopDelayS: delayS.default(180),
    v2gStartDelayS: delayS.default(0),
    v2gStopDelayS: delayS.default(10),

    floorSocPercent: z.number().min(0).max(95).default(25),
    ceilingSocPercent: z.number().min(5).max(HARD_TOP_SOC_PERCENT).default(90),
    socHysteresisPercent: z.number().min(0).max(20).default(2),
    /** `auto` = `probe` unless the charger says that it cannot discharge */
    unknownSoc: z.enum(["auto", "probe", "charge"]).default("auto"),
    probeA: amps.default(3),
    probeBeforeDischarge: z.boolean().default(false),

    staleAfterS: delayS.min(1).default(10),
    chargerStaleAfterS: delayS.min(1).default(30),
    frozenAfterS: delayS.min(10).default(300),
    recoveryDelayS: delayS.default(10),
    safeChargeA: amps.default(6),
    riseDelayS: delayS.default(15),
    resendAfterS: delayS.min(1).default(60),
    startMode: z.enum(controlModes).exclude(["fixed"]).default("freerun"),
  })
  .superRefine((settings, context) => {
    const fail = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
    if (settings.floorSocPercent + settings.socHysteresisPercent >= settings.ceilingSocPercent) {
      fail("floorSocPercent", "The floor plus the hysteresis must lie below the ceiling");
    }
    for (const direction of ["Charge", "Discharge"] as const) {
      const mostA = settings[`max${direction}A`];
      const isHopeless = mostA > 0 && mostA < settings[`min${direction}A`];
      if (isHopeless)
        fail(`max${direction}A`, "The maximum current is below the minimum. Use 0 to forbid this direction");
    }
    const levels = settings.levels ?? [];
    const ascends = levels.every((level, row) => {
      const before = levels[row - 1];
      return before === undefined || (level.fromW > before.fromW && level.currentA > before.currentA);
    });
    if (!ascends) fail("levels", "Watts and amps of the level table must both rise from row to row");
  });

export type ControlSettings = Readonly<z.output<typeof controlSettingsSchema>>;

/**
 * Reads settings, filling in the defaults.
 *
 * @throws EvError `config` naming the setting that is wrong
 */
export function parseControlSettings(raw: unknown): ControlSettings {
  const parsed = controlSettingsSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join(".") ?? "";
  throw new EvError(
    "config",
    `Control setting ${place === "" ? "object" : place}: ${issue?.message ?? "not accepted"}.`,
  );
}
