/*
 * Words and times of the H2V gateway's page (fact sheet openevse-h2v-sessions 7.2), for whoever reads or writes them.
 */

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
