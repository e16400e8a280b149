/** Joins the editor half of a node: script, look, form and help into the one HTML file that Node-RED reads. Pure. */
import { CannotGoOn } from "./sentence.mjs";

/**
 * @param {{ type: string, script: string, style: string, form: string, help: string }} parts
 * script: the compiled editor script; style: CSS that all forms share; form: HTML, what stands in the dialog, perhaps after
 * a style element of its own; help: markdown
 * @returns {string}
 * @throws {CannotGoOn} when a part would break the page or hide the node from the Flow Library
 */
export function joinEditorPage({ type, script, style, form, help }) {
  if (!new RegExp(`\\.registerType\\(\\s*["']${type}["']`).test(script)) {
    throw new CannotGoOn(`${type}.editor.ts must call RED.nodes.registerType("${type}", ...) with a literal name.`);
  }
  const parts = { [`${type}.editor.ts`]: script, [`${type}.html`]: form, [`${type}.help.md`]: help };
  for (const [part, text] of Object.entries(parts)) {
    if (/<\/script/i.test(text)) throw new CannotGoOn(`${part} must not contain a closing script tag.`);
  }
  const [ownStyle = ""] = /^\s*<style>[^]*?<\/style>/.exec(form) ?? [];
  return [
    // In a function of its own: two nodes may use the same name for a constant.
    `<script type="text/javascript">\n(function () {\n${stripModuleMarks(script).trim()}\n})();\n</script>`,
    `<style>\n${style.trim()}\n</style>`,
    ...(ownStyle === "" ? [] : [ownStyle.trim()]),
    `<script type="text/html" data-template-name="${type}">\n${form.slice(ownStyle.length).trim()}\n</script>`,
    `<script type="text/markdown" data-help-name="${type}">\n${help.trim()}\n</script>`,
    "",
  ].join("\n\n");
}

/**
 * The page of another language's help, which Node-RED takes in place of the first one.
 * @param {string} type
 * @param {string} help markdown
 */
export function joinHelpPage(type, help) {
  if (/<\/script/i.test(help)) throw new CannotGoOn(`the help of ${type} must not contain a closing script tag.`);
  return `<script type="text/markdown" data-help-name="${type}">\n${help.trim()}\n</script>\n`;
}

/** Whether the fields of its form have the ids of a config node. @param {string} script the compiled editor script */
export function isConfigNode(script) {
  return /^\s*category: "config",$/m.test(script);
}

/** What the compiler adds for modules has no meaning in a page. @param {string} script */
function stripModuleMarks(script) {
  return script.replace(/^\s*(export \{\};|"use strict";)\s*$/gm, "");
}

/**
 * A node's texts with the texts that all nodes share under the key "shared".
 * @param {string} where named in the error
 * @param {Record<string, unknown>} own
 * @param {Record<string, unknown>} shared
 * @returns {Record<string, unknown>}
 */
export function mergeTexts(where, own, shared) {
  if ("shared" in own) throw new CannotGoOn(`${where}: the key "shared" belongs to nodes/shared/locales.`);
  return { ...own, shared };
}
