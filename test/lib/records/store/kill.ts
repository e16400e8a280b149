import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "../../../../lib/model/clock.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { verifyChain } from "../../../../lib/records/store/hash-chain.ts";
import { openStore } from "../../../../lib/records/store/open-store.ts";

export interface KillReport {
  readonly acknowledged: number;
  readonly missing: readonly string[];
}

/**
 * Lets a process commit to the file, ends it with `kill -9` at a random moment, and looks for everything that was acknowledged.
 */
export async function killWhileCommitting(file: string, random: () => number): Promise<KillReport> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "committing-process.ts"), file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on("line", (line) => {
    lines.push(line);
    if (line === "ready") setTimeout(() => child.kill("SIGKILL"), random() * 150);
  });
  const end = once(reader, "close");
  const [, signal] = await exit;
  await end;
  assert.equal(signal, "SIGKILL", "it ended by itself");
  return { acknowledged: lines.length - 1, missing: await findMissing(file, lines) };
}

async function findMissing(file: string, lines: readonly string[]): Promise<string[]> {
  const store = await openStore(
    { file, keepReadingsDays: null, backupsKept: 0 },
    { clock: systemClock, logger: silentLogger },
  );
  try {
    assert.deepEqual(store.health, { state: "ok", waiting: 0 });
    const missing: string[] = [];
    const sessions = new Map(
      (await store.db.selectFrom("sessions").selectAll().execute()).map((row) => [row.session_id, row]),
    );
    const readings = new Set(
      (await store.db.selectFrom("readings").select("at_ms").execute()).map(({ at_ms }) => at_ms),
    );
    for (const line of lines) {
      const [what, id = "", energyWh] = line.split(" ");
      const row = sessions.get(id);
      const kept = Number((await store.recall(`open/${id}`)) ?? -1);
      const isThere =
        what === "ready" ||
        (what === "opened" && row !== undefined) ||
        (what === "kept" && (row?.status === "closed" || kept >= Number(energyWh))) ||
        (what === "closed" && row?.status === "closed" && row.energy_wh === 30) ||
        (what === "read" && readings.has(Number(id)));
      if (!isThere) missing.push(line);
    }
    const chain = await store.db.selectFrom("session_revisions").selectAll().orderBy("chain_index").execute();
    assert.equal(verifyChain(chain), null);
    const check = await store.db.selectNoFrom((is) => is.val(1).as("one")).execute();
    assert.equal(check.length, 1);
    return missing;
  } finally {
    await store.close();
  }
}
