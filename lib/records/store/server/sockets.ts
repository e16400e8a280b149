import type { Socket } from "node:net";

/**
 * All sockets of one pool, from the moment they are made: those that are still being connected are in no list of the pool's own,
 * and would outlive it by their whole connect timeout.
 */
export interface Sockets {
  add(socket: Socket): Socket;
  destroyAll(): void;
  /** Destroys all, and every one that is made from now on. */
  end(): void;
}

export function createSockets(): Sockets {
  const open = new Set<Socket>();
  let isEnded = false;
  const destroyAll = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    add(socket) {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      // a socket that is destroyed before it is told to connect would come alive again
      if (isEnded) process.nextTick(() => socket.destroy());
      return socket;
    },
    destroyAll,
    end() {
      isEnded = true;
      destroyAll();
    },
  };
}
