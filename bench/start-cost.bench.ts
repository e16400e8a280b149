/*
 * What our nodes cost a Node-RED that does not use them: start time and memory with an empty flow, beside Node-RED alone and
 * beside two peers. All four are started in turn, round after round, so that a busy machine disturbs all alike.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { cacheFromRegistry, installTarball, manifest, nodeRed5 } from "../test/support/installed-package.ts";
import { findFreePort } from "../scripts/node-red-process.mjs";
import { makeUserDirectory } from "../scripts/user-directory.mjs";

interface Cost {
  readonly startMs: number;
  readonly cpuMs: number;
  readonly residentMb: number;
  readonly heapMb: number;
}

const ROUNDS = Number(process.env.EV_BENCH_ROUNDS ?? 9);
const BUDGET = { startMs: 60, residentMb: 6 };
const ALONE = "Node-RED alone";
const OURS = `ours (${Object.keys(manifest["node-red"].nodes).length} types)`;

/** Reports from inside Node-RED at the instant its flows have started, and the memory after a collection. */
const PROBE = `"use strict";
const settings = require("./settings.cjs");
const report = () => {
  const startMs = performance.now();
  const { user, system } = process.cpuUsage();
  setTimeout(() => {
    globalThis.gc();
    const { rss, heapUsed } = process.memoryUsage();
    process.send({ startMs, cpuMs: (user + system) / 1000, residentMb: rss / 1e6, heapMb: heapUsed / 1e6 });
  }, 300);
};
const handler = () => (entry) => { if (entry.msg === "Started flows") report(); };
settings.logging = { probe: { level: "info", metrics: false, audit: false, handler } };
module.exports = settings;
`;

async function measure(nodeRedDirectory: string, userDirectory: string): Promise<Cost> {
  makeUserDirectory(userDirectory, { port: await findFreePort() });
  writeFileSync(join(userDirectory, "flows.json"), "[]");
  const probe = join(userDirectory, "probe.cjs");
  writeFileSync(probe, PROBE);
  const args = ["--expose-gc", join(nodeRedDirectory, "red.js"), "-u", userDirectory, "-s", probe];
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    env: { ...process.env, LC_ALL: "C" },
    timeout: 60_000,
  });
  const exit = once(child, "exit");
  const [cost] = (await Promise.race([
    once(child, "message"),
    exit.then(() => Promise.reject(new Error(`Node-RED ended before its flows started (${userDirectory})`))),
  ])) as [Cost];
  child.kill("SIGTERM");
  await exit;
  return cost;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

// A Node-RED of its own: the one in our node_modules would find the dashboard beside it.
const { version } = nodeRed5();
const nodeRedDirectory = join(await cacheFromRegistry(`node-red@${version}`), "node_modules", "node-red");
const candidates = new Map([
  [ALONE, await cacheFromRegistry()],
  [OURS, await installTarball()],
  ["node-red-contrib-shelly", await cacheFromRegistry("node-red-contrib-shelly")],
  ["node-red-contrib-ocpp", await cacheFromRegistry("node-red-contrib-ocpp")],
]);

for (const userDirectory of candidates.values()) await measure(nodeRedDirectory, userDirectory); // warms disk caches
const costs = new Map<string, Cost[]>([...candidates.keys()].map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  const turn = round % candidates.size;
  const order = [...candidates].slice(turn).concat([...candidates].slice(0, turn));
  for (const [name, userDirectory] of order) costs.get(name)?.push(await measure(nodeRedDirectory, userDirectory));
}

const medianOf = (name: string, property: keyof Cost): number =>
  median((costs.get(name) ?? []).map((cost) => cost[property]));
/** Against Node-RED alone in the same round, so that a slow minute of the machine counts for neither. */
const above = (name: string, property: keyof Cost): number =>
  median((costs.get(name) ?? []).map((cost, round) => cost[property] - (costs.get(ALONE)?.[round]?.[property] ?? 0)));
/** The fastest start of each: what the work takes when nothing else disturbs. */
const aboveAtBest = (name: string): number => {
  const [best, bestAlone] = [name, ALONE].map((each) =>
    Math.min(...(costs.get(each) ?? []).map(({ startMs }) => startMs)),
  );
  return (best ?? 0) - (bestAlone ?? 0);
};
const column = (number: number, digits = 0): string => number.toFixed(digits).padStart(9);

console.log(
  `Node-RED ${version} start, unused palette (median of ${ROUNDS} interleaved starts; + is above Node-RED alone)`,
);
console.log(`${"".padEnd(26)} start ms      + ms   at best  + CPU ms    RSS MB      + MB  + heap MB`);
for (const name of candidates.keys()) {
  const wall = `${column(medianOf(name, "startMs"))} ${column(above(name, "startMs"))} ${column(aboveAtBest(name))}`;
  const start = `${wall} ${column(above(name, "cpuMs"))}`;
  const memory = `${column(medianOf(name, "residentMb"), 1)} ${column(above(name, "residentMb"), 1)}`;
  console.log(`${name.padEnd(26)}${start} ${memory} ${column(above(name, "heapMb"), 1)}`);
}
console.log(
  `ours / budget: ${(above(OURS, "startMs") / BUDGET.startMs).toFixed(2)} (at best ${(aboveAtBest(OURS) / BUDGET.startMs).toFixed(2)}) of ${BUDGET.startMs} ms, ` +
    `${(above(OURS, "residentMb") / BUDGET.residentMb).toFixed(2)} of ${BUDGET.residentMb} MB`,
);
