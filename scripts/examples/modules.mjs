/* Says which packages a flow needs, so that Node-RED offers to install what is missing. */
import { readFileSync } from "node:fs";

/**
 * @param {string} id
 * @param {readonly string[]} names
 * @returns {import("./draw.mjs").FlowNode[]}
 */
export function namesModules(id, names) {
  const modules = Object.fromEntries(names.map((name) => [name, versionOf(name)]));
  return [{ id, type: "global-config", env: [], modules }];
}

const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

/** @param {string} name */
function versionOf(name) {
  if (name === manifest.name) return manifest.version;
  return String(manifest.devDependencies[name]).replace(/^\^/, "");
}
