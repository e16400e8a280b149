/*
 * How our pages write numbers. Like everything in the pages' `sight.mjs` and `sentence.mjs` these are plain functions:
 * build-examples.mjs copies those that a template calls into it, and tests call them here.
 */

/** @typedef {typeof import("../locales/en-US.json")} Words */

/**
 * Puts numbers and words into the {places} of a text.
 * @param {string} text
 * @param {Readonly<Record<string, string | number>>} parts
 */
export function fill(text, parts) {
  return text.replace(/\{(\w+)\}/g, (place, name) => String(parts[name] ?? place));
}

/**
 * @param {number} number
 * @param {number} digits
 * @param {Words} words
 */
export function formatNumber(number, digits, words) {
  return number.toLocaleString(words.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/**
 * The size of a power, never its sign: the direction is a word of its own.
 * @param {number | null} powerW
 * @param {Words} words
 */
export function formatPower(powerW, words) {
  if (powerW === null) return words.power.unknown;
  const sizeKw = Math.abs(powerW) / 1000;
  return fill(words.power.kW, { number: formatNumber(sizeKw, sizeKw >= 0.005 && sizeKw < 0.995 ? 2 : 1, words) });
}

/**
 * @param {number} ageS
 * @param {Words} words
 */
export function formatAge(ageS, words) {
  if (ageS < 90) return fill(words.age.seconds, { n: Math.round(ageS) });
  if (ageS < 5400) return fill(words.age.minutes, { n: Math.round(ageS / 60) });
  return fill(words.age.hours, { n: Math.round(ageS / 3600) });
}

/**
 * Without "ago".
 * @param {number} lengthS
 * @param {Words} words
 */
export function formatLength(lengthS, words) {
  if (lengthS < 90) return fill(words.age.secondsShort, { n: Math.round(lengthS) });
  if (lengthS < 5400) return fill(words.age.minutesShort, { n: Math.round(lengthS / 60) });
  return fill(words.age.hoursShort, { n: Math.round(lengthS / 3600) });
}

/**
 * Local time of the person who looks, HH:mm.
 * @param {string | number} time
 * @param {Words} words
 */
export function formatTime(time, words) {
  return new Date(time).toLocaleTimeString(words.language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/**
 * @param {string | number} time
 * @param {Words} words
 */
export function formatTimeS(time, words) {
  const options = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  return new Date(time).toLocaleTimeString(words.language, options);
}
