import iconv from "iconv-lite";
import type { FileEncoding } from "./text-encoding.ts";

/** Apart from reading, which needs no library. */
export const encodeText = (text: string, encoding: FileEncoding): Buffer => iconv.encode(text, encoding);
