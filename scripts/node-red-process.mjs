/** Runs one Node-RED as a child process: waits until its flow has started, and ends it. */
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { CannotGoOn } from "./sentence.mjs";

const POLL_EVERY_MS = 50;
const STOP_WITHIN_MS = 12_000;

/**
 * @typedef {object} NodeRedProcess
 * @property {string} url without a slash at its end
 * @property {number} pid
 * @property {string} logFile
 * @property {Promise<number>} ended resolves with the exit code
 * @property {(within?: number) => Promise<void>} untilStarted waits until every node of the flow runs
 * @property {() => Promise<void>} stop asks it to stop, and insists after a while
 */

/**
 * Starts Node-RED on a prepared user directory.
 * @param {{ userDirectory: string, port: number, nodeRedDirectory: string, nodePath?: string }} options
 * nodeRedDirectory: the node-red package; nodePath: the Node to run it with
 * @returns {NodeRedProcess}
 */
export function startNodeRed({ userDirectory, port, nodeRedDirectory, nodePath = process.execPath }) {
  const logFile = join(userDirectory, "node-red.log");
  const log = openSync(logFile, "w");
  const args = [join(nodeRedDirectory, "red.js"), "-u", userDirectory, "-s", join(userDirectory, "settings.cjs")];
  const child = spawn(nodePath, args, {
    stdio: ["ignore", log, log, "ipc"],
    env: { ...process.env, NO_UPDATE_NOTIFIER: "1" },
  });
  closeSync(log);
  /** @type {Promise<number>} */
  const ended = new Promise((resolve) => {
    child.on("error", () => resolve(1));
    child.on("exit", (code, signal) => resolve(code ?? (signal ? 1 : 0)));
  });
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    pid: child.pid ?? 0,
    logFile,
    ended,
    untilStarted: (withinMs = 60_000) => untilStarted(url, logFile, ended, withinMs),
    async stop() {
      child.kill("SIGTERM");
      const insist = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
      await ended;
      clearTimeout(insist);
    },
  };
}

/**
 * @param {string} url
 * @param {string} logFile
 * @param {Promise<number>} ended
 * @param {number} withinMs
 */
async function untilStarted(url, logFile, ended, withinMs) {
  let isRunning = true;
  void ended.then(() => (isRunning = false));
  const deadlineMs = performance.now() + withinMs;
  while (!(await hasStarted(url))) {
    if (!isRunning) throw new CannotGoOn(`Node-RED ended before it was ready. Its last words:\n${lastLines(logFile)}`);
    if (performance.now() > deadlineMs) {
      throw new CannotGoOn(`Node-RED was not ready after ${withinMs / 1000} s. Its last words:\n${lastLines(logFile)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_EVERY_MS));
  }
  await refuseMissingTypes(url);
}

/** @param {string} url */
async function hasStarted(url) {
  try {
    const reply = await fetch(`${url}/flows/state`, { signal: AbortSignal.timeout(2000) });
    return reply.ok && /** @type {{ state?: string }} */ (await reply.json()).state === "start";
  } catch {
    return false;
  }
}

/**
 * Node-RED says "started" although types are missing, and then runs nothing.
 * @param {string} url
 */
async function refuseMissingTypes(url) {
  const headers = { Accept: "application/json" };
  const [flowReply, setReply] = await Promise.all([fetch(`${url}/flows`), fetch(`${url}/nodes`, { headers })]);
  const nodes = /** @type {{ type: string }[]} */ (await flowReply.json());
  const sets = /** @type {{ types: string[], err?: string, module: string }[]} */ (await setReply.json());
  const known = new Set(["tab", "group", "subflow", ...sets.filter((set) => !set.err).flatMap((set) => set.types)]);
  const missing = [...new Set(nodes.map((node) => node.type))].filter(
    (type) => !known.has(type) && !type.startsWith("subflow:"),
  );
  if (missing.length === 0) return;
  const reasons = sets.filter((set) => set.err).map((set) => `\n  ${set.module} ${set.types.join(", ")}: ${set.err}`);
  throw new CannotGoOn(`Node-RED does not know the node types ${missing.join(", ")}.${reasons.join("")}`);
}

/**
 * @param {string} logFile
 * @returns {string}
 */
export function lastLines(logFile) {
  return readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-15).join("\n");
}

/**
 * Whether nobody listens on the port and we may.
 * @param {number} port
 * @returns {Promise<string | null>} null when it is free, else the system's code such as EADDRINUSE
 */
export function whyPortIsTaken(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (/** @type {NodeJS.ErrnoException} */ error) => resolve(error.code ?? error.message));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(null)));
  });
}

/** A port that is free now. @returns {Promise<number>} */
export function findFreePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
