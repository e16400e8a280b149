/* The one line of plain words that the page begins with, and the line about the store below it. */
import {
  clockOf,
  fill,
  formatDay,
  formatEnergy,
  formatMinutes,
  formatMoney,
  formatPower,
  localTimeAt,
} from "../pages/wording.mjs";
import { chargerState } from "./sight.mjs";

/** @typedef {import("../pages/wording.mjs").Words} Words */
/** @typedef {import("./sight.mjs").PageRecord} PageRecord */

/**
 * @param {PageRecord} page
 * @param {number} serverMs
 * @param {Words} words
 */
export function saySentence(page, serverMs, words) {
  const state = chargerState(page);
  const { charger, session, last } = page;
  if (charger === null) return words.news.loading;
  if (state === "unplugged") return sayUnplugged(last, serverMs, words);
  const known =
    session === null
      ? {}
      : {
          energy: formatEnergy(session.energyWh / 1000, words),
          time: formatSince(session.pluggedAt, serverMs, words),
          cost: formatMoney(session.cost, session.currency, words),
        };
  const power = formatPower(charger.powerW, words);
  const fault = charger.faults.map(({ text }) => text).join(", ") || words.now.faultUnknown;
  const { [state]: sentences = words.now.unknown } = /** @type {Record<string, typeof words.now.charging>} */ ({
    charging: words.now.charging,
    discharging: words.now.discharging,
    plugged: words.now.plugged,
    paused: words.now.paused,
    fault: words.now.fault,
    offline: words.now.offline,
  });
  const [bare = "", withEnergy = "", withCost = ""] = sentences;
  const isEmpty = session === null || (session.energyWh < 50 && session.dischargedWh < 50);
  return fill(isEmpty ? bare : session.cost === null ? withEnergy : withCost, { ...known, power, fault });
}

/**
 * @param {PageRecord["last"]} last
 * @param {number} serverMs
 * @param {Words} words
 */
export function sayUnplugged(last, serverMs, words) {
  const { unplugged, unpluggedLast, unpluggedLastCost } = words.now;
  if (last === null) return unplugged;
  const thisYear = new Date(serverMs).getUTCFullYear();
  const isToday = localTimeAt(serverMs, last.pluggedAt).slice(0, 10) === last.start.slice(0, 10);
  return fill(last.cost === null ? unpluggedLast : unpluggedLastCost, {
    energy: formatEnergy(last.energyKwh, words),
    day: isToday ? words.now.today : fill(words.now.onDay, { day: formatDay(last.start, words, thisYear) }),
    cost: formatMoney(last.cost, last.currency, words),
  });
}

/**
 * HH:mm, with the day when it was not today.
 * @param {string} zonedTime ISO with the site's offset
 * @param {number} serverMs
 * @param {Words} words
 */
export function formatSince(zonedTime, serverMs, words) {
  const now = localTimeAt(serverMs, zonedTime);
  const time = clockOf(zonedTime);
  if (now.slice(0, 10) === zonedTime.slice(0, 10)) return time;
  return fill(words.now.dayAndTime, { day: formatDay(zonedTime, words, Number(now.slice(0, 4))), time });
}

/**
 * Where the sessions are while the store is not well.
 * @param {PageRecord} page
 * @param {Words} words
 * @returns {string} "" = all is well
 */
export function sayStore({ store }, words) {
  if (store === null || store.state === "ok") return "";
  if (store.state === "failed") return words.now.storeFailed;
  if (store.waiting === 1) return words.now.storeOneWaits;
  return store.waiting === 0 ? words.now.storeAway : fill(words.now.storeWaiting, { n: store.waiting });
}

/**
 * The quiet figures below the power: name and text. What is not known is left out.
 * @param {PageRecord} page
 * @param {number} serverMs
 * @param {Words} words
 * @returns {{ name: string, text: string }[]}
 */
export function listFigures({ charger, session }, serverMs, words) {
  const { now, amount } = words;
  const who = [session?.user, session?.vehicle].filter((text) => text !== null && text !== undefined && text !== "");
  const tag = session?.rfid ?? charger?.rfid ?? null;
  /** @type {[string, string | null][]} */
  const figures = [];
  if (session !== null) {
    const { cost, currency, solarPercent } = session;
    figures.push(
      [now.energy, formatEnergy(session.energyWh / 1000, words)],
      [now.cost, cost === null ? now.noPrice : formatMoney(cost, currency, words)],
      [now.since, formatSince(session.pluggedAt, serverMs, words)],
      [now.charged, formatMinutes(session.chargingS / 60, words)],
      [now.who, who.length > 0 ? who.join(", ") : (tag ?? now.nobody)],
      [now.solar, solarPercent === null ? null : fill(amount.percent, { number: Math.round(solarPercent) })],
    );
  }
  if (charger !== null) {
    const { setpointA, temperatureC = null, firmware = null } = charger;
    figures.push(
      [now.current, setpointA === null ? null : fill(amount.amps, { number: setpointA })],
      [now.temperature, temperatureC === null ? null : fill(amount.degrees, { number: Math.round(temperatureC) })],
      [now.firmware, firmware],
    );
  }
  return figures.flatMap(([name, text]) => (text === null || text === "" ? [] : [{ name, text }]));
}
