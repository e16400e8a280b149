/**
 * Writes out the short elements of an editor form: `<ev-number name="pollS" icon="clock-o" min="1" max="60" step="1"
 * unit="seconds">` becomes the row with label, field and unit that Node-RED wants. Everything else of a form is HTML and stays
 * as it is. How the rows look stands in editor-form.css. Pure.
 *
 * The rows find their texts by the setting's name, in the node's own locale file: `label.pollS`, with `tip` also `tip.pollS`;
 * `unit`, `placeholder`, `title`, `text` and `values` name keys of `unit`, `placeholder`, `section`, `tip` and of the section
 * that `texts` names. An `example` is shown as it is.
 */
import { CannotGoOn } from "./sentence.mjs";

/**
 * @typedef {object} Row an element as it stands in the form
 * @property {Readonly<Record<string, string>>} given its attributes; those without a value are ""
 * @property {(name: string) => string} idOf the id that Node-RED gives the field of a setting
 * @property {(...path: string[]) => string} key of a text of this node; stops the build when there is none
 */
/** @typedef {{ must: readonly string[], may: readonly string[], write: (row: Row) => string }} FormElement */

/** These say something by being there; all others have a value. */
const FLAGS = ["tip", "short", "open", "wide"];

/** @type {Readonly<Record<string, FormElement>>} */
const ELEMENTS = {
  "ev-text": {
    must: ["name", "icon"],
    may: ["placeholder", "example", "maxlength", "autocomplete", "short", "tip", "class"],
    write: (row) =>
      labelledRow(row, `<input type="text"${fieldAttributes(row, row.given.short === "" ? "short" : "")}>`),
  },
  "ev-password": {
    must: ["name", "icon"],
    may: ["tip", "class"],
    write: (row) => labelledRow(row, `<input type="password" autocomplete="new-password"${fieldAttributes(row)}>`),
  },
  "ev-number": {
    must: ["name", "icon", "min", "max", "step"],
    may: ["unit", "placeholder", "tip", "class"],
    write: (row) => labelledRow(row, `<input type="number"${fieldAttributes(row, "number")}>${unitOf(row)}`),
  },
  "ev-choice": {
    must: ["name", "icon", "values"],
    may: ["texts", "empty", "short", "tip", "class"],
    write: (row) =>
      labelledRow(
        row,
        `<select${fieldAttributes(row, row.given.short === "" ? "short" : "")}>\n${options(row)}\n</select>`,
      ),
  },
  /** The options alone, for a select that is written out. */
  "ev-options": { must: ["texts", "values"], may: ["empty"], write: options },
  "ev-tick": {
    must: ["name"],
    may: ["tip", "class"],
    write(row) {
      const { name = "" } = row.given;
      const box = `<input type="checkbox" id="${row.idOf(name)}"> <span data-i18n="${row.key("label", name)}"></span>`;
      return formRow(row, `<label for="${row.idOf(name)}" class="ev-form-tick"${translated(row)}>${box}</label>`);
    },
  },
  /** With `open` it is unfolded at first; with `wide` its labels have room for a few words. */
  "ev-section": {
    must: ["title"],
    may: ["open", "wide", "class"],
    write({ given, key }) {
      const classes = ["ev-form-section", given.wide === "" ? "ev-form-wide" : "", given.class ?? ""];
      const open = given.open === "" ? " open" : "";
      const summary = `<summary data-i18n="${key("section", given.title ?? "")}"></summary>`;
      return `<details class="${classes.filter(Boolean).join(" ")}"${open}>\n${summary}`;
    },
  },
  /** Without `text` it is the node's only one. */
  "ev-tip": {
    must: [],
    may: ["text"],
    write: ({ given, key }) =>
      `<div class="form-tips" data-i18n="${given.text === undefined ? key("tip") : key("tip", given.text)}"></div>`,
  },
};

/**
 * @param {{ type: string, isConfig: boolean, source: string, texts: unknown }} form
 * source: the .html file of the node; texts: what its locale file says under the node's name
 * @returns {string} HTML
 * @throws {CannotGoOn} when an element is not ours, lacks something, has something unknown or a text that is not there
 */
export function buildForm({ type, isConfig, source, texts }) {
  const names = new Set();
  /** @type {number[]} lines of the sections that are not closed yet */
  const open = [];
  const lineAt = (/** @type {number} */ index) => source.slice(0, index).split("\n").length;
  const stop = (/** @type {number} */ line, /** @type {string} */ sentence) =>
    new CannotGoOn(`${type}.html, line ${line}: ${sentence}`);

  const html = source.replace(
    /<(\/?)(ev-[\w-]*)([^<>]*)>/gi,
    (tag, slash, element, rest, /** @type {number} */ index) => {
      const line = lineAt(index);
      if (slash === "/") {
        if (element !== "ev-section") throw stop(line, `${tag} is too much: only <ev-section> has an end.`);
        if (open.pop() === undefined) throw stop(line, `${tag} closes no section.`);
        return "</details>";
      }
      const kind = ELEMENTS[element];
      if (kind === undefined) throw stop(line, `there is no <${element}>.`);
      const given = readAttributes(rest);
      const problem = given === null ? `the attributes of ${tag} cannot be read.` : findProblem(element, kind, given);
      if (given === null || problem !== null) throw stop(line, problem ?? "");
      if (element === "ev-section") open.push(line);
      if (given.name !== undefined) {
        if (names.has(given.name)) throw stop(line, `the setting "${given.name}" is in the form twice.`);
        names.add(given.name);
      }
      return kind.write({
        given,
        idOf: (name) => `node-${isConfig ? "config-" : ""}input-${name}`,
        key(...path) {
          if (typeof textAt(texts, path) === "string") return [type, ...path].join(".");
          throw stop(line, `<${element}> needs the text "${[type, ...path].join(".")}", which the locale file lacks.`);
        },
      });
    },
  );
  const [unclosed] = open;
  if (unclosed !== undefined) throw stop(unclosed, "<ev-section> is not closed.");
  const left = /<\/?ev-/i.exec(html);
  if (left !== null)
    throw new CannotGoOn(`${type}.html: the tag at "${html.slice(left.index).split("\n")[0]}" has no end.`);
  return html;
}

/**
 * @param {string} text what stands in a tag behind its name
 * @returns {Record<string, string> | null} null when that is not a list of attributes
 */
function readAttributes(text) {
  if (!/^(\s+[\w-]+(="[^"]*")?)*\s*$/.test(text)) return null;
  const found = [...text.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, name = "", content]) => ({ name, content }));
  const isTwice = new Set(found.map(({ name }) => name)).size < found.length;
  const isOdd = found.some(({ name, content }) => (content === undefined) !== FLAGS.includes(name) || content === "");
  return isTwice || isOdd ? null : Object.fromEntries(found.map(({ name, content = "" }) => [name, content]));
}

/**
 * @param {string} element
 * @param {FormElement} kind
 * @param {Readonly<Record<string, string>>} given
 */
function findProblem(element, { must, may }, given) {
  const missing = must.find((name) => given[name] === undefined);
  if (missing !== undefined) return `<${element}> lacks "${missing}".`;
  const unknown = Object.keys(given).find((name) => !must.includes(name) && !may.includes(name));
  if (unknown !== undefined) return `<${element}> knows no "${unknown}".`;
  return null;
}

/**
 * @param {unknown} texts
 * @param {readonly string[]} path
 * @returns {unknown}
 */
function textAt(texts, [first, ...rest]) {
  if (first === undefined) return texts;
  return typeof texts === "object" && texts !== null ? textAt(Reflect.get(texts, first), rest) : undefined;
}

/**
 * @param {Row} row
 * @param {string} content
 */
function formRow({ given }, content) {
  return `<div class="form-row${given.class === undefined ? "" : ` ${given.class}`}">\n${content}\n</div>`;
}

/**
 * @param {Row} row
 * @param {string} field
 */
function labelledRow(row, field) {
  const { name = "", icon } = row.given;
  const text = `<i class="fa fa-${icon}"></i> <span data-i18n="${row.key("label", name)}"></span>`;
  return formRow(row, `<label for="${row.idOf(name)}">${text}</label>\n${field}`);
}

/**
 * @param {Row} row
 * @param {"" | "number" | "short"} width as in editor-form.css
 */
function fieldAttributes(row, width = "") {
  const { given } = row;
  const own = ["min", "max", "step", "maxlength", "autocomplete"]
    .filter((name) => given[name] !== undefined)
    .map((name) => ` ${name}="${given[name]}"`);
  const example = given.example === undefined ? "" : ` placeholder="${given.example}"`;
  const look = width === "" ? "" : ` class="ev-form-${width}"`;
  return `${own.join("")}${example} id="${row.idOf(given.name ?? "")}"${look}${translated(row)}`;
}

/** What Node-RED puts into attributes, in the reader's language. @param {Row} row */
function translated({ given, key }) {
  const parts = [
    given.placeholder === undefined ? "" : `[placeholder]${key("placeholder", given.placeholder)}`,
    given.tip === undefined ? "" : `[title]${key("tip", given.name ?? "")}`,
  ].filter(Boolean);
  return parts.length === 0 ? "" : ` data-i18n="${parts.join(";")}"`;
}

/** @param {Row} row */
function unitOf({ given, key }) {
  return given.unit === undefined ? "" : `\n<span data-i18n="${key("unit", given.unit)}"></span>`;
}

/**
 * The text of each value stands under its name, a dot written as a hyphen; `empty` names the text for no value at all.
 * @param {Row} row
 */
function options({ given, key }) {
  const { texts = given.name ?? "", values = "", empty } = given;
  const all = values.split(/\s+/).map((value) => ({ value, text: value.replaceAll(".", "-") }));
  if (empty !== undefined) all.unshift({ value: "", text: empty });
  return all.map(({ value, text }) => `<option value="${value}" data-i18n="${key(texts, text)}"></option>`).join("\n");
}
