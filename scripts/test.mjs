/**
 * `npm test`: installs what is missing and runs every test that needs neither a browser nor a packed tarball. Folders of
 * test/ (`npm test -- package browser`) or files among the arguments are run in place of those; the rest goes to mocha.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory, runWhenReady } from "./ensure.mjs";
import { CannotGoOn, runCommand } from "./sentence.mjs";

/**
 * What runs side by side when nothing is named: most tests wait for something. Services (brokers, databases) skip themselves
 * when they are absent, and say so.
 */
const TIERS = [
  ["lib", "simulators", "scripts", "faults"],
  ["nodes", "services"],
];

/** @param {string} tier */
function listTests(tier) {
  const folder = join(projectDirectory, "test", tier);
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".test.ts"));
  return names.toSorted().map((name) => join(folder, name));
}

/** Runs every lot in a mocha of its own. The first is shown as it goes, the others as a whole when it has ended. */
async function test() {
  const given = process.argv.slice(2);
  const tiers = given.filter(
    (argument) => /^[\w-]+$/.test(argument) && existsSync(join(projectDirectory, "test", argument)),
  );
  const rest = given.filter((argument) => !tiers.includes(argument));
  const isFileGiven = rest.some((argument) => existsSync(argument));
  const named = tiers.flatMap(listTests);
  if (isFileGiven) return runMocha([...rest, ...named], "inherit").ended;
  const lots = (tiers.length > 0 ? [named] : TIERS.map((lot) => lot.flatMap(listTests))).filter(
    (files) => files.length > 0,
  );
  if (lots.length === 0) throw new CannotGoOn("There are no such tests.");
  const runs = lots.map((files, index) => runMocha([...rest, ...files], index === 0 ? "inherit" : "pipe"));
  const codes = [];
  for (const { ended, said } of runs) {
    codes.push(await ended);
    process.stdout.write(said());
  }
  return Math.max(...codes);
}

/**
 * @param {readonly string[]} args
 * @param {"inherit" | "pipe"} output
 * @returns {{ ended: Promise<number>, said: () => string }}
 */
function runMocha(args, output) {
  const mocha = join(projectDirectory, "node_modules", "mocha", "bin", "mocha.js");
  const colors = output === "pipe" && process.stdout.isTTY ? ["--colors"] : [];
  const child = spawn(process.execPath, [mocha, ...colors, ...args], {
    cwd: projectDirectory,
    stdio: ["inherit", output, output],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (said += chunk));
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => child.kill(signal));
  const ended = new Promise((/** @type {(code: number) => void} */ resolve) => {
    child.on("exit", (code) => resolve(code ?? 1));
  });
  return { ended, said: () => said };
}

await runCommand(() => runWhenReady(test));
