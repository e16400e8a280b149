import { systemClock } from "../../lib/model/clock.ts";
import { EvError, toEvError } from "../../lib/model/errors.ts";
import { backoffMs } from "../../lib/io/retry.ts";
import { createNodeContext, type NodeContext, publicError } from "./node-context.ts";
import type { NodeMessage, NodeRed, RuntimeNode } from "./node-red.d.ts";
import { attachService, type ServiceLife } from "./service.ts";

/*
 * Everything that a Node-RED node must get right and that is easy to get wrong, once. A node file declares what it is
 * (`NodeDefinition`); this file keeps the promises:
 *
 *  1. A handler that throws or rejects never reaches the process: it ends in `done(error)`.
 *  2. Closing is the callback form, awaited, and bounded by `closeWithinMs`.
 *  3. Unfinished work is aborted on close (`context.signal`); timers, listeners and services of the context end with it.
 *  4. Status is set at once, changes only on change, and is short.
 *  5. A device that goes is logged once, and once when it comes back.
 *  6. Old configurations are migrated by their `version`.
 *  7. Secrets never reach log, status or error text.
 */

/** What a started node offers. */
export interface RunningNode<Service = unknown> {
  /** One message; reject or throw an `EvError` to reach the Catch nodes. */
  readonly input?: (message: NodeMessage, send: NodeContext["send"]) => void | Promise<void>;
  /** What a config node gives to the nodes that use it. */
  readonly service?: Service;
  /** Says goodbye to the device. `removed` is true when the node was deleted or disabled. */
  readonly close?: (removed: boolean) => void | Promise<void>;
}

/** Turns a configuration of one version into the next; must not mind missing fields. */
export type Migration = (config: Readonly<Record<string, unknown>>) => Record<string, unknown>;

export interface NodeDefinition {
  readonly type: string;
  readonly credentials?: Readonly<Record<string, { readonly type: "text" | "password" }>>;
  /** `migrations[0]` turns version 1 into 2, and so on. */
  readonly migrations?: readonly Migration[];
  /** A config node is started by the first node that uses it, and ends with the last one. */
  readonly isConfigNode?: boolean;
  /** Heavy libraries are imported in here, so that a node that nobody uses costs nothing. */
  readonly start: (context: NodeContext) => RunningNode | Promise<RunningNode>;
  /** Longest time for `close`, ms; 5000 by default (Node-RED itself gives up after 15 s). */
  readonly closeWithinMs?: number;
  /** Admin routes, registered once per load; each must ask for a permission. */
  readonly registerRoutes?: (RED: NodeRed) => void;
}

const CLOSE_WITHIN_MS = 5000;
const START_BACKOFF = { baseMs: 1000, capMs: 60_000 };

/** The function that Node-RED calls when it loads the node's file. */
export function defineNode(definition: NodeDefinition): (RED: NodeRed) => void {
  return (RED) => {
    const construct = function (this: RuntimeNode, config: Readonly<Record<string, unknown>>): void {
      RED.nodes.createNode(this, config);
      startNode(RED, this, migrateConfig(config, definition.migrations ?? []), definition);
    };
    RED.nodes.registerType(
      definition.type,
      construct,
      definition.credentials === undefined ? {} : { credentials: definition.credentials },
    );
    definition.registerRoutes?.(RED);
  };
}

/** A configuration without a version is of version 1; one of a later version than ours passes unchanged. */
export function migrateConfig(
  config: Readonly<Record<string, unknown>>,
  migrations: readonly Migration[],
): Readonly<Record<string, unknown>> {
  const from = Number.isInteger(config.version) ? Number(config.version) : 1;
  let migrated: Readonly<Record<string, unknown>> = config;
  for (let version = Math.max(1, from); version <= migrations.length; version++) {
    migrated = { ...migrated, ...migrations[version - 1]?.(migrated), version: version + 1 };
  }
  return migrated;
}

function startNode(
  RED: NodeRed,
  node: RuntimeNode,
  config: Readonly<Record<string, unknown>>,
  definition: NodeDefinition,
): void {
  const closeWithinMs = definition.closeWithinMs ?? CLOSE_WITHIN_MS;
  if (definition.isConfigNode === true) {
    const host = attachService(node, () => launch(RED, node, config, definition), closeWithinMs);
    node.on("close", (removed, done) => finish(host.close(removed), closeWithinMs, node, done));
    return;
  }
  const life = launch(RED, node, config, definition);
  let wasMissed = false;
  const settle = (done: (error?: Error) => void, error: EvError): void => {
    const isGone = error.code === "closed" && life.context.signal.aborted;
    if (!isGone) return done(publicError(life.context, error));
    // taken out of the flow or deployed anew: worth one line, but nobody's error
    if (!wasMissed) life.context.logger.warn(life.context.t("shared.log.missed", { name: life.context.name }));
    wasMissed = true;
    done();
  };
  life.context.status("waiting", life.context.t("shared.status.starting"));
  node.on("input", (message, send, done) => {
    runInput(life, message, send)
      .then(
        () => done(),
        (thrown: unknown) => settle(done, toEvError(thrown)),
      )
      // `done` itself threw: another node's mistake, which must not end the process either
      .catch((thrown: unknown) => life.context.logger.error(toEvError(thrown).message));
  });
  node.on("close", (removed, done) => finish(life.close(removed), closeWithinMs, node, done));
}

async function runInput(life: Life, message: NodeMessage, send: NodeContext["send"]): Promise<void> {
  const running = await life.ready();
  if (life.context.signal.aborted) throw new EvError("closed", "The node was closed before this message had its turn.");
  if (running.input === undefined) throw new EvError("unsupported", "This node takes no messages.");
  await running.input(message, send);
}

/** `done` is called when the work has ended or time is up, whichever is first, and exactly once. */
function finish(closing: Promise<void>, withinMs: number, node: RuntimeNode, done: () => void): void {
  const deadline = setTimeout(() => {
    node.warn(`${node.type} took longer than ${withinMs} ms to close; going on without it.`);
    end();
  }, withinMs);
  let ended = false;
  const end = (): void => {
    if (ended) return;
    ended = true;
    clearTimeout(deadline);
    done();
  };
  closing.then(end, (thrown: unknown) => {
    node.warn(`${node.type} could not close properly: ${toEvError(thrown).code}`);
    end();
  });
}

/** One life of a node, from start to close. */
interface Life extends ServiceLife {
  readonly context: NodeContext;
  ready(): Promise<RunningNode>;
}

function launch(
  RED: NodeRed,
  node: RuntimeNode,
  config: Readonly<Record<string, unknown>>,
  definition: NodeDefinition,
): Life {
  const { context, end } = createNodeContext(RED, node, config, definition.credentials ?? {}, systemClock);
  let latestTry = Promise.resolve().then(() => definition.start(context));
  const started = (async (): Promise<RunningNode | null> => {
    for (let failures = 0; ; ) {
      try {
        const running = await latestTry;
        if (failures > 0) context.recovered();
        return running;
      } catch (thrown) {
        if (context.signal.aborted) return null;
        context.fault(toEvError(thrown));
      }
      failures += 1;
      if (!(await context.pause(backoffMs(failures, START_BACKOFF)))) return null;
      latestTry = Promise.resolve().then(() => definition.start(context));
    }
  })();
  const close = async (removed: boolean): Promise<void> => {
    context.abort();
    try {
      await (await started)?.close?.(removed);
    } finally {
      await end(removed);
    }
  };
  let closing: Promise<void> | null = null;
  return {
    context,
    ready: () => latestTry,
    secrets: context.secrets,
    close: (removed) => {
      closing ??= close(removed);
      return closing;
    },
  };
}
