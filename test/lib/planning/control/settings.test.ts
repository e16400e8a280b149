import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { EvError } from "../../../../lib/model/errors.ts";
import { parseControlSettings } from "../../../../lib/planning/control/settings.ts";

describe("control: settings", () => {
  const bad: readonly (readonly [settings: unknown, names: RegExp])[] = [
    [{ fuseA: "63" }, /fuseA/],
    [{ fuseA: Number.NaN }, /fuseA/],
    [{ maxChargeA: 1e6 }, /maxChargeA/],
    [{ minChargeA: -1 }, /minChargeA/],
    [{ minChargeA: 10, maxChargeA: 6 }, /maxChargeA/],
    [{ ceilingSocPercent: 100 }, /ceilingSocPercent/],
    [{ floorSocPercent: 89 }, /floorSocPercent/],
    [{ staleAfterS: 0 }, /staleAfterS/],
    [{ startMode: "fixed" }, /startMode/],
    [{ startMode: "sleep" }, /startMode/],
    [{ levels: [] }, /levels/],
    [{ misspelt: 1 }, /misspelt/],
    ["nonsense", /object/],
  ];
  for (const [settings, names] of bad) {
    it(`${JSON.stringify(settings)} is refused by name`, () => {
      assert.throws(
        () => parseControlSettings(settings),
        (thrown) => thrown instanceof EvError && thrown.code === "config" && names.test(thrown.message),
      );
    });
  }

  it("a maximum of 0 forbids a direction", () => {
    assert.equal(parseControlSettings({ maxDischargeA: 0 }).maxDischargeA, 0);
  });
});
