import type { WireFields, WireValue } from "./wire-text.ts";

/*
 * The ESP8266 asks the controller one thing every two seconds, in turn, so that a value can be twelve seconds old before
 * it is sent (fact sheet openevse 3.2). Only the state comes by itself.
 */

const PERIOD_MS = 2_000;
const TURNS: readonly (readonly string[])[] = [
  ["amp", "voltage"],
  ["pilot"],
  ["temp1"],
  ["wh", "wattsec", "watthour"],
  ["gfcicount", "nogndcount", "stuckcount"],
  ["elapsed"],
];

export class PollCache {
  readonly #known = new Map<string, WireValue>();
  #turn = 0;
  #polledAtMs: number;

  constructor(nowMs: number, fields: WireFields) {
    this.#polledAtMs = nowMs;
    for (const keys of TURNS) this.#read(keys, fields);
  }
  /** Asks for whatever is due. */
  poll(nowMs: number, fields: WireFields): void {
    for (; nowMs - this.#polledAtMs >= PERIOD_MS; this.#polledAtMs += PERIOD_MS) {
      this.#read(TURNS[this.#turn % TURNS.length] ?? [], fields);
      this.#turn++;
    }
  }
  /** What the module believes. */
  over(fields: WireFields): WireFields {
    return new Map([...fields].map(([key, shown]) => [key, this.#known.get(key) ?? shown]));
  }
  #read(keys: readonly string[], fields: WireFields): void {
    for (const key of keys) {
      const shown = fields.get(key);
      if (shown !== undefined) this.#known.set(key, shown);
    }
  }
}
