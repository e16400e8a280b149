import assert from "node:assert/strict";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { systemClock } from "../../lib/model/clock.ts";
import { EvError } from "../../lib/model/errors.ts";
import { silentLogger } from "../../lib/model/logger.ts";
import { verifyChain } from "../../lib/records/store/hash-chain.ts";
import { openStore } from "../../lib/records/store/open-store.ts";
import type { Store } from "../../lib/records/store/store.ts";
import { exampleReading, exampleSession, makeFolder } from "../lib/records/store/sessions.ts";
import { until } from "../support/until.ts";
import { createMariadb, createPostgres, type TestDatabase } from "./databases.ts";
import { makeOwnServer, type OwnServer } from "./own-servers.ts";

/** Stands between a store and its server, and can play dead. */
interface Relay {
  readonly port: number;
  /** Connections stay, and nothing passes any more: a peer whose power went. */
  freeze(): void;
  thaw(): void;
  /** The answer to the next COMMIT is cut off: the server has it, and we cannot know. */
  swallowNextCommit(): void;
  close(): Promise<void>;
}

async function startRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let isFrozen = false;
  let isCommitSwallowed = false;
  const server: Server = createServer((near) => {
    const far = connect({ host: hostname, port: Number(port) });
    let isCut = false;
    near.on("data", (chunk) => {
      if (isFrozen) return;
      if (isCommitSwallowed && /commit/i.test(chunk.toString("latin1"))) {
        isCommitSwallowed = false;
        isCut = true;
      }
      far.write(chunk);
    });
    far.on("data", (chunk) => {
      if (isCut) {
        near.destroy();
        far.end();
      } else if (!isFrozen) near.write(chunk);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    freeze: () => (isFrozen = true),
    thaw: () => (isFrozen = false),
    swallowNextCommit: () => (isCommitSwallowed = true),
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

/** Real time, but what takes seconds takes a tenth. */
const quickClock = { ...systemClock, after: (ms: number, run: () => void) => systemClock.after(ms / 10, run) };

for (const { name, which, create } of [
  { name: "MariaDB", which: "mariadb", create: createMariadb },
  { name: "PostgreSQL", which: "postgres", create: createPostgres },
] as const) {
  describe(`a store whose ${name} goes away`, function () {
    this.timeout(90_000);
    let service: OwnServer;
    let folder: ReturnType<typeof makeFolder>;
    let database: TestDatabase;
    let store: Store;
    let relay: Relay | null = null;
    let errors: string[] = [];
    let warnings: string[] = [];
    const logger = {
      ...silentLogger,
      error: (text: string) => void errors.push(text),
      warn: (text: string) => void warnings.push(text),
    };

    const open = (url = database.settings.url, file = "records.sqlite"): Promise<Store> =>
      openStore(
        { file: join(folder.folder, file), keepReadingsDays: null, backupsKept: 0, server: { url } },
        { clock: quickClock, logger },
      );
    const throughRelay = async (): Promise<Store> => {
      relay = await startRelay(service.url);
      const url = new URL(database.settings.url);
      url.port = String(relay.port);
      return open(url.href);
    };
    const revisions = async (): Promise<number> => {
      const [row] = await database.query("SELECT count(*) AS n FROM session_revisions");
      return Number(row?.n);
    };
    const assertAllThere = async (count: number): Promise<void> => {
      await until("all has arrived", async () => (await store.flush()) === 0, 60_000);
      assert.equal(await revisions(), count);
      const chain = await store.db.selectFrom("session_revisions").selectAll().orderBy("chain_index").execute();
      assert.equal(verifyChain(chain), null);
      assert.equal(store.health.state, "ok");
    };

    before(async function () {
      service = await makeOwnServer(this, which);
      await service.start();
    });
    after(() => (service as OwnServer | undefined)?.remove());
    beforeEach(async () => {
      errors = [];
      warnings = [];
      folder = makeFolder();
      database = await create(service.url);
    });
    afterEach(async () => {
      await store.close();
      await relay?.close();
      relay = null;
      await service.start();
      await database.drop();
      folder.remove();
    });

    it("is stopped and started again during sessions: every session arrives once, in order", async () => {
      store = await open();
      await store.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
      await store.flush();
      await service.stop();
      const open_ = exampleSession({ status: "open", unpluggedAt: null, energyWh: 1000 });
      for (let part = 1; part <= 20; part++) {
        await store.commit({ sessions: [{ session: { ...open_, energyWh: part * 100 }, reason: "detected" }] });
      }
      await store.appendReadings(Array.from({ length: 300 }, (_, minute) => exampleReading(minute)));
      await until("the store notices", () => store.health.state === "waiting");
      assert.equal((await store.findSession(open_.sessionId))?.energyWh, 2000, "what waits is known here");
      await assert.rejects(
        store.db.selectFrom("sessions").selectAll().execute(),
        (error) => error instanceof EvError && error.code === "unreachable",
      );
      await service.start();
      await assertAllThere(21);
      const [readings] = await database.query("SELECT count(*) AS n, sum(energy_wh) AS wh FROM readings");
      assert.deepEqual([Number(readings?.n), Number(readings?.wh)], [300, 6000]);
      assert.equal((await store.findSession(open_.sessionId))?.energyWh, 2000);
    });

    it("is killed while sessions arrive: every session arrives once", async () => {
      store = await open();
      await store.flush();
      const commits: Promise<unknown>[] = [];
      for (let count = 0; count < 150; count++) {
        commits.push(store.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] }));
        if (count === 75) await service.kill();
        else if (count % 10 === 0) await commits.at(-1);
      }
      await Promise.all(commits);
      await service.start();
      await assertAllThere(150);
    });

    it("commits and cannot say so: nothing arrives twice", async () => {
      store = await throughRelay();
      await store.flush();
      relay?.swallowNextCommit();
      await store.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
      await store.appendReadings([exampleReading(1)]);
      await assertAllThere(1);
      const [readings] = await database.query("SELECT count(*) AS n FROM readings");
      assert.equal(Number(readings?.n), 1);
      assert.deepEqual(errors, [], "nothing was set aside");
      assert.ok(
        !warnings.some((line) => line.includes("anew")),
        "the server's own rows were taken for somebody else's",
      );
    });

    it("is silent while the connection stands: it is cut off and found again", async () => {
      store = await throughRelay();
      await store.flush();
      relay?.freeze();
      await store.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
      await until("the store notices", () => store.health.state === "waiting", 20_000);
      relay?.thaw();
      await assertAllThere(1);
    });

    it("is not there at the start, and the file is new: what is committed is numbered after what the server has", async () => {
      store = await open();
      const old = exampleSession();
      const edited = { session: { ...old, vehicle: "Zoe" }, reason: "edited" as const };
      await store.commit({ sessions: [{ session: old, reason: "detected" }] });
      await store.commit({ sessions: [edited] });
      await assertAllThere(2);
      await store.close();
      // another machine, or this one after its disk was replaced
      relay = await startRelay(service.url);
      relay.freeze();
      const url = new URL(database.settings.url);
      url.port = String(relay.port);
      store = await open(url.href, "new.sqlite");
      await store.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
      await store.commit({ sessions: [{ session: { ...old, vehicle: "Spring" }, reason: "edited" }] });
      // what the server knows already gains no revision
      await store.commit({
        sessions: [{ session: exampleSession({ sessionId: old.sessionId, vehicle: "Spring" }), reason: "edited" }],
      });
      relay.thaw();
      await assertAllThere(4);
      assert.equal((await store.findSession(old.sessionId))?.revision, 3);
    });

    it("does not know us, or has no such database: the store says which, and goes on trying", async () => {
      const wrong = { auth: new URL(database.settings.url), config: new URL(database.settings.url) };
      wrong.auth.username = "ev_nobody";
      wrong.config.pathname = "/ev_missing";
      for (const [code, url] of Object.entries(wrong)) {
        store = await open(url.href, `${code}.sqlite`);
        await store.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
        assert.equal(await store.flush(), 1);
        assert.equal(store.health.state === "waiting" && store.health.code, code);
        await store.close();
      }
      store = await open();
    });

    it("refuses one record for what it is: it is set aside, the others arrive", async () => {
      store = await open();
      await store.flush();
      await database.query("ALTER TABLE payments ADD CONSTRAINT not_13 CHECK (amount <> 13)");
      const payment = (id: string, amount: number) => ({
        id,
        paid_at_ms: 0,
        local_day: "2026-11-21",
        amount,
        currency: "EUR",
        vehicle: null,
        user_name: null,
        note: null,
      });
      await Promise.all([
        store.commit({ payments: [payment("a", 1)] }),
        store.commit({ payments: [payment("b", 13)] }),
        store.commit({ payments: [payment("c", 2)], sessions: [{ session: exampleSession(), reason: "detected" }] }),
      ]);
      await assertAllThere(1);
      const rows = await database.query("SELECT id FROM payments ORDER BY id");
      assert.deepEqual(
        rows.map(({ id }) => id),
        ["a", "c"],
      );
      await store.close();
      const file = new DatabaseSync(join(folder.folder, "records.sqlite"), { readOnly: true });
      const letters = file.prepare("SELECT body, error FROM dead_letters").all();
      file.close();
      assert.equal(letters.length, 1);
      assert.match(String(letters[0]?.body), /"amount":13/);
      assert.match(errors.join(), /^The database refused a record, which was set aside[^,]*$/);
    });

    it("is written to by two programs at once: no session of either is lost, and the chain holds", async () => {
      store = await open();
      const other = await open(database.settings.url, "other.sqlite");
      try {
        const commit = (to: Store): Promise<unknown> =>
          to.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
        await Promise.all(Array.from({ length: 40 }, (_, at) => commit(at % 2 === 0 ? store : other)));
        await until("the other has brought all", async () => (await other.flush()) === 0, 60_000);
        await assertAllThere(40);
        // and in turns, each with a chain that the other has carried on
        for (const turn of [store, other, store, other]) {
          await commit(turn);
          await until("it has arrived", async () => (await turn.flush()) === 0, 60_000);
        }
        await assertAllThere(44);
        const sessions = await database.query("SELECT count(*) AS n FROM sessions");
        assert.equal(Number(sessions[0]?.n), 44);
        assert.deepEqual(errors, []);
      } finally {
        await other.close();
      }
    });
  });
}
