import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { NO_SOC, observeSoc, type SocMemory } from "../../../../lib/devices/quasar/soc-memory.ts";

const HOUR_MS = 3_600_000;
/** One reading a second, from `fromMs` on. */
const feed = (memory: SocMemory, readings: readonly (number | null)[], fromMs = 0): SocMemory =>
  readings.reduce<SocMemory>(
    (before, reading, index) => observeSoc(before, reading, fromMs + index * 1000, HOUR_MS),
    memory,
  );
const times = <T>(count: number, of: T): T[] => Array.from({ length: count }, () => of);

describe("the state of charge", () => {
  it("is believed at once from 5 to 100", () => {
    assert.deepEqual(
      [5, 50, 100].map((reading) => feed(NO_SOC, [reading]).percent),
      [5, 50, 100],
    );
  });

  it("is unknown, not 0, before the first reading", () => {
    assert.equal(feed(NO_SOC, [0, 0]).percent, null);
  });

  it("is remembered while the charger shows 0, and says that it is", () => {
    const memory = feed(NO_SOC, [55, 0, 0]);
    assert.deepEqual([memory.percent, memory.isLive], [55, false]);
  });

  it("is forgotten after a while", () => {
    const memory = feed(NO_SOC, [55]);
    assert.equal(observeSoc(memory, 0, HOUR_MS, HOUR_MS).percent, 55);
    assert.equal(observeSoc(memory, 0, HOUR_MS + 1, HOUR_MS).percent, null);
  });

  it("does not believe 1 % for two polls", () => {
    const memory = feed(NO_SOC, [80, 1, 1]);
    assert.deepEqual([memory.percent, memory.isLive, memory.isEmpty], [80, false, false]);
    assert.equal(feed(memory, [80], 3000).isLive, true);
  });

  it("believes a low reading that stays", () => {
    assert.equal(feed(NO_SOC, times(10, 2)).percent, null);
    const memory = feed(NO_SOC, times(11, 2));
    assert.deepEqual([memory.percent, memory.isEmpty], [2, true]);
  });

  it("wants several readings, not only time", () => {
    assert.equal(observeSoc(observeSoc(NO_SOC, 2, 0, HOUR_MS), 2, 20_000, HOUR_MS).percent, null);
  });

  it("begins again when the low reading was interrupted", () => {
    assert.equal(feed(NO_SOC, [...times(9, 2), 0, 2, 2, 2]).percent, null);
  });

  it("keeps an empty battery empty after the percentage was forgotten, until a reading shows otherwise", () => {
    const empty = feed(NO_SOC, [4, ...times(12, 4)]);
    const later = observeSoc(empty, 0, 10 * HOUR_MS, HOUR_MS);
    assert.deepEqual([later.percent, later.isEmpty], [null, true]);
    assert.equal(observeSoc(later, 6, 11 * HOUR_MS, HOUR_MS).isEmpty, false);
  });

  it("counts 5 % as empty", () => {
    assert.equal(feed(NO_SOC, [5]).isEmpty, true);
    assert.equal(feed(NO_SOC, [6]).isEmpty, false);
  });

  it("ignores readings that cannot be", () => {
    assert.equal(feed(NO_SOC, [60, 101, 65_535, null, -3]).percent, 60);
  });
});
