import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import helper from "node-red-node-test-helper";
import type { NodeMessage, NodeRed, RuntimeNode, StatusMessage } from "../../nodes/shared/node-red.d.ts";

export { until } from "./until.ts";

/*
 * A Node-RED runtime for node tests: node-red-node-test-helper with our locale files (the helper itself returns keys
 * instead of texts), and a few words to watch a node.
 */

type NodeModule = (RED: NodeRed) => void;
type Texts = { readonly [key: string]: string | Texts };

const root = new URL("../../", import.meta.url);
const readTexts = (path: string): Texts => JSON.parse(readFileSync(new URL(path, root), "utf8")) as Texts;
helper.init(createRequire(import.meta.url).resolve("node-red"));

/** Gives a node module the texts of its own locale file and the shared ones. @param folder for example `devices/ev-quasar` */
export function withTexts(module: NodeModule, folder: string | null): NodeModule {
  const own = folder === null ? {} : readTexts(`nodes/${folder}/locales/en-US/${folder.split("/").at(-1)}.json`);
  const texts: Texts = { ...own, shared: readTexts("nodes/shared/locales/en-US.json") };
  return (RED) =>
    module(
      Object.create(RED, { _: { value: (key: string, params = {}) => translate(texts, key, params) } }) as NodeRed,
    );
}

function translate(texts: Texts, key: string, params: Readonly<Record<string, unknown>>): string {
  let found: string | Texts | undefined = texts;
  for (const step of key.split(".")) found = typeof found === "object" ? found[step] : undefined;
  if (typeof found !== "string") return key;
  return found.replace(/__(\w+)__/g, (_, name: string) => String(params[name] ?? ""));
}

export interface TestNode extends RuntimeNode {
  receive(message: NodeMessage): void;
  close(removed: boolean): Promise<void>;
  emit(event: string, ...eventArguments: unknown[]): boolean;
}

/** Loads flows; `credentials` by node id. */
export async function loadFlow(
  modules: readonly NodeModule[],
  flow: readonly Readonly<Record<string, unknown>>[],
  credentials: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): Promise<void> {
  // a node without a place on the canvas would be taken for a config node
  const placed = flow.map((node) => ("wires" in node || node.type === "helper" ? { x: 0, y: 0, ...node } : node));
  await helper.load(modules as never, placed as never, credentials as never);
}

/** Deploys again, all nodes anew, as the Deploy button does; what nodes keep in their context stays. */
export const redeploy = async (flow: readonly Readonly<Record<string, unknown>>[]): Promise<void> => {
  await helper.setFlows(flow as never, "full");
};

export const unloadFlow = async (): Promise<void> => {
  await helper.unload();
};

export function getNode(id: string): TestNode {
  const node = helper.getNode(id) as unknown as TestNode | null;
  if (node === null) throw new Error(`no node ${id}`);
  return node;
}

/** Resolves with the next message that reaches a `helper` node and passes the filter. */
export function nextMessage(
  id: string,
  isWanted: (message: NodeMessage) => boolean = () => true,
  withinMs = 5000,
): Promise<NodeMessage> {
  return new Promise((resolve, reject) => {
    const patience = setTimeout(() => reject(new Error(`no such message at ${id} within ${withinMs} ms`)), withinMs);
    const node = getNode(id) as unknown as {
      on(e: string, l: (m: NodeMessage) => void): void;
      removeListener(e: string, l: unknown): void;
    };
    const listener = (message: NodeMessage): void => {
      if (!isWanted(message)) return;
      clearTimeout(patience);
      node.removeListener("input", listener);
      resolve(message);
    };
    node.on("input", listener);
  });
}

/** Every status that the node has shown so far, for example "green dot 64 %". */
export function statusTexts(id: string): string[] {
  // the test helper puts one spy around `status` of all nodes, which remembers who called
  const spied = getNode(id).status as unknown as {
    readonly args: readonly [StatusMessage][];
    readonly thisValues: readonly { readonly id?: string }[];
  };
  return spied.args
    .filter((_, call) => spied.thisValues[call]?.id === id)
    .map(([{ fill, shape, text }]) => `${fill} ${shape} ${text}`);
}

/** Everything that was logged since the flow was loaded, oldest first. */
export function logLines(): { level: number; id?: string; type?: string; msg: unknown }[] {
  const calls = (helper.log() as unknown as { args: { level: number; id?: string; type?: string; msg: unknown }[][] })
    .args;
  return calls.map(([line]) => line).filter((line) => line !== undefined);
}
