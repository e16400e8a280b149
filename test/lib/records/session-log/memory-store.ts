import { EvError } from "../../../../lib/model/errors.ts";
import type { Session } from "../../../../lib/model/session.ts";
import { checkChange } from "../../../../lib/records/store/check-change.ts";
import {
  type ChainHead,
  isNews,
  makeRevision,
  refuseStale,
  type Revision,
} from "../../../../lib/records/store/hash-chain.ts";
import type { Store, StoreChange, StoreHealth } from "../../../../lib/records/store/store.ts";

type UsedStore = Pick<Store, "commit" | "findSession" | "recall" | "recallAll" | "health" | "subscribe">;

/** The promises of a store, kept in memory, with the store's own rules for revisions; it can refuse. */
export interface MemoryStore extends UsedStore {
  readonly kept: Map<string, string>;
  /** all revisions, oldest first */
  readonly revisions: readonly Revision[];
  /** latest version of what was not deleted */
  rows(): Session[];
  readonly commits: number;
  /** refuses everything with this code; null = well again */
  refuse(code: "io" | "internal" | null): void;
  /** refuses versions for which this is true */
  refuseWhere(isRefused: (session: Session) => boolean): void;
  /** commits wait until released */
  hold(): () => void;
  setHealth(health: StoreHealth): void;
}

export function createMemoryStore(): MemoryStore {
  const kept = new Map<string, string>();
  const revisions: Revision[] = [];
  const chains = new Map<string, ChainHead>();
  const listeners = new Set<(health: StoreHealth) => void>();
  let refusal: "io" | "internal" | null = null;
  let isRefused = (_session: Session): boolean => false;
  let held: Promise<void> | null = null;
  let health: StoreHealth = { state: "ok", waiting: 0 };
  let commits = 0;
  const latest = (sessionId: string): Revision | null =>
    revisions.findLast(({ session }) => session.sessionId === sessionId) ?? null;

  async function commit(change: StoreChange): Promise<readonly Session[]> {
    await held;
    if (refusal !== null) throw new EvError(refusal, "The memory store refuses.");
    if (change.sessions?.some(({ session }) => isRefused(session))) throw new EvError("internal", "Not this one.");
    const checked = JSON.parse(await checkChange(change)) as StoreChange;
    commits += 1;
    for (const { name, content } of checked.kept ?? []) {
      if (content === null) kept.delete(name);
      else kept.set(name, content);
    }
    return (checked.sessions ?? []).map((one) => {
      const known = latest(one.session.sessionId);
      refuseStale(one, known?.head ?? null);
      if (!isNews(one, known?.head ?? null)) return known?.session ?? one.session;
      const revision = makeRevision(one, known?.head ?? null, chains.get(one.session.device) ?? null, 0);
      revisions.push(revision);
      chains.set(one.session.device, revision.chain);
      return revision.session;
    });
  }

  return {
    kept,
    revisions,
    rows() {
      const ids = [...new Set(revisions.map(({ session }) => session.sessionId))];
      return ids.flatMap((id) => {
        const found = latest(id);
        return found === null || found.head.isDeleted ? [] : [found.session];
      });
    },
    get commits() {
      return commits;
    },
    refuse(code) {
      refusal = code;
    },
    refuseWhere(which) {
      isRefused = which;
    },
    hold() {
      let release = (): void => {};
      held = new Promise((resolve) => {
        release = resolve;
      });
      return () => {
        held = null;
        release();
      };
    },
    setHealth(next) {
      health = next;
      for (const listener of listeners) listener(health);
    },
    commit,
    async findSession(sessionId) {
      const found = latest(sessionId);
      return found === null || found.head.isDeleted ? null : found.session;
    },
    recall: async (name) => kept.get(name) ?? null,
    recallAll: async (prefix) =>
      [...kept].filter(([name]) => name.startsWith(prefix)).map(([name, content]) => ({ name, content })),
    get health() {
      return health;
    },
    subscribe(listener) {
      listeners.add(listener);
      listener(health);
      return () => listeners.delete(listener);
    },
  };
}
