import type { Commanded } from "./controller.ts";

/*
 * Who may say what (fact sheet openevse 4.2, 4.5): per property the claim of the highest priority wins.
 */

export const CLIENT = {
  override: 65_537,
  divert: 65_538,
  schedule: 65_540,
  limit: 65_542,
  rfid: 65_546,
  mqtt: 65_547,
  shaper: 65_548,
} as const;

export const PRIORITY = {
  idle: 10,
  divert: 50,
  schedule: 100,
  api: 500,
  override: 1_000,
  rfid: 1_030,
  limit: 1_100,
  shaper: 5_000,
} as const;

const MOST_CLIENTS = 10;

/** As they travel; missing = this claim does not mind. */
export interface Properties {
  readonly state?: "active" | "disabled";
  readonly charge_current?: number;
  readonly max_current?: number;
  readonly auto_release: boolean;
}

export interface Claim extends Properties {
  readonly client: number;
  readonly priority: number;
}

/** What all claims together come to. */
export interface Target {
  readonly properties: Properties;
  /** which client decided each property */
  readonly claims: Readonly<Record<string, number>>;
}

export class Claims {
  readonly #claims = new Map<number, Claim>();

  /** @returns false when there is no room for another client */
  set(client: number, priority: number, properties: Properties): boolean {
    if (!this.#claims.has(client) && this.#claims.size >= MOST_CLIENTS) return false;
    this.#claims.set(client, { client, priority, ...properties });
    return true;
  }
  /** @returns whether there was one */
  release(client: number): boolean {
    return this.#claims.delete(client);
  }
  get(client: number): Claim | undefined {
    return this.#claims.get(client);
  }
  list(): readonly Claim[] {
    return [...this.#claims.values()];
  }
  clear(): void {
    this.#claims.clear();
  }
  /** The car has left. @returns the clients whose claims went with it */
  releaseAfterSession(): readonly number[] {
    const leaving = this.list().filter((claim) => claim.auto_release);
    for (const { client } of leaving) this.#claims.delete(client);
    return leaving.map(({ client }) => client);
  }
  target(): Target {
    const byRank = this.list().toSorted((a, b) => b.priority - a.priority);
    const state = byRank.find((claim) => claim.state !== undefined);
    const current = byRank.find((claim) => claim.charge_current !== undefined);
    const ceiling = byRank.find((claim) => claim.max_current !== undefined);
    return {
      properties: {
        ...(state?.state === undefined ? {} : { state: state.state }),
        ...(current?.charge_current === undefined ? {} : { charge_current: current.charge_current }),
        ...(ceiling?.max_current === undefined ? {} : { max_current: ceiling.max_current }),
        auto_release: false,
      },
      claims: {
        ...(state === undefined ? {} : { state: state.client }),
        ...(current === undefined ? {} : { charge_current: current.client }),
        ...(ceiling === undefined ? {} : { max_current: ceiling.client }),
      },
    };
  }
}

/** What the controller is told for a wanted state. */
export const commandedFor = (state: "active" | "disabled", pausesByDisabling: boolean): Commanded =>
  state === "active" ? "active" : pausesByDisabling ? "disabled" : "sleep";

/**
 * Reads a properties object on top of what was said before; null when it is none.
 *
 * @param before properties to keep for keys that are missing
 */
export function readProperties(text: string, before: Properties): Properties | null {
  const wanted = parseJsonObject(text);
  if (wanted === null) return null;
  const state = readState(wanted["state"]) ?? before.state;
  const chargeCurrent = readCurrent(wanted["charge_current"], before.charge_current);
  const maxCurrent = readCurrent(wanted["max_current"], before.max_current);
  const autoRelease = wanted["auto_release"];
  return {
    ...(state === undefined ? {} : { state }),
    ...(chargeCurrent === undefined ? {} : { charge_current: chargeCurrent }),
    ...(maxCurrent === undefined ? {} : { max_current: maxCurrent }),
    auto_release: typeof autoRelease === "boolean" ? autoRelease : before.auto_release,
  };
}

/** Only the first letter counts. */
export function readState(shown: unknown): "active" | "disabled" | undefined {
  if (typeof shown !== "string") return undefined;
  if (shown.startsWith("a")) return "active";
  return shown.startsWith("d") ? "disabled" : undefined;
}

function readCurrent(shown: unknown, before: number | undefined): number | undefined {
  if (shown === "clear") return undefined;
  return typeof shown === "number" ? Math.max(0, Math.trunc(shown)) : before;
}

/** The object in a text, or null. */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | null {
  const parsed = parseJson(text);
  return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : null;
}

/** Whatever JSON a text is, or undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
