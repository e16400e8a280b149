import { type Meter, meterSchema } from "../../../../lib/model/records.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import type { Finding, Instant } from "../../../../lib/records/session/detected.ts";
import { defaultDetectorSettings, detect, startDetector } from "../../../../lib/records/session/detector.ts";
import { defaultMeteredPlugSettings, readMeteredPlug } from "../../../../lib/records/session/metered-plug.ts";
import {
  readMeteredPlugState,
  resumeMeteredPlug,
  startMeteredPlug,
} from "../../../../lib/records/session/plug-state.ts";
import type { DetectorState } from "../../../../lib/records/session/state.ts";
import { START_MS } from "./traces.ts";

/*
 * A car at a metered plug, the meter, and everything between it and the log that can go wrong. What really flowed is
 * known, second by second.
 */

export interface PlugFault {
  readonly type: "silent" | "restart" | "no-power" | "no-counter" | "reset" | "duplicate" | "clock";
  /** when, as a share of the whole time */
  readonly atShare: number;
  readonly seconds: number;
}

export interface PlugHouse {
  /** one charge after the other, each with the rest after it */
  readonly charges: readonly { readonly seconds: number; readonly restS: number; readonly powerW: number }[];
  readonly faults: readonly PlugFault[];
  readonly periodS: number;
  readonly hasCounter: boolean;
  readonly idleW: number;
}

export interface PlugPlayed {
  readonly findings: readonly Finding[];
  /** into cars, Wh */
  readonly carWh: number;
  /** through the plug, Wh */
  readonly flowedWh: number;
  /** counted by nobody, because the counter was set to 0 before anybody had read it, Wh */
  readonly forgottenWh: number;
}

const FIRST_S = 700;
const LAST_S = 900;

function secondsOf({ charges, idleW }: PlugHouse): number[] {
  const quiet = (seconds: number): number[] => Array<number>(seconds).fill(idleW);
  const busy = charges.flatMap(({ seconds, restS, powerW }) => [
    ...Array<number>(seconds).fill(powerW),
    ...quiet(restS),
  ]);
  return [...quiet(FIRST_S), ...busy, ...quiet(LAST_S)];
}

/** Plays a house into meter, metered plug and detector. */
export function playHouse(house: PlugHouse): PlugPlayed {
  const powers = secondsOf(house);
  const lasting = powers.length - FIRST_S - LAST_S;
  const due = new Map(house.faults.map((fault) => [FIRST_S + Math.floor(fault.atShare * lasting), fault]));
  // all is well again before the end
  const endOf = ({ seconds }: PlugFault, at: number): number => Math.min(at + seconds, powers.length - LAST_S + 100);
  const until = { silent: 0, "no-power": 0, "no-counter": 0 };
  const findings: Finding[] = [];
  let now = { plug: startMeteredPlug(), detector: startDetector("plug") };
  let kept = now;
  let isResumedDue = false;
  let bootAt = 0;
  let clockMs = START_MS;
  let importWh = 70_000;
  let readWh = importWh;
  let knownAt = 0;
  let isSetBack = false;
  let [carWh, flowedWh, forgottenWh, ids] = [0, 0, 0, 0];

  const step = (event: Parameters<typeof detect>[1]): void => {
    const found = detect(now.detector, event, defaultDetectorSettings, () => `session-${++ids}`);
    now = { ...now, detector: found.state };
    findings.push(...found.findings);
    // what is told is on the disk
    if (found.findings.length > 0) kept = now;
  };
  const take = (meter: Meter, instant: Instant): void => {
    const before = now.plug;
    const read = readMeteredPlug(now.plug, meter, instant, defaultMeteredPlugSettings);
    now = { ...now, plug: read.state };
    step({ type: "reading", charger: read.charger, ...instant });
    const isQuiet = read.state.phase === "idle" || read.state.phase === "rising";
    // as the log does: an idle plug is written down now and then only
    if (!isQuiet || read.state.phase !== before.phase || read.state.lineMs - kept.plug.lineMs >= 300_000) kept = now;
  };

  for (const [at, powerW] of powers.entries()) {
    const fault = due.get(at);
    if (fault?.type === "reset") {
      forgottenWh += importWh - readWh;
      [importWh, readWh] = [0, 0];
      isSetBack = true;
    }
    if (fault?.type === "silent" || fault?.type === "restart") until.silent = Math.max(until.silent, endOf(fault, at));
    if (fault?.type === "restart") isResumedDue = true;
    if (fault?.type === "no-power" || fault?.type === "no-counter") until[fault.type] = endOf(fault, at);
    // while nobody looks only the clock tells how long
    if (fault?.type === "clock" && at >= until.silent) clockMs += (fault.seconds - 3000) * 1000;
    const wh = powerW / 3600;
    importWh += wh;
    flowedWh += wh;
    if (powerW > house.idleW) carWh += wh;
    if (at < until.silent) continue;
    if (isResumedDue) {
      isResumedDue = false;
      bootAt = at - 100;
      now = JSON.parse(JSON.stringify(kept)) as { plug: typeof now.plug; detector: DetectorState };
      now = { ...now, plug: resumeMeteredPlug(readMeteredPlugState(now.plug)) };
      step({ type: "resumed", nowMs: clockMs + at * 1000, monotonicMs: 100_000 });
    }
    const instant = { nowMs: clockMs + at * 1000, monotonicMs: (at - bootAt) * 1000 };
    if (at % house.periodS !== 0) {
      if (at % 5 === 0) step({ type: "tick", ...instant });
      continue;
    }
    const isCounting = house.hasCounter && at >= until["no-counter"];
    const isKnown = at >= until["no-power"];
    const meter = meterSchema.parse({
      kind: "meter",
      device: "plug",
      at: isoAt(instant.nowMs),
      channel: 0,
      role: "evse",
      powerW: isKnown ? powerW : null,
      ...(isCounting ? { importWh } : {}),
    });
    // after a gap the counter is waited for a minute
    if (isKnown && !isCounting && at - knownAt > 120 && at + 60 < until["no-counter"]) {
      forgottenWh += importWh - readWh;
      readWh = importWh;
    }
    if (isKnown) knownAt = at;
    if (isCounting && isKnown) {
      // from where it was set back to, nobody has seen
      if (isSetBack) forgottenWh += importWh;
      isSetBack = false;
      readWh = importWh;
    }
    for (let copy = 0; copy < (fault?.type === "duplicate" ? 3 : 1); copy++) take(meter, instant);
  }
  return { findings, carWh, flowedWh, forgottenWh };
}
