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
