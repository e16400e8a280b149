/* The one line of plain words that the page begins with: what, why, until when. */
import { carState, readHouse } from "./sight.mjs";
import { fill, formatAge, formatPower, formatTime } from "../pages/wording.mjs";

/** @typedef {import("../pages/wording.mjs").Words} Words */
/** @typedef {import("./sight.mjs").PageRecord} PageRecord */

/**
 * @param {PageRecord} page
 * @param {number} serverMs
 * @param {Words} words
 */
export function saySentence(page, serverMs, words) {
  const { control } = page;
  if (control === null) return words.news.loading;
  const state = carState(page, serverMs);
  if (control.reason.code === "meter-lost" || control.reason.code === "safe-charge") {
    return sayMeterLost(page, serverMs, words);
  }
  const { powerW } = readHouse(page, serverMs).car;
  const power = formatPower(powerW, words);
  if (state === "stopping" || state === "turning") {
    const still = (powerW ?? 0) > 0 ? words.sentence.stillCharging : words.sentence.stillDischarging;
    return fill(still, { doing: words.state[state], power }) + words.sentence.end;
  }
  if (state === "unplugged") return words.sentence.unplugged;
  if (state !== "charging" && state !== "discharging") return control.why;
  const parts = [fill(words.sentence[nameAction(state, control.reason.code)], { power })];
  if (control.socPercent !== null) parts.push(fill(words.sentence.level, { soc: Math.round(control.socPercent) }));
  if (control.until !== null) parts.push(fill(words.sentence.until, { time: formatTime(control.until, words) }));
  return parts.join(", ") + words.sentence.end;
}

/**
 * @param {"charging" | "discharging"} state
 * @param {string} reasonCode
 */
export function nameAction(state, reasonCode) {
  if (state === "charging")
    return reasonCode === "following-sun" || reasonCode === "balancing-charge" ? "chargingSun" : state;
  return reasonCode === "powering-house" || reasonCode === "balancing-discharge" ? "poweringHouse" : state;
}

/**
 * @param {PageRecord} page
 * @param {number} serverMs
 * @param {Words} words
 */
export function sayMeterLost(page, serverMs, words) {
  const { control } = page;
  const { ageS } = readHouse(page, serverMs).grid;
  if (control === null || ageS === null) return control?.why ?? words.news.loading;
  const { sentence } = words;
  const stopped =
    control.reason.code === "safe-charge"
      ? fill(sentence.safeCharge, { current: Number(control.reason.params.currentA ?? 0) })
      : control.mode === "solar"
        ? sentence.stoppedFollowing
        : ["discharge", "power-home", "balance"].includes(control.mode)
          ? sentence.stoppedDischarge
          : sentence.stoppedAll;
  return fill(sentence.meterLost, { age: formatAge(ageS, words), stopped }) + sentence.end;
}
