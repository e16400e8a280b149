import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { lookOnce } from "./due-reports-child.ts";

/** How often the process is killed at a moment of chance; `EV_KILLS=200` for the long version. */
const KILLS = Number(process.env["EV_KILLS"] ?? 3);
const HEADER =
  '"最新電力情報の時刻","本日","昨日","平均","最大","車充電","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)"';
const row = (minute: string): string => `"${minute}",100,20000,600,700,1200,0,-64,4,"1970/01/01 09:00"`;
const FIRST = "2025-02-01T00:30:00+09:00";

describe(`a report under way when the process is killed (EV_KILLS=${KILLS})`, function () {
  this.timeout(60_000 + KILLS * 10_000);
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-due-kill-"));
    record("10:00", "10:01");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function record(...minutes: readonly string[]): void {
    const lines = minutes.map((minute) => row(`2025/01/05 ${minute}`));
    writeFileSync(join(folder, "202501h2vmgr-rawd.csv"), `${[HEADER, ...lines].join("\n")}\n`);
  }

  const memoryPath = (): string => join(folder, "memory.json");
  /** Without a kill. @returns what it told */
  async function look(): Promise<string[]> {
    const told: string[] = [];
    await lookOnce({ folder, memoryPath: memoryPath(), time: FIRST }, (line) => told.push(line));
    return told;
  }

  /** @returns what it told, and whether it came to its end */
  async function run(kill: { step?: number; afterMs?: number }): Promise<{ told: string[]; hasEnded: boolean }> {
    const script = join(import.meta.dirname, "due-reports-child.ts");
    const child = spawn(
      process.execPath,
      ["--no-warnings", script, folder, memoryPath(), FIRST, String(kill.step ?? 0)],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (output === "" && kill.afterMs !== undefined) setTimeout(() => child.kill("SIGKILL"), kill.afterMs);
      output += chunk.toString();
    });
    const [code, signal] = (await once(child, "close")) as [number | null, string | null];
    assert.ok(code === 0 || signal === "SIGKILL", `it ended with ${code}`);
    const told = output.split("\n").filter((line) => /^\d{4}-/.test(line));
    return { told, hasEnded: output.includes("looked\n") };
  }

  const blocks = (): number =>
    readFileSync(join(folder, "202501h2vmgr-sum.txt"), "utf8").match(/^Sumary/gm)?.length ?? 0;

  /** The report came, at most once without a word; nothing stands twice in the summary. */
  function judge(told: readonly string[], occasion: string, minutes: number, blockCount: number): void {
    const [first, ...more] = told;
    assert.ok(first === `2025-01 ${occasion} ${minutes}` || first === `2025-01 repeat ${minutes}`, told.join("; "));
    for (const line of more) assert.equal(line, `2025-01 repeat ${minutes}`);
    assert.equal(blocks(), blockCount);
  }

  it("comes after the restart, a second time only with a word, at whatever step it was killed", async () => {
    let hasEnded = false;
    let steps = 0;
    for (let step = 1; !hasEnded; step++) {
      rmSync(join(folder, "memory.json"), { force: true });
      rmSync(join(folder, "202501h2vmgr-sum.txt"), { force: true });
      const killed = await run({ step });
      ({ hasEnded } = killed);
      judge([...killed.told, ...(await look())], "due", 2, 1);
      steps = step;
    }
    assert.ok(steps > 4, `${steps} steps`);
    assert.deepEqual(await look(), []);
  });

  it("is as safe when it is a correction", async () => {
    assert.deepEqual(await look(), ["2025-01 due 2"]);
    record("10:00", "10:01", "10:02");
    const kept = ["memory.json", "202501h2vmgr-sum.txt"].map((name) => join(folder, name));
    const before = kept.map((path) => readFileSync(path));
    let hasEnded = false;
    for (let step = 1; !hasEnded; step++) {
      for (const [at, path] of kept.entries()) writeFileSync(path, before[at] ?? "");
      const killed = await run({ step });
      ({ hasEnded } = killed);
      judge([...killed.told, ...(await look())], "correction", 3, 2);
    }
  });

  it("comes whole, killed at any moment, also again and again", async () => {
    let seed = 20_250_201;
    const told: string[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
      told.push(...(await run({ afterMs: (seed / 2 ** 32) * 60 })).told);
    }
    told.push(...(await look()));
    judge(told, "due", 2, 1);
    assert.match(readFileSync(join(folder, "202501-report.csv"), "utf8"), /2025-01-31.*\r?\n.*\r?\n$/);
  });
});
