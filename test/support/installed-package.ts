import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { projectDirectory } from "../../scripts/ensure.mjs";
import { findFreePort, type NodeRedProcess, startNodeRed } from "../../scripts/node-red-process.mjs";
import { makeUserDirectory } from "../../scripts/user-directory.mjs";

/*
 * The package as users get it: packed, installed into an empty user directory, and loaded by a real Node-RED. What comes
 * from the registry is kept in a folder outside the project (EV_CACHE), so that it is fetched once.
 */

/** A Node-RED, and the Node that runs it. */
export interface Runtime {
  readonly version: string;
  readonly nodeRedDirectory: string;
  readonly nodePath: string;
}

const run = promisify(execFile);
const NPM_DEADLINE_MS = 300_000;
const NODE_RED_4 = "4.1.15";
const cacheDirectory = process.env.EV_CACHE ?? join(tmpdir(), "ev-flows-cache");

/** The name in package.json, under which Node-RED lists our node sets. */
export const manifest = JSON.parse(readFileSync(join(projectDirectory, "package.json"), "utf8")) as {
  readonly name: string;
  readonly "node-red": { readonly nodes: Readonly<Record<string, string>> };
};

/** Runs npm in a folder and returns what it printed. */
async function npm(directory: string, ...args: readonly string[]): Promise<string> {
  // npm asks the Node on the PATH for its version, which may be an older one than ours
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}` };
  const options = { cwd: directory, timeout: NPM_DEADLINE_MS, maxBuffer: 50_000_000, env };
  const { stdout } = await run("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], options);
  return stdout;
}

let packed: Promise<{ tarball: string; files: readonly string[] }> | undefined;

/** Builds and packs the project once per test run. */
export function packTarball(): Promise<{ tarball: string; files: readonly string[] }> {
  packed ??= pack();
  return packed;
}

async function pack(): Promise<{ tarball: string; files: readonly string[] }> {
  const target = mkdtempSync(join(tmpdir(), "ev-pack-"));
  process.once("exit", () => rmSync(target, { recursive: true, force: true }));
  const output = await npm(projectDirectory, "pack", "--json", "--pack-destination", target);
  // A script that npm runs before packing may print as well; the report is the last JSON in the output.
  const [report] = JSON.parse(output.slice(output.search(/^\[$/m))) as [
    { filename: string; files: readonly { path: string }[] },
  ];
  return { tarball: join(target, report.filename), files: report.files.map(({ path }) => path) };
}

/** Node-RED 5 and the Node that development uses. */
export function nodeRed5(): Runtime {
  const nodeRedDirectory = join(projectDirectory, "node_modules", "node-red");
  const { version } = JSON.parse(readFileSync(join(nodeRedDirectory, "package.json"), "utf8")) as { version: string };
  return { version, nodeRedDirectory, nodePath: process.execPath };
}

/** The oldest Node-RED that we promise to run on, with the oldest major version of Node. */
export async function nodeRed4(): Promise<Runtime> {
  const nodePackage = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const packages = join(await cacheFromRegistry(`node-red@${NODE_RED_4}`, `${nodePackage}@22`), "node_modules");
  return {
    version: NODE_RED_4,
    nodeRedDirectory: join(packages, "node-red"),
    nodePath: join(packages, nodePackage, "bin", process.platform === "win32" ? "node.exe" : "node"),
  };
}

/**
 * A folder with packages from the registry, fetched once.
 * @param specifiers such as `node-red@4.1.15`; none for an empty folder
 */
export async function cacheFromRegistry(...specifiers: readonly string[]): Promise<string> {
  const directory = join(cacheDirectory, specifiers.join("+").replace(/[^\w@.+-]/g, "_") || "empty");
  const isComplete = join(directory, "complete");
  if (existsSync(isComplete)) return directory;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), '{ "name": "user-directory", "private": true }\n');
  if (specifiers.length > 0) await npm(directory, "install", "--ignore-scripts", ...specifiers);
  writeFileSync(isComplete, "");
  return directory;
}

/** An empty user directory with the tarball installed the way the palette does it, gone after the test run. */
export async function installTarball(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), "ev-user-"));
  process.once("exit", () => rmSync(directory, { recursive: true, force: true }));
  makeUserDirectory(directory, { port: 0 });
  const { tarball } = await packTarball();
  await npm(directory, "install", "--ignore-scripts", "--omit=dev", "--engine-strict", tarball);
  return directory;
}

/** Starts a Node-RED with a flow and waits until it runs. */
export async function startRuntime(
  { nodeRedDirectory, nodePath }: Runtime,
  userDirectory: string,
  flow: readonly object[],
): Promise<NodeRedProcess> {
  const port = await findFreePort();
  makeUserDirectory(userDirectory, { port });
  writeFileSync(join(userDirectory, "flows.json"), JSON.stringify(flow));
  const nodeRed = startNodeRed({ userDirectory, port, nodeRedDirectory, nodePath });
  try {
    await nodeRed.untilStarted();
  } catch (error) {
    await nodeRed.stop();
    throw error;
  }
  return nodeRed;
}

/** The lines of Node-RED's log that report a failure. */
export function errorLines(nodeRed: NodeRedProcess): readonly string[] {
  return readFileSync(nodeRed.logFile, "utf8")
    .split("\n")
    .filter((line) => /\[error\]|Error:|Uncaught|DeprecationWarning/.test(line));
}
