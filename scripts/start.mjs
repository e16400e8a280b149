/**
 * `npm start`: a house to look at. Installs and builds what is missing, starts Node-RED on this machine only with all the
 * example flows, and prints where to look. Options: --port 1880, --keep (keep what was edited in the last run).
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { findDashboardPath, findVirtualHomePorts, joinExamples } from "./demo-flow.mjs";
import { projectDirectory, runWhenReady } from "./ensure.mjs";
import { lastLines, startNodeRed, whyPortIsTaken } from "./node-red-process.mjs";
import { CannotGoOn, runCommand } from "./sentence.mjs";
import { makeUserDirectory } from "./user-directory.mjs";

const userDirectory = join(projectDirectory, ".demo");
const flowFile = join(userDirectory, "flows.json");

/** @returns {{ port: number, isKept: boolean }} */
function readOptions() {
  let given;
  try {
    given = parseArgs({ options: { port: { type: "string" }, keep: { type: "boolean" } } }).values;
  } catch (error) {
    const complaint = error instanceof Error ? error.message : "These options are unknown";
    throw new CannotGoOn(`${complaint} (known: --port <number>, --keep)`);
  }
  const wanted = given.port ?? process.env.PORT ?? "1880";
  const port = Number(wanted);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new CannotGoOn(`"${wanted}" is no port: give a number from 1 to 65535.`);
  }
  return { port, isKept: given.keep === true };
}

/**
 * The examples, or with --keep what the last run left.
 * @param {boolean} isKept
 * @returns {import("./demo-flow.mjs").FlowNode[]}
 */
function prepareFlow(isKept) {
  if (isKept && existsSync(flowFile)) return JSON.parse(readFileSync(flowFile, "utf8"));
  const files = ["examples", "examples/dashboard"].flatMap((folder) => listJsonFiles(join(projectDirectory, folder)));
  const examples = files.map((file) => ({
    file: relative(projectDirectory, file),
    nodes: JSON.parse(readFileSync(file, "utf8")),
  }));
  const nodes = joinExamples(examples);
  writeFileSync(flowFile, `${JSON.stringify(nodes, null, 2)}\n`);
  return nodes;
}

/** @param {string} folder */
function listJsonFiles(folder) {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.toSorted().map((name) => join(folder, name));
}

/**
 * @param {number} editorPort
 * @param {readonly import("./demo-flow.mjs").FlowNode[]} nodes
 */
async function refuseTakenPorts(editorPort, nodes) {
  const editorCode = await whyPortIsTaken(editorPort);
  if (editorCode === "EACCES") throw new CannotGoOn(`Port ${editorPort} needs more rights: choose one above 1023.`);
  if (editorCode) {
    throw new CannotGoOn(
      `Port ${editorPort} is taken (another Node-RED?): stop what uses it, or choose another one with "npm start -- --port ${editorPort + 1}".`,
    );
  }
  for (const { port, node } of findVirtualHomePorts(nodes)) {
    if (await whyPortIsTaken(port)) {
      throw new CannotGoOn(
        `Port ${port}, which the virtual home "${String(node.name ?? node.id)}" needs, is taken: stop what uses it.`,
      );
    }
  }
}

async function start() {
  const { port, isKept } = readOptions();
  const { buildWhenStale } = await import("./build.mjs");
  await buildWhenStale();
  makeUserDirectory(userDirectory, {
    port,
    packages: {
      "@ev-flows/node-red-ev-charging": projectDirectory,
      "@flowfuse/node-red-dashboard": join(projectDirectory, "node_modules", "@flowfuse", "node-red-dashboard"),
    },
  });
  const nodes = prepareFlow(isKept);
  await refuseTakenPorts(port, nodes);

  const nodeRedDirectory = join(projectDirectory, "node_modules", "node-red");
  const nodeRed = startNodeRed({ userDirectory, port, nodeRedDirectory });
  let isStopping = false;
  const stop = () => {
    isStopping = true;
    void nodeRed.stop();
  };
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, stop);

  try {
    await nodeRed.untilStarted();
    if (!isStopping) await announce(nodeRed.url, findDashboardPath(nodes));
  } catch (error) {
    if (isStopping) return 0;
    await nodeRed.stop();
    throw error;
  }
  await nodeRed.ended;
  if (isStopping) return 0;
  throw new CannotGoOn(
    `Node-RED ended by itself. Its last words (all of them: .demo/node-red.log):\n${lastLines(nodeRed.logFile)}`,
  );
}

/**
 * @param {string} url
 * @param {string | null} dashboardPath
 */
async function announce(url, dashboardPath) {
  console.log(`Flow editor:  ${url}/`);
  console.log(`Dashboard:    ${dashboardPath === null ? "none of the examples draws one" : url + dashboardPath}`);
  console.log("To stop:      Ctrl+C");
}

await runCommand(() => runWhenReady(start));
