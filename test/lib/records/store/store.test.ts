import assert from "node:assert/strict";
import { join } from "node:path";
import { createManualClock, systemClock } from "../../../../lib/model/clock.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { verifyChain } from "../../../../lib/records/store/hash-chain.ts";
import { openStore } from "../../../../lib/records/store/open-store.ts";
import type { Store } from "../../../../lib/records/store/store.ts";
import { exampleReading, exampleSession, makeFolder } from "./sessions.ts";

describe("a store in a SQLite file", () => {
  let store: Store;
  let file: string;
  let remove = (): void => {};
  const open = (path = file): Promise<Store> =>
    openStore({ file: path, keepReadingsDays: null, backupsKept: 0 }, { clock: systemClock, logger: silentLogger });

  beforeEach(async () => {
    const made = makeFolder();
    remove = made.remove;
    file = join(made.folder, "deep", "records.sqlite");
    store = await open();
  });
  afterEach(async () => {
    await store.close();
    remove();
  });

  it("gives back what was committed, after it was closed and opened again", async () => {
    const session = exampleSession({ vehicle: "Zoé 🚗", rfid: "'; DROP TABLE sessions; --" });
    const [stored] = await store.commit({ sessions: [{ session, reason: "detected" }] });
    await store.close();
    store = await open();
    assert.deepEqual(await store.findSession(session.sessionId), stored);
    assert.equal(stored?.vehicle, "Zoé 🚗");
    const row = await store.db.selectFrom("sessions").selectAll().executeTakeFirstOrThrow();
    assert.equal(row.rfid, "'; DROP TABLE sessions; --");
    assert.equal(row.local_day, "2026-11-21");
  });

  it("makes no revision of what it knows already, and one of what is new", async () => {
    const session = exampleSession();
    const [first] = await store.commit({ sessions: [{ session, reason: "detected" }] });
    const [again] = await store.commit({ sessions: [{ session, reason: "detected" }] });
    assert.deepEqual(again, first);
    const [second] = await store.commit({
      sessions: [{ session: { ...session, energyWh: 7500 }, reason: "corrected", author: "late meter" }],
    });
    assert.deepEqual([first?.revision, second?.revision], [1, 2]);
    assert.equal(second?.prevHash, first?.hash);
    const revisions = await store.db.selectFrom("session_revisions").selectAll().orderBy("chain_index").execute();
    assert.deepEqual(
      revisions.map(({ chain_index, reason, author }) => [chain_index, reason, author]),
      [
        [1, "detected", null],
        [2, "corrected", "late meter"],
      ],
    );
    assert.equal(verifyChain(revisions), null);
  });

  it("stores nothing that was made from another revision than the latest", async () => {
    const session = exampleSession();
    const change = (vehicle: string, expectedRevision: number) =>
      store.commit({
        sessions: [{ session: { ...session, vehicle }, reason: "edited", expectedRevision }],
        kept: [{ name: "k", content: vehicle }],
      });
    const isStale = (error: unknown): boolean => error instanceof EvError && error.code === "stale";
    await assert.rejects(change("a", 1), isStale);
    await store.commit({ sessions: [{ session, reason: "detected" }] });
    assert.equal((await change("b", 1))[0]?.revision, 2);
    await assert.rejects(change("c", 1), isStale);
    await assert.rejects(change("d", 3), isStale);
    assert.equal((await store.findSession(session.sessionId))?.vehicle, "b");
    assert.equal(await store.recall("k"), "b");
    assert.equal(store.health.state, "ok");
  });

  it("keeps the trace of a deleted session, which a machine cannot bring back", async () => {
    const session = exampleSession();
    await store.commit({ sessions: [{ session, reason: "detected" }] });
    await store.commit({ sessions: [{ session, reason: "deleted" }] });
    await store.commit({ sessions: [{ session: { ...session, energyWh: 1 }, reason: "corrected" }] });
    assert.equal(await store.findSession(session.sessionId), null);
    const revisions = await store.db.selectFrom("session_revisions").select("reason").execute();
    assert.deepEqual(
      revisions.map(({ reason }) => reason),
      ["detected", "deleted"],
    );
  });

  it("keeps names apart and forgets on request", async () => {
    await store.commit({
      kept: [
        { name: "open/a%", content: "1" },
        { name: "open/b", content: "2" },
        { name: "x", content: "3" },
      ],
    });
    await store.commit({ kept: [{ name: "open/b", content: null }] });
    assert.equal(await store.recall("x"), "3");
    assert.equal(await store.recall("open/b"), null);
    assert.deepEqual(await store.recallAll("open/"), [{ name: "open/a%", content: "1" }]);
  });

  it("stores all of a change or nothing", async () => {
    const good = exampleSession();
    const bad = { ...exampleSession(), energyWh: Number.NaN };
    await assert.rejects(
      store.commit({ sessions: [good, bad].map((session) => ({ session, reason: "detected" as const })) }),
      (error) => error instanceof EvError && error.code === "out-of-range",
    );
    assert.equal(await store.findSession(good.sessionId), null);
  });

  it("takes readings, replaces the same instant, and prunes by age", async () => {
    await store.appendReadings(Array.from({ length: 2345 }, (_, minute) => exampleReading(minute)));
    await store.appendReadings([exampleReading(7, { power_w: null })]);
    const found = await store.db
      .selectFrom("readings")
      .select(({ fn }) => [fn.countAll<number>().as("count"), fn.sum<number>("energy_wh").as("energy")])
      .executeTakeFirstOrThrow();
    assert.deepEqual(found, { count: 2345, energy: 46_900 });
    const row = await store.db
      .selectFrom("readings")
      .selectAll()
      .where("at_ms", "=", exampleReading(7).at_ms)
      .execute();
    assert.deepEqual(row, [exampleReading(7, { power_w: null })]);

    await store.close();
    const clock = createManualClock(exampleReading(2000).at_ms + 86_400_000);
    store = await openStore({ file, keepReadingsDays: 1, backupsKept: 0 }, { clock, logger: silentLogger });
    assert.equal(await store.prune(), 2000);
  });

  it("is brought back to a backup, but for what is kept: an open session goes on", async () => {
    const session = exampleSession();
    await store.commit({ kept: [{ name: "open", content: "then" }] });
    await store.backup("before");
    await store.commit({ sessions: [{ session, reason: "detected" }], kept: [{ name: "open", content: "now" }] });
    await store.restore("before");
    assert.equal(await store.findSession(session.sessionId), null);
    assert.equal(await store.recall("open"), "now");
  });

  it("refuses a second store on the same file", async () => {
    await assert.rejects(open(), (error) => error instanceof EvError && error.code === "config");
  });

  it("reads long lists in parts, without holding up anybody", async () => {
    const note = "n".repeat(1000);
    const sessions = Array.from({ length: 1000 }, () => ({
      session: exampleSession({ note }),
      reason: "imported" as const,
    }));
    const stored = await store.commit({ sessions });
    assert.equal(stored.length, 1000);
    const rows = await store.db.selectFrom("sessions").selectAll().execute();
    assert.equal(rows.length, 1000);
  });
});
