import { parseJsonObject } from "./claims.ts";

/* Limits of one session (fact sheet openevse 4.3). */

export interface SessionLimit {
  readonly type: "time" | "energy" | "soc" | "range";
  /** minutes of charging, Wh, % or km */
  readonly value: number;
  /** forgotten when the car leaves */
  readonly auto_release: boolean;
}

/** What a limit is compared with. */
export interface SessionProgress {
  readonly chargingMin: number;
  readonly energyWh: number;
  /** as fed from outside; null = nobody told */
  readonly socPercent: number | null;
  readonly range: number | null;
}

const TYPES = ["time", "energy", "soc", "range"] as const;

/** @returns null when the text is no limit; only the first letter of the type counts */
export function readLimit(text: string): SessionLimit | null {
  const wanted = parseJsonObject(text);
  const word = wanted?.["type"];
  const threshold = wanted?.["value"];
  const autoRelease = wanted?.["auto_release"];
  const type = typeof word === "string" && word !== "" ? TYPES.find((known) => known[0] === word[0]) : undefined;
  if (type === undefined || typeof threshold !== "number" || !(threshold > 0)) return null;
  return { type, value: Math.trunc(threshold), auto_release: typeof autoRelease === "boolean" ? autoRelease : true };
}

export function isReached({ type, value: threshold }: SessionLimit, progress: SessionProgress): boolean {
  const { chargingMin, energyWh, socPercent, range } = progress;
  const reached = { time: chargingMin, energy: energyWh, soc: socPercent, range }[type];
  return reached !== null && reached >= threshold;
}

/** The retained document. */
export const limitDocument = (limit: SessionLimit | null): object =>
  limit ?? { type: "none", value: 0, auto_release: true };
