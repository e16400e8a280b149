/**
 * Writes the example flows from their sources in scripts/examples. With --check it writes nothing and says which files are
 * not up to date.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { shellyEmPower } from "./examples/01-shelly-em-power.mjs";
import { quasarChargeAndDischarge } from "./examples/02-quasar.mjs";
import { loadFollowing } from "./examples/03-load-following.mjs";
import { openEvseSessionLog } from "./examples/04-openevse-session-log.mjs";
import { h2vMonthlyLog } from "./examples/05-h2v-monthly-log.mjs";
import { homeEnergy } from "./examples/20-home-energy.mjs";
import { chargingSessions } from "./examples/21-charging-sessions.mjs";
import { h2vPage } from "./examples/22-h2v.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, "..", "examples");

/**
 * Every example: its path under examples/ and its text.
 * @returns {{ file: string, text: string }[]}
 */
export function drawExamples() {
  const words = JSON.parse(readFileSync(join(here, "examples", "locales", "en-US.json"), "utf8"));
  const examples = [
    shellyEmPower(),
    quasarChargeAndDischarge(),
    loadFollowing(),
    openEvseSessionLog(),
    h2vMonthlyLog(),
    homeEnergy(words),
    chargingSessions(words),
    h2vPage(words),
  ];
  return examples.map(({ file, nodes }) => ({ file, text: `${JSON.stringify(nodes, null, 2)}\n` }));
}

/** The examples whose file is missing or differs. */
export function findStaleExamples() {
  return drawExamples().filter(({ file, text }) => {
    const path = join(folder, file);
    return !existsSync(path) || readFileSync(path, "utf8") !== text;
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stale = findStaleExamples();
  if (process.argv.includes("--check")) {
    for (const { file } of stale)
      console.error(`examples/${file} is not up to date: run "node scripts/build-examples.mjs".`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const { file, text } of stale) {
      const path = join(folder, file);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
      console.log(`examples/${file}`);
    }
  }
}
