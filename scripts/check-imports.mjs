/**
 * Keeps the house's walls: who may import whom (docs/architecture.md). Also that product code imports only what
 * package.json depends on, and that nothing heavy is loaded before somebody uses the node.
 */
import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, posix, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { projectDirectory } from "./ensure.mjs";
import { WINGS } from "./node-folders.mjs";
import { CannotGoOn, runCommand } from "./sentence.mjs";

/** @typedef {{ specifier: string, isType: boolean, isLazy: boolean, line: number }} Import */

/** Rooms of product code; tests, benches and scripts may import anything. */
const ROOMS = ["lib", "nodes", "simulators"];
/** Loaded with `await import()` when a node starts, so that an unused palette costs nothing. */
const HEAVY = [
  "zod",
  "ws",
  "bonjour-service",
  "mqtt",
  "aedes",
  "kysely",
  "luxon",
  "mysql2",
  "pg",
  "write-excel-file",
  "cheerio",
  "iconv-lite",
];
const IMPORTS =
  /\b(import|export)\s+(type\s+)?(?:[\w$*\s{},]+?\sfrom\s*)?["']([^"']+)["']|\b(import|require)\(\s*["'`]([^"'`]+)["'`]/g;

/**
 * The imports of one file. Comments are blanked first, so that an example in a comment is none.
 * @param {string} source
 * @returns {Import[]}
 */
export function findImports(source) {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, " "));
  return [...code.matchAll(IMPORTS)].map((match) => ({
    specifier: match[3] ?? match[5] ?? "",
    isType: match[2] !== undefined,
    isLazy: match[4] === "import",
    line: code.slice(0, match.index).split("\n").length,
  }));
}

/**
 * The folders (or single files) of ours that a file may import from.
 * @param {string} file path from the project's top, with forward slashes
 * @returns {string[]}
 */
function allowedRooms(file) {
  const [room = "", wing = "", type = ""] = file.split("/");
  if (room === "lib") {
    if (wing === "model") return ["lib/model"];
    if (wing === "io") return ["lib/io", "lib/model"];
    return [`lib/${wing}`, "lib/io", "lib/model"];
  }
  if (room === "simulators") return ["simulators", "lib/model"];
  if (wing === "shared") return ["nodes/shared", "lib/io", "lib/model"];
  const own = ["lib", "nodes/shared", `nodes/${wing}`];
  return type === "ev-virtual-home" ? [...own, "simulators"] : own;
}

/**
 * What is wrong with the imports of one file.
 * @param {string} file path from the project's top, with forward slashes
 * @param {string} source
 * @param {readonly string[]} dependencies names in package.json
 * @returns {string[]} one line per finding
 */
export function checkFile(file, source, dependencies) {
  return findImports(source).flatMap(({ specifier, isType, line }) => {
    const finding = specifier.startsWith(".")
      ? checkOwn(file, specifier)
      : checkForeign(file, specifier, isType, dependencies);
    return finding ? [`${file}:${line} ${finding}`] : [];
  });
}

/**
 * @param {string} file
 * @param {string} specifier
 */
function checkOwn(file, specifier) {
  const target = posix.join(posix.dirname(file), specifier);
  const rooms = allowedRooms(file);
  if (rooms.some((room) => target.startsWith(`${room}/`))) return null;
  return `must not import ${target}; only ${rooms.join(", ")}`;
}

/**
 * @param {string} file
 * @param {string} specifier
 * @param {boolean} isType
 * @param {readonly string[]} dependencies
 */
function checkForeign(file, specifier, isType, dependencies) {
  const name = packageName(specifier);
  if (/^(@node-red\/|node-red($|-)|@types\/node-red)/.test(specifier)) {
    return file.startsWith("nodes/") && isType ? null : "must not import Node-RED; a node gets it as an argument";
  }
  if (isBuiltin(specifier)) return specifier.startsWith("node:") ? null : `must write node:${specifier}`;
  if (isType) return null;
  if (!dependencies.includes(name)) return `imports ${name}, which is not among the dependencies in package.json`;
  return null;
}

/** @param {string} specifier */
function packageName(specifier) {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/**
 * Whether loading a node's file would load a heavy library at once, through whatever chain of files.
 * @param {string} entry path of the node's file from the project's top
 * @param {ReadonlyMap<string, string>} sources all product files
 * @returns {string[]} one line per chain
 */
export function findHeavyChains(entry, sources) {
  /** @type {string[]} */
  const findings = [];
  const seen = new Set([entry]);
  const waiting = [[entry]];
  for (let chain = waiting.shift(); chain; chain = waiting.shift()) {
    const file = chain.at(-1) ?? entry;
    for (const { specifier, isType, isLazy } of findImports(sources.get(file) ?? "")) {
      if (isType || isLazy) continue;
      if (HEAVY.includes(packageName(specifier)))
        findings.push(`${[...chain, specifier].join(" -> ")} must be lazy somewhere`);
      const target = posix.join(posix.dirname(file), specifier);
      if (!specifier.startsWith(".") || seen.has(target)) continue;
      seen.add(target);
      waiting.push([...chain, target]);
    }
  }
  return findings;
}

/** @returns {Map<string, string>} path from the project's top -> source */
function readSources() {
  const files = ROOMS.flatMap((room) =>
    readdirSync(join(projectDirectory, room), { recursive: true, encoding: "utf8" }).map((name) => join(room, name)),
  ).filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts") && !name.endsWith(".editor.ts"));
  return new Map(files.map((file) => [file.split(sep).join("/"), readFileSync(join(projectDirectory, file), "utf8")]));
}

async function checkImports() {
  /** @type {{ dependencies: Record<string, string>, optionalDependencies: Record<string, string> }} */
  const manifest = JSON.parse(readFileSync(join(projectDirectory, "package.json"), "utf8"));
  const dependencies = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  const sources = readSources();
  const findings = [...sources].flatMap(([file, source]) => checkFile(file, source, dependencies));
  const isNodeFile = new RegExp(`^nodes/(${WINGS.join("|")})/([^/]+)/\\2\\.ts$`);
  for (const file of sources.keys()) if (isNodeFile.test(file)) findings.push(...findHeavyChains(file, sources));
  if (findings.length > 0)
    throw new CannotGoOn(`${findings.join("\n")}\n\n${findings.length} imports go the wrong way.`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runCommand(checkImports);
