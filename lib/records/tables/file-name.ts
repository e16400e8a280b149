/* File names as people type them, made safe: plain, short, the same on every system (facts best-systems 3, I6). */

const LONGEST_BYTES = 150;
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)$/i;

/**
 * A plain file name with the extension given: no folder, no control character, nothing that a system or a shell gives a
 * meaning to. Letters of every language stay.
 *
 * @param wished what the user asked for; anything
 * @param fallback used when nothing of the wish is left
 * @param extension with its dot, such as `.csv`
 */
export function safeFileName(wished: string, fallback: string, extension: string): string {
  const lower = wished.toLowerCase();
  const stem = lower.endsWith(extension) ? wished.slice(0, -extension.length) : wished;
  const cleaned = trimEnds(
    shorten(
      trimEnds(
        stem
          .normalize("NFC")
          .replace(/[^\p{L}\p{M}\p{N} ._()-]+/gu, "_")
          .replace(/\.{2,}/g, "_"),
      ),
    ),
  );
  if (!/[\p{L}\p{N}]/u.test(cleaned)) return `${fallback}${extension}`;
  // Windows takes what stands before the first dot for a device
  const isDevice = RESERVED.test(cleaned.split(".")[0]?.trim() ?? "");
  return `${isDevice ? "_" : ""}${cleaned}${extension}`;
}

const trimEnds = (text: string): string => text.replace(/^[ ._-]+|[ ._-]+$/g, "");

function shorten(text: string): string {
  let short = "";
  let bytes = 0;
  for (const character of text) {
    bytes += Buffer.byteLength(character);
    if (bytes > LONGEST_BYTES) break;
    short += character;
  }
  return short;
}

/** The header of a download (RFC 6266), for a name from `safeFileName`. */
export function contentDisposition(fileName: string): string {
  const ascii = fileName.replace(/[^\x20-\x7E]/g, "_");
  // encodeURIComponent leaves these, RFC 5987 does not
  const encoded = encodeURIComponent(fileName).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
