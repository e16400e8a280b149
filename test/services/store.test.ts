import assert from "node:assert/strict";
import { join } from "node:path";
import { type Clock, systemClock } from "../../lib/model/clock.ts";
import { EvError } from "../../lib/model/errors.ts";
import { silentLogger } from "../../lib/model/logger.ts";
import { verifyChain } from "../../lib/records/store/hash-chain.ts";
import { openStore } from "../../lib/records/store/open-store.ts";
import type { Store } from "../../lib/records/store/store.ts";
import { exampleReading, exampleSession, makeFolder } from "../lib/records/store/sessions.ts";
import { createMariadb, createPostgres, type TestDatabase } from "./databases.ts";
import { mariadb, needsService, postgres, type Service } from "./services.ts";

/** Real waiting, but always the same day. */
const clock: Clock = { ...systemClock, nowMs: () => Date.UTC(2026, 10, 25) };

interface Flavour {
  readonly name: string;
  readonly service: Service | null;
  readonly create: (() => Promise<TestDatabase>) | null;
}

const flavours: readonly Flavour[] = [
  { name: "SQLite", service: null, create: null },
  { name: "MariaDB", service: mariadb, create: createMariadb },
  { name: "PostgreSQL", service: postgres, create: createPostgres },
];

for (const { name, service, create } of flavours) {
  describe(`a store on ${name}`, () => {
    let folder: ReturnType<typeof makeFolder>;
    let database: TestDatabase | null = null;
    let store: Store;

    const open = (file = "records.sqlite"): Promise<Store> =>
      openStore(
        {
          file: join(folder.folder, file),
          keepReadingsDays: 30,
          backupsKept: 0,
          ...(database === null ? {} : { server: database.settings }),
        },
        { clock, logger: silentLogger },
      );

    before(async function () {
      if (service !== null) await needsService(this, service);
    });
    beforeEach(async () => {
      folder = makeFolder();
      database = (await create?.()) ?? null;
      store = await open();
      await store.flush();
    });
    afterEach(async () => {
      await store.close();
      await database?.drop();
      folder.remove();
    });

    it("gives back a session as it was committed, whatever is in its texts", async () => {
      const nasty = ["'; DROP TABLE sessions; --", "=cmd|' /C calc'!A0", "Zoé 🚗 日本", "a\0b", "\uD800", "%_\\"];
      const committed = await store.commit({
        sessions: nasty.map((text) => ({
          session: exampleSession({ vehicle: text, rfid: text, note: text }),
          reason: "detected",
          author: text,
        })),
      });
      await store.flush();
      assert.equal(store.health.waiting, 0);
      for (const session of committed) assert.deepEqual(await store.findSession(session.sessionId), session);
      const rows = await store.db.selectFrom("sessions").select(["session_id", "vehicle"]).execute();
      assert.equal(rows.length, nasty.length);
      assert.equal(rows.find(({ vehicle }) => vehicle === "Zoé 🚗 日本")?.session_id, committed[2]?.sessionId);
    });

    it("keeps numbers as numbers, also counted and summed", async () => {
      const session = exampleSession({ cost: 1.2345, currency: "EUR", odometerKm: 123_456.7 });
      await store.commit({ sessions: [{ session, reason: "detected" }] });
      await store.flush();
      const sums = await store.db
        .selectFrom("sessions")
        .select(({ fn }) => [
          fn.countAll<number>().as("count"),
          fn.sum<number>("revision").as("revisions"),
          fn.sum<number>("energy_wh").as("energy"),
          fn.max("plugged_at_ms").as("latest"),
          fn.max("cost").as("cost"),
        ])
        .executeTakeFirstOrThrow();
      assert.deepEqual(
        { ...sums },
        { count: 1, revisions: 1, energy: 7400, latest: Date.parse(session.pluggedAt), cost: 1.2345 },
      );
    });

    it("tells devices apart by case, and groups months", async () => {
      await store.commit({
        sessions: ["a", "A", "a"].map((device) => ({ session: exampleSession({ device }), reason: "detected" })),
      });
      await store.flush();
      const rows = await store.db
        .selectFrom("sessions")
        .select(({ fn }) => ["device", "local_month", fn.countAll<number>().as("count")])
        .groupBy(["device", "local_month"])
        .orderBy("device")
        .execute();
      assert.deepEqual(
        rows.map((row) => ({ ...row })),
        [
          { device: "A", local_month: "2026-11", count: 1 },
          { device: "a", local_month: "2026-11", count: 2 },
        ],
      );
    });

    it("numbers revisions and chains them", async () => {
      const session = exampleSession();
      await store.commit({ sessions: [{ session, reason: "detected" }] });
      await store.commit({ sessions: [{ session, reason: "detected" }] });
      await store.flush();
      await store.commit({ sessions: [{ session, reason: "detected" }] });
      const [edited] = await store.commit({
        sessions: [{ session: { ...session, vehicle: "Zoe" }, reason: "edited", author: "me" }],
      });
      await store.commit({ sessions: [{ session: exampleSession(), reason: "manual" }] });
      await store.flush();
      assert.equal(edited?.revision, 2);
      const chain = await store.db.selectFrom("session_revisions").selectAll().orderBy("chain_index").execute();
      assert.deepEqual(
        chain.map(({ reason, revision }) => `${reason} ${revision}`),
        ["detected 1", "edited 2", "manual 1"],
      );
      assert.equal(verifyChain(chain), null);
      assert.equal((await store.findSession(session.sessionId))?.vehicle, "Zoe");
      await store.commit({ sessions: [{ session, reason: "deleted" }] });
      assert.equal(await store.findSession(session.sessionId), null);
      await store.flush();
      assert.equal(await store.findSession(session.sessionId), null);
      assert.equal((await store.db.selectFrom("sessions").selectAll().execute()).length, 1);
    });

    it("keeps tariffs and payments by their id", async () => {
      const tariff = { id: "t", valid_from_ms: 0, price_per_kwh: 0.25, currency: "EUR", name: "Tempo", is_active: 1 };
      const payment = {
        id: "p",
        paid_at_ms: 1_764_000_000_000,
        local_day: "2025-11-24",
        amount: 20,
        currency: "EUR",
        vehicle: null,
        user_name: "Ann",
        note: "👍",
      };
      await store.commit({ tariffs: [tariff], payments: [payment, { ...payment, id: "q" }] });
      await store.commit({ tariffs: [{ ...tariff, price_per_kwh: 0.3 }], removedPaymentIds: ["q"] });
      await store.flush();
      const tariffs = await store.db.selectFrom("tariffs").selectAll().execute();
      const payments = await store.db.selectFrom("payments").selectAll().execute();
      assert.deepEqual({ ...tariffs[0] }, { ...tariff, price_per_kwh: 0.3 });
      assert.deepEqual(
        payments.map((row) => ({ ...row })),
        [payment],
      );
    });

    it("takes readings twice without counting them twice, and prunes the old", async () => {
      const rows = Array.from({ length: 1500 }, (_, minute) => exampleReading(minute));
      await store.appendReadings(rows);
      await store.appendReadings([exampleReading(3, { energy_wh: 21 })]);
      await store.appendReadings(
        rows.slice(0, 500).map((row) => ({ ...row, at_ms: row.at_ms - 86_400_000 * 365, local_month: "2025-11" })),
      );
      await store.flush();
      const sum = (): Promise<{ energy: number }> =>
        store.db
          .selectFrom("readings")
          .select(({ fn }) => fn.sum<number>("energy_wh").as("energy"))
          .where("local_month", "=", "2026-11")
          .executeTakeFirstOrThrow();
      assert.equal((await sum()).energy, 30_001);
      assert.equal(await store.prune(), 500);
      assert.equal((await sum()).energy, 30_001);
    });

    if (create !== null) {
      it("answers a query in the first moments of a new database, and says so when there are no tables", async () => {
        const empty = await create();
        const settings = { keepReadingsDays: null, backupsKept: 0, server: empty.settings };
        const fresh = await openStore(
          { ...settings, file: join(folder.folder, "fresh.sqlite") },
          { clock, logger: silentLogger },
        );
        try {
          assert.deepEqual(await fresh.db.selectFrom("sessions").selectAll().execute(), []);
          await empty.query("DROP TABLE sessions");
          await assert.rejects(
            fresh.db.selectFrom("sessions").selectAll().execute(),
            (error) => error instanceof EvError && error.code === "unreachable",
          );
        } finally {
          await fresh.close();
          await empty.drop();
        }
      });
    }

    it("reads only: a report cannot change anything", async () => {
      await assert.rejects(store.db.deleteFrom("sessions").execute());
    });
  });
}
