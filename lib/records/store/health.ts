import type { StoreHealth } from "./store.ts";

/** What the parts of a store report about themselves. */
export interface HealthBoard {
  readonly present: StoreHealth;
  readonly isDiskRefusing: boolean;
  /** the disk refuses; null = it does not. @param held changes that wait in memory */
  disk(fault: Fault | null, held: number): void;
  /** the server does; null = it does not */
  server(fault: Fault | null): void;
  waiting(count: number): void;
  subscribe(listener: (health: StoreHealth) => void): () => void;
}

export interface Fault {
  readonly code: string;
  readonly text: string;
}

export function createHealthBoard(): HealthBoard {
  const listeners = new Set<(health: StoreHealth) => void>();
  let disk: Fault | null = null;
  let server: Fault | null = null;
  let waiting = 0;
  let held = 0;
  let present: StoreHealth = { state: "ok", waiting: 0 };

  const update = (): void => {
    const count = waiting + held;
    let next: StoreHealth = { state: "ok", waiting: count };
    // another program that holds the file lets go of it again
    if (disk !== null) next = { state: disk.code === "busy" ? "waiting" : "failed", waiting: count, ...disk };
    else if (server !== null) next = { state: "waiting", waiting: count, ...server };
    if (JSON.stringify(next) === JSON.stringify(present)) return;
    present = next;
    for (const listener of listeners) listener(present);
  };
  return {
    get present() {
      return present;
    },
    get isDiskRefusing() {
      return disk !== null;
    },
    disk(fault, count) {
      disk = fault;
      held = count;
      update();
    },
    server(fault) {
      server = fault;
      update();
    },
    waiting(count) {
      waiting = count;
      update();
    },
    subscribe(listener) {
      listeners.add(listener);
      listener(present);
      return () => listeners.delete(listener);
    },
  };
}
