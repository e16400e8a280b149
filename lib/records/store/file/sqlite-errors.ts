import { EvError } from "../../../model/errors.ts";

/*
 * What SQLite's result codes mean for us (facts best-systems 3.2). node:sqlite puts the number into `errcode`; the lowest eight
 * bits are the primary code.
 */

const BUSY = 5;
const LOCKED = 6;
const READ_ONLY = 8;
const IO = 10;
const DAMAGED = 11;
const FULL = 13;
const CANNOT_OPEN = 14;
const CONSTRAINT = 19;
const NO_DATABASE = 26;

const primaryCode = (thrown: unknown): number | null => {
  if (!(thrown instanceof Error) || !("errcode" in thrown) || typeof thrown.errcode !== "number") return null;
  return thrown.errcode & 0xff;
};

/** The file's content is not a sound database. */
export const isDamage = (thrown: unknown): boolean => {
  const code = primaryCode(thrown);
  return code === DAMAGED || code === NO_DATABASE;
};

/** The text stands in English in logs only; what a user sees is told by the code. */
export function toStoreError(thrown: unknown): EvError {
  if (thrown instanceof EvError) return thrown;
  const code = primaryCode(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  switch (code) {
    case BUSY:
    case LOCKED:
      return new EvError("busy", `Another program holds the records file: ${message}`, { cause: thrown });
    case FULL:
      return new EvError("io", "The disk that holds the records is full.", { cause: thrown, detail: message });
    case READ_ONLY:
      return new EvError("io", "The records file cannot be written.", { cause: thrown, detail: message });
    case IO:
    case CANNOT_OPEN:
      return new EvError("io", "The records file cannot be opened or written.", { cause: thrown, detail: message });
    case DAMAGED:
    case NO_DATABASE:
      return new EvError("io", "The records file is damaged.", { cause: thrown, detail: message });
    case CONSTRAINT:
      return new EvError("internal", `The records do not fit together: ${message}`, { cause: thrown });
    default:
      break;
  }
  const system = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const isDisk = /^(EROFS|EACCES|EPERM|ENOSPC|EIO|EDQUOT|ENOENT|ENOTDIR|EISDIR|EMFILE)$/.test(system);
  return new EvError(isDisk ? "io" : "internal", message, { cause: thrown });
}
