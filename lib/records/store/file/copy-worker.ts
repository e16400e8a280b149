import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { connect } from "./connection.ts";
import { isSound, schemaVersion } from "./open-file.ts";
import { latestVersion, schemaSteps } from "../schema.ts";
import { toStoreError } from "./sqlite-errors.ts";

/*
 * A thread of its own for one copy, so that the store goes on meanwhile: SQLite gives it the file as it was when it began.
 */

export interface CopyJob {
  readonly from: string;
  readonly to: string;
}

export type CopyReply =
  | { readonly bytes: number; readonly sessions: number }
  | { readonly error: { readonly code: string; readonly text: string } };

function copy({ from, to }: CopyJob): CopyReply {
  const part = `${to}.part`;
  rmSync(part, { force: true });
  const source = connect(from, { isReadOnly: true });
  try {
    source.database.prepare("VACUUM INTO ?").run(part);
  } catch (thrown) {
    rmSync(part, { force: true });
    throw thrown;
  } finally {
    source.close();
  }
  const copied = look(part);
  if ("error" in copied) {
    rmSync(part, { force: true });
    return copied;
  }
  const handle = openSync(part, "r+");
  fsyncSync(handle);
  closeSync(handle);
  renameSync(part, to);
  return copied;
}

function look(path: string): CopyReply {
  const file = connect(path, { isReadOnly: true });
  try {
    const refuse = (text: string): CopyReply => ({ error: { code: "io", text } });
    if (!isSound(file)) return refuse("The copy is damaged.");
    const version = schemaVersion(file);
    if (version === 0) return refuse("The file is no backup of ours.");
    if (version > latestVersion(schemaSteps)) return refuse(`The backup is of a later version (schema ${version}).`);
    const sessions = file.all<{ count: number }>("SELECT count(*) AS count FROM sessions")[0]?.count ?? 0;
    return { bytes: statSync(path).size, sessions };
  } finally {
    file.close();
  }
}

function answer(): CopyReply {
  try {
    return copy(workerData as CopyJob);
  } catch (thrown) {
    const { code, message } = toStoreError(thrown);
    return { error: { code, text: message } };
  }
}

parentPort?.postMessage(answer(), []);
