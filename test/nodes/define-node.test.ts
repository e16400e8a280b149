import assert from "node:assert/strict";
import * as net from "node:net";
import helper from "node-red-node-test-helper";
import { afterEach, describe, it } from "mocha";
import { EvError } from "../../lib/model/errors.ts";
import { defineNode, migrateConfig, type NodeDefinition } from "../../nodes/shared/define-node.ts";
import type { NodeContext } from "../../nodes/shared/node-context.ts";
import type { NodeMessage } from "../../nodes/shared/node-red.d.ts";
import {
  getNode,
  loadFlow,
  logLines,
  nextMessage,
  redeploy,
  statusTexts,
  unloadFlow,
  until,
  withTexts,
} from "../support/node-runtime.ts";

const SECRET = "correct-horse-battery";
const FLOW = [
  { id: "tab", type: "tab", label: "test" },
  { id: "n", z: "tab", type: "ev-test", name: "Garage", wires: [["out"]] },
  { id: "out", z: "tab", type: "helper" },
  { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
  { id: "caught", z: "tab", type: "helper" },
];

function load(
  definition: Omit<NodeDefinition, "type">,
  flow: readonly Record<string, unknown>[] = FLOW,
): Promise<void> {
  const module = withTexts(defineNode({ type: "ev-test", ...definition }), null);
  return loadFlow([module], flow, { n: { password: SECRET } });
}

/** What our own node wrote at WARN (30) or worse, or INFO (40). */
const linesAt = (level: number): string[] =>
  logLines()
    .filter((line) => line.level === level && line.type === "ev-test")
    .map((line) => String(line.msg instanceof Error ? line.msg.message : line.msg));

describe("define-node", () => {
  afterEach(unloadFlow);

  it("hands a rejected message to the Catch nodes, with the message, and the process lives on", async () => {
    await load({
      start: () => ({
        input: async (message) => {
          await Promise.resolve();
          throw new EvError("refused", `no ${String(message.payload)}`, { detail: "device said: E42" });
        },
      }),
    });
    const caught = nextMessage("caught");
    getNode("n").receive({ payload: "bread", topic: "kept" });
    const message = await caught;
    const error = message.error as { message: string; code: string };
    assert.equal(message.topic, "kept");
    assert.match(error.message, /That was refused\. no bread \[device said: E42\]/);
    assert.equal(error.code, "refused");
  });

  it("turns a synchronous throw and a thrown string into errors too", async () => {
    await load({
      start: () => ({
        input: (message) => {
          if (message.payload === 1) throw new TypeError("boom");
          throw "just text"; // oxlint-disable-line no-throw-literal
        },
      }),
    });
    for (const [payload, expected] of [
      [1, /boom/],
      [2, /just text/],
    ] as const) {
      const caught = nextMessage("caught");
      getNode("n").receive({ payload });
      assert.match(((await caught).error as { message: string }).message, expected);
    }
  });

  it("keeps a message that comes while the node is starting", async () => {
    let finishStart = (): void => {};
    await load({
      start: async () => {
        await new Promise<void>((resolve) => (finishStart = resolve));
        return { input: (message, send) => send(message) };
      },
    });
    const out = nextMessage("out");
    getNode("n").receive({ payload: 7 });
    await until("start was called", () => finishStart.length === 1);
    finishStart();
    assert.equal((await out).payload, 7);
  });

  it("refuses messages with the reason while it cannot start, and starts by itself later", async () => {
    let tries = 0;
    await load({
      start: () => {
        tries += 1;
        if (tries === 1) throw new EvError("config", "no address");
        return { input: (message, send) => send(message) };
      },
    });
    const caught = nextMessage("caught");
    getNode("n").receive({ payload: 1 });
    assert.match(((await caught).error as { message: string }).message, /no address/);
    assert.equal(statusTexts("n").at(-1), "red ring check settings");
    await until("second try", () => tries === 2);
    const out = nextMessage("out");
    getNode("n").receive({ payload: 2 });
    assert.equal((await out).payload, 2);
    assert.equal(linesAt(30).length, 1, "one line when it failed");
    assert.equal(linesAt(40).length, 1, "one line when it came back");
  });

  it("waits for close, and gives up after its limit", async () => {
    let closed = false;
    await load({
      start: () => ({
        close: async () => {
          await new Promise((resolve) => setTimeout(resolve, 100));
          closed = true;
        },
      }),
    });
    await unloadFlow();
    assert.equal(closed, true, "the next flow does not start before close ended");

    await load({ closeWithinMs: 100, start: () => ({ close: () => new Promise<void>(() => {}) }) });
    const beganMs = performance.now();
    await unloadFlow();
    const tookMs = performance.now() - beganMs;
    assert.ok(tookMs >= 95 && tookMs < 2000, `close took ${tookMs} ms`);
  });

  it("aborts unfinished work on close and closes a start that ends late", async () => {
    let closes = 0;
    let sawAbort = false;
    await load({
      start: async ({ signal }) => {
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        sawAbort = true;
        return { close: () => void (closes += 1) };
      },
    });
    await until("start runs", () => statusTexts("n").length > 0);
    await unloadFlow();
    assert.deepEqual([sawAbort, closes], [true, 1]);
  });

  it("says in one line, and as no error, that messages came too late for a node that is closing", async () => {
    await load({
      start: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(new EvError("closed", "The node was closed meanwhile.")));
        }),
    });
    let received = 0;
    getNode("n").on("input", () => {
      received += 1;
    });
    for (const payload of [1, 2, 3]) getNode("n").receive({ payload });
    await until("three came", () => received === 3);
    // the helper forgets the log when it unloads a flow
    await getNode("n").close(false);
    await until("line", () => linesAt(30).length > 0);
    assert.equal(linesAt(30).length, 1);
    assert.deepEqual(linesAt(20), []);
  });

  it("shows a status at once, only changes, and no more than 20 characters", async () => {
    let context: NodeContext | undefined;
    await load({
      start: (given) => {
        context = given;
        return {};
      },
    });
    await until("started", () => context !== undefined);
    assert.deepEqual(statusTexts("n"), ["yellow ring starting"]);
    context?.status("live", "1");
    context?.status("live", "1");
    context?.status("live", "a text that is far too long for the editor");
    assert.deepEqual(statusTexts("n").slice(1), ["green dot 1", "green dot a text that is far t"]);
  });

  it("logs once when a device goes and once when it is back", async () => {
    let context: NodeContext | undefined;
    await load({
      start: (given) => {
        context = given;
        return {};
      },
    });
    await until("started", () => context !== undefined);
    for (let poll = 0; poll < 20; poll++) context?.fault(new EvError("timeout", "slow"));
    context?.fault(new EvError("unreachable", "gone"));
    context?.recovered();
    context?.recovered();
    assert.equal(linesAt(30).length, 1);
    assert.match(linesAt(30)[0] ?? "", /check power and network/);
    assert.equal(linesAt(40).length, 1);
    assert.match(linesAt(40)[0] ?? "", /Garage is back after \d+ s/);
  });

  it("turns failures of its timers into a fault instead of ending the process", async () => {
    let runs = 0;
    await load({
      start: (context) => {
        context.every(5, async () => {
          runs += 1;
          await Promise.resolve();
          throw new EvError("timeout", "poll failed");
        });
        return {};
      },
    });
    await until("three polls", () => runs >= 3);
    assert.equal(statusTexts("n").at(-1), "red ring no answer");
    assert.equal(linesAt(30).length, 1);
  });

  it("never shows a secret in log, status or error text", async () => {
    const shown: string[] = [];
    await load({
      credentials: { user: { type: "text" }, password: { type: "password" } },
      start: (context) => {
        context.addSecret("token-learnt-later");
        context.logger.warn(`log ${SECRET} and token-learnt-later`);
        context.status("live", SECRET);
        return {
          input: () => {
            throw new EvError("auth", `said ${SECRET}`, {
              detail: `http://admin:${SECRET}@192.0.2.1/`,
              cause: new Error(SECRET),
            });
          },
        };
      },
    });
    const caught = nextMessage("caught");
    getNode("n").receive({ payload: 1 });
    const { error } = await caught;
    shown.push(JSON.stringify(error), String((error as Error).stack), ...statusTexts("n"));
    shown.push(JSON.stringify(logLines().map((line) => [line.msg, String((line.msg as Error)?.stack)])));
    const all = shown.join("\n");
    assert.match(all, /\*\*\*/, "something was redacted");
    assert.doesNotMatch(all, new RegExp(`${SECRET}|token-learnt-later`));
  });

  it("migrates an old configuration step by step, and leaves a newer one alone", () => {
    const migrations = [
      (old: Readonly<Record<string, unknown>>) => ({ ...old, host: old.ip }),
      (old: Readonly<Record<string, unknown>>) => ({ ...old, hosts: [old.host] }),
    ];
    assert.deepEqual(migrateConfig({ ip: "192.0.2.1" }, migrations).hosts, ["192.0.2.1"]);
    assert.deepEqual(migrateConfig({ version: 2, host: "a" }, migrations), { version: 3, host: "a", hosts: ["a"] });
    assert.deepEqual(migrateConfig({ version: 9, host: "a" }, migrations), { version: 9, host: "a" });
  });

  it("keeps what it remembers over a redeploy, and forgets it when the node is deleted", async () => {
    const recalled: unknown[] = [];
    await load({
      start: async (context) => {
        recalled.push(await context.recall("count"));
        await context.remember("count", recalled.length);
        return { close: () => context.remember("count", recalled.length * 10) };
      },
    });
    await until("first start", () => recalled.length === 1);
    await redeploy(FLOW);
    await until("second start", () => recalled.length === 2);
    await redeploy(FLOW.filter(({ id }) => id !== "n"));
    await redeploy(FLOW);
    await until("third start", () => recalled.length === 3);
    assert.deepEqual(recalled, [undefined, 10, undefined]);
  });

  it("leaves no listener, timer or socket after 50 redeploys", async () => {
    const server = net.createServer((socket) => socket.resume()).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as net.AddressInfo;
    const openSockets = (): Promise<number> =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      );
    const definition: Omit<NodeDefinition, "type"> = {
      start: async (context) => {
        context.every(1, () => {});
        context.after(60_000, () => {});
        const onWarning = (): void => {};
        process.on("warning", onWarning);
        context.onClose(() => void process.off("warning", onWarning));
        const socket = net.connect(port, "127.0.0.1");
        await new Promise((resolve) => socket.once("connect", resolve));
        return { close: () => void socket.destroy() };
      },
    };
    const reload = async (): Promise<void> => {
      await load(definition);
      await until("connected", async () => (await openSockets()) === 1);
      await unloadFlow();
    };
    await reload();
    const before = { timers: activeTimers(), listeners: process.listenerCount("warning") };
    for (let deploy = 0; deploy < 50; deploy++) await reload();
    await until("sockets closed", async () => (await openSockets()) === 0);
    assert.deepEqual({ timers: activeTimers(), listeners: process.listenerCount("warning") }, before);
    await new Promise((resolve) => server.close(resolve));
  });
});

const activeTimers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;

describe("a config node's service", () => {
  const SERVICE_FLOW = [
    { id: "tab", type: "tab", label: "test" },
    { id: "c", type: "ev-test-connection", host: "a" },
    { id: "u1", z: "tab", type: "ev-test-user", connection: "c", wires: [[]] },
    { id: "u2", z: "tab", type: "ev-test-user", connection: "c", wires: [[]] },
  ];
  let events: string[] = [];
  const connection = defineNode({
    type: "ev-test-connection",
    isConfigNode: true,
    credentials: { password: { type: "password" } },
    start: () => {
      events.push("open");
      return {
        service: { hello: () => events.push("hello") },
        close: (removed) => void events.push(removed ? "close removed" : "close"),
      };
    },
  });
  const user = defineNode({
    type: "ev-test-user",
    start: async (context) => {
      const service = await context.use<{ hello: () => void }>(context.config.connection, "ev-test-connection");
      service.hello();
      return {
        input: (message: NodeMessage) => {
          throw new EvError("refused", String(message.payload));
        },
        // a goodbye that takes its time, as one to a device does
        close: async () => {
          await new Promise((resolve) => setTimeout(resolve, 50));
          service.hello();
        },
      };
    },
  });
  const modules = [withTexts(connection, null), withTexts(user, null)];

  afterEach(async () => {
    await unloadFlow();
    events = [];
  });

  it("is one for all its users, and outlives their goodbyes", async () => {
    await loadFlow(modules, SERVICE_FLOW);
    await until("both users said hello", () => events.length === 3);
    await unloadFlow();
    assert.deepEqual(events, ["open", "hello", "hello", "hello", "hello", "close"]);
  });

  it("does not start while nobody uses it", async () => {
    await loadFlow(modules, SERVICE_FLOW.slice(0, 2));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(events, []);
  });

  it("survives the redeploy of a user", async () => {
    await loadFlow(modules, SERVICE_FLOW);
    await until("both users said hello", () => events.length === 3);
    const changed = SERVICE_FLOW.map((node) =>
      node.id === "u1" || node.id === "u2" ? { ...node, name: "renamed" } : node,
    );
    await helper.setFlows(changed as never, "nodes");
    await until("both said hello again", () => events.length >= 7);
    assert.deepEqual(
      events.filter((event) => event !== "hello"),
      ["open"],
    );
  });

  it("says which setting is missing when there is none, or one of another type", async () => {
    await loadFlow(modules, [{ ...SERVICE_FLOW[2], connection: "" }, SERVICE_FLOW[0] ?? {}]);
    await until("red status", () => statusTexts("u1").at(-1) === "red ring check settings");
    const lines = logLines().filter((line) => line.type === "ev-test-user");
    assert.match(String(lines[0]?.msg), /choose its ev-test-connection/);
  });

  it("hides the secrets of the connection in the errors of its users", async () => {
    await loadFlow(
      modules,
      [
        ...SERVICE_FLOW,
        { id: "net", z: "tab", type: "catch", scope: null, wires: [["caught"]] },
        { id: "caught", z: "tab", type: "helper" },
      ],
      { c: { password: SECRET } },
    );
    await until("both users said hello", () => events.length === 3);
    const caught = nextMessage("caught");
    getNode("u1").receive({ payload: `oops ${SECRET}` });
    const text = JSON.stringify((await caught).error);
    assert.match(text, /oops \*\*\*/);
    assert.doesNotMatch(text, new RegExp(SECRET));
  });
});
