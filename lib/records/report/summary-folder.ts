import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EvError } from "../../model/errors.ts";
import { appendDurably, isTorn, readEnds } from "./append-file.ts";
import { summaryNameOf } from "./h2v-layout.ts";
import { compactMonth, type MonthName } from "./month.ts";

export type SummaryOutcome = "written" | "already there";

const MAX_SUMMARY_BYTES = 1024 * 1024;

/**
 * Adds a month's block to its summary file, once: a whole block of that month that stands there already is enough.
 *
 * @param isDoubled a new file gets the block twice, as the original script does
 * @param isAgain adds it whatever stands there
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
  readonly isDoubled: boolean;
  readonly isAgain: boolean;
}

/** Several nodes may write into one folder: between looking and adding, nobody else adds. */
const appending = new Map<string, Promise<SummaryOutcome>>();

async function appendOnce(
  path: string,
  month: MonthName,
  block: string,
  { isDoubled, isAgain }: SummaryFlags,
): Promise<SummaryOutcome> {
  if (!isAgain && (await hasBlock(path, month))) return "already there";
  const ends = await readEnds(path);
  const isNew = ends.head === null;
  const text = (isTorn(ends) ? "\n" : "") + (isNew && isDoubled ? block + block : block);
  await appendDurably(path, Buffer.from(text, "ascii"));
  return "written";
}

/** A block that a power cut has torn does not count. */
async function hasBlock(path: string, month: MonthName): Promise<boolean> {
  const [year = "", number = ""] = month.split("-");
  const whole = new RegExp(`^Sumary of the ${year}/${number}\\r?\\n.*\\n.*\\nLost .*days\\)\\r?\\n`, "m");
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_SUMMARY_BYTES), 0, MAX_SUMMARY_BYTES, 0);
      return whole.test(buffer.toString("latin1", 0, bytesRead));
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return false;
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
