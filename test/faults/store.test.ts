import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Clock, systemClock } from "../../lib/model/clock.ts";
import { EvError } from "../../lib/model/errors.ts";
import { type Logger, silentLogger } from "../../lib/model/logger.ts";
import { verifyChain } from "../../lib/records/store/hash-chain.ts";
import { openStore } from "../../lib/records/store/open-store.ts";
import type { Store, StoreHealth } from "../../lib/records/store/store.ts";
import { openWorker, type WorkerLine } from "../../lib/records/store/file/worker-line.ts";
import { killWhileCommitting } from "../lib/records/store/kill.ts";
import { exampleReading, exampleSession, makeFolder } from "../lib/records/store/sessions.ts";
import { until } from "../support/until.ts";

/* The storage rows of the fault list (facts best-systems 3.3, A1 to A11), done to a real file. */

/** Real time, but what takes seconds takes a tenth. */
const quickClock: Clock = { ...systemClock, after: (ms, run) => systemClock.after(ms / 10, run) };

/** Longest time the main thread was held, ms, while `work` ran. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let before = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - before - 1);
    before = performance.now();
  }, 1);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return longest;
}

describe("what happens to the records file", function () {
  this.timeout(30_000);
  let made: ReturnType<typeof makeFolder>;
  let file: string;
  let store: Store | null = null;
  let told: string[] = [];

  const logger: Logger = {
    ...silentLogger,
    error: (text) => void told.push(text),
    info: (text) => void told.push(text),
  };

  const open = async (clock: Clock = quickClock): Promise<Store> => {
    store = await openStore({ file, keepReadingsDays: null, backupsKept: 0 }, { clock, logger });
    return store;
  };
  const close = async (): Promise<void> => {
    await store?.close();
    store = null;
  };
  const fill = async (count: number): Promise<string[]> => {
    const filled = await open();
    const sessions = Array.from({ length: count }, () => exampleSession());
    await filled.commit({ sessions: sessions.map((session) => ({ session, reason: "detected" })) });
    await filled.commit({ kept: [{ name: "open", content: "yes" }] });
    await filled.appendReadings(Array.from({ length: 2000 }, (_, minute) => exampleReading(minute)));
    await close();
    return sessions.map(({ sessionId }) => sessionId);
  };
  const aside = (): string[] => readdirSync(made.folder).filter((name) => /\.damaged-[^-]+-[^-]+-[\dT.]+Z$/.test(name));

  beforeEach(() => {
    made = makeFolder();
    file = join(made.folder, "records.sqlite");
    told = [];
  });
  afterEach(async () => {
    await close();
    made.remove();
  });

  it("A1: kill -9 at random moments loses nothing that was acknowledged", async () => {
    const kills = Number(process.env.EV_TEST_KILLS ?? 15);
    let acknowledged = 0;
    for (let kill = 0; kill < kills; kill++) {
      const report = await killWhileCommitting(file, Math.random);
      assert.deepEqual(report.missing, [], `kill ${kill + 1}`);
      acknowledged += report.acknowledged;
    }
    console.log(`      ${kills} kills, ${acknowledged} acknowledgements, 0 missing`);
    assert.ok(acknowledged > kills, "hardly anything was acknowledged");
  }).timeout(600_000);

  it("A4: a full disk holds up nobody, is told once, and all is written when there is room", async function () {
    const disk = join(made.folder, "small");
    mkdirSync(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      console.log("      skipped: no tmpfs can be mounted here");
      this.skip();
    }
    try {
      file = join(disk, "records.sqlite");
      const full = await open();
      await full.commit({ kept: [{ name: "before", content: "1" }] });
      const ballast = join(disk, "ballast");
      const handle = openSync(ballast, "w");
      try {
        for (;;) writeSync(handle, Buffer.alloc(16_384));
      } catch {
        // full
      } finally {
        closeSync(handle);
      }
      const seen: StoreHealth[] = [];
      full.subscribe((health) => seen.push(health));
      const sessions = Array.from({ length: 100 }, () => exampleSession({ note: "n".repeat(1500) }));
      let isAcknowledged = false;
      const commits = Promise.all(
        sessions.map((session) => full.commit({ sessions: [{ session, reason: "detected" }] })),
      ).then(() => (isAcknowledged = true));
      const hold = await longestHold(() => until("the store notices", () => full.health.state === "failed"));
      assert.equal(isAcknowledged, false);
      assert.equal(full.health.state === "failed" && full.health.code, "io");
      assert.ok(hold < 50, `the main thread was held ${hold} ms`);
      await new Promise((resolve) => setTimeout(resolve, 500));
      assert.equal(told.filter((line) => line.includes("cannot be written")).length, 1, "told once");
      rmSync(ballast);
      await commits;
      assert.equal(full.health.state, "ok");
      const rows = await full.db.selectFrom("sessions").select("session_id").execute();
      assert.equal(rows.length, 100);
      const chain = await full.db.selectFrom("session_revisions").selectAll().orderBy("chain_index").execute();
      assert.equal(verifyChain(chain), null);
      assert.equal(seen.filter(({ state }) => state === "ok").length, 2);
    } finally {
      await close();
      execFileSync("umount", [disk]);
    }
  });

  it("A4: what does not fit in memory any more is refused, not forgotten", async function () {
    const disk = join(made.folder, "read-only");
    mkdirSync(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=40m,ro", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      console.log("      skipped: no tmpfs can be mounted here");
      this.skip();
    }
    try {
      file = join(disk, "records.sqlite");
      const refusing = await open();
      assert.equal(refusing.health.state, "failed");
      const big = { kept: [{ name: "big", content: "x".repeat(6_000_000) }] };
      const answers = await Promise.allSettled([
        Promise.race([refusing.commit(big), new Promise((resolve) => setTimeout(resolve, 2000, "waits"))]),
        Promise.race([refusing.commit(big), new Promise((resolve) => setTimeout(resolve, 2000, "waits"))]),
        new Promise((resolve) => setTimeout(resolve, 1000)).then(() => refusing.commit(big)),
      ]);
      assert.deepEqual(
        answers.map((answer) => (answer.status === "fulfilled" ? answer.value : (answer.reason as EvError).code)),
        ["waits", "waits", "io"],
      );
    } finally {
      await close();
      execFileSync("umount", [disk]);
    }
  });

  it("A5: a read-only disk leaves the records readable, also at the start, and is written to when it may be", async function () {
    const disk = join(made.folder, "disk");
    mkdirSync(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=20m", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      console.log("      skipped: no tmpfs can be mounted here");
      this.skip();
    }
    try {
      file = join(disk, "records.sqlite");
      const [sessionId = ""] = await fill(3);
      execFileSync("mount", ["-o", "remount,ro", disk]);
      const readOnly = await open();
      assert.equal(readOnly.health.state, "failed");
      assert.equal((await readOnly.findSession(sessionId))?.energyWh, 7400);
      assert.equal(told.length, 1);
      const late = exampleSession();
      const commit = readOnly.commit({ sessions: [{ session: late, reason: "detected" }] });
      await until("it waits", () => readOnly.health.waiting === 1);
      execFileSync("mount", ["-o", "remount,rw", disk]);
      await commit;
      assert.equal((await readOnly.findSession(late.sessionId))?.energyWh, 7400);
      assert.equal(readOnly.health.state, "ok");
    } finally {
      await close();
      execFileSync("umount", [disk]);
    }
  });

  it("A5: a disk that was read-only at the start is found writable again without being asked", async function () {
    const disk = join(made.folder, "disk");
    mkdirSync(disk);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=20m,ro", "tmpfs", disk], { stdio: "ignore" });
    } catch {
      console.log("      skipped: no tmpfs can be mounted here");
      this.skip();
    }
    try {
      file = join(disk, "records.sqlite");
      const readOnly = await open();
      assert.equal(readOnly.health.state, "failed");
      execFileSync("mount", ["-o", "remount,rw", disk]);
      await until("it is well", () => readOnly.health.state === "ok");
      assert.match(told.join("\n"), /^Records cannot be written[^\n]*\nRecords are written again[^\n]*$/);
    } finally {
      await close();
      execFileSync("umount", [disk]);
    }
  });

  it("A6: garbage in its place is moved aside, and a new file begun", async () => {
    writeFileSync(file, "this is no database, but somebody's letter ".repeat(100));
    const fresh = await open();
    assert.equal(fresh.health.state, "ok");
    await fresh.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
    const [moved = ""] = aside();
    assert.match(readFileSync(join(made.folder, moved), "utf8"), /somebody's letter/);
    assert.equal(told.filter((line) => line.includes("damaged")).length, 1);
  });

  it("A6: an empty file in its place is moved aside", async () => {
    writeFileSync(file, "");
    assert.equal((await open()).health.state, "ok");
    assert.equal(aside().length, 1);
  });

  it("A6: of a file with an overwritten page the readable rows are saved", async () => {
    const ids = await fill(200);
    // as after a power cut
    const raw = new DatabaseSync(file);
    raw.exec("UPDATE meta SET content = '1' WHERE name = 'unclean'");
    const leaf =
      "SELECT pageno FROM dbstat WHERE name = 'readings' AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET 5";
    const page = Number(raw.prepare(leaf).get()?.pageno);
    raw.close();
    const handle = openSync(file, "r+");
    writeSync(handle, Buffer.alloc(4096, 0x5a), 0, 4096, (page - 1) * 4096);
    closeSync(handle);
    const salvaged = await open();
    assert.equal(aside().length, 1);
    const found = await salvaged.db.selectFrom("sessions").select("session_id").execute();
    const readings = await salvaged.db.selectFrom("readings").select("at_ms").execute();
    assert.equal(found.length, ids.length);
    assert.ok(readings.length > 1900 && readings.length < 2000, `${readings.length} readings`);
    assert.equal(await salvaged.recall("open"), "yes");
  });

  it("A6: a file that is damaged while it is open is replaced, and the change that met it is kept", async () => {
    await fill(50);
    const running = await open();
    const size = statSync(file).size;
    const handle = openSync(file, "r+");
    writeSync(handle, Buffer.alloc(size, 0x5a), 0, size, 0);
    closeSync(handle);
    // the cache knows some pages still
    const session = exampleSession();
    await running.db
      .selectFrom("readings")
      .selectAll()
      .execute()
      .catch(() => {});
    await running.commit({ sessions: [{ session, reason: "detected" }] });
    assert.equal((await running.findSession(session.sessionId))?.sessionId, session.sessionId);
    assert.equal(aside().length, 1);
    assert.equal(told.filter((line) => line.includes("damaged")).length, 1);
  });

  it("A7: another program that holds the file for seconds neither stalls us nor costs a row", async () => {
    const waiting = await open();
    const holder = spawn(
      process.execPath,
      [
        "-e",
        `const { DatabaseSync } = require("node:sqlite");
         const file = new DatabaseSync(process.argv[1]);
         file.exec("BEGIN IMMEDIATE");
         process.stdout.write("held");
         setTimeout(() => { file.exec("ROLLBACK"); }, Number(process.argv[2]));`,
        file,
        process.env.EV_TEST_LOCK_MS ?? "4000",
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    await once(holder.stdout, "data");
    const sessions = Array.from({ length: 20 }, () => exampleSession());
    const hold = await longestHold(async () => {
      await Promise.all(sessions.map((session) => waiting.commit({ sessions: [{ session, reason: "detected" }] })));
    });
    assert.ok(hold < 50, `the main thread was held ${hold} ms`);
    const rows = await waiting.db.selectFrom("sessions").select("session_id").execute();
    assert.equal(rows.length, 20);
  });

  it("a thread that dies is replaced, and what it was writing is written once", async () => {
    const threads: WorkerLine[] = [];
    const surroundings = {
      clock: quickClock,
      logger,
      openWorker: (...given: Parameters<typeof openWorker>) => {
        const line = openWorker(...given);
        threads.push(line);
        return line;
      },
    };
    store = await openStore({ file, keepReadingsDays: null, backupsKept: 0 }, surroundings);
    const mortal = store;
    const sessions = Array.from({ length: 60 }, () => exampleSession());
    const commits = sessions.map(async (session, at) => {
      if (at % 20 === 10) await threads.at(-1)?.terminate();
      return mortal.commit({ sessions: [{ session, reason: "detected" }] });
    });
    await Promise.all(commits);
    assert.ok(threads.length > 1);
    const chain = await mortal.db.selectFrom("session_revisions").selectAll().orderBy("chain_index").execute();
    assert.equal(chain.length, 60);
    assert.equal(verifyChain(chain), null);
    assert.equal(mortal.health.state, "ok");
  });

  it("A8: a file of a later version is only read", async () => {
    const [sessionId = ""] = await fill(1);
    const raw = new DatabaseSync(file);
    raw.exec("UPDATE meta SET content = '99' WHERE name = 'schema_version'");
    raw.close();
    const later = await open();
    assert.equal(later.health.state === "failed" && later.health.code, "config");
    assert.equal((await later.findSession(sessionId))?.energyWh, 7400);
    await assert.rejects(
      later.commit({ kept: [{ name: "a", content: "b" }] }),
      (error) => error instanceof EvError && error.code === "config",
    );
    assert.equal(aside().length, 0);
  });

  it("A11: a backup made while the store goes on can be restored", async () => {
    const busy = await open();
    const commits = Array.from({ length: 100 }, () =>
      busy.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] }),
    );
    const report = await busy.backup("while-busy");
    await Promise.all(commits);
    assert.ok(report.sessions <= 100 && report.bytes > 4096);
    await busy.restore("while-busy.sqlite");
    const rows = await busy.db.selectFrom("sessions").select("hash").execute();
    assert.equal(rows.length, report.sessions);
    const chain = await busy.db.selectFrom("session_revisions").selectAll().orderBy("chain_index").execute();
    assert.equal(verifyChain(chain), null);
    await busy.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
  });

  it("A11: a damaged backup is refused and changes nothing", async () => {
    const [sessionId = ""] = await fill(20);
    const running = await open();
    const { file: backup } = await running.backup("good");
    const handle = openSync(backup, "r+");
    writeSync(handle, Buffer.alloc(20_000, 0x5a), 0, 20_000, 8192);
    closeSync(handle);
    await assert.rejects(running.restore("good"), (error) => error instanceof EvError && error.code === "io");
    assert.equal((await running.findSession(sessionId))?.energyWh, 7400);
  });
});
