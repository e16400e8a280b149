import { backoffMs } from "../../io/retry.ts";
import { type Cancel, type Clock, sleep } from "../../model/clock.ts";
import { type EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { Session } from "../../model/session.ts";
import type { RevisionReason, Store, StoreChange } from "../store/store.ts";
import type { NewsType } from "./device-log.ts";
import type { Annotations } from "./requests.ts";

/*
 * The way of sessions into the store and from there into messages. What is kept goes along in the same transaction, so that
 * after a kill the two always fit. A store that fails costs nothing but time: sessions wait here, the newest version of
 * each, and charging is never asked to wait.
 */

/** A version of a session on its way. */
export interface Item {
  readonly type: NewsType;
  readonly device: string;
  readonly session: Session;
  readonly reason: RevisionReason;
  /** What a person said with it: nobody's earlier edit stands against it. */
  readonly said?: Annotations;
}

export interface Collected {
  readonly rows: NonNullable<StoreChange["kept"]>;
  /** To be called when the rows are on the disk. */
  readonly written: () => void;
}

export interface DeliveryParts {
  readonly store: Pick<Store, "commit">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A last look at versions that are about to be stored. */
  readonly prepare: (items: readonly Item[]) => Promise<readonly Item[]>;
  /** What must be kept with them. */
  readonly collect: (items: readonly Item[]) => Collected;
  /** It is on the disk: time to tell. */
  readonly deliver: (item: Item, stored: Session) => void;
  readonly onChange: () => void;
}

export interface Delivery {
  send(item: Item): void;
  /** Something that is kept has changed; written within about a second. */
  touch(): void;
  /** Versions that wait because the store refuses; 0 while all is well. */
  readonly waiting: number;
  readonly isFailing: boolean;
  /** One last try. */
  close(): Promise<void>;
}

/** Nothing is kept more often than this, ms. */
const SHORTEST_PERIOD_MS = 1000;
const RETRY = { baseMs: 1000, capMs: 60_000 };
const MOST_AT_ONCE = 50;
/** A year of a family; what is beyond, the oldest, is given up. */
const MOST_WAITING = 2000;
/** The store's word against what is to be stored, not about the disk. */
const REFUSALS: ReadonlySet<string> = new Set(["internal", "out-of-range", "config", "unsupported"]);
/** A version that the store calls impossible so often is put aside, so that it does not hold up the others. */
const PATIENCE = 3;
/** A disk that hangs is not waited for, ms. */
const CLOSE_WITHIN_MS = 3000;

export function createDelivery(parts: DeliveryParts): Delivery {
  const { store, clock, logger } = parts;
  let items: Item[] = [];
  /** how many of `items`, from the front, are being stored */
  let inFlight = 0;
  let running: Promise<void> | null = null;
  let isDirty = false;
  let isClosed = false;
  let failures = 0;
  let failure: EvError | null = null;
  let lastMs = Number.NEGATIVE_INFINITY;
  let cancelTimer: Cancel | null = null;

  const schedule = (): void => {
    if (running !== null || isClosed || (items.length === 0 && !isDirty)) return;
    // news does not put off the next try
    if (failures > 0 && cancelTimer !== null) return;
    const restMs = lastMs + SHORTEST_PERIOD_MS - clock.monotonicMs();
    const waitMs = failures > 0 ? backoffMs(failures, RETRY) : items.length > 0 ? 0 : restMs;
    disarm();
    if (waitMs <= 0) start();
    else cancelTimer = clock.after(waitMs, start);
  };

  const disarm = (): void => {
    cancelTimer?.();
    cancelTimer = null;
  };

  const start = (): void => {
    if (running !== null) return;
    disarm();
    running = storeNext().then(() => {
      running = null;
      schedule();
    });
  };

  /** @returns false when the store refuses */
  const storeNext = async (): Promise<boolean> => {
    // one at a time while something among them is refused
    const batch = items.slice(0, failure !== null && REFUSALS.has(failure.code) ? 1 : MOST_AT_ONCE);
    inFlight = batch.length;
    try {
      const ready = await parts.prepare(batch);
      isDirty = false;
      const kept = parts.collect(ready);
      lastMs = clock.monotonicMs();
      const sessions = ready.map(({ session, reason }) => ({ session, reason }));
      const stored = await store.commit({ sessions, kept: kept.rows });
      kept.written();
      items.splice(0, batch.length);
      inFlight = 0;
      recover();
      ready.forEach((item, index) => parts.deliver(item, stored[index] ?? item.session));
      return true;
    } catch (thrown) {
      inFlight = 0;
      isDirty = true;
      fail(toEvError(thrown));
      return false;
    }
  };

  const fail = (error: EvError): void => {
    failures += 1;
    if (failure === null) logger.warn(`The store does not take sessions; they wait in memory: ${error.message}`);
    failure = error;
    const [first] = items;
    if (REFUSALS.has(error.code) && failures > PATIENCE && first !== undefined) {
      items.shift();
      failures = 1;
      logger.error(`A version was given up, because the store refuses it: ${describe(first)}. ${error.message}`);
    }
    parts.onChange();
  };

  const recover = (): void => {
    if (failure === null) return;
    failure = null;
    failures = 0;
    logger.info("The store takes sessions again.");
    parts.onChange();
  };

  const finish = async (): Promise<void> => {
    await running;
    while ((await storeNext()) && items.length > 0);
  };

  return {
    send(item) {
      items = [...items.slice(0, inFlight), ...outdate(items.slice(inFlight), item), item];
      if (items.length > MOST_WAITING) {
        const [given] = items.splice(inFlight, 1);
        if (given !== undefined) logger.error(`Too much waits for the store; given up: ${describe(given)}`);
      }
      schedule();
    },
    touch() {
      isDirty = true;
      schedule();
    },
    get waiting() {
      return failure === null ? 0 : items.length;
    },
    get isFailing() {
      return failure !== null;
    },
    async close() {
      isClosed = true;
      disarm();
      const stop = new AbortController();
      const patience = sleep(clock, CLOSE_WITHIN_MS, stop.signal).catch(() => {});
      await Promise.race([finish(), patience]);
      stop.abort();
      if (items.length > 0) logger.error(`${items.length} versions of sessions were not stored before closing.`);
    },
  };
}

/** Enough to enter it again by hand; who charged is nobody's business in a log. */
const describe = ({ type, session: { sessionId, device, pluggedAt, unpluggedAt, energyWh } }: Item): string =>
  `${type} ${sessionId} of "${device}", ${pluggedAt} to ${unpluggedAt ?? "now"}, ${energyWh} Wh`;

/** A newer version makes an update of the same session superfluous. */
const outdate = (waiting: readonly Item[], { session, reason }: Item): Item[] =>
  waiting.filter(
    (item) => item.type !== "updated" || item.reason !== reason || item.session.sessionId !== session.sessionId,
  );
