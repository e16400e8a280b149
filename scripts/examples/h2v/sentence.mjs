/* The sentence of the page H2V. */
import { homeState, minuteAgeS } from "./sight.mjs";
import { fill, formatLength, formatPower } from "../pages/wording.mjs";

/**
 * @param {import("./sight.mjs").H2vPage | null} page
 * @param {number} nowMs
 * @param {import("../pages/wording.mjs").Words} words
 */
export function sayHome(page, nowMs, words) {
  const { h2v } = words;
  const minute = page?.minute ?? null;
  if (minute === null) return h2v.noMinute;
  if (minute.noData) return h2v.noData;
  const house = formatPower(minute.meanW, words);
  const state = homeState(page, nowMs);
  if (state === "offline") return fill(h2v.late, { age: formatLength(minuteAgeS(page, nowMs), words) });
  if (state === "paused") return fill(h2v.peakCut, { house });
  if (state === "charging") return fill(h2v.charging, { house, car: formatPower(minute.carW, words) });
  return fill(h2v.resting, { house });
}
