import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EvError } from "../../model/errors.ts";
import { appendDurably, isTorn, readEnds, syncFolder } from "../h2v-files/append-file.ts";
import { summaryNameOf } from "../h2v-files/h2v-layout.ts";
import { compactMonth, type MonthName } from "./month.ts";
import type { SummaryRule } from "./report-request.ts";

export type SummaryOutcome = "written" | "already there";

const MAX_SUMMARY_BYTES = 1024 * 1024;

/**
 * Adds a month's block to its summary file, if the rule says so.
 *
 * @throws EvError `io`
 */
export function appendSummary(
  folder: string,
  month: MonthName,
  block: string,
  flags: SummaryFlags,
): Promise<SummaryOutcome> {
  const path = join(folder, summaryNameOf(compactMonth(month)));
  const before = appending.get(path) ?? Promise.resolve();
  const next = before.catch(() => {}).then(() => appendOnce(path, month, block, flags));
  appending.set(path, next);
  const forget = (): void => void (appending.get(path) === next && appending.delete(path));
  next.then(forget, forget);
  return next;
}

interface SummaryFlags {
  /** a new file gets the block twice, as the original script does */
  readonly isDoubled: boolean;
  readonly rule: SummaryRule;
}

/** Several nodes may write into one folder: between looking and adding, nobody else adds. */
const appending = new Map<string, Promise<SummaryOutcome>>();

async function appendOnce(
  path: string,
  month: MonthName,
  block: string,
  { isDoubled, rule }: SummaryFlags,
): Promise<SummaryOutcome> {
  if (rule !== "again") {
    const last = await readLastBlock(path, month);
    if (rule === "once" ? last !== null : last === block) return "already there";
  }
  const ends = await readEnds(path);
  const isNew = ends.head === null;
  const text = (isTorn(ends) ? "\n" : "") + (isNew && isDoubled ? block + block : block);
  await appendDurably(path, Buffer.from(text, "ascii"));
  return "written";
}

/** The month's block that was added last; null = none. One that a power cut has torn does not count. */
async function readLastBlock(path: string, month: MonthName): Promise<string | null> {
  const [year = "", number = ""] = month.split("-");
  const whole = new RegExp(`^Sumary of the ${year}/${number}\\r?\\n.*\\n.*\\nLost .*days\\)\\r?\\n`, "gm");
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_SUMMARY_BYTES), 0, MAX_SUMMARY_BYTES, 0);
      const last = buffer.toString("latin1", 0, bytesRead).match(whole)?.at(-1);
      return last === undefined ? null : `${last.replaceAll("\r", "")}\n`;
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return null;
    throw ioError(path, thrown);
  }
}

let draftCount = 0;

/**
 * Puts a file of ours into its place, whole or not at all.
 *
 * @throws EvError `io`
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.${process.pid}-${(draftCount += 1)}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    // the same again needs no new file
    if ((await readFile(path, "utf8").catch(() => null)) === text) return;
    const file = await open(draft, "w");
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    await syncFolder(dirname(path));
  } catch (thrown) {
    await rm(draft, { force: true }).catch(() => {});
    throw ioError(path, thrown);
  }
}

const ioError = (path: string, thrown: unknown): EvError =>
  new EvError(
    "io",
    `${path} cannot be written: ${thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown)}.`,
    { cause: thrown },
  );
