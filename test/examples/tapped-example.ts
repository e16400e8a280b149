import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "../../scripts/ensure.mjs";
import type { NodeRedProcess } from "../../scripts/node-red-process.mjs";

/*
 * An example in a real Node-RED, with a tap on its nodes: what they send can be asked for over HTTP, and inject nodes are
 * pressed as the editor presses them.
 */

export interface FlowNode {
  readonly id: string;
  readonly type: string;
  readonly [property: string]: unknown;
}

/** One message that a tapped node sent. */
export interface Heard {
  readonly output: number;
  readonly payload: Readonly<Record<string, unknown>>;
}

export const readExample = (file: string): readonly FlowNode[] =>
  JSON.parse(readFileSync(join(projectDirectory, "examples", file), "utf8")) as readonly FlowNode[];

const TAP = "tap-web";
const MOST_KEPT = 500;

/** The flow with taps: everything that the given nodes send is kept, the latest at the end. */
export function tap(nodes: readonly FlowNode[], tappedIds: readonly string[]): readonly FlowNode[] {
  const tab = nodes.find(({ type }) => type === "tab")?.id;
  const place = { z: tab, x: 100, y: 2000 };
  const extra: FlowNode[] = [];
  const tapped = nodes.map((node) => {
    if (!tappedIds.includes(node.id)) return node;
    const wires = (node.wires as readonly (readonly string[])[]).map((targets, output) => {
      const id = `tap-${node.id}-${output}`;
      const func = `const heard = flow.get("heard") ?? [];
heard.push({ from: "${node.id}", output: ${output}, payload: msg.payload });
flow.set("heard", heard.slice(-${MOST_KEPT}));`;
      extra.push({ id, type: "function", ...place, name: "", func, outputs: 0, libs: [], wires: [] });
      return [...targets, id];
    });
    return { ...node, wires };
  });
  const func = 'msg.payload = flow.get("heard") ?? []; return msg;';
  return [
    ...tapped,
    ...extra,
    { id: TAP, type: "http in", ...place, url: "/heard", method: "get", upload: false, wires: [["tap-read"]] },
    { id: "tap-read", type: "function", ...place, func, outputs: 1, libs: [], wires: [["tap-answer"]] },
    { id: "tap-answer", type: "http response", ...place, statusCode: "", headers: {}, wires: [] },
  ];
}

/** Everything that one tapped node has sent. */
export async function heardFrom(nodeRed: NodeRedProcess, id: string): Promise<readonly Heard[]> {
  const reply = await fetch(`${nodeRed.url}/heard`, { signal: AbortSignal.timeout(5000) });
  const heard = (await reply.json()) as readonly (Heard & { readonly from: string })[];
  return heard.filter(({ from }) => from === id);
}

/** Presses the button of an inject node. */
export async function press(nodeRed: NodeRedProcess, id: string): Promise<void> {
  const reply = await fetch(`${nodeRed.url}/inject/${id}`, { method: "POST", signal: AbortSignal.timeout(5000) });
  if (!reply.ok) throw new Error(`${id} could not be pressed: ${reply.status}`);
}

/** Presses an inject node and waits for the next that another node sends, however fast it answers. */
export async function pressAndHear(
  nodeRed: NodeRedProcess,
  pressedId: string,
  id: string,
  withinMs: number,
): Promise<Heard> {
  const before = (await heardFrom(nodeRed, id)).length;
  await press(nodeRed, pressedId);
  return waitFor(nodeRed, id, () => true, withinMs, before);
}

/**
 * Waits until a node sends what is wanted, from now on or after the `heardBefore` messages that were heard before.
 * @throws when it does not within the time, with the last that it sent
 */
export async function waitFor(
  nodeRed: NodeRedProcess,
  id: string,
  wanted: (heard: Heard) => boolean,
  withinMs: number,
  heardBefore?: number,
): Promise<Heard> {
  const deadlineMs = performance.now() + withinMs;
  const before = heardBefore ?? (await heardFrom(nodeRed, id)).length;
  for (;;) {
    const heard = await heardFrom(nodeRed, id);
    const found = (before < MOST_KEPT ? heard.slice(before) : heard.slice(-3)).find(wanted);
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) {
      throw new Error(`${id} did not send it within ${withinMs} ms; its last: ${JSON.stringify(heard.at(-1))}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
