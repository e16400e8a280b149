/* What the widgets of the page H2V think. Plain functions: build-examples.mjs copies those that a template calls into it. */
import { hearPage } from "../pages/ear.mjs";

/** @typedef {import("../../../lib/model/h2v.ts").H2vMinute} Minute */
/** @typedef {import("../../../lib/records/report/month-report.ts").MonthReport} Month */
/** @typedef {import("../pages/wording.mjs").Words} Words */
/** @typedef {{ kind: "h2v-page", at: string, minute: Minute | null, minuteAt: string | null, months: readonly (Pick<Month, "month" | "houseKwh" | "carKwh" | "lostMinutes" | "carCost" | "businessAmount" | "currency"> | null)[], refusal: { text: string, at: string } | null }} H2vPage */

/** The gateway has a new minute once a minute; after that many seconds it is late. */
export const MINUTE_OLD_AFTER_S = 150;
/** Less than that is what a plugged car always draws. */
export const CHARGES_ABOVE_W = 50;

/**
 * What happens, as a word that also has a colour and a shape.
 * @param {H2vPage | null} page
 * @param {number} nowMs
 * @returns {"waiting" | "charging" | "paused" | "unplugged" | "offline"}
 */
export function homeState(page, nowMs) {
  const minute = page?.minute ?? null;
  if (minute === null || minute.noData) return "waiting";
  if (minuteAgeS(page, nowMs) > MINUTE_OLD_AFTER_S) return "offline";
  if (minute.peakCut !== null && minute.peakCut !== 0) return "paused";
  return (minute.carW ?? 0) > CHARGES_ABOVE_W ? "charging" : "unplugged";
}

/**
 * How long ago the last minute came, s.
 * @param {H2vPage | null} page
 * @param {number} nowMs
 */
export function minuteAgeS(page, nowMs) {
  const at = page?.minuteAt ?? null;
  return at === null ? Number.POSITIVE_INFINITY : Math.max(0, (nowMs - Date.parse(at)) / 1000);
}

/**
 * The months that have something to show, the latest first.
 * @param {H2vPage | null} page
 */
export function listMonths(page) {
  return (page?.months ?? []).filter((month) => month !== null).toReversed();
}

/**
 * Whether the page hears from Node-RED, and what it heard.
 * @param {import("../pages/ear.mjs").Ear} ear
 * @param {number} nowMs browser time
 * @param {boolean} isConnected
 */
export function hear(ear, nowMs, isConnected) {
  return hearPage(ear, nowMs, isConnected, isH2vPage);
}

/**
 * @param {unknown} payload
 * @returns {payload is H2vPage}
 */
export function isH2vPage(payload) {
  return typeof payload === "object" && payload !== null && "kind" in payload && payload.kind === "h2v-page";
}
