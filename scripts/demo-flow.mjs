/** The flow of `npm start`: all example files in one, and what can be read from it. Pure. */
import { CannotGoOn } from "./sentence.mjs";

/** @typedef {{ id: string, type: string, [property: string]: unknown }} FlowNode */

/**
 * Joins example files into one flow. Nodes that several files share on purpose (dashboard pages, the site) carry the same
 * id and the same content everywhere and are kept once.
 * @param {readonly { file: string, nodes: readonly FlowNode[] }[]} examples
 * @returns {FlowNode[]}
 * @throws {CannotGoOn} when two files use one id for different nodes
 */
export function joinExamples(examples) {
  /** @type {Map<string, { file: string, node: FlowNode, content: string }>} */
  const kept = new Map();
  for (const { file, nodes } of examples) {
    for (const node of nodes) {
      // tells the import dialog which packages to offer; a flow that runs has them
      if (node.type === "global-config") continue;
      const content = JSON.stringify(sortKeys(node));
      const earlier = kept.get(node.id);
      if (earlier && earlier.content !== content) {
        throw new CannotGoOn(
          `The examples "${earlier.file}" and "${file}" use the id ${node.id} for different nodes: give one of them another id, or make them equal.`,
        );
      }
      if (!earlier) kept.set(node.id, { file, node, content });
    }
  }
  return [...kept.values()].map(({ node }) => node);
}

/**
 * The same record with its keys in alphabetical order, so that the order in a file does not matter.
 * @param {unknown} part
 * @returns {unknown}
 */
function sortKeys(part) {
  if (Array.isArray(part)) return part.map(sortKeys);
  if (part === null || typeof part !== "object") return part;
  return Object.fromEntries(
    Object.entries(part)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortKeys(inner)]),
  );
}

/**
 * The path of the first dashboard page, such as /dashboard/home.
 * @param {readonly FlowNode[]} nodes
 * @returns {string | null} null when the flow draws no dashboard
 */
export function findDashboardPath(nodes) {
  const pages = nodes.filter((node) => node.type === "ui-page");
  const [first] = pages.toSorted((a, b) => Number(a.order ?? 0) - Number(b.order ?? 0));
  const base = nodes.find((node) => node.type === "ui-base" && (first === undefined || node.id === first.ui));
  if (base === undefined || first === undefined) return null;
  return `/${[base.path, first.path].map((part) => String(part ?? "").replace(/^\/+|\/+$/g, "")).join("/")}`;
}

/**
 * The TCP ports that the virtual homes of the flow will listen on.
 * @param {readonly FlowNode[]} nodes
 * @returns {{ port: number, node: FlowNode }[]}
 */
export function findVirtualHomePorts(nodes) {
  return nodes
    .filter((node) => node.type === "ev-virtual-home" && node.d !== true)
    .flatMap((node) =>
      Object.entries(node)
        .filter(([property]) => /port$/i.test(property))
        .map(([, port]) => ({ port: Number(port), node }))
        .filter(({ port }) => Number.isInteger(port) && port > 0),
    );
}
