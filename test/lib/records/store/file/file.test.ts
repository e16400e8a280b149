import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createManualClock, systemClock } from "../../../../../lib/model/clock.ts";
import { EvError } from "../../../../../lib/model/errors.ts";
import { silentLogger } from "../../../../../lib/model/logger.ts";
import { backupName, createBackups } from "../../../../../lib/records/store/file/backups.ts";
import { commitChange } from "../../../../../lib/records/store/file/commit-change.ts";
import { createCursors } from "../../../../../lib/records/store/file/cursors.ts";
import { type OpenFile, openFile } from "../../../../../lib/records/store/file/open-file.ts";
import { openStore } from "../../../../../lib/records/store/open-store.ts";
import { packReadings } from "../../../../../lib/records/store/readings-pack.ts";
import { postPack } from "../../../../../lib/records/store/file/readings.ts";
import { type SchemaStep, schemaSteps } from "../../../../../lib/records/store/schema.ts";
import type { ReadingsTable } from "../../../../../lib/records/store/tables.ts";
import { thinOutbox } from "../../../../../lib/records/store/file/thin-outbox.ts";
import { exampleReading, exampleSession, makeFolder } from "../sessions.ts";

const NEXT_STEP: SchemaStep = {
  version: 2,
  shared: () => ["ALTER TABLE sessions ADD COLUMN weather TEXT"],
  local: [],
};

describe("the records file", () => {
  let made: ReturnType<typeof makeFolder>;
  let path: string;
  let opened: OpenFile | null = null;
  const open = (steps: readonly SchemaStep[] = schemaSteps): OpenFile => {
    opened?.close();
    opened = openFile({ path, backupFolder: join(made.folder, "backups"), nowMs: Date.UTC(2026, 10, 21), steps });
    return opened;
  };
  // without an fsync for every row
  const writable = ({ quick }: OpenFile) => quick ?? assert.fail("not writable");

  beforeEach(() => {
    made = makeFolder();
    path = join(made.folder, "records.sqlite");
  });
  afterEach(() => {
    opened?.close();
    opened = null;
    made.remove();
  });

  it("has the settings that keep what was committed over a power cut", () => {
    const { durable, quick } = open();
    const pragma = (connection: typeof durable, name: string): unknown =>
      Object.values(connection?.database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    assert.deepEqual(
      ["journal_mode", "synchronous", "foreign_keys", "auto_vacuum", "journal_size_limit"].map((name) =>
        pragma(durable, name),
      ),
      ["wal", 2, 1, 2, 16_777_216],
    );
    assert.equal(pragma(quick, "synchronous"), 1);
  });

  it("lies in a folder that is its owner's alone", () => {
    path = join(made.folder, "records", "records.sqlite");
    open();
    // Windows has no such modes
    if (process.platform !== "win32") assert.equal(statSync(join(made.folder, "records")).mode & 0o777, 0o700);
  });

  it("is brought to a newer schema after a backup, and keeps its rows", () => {
    const session = exampleSession();
    commitChange(writable(open()), { sessions: [{ session, reason: "detected" }] }, { hasServer: false, nowMs: 0 });
    const { events } = open([...schemaSteps, NEXT_STEP]);
    const [event] = events;
    assert.ok(event?.event === "migrated" && event.backup !== null && existsSync(event.backup));
    const rows = writable(opened ?? assert.fail()).all<{ weather: null; session_id: string }>("SELECT * FROM sessions");
    assert.deepEqual([rows.length, rows[0]?.weather, rows[0]?.session_id], [1, null, session.sessionId]);
    assert.deepEqual(open([...schemaSteps, NEXT_STEP]).events, [], "once");
  });

  it("keeps the old schema whole when a step fails", () => {
    open();
    const broken: SchemaStep = { ...NEXT_STEP, local: ["CREATE TABLE nonsense ("] };
    const failed = open([...schemaSteps, broken]);
    assert.notEqual(failed.fault, null);
    const columns = writable(open()).all<{ name: string }>("SELECT name FROM pragma_table_info('sessions')");
    assert.equal(
      columns.some(({ name }) => name === "weather"),
      false,
    );
  });

  it("makes waiting readings coarser when there are too many, never touching a session", () => {
    const file = writable(open());
    const change = { sessions: [{ session: exampleSession(), reason: "detected" as const }] };
    commitChange(file, change, { hasServer: true, nowMs: 0 });
    for (let minute = 0; minute < 1200; minute++) {
      postPack(file, packReadings([exampleReading(minute + 1)]), minute);
      thinOutbox(file, 300);
    }
    const rows = file.all<{ kind: string; readings: number; body: string }>(
      "SELECT kind, readings, body FROM outbox ORDER BY id",
    );
    assert.equal(rows[0]?.kind, "change");
    const waiting = rows.slice(1).flatMap(({ body }) => JSON.parse(body) as ReadingsTable[]);
    assert.ok(waiting.length <= 300, `${waiting.length} wait`);
    assert.equal(
      waiting.length,
      rows.reduce((sum, row) => sum + row.readings, 0),
    );
    assert.equal(
      waiting.reduce((sum, row) => sum + (row.energy_wh ?? 0), 0),
      1200 * 20,
      "no energy is lost",
    );
    assert.deepEqual(waiting.at(-1), exampleReading(1200), "the newest are as they were");
  });

  it("makes coarse readings no coarser while finer ones are left", () => {
    const file = writable(open());
    const kinds = () =>
      file.all<{ kind: string }>("SELECT DISTINCT kind FROM outbox ORDER BY kind").map(({ kind }) => kind);
    for (let minute = 0; minute < 400; minute++) {
      postPack(file, packReadings([exampleReading(minute + 1)]), minute);
      thinOutbox(file, 300);
    }
    assert.deepEqual(kinds(), ["readings", "readings-15"]);
  });

  it("reads no more than fifty lists at a time: the oldest is given up, and says so", () => {
    const reading = open().reading ?? assert.fail("not readable");
    const cursors = createCursors();
    const many = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20)
      SELECT i, '${"x".repeat(50_000)}' AS text FROM n`;
    const lists = Array.from({ length: 51 }, () => cursors.open(reading, many, []).cursor ?? assert.fail("one part"));
    assert.throws(
      () => cursors.more(lists[0] ?? 0),
      (error) => error instanceof EvError && error.code === "closed",
    );
    assert.match(cursors.more(lists[1] ?? 0).rows, /^\[\{"i":5,/);
    cursors.closeAll();
  });

  it("drops the oldest readings only when even coarse ones are too many, and says how many", () => {
    const file = writable(open());
    let lost = 0;
    for (let hour = 0; hour < 100; hour++) {
      postPack(file, packReadings([exampleReading(hour * 60)]), hour);
      lost += thinOutbox(file, 50)?.dropped ?? 0;
    }
    const [row] = file.all<{ count: number }>("SELECT sum(readings) AS count FROM outbox");
    // coarse ones leave a dozen at once
    assert.equal((row?.count ?? 0) + lost, 100);
    assert.ok(lost >= 50 && lost < 65, `${lost} lost`);
  });
});

describe("backups", () => {
  it("refuses every name that could lead out of the folder", () => {
    assert.equal(backupName("before tests 1.0"), "before tests 1.0.sqlite");
    assert.equal(backupName("x.sqlite"), "x.sqlite");
    const bad = [
      "../../x",
      "..",
      "a/b",
      "a\\b",
      "CON",
      "nul",
      "com1.sqlite",
      "LPT9",
      "",
      " x",
      ".hidden",
      "a\0b",
      "%2e%2e/x",
      "é",
      "x".repeat(200),
      "C:x",
    ];
    for (const name of bad) {
      assert.throws(
        () => backupName(name),
        (error) => error instanceof EvError && error.code === "bad-command",
        name,
      );
    }
  });

  it("are made once a day, the oldest going, and those made by hand staying", async () => {
    const made = makeFolder();
    const path = join(made.folder, "records.sqlite");
    const folder = join(made.folder, "backups");
    const store = await openStore(
      { file: path, keepReadingsDays: null, backupsKept: 0 },
      { clock: systemClock, logger: silentLogger },
    );
    try {
      // files carry the real time, so the clock starts there
      const clock = createManualClock(Date.now());
      const backups = createBackups(path, folder, clock);
      await backups.make("by hand");
      await assert.rejects(
        backups.make("by hand"),
        (error) => error instanceof EvError && error.code === "bad-command",
      );
      assert.notEqual(await backups.makeDaily(2), null);
      assert.equal(await backups.makeDaily(2), null, "one a day");
      for (let day = 1; day <= 3; day++) {
        clock.advance(day * 90_000_000);
        assert.notEqual(await backups.makeDaily(2), null);
      }
      const names = readdirSync(folder).toSorted();
      assert.equal(names.length, 3, names.join());
      assert.equal(names[0], "by hand.sqlite");
      assert.equal(await backups.makeDaily(0), null);
      // a clock that was set back finds the latest one days ahead of it
      assert.notEqual(
        await createBackups(path, folder, createManualClock(Date.now() - 200_000_000)).makeDaily(2),
        null,
      );
    } finally {
      await store.close();
      made.remove();
    }
  });
});
