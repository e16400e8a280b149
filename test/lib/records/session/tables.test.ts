import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { isoInZone } from "../../../../lib/model/local-time.ts";
import type { DetectorSettings } from "../../../../lib/records/session/detected.ts";
import { type Expected, expectSessions } from "./expect.ts";
import { minutesOf, playMinutes } from "./minutes.ts";
import { finalSessions, play, type Playing } from "./traces.ts";

interface Row extends Expected {
  readonly name: string;
  readonly trace: readonly string[];
  readonly startAt?: string;
  readonly afterS?: number;
  readonly settings?: Partial<DetectorSettings>;
  readonly local?: { readonly zone: string; readonly plugged: string; readonly unplugged: string };
}

const readTable = <Line>(file: string): Line[] =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/sessions/${file}.json`, import.meta.url), "utf8")) as Line[];

const playingOf = ({ startAt, firmware, afterS, settings }: Row): Playing => ({
  ...(startAt === undefined ? {} : { startMs: Date.parse(startAt) }),
  ...(firmware === undefined ? {} : { firmware }),
  ...(afterS === undefined ? {} : { afterS }),
  ...(settings === undefined ? {} : { settings }),
});

/*
 * Cases without a trace, because no reading can express them: 26 (day and month counters) and 36 (topics with two meanings)
 * end at the wire and are tested in test/lib/devices/openevse/firmware.test.ts, wire.test.ts and readings.test.ts; 28 (the
 * store fails) and 31 (two chargers) in test/lib/records/session-log/session-log.test.ts.
 */
const tables = {
  golden: "golden traces of the session detector",
  ocpp: "golden traces of OCPP charge points",
  origin: "what the logger that came before got wrong",
  "edge-cases": "edge cases of the session detector",
};

for (const [file, title] of Object.entries(tables))
  describe(title, () => {
    for (const row of readTable<Row>(file)) {
      const { name, trace, local } = row;

      it(name, () => expectSessions(play(trace, playingOf(row)), row));

      it(`${name} (the state kept as JSON at every event)`, () => {
        assert.deepEqual(play(trace, { ...playingOf(row), throughJson: true }), play(trace, playingOf(row)));
      });

      if (local !== undefined)
        it(`${name} (local times carry their offset)`, () => {
          const [session] = finalSessions(play(trace, playingOf(row)).findings);
          assert.equal(isoInZone(session?.pluggedAtMs ?? 0, local.zone), local.plugged);
          assert.equal(isoInZone(session?.unpluggedAtMs ?? 0, local.zone), local.unplugged);
        });
    }
  });

interface CarRow extends Expected {
  readonly name: string;
  readonly minutes: readonly string[];
  readonly restarts?: readonly number[];
}

describe("golden traces of H2V's car channel", () => {
  for (const row of readTable<CarRow>("h2v-car")) {
    const { name, minutes, restarts = [] } = row;
    const powers = minutesOf(minutes);

    it(name, () => expectSessions(playMinutes(powers, { restarts }), row));

    it(`${name} (the state kept as JSON at every minute)`, () => {
      assert.deepEqual(playMinutes(powers, { restarts, throughJson: true }), playMinutes(powers, { restarts }));
    });
  }
});
