import { drawUniform } from "../seeded-noise.ts";
import { parseJson, readState } from "./claims.ts";

/* The weekly timer (fact sheet openevse 4.4). Times are local; an event has no end. */

const DAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
const DAY_S = 86_400;
const WEEK_S = 7 * DAY_S;
const MOST_EVENTS = 50;

export interface TimerEvent {
  readonly id: number;
  readonly state: "active" | "disabled";
  /** H:MM:SS */
  readonly time: string;
  readonly days: readonly string[];
}

export interface TimerPlan {
  readonly current: TimerEvent | null;
  readonly next: TimerEvent | null;
  readonly nextDelayS: number;
}

export class Schedule {
  readonly #events = new Map<number, TimerEvent>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
  }
  list(): readonly TimerEvent[] {
    return [...this.#events.values()];
  }
  get(id: number): TimerEvent | undefined {
    return this.#events.get(id);
  }
  /** Adds or replaces; nothing at all when one of them is wrong. @returns false then */
  upsert(events: readonly TimerEvent[]): boolean {
    const ids = new Set([...this.#events.keys(), ...events.map((event) => event.id)]);
    if (events.length === 0 || ids.size > MOST_EVENTS) return false;
    for (const event of events) this.#events.set(event.id, event);
    return true;
  }
  /** @returns false when there is none */
  remove(id: number): boolean {
    return this.#events.delete(id);
  }
  /**
   * @param localMs the device's local time as if it were UTC
   * @param startWindowS "active" events begin up to so much earlier or later
   */
  plan(localMs: number, startWindowS: number): TimerPlan {
    const date = new Date(localMs);
    const nowS = date.getUTCDay() * DAY_S + ((localMs / 1000) % DAY_S);
    const starts = this.list().flatMap((event) =>
      event.days.map((day) => {
        const dayNumber = DAYS.findIndex((known) => known === day);
        const shiftS = event.state === "active" ? this.#shiftS(event.id, dayNumber, startWindowS) : 0;
        return { event, atS: (dayNumber * DAY_S + secondsOf(event.time) + shiftS + WEEK_S) % WEEK_S };
      }),
    );
    const agoS = (atS: number): number => (nowS - atS + WEEK_S) % WEEK_S;
    const byAge = starts.toSorted((a, b) => agoS(a.atS) - agoS(b.atS));
    const next = byAge.at(-1);
    return {
      current: byAge[0]?.event ?? null,
      next: next?.event ?? null,
      nextDelayS: next === undefined ? 0 : Math.ceil(WEEK_S - agoS(next.atS)),
    };
  }

  #shiftS(id: number, dayNumber: number, windowS: number): number {
    return Math.round((drawUniform(this.#seed, 11, id, dayNumber) * 2 - 1) * windowS);
  }
}

const secondsOf = (time: string): number => {
  const [hours = 0, minutes = 0, seconds = 0] = time.split(":").map(Number);
  return hours * 3600 + minutes * 60 + seconds;
};

/** One event or a list of them; null when a part of it is no event. @param id instead of the event's own */
export function readEvents(text: string, id?: number): readonly TimerEvent[] | null {
  const parsed = parseJson(text);
  const events = (Array.isArray(parsed) ? parsed : [parsed]).map((shown: unknown) => readEvent(shown, id));
  return events.every((event) => event !== null) ? events : null;
}

function readEvent(shown: unknown, ownId: number | undefined): TimerEvent | null {
  if (typeof shown !== "object" || shown === null) return null;
  const { id: shownId, state: shownState, time, days }: Readonly<Record<string, unknown>> = { ...shown };
  const id = ownId ?? shownId;
  const state = readState(shownState);
  const isWhole =
    typeof id === "number" &&
    Number.isInteger(id) &&
    id >= 1 &&
    state !== undefined &&
    typeof time === "string" &&
    /^([01]?\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/.test(time) &&
    Array.isArray(days);
  if (!isWhole) return null;
  const known = DAYS.filter((day) => days.includes(day));
  if (known.length === 0 || known.length !== new Set(days).size) return null;
  return { id, state, time: time.split(":").length === 2 ? `${time}:00` : time, days: known };
}
