import iconv from "iconv-lite";
import { h2vLabels } from "../../model/h2v-page.ts";

/** Encodings in which the page has been or could be served; the first is the documented one. */
export const pageCharsets = ["euc-jp", "utf-8", "shift_jis"] as const;
export type PageCharset = (typeof pageCharsets)[number];

const WORDS = [h2vLabels.todayWh, h2vLabels.time, h2vLabels.carW];
const needles = pageCharsets.map((charset) => ({
  charset,
  words: WORDS.map((word) => iconv.encode(word, charset)),
}));

/**
 * Decodes the page by what it holds, not by what it is called: a word of the gateway in its bytes tells the encoding. With
 * none of them it is taken for EUC-JP.
 */
export function decodePage(bytes: Buffer): { readonly text: string; readonly charset: PageCharset } {
  const found = needles.find(({ words }) => words.some((word) => bytes.includes(word)));
  const charset = found?.charset ?? "euc-jp";
  return { text: iconv.decode(bytes, charset), charset };
}
