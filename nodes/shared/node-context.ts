import { type Cancel, type Clock, repeatEvery, sleep } from "../../lib/model/clock.ts";
import type { MqttTls } from "../../lib/io/mqtt.ts";
import { EvError, toEvError } from "../../lib/model/errors.ts";
import { type Logger, redact, redactingLogger } from "../../lib/model/logger.ts";
import type { ContextStore, NodeMessage, NodeRed, RuntimeNode, SendFunction, StatusMessage } from "./node-red.d.ts";
import { useService } from "./service.ts";

/** live = green dot, acting = blue dot, waiting = yellow ring, failed = red ring, off = grey ring. */
export type StatusKind = "live" | "acting" | "waiting" | "failed" | "off";

const STATUS_LOOK: Readonly<Record<StatusKind, { fill: NonNullable<StatusMessage["fill"]>; shape: "ring" | "dot" }>> = {
  live: { fill: "green", shape: "dot" },
  acting: { fill: "blue", shape: "dot" },
  waiting: { fill: "yellow", shape: "ring" },
  failed: { fill: "red", shape: "ring" },
  off: { fill: "grey", shape: "ring" },
};

/** The editor draws the status under the node; longer texts run into the next one. */
const STATUS_CHARACTERS = 20;

/** What a node file works with. Everything it hands out ends by itself when the node closes. */
export interface NodeContext {
  readonly id: string;
  readonly type: string;
  /** The node's name, else its type: for log lines and as a device id. */
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly credentials: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Redacts; no line carries a secret. */
  readonly logger: Logger;
  /** Aborted when the node closes. */
  readonly signal: AbortSignal;
  /** A text from the locale files: own keys begin with the node's type, common ones with `shared`. */
  t(key: string, params?: Readonly<Record<string, unknown>>): string;
  status(kind: StatusKind, text: string): void;
  send: SendFunction;
  /** The device went: red status, one log line, however often it is called with the same code. */
  fault(error: EvError): void;
  /** The device is back: one log line when it was gone. The caller sets the new status. */
  recovered(): void;
  /** Calls back until the node closes; what it throws becomes a `fault`. */
  every(periodMs: number, run: () => void | Promise<void>): Cancel;
  after(delayMs: number, run: () => void | Promise<void>): Cancel;
  /** Waits; false when the node closed meanwhile. */
  pause(delayMs: number): Promise<boolean>;
  /** Undoes something on close; the latest first. */
  onClose(undo: () => void | Promise<void>): void;
  /** The service of a config node, kept until this node closes. @throws EvError `config` when it is missing or of another type */
  use<Service>(configNodeId: unknown, type: string): Promise<Service>;
  /** What a core `tls-config` node says; null when none is chosen. @throws EvError `config` when it is missing */
  tls(configNodeId: unknown): MqttTls | null;
  /** Hides a secret that was learnt at run time, such as a token. */
  addSecret(secret: string): void;
  /** What this node kept with `remember`; undefined when nothing was. */
  recall(key: string): Promise<unknown>;
  remember(key: string, toKeep: unknown): Promise<void>;
}

/** The side of a context that only `define-node.ts` sees. */
export interface OwnedContext extends NodeContext {
  abort(): void;
  readonly secrets: () => readonly string[];
}

/** @returns the context and the function that ends all it handed out */
export function createNodeContext(
  RED: NodeRed,
  node: RuntimeNode,
  config: Readonly<Record<string, unknown>>,
  credentialTypes: Readonly<Record<string, { readonly type: string }>>,
  clock: Clock,
): { context: OwnedContext; end: (removed: boolean) => Promise<void> } {
  const aborter = new AbortController();
  const undos: (() => void | Promise<void>)[] = [];
  const releases: ((removed: boolean) => void)[] = [];
  const secretSources: (() => readonly string[])[] = [];
  const credentials = node.credentials ?? {};
  const ownSecrets = Object.keys(credentialTypes)
    .filter((name) => credentialTypes[name]?.type === "password")
    .map((name) => credentials[name] ?? "");
  const secrets = (): readonly string[] => [...ownSecrets, ...secretSources.flatMap((source) => source())];
  const logger = redactingLogger(
    {
      debug: (text) => node.debug(text),
      info: (text) => node.log(text),
      warn: (text) => node.warn(text),
      error: (text) => node.error(text),
    },
    secrets,
  );
  const kept = new Set<string>();
  let shown = "";
  let activeFault: { code: string; sinceMs: number } | null = null;

  const guard = (run: () => void | Promise<void>): void => {
    Promise.resolve()
      .then(run)
      .catch((thrown: unknown) => {
        if (!aborter.signal.aborted) context.fault(toEvError(thrown));
      });
  };
  const track = (cancel: Cancel): Cancel => {
    undos.push(cancel);
    return () => {
      cancel();
      const index = undos.indexOf(cancel);
      if (index >= 0) undos.splice(index, 1);
    };
  };

  const context: OwnedContext = {
    id: node.id,
    type: node.type,
    name: typeof config.name === "string" && config.name.trim() !== "" ? config.name.trim() : node.type,
    config,
    credentials,
    clock,
    logger,
    signal: aborter.signal,
    secrets,
    abort: () => aborter.abort(),
    t: (key, params) => RED._(key, params),
    status(kind, text) {
      const cut = redact(text, secrets()).slice(0, STATUS_CHARACTERS);
      const look = `${kind} ${cut}`;
      if (look === shown || aborter.signal.aborted) return;
      shown = look;
      node.status({ ...STATUS_LOOK[kind], text: cut });
    },
    send(message) {
      if (!aborter.signal.aborted) node.send(message);
    },
    fault(error) {
      context.status("failed", RED._(`shared.status.${error.code}`));
      if (activeFault?.code === error.code) return;
      if (activeFault === null) {
        logger.warn(userText(context, error));
      } else {
        logger.debug(error.message);
      }
      activeFault = { code: error.code, sinceMs: activeFault?.sinceMs ?? clock.monotonicMs() };
    },
    recovered() {
      if (activeFault === null) return;
      const seconds = Math.round((clock.monotonicMs() - activeFault.sinceMs) / 1000);
      activeFault = null;
      logger.info(RED._("shared.log.recovered", { name: context.name, seconds }));
    },
    every: (periodMs, run) => track(repeatEvery(clock, periodMs, () => guard(run))),
    after(delayMs, run) {
      const untrack = track(
        clock.after(delayMs, () => {
          untrack();
          guard(run);
        }),
      );
      return untrack;
    },
    pause: (delayMs) =>
      sleep(clock, delayMs, aborter.signal).then(
        () => true,
        () => false,
      ),
    onClose: (undo) => void undos.push(undo),
    async use(configNodeId, type) {
      const used = await useService(RED, configNodeId, type, node);
      secretSources.push(used.secrets);
      if (aborter.signal.aborted) {
        used.release(false);
        throw new EvError("closed", "The node was closed while it was starting.");
      }
      releases.push((wasRemoved) => used.release(wasRemoved));
      // the type parameter is the caller's word for what nodes of this type offer
      return used.service as never;
    },
    tls: (configNodeId) => readTls(RED, configNodeId),
    addSecret: (secret) => void ownSecrets.push(secret),
    recall: (key) =>
      new Promise((resolve, reject) => {
        keepingPlace(node).get(keptName(node, key), undefined, (error, found) =>
          error ? reject(error) : resolve(found),
        );
      }),
    remember(key, toKeep) {
      kept.add(key);
      return new Promise((resolve, reject) => {
        keepingPlace(node).set(keptName(node, key), toKeep, undefined, (error) => (error ? reject(error) : resolve()));
      });
    },
  };

  const end = async (removed: boolean): Promise<void> => {
    for (const undo of undos.splice(0).toReversed()) {
      try {
        await undo();
      } catch (thrown) {
        logger.debug(`While closing: ${toEvError(thrown).message}`);
      }
    }
    for (const release of releases.splice(0).toReversed()) release(removed);
    if (removed) for (const key of kept) await context.remember(key, undefined);
  };
  return { context, end };
}

/** The node of Node-RED itself that keeps certificates. @throws EvError `config` */
export function readTls(RED: NodeRed, configNodeId: unknown): MqttTls | null {
  if (typeof configNodeId !== "string" || configNodeId === "") return null;
  const node = RED.nodes.getNode(configNodeId) as { addTLSOptions?: (options: object) => void } | null | undefined;
  if (typeof node?.addTLSOptions !== "function") {
    throw new EvError("config", "Open the node and choose its TLS configuration: it is missing or disabled.");
  }
  const options: MqttTls = {};
  node.addTLSOptions(options);
  return options;
}

/**
 * The flow's context, or the global one for config nodes. Not the node's own: without a configured store Node-RED deletes
 * that at every deploy.
 */
function keepingPlace(node: RuntimeNode): ContextStore {
  const own = node.context();
  return own.flow ?? own.global;
}

/** Ids and types may hold characters that a context key must not. */
const keptName = (node: RuntimeNode, key: string): string => `${node.type}_${node.id}_${key}`.replaceAll(/\W/g, "_");

/** What to do next, from the locale files, followed by what happened. */
function userText(context: OwnedContext, error: EvError): string {
  const key = `shared.errors.${error.code}`;
  const advice = context.t(key);
  const detail = error.detail === undefined || error.detail === "" ? "" : ` [${error.detail}]`;
  return redact(`${advice === key ? "" : `${advice} `}${error.message}${detail}`, context.secrets());
}

/** An error fit for Catch nodes: in the user's language, without secrets and without the inner cause, which may hold some. */
export function publicError(context: NodeContext, error: EvError): EvError {
  const owned = context as OwnedContext;
  return new EvError(error.code, userText(owned, error), {
    detail: error.detail === undefined ? undefined : redact(error.detail, owned.secrets()),
  });
}

/** Puts a record into a message of its own, `topic` = device. */
export const recordMessage = (record: { readonly device: string }): NodeMessage => ({
  topic: record.device,
  payload: record,
});
