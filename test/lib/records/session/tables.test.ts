import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { isoInZone } from "../../../../lib/model/local-time.ts";
import type { DetectorSettings } from "../../../../lib/records/session/detected.ts";
import { type Expected, expectSessions } from "./expect.ts";
import { finalSessions, play, type Playing } from "./traces.ts";

interface Row extends Expected {
  readonly name: string;
  readonly trace: readonly string[];
  readonly startAt?: string;
  readonly afterS?: number;
  readonly settings?: Partial<DetectorSettings>;
  readonly local?: { readonly zone: string; readonly plugged: string; readonly unplugged: string };
}

const rowsOf = (file: string): Row[] =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/sessions/${file}.json`, import.meta.url), "utf8")) as Row[];

const playingOf = ({ startAt, firmware, afterS, settings }: Row): Playing => ({
  ...(startAt === undefined ? {} : { startMs: Date.parse(startAt) }),
  ...(firmware === undefined ? {} : { firmware }),
  ...(afterS === undefined ? {} : { afterS }),
  ...(settings === undefined ? {} : { settings }),
});

const tables = {
  golden: "golden traces of the session detector",
  origin: "what the logger that came before got wrong",
  "edge-cases": "edge cases of the session detector",
};

for (const [file, title] of Object.entries(tables))
  describe(title, () => {
    for (const row of rowsOf(file)) {
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
