import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "mocha";
import type { H2vMinute } from "../../../../lib/model/h2v.ts";
import { createCsvReader } from "../../../../lib/records/h2v-files/h2v-csv.ts";
import { sampleMinute } from "../h2v-files/h2v-layout.test.ts";

/** How often the process is killed; `EV_KILLS=200` for the long version. */
const KILLS = Number(process.env["EV_KILLS"] ?? 5);
const MINUTES_PER_LIFE = 12;
const FIRST_MS = Date.parse("2025-02-20T11:09:00+09:00");
const JST_MS = 9 * 3_600_000;

/** `YYYY/MM/DD HH:MM` in Japan. */
const stamp = (epochMs: number): string =>
  new Date(epochMs + JST_MS).toISOString().slice(0, 16).replaceAll("-", "/").replace("T", " ");
/** Every seventh minute the gateway has no data. */
const isPlaceholder = (epochMs: number): boolean => Math.round((epochMs - FIRST_MS) / 60_000) % 7 === 3;

function minuteAt(epochMs: number): H2vMinute {
  const at = new Date(epochMs).toISOString();
  if (!isPlaceholder(epochMs)) return sampleMinute({}, { at, minute: stamp(epochMs), meanW: 817, carW: 1200 });
  return sampleMinute({ time: "1970/01/01 09:00" }, { at, minute: "1970/01/01 00:00", noData: true });
}

describe(`a reading log that is killed ${KILLS} times (EV_KILLS)`, function () {
  this.timeout(60_000 + KILLS * 10_000);
  let folder = "";
  let child: ChildProcessWithoutNullStreams | null = null;
  let onLine = (_line: { took?: number; ready?: boolean }): void => {};
  const troubles: string[] = [];
  const acknowledged = new Set<number>();
  let tears = 0;
  let seed = 20_250_220;
  const random = (): number => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return seed / 2 ** 32;
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-log-kill-"));
  });
  after(() => {
    child?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  const fileOf = (month: string): string => join(folder, `${month}h2vmgr-rawd.csv`);

  async function start(): Promise<void> {
    const born = spawn(process.execPath, ["--no-warnings", join(import.meta.dirname, "kill-child.ts"), folder]);
    child = born;
    born.stderr.pipe(process.stderr);
    born.stdin.on("error", () => {});
    const ready = new Promise<void>((resolve) => {
      onLine = (line) => {
        if (line.ready === true) resolve();
      };
    });
    createInterface({ input: born.stdout }).on("line", (text) => {
      const line = JSON.parse(text) as { took?: number; ready?: boolean; trouble?: string };
      if (line.trouble !== undefined) troubles.push(line.trouble);
      if (line.took !== undefined) acknowledged.add(line.took);
      onLine(line);
    });
    await ready;
  }

  /** @param killAfterMs it dies so long after it was given the minute; null = it lives and says when it is safe */
  async function give(epochMs: number, killAfterMs: number | null): Promise<void> {
    const took = new Promise<void>((resolve) => {
      onLine = (line) => {
        if (line.took === epochMs) resolve();
      };
    });
    child?.stdin.write(`${JSON.stringify({ nowMs: epochMs, payload: minuteAt(epochMs) })}\n`);
    if (killAfterMs === null) return took;
    await new Promise((resolve) => setTimeout(resolve, killAfterMs));
    const dying = child;
    const closed = dying === null ? null : once(dying, "close");
    dying?.kill("SIGKILL");
    await closed;
  }

  /** Power goes while a line is being written. */
  function tear(): void {
    const path = fileOf("202502");
    if (!existsSync(path)) return;
    appendFileSync(path, '"2025/02/20 1');
    tears += 1;
  }

  it("misses nothing that was acknowledged, has no minute twice, and repairs torn lines", async () => {
    await start();
    let epochMs = FIRST_MS;
    for (let kills = 0; kills < KILLS; ) {
      const lifeEnds = epochMs + MINUTES_PER_LIFE * 60_000;
      for (; epochMs < lifeEnds; epochMs += 60_000) await give(epochMs, null);
      await give(epochMs, random() * 25);
      kills += 1;
      if (random() < 0.5) tear();
      await start();
      // whoever was killed does not know what it has sent: the last minutes come again
      for (const back of [2, 1, 0]) await give(epochMs - back * 60_000, null);
      epochMs += 60_000;
    }
    for (const lifeEnds = epochMs + 2 * 60_000; epochMs < lifeEnds; epochMs += 60_000) await give(epochMs, null);
    child?.kill("SIGKILL");
    assert.deepEqual(troubles, []);

    const all = Array.from({ length: (epochMs - FIRST_MS) / 60_000 }, (_, at) => FIRST_MS + at * 60_000);
    assert.deepEqual(
      [...acknowledged].toSorted((first, second) => first - second),
      all,
    );
    const real = all.filter((minuteMs) => !isPlaceholder(minuteMs));
    const text = readFileSync(fileOf("202502"), "utf8");
    assert.equal(text.match(/^"最新/gm)?.length, 1);
    const minutes: string[] = [];
    const problems: string[] = [];
    const reader = createCsvReader(
      "x.csv",
      ({ minute }) => minutes.push(minute),
      ({ code }) => problems.push(code),
    );
    reader.push(Buffer.from(text));
    reader.end();
    assert.deepEqual(minutes, real.map(stamp));
    assert.deepEqual(
      problems,
      Array.from({ length: tears }, () => "not-a-minute"),
    );
    assert.ok(text.endsWith("\n"));

    const placeholders = readFileSync(fileOf("197001"), "utf8").trimEnd().split("\n");
    assert.deepEqual(
      placeholders.map((line) => line.slice(-13, -1)),
      all.filter(isPlaceholder).map((minuteMs) => stamp(minuteMs).replaceAll(/\D/g, "")),
    );

    const database = new DatabaseSync(join(folder, "records.sqlite"));
    const rows = database.prepare("SELECT channel, at_ms, energy_wh FROM readings ORDER BY at_ms, channel").all();
    assert.equal(database.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
    database.close();
    assert.deepEqual(
      rows.map(({ channel, at_ms }) => [at_ms, channel]),
      real.flatMap((minuteMs) => [0, 1].map((channel) => [minuteMs + 60_000, channel])),
    );
    for (const { channel, energy_wh } of rows) {
      assert.ok(Math.abs(Number(energy_wh) - (channel === 0 ? 817 : 1200) / 60) < 1e-9);
    }
  });
});
