import type { WireValue } from "./wire-text.ts";

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

type Ask = (key: string) => WireValue | undefined;

export class PollCache {
  readonly #ask: Ask;
  readonly #known = new Map<string, WireValue | undefined>();
  #turn = 0;
  #polledAtMs: number;

  constructor(nowMs: number, ask: Ask) {
    this.#ask = ask;
    this.#polledAtMs = nowMs;
    for (const key of TURNS.flat()) this.#known.set(key, ask(key));
  }
  /** Asks for whatever is due. */
  poll(nowMs: number): void {
    for (; nowMs - this.#polledAtMs >= PERIOD_MS; this.#polledAtMs += PERIOD_MS) {
      for (const key of TURNS[this.#turn % TURNS.length] ?? []) this.#known.set(key, this.#ask(key));
      this.#turn++;
    }
  }
  /** What the module believes. */
  read(key: string): WireValue | undefined {
    return this.#known.has(key) ? this.#known.get(key) : this.#ask(key);
  }
}
