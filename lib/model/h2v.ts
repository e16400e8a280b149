import { z } from "zod";

/*
 * What a Toyota H2V gateway says of one minute (fact sheet openevse-h2v-sessions 7.2). Declared here because two wings
 * speak of it: the device that reads the page, and the records that continue the owner's CSV files.
 */

const nullableNumber = z.number().nullable().default(null);

/** One minute of the gateway. */
export const h2vSchema = z.object({
  kind: z.literal("h2v"),
  device: z.string().min(1).max(200),
  /** begin of the minute in Japan's time; the host's minute when the gateway gave none */
  at: z.iso.datetime({ offset: true }),
  /** the gateway's minute without the page's offset, `YYYY/MM/DD HH:MM`; null = not on the page */
  minute: z
    .string()
    .regex(/^\d{4}\/\d\d\/\d\d \d\d:\d\d$/)
    .nullable()
    .default(null),
  /** the page shows the 1970 placeholder: the gateway has heard nothing of the controller yet */
  noData: z.boolean(),
  /** the minute is long past */
  stale: z.boolean(),
  /** house, since midnight */
  todayWh: nullableNumber,
  /** house, the whole day before */
  yesterdayWh: nullableNumber,
  /** house, mean and peak of the minute */
  meanW: nullableNumber,
  peakW: nullableNumber,
  /** into the car; 2 W is idle noise */
  carW: nullableNumber,
  /** 0 = no; other codes are not documented */
  peakCut: nullableNumber,
  /** presumably 1 = closed */
  relay: nullableNumber,
  linkDbm: nullableNumber,
  /** link to the maker's cloud, which ended on 2025-03-31 */
  cloudState: nullableNumber,
  chargeStartedAt: z.iso.datetime({ offset: true }).nullable().default(null),
  /** everything that stands on the page, as it stands there, also what we do not know */
  fields: z
    .array(
      z.object({ label: z.string().max(100), text: z.string().max(200), key: z.string().nullable().default(null) }),
    )
    .max(200)
    .default([]),
  /** known labels that the page lacks or whose value cannot be read */
  missing: z.array(z.string()).default([]),
  /** minutes since the one before that were never seen */
  gapMinutes: z.number().int().nonnegative().default(0),
  /** `visible-figures`, `charset:<name>`, `clock-off`, `no-time`, `unreadable:<label>`, `implausible:<label>`, `gap` */
  flags: z.array(z.string()).default([]),
});
export type H2vMinute = z.output<typeof h2vSchema>;
