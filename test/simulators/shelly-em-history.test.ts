import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { countEnergy, type EnergyCounters, toReading } from "../../simulators/shelly/metering.ts";
import { addToHistory, emptyHistory, type History, toHistoryCsv } from "../../simulators/shelly/history.ts";

const START_S = Date.UTC(2026, 10, 21) / 1000;
const readingOf = (counters: EnergyCounters, voltageV = 230) =>
  toReading({ powerW: 0, voltageV, powerFactor: 1 }, counters);

describe("ten-minute history of a simulated Shelly EM", () => {
  it("loses no energy between its rows", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -9000, max: 9000 }), fc.integer({ min: 1, max: 2000 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(steps, (list) => {
        let counters: EnergyCounters = { importWh: 5, exportWh: 7 };
        let timeS = START_S;
        let history: History = addToHistory(emptyHistory, readingOf(counters), timeS);
        for (const [powerW, elapsedS] of list) {
          counters = countEnergy(counters, powerW, elapsedS * 1000);
          timeS += elapsedS;
          history = addToHistory(history, readingOf(counters), timeS);
        }
        const rows = history.open === undefined ? history.rows : [...history.rows, history.open];
        const importWh = rows.reduce((sumWh, row) => sumWh + row.importWh, 0);
        const exportWh = rows.reduce((sumWh, row) => sumWh + row.exportWh, 0);
        assert.ok(Math.abs(importWh - (counters.importWh - 5)) < 1e-6);
        assert.ok(Math.abs(exportWh - (counters.exportWh - 7)) < 1e-6);
      }),
    );
  });

  it("begins rows at whole ten minutes and keeps the range of the voltage", () => {
    let history = emptyHistory;
    for (const [timeS, voltageV] of [
      [START_S + 30, 229],
      [START_S + 300, 241],
      [START_S + 599, 235],
      [START_S + 600, 220],
    ] as const) {
      history = addToHistory(history, readingOf({ importWh: timeS - START_S, exportWh: 0 }, voltageV), timeS);
    }
    assert.equal(
      toHistoryCsv(history.rows),
      "Date/time UTC,Active energy Wh (1),Returned energy Wh (1),Min V,Max V\n2026-11-21 00:00,569.00,0.00,229.00,241.00\n",
    );
  });

  it("counts on after a reset of the counters", () => {
    const looks = [1000, 0, 50].map((importWh) => readingOf({ importWh, exportWh: 0 }));
    const history = looks.reduce((before, look, index) => addToHistory(before, look, START_S + index), emptyHistory);
    assert.equal(history.open?.importWh, 50);
  });

  it("writes nothing while the time is not known", () => {
    assert.deepEqual(addToHistory(emptyHistory, readingOf({ importWh: 1, exportWh: 0 }), 0), emptyHistory);
  });

  it("forgets rows that are older than 16 weeks", () => {
    const row = { startMs: 0, importWh: 0, exportWh: 0, lowestV: 230, highestV: 230 };
    let history: History = { rows: Array.from({ length: 16_128 }, () => row), open: undefined };
    for (const timeS of [START_S, START_S + 600, START_S + 1200]) {
      history = addToHistory(history, readingOf({ importWh: 0, exportWh: 0 }), timeS);
    }
    assert.equal(history.rows.at(-1)?.startMs, (START_S + 600) * 1000);
    assert.equal(history.rows.length, 16_128);
  });
});
