import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { EvError } from "../../model/errors.ts";

/** What stands in a file already. */
export interface FileEnds {
  /** null = no such file, or an empty one */
  readonly head: Buffer | null;
  readonly tail: Buffer;
}

const END_BYTES = 64 * 1024;
const LF = 0x0a;

/** @throws EvError `io` */
export async function readEnds(path: string): Promise<FileEnds> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      if (size === 0) return { head: null, tail: Buffer.alloc(0) };
      const head = await readAt(file, 0, Math.min(size, END_BYTES));
      const tailFrom = Math.max(0, size - END_BYTES);
      return { head, tail: tailFrom === 0 ? head : await readAt(file, tailFrom, size - tailFrom) };
    } finally {
      await file.close();
    }
  } catch (thrown) {
    if (isSystemError(thrown, "ENOENT")) return { head: null, tail: Buffer.alloc(0) };
    throw ioError(path, thrown);
  }
}

/** Power went, or the disk was full, in the middle of a line. */
export const isTorn = ({ tail }: FileEnds): boolean => tail.length > 0 && tail.at(-1) !== LF;

/**
 * Adds bytes at the end and resolves when they are on the disk. What stands in the file is never touched.
 *
 * @throws EvError `io`; then a part of the bytes may be there
 */
export async function appendDurably(path: string, bytes: Buffer): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    const file = await open(path, "a");
    try {
      const { size } = await file.stat();
      await file.appendFile(bytes);
      await file.sync();
      if (size === 0) await syncFolder(dirname(path));
    } finally {
      await file.close();
    }
  } catch (thrown) {
    throw ioError(path, thrown);
  }
}

/** A new file is safe only when its name is; some systems cannot do that, which is no reason to fail. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // Windows refuses to open folders
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

const isSystemError = (thrown: unknown, code: string): boolean =>
  thrown instanceof Error && "code" in thrown && thrown.code === code;

function ioError(path: string, thrown: unknown): EvError {
  const reason = thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown);
  return new EvError("io", `${path} cannot be used: ${reason}.`, { cause: thrown });
}
