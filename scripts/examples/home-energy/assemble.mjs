/* Makes a template for Dashboard 2 from its source: puts in the texts and the functions that it uses. */
import { readFileSync } from "node:fs";
import * as sentence from "./sentence.mjs";
import * as sight from "./sight.mjs";
import * as wording from "./wording.mjs";

/** @typedef {import("./wording.mjs").Words} Words */

/** Every function and number that a template may use as `kit.name`. */
const PARTS = Object.entries({ ...wording, ...sight, ...sentence });

/**
 * The text of a ui-template. In its script `KIT` becomes the functions that it uses and `WORDS` the texts that it shows.
 * @param {string} name file name without .vue
 * @param {Words} words
 */
export function readTemplate(name, words) {
  const source = readFileSync(new URL(`${name}.vue`, import.meta.url), "utf8");
  const kit = collectKit(source);
  const sections = collectWords(source + kit, words);
  return source.replace("KIT", () => kit).replace("WORDS", () => `Object.freeze(${JSON.stringify(sections)})`);
}

/**
 * The functions that a text calls, and those that they call.
 * @param {string} source
 */
function collectKit(source) {
  const used = new Set(PARTS.map(([name]) => name).filter((name) => source.includes(`kit.${name}`)));
  for (const name of used) {
    const text = String(PARTS.find(([part]) => part === name)?.[1]);
    for (const [other] of PARTS) if (new RegExp(`\\b${other}\\b`).test(text)) used.add(other);
  }
  const parts = PARTS.filter(([name]) => used.has(name));
  const texts = parts.map(([name, part]) =>
    typeof part === "function" ? String(part) : `const ${name} = ${JSON.stringify(part)};`,
  );
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
