import { EvError, toEvError } from "../../lib/model/errors.ts";
import type { NodeRed, RuntimeNode } from "./node-red.d.ts";

/*
 * Config nodes offer a service (a connection, a site) to other nodes. It starts with the first user and ends after the
 * last: at once when the config node itself closes or the user was removed, after a short linger when a user is only
 * being redeployed, so that a deploy neither reconnects nor stops a running charge.
 */

/** How long a service waits for the next user, ms. */
const LINGER_MS = 2000;

/** One life of a service, from its first user to its last. */
export interface ServiceLife {
  /** @throws EvError why the latest try to start failed; another try follows by itself */
  ready(): Promise<{ readonly service?: unknown }>;
  /** What must never be shown. */
  secrets(): readonly string[];
  close(removed: boolean): Promise<void>;
}

export interface UsedService {
  readonly service: unknown;
  readonly secrets: () => readonly string[];
  release(removed: boolean): void;
}

export interface ServiceHost {
  acquire(user: RuntimeNode): Promise<UsedService>;
  close(removed: boolean): Promise<void>;
}

const hosts = new WeakMap<RuntimeNode, ServiceHost>();

/** Finds the config node and takes its service. @throws EvError `config`, or why the service could not start */
export function useService(RED: NodeRed, configNodeId: unknown, type: string, user: RuntimeNode): Promise<UsedService> {
  const configNode = typeof configNodeId === "string" ? RED.nodes.getNode(configNodeId) : null;
  const host = configNode === null || configNode === undefined ? undefined : hosts.get(configNode);
  if (host === undefined || configNode?.type !== type) {
    throw new EvError("config", `Open the node and choose its ${type}: none is selected, or it is disabled.`);
  }
  return host.acquire(user);
}

/** Makes `configNode` a host. `launch` begins one life of the service. */
export function attachService(configNode: RuntimeNode, launch: () => ServiceLife, closeWithinMs: number): ServiceHost {
  const users = new Set<RuntimeNode>();
  let life: ServiceLife | null = null;
  let ending: Promise<void> = Promise.resolve();
  let lingering: ReturnType<typeof setTimeout> | null = null;
  let isClosed = false;
  let whenUnused: () => void = () => {};

  const stopLife = (removed: boolean): void => {
    if (lingering !== null) clearTimeout(lingering);
    lingering = null;
    const old = life;
    life = null;
    if (old === null) return;
    ending = ending
      .then(() => old.close(removed))
      .catch((thrown: unknown) =>
        configNode.warn(`${configNode.type} could not close properly: ${toEvError(thrown).code}`),
      );
  };

  const release = (user: RuntimeNode, removed: boolean): void => {
    if (!users.delete(user) || users.size > 0) return;
    whenUnused();
    if (isClosed) return;
    if (removed) stopLife(true);
    else lingering ??= setTimeout(() => stopLife(false), LINGER_MS);
  };

  const host: ServiceHost = {
    async acquire(user) {
      if (isClosed) throw new EvError("closed", "The connection was closed.");
      if (lingering !== null) clearTimeout(lingering);
      lingering = null;
      users.add(user);
      await ending;
      life ??= launch();
      const current = life;
      try {
        const running = await current.ready();
        return {
          service: running.service,
          secrets: () => current.secrets(),
          release: (removed) => release(user, removed),
        };
      } catch (thrown) {
        release(user, false);
        throw thrown;
      }
    },
    async close(removed) {
      isClosed = true;
      // the users are closing too; their goodbyes still need the service
      if (users.size > 0) {
        await new Promise<void>((resolve) => {
          const patience = setTimeout(resolve, closeWithinMs / 2);
          whenUnused = () => {
            clearTimeout(patience);
            resolve();
          };
        });
      }
      stopLife(removed);
      await ending;
    },
  };
  hosts.set(configNode, host);
  return host;
}
