import assert from "node:assert/strict";
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { type Session, sessionSchema } from "../../../../lib/model/session.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import { verifyChain } from "../../../../lib/records/store/hash-chain.ts";
import type { SessionRevisionsTable } from "../../../../lib/records/store/tables.ts";
import { makeFolder } from "../store/sessions.ts";
import { START_MS } from "./rig.ts";

/** How often the process is killed; `EV_KILLS=200` for the long version. */
const KILLS = Number(process.env["EV_KILLS"] ?? 8);
const POWER_W = 7200;
/** Energy between two readings. */
const READING_WH = POWER_W / 3600;

interface Said {
  readonly event?: string;
  readonly sessionId?: string;
  readonly energyWh?: number;
  readonly written?: boolean;
  readonly took?: number;
  readonly isIdle?: boolean;
  readonly ready?: boolean;
}

/** A charger whose session counter goes back to 0 with the car, and nothing else: what was lost stays lost. */
interface Box {
  readonly plugged: boolean;
  readonly state: string;
  readonly sessionWh: number;
}

const random = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
};

describe(`a process that is killed ${KILLS} times (EV_KILLS) while cars charge`, function () {
  this.timeout(60_000 + KILLS * 5000);
  const made = makeFolder();
  const file = join(made.folder, "records.sqlite");
  const roll = random(20_261_121);
  const acknowledged: Said[] = [];
  let nowMs = START_MS;
  let kills = 0;
  let child: ChildProcessWithoutNullStreams | null = null;
  let listener = (_said: Said): void => {};

  const start = async (): Promise<void> => {
    const born = spawn(process.execPath, [
      "--no-warnings",
      join(import.meta.dirname, "kill-child.ts"),
      file,
      String(nowMs),
    ]);
    child = born;
    let complaint = "";
    born.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
    await new Promise<void>((resolve, reject) => {
      born.on("exit", () => reject(new Error(`the process ended by itself: ${complaint}`)));
      createInterface({ input: born.stdout }).on("line", (line) => {
        const said = JSON.parse(line) as Said;
        if (said.event !== undefined) acknowledged.push(said);
        if (said.ready === true) resolve();
        listener(said);
      });
    });
  };
  const kill = async (): Promise<void> => {
    const dying = child;
    if (dying === null) return;
    const ended = new Promise((resolve) => dying.once("close", resolve));
    dying.kill("SIGKILL");
    await ended;
    kills += 1;
  };

  /** One second and one reading. @param killAfterMs real time after which the process dies; null = it lives */
  const say = async ({ plugged, state, sessionWh }: Box, killAfterMs: number | null): Promise<void> => {
    nowMs += 1000;
    const powerW = state === "charging" ? POWER_W : 0;
    const counters = { sessionResets: "at-unplug" };
    const payload = {
      kind: "charger",
      device: "evse",
      at: isoAt(nowMs),
      online: true,
      plugged,
      state,
      sessionWh,
      powerW,
      counters,
    };
    const settled = new Promise<void>((resolve) => {
      let hasTaken = false;
      listener = (said) => {
        hasTaken ||= said.took === nowMs;
        if (hasTaken && (said.isIdle === true || said.written === true)) resolve();
      };
    });
    child?.stdin.write(`${JSON.stringify({ nowMs, payload })}\n`);
    if (killAfterMs === null) return settled;
    await new Promise((resolve) => setTimeout(resolve, killAfterMs));
    await kill();
    await start();
  };

  after(async () => {
    child?.kill("SIGKILL");
    made.remove();
  });

  it("misses nothing that was acknowledged, doubles nothing, and is at most one reading short", async () => {
    await start();
    const trueWh: number[] = [];
    let box: Box = { plugged: false, state: "unplugged", sessionWh: 0 };
    const killsPerSession = 4;
    const pass = async (seconds: number, change: (box: Box) => Box, killsHere: number): Promise<void> => {
      const at = new Set(Array.from({ length: killsHere }, () => Math.floor(roll() * seconds)));
      for (let second = 0; second < seconds; second++) {
        box = change(box);
        await say(box, at.has(second) ? roll() * 8 : null);
      }
    };
    while (kills < KILLS) {
      await pass(40, () => ({ plugged: false, state: "unplugged", sessionWh: 0 }), roll() < 0.3 ? 1 : 0);
      await pass(10, (before) => ({ ...before, plugged: true, state: "plugged" }), roll() < 0.3 ? 1 : 0);
      await pass(
        40,
        (before) => ({ ...before, state: "charging", sessionWh: before.sessionWh + READING_WH }),
        killsPerSession - 2,
      );
      await pass(20, (before) => ({ ...before, state: "paused" }), roll() < 0.3 ? 1 : 0);
      await pass(
        30,
        (before) => ({ ...before, state: "charging", sessionWh: before.sessionWh + READING_WH }),
        killsPerSession - 2,
      );
      trueWh.push(box.sessionWh);
      // every other car leaves while nobody looks
      if (roll() < 0.5) {
        await kill();
        nowMs += 5000;
        await start();
      }
    }
    await pass(60, () => ({ plugged: false, state: "unplugged", sessionWh: 0 }), 0);
    child?.kill("SIGKILL");

    const database = new DatabaseSync(file);
    const rows = database.prepare("SELECT record FROM sessions ORDER BY plugged_at_ms").all() as { record: string }[];
    const sessions = rows.map(({ record }) => sessionSchema.parse(JSON.parse(record)));
    const revisions = database.prepare("SELECT * FROM session_revisions ORDER BY chain_index").all();
    assert.equal(database.prepare("PRAGMA integrity_check").get()?.["integrity_check"], "ok");
    assert.equal(verifyChain(revisions as unknown as SessionRevisionsTable[]), null);
    database.close();
    judge(sessions, trueWh);
    console.log(
      `      ${kills} kills, ${sessions.length} sessions, ${revisions.length} revisions, ${worstWh(sessions, trueWh).toFixed(3)} Wh short at worst`,
    );
  });

  const worstWh = (sessions: readonly Session[], trueWh: readonly number[]): number =>
    Math.max(...sessions.map(({ energyWh }, index) => (trueWh[index] ?? 0) - energyWh));

  function judge(sessions: readonly Session[], trueWh: readonly number[]): void {
    assert.equal(sessions.length, trueWh.length, "one row per session");
    for (const [index, session] of sessions.entries()) {
      const expected = trueWh[index] ?? 0;
      assert.equal(session.status, "closed");
      assert.ok(session.energyWh <= expected + 1e-6, `${session.energyWh} Wh of ${expected}`);
      assert.ok(session.energyWh >= expected - READING_WH - 1e-6, `${session.energyWh} Wh of ${expected}`);
      const slotsWh = session.tariffSlots.reduce((sum, { energyWh }) => sum + energyWh, 0);
      assert.ok(Math.abs(slotsWh - session.energyWh) < 1e-6);
    }
    const known = new Map(sessions.map((session) => [session.sessionId, session]));
    for (const { event, sessionId = "", energyWh = 0 } of acknowledged) {
      const session = known.get(sessionId);
      assert.ok(session !== undefined, `${event} ${sessionId} was told and is not there`);
      assert.ok(session.energyWh >= energyWh - 1e-6, `${event} told ${energyWh} Wh, ${session.energyWh} are there`);
    }
  }
});
