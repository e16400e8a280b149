import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { SessionRow, Statement, SumRow } from "../../../../lib/records/history/answers.ts";
import { keep, type MakeRig, type Rig, someSession } from "./rig.ts";

export const describeAsking = (makeRig: MakeRig): void =>
  void describe("asking the history", () => {
    let rig: Rig;
    beforeEach(async () => {
      rig = await makeRig();
    });
    afterEach(() => rig.close());

    const rowsOf = async (payload: unknown): Promise<readonly SessionRow[]> =>
      (await rig.ask(payload)).payload as readonly SessionRow[];
    const sumsOf = async (payload: unknown): Promise<readonly SumRow[]> =>
      (await rig.ask(payload)).payload as readonly SumRow[];

    it("lists sessions newest first, page by page, with the count and the sum over all pages", async () => {
      for (let day = 1; day <= 5; day++)
        await keep(rig, someSession(`2026-11-0${day}T08:00:00Z`, { cost: 1, currency: "EUR" }));
      const answer = await rig.ask({ command: "sessions", limit: 2, offset: 1 });
      const starts = (answer.payload as SessionRow[]).map(({ start }) => start);
      assert.deepEqual(starts, ["2026-11-04 09:00:00", "2026-11-03 09:00:00"]);
      assert.equal(answer.count, 5);
      assert.equal(answer.totals?.energyKwh, 36);
      assert.equal(answer.totals?.cost, 5);
    });

    it("pages through sessions of the very same instant without losing or repeating one", async () => {
      const sessions = Array.from({ length: 450 }, () => someSession("2026-11-01T08:00:00Z"));
      await keep(rig, ...sessions);
      const rows = await rowsOf({ command: "sessions" });
      assert.equal(rows.length, 450);
      assert.equal(new Set(rows.map(({ sessionId }) => sessionId)).size, 450);
    });

    it("filters by day, device, vehicle, user, purpose and least energy, all together", async () => {
      const wanted = someSession("2026-11-05T08:00:00Z", { vehicle: "Zoe", user: "Ann", purpose: "business" });
      await keep(
        rig,
        wanted,
        someSession("2026-11-04T08:00:00Z", { vehicle: "Zoe", user: "Ann", purpose: "business" }),
        someSession("2026-11-05T08:00:00Z", { vehicle: "Spring", user: "Ann", purpose: "business" }),
        someSession("2026-11-05T08:00:00Z", { vehicle: "Zoe", user: "Bob", purpose: "business" }),
        someSession("2026-11-05T08:00:00Z", { vehicle: "Zoe", user: "Ann", purpose: "private" }),
        someSession("2026-11-05T08:00:00Z", { vehicle: "Zoe", user: "Ann", purpose: "business", energyWh: 20 }),
        someSession("2026-11-05T08:00:00Z", { vehicle: "Zoe", user: "Ann", purpose: "business", device: "quasar" }),
      );
      const filter = { from: "2026-11-05", to: "2026-11-05", device: "openevse", vehicle: "Zoe", user: "Ann" };
      const rows = await rowsOf({ command: "sessions", ...filter, purpose: "business", minEnergyWh: 50 });
      assert.deepEqual(
        rows.map(({ sessionId }) => sessionId),
        [wanted.sessionId],
      );
    });

    it("takes the narrower of a year or month and of two days", async () => {
      await keep(rig, ...["2026-02-10", "2026-07-10", "2026-11-10"].map((day) => someSession(`${day}T08:00:00Z`)));
      const daysOf = async (filter: Record<string, unknown>): Promise<string[]> =>
        (await rowsOf({ command: "sessions", ...filter })).map(({ start }) => start.slice(5, 10));
      assert.deepEqual(await daysOf({ year: 2026, from: "2026-07-01" }), ["11-10", "07-10"]);
      assert.deepEqual(await daysOf({ year: 2026, to: "2026-07-31" }), ["07-10", "02-10"]);
      assert.deepEqual(await daysOf({ year: 2026, month: 7, from: "2025-01-01", to: "2027-12-31" }), ["07-10"]);
    });

    it("counts a session of just the least energy", async () => {
      await keep(rig, someSession("2026-11-05T08:00:00Z", { energyWh: 50 }));
      assert.equal((await rowsOf({ command: "sessions", minEnergyWh: 50 })).length, 1);
    });

    it("puts a session into the local day and month in which it was plugged in", async () => {
      // 23:30 UTC on the 31st is the 1st of November in Paris
      await keep(rig, someSession("2026-10-31T23:30:00Z"), someSession("2026-10-31T22:30:00Z"));
      assert.deepEqual(
        (await sumsOf("months")).map(({ period, sessions }) => [period, sessions]),
        [
          ["2026-10", 1],
          ["2026-11", 1],
        ],
      );
      assert.equal((await rowsOf({ command: "sessions", year: 2026, month: 11 })).length, 1);
    });

    it("counts leap days, the days of 23 and 25 hours, and the turn of the year where they belong", async () => {
      await keep(
        rig,
        someSession("2024-02-29T12:00:00Z"),
        someSession("2026-03-29T00:30:00Z"),
        someSession("2026-03-29T21:30:00Z"),
        someSession("2026-10-24T22:00:00Z"),
        someSession("2026-10-25T22:59:59Z"),
        someSession("2026-12-31T22:59:59Z"),
        someSession("2026-12-31T23:00:00Z"),
      );
      assert.deepEqual(
        (await sumsOf("days")).map(({ period, sessions }) => `${period} ${sessions}`),
        ["2024-02-29 1", "2026-03-29 2", "2026-10-25 2", "2026-12-31 1", "2027-01-01 1"],
      );
      assert.deepEqual(
        (await sumsOf("years")).map(({ period, sessions }) => `${period} ${sessions}`),
        ["2024 1", "2026 5", "2027 1"],
      );
      assert.equal((await rowsOf({ command: "sessions", year: 2024, month: 2 })).length, 1);
      assert.equal((await rowsOf({ command: "sessions", year: 2026 })).length, 5);
    });

    it("shows both hours of the night when the clocks go back, told apart by their offset", async () => {
      await keep(rig, someSession("2026-10-25T00:30:00Z"), someSession("2026-10-25T01:30:00Z"));
      const rows = await rowsOf("sessions");
      assert.deepEqual(
        rows.map(({ start, pluggedAt }) => [start, pluggedAt]),
        [
          ["2026-10-25 02:30:00", "2026-10-25T02:30:00.000+01:00"],
          ["2026-10-25 02:30:00", "2026-10-25T02:30:00.000+02:00"],
        ],
      );
    });

    it("adds the costs that were stored with the sessions, and counts apart what had no price", async () => {
      await keep(
        rig,
        someSession("2026-11-01T08:00:00Z", { cost: 1.1, currency: "EUR", tariff: "night" }),
        someSession("2026-11-02T08:00:00Z", { cost: 2.2, currency: "EUR", tariff: "day" }),
        someSession("2026-11-03T08:00:00Z", { energyWh: 10_000 }),
      );
      const [month] = await sumsOf("months");
      assert.equal(month?.cost, 3.3);
      assert.equal(month?.unpricedKwh, 10);
      assert.equal(month?.sessions, 3);
      assert.equal(month?.pricePerKwh, 0.229167);
    });

    it("counts apart what had no price in a session that is priced in part", async () => {
      const partly = { cost: 1, currency: "EUR", energyWh: 7000, unpricedWh: 2000, pricePerKwh: 0.2 };
      await keep(
        rig,
        someSession("2026-11-01T08:00:00Z", partly),
        someSession("2026-11-02T08:00:00Z", { cost: 1, currency: "EUR", energyWh: 5000 }),
        someSession("2026-11-03T08:00:00Z", { energyWh: 4000 }),
      );
      const [month] = await sumsOf("months");
      assert.deepEqual([month?.unpricedKwh, month?.cost, month?.pricePerKwh], [6, 2, 0.2]);
      assert.deepEqual(month?.costs, [{ currency: "EUR", cost: 2, energyKwh: 10 }]);
      const statement = (await rig.ask("statement")).payload as Statement;
      assert.deepEqual([statement.due, statement.energyKwh, statement.unpricedKwh], [2, 10, 6]);
      assert.deepEqual(
        (await rowsOf("sessions")).map(({ unpricedKwh }) => unpricedKwh),
        [4, 0, 2],
      );
      const csv = String((await rig.ask({ command: "sessions", format: "csv" })).payload).split("\r\n");
      const column = csv[0]?.split(",").indexOf("Without a price (kWh)") ?? -1;
      assert.deepEqual(
        csv.slice(1, 5).map((line) => line.split(",")[column]),
        ["4", "0", "2", "6"],
      );
    });

    it("never adds money of different currencies, and hides none of it", async () => {
      await keep(
        rig,
        someSession("2026-11-01T08:00:00Z", { cost: 1, currency: "EUR" }),
        someSession("2026-11-02T08:00:00Z", { cost: 2, currency: "GBP" }),
      );
      const [month] = await sumsOf("months");
      assert.equal(month?.cost, null);
      assert.equal(month?.currency, null);
      assert.equal(month?.energyKwh, 14.4);
      assert.deepEqual(month?.costs, [
        { currency: "EUR", cost: 1, energyKwh: 7.2 },
        { currency: "GBP", cost: 2, energyKwh: 7.2 },
      ]);
    });

    it("sums by vehicle, user, charger and purpose; nobody's sessions are a row too", async () => {
      await keep(
        rig,
        someSession("2026-11-01T08:00:00Z", { vehicle: "Zoe", user: "Ann" }),
        someSession("2026-11-02T08:00:00Z", { vehicle: "Zoe" }),
        someSession("2026-11-03T08:00:00Z", { purpose: "business" }),
      );
      const by = async (what: string): Promise<string[]> =>
        (await sumsOf({ command: "totals", by: what })).map(({ period, sessions }) => `${period}:${sessions}`);
      assert.deepEqual(await by("vehicle"), [":1", "Zoe:2"]);
      assert.deepEqual(await by("user"), [":2", "Ann:1"]);
      assert.deepEqual(await by("device"), ["openevse:3"]);
      assert.deepEqual(await by("purpose"), [":2", "business:1"]);
      assert.equal((await sumsOf("totals"))[0]?.sessions, 3);
    });

    it("works out the solar share only of the energy whose source is known", async () => {
      await keep(
        rig,
        someSession("2026-11-01T08:00:00Z", { energyWh: 4000, solarWh: 1000, batteryWh: 500, gridWh: 2500 }),
        someSession("2026-11-02T08:00:00Z", { energyWh: 9000 }),
        // the meter was away for most of it
        someSession("2026-11-03T08:00:00Z", { energyWh: 9000, solarWh: 1000, batteryWh: 0, gridWh: 0 }),
        someSession("2026-11-04T08:00:00Z", { energyWh: 1000, solarWh: 0, batteryWh: 0, gridWh: 0 }),
      );
      const [month] = await sumsOf("months");
      assert.equal(month?.solarPercent, 40);
      assert.equal(month?.solarKwh, 2);
      assert.deepEqual(
        (await rowsOf("sessions")).map(({ solarPercent }) => solarPercent),
        [null, 100, null, 25],
      );
    });

    it("takes the stored business share; without one business counts whole and the rest not at all", async () => {
      const priced = { cost: 2, currency: "EUR", energyWh: 10_000 };
      await keep(
        rig,
        someSession("2026-11-01T08:00:00Z", { ...priced, purpose: "mixed", businessRatio: 0.4 }),
        someSession("2026-11-02T08:00:00Z", { ...priced, purpose: "business" }),
        someSession("2026-11-03T08:00:00Z", { ...priced, purpose: "private" }),
        someSession("2026-11-04T08:00:00Z", { ...priced, purpose: "mixed" }),
      );
      const [month] = await sumsOf("months");
      assert.equal(month?.businessKwh, 14);
      assert.equal(month?.businessCost, 2.8);
    });

    it("answers an empty store with no rows and sums of nothing", async () => {
      const answer = await rig.ask("months");
      assert.deepEqual(answer.payload, []);
      assert.equal(answer.count, 0);
      assert.equal(answer.totals?.cost, null);
      assert.equal(answer.totals?.energyKwh, 0);
      assert.equal((await sumsOf("totals")).length, 1);
    });

    it("takes any text for a name and never for SQL", async () => {
      await keep(rig, someSession("2026-11-01T08:00:00Z", { vehicle: "'; DROP TABLE sessions; --" }));
      assert.equal((await rowsOf({ command: "sessions", vehicle: "'; DROP TABLE sessions; --" })).length, 1);
      assert.equal((await rowsOf({ command: "sessions", vehicle: "x' OR '1'='1" })).length, 0);
      assert.equal((await rowsOf("sessions")).length, 1);
    });

    it("still shows a session whose record was damaged, from its columns", async () => {
      await keep(rig, someSession("2026-11-01T08:00:00Z", { vehicle: "Zoe" }));
      await rig.run("UPDATE sessions SET record = '{'");
      const [row] = await rowsOf("sessions");
      assert.equal(row?.vehicle, "Zoe");
      assert.equal(row?.energyKwh, 7.2);
      assert.equal(row?.note, null);
    });
  });
