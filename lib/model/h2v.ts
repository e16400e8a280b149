import { z } from "zod";

/*
 * What a Toyota H2V gateway says of one minute (fact sheet openevse-h2v-sessions 7.2). Declared here because two wings
 * speak of it: the device that reads the page, and the records that continue the owner's CSV files.
 */

const nullableNumber = z.number().nullable().default(null);

/** The page's own name of every known value, and ours; in the order of the page. */
export const h2vLabels = {
  todayWh: "本日",
  yesterdayWh: "昨日",
  meanW: "平均",
  peakW: "最大",
  carW: "車充電",
  peakCut: "ピークカット状態",
  relay: "リレー状態",
  time: "最新電力情報の時刻",
  linkDbm: "PCC接続状態",
  cloudState: "TSC接続状態",
  chargeStart: "充電開始時刻(nooffset)",
} as const;
export type H2vKey = keyof typeof h2vLabels;

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

/** Japan's time has no summer time, so a fixed offset is exact. */
export const JAPAN_OFFSET_MS = 9 * 3_600_000;

const GATEWAY_TIME = /^(\d{4})\/(\d\d)\/(\d\d) (\d\d):(\d\d)$/;

/** `YYYY/MM/DD HH:MM` of Japan's clock to milliseconds since 1970 UTC; null when it is no such time. */
export function parseGatewayTime(text: string): number | null {
  const [, year, month, day, hour, minute] = GATEWAY_TIME.exec(text) ?? [];
  if (year === undefined) return null;
  const asUtcMs = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
  // 31 February would roll over
  return formatGatewayTime(asUtcMs - JAPAN_OFFSET_MS) === text ? asUtcMs - JAPAN_OFFSET_MS : null;
}

/** Milliseconds since 1970 UTC to `YYYY/MM/DD HH:MM` of Japan's clock. */
export function formatGatewayTime(epochMs: number): string {
  const iso = new Date(epochMs + JAPAN_OFFSET_MS).toISOString();
  return `${iso.slice(0, 4)}/${iso.slice(5, 7)}/${iso.slice(8, 10)} ${iso.slice(11, 16)}`;
}

/** ISO 8601 with Japan's offset. */
export const isoInJapan = (epochMs: number): string =>
  new Date(epochMs + JAPAN_OFFSET_MS).toISOString().replace("Z", "+09:00");

/** Before this year no gateway has seen a minute: what the page shows then is the placeholder. */
const FIRST_YEAR = "2000";
export const isPlaceholderTime = (text: string): boolean => text < FIRST_YEAR;
