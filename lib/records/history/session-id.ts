import { createHash } from "node:crypto";

/**
 * A UUID that is the same for the same content (as version 5 of RFC 9562, under a name space of our own), so that doing a
 * thing twice leaves one session.
 */
export function uuidOf(...parts: readonly (string | number)[]): string {
  const bytes = createHash("sha1")
    .update(JSON.stringify(["ev-history", ...parts]))
    .digest()
    .subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
