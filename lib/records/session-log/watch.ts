import type { Charger, Meter, Vehicle } from "../../model/records.ts";
import type { Session } from "../../model/session.ts";
import type { DetectorEvent, Instant } from "../session/detected.ts";
import { defaultMeteredPlugSettings, readMeteredPlug } from "../session/metered-plug.ts";
import { type MeteredPlugState, readMeteredPlugState, resumeMeteredPlug } from "../session/plug-state.ts";
import type { DetectorState } from "../session/state.ts";
import type { Collected, Item } from "./delivery.ts";
import { type Detection, presentSession, sightOf } from "./detection.ts";
import type { Entries } from "./device-log.ts";
import { createKeeping } from "./keeping.ts";
import type { Announcement, KeptDevice } from "./kept.ts";
import type { Annotations } from "./requests.ts";
import { createVersions, type VersionsParts } from "./versions.ts";

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

export interface WatchParts extends Omit<VersionsParts, "note"> {
  readonly detection: Detection;
  /** Something that is kept has changed. */
  readonly touch: () => void;
}

export function createWatch(device: string, parts: WatchParts, kept: KeptDevice | null): Watch {
  const { clock, settings, detection } = parts;
  let detector = detection.revive(kept?.detector, device);
  let plug = readMeteredPlugState(kept?.plug);
  let plugKept: MeteredPlugState | null = null;
  let sight = sightOf(detector);
  const keeping = createKeeping(settings.logId, device, kept, parts.touch);
  const note = (): void => keeping.note();
  const versions = createVersions(device, { ...parts, note }, kept?.entries ?? []);

  const now = (): Instant => ({ nowMs: clock.nowMs(), monotonicMs: clock.monotonicMs() });

  const step = (event: DetectorEvent): void => {
    const { state, findings } = detection.step(detector, event);
    detector = state;
    versions.take(findings);
    versions.updateWhenDue(presentSession(detector));
    // energy that is not told yet is known all the same, and must not get lost
    keeping.noteEnergy(energyOf(detector));
    const seen = sightOf(detector);
    if (seen !== sight) note();
    sight = seen;
  };

  return {
    device,
    get entries() {
      return versions.entries;
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
        note();
      }
      plug = state;
      step({ type: "reading", charger, ...now() });
    },
    tick: () => step({ type: "tick", ...now() }),
    resume() {
      plug = resumeMeteredPlug(plug);
      versions.closeOrphans(presentSession(detector));
      step({ type: "resumed", ...now() });
    },
    end() {
      if (presentSession(detector) === null) return false;
      const { state, findings } = detection.end(detector, now());
      detector = state;
      versions.take(findings);
      return true;
    },
    annotate: (said) => versions.annotate(said, presentSession(detector)),
    seeVehicle(vehicle) {
      if (versions.seeVehicle(vehicle)) versions.updateWhenDue(presentSession(detector));
    },
    reprice: () => versions.reprice(),
    present: () => versions.present(presentSession(detector)),
    adopt: (item, stored) => versions.adopt(item, stored),
    collect(items) {
      const own = items.filter((item) => item.device === device);
      const known = { device, detector, plug, entries: versions.entries };
      const { rows, written } = keeping.collect(own, known, energyOf(detector));
      return {
        rows,
        written() {
          written();
          versions.written(own.map(({ session }) => session));
        },
      };
    },
    settle(item, stored, isHeard) {
      versions.number(stored);
      if (isHeard) keeping.settle(item, stored);
    },
  };
}

const KEEP_PLUG_MS = 300_000;

/** NaN = no session */
const energyOf = ({ session }: DetectorState): number =>
  session === null ? Number.NaN : session.energyWh + session.dischargedWh;
