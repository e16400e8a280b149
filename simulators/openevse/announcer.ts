import { documentOf, type RetainedDocument } from "./documents.ts";
import { hasFeature } from "./generations.ts";
import { PollCache } from "./poll-cache.ts";
import { fieldOf } from "./status-fields.ts";
import type { ModuleParts } from "./module-parts.ts";
import type { WireValue } from "./wire-text.ts";

/* Decides which messages leave the module, and when (fact sheet openevse 3.2, 3.4). */

/** Where the messages go. */
export interface Outlet {
  /** One message per key, in this order. */
  fields(fields: readonly (readonly [string, WireValue])[]): void;
  document(name: RetainedDocument, json: unknown): void;
}

const FULL_PERIOD_MS = 30_000;
const ENERGY_PERIOD_MS = 5_000;

export class Announcer {
  readonly #module: ModuleParts;
  readonly #outlet: Outlet;
  readonly #shown = new Map<string, WireValue>();
  readonly #touched = new Set<RetainedDocument>();
  readonly #polled: PollCache | null;
  #fullAtMs: number;
  #energyAtMs = -Infinity;

  constructor(module: ModuleParts, outlet: Outlet) {
    this.#module = module;
    this.#outlet = outlet;
    this.#fullAtMs = module.clock.nowMs;
    this.#polled =
      module.traits.chip === "esp8266" ? new PollCache(this.#fullAtMs, (key) => fieldOf(module, key)) : null;
    this.#learn();
  }

  /** As the module believes it; undefined when there is no such thing. */
  read(key: string): WireValue | undefined {
    return this.#polled?.read(key) ?? fieldOf(this.#module, key);
  }
  /** The document goes out with the next `changes`. */
  touch(document: RetainedDocument): void {
    this.#touched.add(document);
  }
  publish(keys: readonly string[]): void {
    const fields = keys.flatMap((key): [string, WireValue][] => {
      const shown = this.read(key);
      return shown === undefined ? [] : [[key, shown]];
    });
    if (fields.length === 0) return;
    for (const [key, shown] of fields) this.#shown.set(key, shown);
    this.#outlet.fields(fields);
  }
  /** Versions, modes and documents that are not what they were. */
  changes(): void {
    const { traits, keys } = this.#module;
    this.publish(this.#changed(keys.watched));
    for (const document of this.#touched) {
      const isKnown = hasFeature(traits, document === "limit" ? "limits" : "claims");
      if (isKnown) this.#outlet.document(document, documentOf(this.#module, document));
    }
    this.#touched.clear();
  }
  /** Values of the state burst that also travel alone. */
  singles(): void {
    const alone = this.#module.keys.state.filter((key) => key === "pilot" || key === "manual_override");
    this.publish(this.#changed(alone));
  }
  /** Once a second: what runs by the clock. */
  tick(isCharging: boolean): void {
    const { keys, clock } = this.#module;
    const { nowMs } = clock;
    this.#polled?.poll(nowMs);
    if (isCharging) this.publish(keys.power);
    if (isCharging && nowMs - this.#energyAtMs >= ENERGY_PERIOD_MS) {
      this.#energyAtMs = nowMs;
      this.publish(keys.energy);
    }
    if (nowMs - this.#fullAtMs < FULL_PERIOD_MS) return;
    this.#fullAtMs = nowMs;
    this.publish(keys.full);
    if (!isCharging) this.publish(keys.energy);
  }
  reboot(): void {
    this.#fullAtMs = this.#module.clock.nowMs;
    this.#energyAtMs = -Infinity;
    this.#touched.clear();
    this.#learn();
    // whoever listens sees "1" once even when the shaper is off
    if (hasFeature(this.#module.traits, "claims")) this.#outlet.fields([["shaper", 1]]);
  }

  /** What is true at the start is no change. */
  #learn(): void {
    const { watched, state } = this.#module.keys;
    for (const key of [...watched, ...state]) this.#note(key);
  }
  #note(key: string): void {
    const shown = this.read(key);
    if (shown !== undefined) this.#shown.set(key, shown);
  }
  #changed(keys: readonly string[]): readonly string[] {
    return keys.filter((key) => this.read(key) !== this.#shown.get(key));
  }
}
