/**
 * Makes dist/, which Node-RED loads: the CommonJS tree under dist/js, and flat under dist/nodes what the palette needs
 * (one line of JavaScript, the joined HTML, texts and icons). Does nothing when nothing changed.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { buildForm } from "./editor-form.mjs";
import { isConfigNode, joinEditorPage, joinHelpPage, mergeTexts } from "./editor-page.mjs";
import { projectDirectory, runWhenReady } from "./ensure.mjs";
import { findNodeFolders } from "./node-folders.mjs";
import { CannotGoOn, runCommand } from "./sentence.mjs";

/** @typedef {import("./node-folders.mjs").NodeFolder} NodeFolder */

const dist = join(projectDirectory, "dist");
const cache = join(projectDirectory, "node_modules", ".cache", "ev-build");
const stampFile = join(cache, "stamp");
const INPUTS = ["lib", "nodes", "simulators", "icons", "scripts", "package.json", "package-lock.json"];

/** Builds dist/ unless it is up to date. @returns {Promise<boolean>} whether it had to */
export async function buildWhenStale() {
  const stamp = stampOfInputs();
  if (existsSync(join(dist, "package.json")) && existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) {
    return false;
  }
  await build();
  writeFileSync(stampFile, stamp);
  return true;
}

async function build() {
  const folders = findNodeFolders(projectDirectory);
  const staging = join(cache, String(process.pid));
  const editorScripts = join(staging, "editor");
  const next = join(staging, "dist");
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(join(next, "nodes"), { recursive: true });
  try {
    await Promise.all([
      compile("tsconfig.build.json", join(next, "js")),
      compile("tsconfig.editor.json", editorScripts),
    ]);
    copyCommonJs(join(next, "js"));
    for (const folder of folders) placeNode(folder, editorScripts, join(next, "nodes"));
    const icons = join(projectDirectory, "icons");
    if (existsSync(icons)) cpSync(icons, join(next, "nodes", "icons"), { recursive: true });
    writeFileSync(join(next, "package.json"), '{ "type": "commonjs" }\n');
    rmSync(dist, { recursive: true, force: true });
    renameSync(next, dist);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * @param {string} config
 * @param {string} outDirectory
 * @returns {Promise<void>}
 */
function compile(config, outDirectory) {
  return new Promise((resolve, reject) => {
    const tsc = join(projectDirectory, "node_modules", "typescript", "bin", "tsc");
    const args = [tsc, "-p", config, "--outDir", outDirectory, "--pretty", "false"];
    const compiler = spawn(process.execPath, args, { cwd: projectDirectory, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    compiler.stdout.on("data", (chunk) => (output += chunk));
    compiler.on("error", reject);
    compiler.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new CannotGoOn(`${output.trimEnd()}\n\nThe build stopped: ${config} does not compile.`));
    });
  });
}

/**
 * The few scripts that are CommonJS already, which the compiler leaves where they are.
 * @param {string} outDirectory
 */
function copyCommonJs(outDirectory) {
  const lib = join(projectDirectory, "lib");
  for (const name of readdirSync(lib, { recursive: true, encoding: "utf8" })) {
    if (name.endsWith(".cjs")) cpSync(join(lib, name), join(outDirectory, "lib", name));
  }
}

/**
 * Puts one node type flat into dist/nodes.
 * @param {NodeFolder} folder
 * @param {string} editorScripts where the compiled editor scripts are
 * @param {string} target dist/nodes
 */
function placeNode({ wing, type, directory }, editorScripts, target) {
  // Node-RED 4 loads with require and 5 with import; a function as module.exports suits both.
  const loader = `module.exports = require("../js/nodes/${wing}/${type}/${type}.js").default;\n`;
  writeFileSync(join(target, `${type}.js`), loader);
  const script = readFileSync(join(editorScripts, wing, type, `${type}.editor.js`), "utf8");
  const form = buildForm({
    type,
    isConfig: isConfigNode(script),
    source: readPart(directory, `${type}.html`),
    texts: readJson(join(directory, "locales", "en-US", `${type}.json`))[type],
  });
  const style = readFileSync(new URL("editor-form.css", import.meta.url), "utf8");
  const page = joinEditorPage({ type, script, style, form, help: readPart(directory, `${type}.help.md`) });
  writeFileSync(join(target, `${type}.html`), page);
  for (const language of readdirSync(join(directory, "locales"))) placeTexts(directory, type, language, target);
}

/**
 * @param {string} directory the node's folder
 * @param {string} type
 * @param {string} language such as en-US
 * @param {string} target dist/nodes
 */
function placeTexts(directory, type, language, target) {
  const from = join(directory, "locales", language);
  const to = join(target, "locales", language);
  mkdirSync(to, { recursive: true });
  const own = readJson(join(from, `${type}.json`));
  const sharedFile = join(projectDirectory, "nodes", "shared", "locales", `${language}.json`);
  const texts = existsSync(sharedFile) ? mergeTexts(`${type} ${language}`, own, readJson(sharedFile)) : own;
  writeFileSync(join(to, `${type}.json`), `${JSON.stringify(texts)}\n`);
  const help = join(from, `${type}.help.md`);
  if (existsSync(help)) writeFileSync(join(to, `${type}.html`), joinHelpPage(type, readFileSync(help, "utf8")));
}

/**
 * @param {string} directory
 * @param {string} file
 */
function readPart(directory, file) {
  const path = join(directory, file);
  if (!existsSync(path)) throw new CannotGoOn(`${relative(projectDirectory, path)} is missing.`);
  return readFileSync(path, "utf8");
}

/**
 * @param {string} path
 * @returns {Record<string, unknown>}
 */
function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new CannotGoOn(
      `${relative(projectDirectory, path)} is no JSON: ${error instanceof Error ? error.message : ""}`,
    );
  }
}

/** Name, size and time of every input; changes when one is edited, added or removed. */
function stampOfInputs() {
  const hash = createHash("sha256").update(process.version);
  const configs = readdirSync(projectDirectory).filter((name) => /^tsconfig.*\.json$/.test(name));
  for (const input of [...INPUTS, ...configs]) addToStamp(hash, join(projectDirectory, input));
  return hash.digest("hex");
}

/**
 * @param {import("node:crypto").Hash} hash
 * @param {string} path
 */
function addToStamp(hash, path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) for (const name of readdirSync(path).toSorted()) addToStamp(hash, join(path, name));
  else hash.update(`${path} ${stat?.size} ${stat?.mtimeMs}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runCommand(() =>
    runWhenReady(async () => {
      await buildWhenStale();
    }),
  );
}
