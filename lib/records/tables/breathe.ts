import { setImmediate } from "node:timers/promises";

/** Longest stretch of work between two turns of the event loop, ms. */
const STRETCH_MS = 2;

/**
 * For loops over many rows: `await breathe()` after each piece lets the event loop turn as soon as a few milliseconds of work
 * have passed, so that a large report never delays a charger's stop.
 */
export function createBreather(): () => Promise<void> {
  let sinceMs = performance.now();
  return async () => {
    if (performance.now() - sinceMs < STRETCH_MS) return;
    await setImmediate();
    sinceMs = performance.now();
  };
}

/** Beyond this a text is moved about by nobody any more, characters. */
const BLOCK_CHARACTERS = 200_000;

/**
 * A long text out of many short ones. They are joined block by block: ten thousand short texts that live until the end are
 * carried from place to place by the garbage collector meanwhile, for tens of milliseconds at a time.
 */
export interface LongText {
  add(text: string): void;
  /** All of it. What was added is let go. */
  finish(): string;
}

export function createLongText(): LongText {
  const blocks: string[] = [];
  let block: string[] = [];
  let characters = 0;
  return {
    add(text) {
      block.push(text);
      characters += text.length;
      if (characters < BLOCK_CHARACTERS) return;
      blocks.push(block.join(""));
      block = [];
      characters = 0;
    },
    finish() {
      const text = [...blocks.splice(0), ...block].join("");
      block = [];
      characters = 0;
      return text;
    },
  };
}
