import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { EvError } from "../../../../lib/model/errors.ts";
import type { Session } from "../../../../lib/model/session.ts";
import { checkChange, checkReading } from "../../../../lib/records/store/check-change.ts";
import { packReadings, unpackReadings } from "../../../../lib/records/store/readings-pack.ts";
import { schemaSteps, statementsOf } from "../../../../lib/records/store/schema.ts";
import {
  paymentColumns,
  readingColumns,
  revisionColumns,
  sessionColumns,
  sessionOfRow,
  sessionRow,
  tariffColumns,
} from "../../../../lib/records/store/session-row.ts";
import type { StoreChange } from "../../../../lib/records/store/store.ts";
import type { ReadingsTable } from "../../../../lib/records/store/tables.ts";
import { thinReadings } from "../../../../lib/records/store/file/thin-readings.ts";
import { exampleReading, exampleSession } from "./sessions.ts";

const number = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }));
const anyReading: fc.Arbitrary<ReadingsTable> = fc
  .record({
    minute: fc.nat(5000),
    device: fc.constantFrom("house", "Haus 🏠", "a"),
    channel: fc.nat(3),
    power_w: number,
    energy_wh: fc.option(fc.integer({ min: -1000, max: 1000 })),
    duration_s: fc.option(fc.integer({ min: 0, max: 60 })),
    import_wh: number,
    export_wh: number,
  })
  .map(({ minute, ...changes }) => exampleReading(minute, changes));
const isRefusal = (error: unknown): boolean => error instanceof EvError && error.code === "out-of-range";

describe("a session as a row", () => {
  it("has every column, the day of the site's zone, and the whole record", () => {
    const session = exampleSession({
      zone: "Asia/Tokyo",
      pluggedAt: "2026-10-31T23:30:00.000+09:00",
      unpluggedAt: null,
      user: "Ann",
      cost: 1.5,
    });
    const row = sessionRow(session);
    assert.deepEqual(Object.keys(row).toSorted(), [...sessionColumns].toSorted());
    assert.deepEqual(
      [row.local_day, row.local_month, row.plugged_at_ms, row.user_name, row.cost],
      ["2026-10-31", "2026-10", Date.UTC(2026, 9, 31, 14, 30), "Ann", 1.5],
    );
    assert.equal(row.unplugged_at_ms, null);
    assert.deepEqual(sessionOfRow(row), session);
  });

  it("counts as without a price all of it, the part that had none, and never more than it took", () => {
    const unpriced = (changes: Partial<Session>) => sessionRow(exampleSession(changes)).unpriced_wh;
    assert.equal(unpriced({ cost: null, unpricedWh: 100 }), 7400);
    assert.equal(unpriced({ cost: 1 }), 0);
    assert.equal(unpriced({ cost: 1, unpricedWh: 400 }), 400);
    assert.equal(unpriced({ cost: 1, unpricedWh: 9000 }), 7400);
  });

  it("belongs to the local day also in the night when the clocks change", () => {
    const at = (pluggedAt: string) => sessionRow(exampleSession({ zone: "Europe/Berlin", pluggedAt })).local_day;
    assert.equal(at("2026-10-24T22:00:00Z"), "2026-10-25");
    assert.equal(at("2026-10-25T22:59:59Z"), "2026-10-25");
    assert.equal(at("2026-10-25T23:00:00Z"), "2026-10-26");
  });
});

describe("the columns that are written", () => {
  const file = new DatabaseSync(":memory:");
  for (const step of schemaSteps) for (const sql of statementsOf(step, "sqlite")) file.exec(sql);
  after(() => file.close());

  const written = {
    sessions: sessionColumns,
    session_revisions: revisionColumns,
    readings: readingColumns,
    tariffs: tariffColumns,
    payments: paymentColumns,
  };
  for (const [table, columns] of Object.entries(written)) {
    it(`are all that ${table} has`, () => {
      const there = file.prepare(`SELECT name FROM pragma_table_info('${table}')`).all();
      assert.deepEqual([...columns].toSorted(), there.map(({ name }) => String(name)).toSorted());
    });
  }
});

describe("readings on their way to the worker", () => {
  it("arrive as they were sent", () => {
    fc.assert(
      fc.property(fc.array(anyReading), (rows) => {
        // -0 and 0 are one number in a database
        assert.deepEqual(
          JSON.parse(JSON.stringify(unpackReadings(packReadings(rows)))),
          JSON.parse(JSON.stringify(rows)),
        );
      }),
    );
  });

  it("are refused when a number or a text cannot be stored", () => {
    checkReading(exampleReading(1));
    for (const bad of [
      { power_w: Number.POSITIVE_INFINITY },
      { energy_wh: Number.NaN },
      { duration_s: Number.NaN },
      { import_wh: Number.NEGATIVE_INFINITY },
      { export_wh: Number.NaN },
      { at_ms: 1.5 },
      { channel: -1 },
      { device: "" },
      { device: "a\0" },
      { device: "\uD800" },
      { device: "d".repeat(201) },
      { local_day: "today" },
    ]) {
      assert.throws(() => checkReading(exampleReading(1, bad)), isRefusal, JSON.stringify(bad));
    }
  });
});

describe("a change before it is stored", () => {
  it("loses NUL and lone surrogates, which not every database takes", async () => {
    const text = await checkChange({
      sessions: [{ session: exampleSession({ note: "a\0b\uD800c" }), reason: "manual" }],
      kept: [{ name: "n", content: "x\0" }],
    });
    const { sessions, kept } = JSON.parse(text) as StoreChange;
    assert.equal(sessions?.[0]?.session.note, "a\uFFFDb\uFFFDc");
    assert.equal(kept?.[0]?.content, "x\uFFFD");
  });

  it("is refused when it does not fit the schema, naming the field", async () => {
    const session = exampleSession();
    const wrong: StoreChange[] = [
      { sessions: [{ session: { ...session, rfid: "x".repeat(1_000_000) }, reason: "detected" }] },
      { sessions: [{ session: { ...session, sessionId: "../../x" }, reason: "detected" }] },
      { sessions: [{ session: { ...session, energyWh: -1 }, reason: "detected" }] },
      { sessions: [{ session: { ...session, cost: Number.POSITIVE_INFINITY }, reason: "detected" }] },
      { sessions: [{ session, reason: "because" as "edited" }] },
      { removedPaymentIds: [""] },
    ];
    for (const change of wrong)
      await assert.rejects(checkChange(change), isRefusal, JSON.stringify(change).slice(0, 200));
    await assert.rejects(checkChange(wrong[0] ?? {}), /sessions\.0\.session\.rfid/);
  });
});

describe("thinned readings", () => {
  const energy = (rows: readonly ReadingsTable[]): number => rows.reduce((sum, row) => sum + (row.energy_wh ?? 0), 0);
  const seconds = (rows: readonly ReadingsTable[]): number => rows.reduce((sum, row) => sum + (row.duration_s ?? 0), 0);

  it("keep energy and time, per day and device, whatever is merged", () => {
    fc.assert(
      fc.property(fc.array(anyReading), (all) => {
        // as in India, where the day begins at half past six in the evening, UTC
        const local = (row: ReadingsTable): ReadingsTable => ({
          ...row,
          local_day: new Date(row.at_ms + 19_800_000).toISOString().slice(0, 10),
        });
        const rows = [
          ...new Map(all.map(local).map((row) => [`${row.device} ${row.channel} ${row.at_ms}`, row])).values(),
        ];
        const thin = thinReadings(rows, 3_600_000);
        assert.ok(thin.length <= rows.length);
        for (const { device, local_day } of rows) {
          const of = (list: readonly ReadingsTable[]) =>
            list.filter((row) => row.device === device && row.local_day === local_day);
          assert.equal(energy(of(thin)), energy(of(rows)));
          assert.equal(seconds(of(thin)), seconds(of(rows)));
        }
      }),
    );
  });

  it("never mix two days, also where midnight is at half past", () => {
    const day = (local_day: string, minute: number) => exampleReading(18 * 60 + minute, { local_day });
    assert.equal(
      thinReadings([day("2026-11-01", 20), day("2026-11-01", 25), day("2026-11-02", 40)], 3_600_000).length,
      2,
    );
  });

  it("have the mean power over time and the latest counters", () => {
    const rows = [
      exampleReading(1, { power_w: 1000, duration_s: 60, import_wh: 5 }),
      exampleReading(2, { power_w: 4000, duration_s: 30, import_wh: 9 }),
      exampleReading(3, { power_w: null, duration_s: 60, import_wh: null }),
    ];
    const [merged] = thinReadings(rows, 900_000);
    assert.deepEqual(
      [merged?.power_w, merged?.import_wh, merged?.at_ms, merged?.energy_wh],
      [2000, 9, exampleReading(3).at_ms, 60],
    );
  });
});
