import type { Waiting } from "../../io/wait-until.ts";
import { type Cancel, type Clock, repeatEvery } from "../../model/clock.ts";
import { EvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { Charger } from "../../model/records.ts";
import { secondsToMs } from "../../model/units.ts";
import { chargerRecord, isChange } from "./charger-record.ts";
import { detectFirmware, type Firmware, type WhMeaning } from "./firmware.ts";
import type { LinkEvents, OpenevseLink } from "./link.ts";
import { afterAnnouncement, afterReading, isOurs, isPresent, NOBODY, type Presence } from "./presence.ts";
import { createSettling } from "./settling.ts";
import { createSnapshot, foresee, forgetReadings, hear, learn, phasesOf, type Snapshot } from "./snapshot.ts";
import type { TargetLimits } from "./target.ts";
import { type NumberKey, readNumber } from "./wire.ts";

/* Listens to one charger, and tells what it is and does, once per burst. Commands are none of its business. */

export interface WatchSettings {
  /** name in the records */
  readonly device: string;
  /** for finding our announcements; "" over HTTP */
  readonly baseTopic: string;
  /** A; the charger's own settings count as well */
  readonly minA: number;
  readonly maxA: number;
  /** on firmware so old that it cannot be told */
  readonly whMeaning: WhMeaning;
  /** where the charger does not tell on how many phases it is; null = one */
  readonly wiredPhases: 1 | 3 | null;
  /** after so long without a word the charger is gone, s; it speaks every 30 s */
  readonly silenceS: number;
}

/** What subscribers get. */
export interface OpenevseReport {
  readonly charger: Charger;
  /** why the charger cannot be reached; null while it is there */
  readonly fault: EvError | null;
  readonly firmware: Firmware;
  /** all that it said, by its own keys */
  readonly raw: Readonly<Record<string, unknown>>;
  readonly isChange: boolean;
}

export interface WatchOptions {
  readonly settings: WatchSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly waiting: Waiting;
  readonly link: () => OpenevseLink;
  /** a fault in the user's language, by its code */
  readonly describe: (code: string) => string;
  readonly onReport: (report: OpenevseReport) => void;
  /** after every word that was heard */
  readonly onNews: () => void;
  /** a ceiling that somebody has set, A */
  readonly ceilingA: () => number | null;
}

export interface Watch {
  readonly events: LinkEvents;
  readonly snapshot: Snapshot;
  readonly isThere: boolean;
  /** it has said nothing yet, good or bad */
  readonly isNew: boolean;
  readonly isOtherDevice: boolean;
  /** when the module began to run, as its uptime says, monotonic ms; null = never heard */
  readonly bornAtMs: number | null;
  whyAway(): EvError;
  /** Takes in what the controller answered when asked. */
  learn(numbers: Readonly<Partial<Record<NumberKey, number>>>): void;
  /** Nobody answers any more: what was learnt so grows old. */
  forget(keys: readonly NumberKey[]): void;
  firmware(): Firmware;
  limits(): TargetLimits;
  /** Says now what was heard so far. */
  sayNow(): void;
  stop(): void;
}

/** By then everything was said once (fact sheet 3.2), ms. */
const WHOLE_AFTER_MS = 35_000;
/** Silence makes no noise: it is looked for, ms. */
const LOOK_EVERY_MS = 5000;
const NOMINAL_VOLTAGE_V = 230;
const NO_LIMIT_A = 500;

export function createWatch(options: WatchOptions): Watch {
  const { settings, clock, logger, waiting, link } = options;
  const silenceMs = secondsToMs(settings.silenceS);
  const snapshot = createSnapshot();
  const startedMs = clock.monotonicMs();
  let presence: Presence = NOBODY;
  let linkFault: EvError | null = null;
  let deviceId: string | null = null;
  let announcedId: string | null = null;
  let isOtherDevice = false;
  let isAnnounced = false;
  let firstLiveMs: number | null = null;
  let bornAtMs: number | null = null;
  let latest: OpenevseReport | null = null;
  let judgedBy = "";
  let firmware: Firmware | null = null;

  const now = (): number => clock.monotonicMs();
  const isThere = (): boolean => link().isUp && linkFault === null && isPresent(presence, silenceMs, now());
  const isWhole = (): boolean =>
    link().kind === "http" || (firstLiveMs !== null && now() - firstLiveMs >= WHOLE_AFTER_MS);
  /** Worked out anew only when there is something new to tell it by. */
  const firmwareNow = (): Firmware => {
    const { keys } = snapshot;
    const version = snapshot.documents.config?.version ?? null;
    const sight = `${keys.size} ${isAnnounced} ${isWhole()} ${version}`;
    if (firmware === null || sight !== judgedBy) {
      firmware = detectFirmware({
        version,
        keys,
        isAnnounced,
        isWhole: isWhole(),
        isHttp: link().kind === "http",
        whMeaning: settings.whMeaning,
      });
      judgedBy = sight;
    }
    return firmware;
  };
  const limits = (): TargetLimits => {
    const config = snapshot.documents.config;
    const minA = Math.max(settings.minA, config?.min_current_hard ?? 0);
    const maxA = Math.min(
      settings.maxA,
      config?.max_current_soft ?? NO_LIMIT_A,
      config?.max_current_hard ?? NO_LIMIT_A,
    );
    return {
      minA,
      maxA,
      voltageV: snapshot.numbers.voltage ?? NOMINAL_VOLTAGE_V,
      phases: phasesOf(snapshot, settings.wiredPhases),
    };
  };

  const whyAway = (): EvError => {
    if (linkFault !== null) return linkFault;
    if (presence.isGone) return new EvError("unreachable", "The charger has lost its connection.");
    return new EvError("timeout", `The charger has said nothing for ${settings.silenceS} s.`);
  };
  const publish = (): void => {
    const isOnline = isThere();
    // before the first sign there is nothing to say, unless it stays away
    if (!isOnline && latest === null && linkFault === null && !presence.isGone && now() - startedMs < silenceMs) return;
    const { minA, maxA, phases } = limits();
    const charger = chargerRecord(snapshot, {
      device: settings.device,
      nowMs: clock.nowMs(),
      monotonicMs: now(),
      isOnline,
      firmware: firmwareNow(),
      limits: { minA, maxA: Math.min(maxA, options.ceilingA() ?? maxA) },
      phases,
      flags: isOtherDevice ? ["other-device"] : [],
      describe: options.describe,
    });
    latest = {
      charger,
      fault: isOnline ? null : whyAway(),
      firmware: firmwareNow(),
      raw: { ...snapshot.numbers, ...snapshot.texts, ...snapshot.documents },
      isChange: isChange(latest?.charger ?? null, charger),
    };
    options.onReport(latest);
  };
  const settling = createSettling(clock, publish);
  const hasNews = (): void => {
    waiting.look();
    options.onNews();
  };
  /** @param isSilent nothing was missed, as far as we know: what was in force still is */
  const goAway = (isSilent: boolean): void => {
    settling.flush();
    settling.stop();
    forgetReadings(snapshot, isSilent);
    publish();
    hasNews();
  };

  const events: LinkEvents = {
    heard(key, raw, isRetained) {
      if (foresee(snapshot, key, raw)) settling.flush();
      const effect = hear(snapshot, key, raw, isRetained, now());
      if (effect === "unknown") return;
      // connecting anew is no new life
      const uptimeS = key === "uptime" && !isRetained ? readNumber(key, raw) : null;
      if (uptimeS !== null) bornAtMs = now() - secondsToMs(uptimeS);
      if (key === "config") checkIdentity(snapshot.documents.config?.wifi_serial ?? null);
      // documents are kept by the broker for ever: they prove no life
      if (!isRetained && effect !== "document") {
        firstLiveMs ??= now();
        presence = afterReading(presence, now());
      }
      settling.touch(effect === "transition");
      hasNews();
    },
    announced(announcement, isRetained) {
      const serial = snapshot.documents.config?.wifi_serial ?? null;
      if (!isOurs(announcement, settings.baseTopic, announcedId, serial)) return;
      if (announcement.mqtt !== undefined) {
        announcedId = announcement.id;
        // a module that was replaced long ago may still be announced
        if (!isRetained) checkIdentity(announcement.id);
      }
      isAnnounced = true;
      events.presence(announcement.state === "connected", isRetained);
    },
    presence(isConnected, isRetained) {
      const wasThere = isThere();
      presence = afterAnnouncement(presence, isConnected, isRetained, now());
      if (!isConnected && (wasThere || latest === null || latest.charger.online)) goAway(false);
      else settling.touch(false);
      hasNews();
    },
    up() {
      linkFault = null;
      if (link().kind === "http") {
        presence = afterReading(presence, now());
        firstLiveMs ??= now();
        settling.touch(false);
      }
      hasNews();
    },
    down(error) {
      const before = linkFault;
      linkFault = error;
      presence = NOBODY;
      if (before === null) goAway(false);
      else if (before.code !== error.code) publish();
    },
  };

  /** Whoever answered first is our charger until the node is started anew. */
  const checkIdentity = (id: string | null): void => {
    if (id === null) return;
    deviceId ??= id;
    const isStranger = deviceId.toLowerCase() !== id.toLowerCase();
    if (isStranger && !isOtherDevice)
      logger.warn(`Another charger (${id}) answers instead of ${deviceId}; it is not controlled.`);
    isOtherDevice = isStranger;
  };

  const cancelLook = repeatEvery(clock, LOOK_EVERY_MS, () => {
    const isHere = isThere();
    if (latest === null ? presence.heardAtMs !== null || isHere : latest.charger.online === isHere) return;
    if (isHere) publish();
    else goAway(true);
  });
  const stops: readonly Cancel[] = [cancelLook, () => settling.stop()];

  return {
    events,
    snapshot,
    get isThere() {
      return isThere();
    },
    get isNew() {
      return latest === null;
    },
    get isOtherDevice() {
      return isOtherDevice;
    },
    get bornAtMs() {
      return bornAtMs;
    },
    whyAway,
    firmware: firmwareNow,
    limits,
    learn(numbers) {
      if (Object.entries(numbers).some(([key, number]) => foresee(snapshot, key, number))) settling.flush();
      presence = afterReading(presence, now());
      const effect = learn(snapshot, numbers);
      if (effect !== "unknown") settling.touch(effect === "transition");
      hasNews();
    },
    forget(keys) {
      for (const key of keys) delete snapshot.numbers[key];
    },
    sayNow() {
      settling.stop();
      publish();
    },
    stop() {
      for (const stop of stops) stop();
    },
  };
}
