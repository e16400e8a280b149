import { z } from "zod";
import { EvError } from "../../../lib/model/errors.ts";
import { type ControlSettings, parseControlSettings } from "../../../lib/planning/control/settings.ts";
import type { SiteSettings } from "../../../lib/planning/control/site.ts";
import { readConfig } from "../../shared/read-config.ts";

const number = z.coerce.number().optional();

/** The form as the editor saves it: numbers are text, an empty field takes the controller's default. */
const formSchema = z.object({
  startMode: z.string().optional(),
  restoreMode: z.boolean().default(false),
  minChargeA: number,
  maxChargeA: number,
  minDischargeA: number,
  maxDischargeA: number,
  floorSocPercent: number,
  ceilingSocPercent: number,
  socHysteresisPercent: number,
  unknownSoc: z.string().optional(),
  probeA: number,
  probeBeforeDischarge: z.boolean().optional(),
  method: z.string().optional(),
  levels: z.string().max(5000).optional(),
  hysteresisW: number,
  chargeBiasA: number,
  dischargeBiasA: number,
  chargeActivationW: number,
  dischargeActivationW: number,
  startDelayS: number,
  stopDelayS: number,
  v2gStartDelayS: number,
  v2gStopDelayS: number,
  staleAfterS: number,
  chargerStaleAfterS: number,
  frozenAfterS: number,
  safeChargeA: number,
  recoveryDelayS: number,
  riseDelayS: number,
  resendAfterS: number,
  priority: z.coerce.number().min(0).max(1000).default(1),
  chargerPhase: z.coerce.number().optional(),
});

/** @throws EvError `config` naming the field */
export function readSettings(
  config: Readonly<Record<string, unknown>>,
  site: SiteSettings,
): { settings: ControlSettings; priority: number; restoreMode: boolean } {
  const { restoreMode, priority, levels, ...form } = readConfig(formSchema, config);
  const settings = parseControlSettings({
    ...form,
    ...(levels === undefined ? {} : { levels: readLevels(levels) }),
    voltageV: site.voltageV,
    fuseA: site.fuseA,
    fuseMarginA: site.marginA,
    sitePhases: site.phases,
    exportLimitW: site.exportLimitW,
  });
  return { settings, priority, restoreMode };
}

/** "720:3, 960:4" = from 720 W on 3 A, from 960 W on 4 A. @throws EvError `config` */
function readLevels(text: string): { fromW: number; currentA: number }[] | null {
  const rows = text.split(/[,;]/).map((row) => row.trim());
  const levels = rows
    .filter((row) => row !== "")
    .map((row) => {
      const [, watts, amps] = /^(\d{1,6})\s*:\s*(\d{1,3})$/.exec(row) ?? [];
      if (watts === undefined) {
        throw new EvError("config", `"${row.slice(0, 40)}" in the level table is not watts:amps, for example 720:3.`);
      }
      return { fromW: Number(watts), currentA: Number(amps) };
    });
  return levels.length === 0 ? null : levels;
}
