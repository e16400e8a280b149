/**
 * `npm run bench`: runs every bench/*.bench.ts (or those whose name contains an argument), one after the other. Benches print
 * ratios measured side by side in one run; none of them passes or fails, only one that breaks does.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory, runWhenReady } from "./ensure.mjs";
import { CannotGoOn, runCommand } from "./sentence.mjs";

async function bench() {
  const wanted = process.argv.slice(2);
  const folder = join(projectDirectory, "bench");
  const names = readdirSync(folder)
    .filter((name) => /\.bench\.(ts|mjs)$/.test(name))
    .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
    .toSorted();
  if (names.length === 0) throw new CannotGoOn(`There is no bench/*.bench.ts with ${wanted.join(" or ")} in its name.`);
  /** @type {string[]} */
  const broken = [];
  for (const name of names) {
    console.log(`\n==== ${name}`);
    if ((await run(join(folder, name))) !== 0) broken.push(name);
  }
  if (broken.length > 0) throw new CannotGoOn(`\nThese benches broke: ${broken.join(", ")}`);
}

/**
 * @param {string} file
 * @returns {Promise<number>} its exit code
 */
function run(file) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--expose-gc", file], { cwd: projectDirectory, stdio: "inherit" });
    child.on("exit", (code) => resolve(code ?? 1));
  });
}

await runCommand(() => runWhenReady(bench));
