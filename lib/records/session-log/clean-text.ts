/*
 * Texts from outside (tags, names, notes) are data of strangers: they are cut to what a column holds and freed of what a
 * database cannot store, and stay text ever after.
 */

/** Control characters: a NUL cannot be stored by PostgreSQL, the others only make mischief on a screen. */
const CONTROL = /\p{Cc}+/gu;

/** @param longest in UTF-16 units; a character is never cut in two */
export function cleanText(text: string, longest: number): string {
  // what lies far beyond the limit need not be looked at
  const cut = text
    .slice(0, longest * 2)
    .replace(CONTROL, " ")
    .toWellFormed()
    .trim()
    .slice(0, longest);
  return /[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut;
}

/** The same, with nothing for a text that has nothing to say. */
export function cleanName(text: string | null | undefined, longest: number): string | null {
  const clean = cleanText(text ?? "", longest);
  return clean === "" ? null : clean;
}
