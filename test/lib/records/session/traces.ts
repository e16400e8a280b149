import { type Charger, chargerSchema, type ChargerState } from "../../../../lib/model/records.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import type {
  DetectedSession,
  DetectorEvent,
  DetectorSettings,
  Finding,
} from "../../../../lib/records/session/detected.ts";
import { defaultDetectorSettings, detect, startDetector } from "../../../../lib/records/session/detector.ts";
import type { DetectorState } from "../../../../lib/records/session/state.ts";

/*
 * Traces as people write them down ("3670 session_energy=7190 total=107.19") become readings. A line changes what it
 * names; the rest stays. Like a device does, the last values are said again every half minute.
 *
 * Words: state, vehicle, session_energy (Wh), session_elapsed (s), total (kWh), wattsec (Ws), wh (by firmware), amp (mA),
 * voltage, power, temp (degrees), uptime, rfid, soc; announce=connected|disconnected; retained=1 (a snapshot);
 * status, register (Wh; an OCPP connector's status and meter);
 * silent=1 (nothing is repeated until the next line); clock=+3600 (the host's clock is set); restart=600 (the program is
 * away for so long before this line).
 */

export type Firmware = "5.x" | "4.1.7" | "2.9.1" | "2.7.5" | "ocpp";

export const START_MS = Date.UTC(2026, 9, 20, 8);

/** How the readings of a firmware differ, beyond their topics (openevse-h2v-sessions 8.2). */
const COUNTERS: Record<Firmware, Charger["counters"]> = {
  "5.x": { sessionResets: "at-unplug", totalGrows: "continuously" },
  "4.1.7": { sessionResets: "at-plug", totalGrows: "at-unplug" },
  "2.9.1": { sessionResets: null, totalGrows: "at-unplug" },
  "2.7.5": { sessionResets: "at-plug", totalGrows: null },
  ocpp: { sessionResets: null, totalGrows: "continuously" },
};

/** What a connector's status of OCPP 1.6 means (ocpp 6). */
const STATUS: Readonly<Record<string, readonly [plugged: boolean | null, state: ChargerState]>> = {
  Available: [false, "unplugged"],
  Preparing: [true, "plugged"],
  Charging: [true, "charging"],
  SuspendedEV: [true, "paused"],
  SuspendedEVSE: [true, "paused"],
  Finishing: [true, "plugged"],
  Faulted: [null, "fault"],
  Unavailable: [null, "unknown"],
};

type Words = Readonly<Record<string, string>>;

const numberOf = (word: string | undefined): number | null => {
  const figure = word === undefined || word === "" || word === "false" ? Number.NaN : Number(word);
  return Number.isFinite(figure) ? figure : null;
};

/** What a code of section 2.1 means. */
function stateOf(code: number | null, words: Words): ChargerState {
  if (code === 1) return "unplugged";
  if (code === 2) return "plugged";
  if (code === 3) return words["direction"] === "out" ? "discharging" : "charging";
  if (code === 254 || code === 255) return "paused";
  if (code !== null && code >= 4 && code <= 253) return "fault";
  return "unknown";
}

/** In 255 nobody can tell; without `vehicle` the state must do. */
function pluggedOf(code: number | null, vehicle: number | null): boolean | null {
  if (code === 255) return null;
  if (vehicle !== null) return vehicle === 1;
  if (code === 1) return false;
  return code === 2 || code === 3 ? true : null;
}

/** One reading of an OpenEVSE in the record vocabulary. */
export function chargerOf(words: Words, firmware: Firmware, atMs: number): Charger {
  const code = numberOf(words["state"]);
  const status = STATUS[words["status"] ?? ""];
  const state = status?.[1] ?? stateOf(code, words);
  const whole = (word: string, factor: number): number | null => {
    const figure = numberOf(words[word]);
    return figure === null ? null : figure * factor;
  };
  const wh = firmware === "2.7.5" ? whole("wh", 1 / 3600) : null;
  const lifetimeWh = firmware === "2.9.1" ? whole("wh", 1) : null;
  return chargerSchema.parse({
    kind: "charger",
    device: words["device"] ?? "openevse",
    at: isoAt(atMs),
    online: words["announce"] !== "disconnected",
    plugged: status === undefined ? pluggedOf(code, numberOf(words["vehicle"])) : status[0],
    state,
    powerW: numberOf(words["power"]),
    currentA: whole("amp", 1 / 1000),
    voltageV: numberOf(words["voltage"]),
    sessionWh: whole("session_energy", 1) ?? whole("wattsec", 1 / 3600) ?? wh,
    totalWh: whole("total", 1000) ?? whole("register", 1) ?? lifetimeWh,
    counters: COUNTERS[firmware],
    sessionS: numberOf(words["session_elapsed"]),
    socPercent: numberOf(words["soc"]),
    rfid: words["rfid"] ?? null,
    temperatureC: numberOf(words["temp"]),
    uptimeS: numberOf(words["uptime"]),
    firmware,
    faults: state === "fault" ? [{ code: String(code ?? words["status"]), text: `fault ${code}` }] : [],
    flags: (words["flags"] ?? "").split(",").filter((flag) => flag !== ""),
  });
}

export interface Playing {
  readonly firmware?: Firmware;
  readonly settings?: Partial<DetectorSettings>;
  /** take the state through JSON at every event */
  readonly throughJson?: boolean;
  /** how long the world goes on after the last line, s */
  readonly afterS?: number;
  readonly startMs?: number;
}

export interface Played {
  readonly findings: readonly Finding[];
  readonly state: DetectorState;
}

interface Moment {
  readonly atS: number;
  readonly words: Words;
  readonly isTick: boolean;
  readonly isRepeated: boolean;
}

const HEARTBEAT_S = 30;
const TICK_S = 5;

function parseLine(line: string): { atS: number; words: Words } {
  const [at, ...pairs] = line.trim().split(/\s+/);
  const words = Object.fromEntries(pairs.map((pair) => [pair.split("=")[0], pair.split("=").slice(1).join("=")]));
  return { atS: Number(at), words };
}

/** Lines, repetitions and ticks in order. */
function momentsOf(trace: readonly string[], afterS: number): Moment[] {
  const lines = trace.map(parseLine);
  const moments: Moment[] = [];
  let words: Words = {};
  for (const [index, line] of lines.entries()) {
    const { clock: _clock, restart: _restart, retained: _retained, silent: _silent, ...lasting } = words;
    words = { ...lasting, ...line.words };
    moments.push({ atS: line.atS, words, isTick: false, isRepeated: false });
    const untilS = lines[index + 1] === undefined ? line.atS + afterS : (lines[index + 1]?.atS ?? 0);
    const restartS = Number(lines[index + 1]?.words["restart"] ?? 0);
    for (let atS = line.atS + TICK_S; atS < untilS - restartS; atS += TICK_S) {
      const isHeartbeat = (atS - line.atS) % HEARTBEAT_S === 0 && words["silent"] === undefined;
      moments.push({ atS, words, isTick: !isHeartbeat, isRepeated: true });
    }
  }
  return moments;
}

/** Plays a trace into a detector. */
export function play(trace: readonly string[], playing: Playing = {}): Played {
  const { firmware = "5.x", afterS = 120, startMs = START_MS } = playing;
  const settings = { ...defaultDetectorSettings, ...playing.settings };
  const findings: Finding[] = [];
  let state = startDetector("openevse");
  let ids = 0;
  let clockMs = startMs;
  let bootS = 0;
  const take = (event: DetectorEvent): void => {
    if (playing.throughJson === true) state = JSON.parse(JSON.stringify(state)) as DetectorState;
    const found = detect(state, event, settings, () => `session-${++ids}`);
    state = found.state;
    findings.push(...found.findings);
  };
  for (const { atS, words, isTick, isRepeated } of momentsOf(trace, afterS)) {
    if (!isRepeated && words["clock"] !== undefined) clockMs += Number(words["clock"]) * 1000;
    const nowMs = clockMs + atS * 1000;
    if (!isRepeated && words["restart"] !== undefined) {
      bootS = atS - 1;
      take({ type: "resumed", nowMs: nowMs - 1000, monotonicMs: 0 });
    }
    const instant = { nowMs, monotonicMs: (atS - bootS) * 1000 };
    if (isTick) take({ type: "tick", ...instant });
    else {
      const isSnapshot = words["retained"] === "1";
      const charger = chargerOf(words, firmware, nowMs);
      take({ type: "reading", charger, ...instant, ...(isSnapshot ? { isSnapshot } : {}) });
    }
  }
  return { findings, state };
}

/** Sessions in their last version, in the order in which they ended. */
export function finalSessions(findings: readonly Finding[]): DetectedSession[] {
  const last = new Map<string, DetectedSession>();
  for (const finding of findings)
    if (finding.type === "closed" || finding.type === "corrected") last.set(finding.session.sessionId, finding.session);
  return [...last.values()];
}

/** Sum of the `energy` findings of a session, Wh. */
export const toldWh = (findings: readonly Finding[], sessionId: string): number =>
  findings.reduce(
    (sum, finding) => (finding.type === "energy" && finding.sessionId === sessionId ? sum + finding.energyWh : sum),
    0,
  );
