import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { isoInZone } from "../../../../lib/model/local-time.ts";
import { type Expected, expectSessions } from "./expect.ts";
import { finalSessions, play } from "./traces.ts";

interface Golden extends Expected {
  readonly name: string;
  readonly trace: readonly string[];
  readonly startAt?: string;
  readonly local?: { readonly zone: string; readonly plugged: string; readonly unplugged: string };
}

const golden = JSON.parse(
  readFileSync(new URL("../../../fixtures/sessions/golden.json", import.meta.url), "utf8"),
) as Golden[];

describe("golden traces of the session detector", () => {
  for (const { name, trace, startAt, local, ...expected } of golden) {
    const startMs = startAt === undefined ? {} : { startMs: Date.parse(startAt) };
    const firmware = expected.firmware === undefined ? {} : { firmware: expected.firmware };

    it(name, () => expectSessions(play(trace, { ...firmware, ...startMs }), expected));

    it(`${name} (the state kept as JSON at every event)`, () => {
      const throughJson = play(trace, { ...firmware, ...startMs, throughJson: true });
      assert.deepEqual(throughJson, play(trace, { ...firmware, ...startMs }));
    });

    if (local !== undefined)
      it(`${name} (local times carry their offset)`, () => {
        const [session] = finalSessions(play(trace, { ...firmware, ...startMs }).findings);
        assert.equal(isoInZone(session?.pluggedAtMs ?? 0, local.zone), local.plugged);
        assert.equal(isoInZone(session?.unpluggedAtMs ?? 0, local.zone), local.unplugged);
      });
  }
});
