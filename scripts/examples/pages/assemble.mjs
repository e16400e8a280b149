/* Makes a template for Dashboard 2 from its source: puts in the texts and the functions that it uses. */
import { readFileSync } from "node:fs";
import * as asking from "./asking.mjs";
import * as ear from "./ear.mjs";
import { headComputed, headMethods, hintAtSilence, newHead, saySilence } from "./head-widget.mjs";
import { hearingComputed, hearingMethods, newHearing } from "./hearing-widget.mjs";
import { listMethods, newList } from "./list-widget.mjs";
import * as wording from "./wording.mjs";

/** @typedef {import("./wording.mjs").Words} Words */
/** @typedef {Readonly<Record<string, unknown>>} Parts functions and numbers that a template may use as `kit.name` */

/** What the widgets begin with, and say, that have something in common. */
const WIDGETS = { newHearing, newHead, saySilence, hintAtSilence, newList };

/** @param {Readonly<Record<string, Function>>} functions */
const listOf = (functions) => Object.values(functions).map(String).join(",\n");

/** What a template may name in capitals. @type {Readonly<Record<string, string>>} */
const SHARED = {
  HEARING_COMPUTED: listOf(hearingComputed),
  HEARING_METHODS: listOf(hearingMethods),
  HEAD_MARKUP: readFileSync(new URL("head.html", import.meta.url), "utf8").trim(),
  HEAD_COMPUTED: listOf(headComputed),
  HEAD_METHODS: listOf(headMethods),
  LIST_METHODS: listOf(listMethods),
};

/**
 * A reader of the templates of one page: gives the text of a ui-template. In its script `KIT` becomes the functions that it
 * uses and `WORDS` the texts that it shows; the names of SHARED become what several widgets have in common.
 * @param {URL} folder where the .vue files are, with a slash at its end
 * @param {Parts} ownParts what this page's widgets may call beside what all pages share
 * @param {Words} words
 * @returns {(name: string) => string} takes the file name without .vue
 */
export function templateReader(folder, ownParts, words) {
  const parts = { ...ear, ...asking, ...WIDGETS, ...wording, ...ownParts };
  return (name) => {
    const written = readFileSync(new URL(`${name}.vue`, folder), "utf8");
    const source = written.replace(/^( *)([A-Z]+_[A-Z]+)(,?)$/gm, (_line, indent, part, comma) => {
      const text = SHARED[part];
      if (text === undefined)
        throw new Error(`${name}.vue names ${part}, which is none of ${Object.keys(SHARED).join(", ")}.`);
      return text.replace(/^(?=.)/gm, indent) + comma;
    });
    const kit = collectKit(source, parts);
    const sections = collectWords(source + kit, words);
    return source.replace("KIT", () => kit).replace("WORDS", () => `Object.freeze(${JSON.stringify(sections)})`);
  };
}

/**
 * The functions that a text calls, and those that they call.
 * @param {string} source
 * @param {Parts} parts
 */
function collectKit(source, parts) {
  const all = Object.entries(parts);
  const used = new Set(all.map(([name]) => name).filter((name) => new RegExp(`kit\\.${name}\\b`).test(source)));
  for (const name of used) {
    const text = String(parts[name]);
    for (const [other] of all) if (new RegExp(`\\b${other}\\b`).test(text)) used.add(other);
  }
  const texts = all
    .filter(([name]) => used.has(name))
    .map(([name, part]) => (typeof part === "function" ? String(part) : `const ${name} = ${JSON.stringify(part)};`));
  return `(() => {\n${texts.join("\n")}\nreturn Object.freeze({ ${[...used].join(", ")} });\n})()`;
}

/**
 * The sections of the locale file that a text names.
 * @param {string} source
 * @param {Words} words
 */
function collectWords(source, words) {
  const named = new Set([...source.matchAll(/\bwords\.(\w+)/g)].map(([, section]) => section));
  for (const [, sections = ""] of source.matchAll(/const \{([^{}]+)\} = (?:this\.)?words;/g)) {
    for (const section of sections.split(",")) named.add(section.trim());
  }
  return Object.fromEntries(Object.entries(words).filter(([section]) => named.has(section)));
}

/**
 * What stands between the braces of a function, for a function node.
 * @param {Function} written
 */
export function functionBody(written) {
  const text = String(written);
  const lines = text.slice(text.indexOf("{\n") + 2, text.lastIndexOf("\n}")).split("\n");
  return lines.map((line) => line.replace(/^ {2}/, "")).join("\n");
}
