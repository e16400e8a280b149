import type { DetectorEvent } from "../../../../lib/records/session/detected.ts";
import { chargerOf, type Firmware, START_MS } from "./traces.ts";

/*
 * A car, a charger with the counters of its firmware, and everything between charger and detector that can go wrong. What
 * really flowed is known.
 */

export interface Action {
  readonly does: "unplug" | "plug" | "charge" | "pause" | "fault";
  readonly seconds: number;
  readonly powerW: number;
}

export interface Fault {
  readonly type:
    | "duplicate"
    | "reorder"
    | "drop"
    | "nan"
    | "clock"
    | "restart"
    | "offline"
    | "rollback"
    | "reset"
    | "jump";
  /** when, as a share of the whole time */
  readonly atShare: number;
  readonly seconds: number;
}

export interface Household {
  readonly actions: readonly Action[];
  readonly faults: readonly Fault[];
  readonly firmware: string;
  readonly periodS: number;
  readonly seed: number;
}

export interface Simulated {
  readonly events: readonly DetectorEvent[];
  /** what flowed into cars that had left by the end */
  readonly trueWh: number;
  /** what readings at their rhythm may miss */
  readonly toleranceWh: number;
  /** what counters may have lost in all faults together */
  readonly forgottenWh: number;
  /** what went into cars of which a firmware without a lifetime counter showed nothing before the next one came */
  readonly hiddenWh: number;
}

const UNSEEN: readonly Fault["type"][] = ["offline", "restart", "drop"];

const STATE = { unplug: 1, plug: 2, charge: 3, pause: 254, fault: 6 } as const;

interface Second {
  readonly code: number;
  readonly powerW: number;
}

/** Second by second: unplugged at both ends; on 2.x the plug shows no car while it sleeps, so that it wakes up first. */
function secondsOf({ actions, firmware }: Household): Second[] {
  const isOld = firmware.startsWith("2.");
  const seconds: Second[] = [];
  const stay = (does: Action["does"], length: number, powerW = 0): void => {
    for (let second = 0; second < length; second++) seconds.push({ code: STATE[does], powerW });
  };
  stay("unplug", 200);
  for (const { does, seconds: length, powerW } of actions) {
    if (does === "unplug" && isOld) stay("plug", 5);
    stay(does, does === "unplug" ? Math.max(120, length) : length, does === "charge" ? powerW : 0);
  }
  if (isOld) stay("plug", 5);
  stay("unplug", 4000);
  return seconds;
}

/** Faults fall due at their second. */
function dueAt(faults: readonly Fault[], total: number): Map<number, Fault> {
  return new Map(faults.map((fault) => [Math.max(100, Math.floor(fault.atShare * (total - 4000))), fault]));
}

export function simulate(house: Household): Simulated {
  const firmware = house.firmware as Firmware;
  const seconds = secondsOf(house);
  const due = dueAt(house.faults, seconds.length);
  const events: DetectorEvent[] = [];
  let trueWh = 0;
  let sessionWh = 0;
  let sessionS = 0;
  let totalWh = 100_000;
  let waitingWh = 0;
  let forgottenWh = 0;
  let hiddenWh = 0;
  let unshownWh = 0;
  let unplugs = 0;
  let clockMs = START_MS;
  let offlineUntil = -1;
  let bootAt = 0;
  let uptimeFrom = -50_000;
  let saved = { sessionWh: 0, totalWh };
  let isNan = false;
  let isResumedDue = false;
  let previous: Second = { code: 1, powerW: 0 };
  const isController = firmware !== "5.x";

  for (const [at, second] of seconds.entries()) {
    const wh = second.powerW / 3600;
    trueWh += wh;
    const isCar = second.code !== 1;
    if (isCar && previous.code === 1 && isController) {
      [sessionWh, sessionS] = [0, 0];
      if (firmware === "2.7.5") hiddenWh += unshownWh;
      unshownWh = 0;
    }
    unshownWh += wh;
    if (!isCar && previous.code !== 1) {
      unplugs += 1;
      if (!isController) [sessionWh, sessionS] = [0, 0];
      totalWh += waitingWh;
      waitingWh = 0;
    }
    if (second.code === 3) [sessionWh, sessionS] = [sessionWh + wh, sessionS + 1];
    if (isController) waitingWh += wh;
    else totalWh += wh;
    // the module saves every five minutes, and at the end
    if (at % 300 === 0 || second.code !== 3) saved = { sessionWh, totalWh };

    const fault = due.get(at);
    let copies = 1;
    if (fault !== undefined) {
      if (fault.type === "offline" || fault.type === "restart") offlineUntil = at + fault.seconds;
      if (fault.type === "restart") isResumedDue = true;
      if (fault.type === "drop") offlineUntil = Math.max(offlineUntil, at + Math.min(fault.seconds, 2 * house.periodS));
      if (fault.type === "clock") clockMs += (fault.seconds - 1200) * 1000;
      if (fault.type === "duplicate") copies = 3;
      if (fault.type === "nan") isNan = true;
      if (fault.type === "rollback" && !isController) {
        forgottenWh += totalWh - saved.totalWh;
        ({ sessionWh, totalWh } = saved);
        uptimeFrom = at;
        // what flows until the next reading hides in what has been taken back
        forgottenWh += 2 * 11_000 * ((house.periodS + 1) / 3600);
      }
      if (fault.type === "reset") {
        forgottenWh += firmware === "2.9.1" ? 0 : 11_000 * ((house.periodS + 35) / 3600) + 55;
        sessionWh = 0;
        if (!isController) totalWh = 0;
        saved = { sessionWh, totalWh };
      }
      if (fault.type === "jump" && !isController) {
        totalWh += 650_000;
        saved = { sessionWh, totalWh };
        forgottenWh += 11_000 * ((house.periodS * 3 + 30) / 3600) + 5;
      }
    }
    const isSilent = at < offlineUntil;
    const nowMs = clockMs + at * 1000;
    if (isSilent && isResumedDue) {
      previous = second;
      continue;
    }
    if (!isSilent && isResumedDue) {
      bootAt = at;
      isResumedDue = false;
      events.push({ type: "resumed", nowMs, monotonicMs: 0 });
    }
    const isDue = at % house.periodS === 0 || second.code !== previous.code || fault !== undefined;
    previous = second;
    if (!isDue) {
      if (at % 5 === 0) events.push({ type: "tick", nowMs, monotonicMs: (at - bootAt) * 1000 });
      continue;
    }
    const isGone = isSilent && fault?.type !== "drop";
    if (isSilent && !isGone) continue;
    if (isSilent && at % 60 !== 0) continue;
    const words: Record<string, string> = {
      state: String(second.code),
      power: String(second.powerW),
      voltage: "230",
      announce: isSilent ? "disconnected" : "connected",
      session_elapsed: String(sessionS),
    };
    if (!firmware.startsWith("2.")) words["vehicle"] = isCar ? "1" : "0";
    if (firmware === "5.x") {
      words["session_energy"] = isNan ? "NaN" : String(sessionWh);
      words["total"] = isNan ? "false" : String(totalWh / 1000);
      words["uptime"] = String(at - uptimeFrom);
    } else if (firmware === "4.1.7") {
      words["session_energy"] = isNan ? "NaN" : String(sessionWh);
      words["total"] = String(Math.floor(totalWh) / 1000);
    } else if (firmware === "2.7.5") words["wh"] = isNan ? "false" : String(Math.floor(sessionWh * 3600));
    else words["wh"] = isNan ? "NaN" : String(totalWh);
    if (!isSilent && !isNan) unshownWh = 0;
    isNan = false;
    for (let copy = 0; copy < copies; copy++)
      events.push({
        type: "reading",
        charger: chargerOf(words, firmware, nowMs),
        nowMs,
        monotonicMs: (at - bootAt) * 1000,
      });
    if (fault?.type === "reorder" && events.length > 4) {
      const [last, before] = [events.pop(), events.pop()];
      if (last?.type === "reading" && before?.type === "reading")
        events.push({ ...before, charger: last.charger }, { ...last, charger: before.charger });
      else for (const event of [before, last]) if (event !== undefined) events.push(event);
    }
  }
  // a session of which nobody saw anything is only told from 50 Wh on
  const unseenWh = house.faults.filter(({ type }) => UNSEEN.includes(type)).length * 51;
  return { events, trueWh, toleranceWh: 0.01 * trueWh + 1 + unplugs * 0.05 + unseenWh, forgottenWh, hiddenWh };
}
