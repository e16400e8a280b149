import { renameSync, rmSync } from "node:fs";
import { EvError, type EvErrorCode } from "../../../model/errors.ts";
import { commitChange } from "./commit-change.ts";
import type { Connection } from "./connection.ts";
import type { KeptTable } from "../tables.ts";
import { createCursors } from "./cursors.ts";
import { learnHeads, outboxKeys, rebase, unknownHeads } from "./heads.ts";
import { type FileEvent, openFile, type OpenFile, stagedPath } from "./open-file.ts";
import { acknowledge, bury, peek, waitingCount } from "./outbox.ts";
import { appendPack, postPack } from "./readings.ts";
import { schemaSteps } from "../schema.ts";
import { thinOutbox } from "./thin-outbox.ts";
import { isDamage } from "./sqlite-errors.ts";
import { changeOf, type FileState, type QuestionName, type Questions, type WorkerSettings } from "./worker-protocol.ts";

/** Answers every question about the file, one at a time. Runs in the worker thread; throws what `toStoreError` understands. */
export type FileDesk = {
  readonly [Name in QuestionName]: (ask: Questions[Name]["ask"]) => Questions[Name]["answer"];
} & {
  /** Brings to disk what was appended. */
  sync(): void;
};

/** @param tell what happened to the file whenever it was opened */
export function createFileDesk(settings: WorkerSettings, tell: (events: readonly FileEvent[]) => void): FileDesk {
  let file: OpenFile | null = null;
  let nowMs = 0;
  const cursors = createCursors();
  const { path, backupFolder, hasServer } = settings;

  const reopen = (): OpenFile => {
    cursors.closeAll();
    file?.close();
    file = openFile({ path, backupFolder, nowMs, steps: schemaSteps });
    if (file.events.length > 0) tell(file.events);
    return file;
  };
  const state = (opened: OpenFile): FileState => ({
    fault: opened.fault,
    waiting: opened.reading === null ? 0 : waitingCount(opened.reading),
  });
  const refusal = ({ fault }: OpenFile): EvError =>
    new EvError((fault?.code ?? "io") as EvErrorCode, fault?.text ?? "The records file is not open.");

  /** Damage that shows itself at work is met as at the start: a new file, and the work once more. */
  const onceMoreWhenDamaged = <Result>(work: () => Result): Result => {
    try {
      return work();
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      reopen();
      return work();
    }
  };
  const write = <Result>(which: "durable" | "quick", work: (connection: Connection) => Result): Result =>
    onceMoreWhenDamaged(() => {
      let opened = file ?? reopen();
      // a disk that was read-only or full may have been freed meanwhile
      if (opened[which] === null && opened.fault?.code !== "config") opened = reopen();
      const connection = opened[which];
      if (connection === null) throw refusal(opened);
      return work(connection);
    });
  const read = <Result>(work: (connection: Connection) => Result): Result =>
    onceMoreWhenDamaged(() => {
      let opened = file ?? reopen();
      if (opened.reading === null) opened = reopen();
      if (opened.reading === null) throw refusal(opened);
      return work(opened.reading);
    });

  return {
    open(ask) {
      ({ nowMs } = ask);
      return state(reopen());
    },
    commit(ask) {
      ({ nowMs } = ask);
      return write("durable", (durable) => ({
        records: commitChange(durable, changeOf(ask.change), { hasServer, nowMs }),
        waiting: waitingCount(durable),
      }));
    },
    find: ({ sessionId }) =>
      read((reading) => {
        const sql = hasServer
          ? "SELECT record, is_deleted AS isDeleted FROM session_heads WHERE session_id = ?"
          : "SELECT record, 0 AS isDeleted FROM sessions WHERE session_id = ?";
        const row = reading.all<{ record: string | null; isDeleted: number }>(sql, sessionId)[0];
        if (row === undefined) return { isKnown: !hasServer, record: null };
        const isDeleted = row.isDeleted !== 0;
        return { isKnown: isDeleted || row.record !== null, record: isDeleted ? null : row.record };
      }),
    recall: ({ name }) =>
      read(
        (reading) =>
          reading.all<{ content: string }>("SELECT content FROM kept WHERE name = ?", name)[0]?.content ?? null,
      ),
    recallAll: ({ prefix }) =>
      read((reading) =>
        reading.all<{ name: string; content: string }>(
          "SELECT name, content FROM kept WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
          prefix,
        ),
      ),
    append(ask) {
      ({ nowMs } = ask);
      return write("quick", (quick) => {
        if (hasServer) {
          postPack(quick, ask.pack, nowMs);
          const thinning = thinOutbox(quick, settings.readingsThatMayWait);
          if (thinning !== null) tell([{ event: "thinned", ...thinning }]);
        } else appendPack(quick, ask.pack);
        return { waiting: hasServer ? waitingCount(quick) : 0 };
      });
    },
    query: ({ sql, parameters }) => read((reading) => cursors.open(reading, sql, parameters)),
    more: ({ cursor }) => cursors.more(cursor),
    giveUp({ cursor }) {
      cursors.giveUp(cursor);
      return null;
    },
    prune: ({ beforeMs, limit }) =>
      write("quick", (quick) => {
        const { changes } = quick.run(
          "DELETE FROM readings WHERE rowid IN (SELECT rowid FROM readings WHERE at_ms < ? LIMIT ?)",
          beforeMs,
          limit,
        );
        if (changes > 0) quick.database.exec("PRAGMA incremental_vacuum(500)");
        return changes;
      }),
    peek: ({ limit, maxBytes }) => read((reading) => peek(reading, limit, maxBytes)),
    acknowledge: ({ ids }) => write("durable", (durable) => acknowledge(durable, ids)),
    bury: (ask) => write("durable", (durable) => bury(durable, ask)),
    unknownHeads: ({ sessionIds, devices }) => read((reading) => unknownHeads(reading, sessionIds, devices)),
    learnHeads(heads) {
      write("durable", (durable) => learnHeads(durable, heads));
      return null;
    },
    outboxKeys: () => read(outboxKeys),
    rebase: (heads) => write("durable", (durable) => rebase(durable, heads)),
    swap(ask) {
      ({ nowMs } = ask);
      cursors.closeAll();
      // what is open now is open still, whatever the backup says
      const kept = file?.reading?.all<KeptTable>("SELECT name, content, at_ms FROM kept") ?? [];
      file?.close();
      file = null;
      for (const companion of ["-wal", "-shm"]) rmSync(path + companion, { force: true });
      renameSync(stagedPath(path), path);
      const restored = reopen();
      if (restored.durable !== null) replaceKept(restored.durable, kept);
      return state(restored);
    },
    close() {
      cursors.closeAll();
      file?.close();
      file = null;
      return null;
    },
    sync() {
      // an fsync of the log by the connection that does them
      file?.durable?.run(
        "INSERT INTO meta (name, content) VALUES ('synced', '1') ON CONFLICT (name) DO UPDATE SET content = excluded.content",
      );
    },
  };
}

function replaceKept(file: Connection, kept: readonly KeptTable[]): void {
  file.transaction(() => {
    file.run("DELETE FROM kept");
    for (const { name, content, at_ms } of kept) {
      file.run("INSERT INTO kept (name, content, at_ms) VALUES (?, ?, ?)", name, content, at_ms);
    }
  });
}
