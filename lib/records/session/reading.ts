import type { Charger } from "../../model/records.ts";
import { roundTo } from "../../model/units.ts";
import {
  countersBefore,
  type CountersBefore,
  findMissedSession,
  hasReplugged,
  noteOffline,
  settleGap,
  splitAtReplug,
  wasAway,
} from "./away.ts";
import { firstCounter, readCounter } from "./counter.ts";
import { addEnergy, bookEnergy, integrate } from "./energy.ts";
import { correctClosed } from "./late.ts";
import { activityOf, noteReading, pluggedIn } from "./settling.ts";
import type { Counter } from "./state.ts";
import { flagSession, markUnplugged, marksOf, now, type Step } from "./step.ts";

/* Takes one live reading: time, counters, energy, the extremes; and notes what may have changed. */

/** Between two readings further apart nobody knows what flowed, ms. */
const LONGEST_INTEGRATION_MS = 300_000;
/** A voltage so far above the usual one is a glitch (edge case 34). */
const VOLTAGE_GLITCH = 1.5;
const VOLTAGES_KEPT = 5;
/** No counter is larger. */
const MOST_WH = 1e12;
const MOST_SECONDS = 1e9;

const finite = (value: number | null | undefined): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value + 0 : null;
const within = (value: number | null | undefined, most: number): number | null => {
  const figure = finite(value);
  return figure === null || figure < 0 || figure > most ? null : figure;
};

/** The numbers of a reading that can be true. */
function sane(charger: Charger): Charger {
  return {
    ...charger,
    powerW: finite(charger.powerW),
    currentA: finite(charger.currentA),
    voltageV: finite(charger.voltageV),
    sessionWh: within(charger.sessionWh, MOST_WH),
    totalWh: within(charger.totalWh, MOST_WH),
    sessionS: within(charger.sessionS, MOST_SECONDS),
    uptimeS: within(charger.uptimeS, MOST_SECONDS),
    temperatureC: finite(charger.temperatureC),
    socPercent: finite(charger.socPercent),
  };
}

/** Takes a live reading. */
export function takeReading(step: Step, reading: Charger): void {
  if (!reading.online) {
    noteOffline(step);
    return;
  }
  const { draft } = step;
  const charger = sane(reading);
  const isAway = wasAway(step);
  draft.isMetered = charger.flags.includes("metered");
  const powerW = powerOf(step, charger);
  const hasRebooted = draft.seen?.uptimeS != null && charger.uptimeS != null && charger.uptimeS < draft.seen.uptimeS;
  if (hasRebooted || (draft.seen !== null && !draft.isOnline)) draft.rebootedMs = now(step);
  if (charger.counters !== undefined) {
    draft.sessionResets = charger.counters.sessionResets;
    draft.totalGrows = charger.counters.totalGrows;
  }
  const isFlowing = activityOf(charger) !== "idle";
  passFlow(step, charger, powerW, isAway);
  const before = countersBefore(step);
  const isDoubtful = isAway || draft.isPlugDoubtful;
  const isThere = draft.phase === "plugged" && pluggedIn(charger) !== false;
  const isSplit = isDoubtful && isThere && hasReplugged(step, charger, before, hasRebooted);
  expectRestart(step, charger, isSplit, isAway);
  const hasFallen = charger.sessionWh !== null && charger.sessionWh < (before.sessionWh ?? 0) - 1;
  noteReading(step, charger, isAway || (draft.isPlugDoubtful && hasFallen));
  readCounters(step, charger);
  expectRestart(step, charger, false, false);
  if (isSplit) splitAtReplug(step, charger, before, pluggedIn(charger) !== false);
  giveEnergy(step, charger, before, isAway);
  noteUnplugged(step, charger);
  noteExtremes(step, charger, powerW);
  if (isSplit) noteReading(step, charger, false);
  // the car that was there before the restart still is
  if (draft.session?.unpluggedMs === null && pluggedIn(charger) === true) draft.session.isResumed = false;
  draft.seen = {
    atMs: now(step),
    plugged: pluggedIn(charger),
    isFlowing,
    powerW,
    sessionS: charger.sessionS ?? null,
    uptimeS: charger.uptimeS ?? draft.seen?.uptimeS ?? null,
  };
  draft.isOnline = true;
  draft.awayFromMs = null;
  draft.isResumed = false;
}

/** Power that can be true, W; a voltage glitch is taken out again. */
function powerOf(step: Step, { powerW, currentA, voltageV, phases }: Charger): number | null {
  const { draft, settings } = step;
  const usualV = [...draft.voltagesV].sort((a, b) => a - b)[Math.floor(draft.voltagesV.length / 2)];
  const isGlitch = voltageV !== null && usualV !== undefined && voltageV > usualV * VOLTAGE_GLITCH;
  if (voltageV !== null && voltageV > 50 && voltageV < 1500 && !isGlitch)
    draft.voltagesV = [...draft.voltagesV.slice(1 - VOLTAGES_KEPT), voltageV];
  const volts = isGlitch ? (usualV ?? null) : voltageV;
  const own = isGlitch && powerW !== null ? powerW * ((usualV ?? 0) / voltageV) : powerW;
  const watts = own ?? (currentA === null || volts === null ? null : currentA * volts * phases);
  return watts === null || Math.abs(watts) > settings.maxPowerW * 1.2 ? null : watts;
}

/** How long energy may have flowed since the last reading, and what by power and time. */
function passFlow(step: Step, charger: Charger, powerW: number | null, isAway: boolean): void {
  const { draft } = step;
  const isFlowing = activityOf(charger) !== "idle";
  const { seen } = draft;
  if (seen === null) {
    draft.flowFromMs = now(step);
    return;
  }
  const spanMs = now(step) - seen.atMs;
  // a charger that cannot tell whether a car is there cannot tell either whether one charges
  const isDoubtful = isAway || draft.isPlugDoubtful;
  if (!isFlowing && !seen.isFlowing && !isDoubtful) {
    draft.flowFromMs = pluggedIn(charger) === null ? seen.atMs : now(step);
    return;
  }
  if (!seen.isFlowing && !isDoubtful) draft.flowFromMs = seen.atMs;
  draft.flowMs += spanMs;
  if (spanMs > LONGEST_INTEGRATION_MS || (!isFlowing && !seen.isFlowing)) return;
  // a state that has just changed says nothing of the power before
  if (!seen.isFlowing) return;
  const isSameWay = isFlowing && (powerW ?? 0) * (seen.powerW ?? 0) >= 0;
  const outWh = integrate(draft, seen.powerW, isSameWay ? powerW : seen.powerW, spanMs);
  if (outWh > 0 && draft.session !== null && draft.session.unpluggedMs === null)
    bookEnergy(step, draft.session, 0, outWh);
}

/** With a car that comes or goes a session counter begins anew. */
function expectRestart(step: Step, charger: Charger, isSplit: boolean, isAway: boolean): void {
  const { draft } = step;
  const isUnplugged = pluggedIn(charger) === false;
  if (draft.sessionCounter === null || !(isUnplugged || isSplit || (isAway && draft.phase === "unplugged"))) return;
  if (!draft.sessionCounter.mayRestart) draft.sessionCounter = { ...draft.sessionCounter, mayRestart: true };
  if (isAway && !isUnplugged && isOfNextCar(step, charger))
    draft.sessionCounter = { ...draft.sessionCounter, lastWh: 0 };
}

/**
 * A counter that keeps the last car's count until the next one is plugged in cannot have gone on with it (edge case 10): where
 * there was no car before, all that it shows has flowed since, also when that is more than before.
 */
const isOfNextCar = ({ draft }: Step, { sessionWh }: Charger): boolean =>
  draft.sessionResets === "at-plug" && draft.phase === "unplugged" && sessionWh !== draft.sessionCounter?.lastWh;

function readCounters(step: Step, charger: Charger): void {
  const { draft } = step;
  draft.sessionCounter = readOne(step, draft.sessionCounter, charger.sessionWh, "session");
  draft.totalCounter = readOne(step, draft.totalCounter, charger.totalWh, "total");
}

function readOne(
  step: Step,
  counter: Counter | null,
  valueWh: number | null,
  which: "session" | "total",
): Counter | null {
  const { draft, settings } = step;
  if (valueWh === null) return counter;
  const moment = { lineMs: now(step), flowMs: draft.flowMs, maxPowerW: settings.maxPowerW };
  if (counter === null) return firstCounter(valueWh, moment);
  const { counter: after, flag } = readCounter(counter, valueWh, moment);
  if (flag === null) return after;
  const { session } = draft;
  draft.unpluggedTroubled = { ...draft.unpluggedTroubled, [which]: true };
  if (session === null || session.unpluggedMs !== null) return after;
  session.troubled = { ...session.troubled, [which]: true };
  // a zero that arrives before the news that the car has left is no trouble
  if (flag === "counter-reset" && which === "session") session.suspectedResetMs ??= now(step);
  else flagSession(step, session, flag);
  return after;
}

/** Energy goes to the session that is there, or to the one that has just been closed. */
function giveEnergy(step: Step, charger: Charger, before: CountersBefore, isAway: boolean): void {
  const { draft } = step;
  const { session } = draft;
  if (session !== null) {
    const soFarWh = session.energyWh;
    // what comes with the next car is not the last one's
    const isNextCar = session.unpluggedMs !== null && pluggedIn(charger) !== false;
    addEnergy(step, session, isNextCar ? draft.unpluggedMarks : undefined);
    if (isAway) settleGap(step, charger, session.energyWh - soFarWh, activityOf(charger) !== "idle");
    session.meterEndWh = draft.totalCounter?.lastWh ?? session.meterEndWh;
    return;
  }
  if (draft.phase !== "unplugged") return;
  const isLate = draft.totalGrows === "at-unplug";
  // what the session's counter has gained is the next car's, where there is one
  const sums = marksOf(draft);
  const ofLast = pluggedIn(charger) === true ? { ...sums, session: draft.unpluggedMarks.session } : sums;
  if (pluggedIn(charger) === false || (isAway && isLate)) correctClosed(step, ofLast);
  if (isAway) findMissedSession(step, ownShare(step, charger, before), ofLast);
}

/** What of the total's gain belongs to the car that is there now, Wh. */
function ownShare(step: Step, charger: Charger, before: CountersBefore): number {
  const { draft } = step;
  if (pluggedIn(charger) === false || draft.totalGrows === "at-unplug") return 0;
  // without a counter of its own all of it may be
  if (charger.sessionWh === null || before.marks.session === null) return Number.POSITIVE_INFINITY;
  return (draft.sessionCounter?.sumWh ?? 0) - before.marks.session;
}

/** Remembers the sums while there is no car: the next session begins there. */
function noteUnplugged(step: Step, charger: Charger): void {
  const { draft } = step;
  if (pluggedIn(charger) !== false) return;
  markUnplugged(step);
  draft.unpluggedSeenMs = now(step);
}

function noteExtremes(step: Step, charger: Charger, powerW: number | null): void {
  const { draft, settings } = step;
  const { session } = draft;
  if (session === null || session.unpluggedMs !== null || pluggedIn(charger) === false) return;
  const { currentA, temperatureC, socPercent, rfid, firmware, flags } = charger;
  session.firmware = firmware ?? session.firmware;
  if (powerW !== null) session.maxPowerW = largest(session.maxPowerW, roundTo(powerW, 1));
  if (currentA !== null && Math.abs(currentA) <= settings.maxPowerW / 100)
    session.maxCurrentA = largest(session.maxCurrentA, currentA);
  if (temperatureC != null && temperatureC > -60 && temperatureC < 200)
    session.maxTemperatureC = Math.max(session.maxTemperatureC ?? temperatureC, temperatureC);
  if (socPercent !== null && socPercent >= 0 && socPercent <= 100 && !flags.includes("soc-remembered")) {
    session.socStartPercent ??= socPercent;
    session.socEndPercent = socPercent;
  }
  const tag = rfid?.replaceAll("\0", "").trim() ?? "";
  if (session.rfid === null && tag !== "") {
    session.rfid = tag.slice(0, 200);
    step.changed.add(session);
  }
  if (flags.includes("start-unseen")) flagSession(step, session, "partial-start");
  if (flags.includes("session-partial") || flags.includes("integrated")) flagSession(step, session, "estimated");
}

/** The one further from 0, so that a session that only discharged has an extreme too. */
const largest = (soFar: number | null, next: number): number =>
  soFar === null || Math.abs(next) > Math.abs(soFar) ? next : soFar;
