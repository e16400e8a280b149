import type { Clock } from "../../model/clock.ts";
import type { Vehicle } from "../../model/records.ts";
import type { Session } from "../../model/session.ts";
import type { DetectedSession, Finding } from "../session/detected.ts";
import type { RevisionReason } from "../store/store.ts";
import type { Item } from "./delivery.ts";
import {
  absorb,
  changeEntry,
  type Entries,
  findEntry,
  forgetOld,
  type News,
  type NewsType,
  openEntries,
  presentEntry,
  showVehicle,
} from "./device-log.ts";
import { annotate, editVersion, followClock, foreignEdits, type LogEntry, storedVersion, takeEdits } from "./entry.ts";
import type { PriceBook } from "./price-book.ts";
import type { EnergyInterval, Origin } from "./profile.ts";
import { buildSession } from "./record.ts";
import type { Annotations } from "./requests.ts";
import type { LogSettings } from "./settings.ts";
import { termsOf } from "./terms.ts";

/** The sessions of one charger as records: which version of each goes to the store, and when. */
export interface Versions {
  readonly entries: Entries;
  /** What the detector found. */
  take(findings: readonly Finding[]): void;
  /** Sends the running session when it has grown for long enough. */
  updateWhenDue(running: DetectedSession | null): void;
  /** Closes what the detector knows nothing of any more, because it could not be taken up. */
  closeOrphans(running: DetectedSession | null): void;
  /** @returns false when there is no session at all */
  annotate(said: Annotations, running: DetectedSession | null): boolean;
  /** @returns false when it says nothing new */
  seeVehicle(vehicle: Vehicle): boolean;
  /** Prices have come or changed. */
  reprice(): void;
  /** The open sessions as they are now. */
  present(running: DetectedSession | null): Session[];
  /** Takes over what somebody changed in the stored session meanwhile. */
  adopt(item: Item, stored: Session): Item;
  /** These are on the disk. */
  written(sessions: readonly Session[]): void;
  /** This is the number of its version. */
  number(stored: Session): void;
}

export interface VersionsParts {
  readonly clock: Clock;
  readonly settings: LogSettings;
  readonly originOf: (interval: EnergyInterval) => Origin | null;
  readonly book: () => PriceBook;
  readonly send: (item: Item) => void;
  /** What is kept of the sessions has changed. */
  readonly note: () => void;
}

interface Sent {
  readonly atMs: number;
  readonly energyWh: number;
  readonly dischargedWh: number;
}

const MOST_REVISIONS = 20;

export function createVersions(device: string, parts: VersionsParts, kept: Entries): Versions {
  const { clock, settings, note } = parts;
  let entries = kept;
  /** the last version of each session that went out */
  const sent = new Map<string, Sent>();
  for (const { detected, stored } of entries) {
    if (stored !== null) sent.set(detected.sessionId, { ...stored, atMs: Number.NEGATIVE_INFINITY });
  }
  const revisions = new Map<string, number>();
  /** prices, people or the car have changed what the next version says */
  let isStale = false;

  const put = (entry: LogEntry): void => {
    entries = changeEntry(entries, entry.detected.sessionId, () => entry);
  };

  const build = (entry: LogEntry): Session => {
    const terms = termsOf(entry, parts.book(), settings);
    const { session, awaitsPrices } = buildSession(entry, terms);
    const { sessionId } = session;
    if (entry.isClosed || entry.awaitsPrices !== awaitsPrices) {
      const settled = entry.isClosed ? terms : null;
      entries = changeEntry(entries, sessionId, (same) => ({ ...same, awaitsPrices, terms: settled }));
    }
    return { ...session, revision: revisions.get(sessionId) ?? 1 };
  };

  const send = (type: NewsType, entry: LogEntry, reason: RevisionReason, said?: Annotations): void => {
    const session = build(entry);
    const { energyWh, dischargedWh } = entry.detected;
    sent.set(session.sessionId, { atMs: clock.monotonicMs(), energyWh, dischargedWh });
    parts.send({ type, device, session, reason, ...(said === undefined ? {} : { said }) });
  };

  const tell = ({ type, sessionId, isUrgent }: News): void => {
    const entry = findEntry(entries, sessionId);
    if (entry === null) return;
    if (type === "empty" && !settings.keepsEmpty) {
      send("empty", entry, "deleted");
      entries = entries.filter(({ detected }) => detected.sessionId !== sessionId);
    } else if (type === "empty") send("closed", entry, "detected");
    else if (type === "corrected") send(type, entry, "corrected");
    else if (type !== "updated" || isUrgent) send(type, entry, "detected");
  };

  /** The running session with its energy of this moment, which the detector tells only now and then. */
  const bringUpToDate = (running: DetectedSession | null): LogEntry | null => {
    const entry = running === null ? null : findEntry(entries, running.sessionId);
    if (running === null || entry === null || entry.isClosed) return null;
    const current = followClock(entry, running);
    put(current);
    return current;
  };

  return {
    get entries() {
      return entries;
    },
    take(findings) {
      if (findings.length === 0) return;
      const absorbed = absorb(entries, findings, parts.originOf);
      ({ entries } = absorbed);
      for (const news of absorbed.news) tell(news);
      entries = forgetOld(entries);
      const ids = new Set(entries.map(({ detected }) => detected.sessionId));
      for (const sessionId of sent.keys()) if (!ids.has(sessionId)) sent.delete(sessionId);
      note();
    },
    updateWhenDue(running) {
      if (running === null) return;
      const last = sent.get(running.sessionId);
      if (last !== undefined && clock.monotonicMs() - last.atMs < settings.updateIntervalS * 1000) return;
      if (last !== undefined && isSameEnergy(running, last) && !isStale) return;
      const entry = bringUpToDate(running);
      if (entry === null) return;
      isStale = false;
      send("updated", entry, "detected");
    },
    closeOrphans(running) {
      for (const entry of openEntries(entries)) {
        if (entry.detected.sessionId === running?.sessionId) continue;
        const closed = { ...entry, isClosed: true, detected: endUncertain(entry.detected) };
        put(closed);
        send("closed", closed, "detected");
        note();
      }
    },
    annotate(said, running) {
      bringUpToDate(running);
      const entry = presentEntry(entries);
      if (entry === null) return false;
      const changed = annotate(entry.isClosed ? markCorrected(entry) : entry, said);
      put(changed);
      send(entry.isClosed ? "corrected" : "updated", changed, "edited", said);
      note();
      return true;
    },
    seeVehicle(vehicle) {
      const changed = showVehicle(entries, vehicle, clock.nowMs());
      if (changed === entries) return false;
      entries = changed;
      isStale = true;
      note();
      return true;
    },
    reprice() {
      isStale = true;
      for (const entry of entries.filter(({ isClosed, awaitsPrices }) => isClosed && awaitsPrices)) {
        const marked = markCorrected(entry);
        const { session } = buildSession(marked, termsOf(marked, parts.book(), settings));
        if (session.cost === entry.stored?.cost && session.unpricedWh === entry.stored.unpricedWh) continue;
        put(marked);
        send("corrected", marked, "corrected");
        note();
      }
    },
    present(running) {
      bringUpToDate(running);
      return openEntries(entries).map(build);
    },
    adopt(item, stored) {
      const entry = findEntry(entries, item.session.sessionId);
      const edits = entry === null ? null : foreignEdits(entry, stored, item.said ?? {});
      if (entry === null || edits === null) return item;
      put(takeEdits(entry, edits));
      return { ...item, session: editVersion(item.session, edits) };
    },
    written(sessions) {
      for (const session of sessions) {
        const stored = storedVersion(session);
        entries = changeEntry(entries, session.sessionId, (entry) => ({ ...entry, stored }));
      }
    },
    number({ sessionId, revision }) {
      revisions.set(sessionId, revision);
      if (revisions.size > MOST_REVISIONS) revisions.delete(revisions.keys().next().value ?? "");
    },
  };
}

/** Stored energies are rounded to a thousandth of a Wh. */
const isSameEnergy = (a: Omit<Sent, "atMs">, b: Omit<Sent, "atMs">): boolean =>
  Math.abs(a.energyWh - b.energyWh) < 0.001 && Math.abs(a.dischargedWh - b.dischargedWh) < 0.001;

const endUncertain = (detected: DetectedSession): DetectedSession => ({
  ...detected,
  unpluggedAtMs: detected.pluggedAtMs + detected.pluggedS * 1000,
  endReason: detected.endReason ?? "unknown",
  flags: [...new Set([...detected.flags, "end-uncertain" as const, "recovered" as const])],
});

function markCorrected(entry: LogEntry): LogEntry {
  const { flags } = entry.detected;
  if (flags.includes("corrected")) return entry;
  return { ...entry, detected: { ...entry.detected, flags: [...flags, "corrected"] } };
}
