/* Sessions and sums in words, as the tables show them. */
import { clockOf, fill, formatDay, formatEnergy, formatMinutes, formatMoney, formatNumber } from "../pages/wording.mjs";

/** @typedef {import("../pages/wording.mjs").Words} Words */
/** @typedef {import("../../../lib/records/history/answers.ts").SessionRow} SessionRow */
/** @typedef {import("../../../lib/records/history/answers.ts").SumRow} SumRow */

/**
 * @param {SessionRow} row
 * @param {string} today local to the site
 * @param {Words} words
 */
export function describeRow(row, today, words) {
  const { sessions } = words;
  const year = Number(today.slice(0, 4));
  const day = formatDay(row.start, words, year);
  const from = clockOf(row.start);
  const isSameDay = row.end !== null && row.end.slice(0, 10) === row.start.slice(0, 10);
  const to =
    row.end === null ? "" : isSameDay ? clockOf(row.end) : `${formatDay(row.end, words, year)}, ${clockOf(row.end)}`;
  const who = [row.user, row.vehicle].filter(Boolean).join(", ") || row.rfid;
  return {
    id: row.sessionId,
    row,
    day,
    clock: fill(row.end === null ? sessions.from : isSameDay ? sessions.clock : sessions.clockLong, { from, to }),
    when: `${day}, ${from}`,
    isOpen: row.status === "open",
    duration: formatMinutes(row.chargingMin, words),
    kWh: formatNumber(row.energyKwh, 1, words),
    energy: formatEnergy(row.energyKwh, words),
    cost: row.cost === null ? sessions.noCost : formatMoney(row.cost, row.currency, words),
    who: who ?? sessions.noOne,
    solar: row.solarPercent === null ? "" : fill(words.amount.percent, { number: Math.round(row.solarPercent) }),
    remarks: listRemarks(row, words),
  };
}

/**
 * What is unusual about a session, for the dialog.
 * @param {SessionRow} row
 * @param {Words} words
 * @returns {{ name: string, text: string }[]}
 */
export function listRemarks({ flags, rfid }, words) {
  const { edit } = words;
  /** @type {Record<string, string>} */
  const names = words.flags;
  const remarks = flags
    .split(" ")
    .filter(Boolean)
    .map((flag) => names[flag] ?? flag);
  return [
    ...(remarks.length > 0 ? [{ name: edit.remarks, text: remarks.join(", ") }] : []),
    ...(rfid === null || rfid === "" ? [] : [{ name: edit.rfid, text: rfid }]),
  ];
}

/**
 * "43 sessions, 512.3 kWh, £112.40".
 * @param {SumRow} sum
 * @param {Words} words
 */
export function saySum(sum, words) {
  const { sessions } = words;
  if (sum.sessions === 0) return "";
  const text = sum.cost === null ? sessions.sumNoCost : sum.sessions === 1 ? sessions.sumOne : sessions.sum;
  const cost = formatMoney(sum.cost, sum.currency, words);
  return fill(text, { n: sum.sessions, energy: formatEnergy(sum.energyKwh, words), cost });
}

/**
 * What is still to be paid, without a sign.
 * @param {Pick<import("../../../lib/records/history/answers.ts").Statement, "balance" | "currency">} statement
 * @param {Words} words
 */
export function describeBalance({ balance, currency }, words) {
  const { account } = words;
  const isZero = Math.abs(balance) < 0.005;
  const name = isZero ? account.balanceZero : balance > 0 ? account.balanceOwed : account.balanceAhead;
  return { name, amount: formatMoney(Math.abs(balance), currency, words) };
}
