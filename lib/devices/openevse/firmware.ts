import type { Charger } from "../../model/records.ts";
import type { NumberKey } from "./wire.ts";

/*
 * Which firmware answers, and what that means (fact sheet openevse-h2v-sessions 3.5, 3.7, 4.1). Told from the version where the
 * device says one, else from what it says and leaves out. Pure.
 */

/** First version of each generation whose behaviour differs. */
export type Generation = "2.7" | "2.9" | "4.0" | "4.1" | "4.2" | "5" | "unknown";

/** What the topic `wh` is on a module so old that it cannot be told: the user says it. */
export type WhMeaning = "session-ws" | "lifetime-wh" | null;

/** Who counts energy, and so what the counters mean. */
export type EnergyMeter = "wifi-module" | "controller" | "wh-lifetime" | "wh-session" | "unknown";

export interface Firmware {
  readonly generation: Generation;
  /** as the device says it, else null */
  readonly version: string | null;
  readonly meter: EnergyMeter;
  /** override, claim, shaper, schedule over MQTT; over HTTP from 4.1 on */
  readonly hasClaims: boolean;
  readonly hasLimits: boolean;
  /** `all` commands of the controller pass, or only those that read */
  readonly rapi: "all" | "all-but-timer" | "reads" | "reads-and-display";
  /** Only one who asks the controller learns whether a car is plugged in while it sleeps. */
  readonly isBlind: boolean;
}

export interface Evidence {
  readonly version: string | null;
  readonly keys: ReadonlySet<string>;
  /** JSON on the announce topic: an ESP32 */
  readonly isAnnounced: boolean;
  /** everything has been said at least once: a whole `/status`, or 35 s of MQTT */
  readonly isWhole: boolean;
  readonly isHttp: boolean;
  readonly whMeaning: WhMeaning;
}

type Version = readonly [number, number, number];

/** `v5.1.2`, `2.9.1`, `4.1.7.mod` ...; null for a build without a number. */
export function parseVersion(text: string | null): Version | null {
  const found = /^\s*v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?/i.exec(text ?? "");
  return found === null ? null : [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
}

const isAtLeast = (version: Version, other: Version): boolean => {
  for (const place of [0, 1, 2] as const) {
    if (version[place] !== other[place]) return version[place] > other[place];
  }
  return true;
};

/** Newest first. */
const FIRST_OF: readonly (readonly [Version, Generation])[] = [
  [[5, 0, 0], "5"],
  [[4, 1, 9], "4.2"],
  [[4, 1, 0], "4.1"],
  [[3, 0, 0], "4.0"],
  [[2, 7, 6], "2.9"],
  [[0, 0, 0], "2.7"],
];

const METER: Readonly<Record<Generation, EnergyMeter>> = {
  "2.7": "wh-session",
  "2.9": "wh-lifetime",
  "4.0": "wh-lifetime",
  "4.1": "controller",
  "4.2": "wifi-module",
  "5": "wifi-module",
  unknown: "unknown",
};

export function detectFirmware(evidence: Evidence): Firmware {
  const version = parseVersion(evidence.version);
  const generation =
    (version === null ? undefined : FIRST_OF.find(([first]) => isAtLeast(version, first))?.[1]) ?? byKeys(evidence);
  const isOld = generation === "2.7" || generation === "2.9" || generation === "4.0";
  const { keys } = evidence;
  const isTold = version !== null || evidence.isAnnounced || keys.has("srssi") || evidence.whMeaning !== null;
  // the controller's own counters, over HTTP, are what they are called
  const meter = isOld && keys.has("wattsec") ? "controller" : isOld && !isTold ? "unknown" : METER[generation];
  return {
    generation,
    version: evidence.version,
    meter,
    // 4.1.2 listens to none of them over MQTT, 4.1.7 to all, and says `status` (fact sheet 3.5)
    hasClaims:
      generation === "5" ||
      generation === "4.2" ||
      (evidence.isHttp
        ? generation === "4.1" || generation === "4.0"
        : ["status", "override", "claim"].some((key) => keys.has(key))),
    hasLimits: generation === "5",
    rapi: rapiOf(generation, version),
    isBlind: generation === "2.7" || generation === "2.9" || (generation === "4.0" && !keys.has("vehicle")),
  };
}

function byKeys({ keys, isAnnounced, isWhole, whMeaning }: Evidence): Generation {
  const has = (...some: string[]): boolean => some.some((key) => keys.has(key));
  if (has("max_current", "limit_version", "limit", "config")) return "5";
  if (has("session_elapsed", "total_day", "uptime")) return "4.2";
  if (has("session_energy")) return has("wh") || isWhole ? "4.1" : "unknown";
  // said by the module of every version; the absence of the rest counts only when all was said
  if (!has("wh", "wattsec")) return "unknown";
  if (has("vehicle", "flags", "manual_override", "colour")) return "4.1";
  if (isAnnounced) return "4.0";
  if (has("srssi")) return "2.9";
  return whMeaning === "session-ws" ? "2.7" : "2.9";
}

function rapiOf(generation: Generation, version: Version | null): Firmware["rapi"] {
  switch (generation) {
    case "5":
      return version !== null && isAtLeast(version, [5, 1, 5]) ? "reads-and-display" : "reads";
    case "4.1":
    case "4.2":
      return "all-but-timer";
    case "unknown":
      return "reads";
    default:
      return "all";
  }
}

/** Whether the firmware hands this command on to the controller; it drops all others without a word. */
export function letsRapiThrough({ rapi }: Firmware, command: string): boolean {
  if (command.startsWith("$G")) return true;
  switch (rapi) {
    case "reads":
      return false;
    case "reads-and-display":
      return /^\$F[0B]/.test(command);
    case "all-but-timer":
      return !command.startsWith("$ST");
    default:
      return true;
  }
}

/** The counters as the model wants them, Wh. */
export interface Energy {
  readonly sessionWh: number | null;
  readonly totalWh: number | null;
  readonly counters: Charger["counters"];
}

type Numbers = Readonly<Partial<Record<NumberKey, number>>>;

/** The three meanings of `wh` are kept apart by the meter alone, never by looking at the number. */
export function readEnergy({ meter }: Firmware, numbers: Numbers): Energy {
  const { session_energy, total_energy, wattsec, watthour, wh } = numbers;
  const sessionByController = wattsec === undefined ? null : wattsec / 3600;
  switch (meter) {
    case "wifi-module":
      return {
        sessionWh: session_energy ?? sessionByController,
        totalWh: total_energy === undefined ? (watthour ?? null) : total_energy * 1000,
        counters: { sessionResets: "at-unplug", totalGrows: "continuously" },
      };
    case "controller":
      return {
        sessionWh: session_energy ?? sessionByController,
        totalWh: total_energy === undefined ? (watthour ?? wh ?? null) : total_energy * 1000,
        counters: { sessionResets: "at-plug", totalGrows: "at-unplug" },
      };
    case "wh-lifetime":
      return {
        sessionWh: sessionByController,
        totalWh: wh ?? watthour ?? null,
        counters: { sessionResets: sessionByController === null ? null : "at-plug", totalGrows: "at-unplug" },
      };
    case "wh-session":
      return {
        sessionWh: wh === undefined ? sessionByController : wh / 3600,
        totalWh: watthour ?? null,
        counters: { sessionResets: "at-plug", totalGrows: watthour === undefined ? null : "at-unplug" },
      };
    default:
      // what the controller answered itself is what it is called; a bare `wh` is not used
      return {
        sessionWh: sessionByController,
        totalWh: watthour ?? null,
        counters: {
          sessionResets: wattsec === undefined ? null : "at-plug",
          totalGrows: watthour === undefined ? null : "at-unplug",
        },
      };
  }
}

/** Short, for a status: `5.1.2`, else the generation. */
export const describeFirmware = ({ version, generation }: Firmware): string =>
  version?.replace(/^v/i, "") ??
  { "2.7": "2.x", "2.9": "2.x", "4.0": "4.0", "4.1": "4.1", "4.2": "4.2", "5": "5.x", unknown: "?" }[generation];
