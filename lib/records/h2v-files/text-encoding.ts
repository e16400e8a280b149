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
  if (head.every((byte) => byte < 0x80)) return { encoding: null, hasBom: false };
  const encoding = fileEncodings.find((candidate) => {
    const text = decodeText(head, candidate);
    return words.some((word) => text.includes(word));
  });
  return { encoding: encoding ?? null, hasBom: false };
}

/** What is no text of that encoding becomes the replacement character. */
export const decodeText = (bytes: Buffer, encoding: FileEncoding): string => new TextDecoder(encoding).decode(bytes);
