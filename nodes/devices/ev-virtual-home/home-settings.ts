import { z } from "zod";
import { sunCurves } from "../../../simulators/home/physics.ts";
import { openEvseGenerations } from "../../../simulators/openevse.ts";
import { meterModels, type VirtualHomeOptions } from "../../../simulators/virtual-home.ts";

/** 0 = any free port. */
const port = z.coerce.number().int().min(0).max(65_535);

/** What the editor saves. An empty port of second meter, OpenEVSE or broker means that there is none. */
export const homeSettingsSchema = z.object({
  meterModel: z.enum(meterModels).default("gen1"),
  meterPort: port.default(18_011),
  chargerPort: port.default(18_012),
  solarMeterPort: port.optional(),
  openEvsePort: port.optional(),
  brokerPort: port.optional(),
  h2vPort: port.optional(),
  openEvseGeneration: z.enum(openEvseGenerations).default("5.1.5"),
  baseW: z.coerce.number().min(0).max(20_000).default(420),
  peakW: z.coerce.number().min(0).max(100_000).default(5_000),
  cloudsPercent: z.coerce.number().min(0).max(100).default(20),
  curve: z.enum(sunCurves).default("noon"),
  batteryKwh: z.coerce.number().min(1).max(500).default(59),
  socPercent: z.coerce.number().min(0).max(100).default(50),
  plugged: z.boolean().default(true),
  speedFactor: z.coerce.number().min(0.1).max(3_600).default(60),
  seed: z.coerce.number().int().default(1),
});

/** Settings as the simulators take them. */
export function toHomeOptions(settings: z.output<typeof homeSettingsSchema>): VirtualHomeOptions {
  const { batteryKwh, socPercent, plugged, speedFactor, ...rest } = settings;
  return { ...rest, charger: { capacityWh: batteryKwh * 1000, socPercent, plugged, speedFactor } };
}
