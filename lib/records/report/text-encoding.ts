import iconv from "iconv-lite";

export const fileEncodings = ["utf-8", "euc-jp", "shift_jis"] as const;
export type FileEncoding = (typeof fileEncodings)[number];

/** What the first bytes of a text file tell. */
export interface DetectedText {
  /** null = nothing but ASCII, so any of them fits */
  readonly encoding: FileEncoding | null;
  readonly hasBom: boolean;
}

const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Finds the encoding of a file that holds one of the `words`.
 *
 * @param head the file's first bytes
 */
export function detectEncoding(head: Buffer, words: readonly string[]): DetectedText {
  if (head.subarray(0, 3).equals(UTF8_BOM)) return { encoding: "utf-8", hasBom: true };
  const encoding = fileEncodings.find((candidate) =>
    words.some((word) => head.includes(iconv.encode(word, candidate))),
  );
  return { encoding: encoding ?? (isAscii(head) ? null : isUtf8(head) ? "utf-8" : null), hasBom: false };
}

const isAscii = (bytes: Buffer): boolean => bytes.every((byte) => byte < 0x80);

function isUtf8(bytes: Buffer): boolean {
  try {
    // the end may be in the middle of a character
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

export const encodeText = (text: string, encoding: FileEncoding): Buffer => iconv.encode(text, encoding);
export const decodeText = (bytes: Buffer, encoding: FileEncoding): string => iconv.decode(bytes, encoding);
