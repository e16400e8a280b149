import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import type { ImportReport } from "../../../../lib/records/history/answers.ts";
import { describeAsking } from "./asking.ts";
import { describeChanging } from "./changing.ts";
import { describeImporting, END_S, wholeImport } from "./importing.ts";
import { createRig } from "./rig.ts";

/* What test/services runs on the real databases too, here on SQLite in memory; and what would take too long there. */

describe("the history", () => {
  describeAsking(createRig);
  describeChanging(createRig);
  describeImporting(createRig);

  it("loses no energy in an import: what was taken over and what was left out are all the rows", async () => {
    const row = fc.record({
      id: fc.nat(1000),
      tstamp: fc.integer({ min: END_S, max: END_S + 1e8 }),
      value: fc.integer({ min: -10, max: 4_000_000_000 }),
      sdur: fc.integer({ min: 0, max: 2_000_000_000 }),
      tarifid: fc.constantFrom(0, 1, 2, 9),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 30 }), async (candidates) => {
        const own = createRig();
        const report = (await own.ask({ ...wholeImport, energySession: candidates })).payload as ImportReport;
        const leftOut = report.remarks.filter(({ isLeftOut }) => isLeftOut);
        assert.equal(report.sessions + leftOut.length, candidates.length);
        const lost = new Set(leftOut.map((remark) => remark.row - 1));
        const expected = candidates.reduce(
          (sum, { value }, index) => sum + (lost.has(index) ? 0 : value / 3_600_000),
          0,
        );
        assert.ok(Math.abs(report.energyKwh - expected) < 1e-3);
        await own.close();
      }),
      { numRuns: 50 },
    );
  });
});
