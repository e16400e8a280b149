import { roundTo } from "../../model/units.ts";
import {
  type ChargerConfig,
  type HeldEvent,
  type Properties,
  readConfigDocument,
  readLimit,
  readProperties,
  readSchedule,
  type SessionLimit,
} from "./documents.ts";
import {
  isNumberKey,
  isTextKey,
  type NumberKey,
  type RawValue,
  readNumber,
  readText,
  STATE,
  type TextKey,
} from "./wire.ts";

/* All that was heard of one charger, the latest of each key. Filled in place: ten thousand messages a second must be cheap. */

/** undefined = never heard, null = none in force. */
export interface Documents {
  override?: Properties | null;
  claim?: Properties | null;
  limit?: SessionLimit | null;
  schedule?: readonly HeldEvent[];
  config?: ChargerConfig;
}

export interface Snapshot {
  readonly numbers: Partial<Record<NumberKey, number>>;
  readonly texts: Partial<Record<TextKey, string>>;
  readonly documents: Documents;
  /** Every known key that was ever heard: tells the firmware. */
  readonly keys: Set<string>;
  /** Documents whose last word was the charger's own, and not one that the broker had kept. */
  readonly liveDocuments: Set<string>;
  /** The last state was one that the broker had kept. */
  isStateRetained: boolean;
  /** Monotonic; the controller shows 0 for a moment after boot and enable, ms. */
  startingSinceMs: number | null;
}

/** What one message did. */
export type Effect =
  /** nothing we know */
  | "unknown"
  /** heard again, or a small change of a measurement */
  | "reading"
  /** will change what the car or the charger is doing */
  | "transition"
  /** one of the JSON documents */
  | "document";

export const createSnapshot = (): Snapshot => ({
  numbers: {},
  texts: {},
  documents: {},
  keys: new Set(),
  liveDocuments: new Set(),
  isStateRetained: false,
  startingSinceMs: null,
});

/** Changes of these come in bursts and are judged together. */
const TELLING: ReadonlySet<string> = new Set(["state", "vehicle", "flags", "status", "pilot", "manual_override"]);
const COUNTERS: ReadonlySet<string> = new Set(["session_energy", "total_energy", "wh", "wattsec", "watthour"]);

/** Whether hearing `raw` would be a transition; said before it is taken in, so that what was until now can be told first. */
export function foresee(snapshot: Snapshot, key: string, raw: RawValue): boolean {
  if (!isNumberKey(key)) return false;
  const before = snapshot.numbers[key];
  const after = readNumber(key, raw);
  if (after === null || before === undefined || after === before) return false;
  return TELLING.has(key) || (COUNTERS.has(key) && after < before);
}

/** Takes in one value. Whatever is not known, or cannot be, changes nothing. */
export function hear(snapshot: Snapshot, key: string, raw: RawValue, isRetained: boolean, monotonicMs: number): Effect {
  if (isNumberKey(key)) return hearNumber(snapshot, key, raw, isRetained, monotonicMs);
  if (isTextKey(key)) return hearText(snapshot, key, raw);
  return hearDocument(snapshot, key, raw, isRetained);
}

function hearNumber(
  snapshot: Snapshot,
  key: NumberKey,
  raw: RawValue,
  isRetained: boolean,
  monotonicMs: number,
): Effect {
  snapshot.keys.add(key);
  const number = readNumber(key, raw);
  if (number === null) {
    // a sensor that is gone is gone; a spoilt number of another key leaves the last good one to age
    if (key.startsWith("temp")) delete snapshot.numbers[key];
    return "reading";
  }
  const isTransition = foresee(snapshot, key, number) || (key === "state" && snapshot.isStateRetained && !isRetained);
  if (key === "state") {
    snapshot.isStateRetained = isRetained;
    if (number === STATE.starting) snapshot.startingSinceMs ??= monotonicMs;
    else snapshot.startingSinceMs = null;
    // until it has lasted, what was before is kept
    if (number === STATE.starting && snapshot.numbers.state !== undefined) return "reading";
    // what the controller answered in the state before says nothing of this one
    if (number !== snapshot.numbers.state && !snapshot.keys.has("flags")) delete snapshot.numbers.flags;
  }
  snapshot.numbers[key] = number;
  return isTransition ? "transition" : "reading";
}

function hearText(snapshot: Snapshot, key: TextKey, raw: RawValue): Effect {
  snapshot.keys.add(key);
  const text = readText(key, raw);
  const before = snapshot.texts[key];
  if (text === null) delete snapshot.texts[key];
  else snapshot.texts[key] = text;
  return key !== "time" && before !== snapshot.texts[key] ? "transition" : "reading";
}

function hearDocument(snapshot: Snapshot, key: string, raw: RawValue, isRetained: boolean): Effect {
  const { documents, keys, liveDocuments } = snapshot;
  let effect: Effect = "document";
  switch (key) {
    case "override":
    case "claim": {
      const properties = readProperties(raw);
      if (properties === undefined) return "unknown";
      documents[key] = properties;
      break;
    }
    case "limit": {
      keys.add(key);
      // the same topic says whether there is one, which the document says better
      const isPlain = raw === false || raw === "false";
      if (isPlain) effect = "reading";
      const limit = isPlain ? null : readLimit(raw);
      if (limit === undefined) return "reading";
      documents.limit = limit;
      break;
    }
    case "schedule": {
      const schedule = readSchedule(raw);
      if (schedule === undefined) return "unknown";
      documents.schedule = schedule;
      break;
    }
    case "config": {
      const config = readConfigDocument(raw);
      if (config === undefined) return "unknown";
      documents.config = { ...documents.config, ...config };
      break;
    }
    default:
      return "unknown";
  }
  keys.add(key);
  if (isRetained) liveDocuments.delete(key);
  else liveDocuments.add(key);
  return effect;
}

/** Takes in what the controller answered when asked: true, but no sign of what the firmware publishes. */
export function learn(snapshot: Snapshot, numbers: Readonly<Partial<Record<NumberKey, number>>>): Effect {
  const before = JSON.stringify(snapshot.numbers);
  const isTransition = Object.entries(numbers).some(([key, number]) => foresee(snapshot, key, number));
  Object.assign(snapshot.numbers, numbers);
  if (numbers.state !== undefined) snapshot.isStateRetained = false;
  if (isTransition) return "transition";
  return before === JSON.stringify(snapshot.numbers) ? "unknown" : "reading";
}

/** After the charger was away: what it measured then is not what is; what it is stays known. */
export function forgetReadings(snapshot: Snapshot, keepsDocuments: boolean): void {
  for (const key of Object.keys(snapshot.numbers)) delete snapshot.numbers[key as NumberKey];
  for (const key of Object.keys(snapshot.texts)) delete snapshot.texts[key as TextKey];
  snapshot.isStateRetained = false;
  snapshot.startingSinceMs = null;
  if (keepsDocuments) return;
  snapshot.liveDocuments.clear();
  delete snapshot.documents.override;
  delete snapshot.documents.claim;
  delete snapshot.documents.limit;
}

/** A 0 that lasts is the state. */
const STARTING_FOR_MS = 10_000;

export function stateNow({ numbers, startingSinceMs }: Snapshot, monotonicMs: number): number | undefined {
  const isStarting = startingSinceMs !== null && monotonicMs - startingSinceMs >= STARTING_FOR_MS;
  return isStarting ? STATE.starting : numbers.state;
}

/** The charger's own settings say it since version 5. @param wiredPhases what the user says; null = nothing */
export const phasesOf = ({ documents: { config } }: Snapshot, wiredPhases: 1 | 3 | null): 1 | 3 =>
  config?.is_threephase === undefined ? (wiredPhases ?? 1) : config.is_threephase ? 3 : 1;

/** The hottest that the device shows; sensors that are absent say `false`. */
export function temperatureOf({ numbers }: Snapshot): number | null {
  const { temp, temp1, temp2, temp3, temp4 } = numbers;
  const shown = temp ?? [temp1, temp2, temp3, temp4].find((tenths) => tenths !== undefined);
  return shown === undefined ? null : roundTo(shown / 10, 1);
}
