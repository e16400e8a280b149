/* What the charging sessions page sees: the charger now, the running session, and what the lists are made of. */
import { hearPage, isSent } from "../pages/ear.mjs";
import { localTimeAt } from "../pages/wording.mjs";

/** @typedef {import("../../../lib/model/records.ts").Charger} Charger */
/** @typedef {import("../../../lib/model/session.ts").Session} Session */
/** @typedef {import("../../../lib/records/history/answers.ts").SessionRow} SessionRow */
/** @typedef {import("../../../lib/records/history/answers.ts").SumRow} SumRow */
/**
 * What the flow hands to the page once a second.
 * @typedef {object} PageRecord
 * @property {"charging-sessions"} kind
 * @property {string} at when it was sent, by the clock of Node-RED
 * @property {Charger | null} charger
 * @property {Session | null} session the running one
 * @property {SessionRow | null} last the latest one that is over
 * @property {{ state: "ok" | "waiting" | "failed", waiting: number } | null} store from the status of the history; null = not known
 * @property {number} news grows whenever the lists may have changed
 * @property {{ text: string, at: string } | null} refusal why the charger did not take the last command
 * @property {Readonly<Record<string, unknown>> | null} home the virtual home, where there is one
 */

/** A charger that sends nothing new for longer than this shows its age. */
export const OLD_AFTER_S = 90;

/**
 * Whether the page hears from Node-RED.
 * @param {import("../pages/ear.mjs").Ear} ear
 * @param {number} nowMs browser time
 * @param {boolean} isConnected
 */
export function hear(ear, nowMs, isConnected) {
  return hearPage(ear, nowMs, isConnected, isPage);
}

/**
 * @param {unknown} payload
 * @returns {payload is PageRecord}
 */
export function isPage(payload) {
  return isSent(payload) && payload.kind === "charging-sessions";
}

/**
 * What the charger is doing, as a word of the state table.
 * @param {PageRecord} page
 */
export function chargerState({ charger }) {
  if (charger === null) return "loading";
  if (!charger.online) return "offline";
  return charger.state;
}

/**
 * Which button the charger itself says is in force. An ESP8266 knows no override: there its state has to do.
 * @param {Charger | null} charger
 * @returns {"charge" | "pause" | "release" | ""}
 */
export function chosenButton(charger) {
  if (charger === null || !charger.online || charger.state === "unknown") return "";
  const isPaused = charger.state === "paused";
  if (charger.flags.includes("override")) return isPaused ? "pause" : "charge";
  if (!/(^|\s)2\.\d/.test(charger.firmware ?? "")) return "release";
  return isPaused ? "pause" : charger.state === "charging" ? "charge" : "";
}

/**
 * A row of the table with what is known of it this second.
 * @param {SessionRow} row
 * @param {PageRecord | null} page
 * @returns {SessionRow}
 */
export function refreshRow(row, page) {
  const session = page?.session ?? null;
  if (session === null || session.sessionId !== row.sessionId || row.status !== "open") return row;
  const { cost, currency, chargingS, solarPercent } = session;
  return { ...row, energyKwh: session.energyWh / 1000, cost, currency, chargingMin: chargingS / 60, solarPercent };
}

/**
 * The last twelve months, the present one at the end, also those in which nothing was charged.
 * @param {readonly SumRow[]} rows of the command `months`
 * @param {string} thisMonth such as `2026-11`
 * @returns {{ month: string, row: SumRow | null }[]}
 */
export function lastTwelveMonths(rows, thisMonth) {
  const [year = 0, month = 1] = thisMonth.split("-").map(Number);
  return Array.from({ length: 12 }, (_, index) => {
    const text = new Date(Date.UTC(year, month - 12 + index, 1)).toISOString().slice(0, 7);
    return { month: text, row: rows.find(({ period }) => period === text) ?? null };
  });
}

/**
 * Round numbers for the axis of bars: from 0 to at least the highest, at most five steps.
 * @param {readonly (number | null)[]} heights
 * @returns {number[]}
 */
export function chooseBarLines(heights) {
  const high = Math.max(0, ...heights.map((height) => height ?? 0));
  if (high <= 0) return [0, 1];
  const size = 10 ** Math.floor(Math.log10(high / 4));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((step) => high / step <= 4) ?? 10 * size;
  return Array.from({ length: Math.ceil(high / step - 1e-9) + 1 }, (_, index) => index * step);
}

/** What the period choices of sessions, days and files offer. */
export const PERIODS = ["all", "this-month", "last-month", "this-year", "last-year"];

/**
 * The conditions of a question about a period.
 * @param {string} period one of PERIODS
 * @param {string} today local to the site, such as `2026-11-21`
 * @returns {{ year?: number, month?: number }}
 */
export function periodFilter(period, today) {
  const [year = 1970, month = 1] = today.split("-").map(Number);
  if (period === "this-month") return { year, month };
  if (period === "last-month") return month === 1 ? { year: year - 1, month: 12 } : { year, month: month - 1 };
  if (period === "this-year") return { year };
  return period === "last-year" ? { year: year - 1 } : {};
}

/**
 * Which rows a page of a list shows.
 * @param {number} offset of its first row
 * @param {number} limit
 * @param {number} count of all rows
 */
export function pageOf(offset, limit, count) {
  const first = Math.min(offset, Math.max(0, Math.ceil(count / limit - 1) * limit));
  return {
    from: count === 0 ? 0 : first + 1,
    to: Math.min(count, first + limit),
    previous: first > 0 ? Math.max(0, first - limit) : null,
    next: first + limit < count ? first + limit : null,
    isBeyond: first !== offset,
  };
}

/**
 * The day by the site's clock, as far as a session tells it; else by the browser's.
 * @param {unknown} page
 * @param {number} nowMs
 */
export function findToday(page, nowMs) {
  const zonedTime = isPage(page) ? (page.session?.pluggedAt ?? page.last?.pluggedAt) : undefined;
  const offsetMin = new Date(nowMs).getTimezoneOffset();
  if (zonedTime === undefined) return new Date(nowMs - offsetMin * 60_000).toISOString().slice(0, 10);
  return localTimeAt(nowMs, zonedTime).slice(0, 10);
}

/** How numbers and columns of a CSV file are written. */
export const CSV_STYLES = {
  point: { separator: ",", decimalSign: "." },
  semicolon: { separator: ";", decimalSign: "," },
  pointSemicolon: { separator: ";", decimalSign: "." },
  tab: { separator: "\t", decimalSign: "." },
};

/**
 * A number as a person types it, with a point or a comma.
 * @param {string} text
 * @returns {number | null} null = not a number
 */
export function readDecimal(text) {
  const plain = text.trim().replace(",", ".");
  return /^[+-]?\d+(\.\d+)?$/.test(plain) ? Number(plain) : null;
}

/**
 * What the edit form shows of a session.
 * @param {SessionRow} row
 */
export function fillForm({ vehicle, user, odometerKm, purpose, businessRatio, note }) {
  return {
    vehicle: vehicle ?? "",
    user: user ?? "",
    odometerKm: odometerKm === null ? "" : String(odometerKm),
    purpose: purpose ?? "",
    businessPercent: businessRatio === null ? "" : String(Math.round(businessRatio * 1000) / 10),
    note: note ?? "",
  };
}

/** @typedef {ReturnType<typeof fillForm>} Form */

/**
 * The first field that cannot be right.
 * @param {Form} form
 * @returns {"wrongOdometer" | "wrongShare" | ""}
 */
export function findMistake(form) {
  const odometerKm = readDecimal(form.odometerKm);
  if (form.odometerKm.trim() !== "" && (odometerKm === null || odometerKm < 0 || odometerKm > 10_000_000)) {
    return "wrongOdometer";
  }
  if (form.purpose !== "mixed" || form.businessPercent.trim() === "") return "";
  const percent = readDecimal(form.businessPercent);
  return percent === null || percent < 0 || percent > 100 ? "wrongShare" : "";
}

/**
 * What a person has changed in a form: the fields of an `edit`. Empty text takes the value away.
 * @param {SessionRow} row
 * @param {Form} form
 * @returns {Record<string, unknown>}
 */
export function findEdits(row, form) {
  const before = fillForm(row);
  const percent = form.purpose === "mixed" ? readDecimal(form.businessPercent) : null;
  /** @type {[keyof Form, string, unknown][]} */
  const fields = [
    ["vehicle", "vehicle", form.vehicle.trim() || null],
    ["user", "user", form.user.trim() || null],
    ["odometerKm", "odometerKm", readDecimal(form.odometerKm)],
    ["purpose", "purpose", form.purpose || null],
    ["businessPercent", "businessRatio", percent === null ? null : Math.round(percent * 1e6) / 1e8],
    ["note", "note", form.note.trim() || null],
  ];
  // a share without "mixed" means nothing: it goes when "mixed" goes
  const isShareGone = before.purpose === "mixed" && form.purpose !== "mixed" && row.businessRatio !== null;
  const changed = fields.filter(([name]) => form[name] !== before[name] || (name === "businessPercent" && isShareGone));
  return Object.fromEntries(changed.map(([, name, wanted]) => [name, wanted]));
}
