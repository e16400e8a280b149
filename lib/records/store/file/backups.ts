import { once } from "node:events";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { workerFile } from "../../../io/worker-file.ts";
import type { Clock } from "../../../model/clock.ts";
import { EvError, type EvErrorCode, toEvError } from "../../../model/errors.ts";
import type { CopyJob, CopyReply } from "./copy-worker.ts";
import { stagedPath } from "./open-file.ts";
import type { BackupReport } from "../store.ts";

/** Copies of the file, all in one folder. */
export interface Backups {
  /** @throws EvError `bad-command` for a name that is none, `io` */
  make(name?: string): Promise<BackupReport>;
  /** Copies a backup that could be restored to where it can take the file's place. @throws EvError `bad-command`, `io` saying why not */
  stage(name: string): Promise<BackupReport>;
  list(): Promise<readonly { readonly name: string; readonly bytes: number; readonly at: string }[]>;
  /** A daily copy when the latest is older than a day; the oldest beyond `kept` go. @returns the new one, or null */
  makeDaily(kept: number): Promise<BackupReport | null>;
}

const SUFFIX = ".sqlite";
const DAILY = /^daily-.*\.sqlite$/;
const DAY_MS = 86_400_000;
/** Names that Windows gives to devices, whatever follows the dot. */
const DEVICE_NAMES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/**
 * The file name of a backup.
 *
 * @throws EvError `bad-command` for anything that could lead out of the folder
 */
export function backupName(name: string): string {
  const full = name.endsWith(SUFFIX) ? name : name + SUFFIX;
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,120}$/.test(full) && !full.includes("..") && !DEVICE_NAMES.test(full);
  if (isPlain) return full;
  throw new EvError("bad-command", "The name of a backup is a plain file name: letters, digits, blank, dot, - and _.");
}

export function createBackups(file: string, folder: string, clock: Clock): Backups {
  const stamp = (): string => new Date(clock.nowMs()).toISOString().replaceAll(":", "").replace("Z", "");

  let latestCopy: Promise<unknown> = Promise.resolve();
  /** One copy at a time. */
  const inTurn = <Done>(work: () => Promise<Done>): Promise<Done> => {
    const done = latestCopy.then(work, work);
    latestCopy = done;
    return done;
  };
  const copyTo = async (name: string): Promise<BackupReport> => {
    await onDisk(mkdir(folder, { recursive: true }));
    const to = join(folder, name);
    if (await exists(to)) throw new EvError("bad-command", `There is a backup ${name} already; it is not overwritten.`);
    return { file: to, ...(await inTurn(() => runCopy({ from: file, to }))) };
  };
  const list: Backups["list"] = async () => {
    const names = await readdir(folder).catch(() => []);
    const found = await Promise.all(
      names
        .filter((name) => name.endsWith(SUFFIX))
        .map(async (name) => {
          const seen = await stat(join(folder, name)).catch(() => null);
          return seen?.isFile() === true ? { name, bytes: seen.size, at: seen.mtime.toISOString() } : null;
        }),
    );
    return found.filter((entry) => entry !== null).sort((a, b) => (a.at < b.at ? 1 : -1));
  };
  return {
    make: async (name) => copyTo(backupName(name ?? `records-${stamp()}`)),
    async stage(name) {
      const path = join(folder, backupName(name));
      if (!(await exists(path))) throw new EvError("bad-command", `There is no backup ${backupName(name)}.`);
      return { file: path, ...(await inTurn(() => runCopy({ from: path, to: stagedPath(file) }))) };
    },
    list,
    async makeDaily(kept) {
      if (kept <= 0) return null;
      const before = (await list()).filter(({ name }) => DAILY.test(name));
      const latest = before[0];
      // a clock that was set back must not end the backups
      if (latest !== undefined && Math.abs(clock.nowMs() - Date.parse(latest.at)) < DAY_MS) return null;
      const made = await copyTo(`daily-${stamp()}${SUFFIX}`);
      for (const { name } of before.slice(kept - 1)) await onDisk(rm(join(folder, name), { force: true }));
      return made;
    },
  };
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const onDisk = <Done>(work: Promise<Done>): Promise<Done> =>
  work.catch((thrown: unknown) => {
    throw toEvError(thrown, "io");
  });

async function runCopy(job: CopyJob): Promise<{ bytes: number; sessions: number }> {
  const worker = new Worker(workerFile("records/store/file/copy-worker"), { workerData: job, name: "ev-store copy" });
  try {
    const [reply] = (await once(worker, "message")) as [CopyReply];
    if ("error" in reply) throw new EvError(reply.error.code as EvErrorCode, reply.error.text);
    return reply;
  } catch (thrown) {
    throw toEvError(thrown, "io");
  } finally {
    await worker.terminate();
  }
}
