import type { Session } from "../../model/session.ts";
import type { Collected, Item } from "./delivery.ts";
import type { Entries, NewsType } from "./device-log.ts";
import { storedVersion } from "./entry.ts";
import {
  type Announcement,
  isPastChanged,
  type KeptDevice,
  pastName,
  stateName,
  writePast,
  writeState,
} from "./kept.ts";

/** What of one charger is on the disk, and what is to be written. */
export interface Keeping {
  /** Stored, but perhaps not told. */
  readonly announcing: readonly Announcement[];
  forgetAnnouncement(told: Announcement): void;
  /** Something has changed. */
  note(): void;
  /** Energy is known up to here; noted when it is more than what was collected last. */
  noteEnergy(energyWh: number): void;
  /** @param own versions of this charger that are stored in the same moment */
  collect(own: readonly Item[], known: Omit<KeptDevice, "announcing">, energyWh: number): Collected;
  /** A version was told. */
  settle(item: Item, stored: Session): void;
}

/** Messages that must not get lost between storing and sending. */
const ANNOUNCED: ReadonlySet<NewsType> = new Set<NewsType>(["opened", "closed", "corrected"]);
const MOST_ANNOUNCED = 20;
const NOTHING: Collected = { rows: [], written: () => {} };

/** @param touch asks for a collection within about a second */
export function createKeeping(logId: string, device: string, kept: KeptDevice | null, touch: () => void): Keeping {
  let announcing: readonly Announcement[] = kept?.announcing ?? [];
  let keptEntries: Entries = kept?.entries ?? [];
  let keptWh = Number.NaN;
  /** counts what has changed; the disk has what was counted in `writtenChanges` */
  let changes = 0;
  let writtenChanges = 0;

  const note = (): void => {
    changes += 1;
    touch();
  };
  const announce = (type: NewsType, sessionId: string): void => {
    const others = announcing.filter((known) => known.type !== type || known.sessionId !== sessionId);
    announcing = [...others, { type, sessionId }].slice(-MOST_ANNOUNCED);
  };

  const forget = (told: Announcement): void => {
    const left = announcing.filter((known) => known.type !== told.type || known.sessionId !== told.sessionId);
    if (left.length === announcing.length) return;
    announcing = left;
    note();
  };

  return {
    get announcing() {
      return announcing;
    },
    forgetAnnouncement: forget,
    note,
    noteEnergy(energyWh) {
      if (!Object.is(energyWh, keptWh)) note();
    },
    collect(own, known, energyWh) {
      const { entries } = known;
      if (changes === writtenChanges && own.length === 0) return NOTHING;
      const counted = changes;
      keptWh = energyWh;
      for (const { type, session } of own) if (ANNOUNCED.has(type)) announce(type, session.sessionId);
      const versions = new Map(own.map(({ session }) => [session.sessionId, storedVersion(session)]));
      const snapshot = entries.map((entry) => ({
        ...entry,
        stored: versions.get(entry.detected.sessionId) ?? entry.stored,
      }));
      const content = writeState({ ...known, entries: snapshot, announcing });
      const isLonger = isPastChanged(keptEntries, entries);
      return {
        rows: [
          { name: stateName(logId, device), content },
          ...(isLonger ? [{ name: pastName(logId, device), content: writePast(entries) }] : []),
        ],
        written() {
          writtenChanges = counted;
          keptEntries = snapshot;
        },
      };
    },
    settle: ({ type }, { sessionId }) => forget({ type, sessionId }),
  };
}
