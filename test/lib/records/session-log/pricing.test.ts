import assert from "node:assert/strict";
import fc from "fast-check";
import type { Prices } from "../../../../lib/model/records.ts";
import { pricesSchema } from "../../../../lib/model/records.ts";
import {
  forgetPrices,
  learnPrices,
  nextEdge,
  type PriceBook,
  priceAt,
} from "../../../../lib/records/session-log/price-book.ts";
import { priceProfile } from "../../../../lib/records/session-log/pricing.ts";
import { addEnergy, fitProfile, type Profile, totalsOf } from "../../../../lib/records/session-log/profile.ts";
import type { MoneySettings } from "../../../../lib/records/session-log/settings.ts";
import { createRig, defaultsOf, type Rig, START_MS } from "./rig.ts";

const MINUTE = 60_000;
const T0 = Date.UTC(2026, 10, 21, 18);
const money = (changes: Partial<MoneySettings> = {}): MoneySettings => ({
  currency: "GBP",
  fixedPricePerKwh: null,
  referencePricePerKwh: null,
  feedInPerKwh: null,
  ...changes,
});

interface SlotWords {
  readonly at: number;
  readonly for: number;
  readonly price: number;
  readonly sell?: number;
  readonly carbon?: number;
  readonly estimated?: boolean;
}
/** Minutes after T0. */
const prices = (slots: readonly SlotWords[], tariff = "flux"): Prices =>
  pricesSchema.parse({
    kind: "prices",
    tariff,
    currency: "GBP",
    zone: "Europe/London",
    slots: slots.map(({ at, for: length, price, sell, carbon, estimated }) => ({
      start: new Date(T0 + at * MINUTE).toISOString(),
      end: new Date(T0 + (at + length) * MINUTE).toISOString(),
      importPerKwh: price,
      exportPerKwh: sell ?? null,
      carbonG: carbon ?? null,
      estimated: estimated ?? false,
    })),
  });
const bookOf = (slots: readonly SlotWords[]): PriceBook => learnPrices([], prices(slots));
/** Even power from minute to minute. */
const flow = (from: number, to: number, wh: number, sunWh: number | null = null, profile: Profile = []): Profile =>
  addEnergy(
    profile,
    { fromMs: T0 + from * MINUTE, toMs: T0 + to * MINUTE, energyWh: wh, dischargedWh: 0 },
    sunWh === null ? null : { sunWh, batteryWh: 0 },
  );
const near = (actual: number | null | undefined, expected: number, tolerance = 1e-9): void => {
  assert.ok(typeof actual === "number" && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
};

describe("pricing a session", () => {
  it("counts energy at the price of its slot, to the second", () => {
    const book = bookOf([
      { at: 0, for: 30, price: 0.1 },
      { at: 30, for: 30, price: 0.5 },
    ]);
    // 18:20 to 18:40: half before, half after the boundary
    const price = priceProfile(flow(20, 40, 2000), book, money());
    near(price.cost, 0.1 + 0.5);
    assert.deepEqual(
      price.stretches.map(({ pricePerKwh, energyWh }) => [pricePerKwh, Math.round(energyWh)]),
      [
        [0.1, 1000],
        [0.5, 1000],
      ],
    );
    assert.equal(price.tariff, "flux");
  });

  it("pays back at a negative price", () => {
    near(priceProfile(flow(0, 60, 10_000), bookOf([{ at: 0, for: 60, price: -0.05 }]), money()).cost, -0.5);
  });

  it("leaves energy without a price unpriced, and never calls it free", () => {
    const book = bookOf([
      { at: 0, for: 30, price: 0.2 },
      { at: 60, for: 30, price: 0.2 },
    ]);
    const price = priceProfile(flow(0, 90, 9000), book, money({ fixedPricePerKwh: 0.3 }));
    near(price.unpricedWh, 3000);
    near(price.cost, 1.2);
    const none = priceProfile(flow(200, 230, 1000), book, money());
    assert.equal(none.cost, null);
    near(none.unpricedWh, 1000);
  });

  it("takes the fixed price while there are no others, and no price at all without one", () => {
    near(priceProfile(flow(0, 60, 5000), null, money({ fixedPricePerKwh: 0.25 })).cost, 1.25);
    assert.equal(priceProfile(flow(0, 60, 5000), null, money()).cost, null);
    assert.equal(priceProfile(flow(0, 60, 5000), null, money({ currency: null, fixedPricePerKwh: 0.25 })).cost, null);
    assert.equal(priceProfile([], null, money({ fixedPricePerKwh: 0.25 })).cost, 0);
    assert.equal(priceProfile([], null, money()).cost, null);
  });

  it("counts the sun at what it would have earned, or like the grid when nobody says what that is", () => {
    const book = bookOf([{ at: 0, for: 60, price: 0.3, sell: 0.15 }]);
    const sold = priceProfile(flow(0, 60, 4000, 1000), book, money());
    near(sold.costGrid, 0.9);
    near(sold.costSolar, 0.15);
    near(sold.cost, 1.05);
    const feedIn = priceProfile(flow(0, 60, 4000, 1000), null, money({ fixedPricePerKwh: 0.3, feedInPerKwh: 0.08 }));
    near(feedIn.costSolar, 0.08);
    const unknown = priceProfile(flow(0, 60, 4000, 1000), null, money({ fixedPricePerKwh: 0.3 }));
    near(unknown.cost, 1.2);
    assert.equal(unknown.costSolar, null);
    assert.equal(priceProfile(flow(0, 60, 4000, null), book, money()).costSolar, null);
  });

  it("adds up carbon only when it is known for all that came from the grid", () => {
    const known = bookOf([{ at: 0, for: 60, price: 0.3, carbon: 200 }]);
    near(priceProfile(flow(0, 60, 4000, 1000), known, money()).co2G, 600);
    const partly = learnPrices(known, prices([{ at: 60, for: 60, price: 0.3 }]));
    assert.equal(priceProfile(flow(0, 120, 4000), partly, money()).co2G, null);
  });

  it("loses no energy, whatever the slots and intervals are", () => {
    const slot = fc.record({
      at: fc.integer({ min: -100, max: 400 }),
      for: fc.integer({ min: 1, max: 90 }),
      price: fc.double({ min: -1, max: 2, noNaN: true }),
    });
    const piece = fc.record({
      from: fc.double({ min: 0, max: 300, noNaN: true }),
      length: fc.double({ min: 0, max: 60, noNaN: true }),
      wh: fc.double({ min: 0, max: 5000, noNaN: true }),
      sun: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(slot, { maxLength: 20 }), fc.array(piece, { maxLength: 30 }), (slots, parts) => {
        const book = slots.reduce<PriceBook>((known, one) => learnPrices(known, prices([one])), []);
        const profile = parts.reduce<Profile>(
          (sum, { from, length, wh, sun }) => flow(from, from + length, wh, wh * sun, sum),
          [],
        );
        const totalWh = parts.reduce((sum, { wh }) => sum + wh, 0);
        const price = priceProfile(profile, book, money({ feedInPerKwh: 0.1 }));
        const pricedWh = price.stretches.reduce((sum, { energyWh }) => sum + energyWh, 0);
        near(pricedWh + price.unpricedWh, totalWh, 1e-6);
        const cost = price.stretches.reduce(
          (sum, { energyWh, pricePerKwh }) => sum + (energyWh / 1000) * pricePerKwh,
          0,
        );
        if (price.cost !== null) near(price.cost, cost, 1e-6);
        for (const { energyWh } of price.stretches) assert.ok(energyWh >= 0);
      }),
      { numRuns: 200 },
    );
  });
});

describe("the price book", () => {
  it("puts a price in the place of an estimate, and never the other way round", () => {
    const guess = bookOf([{ at: 0, for: 60, price: 0.4, estimated: true }]);
    const known = learnPrices(guess, prices([{ at: 15, for: 30, price: 0.2 }]));
    assert.deepEqual(
      known.map(({ importPerKwh, isEstimated }) => [importPerKwh, isEstimated]),
      [
        [0.4, true],
        [0.2, false],
        [0.4, true],
      ],
    );
    const again = learnPrices(known, prices([{ at: 0, for: 60, price: 0.5, estimated: true }]));
    assert.equal(priceAt(again, T0 + 20 * MINUTE)?.importPerKwh, 0.2);
    assert.equal(priceAt(again, T0 + 50 * MINUTE)?.importPerKwh, 0.5);
  });

  it("stays the very same when nothing is new", () => {
    const book = bookOf([{ at: 0, for: 60, price: 0.4 }]);
    assert.equal(learnPrices(book, prices([{ at: 0, for: 60, price: 0.4 }])), book);
  });

  it("is always sorted, without overlaps, and the last word counts", () => {
    const slot = fc.record({
      at: fc.integer({ min: 0, max: 200 }),
      for: fc.integer({ min: 1, max: 60 }),
      price: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(slot, { minLength: 1, maxLength: 25 }), (slots) => {
        const book = slots.reduce<PriceBook>((known, one) => learnPrices(known, prices([one])), []);
        for (const [index, one] of book.entries()) {
          assert.ok(one.endMs > one.startMs);
          assert.ok(index === 0 || one.startMs >= (book[index - 1]?.endMs ?? 0));
        }
        for (let minute = 0; minute < 260; minute += 7) {
          const last = slots.findLast(({ at, for: length }) => minute >= at && minute < at + length);
          assert.equal(priceAt(book, T0 + minute * MINUTE)?.importPerKwh, last?.price);
        }
      }),
    );
  });

  it("finds edges and forgets what is past", () => {
    const book = bookOf([
      { at: 0, for: 30, price: 1 },
      { at: 60, for: 30, price: 2 },
    ]);
    assert.equal(nextEdge(book, T0 - 1), T0);
    assert.equal(nextEdge(book, T0), T0 + 30 * MINUTE);
    assert.equal(nextEdge(book, T0 + 30 * MINUTE), T0 + 60 * MINUTE);
    assert.equal(nextEdge(book, T0 + 90 * MINUTE), Number.POSITIVE_INFINITY);
    assert.equal(forgetPrices(book, T0 + 30 * MINUTE).length, 1);
    assert.equal(forgetPrices(book, T0), book);
  });
});

describe("the energy profile", () => {
  it("keeps every Wh, in whatever order and however many intervals come", () => {
    const piece = fc.record({
      from: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      length: fc.double({ min: -100, max: 20_000, noNaN: true }),
      wh: fc.double({ min: 0, max: 5000, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (parts) => {
        const profile = parts.reduce<Profile>(
          (sum, { from, length, wh }) => flow(from, from + length, wh, null, sum),
          [],
        );
        near(
          totalsOf(profile).energyWh,
          parts.reduce((sum, { wh }) => sum + wh, 0),
          1e-6,
        );
        assert.ok(profile.length <= 2000);
      }),
      { numRuns: 60 },
    );
  });

  it("stays small through a month on the plug", () => {
    let profile: Profile = [];
    for (let minute = 0; minute < 30 * 1440; minute += 5) profile = flow(minute, minute + 5, 10, 4, profile);
    assert.ok(profile.length <= 2000, String(profile.length));
    near(totalsOf(profile).energyWh, 30 * 288 * 10, 1e-6);
    near(totalsOf(profile).sunWh, 30 * 288 * 4, 1e-6);
  });

  it("is made to fit what the session says it is", () => {
    const profile = flow(0, 30, 1000, 500);
    near(totalsOf(fitProfile(profile, 1200, T0)).energyWh, 1200);
    near(totalsOf(fitProfile(profile, 800, T0)).energyWh, 800);
    near(totalsOf(fitProfile(profile, 800, T0)).sunWh, 400);
    near(totalsOf(fitProfile([], 800, T0)).energyWh, 800);
    assert.equal(fitProfile(profile, 1000, T0), profile);
  });
});

describe("money in the session record", () => {
  let rig: Rig;
  afterEach(async () => rig.close());
  const record = (slots: readonly SlotWords[]): Prices => ({ ...prices(slots), currency: "EUR" });
  const minutesOff = (START_MS - T0) / MINUTE;

  it("adds up: slots are the energy, their prices the cost", async () => {
    rig = await createRig({ money: money({ currency: "EUR", referencePricePerKwh: 0.34 }) });
    rig.say(
      record([
        { at: minutesOff, for: 15, price: 0.21337 },
        { at: minutesOff + 15, for: 15, price: 0.3777 },
      ]),
    );
    await rig.plug();
    await rig.charge(1500, 7333);
    await rig.unplug();
    const row = rig.row();
    const slotsWh = row.tariffSlots.reduce((sum, { energyWh }) => sum + energyWh, 0);
    near(slotsWh, row.energyWh, 1e-6);
    near(
      row.cost,
      row.tariffSlots.reduce((sum, { energyWh, pricePerKwh }) => sum + (energyWh / 1000) * pricePerKwh, 0),
      2e-6,
    );
    assert.equal(row.tariffSlots.length, 2);
    near(row.referenceCost, (row.energyWh / 1000) * 0.34, 1e-6);
    near(row.pricePerKwh, (row.cost ?? 0) / (row.energyWh / 1000), 1e-6);
    assert.equal(row.unpricedWh, 0);
  });

  it("prices the open session anew when better prices come, also after a kill", async () => {
    rig = await createRig({ money: money({ currency: "EUR" }) });
    rig.say(record([{ at: minutesOff, for: 60, price: 0.5, estimated: true }]));
    await rig.plug();
    await rig.charge(600, 6000);
    await rig.run(61);
    near(rig.row().cost, 0.5, 0.005);
    await rig.kill();
    rig.say(record([{ at: minutesOff, for: 60, price: 0.1 }]));
    await rig.run(61);
    near(rig.row().cost, 0.1, 0.005);
    await rig.kill();
    await rig.unplug();
    near(rig.row().cost, 0.1, 0.005);
  });

  it("remembers when the energy flowed, over kills", async () => {
    rig = await createRig({ money: money({ currency: "EUR" }) });
    rig.say(
      record([
        { at: minutesOff, for: 30, price: 0.1 },
        { at: minutesOff + 30, for: 60, price: 0.9 },
      ]),
    );
    await rig.plug();
    await rig.charge(1500, 7200);
    await rig.kill();
    await rig.run(600);
    await rig.kill();
    await rig.charge(300, 7200);
    await rig.unplug();
    near(rig.row().cost, 3 * 0.1 + 0.6 * 0.9, 0.01);
    near(rig.row().tariffSlots.at(0)?.energyWh, 3000, 10);
  });

  it("adds up at every moment of an open session", async () => {
    rig = await createRig({ updateIntervalS: 7 });
    await rig.plug();
    rig.set("evse", { state: "charging", powerW: 7200 });
    for (let turn = 0; turn < 20; turn++) {
      await rig.run(11, 7200);
      rig.say("status");
    }
    for (const { session } of rig.heard) {
      const slotsWh = session.tariffSlots.reduce((sum, { energyWh }) => sum + energyWh, 0);
      near(slotsWh, session.energyWh, 1e-6);
    }
    near(rig.heard.at(-1)?.session.energyWh, 440, 3);
  });

  it("prices the last session anew when its prices come late, as a correction", async () => {
    rig = await createRig({ money: money({ currency: "EUR" }) });
    await rig.plug();
    await rig.charge(600, 6000);
    await rig.unplug();
    assert.equal(rig.row().cost, null);
    near(rig.row().unpricedWh, rig.row().energyWh, 1e-6);
    rig.say(record([{ at: minutesOff - 60, for: 30, price: 9 }]));
    await rig.run(1);
    assert.equal(rig.events().at(-1), "closed");
    rig.say(record([{ at: minutesOff, for: 60, price: 0.1 }]));
    await rig.run(1);
    near(rig.row().cost, 0.1, 0.005);
    assert.ok(rig.row().flags.includes("corrected"));
    assert.equal(rig.events().at(-1), "corrected");
  });

  it("refuses prices in another money", async () => {
    rig = await createRig({ money: money({ currency: "EUR" }) });
    assert.throws(() => rig.say(prices([{ at: 0, for: 60, price: 0.1 }])), /GBP/);
  });
});

describe("the money of a session that is closed", () => {
  let rig: Rig;
  afterEach(async () => rig.close());
  const record = (slots: readonly SlotWords[]): Prices => ({ ...prices(slots), currency: "EUR" });
  const minutesOff = (START_MS - T0) / MINUTE;
  const fixed = (fixedPricePerKwh: number | null): { money: MoneySettings } => ({
    money: money({ currency: "EUR", fixedPricePerKwh }),
  });
  const chargeOneKwh = async (): Promise<void> => {
    await rig.plug();
    await rig.charge(600, 6000);
    await rig.unplug();
  };

  it("stays when the price in the dialog changes and somebody adds a word", async () => {
    rig = await createRig(fixed(0.3));
    await chargeOneKwh();
    const { cost, pricePerKwh } = rig.row();
    near(cost, 0.3, 0.005);
    await rig.redeploy(fixed(0.9));
    rig.say({ command: "annotate", note: "to the customer and back" });
    await rig.run(1);
    assert.equal(rig.row().note, "to the customer and back");
    assert.equal(rig.row().cost, cost);
    assert.equal(rig.row().pricePerKwh, pricePerKwh);
    // the next session has the new price
    await chargeOneKwh();
    near(rig.rows().at(-1)?.cost, 0.9, 0.01);
  });

  it("stays when prices come that cover it, after it was counted at the fixed price", async () => {
    rig = await createRig(fixed(0.3));
    await chargeOneKwh();
    const { cost } = rig.row();
    rig.say(record([{ at: minutesOff, for: 60, price: 0.1 }]));
    await rig.run(1);
    rig.say({ command: "annotate", odometerKm: 12_345 });
    await rig.run(1);
    assert.equal(rig.row().odometerKm, 12_345);
    assert.equal(rig.row().cost, cost);
    assert.equal(rig.row().tariff, "fixed");
  });

  it("stays when its prices are corrected or forgotten meanwhile, over kills", async () => {
    rig = await createRig(fixed(null));
    rig.say(record([{ at: minutesOff, for: 60, price: 0.2 }]));
    await chargeOneKwh();
    const { cost } = rig.row();
    near(cost, 0.2, 0.005);
    await rig.kill();
    rig.say(record([{ at: minutesOff, for: 60, price: 0.7 }]));
    await rig.redeploy(fixed(null));
    rig.say({ command: "annotate", user: "Kim" });
    await rig.run(1);
    assert.equal(rig.row().user, "Kim");
    assert.equal(rig.row().cost, cost);
  });

  it("gets only what was missing or estimated from prices that come late", async () => {
    rig = await createRig(fixed(null));
    rig.say(
      record([
        { at: minutesOff, for: 10, price: 0.2 },
        { at: minutesOff + 10, for: 10, price: 0.4, estimated: true },
      ]),
    );
    await rig.plug();
    await rig.charge(1500, 6000);
    await rig.unplug();
    near(rig.row().cost, 0.6, 0.01);
    rig.say(record([{ at: minutesOff, for: 60, price: 0.1 }]));
    await rig.run(1);
    // 10 minutes at the old price, 15 at the new one
    near(rig.row().cost, 0.2 + 0.15, 0.01);
    const { cost } = rig.row();
    rig.say(record([{ at: minutesOff, for: 60, price: 0.9 }]));
    await rig.run(1);
    rig.say({ command: "annotate", note: "late" });
    await rig.run(1);
    assert.equal(rig.row().cost, cost);
  });

  it("is not counted in another money, whatever the dialog says later", async () => {
    rig = await createRig(fixed(0.3));
    await chargeOneKwh();
    const before = rig.row();
    await rig.redeploy({ money: money({ currency: "GBP" }) });
    rig.say(prices([{ at: minutesOff, for: 60, price: 0.1 }]));
    rig.say({ command: "annotate", note: "moved" });
    await rig.run(1);
    assert.deepEqual([rig.row().cost, rig.row().currency], [before.cost, "EUR"]);
    await rig.redeploy(fixed(null));
    await chargeOneKwh();
    await rig.redeploy({ money: money({ currency: "GBP" }) });
    rig.say(prices([{ at: minutesOff, for: 60, price: 0.1 }]));
    await rig.run(1);
    assert.deepEqual([rig.rows().at(-1)?.cost, rig.rows().at(-1)?.currency], [null, null]);
  });

  it("keeps the zone, the card's owner and the defaults of its end", async () => {
    rig = await createRig({ ...fixed(0.3), devices: [defaultsOf({ vehicle: "Zoe", purpose: "business" })] });
    await chargeOneKwh();
    assert.deepEqual([rig.row().vehicle, rig.row().businessRatio], ["Zoe", 1]);
    await rig.redeploy({ zone: "Asia/Tokyo", devices: [defaultsOf({ vehicle: "Spring", purpose: "private" })] });
    rig.say({ command: "annotate", note: "which car was it?" });
    await rig.run(1);
    const { vehicle, purpose, businessRatio, zone } = rig.row();
    assert.deepEqual([vehicle, purpose, businessRatio, zone], ["Zoe", "business", 1, "Europe/Berlin"]);
  });

  it("that somebody set in the store stands against a later word to the log", async () => {
    rig = await createRig(fixed(null));
    rig.set("evse", { sessionWh: null });
    await rig.run(5);
    await chargeOneKwh();
    assert.equal(rig.row().cost, null);
    const priced = { ...rig.row(), cost: 0.42, currency: "EUR", unpricedWh: 0, tariff: "by hand" };
    await rig.store.commit({ sessions: [{ session: priced, reason: "edited" }], kept: [] });
    rig.say({ command: "annotate", note: "first" });
    await rig.run(1);
    assert.deepEqual([rig.row().note, rig.row().cost], ["first", 0.42]);
    rig.say({ command: "annotate", note: "second" });
    await rig.run(1);
    rig.say(record([{ at: minutesOff, for: 60, price: 0.1 }]));
    await rig.run(1);
    const { note, cost, tariff } = rig.row();
    assert.deepEqual([note, cost, tariff], ["second", 0.42, "by hand"]);
    // the box tells later that it was a little more: that has no price
    const { energyWh } = rig.row();
    await rig.run(100);
    rig.set("evse", { totalWh: 101_008 });
    await rig.run(1);
    near(rig.row().energyWh, energyWh + 8, 0.1);
    assert.equal(rig.row().cost, 0.42);
    near(rig.row().unpricedWh, rig.row().energyWh - energyWh, 1e-6);
  });

  it("can be taken up from a state that an earlier version kept", async () => {
    rig = await createRig(fixed(0.3));
    await chargeOneKwh();
    const { cost } = rig.row();
    for (const [name, content] of rig.store.kept) {
      const state = JSON.parse(content);
      for (const entry of state.entries ?? []) delete entry.priced;
      rig.store.kept.set(name, JSON.stringify(state));
    }
    await rig.kill();
    rig.say({ command: "annotate", note: "after the update" });
    await rig.run(1);
    assert.deepEqual([rig.row().note, rig.row().cost], ["after the update", cost]);
  });

  it("is asked for while prices may come, and of so many sessions only", async () => {
    const keptSessions = (): number =>
      [...rig.store.kept].reduce(
        (count, [name, content]) => count + (name.includes("state:") ? JSON.parse(content).entries.length : 0),
        0,
      );
    rig = await createRig(fixed(null));
    for (let session = 0; session < 12; session++) await chargeOneKwh();
    await rig.run(2);
    assert.equal(keptSessions(), 10);
    await rig.close();
    rig = await createRig({ money: money({ currency: null }) });
    for (let session = 0; session < 3; session++) await chargeOneKwh();
    await rig.run(2);
    assert.equal(keptSessions(), 1);
  });

  it("is priced late for every session that waits, not only the last", async () => {
    rig = await createRig(fixed(null));
    await chargeOneKwh();
    await chargeOneKwh();
    await chargeOneKwh();
    assert.deepEqual(
      rig.rows().map(({ cost }) => cost),
      [null, null, null],
    );
    await rig.kill();
    rig.say(record([{ at: minutesOff, for: 60, price: 0.1 }]));
    await rig.run(1);
    for (const { cost } of rig.rows()) near(cost, 0.1, 0.005);
  });
});
