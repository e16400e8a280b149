import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createSite, siteSettingsSchema } from "../../../../lib/planning/control/site.ts";

const settings = siteSettingsSchema.parse({ fuseA: 21, zone: "Europe/London", currency: "GBP" });
const ask = (
  id: string,
  priority: number,
  wantA: number,
  nowA = 0,
): Parameters<ReturnType<ReturnType<typeof createSite>["join"]>["update"]>[0] => ({
  id,
  priority,
  wantA,
  nowA,
  minA: 6,
  safeA: 6,
});

describe("createSite", () => {
  it("gives the higher priority its wish first, tells each member its own share, and only when it changes", () => {
    const site = createSite(settings);
    const told: string[] = [];
    const car = site.join((availableA) => told.push(`car ${availableA}`));
    const van = site.join((availableA) => told.push(`van ${availableA}`));
    car.update(ask("car", 1, 16), [1]);
    van.update(ask("van", 5, 16), [1]);
    van.update(ask("van", 5, 16), [1]);
    assert.deepEqual(told, ["car 19", "car 0", "van 19"]);
  });

  it("gives a share back when its owner leaves", () => {
    const site = createSite(settings);
    const told: string[] = [];
    const car = site.join((availableA) => told.push(`car ${availableA}`));
    const van = site.join(() => {});
    van.update(ask("van", 5, 16), [1]);
    car.update(ask("car", 1, 16), [1]);
    van.leave();
    van.leave();
    assert.deepEqual(told, ["car 0", "car 19"]);
  });

  it("believes the member that sees the higher import, and falls to the safe current when nobody sees the meter", () => {
    const site = createSite(settings);
    const told: number[] = [];
    const car = site.join((availableA) => told.push(availableA));
    const van = site.join(() => {});
    van.update(ask("van", 1, 0), [11]);
    car.update(ask("car", 5, 16), [1]);
    assert.deepEqual(told, [9]);
    van.update(ask("van", 1, 0), null);
    car.update(ask("car", 5, 16), null);
    assert.equal(told.at(-1), 6);
  });

  it("refuses a zone or a currency that does not exist", () => {
    const site = { fuseA: 63, zone: "Europe/London", currency: "GBP" };
    assert.ok(siteSettingsSchema.safeParse(site).success);
    for (const wrong of [
      { zone: "Atlantis/Main" },
      { currency: "pounds" },
      { fuseA: 0 },
      { fuseA: "NaN" },
      { phases: 4 },
    ]) {
      assert.equal(siteSettingsSchema.safeParse({ ...site, ...wrong }).success, false, JSON.stringify(wrong));
    }
  });
});
