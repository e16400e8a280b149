/* What the page sees: which readings are there, how old they are, and where the power goes. */
import { hearPage, isSent, STALE_AFTER_S } from "../pages/ear.mjs";

/** @typedef {import("../pages/wording.mjs").Words} Words */
/** @typedef {import("../../../lib/model/records.ts").Control} Control */
/** @typedef {import("../../../lib/model/records.ts").Charger} Charger */
/** @typedef {{ powerW: number | null, at: string }} Seen */
/**
 * What the flow hands to the page once a second.
 * @typedef {object} PageRecord
 * @property {"home-energy"} kind
 * @property {string} at when it was sent, by the clock of Node-RED
 * @property {Control | null} control
 * @property {Charger | null} charger
 * @property {Partial<Record<"grid" | "evse" | "solar" | "house" | "battery", Seen>>} meters
 * @property {{ text: string, at: string } | null} refusal why the controller did not take the last command
 * @property {{ cloudsPercent: number, loadW: number, plugged: boolean, meterOnline: boolean } | null} home
 */
/** @typedef {{ powerW: number | null, ageS: number | null, isStale: boolean }} Reading */
/** @typedef {Record<"sun" | "house" | "car" | "grid", Reading>} House */

/** Below this a direction means nothing. */
export const NOTHING_W = 50;

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
  return isSent(payload) && payload.kind === "home-energy";
}

/**
 * The latest reading of each place, however old.
 * @param {PageRecord | null} page null = nothing came yet
 * @param {number} serverMs
 * @returns {House}
 */
export function readHouse(page, serverMs) {
  const { control = null, charger = null, meters = {} } = page ?? {};
  const chargerSeen = charger !== null && charger.powerW !== null ? charger : null;
  const houseSeen =
    meters.house ?? (control !== null && control.houseW !== null ? { powerW: control.houseW, at: control.at } : null);
  // the controller may be stricter than this page
  const grid = readSeen(meters.grid, serverMs);
  const isLost = control !== null && control.alarms.some(({ code }) => code === "meter-lost");
  return {
    sun: readSeen(meters.solar, serverMs),
    house: readSeen(houseSeen, serverMs),
    car: readSeen(chargerSeen ?? meters.evse, serverMs),
    grid: isLost ? { ...grid, isStale: grid.powerW !== null } : grid,
  };
}

/**
 * @param {Readonly<Seen> | null | undefined} seen
 * @param {number} serverMs
 * @returns {Reading}
 */
export function readSeen(seen, serverMs) {
  if (seen === null || seen === undefined || seen.powerW === null) return { powerW: null, ageS: null, isStale: false };
  const ageS = Math.max(0, (serverMs - Date.parse(seen.at)) / 1000);
  return { powerW: seen.powerW, ageS, isStale: ageS > STALE_AFTER_S };
}

/**
 * Who feeds whom. Sun serves the house first, then the car, then the grid; the car serves the house before the grid;
 * the grid gives the rest. Power has no name on a wire: this is the usual way to tell the story, not a measurement.
 * @param {House} house
 * @returns {{ from: keyof House, to: keyof House, powerW: number, isStale: boolean }[]}
 */
export function traceFlows(house) {
  const give = {
    sun: Math.max(0, house.sun.powerW ?? 0),
    car: Math.max(0, -(house.car.powerW ?? 0)),
    grid: Math.max(0, house.grid.powerW ?? 0),
  };
  const take = {
    house: Math.max(0, house.house.powerW ?? 0),
    car: Math.max(0, house.car.powerW ?? 0),
    grid: Math.max(0, -(house.grid.powerW ?? 0)),
  };
  const links = /** @type {const} */ ([
    ["sun", "house"],
    ["sun", "car"],
    ["sun", "grid"],
    ["car", "house"],
    ["car", "grid"],
    ["grid", "house"],
    ["grid", "car"],
  ]);
  return links.map(([from, to]) => {
    const powerW = Math.min(give[from], take[to]);
    give[from] -= powerW;
    take[to] -= powerW;
    return { from, to, powerW: powerW < NOTHING_W ? 0 : powerW, isStale: house[from].isStale || house[to].isStale };
  });
}

/**
 * What the car is doing, as a word of the state table.
 * @param {PageRecord} page
 * @param {number} serverMs
 */
export function carState(page, serverMs) {
  const { control, charger } = page;
  if (control === null && charger === null) return "loading";
  const alarms = (control?.alarms ?? []).map((alarm) => alarm.code);
  if (charger?.state === "fault" || control?.reason.code === "charger-fault") return "fault";
  if (alarms.includes("charger-lost") || charger?.online === false) return "offline";
  if (control?.safeState === true) return /-(missing|recovering)$/.test(control.reason.code) ? "waiting" : "safe";
  const car = readHouse(page, serverMs).car;
  const target = control?.targetA ?? null;
  if (car.powerW !== null && !car.isStale && Math.abs(car.powerW) > 100) {
    if (target !== null && Math.sign(target) !== Math.sign(car.powerW)) return target === 0 ? "stopping" : "turning";
    return car.powerW > 0 ? "charging" : "discharging";
  }
  if (charger?.plugged === false) return "unplugged";
  if (control === null || control.mode === "freerun") return "hands-off";
  if (target !== null && target !== 0) return "starting";
  return control.mode === "pause" || control.mode === "unplug" ? "paused" : "waiting";
}

/**
 * The horizontal lines of the chart, W: round numbers around all that is shown, at most seven, zero among them.
 * @param {readonly (number | null)[]} powersW
 */
export function chooseGridLines(powersW) {
  const known = powersW.filter((powerW) => powerW !== null);
  const highW = Math.max(900, ...known);
  const lowW = Math.min(0, ...known);
  const stepW = [500, 1000, 2000, 5000, 10000, 20000, 50000].find((stepW) => (highW - lowW) / stepW <= 5) ?? 100000;
  const from = Math.floor(lowW / stepW);
  const to = Math.ceil(highW / stepW);
  return Array.from({ length: to - from + 1 }, (_, index) => (from + index) * stepW);
}
