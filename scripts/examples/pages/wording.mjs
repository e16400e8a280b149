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

/**
 * @param {number | null} energyKwh
 * @param {Words} words
 */
export function formatEnergy(energyKwh, words) {
  if (energyKwh === null) return words.amount.unknown;
  return fill(words.amount.kWh, { number: formatNumber(energyKwh, 1, words) });
}

/**
 * Money with as many decimals as its currency has.
 * @param {number | null} amount
 * @param {string | null} currency such as GBP; null = not known
 * @param {Words} words
 */
export function formatMoney(amount, currency, words) {
  if (amount === null) return words.amount.unknown;
  if (currency === null) return formatNumber(amount, 2, words);
  return amount.toLocaleString(words.language, { style: "currency", currency });
}

/**
 * A length of charging or of being plugged in.
 * @param {number} minutes
 * @param {Words} words
 */
export function formatMinutes(minutes, words) {
  const whole = Math.round(minutes);
  if (whole < 60) return fill(words.amount.minutes, { m: whole });
  return fill(words.amount.hours, { h: Math.floor(whole / 60), m: whole % 60 });
}

/**
 * HH:mm of a time that is written in the site's own clock, such as `2026-11-21 18:04:00` or `2026-11-21T18:04:00+01:00`.
 * @param {string} localTime
 */
export function clockOf(localTime) {
  return localTime.slice(11, 16);
}

/**
 * The day of such a time as the language writes it; the year only when it is not the present one.
 * @param {string} localTime
 * @param {Words} words
 * @param {number} thisYear
 */
export function formatDay(localTime, words, thisYear) {
  const options = /** @type {const} */ ({ timeZone: "UTC", weekday: "short", month: "short", day: "numeric" });
  const day = new Date(`${localTime.slice(0, 10)}T00:00:00Z`);
  const isThisYear = day.getUTCFullYear() === thisYear;
  return day.toLocaleDateString(words.language, isThisYear ? options : { ...options, year: "numeric" });
}

/**
 * @param {string} month such as `2026-11`
 * @param {Words} words
 * @param {"short" | "long"} length
 */
export function formatMonth(month, words, length) {
  const day = new Date(`${month}-01T00:00:00Z`);
  const year = length === "long" ? /** @type {const} */ ({ year: "numeric" }) : {};
  return day.toLocaleDateString(words.language, { timeZone: "UTC", month: length, ...year });
}

/**
 * What the site's clock shows at an instant: `2026-11-21T18:04:00`.
 * @param {number} timeMs
 * @param {string} zonedTime any ISO time with the site's offset
 */
export function localTimeAt(timeMs, zonedTime) {
  const [, sign = "+", hours = "0", minutes = "0"] = /([+-])(\d\d):(\d\d)$/.exec(zonedTime) ?? [];
  const offsetMin = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  return new Date(timeMs + offsetMin * 60_000).toISOString().slice(0, 19);
}
