/**
 * `npm test`: installs what is missing and runs every test that needs neither a browser nor a packed tarball. Folders of
 * test/ (`npm test -- package browser`) or files among the arguments are run in place of those; the rest goes to mocha.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory, runWhenReady } from "./ensure.mjs";
import { CannotGoOn, runCommand } from "./sentence.mjs";

/** Services (brokers, databases) skip themselves when they are absent, and say so. */
const TIERS = ["lib", "simulators", "nodes", "faults", "scripts", "services"];

/** @param {string} tier */
function listTests(tier) {
  const folder = join(projectDirectory, "test", tier);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".test.ts"));
  return names.toSorted().map((name) => join(folder, name));
}

async function test() {
  const given = process.argv.slice(2);
  const tiers = given.filter(
    (argument) => /^[\w-]+$/.test(argument) && existsSync(join(projectDirectory, "test", argument)),
  );
  const rest = given.filter((argument) => !tiers.includes(argument));
  const isFileGiven = rest.some((argument) => existsSync(argument));
  const files = (isFileGiven || tiers.length > 0 ? tiers : TIERS).flatMap(listTests);
  if (!isFileGiven && files.length === 0) throw new CannotGoOn("There are no such tests.");
  const mocha = join(projectDirectory, "node_modules", "mocha", "bin", "mocha.js");
  const child = spawn(process.execPath, [mocha, ...rest, ...files], { cwd: projectDirectory, stdio: "inherit" });
  return new Promise((/** @type {(code: number) => void} */ resolve) => {
    for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => child.kill(signal));
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

await runCommand(() => runWhenReady(test));
