/**
 * Makes a fresh clone ready: installs what is missing and goes on under the Node that came with it. This file is first
 * run by whatever Node the machine has, so it uses only what Node 18 knows and nothing from node_modules.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { CannotGoOn } from "./sentence.mjs";

/** The top folder of the project. */
export const projectDirectory = fileURLToPath(new URL("..", import.meta.url));

/** The oldest Node that runs our TypeScript without a build; older ones hand over to the one in node_modules. */
const OLDEST_NODE = [22, 18];
const INSTALL_DEADLINE_MS = 20 * 60_000;
const NETWORK_CODES =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENETDOWN|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|EIDLETIMEOUT|ENOTCACHED)\b/;

/**
 * The Node that npm brings along as a dev dependency.
 * @param {string} directory the project
 */
export function bundledNodePath(directory) {
  return join(directory, "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
}

/** @param {string} directory the project */
function stampPath(directory) {
  return join(directory, "node_modules", ".ev-installed");
}

/** @param {string} directory the project */
function lockDigest(directory) {
  return createHash("sha256")
    .update(readFileSync(join(directory, "package-lock.json")))
    .digest("hex");
}

/**
 * Whether node_modules holds what package-lock.json asks for. An install that somebody made by hand counts when npm
 * finished it after the lock file was last written; an interrupted one leaves neither mark and does not.
 * @param {string} directory the project
 */
export function isInstalled(directory) {
  const digest = lockDigest(directory);
  if (existsSync(stampPath(directory))) return readFileSync(stampPath(directory), "utf8") === digest;
  const npmsOwnMark = join(directory, "node_modules", ".package-lock.json");
  if (!existsSync(npmsOwnMark)) return false;
  return statSync(npmsOwnMark).mtimeMs >= statSync(join(directory, "package-lock.json")).mtimeMs;
}

/**
 * Says in one sentence why npm failed. Known causes need no npm output; anything else brings it along.
 * @param {string} output what npm printed
 * @returns {string}
 */
export function explainInstallFailure(output) {
  const networkCode = NETWORK_CODES.exec(output)?.[1];
  if (networkCode) {
    return `The package registry cannot be reached (${networkCode}): connect this machine to the network, or tell npm about your proxy, and run the command again.`;
  }
  if (/\bENOSPC\b/.test(output)) return "The disk is full (ENOSPC): make room and run the command again.";
  if (/\b(EACCES|EPERM|EROFS)\b/.test(output)) {
    return "npm may not write here (EACCES): make the project folder yours and run the command again.";
  }
  const firstWords = output.trimEnd().split("\n").slice(0, 20).join("\n");
  return `${firstWords}\n\nnpm could not install what the project needs; its own words stand above.`;
}

/**
 * Runs npm without a word unless it fails. `npm install --no-save` installs the locked versions and writes nothing outside
 * node_modules. `npm ci` would begin by deleting what is there, and refuse when the lock file lacks an optional package of
 * another platform.
 * @param {string} directory the project
 * @returns {Promise<{ code: number, output: string }>}
 */
function runNpmInstall(directory) {
  const flags = ["install", "--no-save", "--no-audit", "--no-fund", "--include=dev", "--prefer-offline"];
  flags.push("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000", "--loglevel=error");
  const npmCli = process.env.npm_execpath;
  const [command, args] =
    npmCli && /^npm-cli\.c?js$/.test(basename(npmCli)) ? [process.execPath, [npmCli, ...flags]] : ["npm", flags];
  return new Promise((resolve) => {
    const npm = spawn(command, args, {
      cwd: directory,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: INSTALL_DEADLINE_MS,
      shell: process.platform === "win32" && command === "npm",
    });
    let output = "";
    const collect = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk.toString("utf8")).slice(-20_000);
    };
    npm.stdout.on("data", collect);
    npm.stderr.on("data", collect);
    npm.on("error", (error) => resolve({ code: 1, output: `npm could not be started: ${error.message}` }));
    npm.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/**
 * Installs what package-lock.json asks for, when it is not there yet.
 * @param {string} directory the project
 * @param {(directory: string) => Promise<{ code: number, output: string }>} install runs npm
 * @throws {CannotGoOn} when npm fails
 */
export async function ensureInstalled(directory, install = runNpmInstall) {
  if (isInstalled(directory)) return;
  console.error("Installing what is missing; the first time takes a minute or two ...");
  const { code, output } = await install(directory);
  if (code !== 0) throw new CannotGoOn(explainInstallFailure(output));
  writeFileSync(stampPath(directory), lockDigest(directory));
}

/**
 * Which Node runs the rest: "this" one when it is new enough, else the "bundled" one.
 * @param {string} version such as v20.20.2
 * @param {boolean} isBundledThere whether node_modules holds a Node of its own
 * @returns {"this" | "bundled"}
 * @throws {CannotGoOn} when this one is too old and there is no other
 */
export function chooseNode(version, isBundledThere) {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return "this";
  if (isBundledThere) return "bundled";
  throw new CannotGoOn(
    `Node ${version} is too old (${OLDEST_NODE.join(".")} is needed) and the newer one that npm should have installed is missing: allow npm to run install scripts (npm config set ignore-scripts false), delete node_modules and run the command again, or install Node 24.`,
  );
}

/**
 * Runs the same command line under another Node and hands signals on to it.
 * @param {string} nodePath
 * @returns {Promise<number>} its exit code
 */
function runAgainUnder(nodePath) {
  return new Promise((resolve, reject) => {
    const child = spawn(nodePath, process.argv.slice(1), {
      stdio: "inherit",
      env: { ...process.env, EV_RUN_AGAIN: "1" },
    });
    for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
      process.on(signal, () => child.kill(signal));
    }
    child.on("error", (error) => reject(new CannotGoOn(`${nodePath} cannot be started: ${error.message}`)));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

/** npm's shell hands no SIGTERM on: nobody must find us still running after npm, or the Node we went on from, is gone. */
function endWithParent() {
  if (process.env.npm_lifecycle_event === undefined && process.env.EV_RUN_AGAIN === undefined) return;
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, "SIGTERM");
  }, 500).unref();
}

/**
 * Makes the project ready and then runs `run` under a Node that is new enough.
 * @param {() => Promise<number | void>} run resolves with the exit code
 * @returns {Promise<number | void>}
 */
export async function runWhenReady(run) {
  endWithParent();
  await ensureInstalled(projectDirectory);
  const bundledNode = bundledNodePath(projectDirectory);
  if (chooseNode(process.version, existsSync(bundledNode)) === "this") return run();
  return runAgainUnder(bundledNode);
}
