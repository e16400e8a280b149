import type { H2vMinute } from "../../model/h2v.ts";
import {
  formatGatewayTime,
  type H2vKey,
  h2vLabels,
  isoInJapan,
  isPlaceholderTime,
  parseGatewayTime,
} from "../../model/h2v-page.ts";
import type { Meter } from "../../model/records.ts";
import type { GatewayPage } from "./wire.ts";

/** How to understand a page. */
export interface MinuteSettings {
  readonly device: string;
  /** how far the shown time runs ahead of Japan's; 9 h on the known gateways */
  readonly offsetMs: number;
}

/** Further from the host's clock than this, something is wrong (fact sheet openevse-h2v-sessions 7.5). */
export const CLOCK_TOLERANCE_MS = 10 * 60_000;
const MINUTE_MS = 60_000;

type NumberKey = Exclude<H2vKey, "time" | "chargeStart">;

/** What no house behind this gateway can have. */
const RANGES: Readonly<Record<NumberKey, readonly [low: number, high: number]>> = {
  todayWh: [0, 999_999],
  yesterdayWh: [0, 999_999],
  meanW: [-99_999, 99_999],
  peakW: [-99_999, 99_999],
  carW: [0, 99_999],
  peakCut: [-999, 999],
  relay: [-999, 999],
  linkDbm: [-999, 999],
  cloudState: [-999, 999],
};
const NUMBER = /^[+-]?\d{1,12}$/;
const EXPECTED = Object.keys(h2vLabels) as readonly H2vKey[];

/**
 * One page as a record. What cannot be read or cannot be true is null, and named in `missing` or `flags`.
 *
 * @param nowMs the host's wall clock
 */
export function readMinute(page: GatewayPage, settings: MinuteSettings, nowMs: number): H2vMinute {
  const textOf = new Map(page.fields.flatMap(({ key, text }) => (key === null ? [] : [[key, text] as const])));
  const missing: string[] = [];
  const flags: string[] = [];
  if (page.source === "visible") flags.push("visible-figures");
  if (page.charset !== "euc-jp") flags.push(`charset:${page.charset}`);
  for (const key of EXPECTED) if (!textOf.has(key)) missing.push(h2vLabels[key]);

  const readNumber = (key: NumberKey): number | null => {
    const text = textOf.get(key);
    if (text === undefined) return null;
    if (!NUMBER.test(text)) {
      missing.push(h2vLabels[key]);
      flags.push(`unreadable:${h2vLabels[key]}`);
      return null;
    }
    const [low, high] = RANGES[key];
    const number = Number(text);
    if (number >= low && number <= high) return number;
    flags.push(`implausible:${h2vLabels[key]}`);
    return null;
  };
  const numbers = {
    todayWh: readNumber("todayWh"),
    yesterdayWh: readNumber("yesterdayWh"),
    meanW: readNumber("meanW"),
    peakW: readNumber("peakW"),
    carW: readNumber("carW"),
    peakCut: readNumber("peakCut"),
    relay: readNumber("relay"),
    linkDbm: readNumber("linkDbm"),
    cloudState: readNumber("cloudState"),
  };

  const time = readTime(textOf.get("time"), settings.offsetMs);
  if (time === "unreadable") {
    missing.push(h2vLabels.time);
    flags.push(`unreadable:${h2vLabels.time}`);
  }
  const shown = time === "unreadable" ? null : time;
  const gatewayMs = shown?.epochMs ?? null;
  const noData = shown?.isPlaceholder === true;
  if (gatewayMs === null) flags.push("no-time");
  const offMs = gatewayMs === null || noData ? 0 : gatewayMs - nowMs;
  if (Math.abs(offMs) > CLOCK_TOLERANCE_MS) flags.push("clock-off");
  const startText = textOf.get("chargeStart");
  const startMs = startText === undefined || isPlaceholderTime(startText) ? null : parseGatewayTime(startText);
  return {
    kind: "h2v",
    device: settings.device,
    at: isoInJapan(gatewayMs === null || noData ? floorToMinute(nowMs) : gatewayMs),
    minute: gatewayMs === null ? null : formatGatewayTime(gatewayMs),
    noData,
    stale: offMs < -CLOCK_TOLERANCE_MS,
    ...numbers,
    chargeStartedAt: startMs === null ? null : isoInJapan(startMs),
    fields: page.fields.map((field) => ({ ...field })),
    missing,
    gapMinutes: 0,
    flags,
  };
}

const floorToMinute = (epochMs: number): number => Math.floor(epochMs / MINUTE_MS) * MINUTE_MS;

/** The shown time without the offset; the placeholder loses it too, as in the original scripts. */
function readTime(
  text: string | undefined,
  offsetMs: number,
): { readonly epochMs: number; readonly isPlaceholder: boolean } | "unreadable" | null {
  if (text === undefined) return null;
  const shownMs = parseGatewayTime(text);
  if (shownMs === null) return "unreadable";
  return { epochMs: shownMs - offsetMs, isPlaceholder: isPlaceholderTime(text) };
}

/**
 * House and car of the minute, for whoever takes any meter. Without data their power is null; also when only the figures
 * are known that people see: rounded to 100 W, of an unknown moment, and perhaps hours old, which nobody should add up.
 */
export function toMeters(minute: H2vMinute): readonly [house: Meter, car: Meter] {
  const isKnown = !minute.noData && !minute.flags.includes("visible-figures");
  const flags = [...minute.flags, ...(minute.noData ? ["no-data"] : [])];
  const common = {
    kind: "meter",
    device: minute.device,
    at: minute.at,
    voltageV: null,
    currentA: null,
    powerFactor: null,
    importWh: null,
    exportWh: null,
    flags,
  } as const;
  const span = minute.minute === null || minute.noData ? {} : { meanOverS: 60 };
  return [
    { ...common, channel: 0, role: "house", powerW: isKnown ? minute.meanW : null, ...span },
    { ...common, channel: 1, role: "evse", powerW: isKnown ? minute.carW : null, ...span },
  ];
}
