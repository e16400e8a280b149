import type { Clock } from "../../model/clock.ts";
import type { Charger, Meter, Vehicle } from "../../model/records.ts";
import type { Session } from "../../model/session.ts";
import type { DetectedSession, DetectorEvent, Finding, Instant } from "../session/detected.ts";
import { defaultMeteredPlugSettings, readMeteredPlug } from "../session/metered-plug.ts";
import { type MeteredPlugState, readMeteredPlugState, resumeMeteredPlug } from "../session/plug-state.ts";
import type { DetectorState } from "../session/state.ts";
import type { RevisionReason } from "../store/store.ts";
import type { Collected, Item } from "./delivery.ts";
import { type Detection, presentSession, sightOf } from "./detection.ts";
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
import { annotate, editsOf, followClock, type LogEntry, storedVersion } from "./entry.ts";
import { createKeeping } from "./keeping.ts";
import type { Announcement, KeptDevice } from "./kept.ts";
import type { PriceBook } from "./price-book.ts";
import type { EnergyInterval, Origin } from "./profile.ts";
import { buildSession } from "./record.ts";
import type { Annotations } from "./requests.ts";
import type { LogSettings } from "./settings.ts";

/** Follows one charger: from its readings to versions of its sessions. */
export interface Watch {
  readonly device: string;
  readonly entries: Entries;
  /** The session of this moment, for a glance; null = no car */
  readonly running: { readonly isCharging: boolean; readonly energyWh: number } | null;
  /** Stored, but perhaps not told before a kill. */
  readonly announcing: readonly Announcement[];
  forgetAnnouncement(told: Announcement): void;
  read(charger: Charger, isSnapshot: boolean): void;
  /** The meter's channel that this plug is; null = it is none, or has not spoken yet. */
  readonly plugChannel: number | null;
  /** A plug behind a meter, which has no charger to speak for it. */
  readPlug(meter: Meter): void;
  /** Time has passed. */
  tick(): void;
  /** The program was restarted; before any reading. */
  resume(): void;
  /** Ends the running session by a person's word. @returns false when there is none */
  end(): boolean;
  /** @returns false when there is no session at all */
  annotate(said: Annotations): boolean;
  seeVehicle(vehicle: Vehicle): void;
  /** Prices have come or changed. */
  reprice(): void;
  /** The open sessions as they are now. */
  present(): Session[];
  /** Takes over what somebody changed in the stored session meanwhile. */
  adopt(item: Item, stored: Session): Item;
  /** What must be kept of it, together with these versions. */
  collect(items: readonly Item[]): Collected;
  /** A version is stored, and told to whoever heard it. */
  settle(item: Item, stored: Session, isHeard: boolean): void;
}

export interface WatchParts {
  readonly clock: Clock;
  readonly settings: LogSettings;
  readonly detection: Detection;
  readonly originOf: (interval: EnergyInterval) => Origin | null;
  readonly book: () => PriceBook;
  readonly send: (item: Item) => void;
  /** Something that is kept has changed. */
  readonly touch: () => void;
}

interface Sent {
  readonly atMs: number;
  readonly energyWh: number;
  readonly dischargedWh: number;
}

export function createWatch(device: string, parts: WatchParts, kept: KeptDevice | null): Watch {
  const { clock, settings, detection } = parts;
  let detector = detection.revive(kept?.detector, device);
  let entries: Entries = kept?.entries ?? [];
  let plug = readMeteredPlugState(kept?.plug);
  let plugKept: MeteredPlugState | null = null;
  let sight = sightOf(detector);
  const keeping = createKeeping(settings.logId, device, kept, parts.touch);
  /** the last version of each session that went out */
  const sent = new Map<string, Sent>();
  for (const { detected, stored } of entries) {
    if (stored !== null) sent.set(detected.sessionId, { ...stored, atMs: Number.NEGATIVE_INFINITY });
  }
  const revisions = new Map<string, number>();
  /** prices, people or the car have changed what the next version says */
  let isStale = false;

  const now = (): Instant => ({ nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() });

  const build = (entry: LogEntry): Session => {
    const { session, awaitsPrices } = buildSession(entry, parts.book(), settings);
    const { sessionId } = session;
    if (entry.awaitsPrices !== awaitsPrices) {
      entries = changeEntry(entries, sessionId, (same) => ({ ...same, awaitsPrices }));
    }
    return { ...session, revision: revisions.get(sessionId) ?? 1 };
  };

  const send = (type: NewsType, entry: LogEntry, reason: RevisionReason, said?: Annotations): void => {
    const session = build(entry);
    sent.set(session.sessionId, {
      atMs: clock.monotonicMs(),
      energyWh: entry.detected.energyWh,
      dischargedWh: entry.detected.dischargedWh,
    });
    parts.send({ type, device, session, reason, ...(said === undefined ? {} : { said }) });
  };

  const take = (findings: readonly Finding[]): void => {
    const absorbed = absorb(entries, findings, parts.originOf);
    ({ entries } = absorbed);
    for (const news of absorbed.news) tell(news);
    const kept = forgetOld(entries);
    for (const { detected } of entries)
      if (findEntry(kept, detected.sessionId) === null) sent.delete(detected.sessionId);
    entries = kept;
    if (findings.length > 0) keeping.note();
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
  const bringUpToDate = (): LogEntry | null => {
    const detected = presentSession(detector);
    const entry = detected === null ? null : findEntry(entries, detected.sessionId);
    if (detected === null || entry === null || entry.isClosed) return null;
    const current = followClock(entry, detected);
    entries = changeEntry(entries, detected.sessionId, () => current);
    return current;
  };

  const updateWhenDue = (): void => {
    const running = presentSession(detector);
    if (running === null) return;
    const last = sent.get(running.sessionId);
    if (last !== undefined && clock.monotonicMs() - last.atMs < settings.updateIntervalS * 1000) return;
    if (last !== undefined && isSameEnergy(running, last) && !isStale) return;
    const entry = bringUpToDate();
    if (entry === null) return;
    isStale = false;
    send("updated", entry, "detected");
  };

  /** Sessions that the detector knows nothing of any more, because it could not be taken up. */
  const closeOrphans = (): void => {
    const running = presentSession(detector)?.sessionId;
    for (const entry of openEntries(entries)) {
      const { detected } = entry;
      if (detected.sessionId === running) continue;
      const closed = { ...entry, isClosed: true, detected: endUncertain(detected) };
      entries = changeEntry(entries, detected.sessionId, () => closed);
      send("closed", closed, "detected");
      keeping.note();
    }
  };

  const step = (event: DetectorEvent): void => {
    const { state, findings } = detection.step(detector, event);
    detector = state;
    take(findings);
    updateWhenDue();
    // energy that is not told yet is known all the same, and must not get lost
    keeping.noteEnergy(energyOf(detector));
    const seen = sightOf(detector);
    if (seen !== sight) keeping.note();
    sight = seen;
  };

  return {
    device,
    get entries() {
      return entries;
    },
    get announcing() {
      return keeping.announcing;
    },
    forgetAnnouncement: (told) => keeping.forgetAnnouncement(told),
    get plugChannel() {
      return plug.channel;
    },
    get running() {
      const detected = presentSession(detector);
      if (detected === null) return null;
      const isCharging = detected.segments.at(-1)?.endMs === null;
      return { isCharging, energyWh: detected.energyWh };
    },
    read(charger, isSnapshot) {
      step({ type: "reading", charger, isSnapshot, ...now() });
    },
    readPlug(meter) {
      const { state, charger } = readMeteredPlug(plug, meter, now(), defaultMeteredPlugSettings);
      // an idle plug's counter is kept too: what it gains while the program is away is known by it
      const isDue = plugKept === null || Math.abs(state.lineMs - plugKept.lineMs) >= KEEP_PLUG_MS;
      if (isDue || state.phase !== plug.phase) {
        plugKept = state;
        keeping.note();
      }
      plug = state;
      step({ type: "reading", charger, ...now() });
    },
    tick: () => step({ type: "tick", ...now() }),
    resume() {
      plug = resumeMeteredPlug(plug);
      closeOrphans();
      step({ type: "resumed", ...now() });
    },
    end() {
      if (presentSession(detector) === null) return false;
      const { state, findings } = detection.end(detector, now());
      detector = state;
      take(findings);
      keeping.note();
      return true;
    },
    annotate(said) {
      bringUpToDate();
      const entry = presentEntry(entries);
      if (entry === null) return false;
      const changed = annotate(entry.isClosed ? markCorrected(entry) : entry, said);
      entries = changeEntry(entries, entry.detected.sessionId, () => changed);
      send(entry.isClosed ? "corrected" : "updated", changed, "edited", said);
      keeping.note();
      return true;
    },
    seeVehicle(vehicle) {
      const changed = showVehicle(entries, vehicle, clock.nowMs());
      if (changed === entries) return;
      entries = changed;
      isStale = true;
      keeping.note();
      updateWhenDue();
    },
    reprice() {
      isStale = true;
      for (const entry of entries.filter(({ isClosed, awaitsPrices }) => isClosed && awaitsPrices)) {
        const marked = markCorrected(entry);
        const { session } = buildSession(marked, parts.book(), settings);
        if (session.cost === entry.stored?.cost && session.unpricedWh === entry.stored.unpricedWh) continue;
        entries = changeEntry(entries, session.sessionId, () => marked);
        send("corrected", marked, "corrected");
        keeping.note();
      }
    },
    present() {
      bringUpToDate();
      return openEntries(entries).map(build);
    },
    adopt(item, stored) {
      const { sessionId } = item.session;
      const entry = findEntry(entries, sessionId);
      if (entry === null || entry.stored === null) return item;
      const edits = { ...editsOf(entry.stored, storedVersion(stored)) };
      for (const field of Object.keys(item.said ?? {})) delete edits[field as keyof Annotations];
      if (Object.keys(edits).length === 0) return item;
      entries = changeEntry(entries, sessionId, (same) => annotate(same, edits));
      return { ...item, session: { ...item.session, ...(edits as Partial<Session>) } };
    },
    collect(items) {
      const own = items.filter((item) => item.device === device);
      const { rows, written } = keeping.collect(own, { device, detector, plug, entries }, energyOf(detector));
      return {
        rows,
        written() {
          written();
          for (const { session } of own) {
            const stored = storedVersion(session);
            entries = changeEntry(entries, session.sessionId, (entry) => ({ ...entry, stored }));
          }
        },
      };
    },
    settle(item, stored, isHeard) {
      revisions.set(stored.sessionId, stored.revision);
      if (revisions.size > MOST_REVISIONS) revisions.delete(revisions.keys().next().value ?? "");
      if (isHeard) keeping.settle(item, stored);
    },
  };
}

const MOST_REVISIONS = 20;
const KEEP_PLUG_MS = 300_000;

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

/** NaN = no session */
const energyOf = ({ session }: DetectorState): number =>
  session === null ? Number.NaN : session.energyWh + session.dischargedWh;
