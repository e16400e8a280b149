/** Finds the node types: one folder each under nodes/<wing>/, the same names as in package.json. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CannotGoOn } from "./sentence.mjs";

/** @typedef {{ readonly wing: string, readonly type: string, readonly directory: string }} NodeFolder */

/** The three wings, as in lib/ and in the palette. */
export const WINGS = ["devices", "planning", "records"];

/**
 * Every folder of a node type, in the order of package.json.
 * @param {string} projectDirectory
 * @returns {NodeFolder[]}
 * @throws {CannotGoOn} when folders and package.json disagree
 */
export function findNodeFolders(projectDirectory) {
  const folders = WINGS.flatMap((wing) => listFolders(projectDirectory, wing));
  const listed = listedNodeTypes(projectDirectory);
  for (const { wing, type } of folders) {
    if (!listed.includes(type)) {
      throw new CannotGoOn(
        `nodes/${wing}/${type} is not in package.json: add "${type}": "dist/nodes/${type}.js" to node-red.nodes.`,
      );
    }
  }
  return listed.map((type) => {
    const found = folders.filter((folder) => folder.type === type);
    const [folder] = found;
    if (!folder || found.length > 1) {
      throw new CannotGoOn(
        `package.json lists the node "${type}", but ${found.length === 0 ? "no" : "more than one"} folder nodes/<wing>/${type} with ${type}.ts is there.`,
      );
    }
    return folder;
  });
}

/**
 * @param {string} projectDirectory
 * @param {string} wing
 * @returns {NodeFolder[]}
 */
function listFolders(projectDirectory, wing) {
  const wingDirectory = join(projectDirectory, "nodes", wing);
  if (!existsSync(wingDirectory)) return [];
  return readdirSync(wingDirectory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(wingDirectory, entry.name, `${entry.name}.ts`)))
    .map((entry) => ({ wing, type: entry.name, directory: join(wingDirectory, entry.name) }));
}

/**
 * The node types in the node-red section of package.json.
 * @param {string} projectDirectory
 * @returns {string[]}
 * @throws {CannotGoOn} when an entry does not point at the file that the build makes
 */
export function listedNodeTypes(projectDirectory) {
  /** @type {{ "node-red": { nodes: Record<string, string> } }} */
  const manifest = JSON.parse(readFileSync(join(projectDirectory, "package.json"), "utf8"));
  return Object.entries(manifest["node-red"].nodes).map(([type, file]) => {
    if (file !== `dist/nodes/${type}.js`) {
      throw new CannotGoOn(`package.json: the node "${type}" must point at dist/nodes/${type}.js, not at ${file}.`);
    }
    return type;
  });
}
