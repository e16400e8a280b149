import type { Reason } from "../../model/records.ts";
import { afterRestart, errorBits, type FaultWatch, NO_FAULTS, observeFaults } from "./fault-watch.ts";
import { observeSession, SESSION_UNSEEN, type SessionEnergy } from "./session-energy.ts";
import { NO_SOC, observeSoc, type SocMemory } from "./soc-memory.ts";
import { explainStatus, type StatusMeaning } from "./status.ts";
import { decodeLive, type QuasarLive, REGISTER, type RegisterImage } from "./wire.ts";

/* What is known of the charger and the car after each poll, with what has to be remembered between polls. Pure. */

export interface Observation {
  readonly live: QuasarLive;
  /** what the last known status means; null before the first */
  readonly meaning: StatusMeaning | null;
  /** false for a code that nobody has explained */
  readonly isStatusKnown: boolean;
  readonly isPlugged: boolean | null;
  readonly soc: SocMemory;
  readonly session: SessionEnergy;
  readonly faults: FaultWatch;
  /** of this poll, monotonic ms */
  readonly atMs: number;
}

export const NOTHING_SEEN: Observation = {
  live: decodeLive(new Map()),
  meaning: null,
  isStatusKnown: false,
  isPlugged: null,
  soc: NO_SOC,
  session: SESSION_UNSEEN,
  faults: NO_FAULTS,
  atMs: -Infinity,
};

/** After a longer time unseen another car may be on the cable, ms. */
const CAR_MAY_HAVE_CHANGED_AFTER_MS = 300_000;
/** An outage of this length was probably a restart, ms. */
const RESTART_SUSPECTED_AFTER_MS = 20_000;

export interface ObservationContext {
  readonly isOcppOn: boolean;
  readonly socRememberMs: number;
}

/** Takes the registers of one poll. */
export function observe(
  before: Observation,
  image: RegisterImage,
  { isOcppOn, socRememberMs }: ObservationContext,
  nowMs: number,
): Observation {
  const live = decodeLive(image);
  const explained = live.status === null ? null : explainStatus(live.status, isOcppOn);
  const meaning = explained ?? before.meaning;
  const isPlugged = meaning?.isPlugged ?? null;
  const unseenMs = nowMs - before.atMs;
  const isOtherCar = isPlugged === false || unseenMs > CAR_MAY_HAVE_CHANGED_AFTER_MS;
  const wasRestarted = unseenMs > RESTART_SUSPECTED_AFTER_MS && before.atMs !== -Infinity;
  const watch = wasRestarted ? afterRestart(before.faults, nowMs) : before.faults;
  return {
    live,
    meaning,
    isStatusKnown: explained !== null,
    isPlugged,
    soc: observeSoc(
      isOtherCar ? NO_SOC : before.soc,
      isPlugged === false ? null : live.socPercent,
      nowMs,
      socRememberMs,
    ),
    session: observeSession(before.session, isPlugged, live.powerW, image.get(REGISTER.acPowerW)?.atMs ?? nowMs),
    faults: observeFaults(watch, presentFaults(live, explained), nowMs),
    atMs: nowMs,
  };
}

function presentFaults(live: QuasarLive, meaning: StatusMeaning | null): readonly Reason[] {
  const ofStatus = meaning?.state === "fault" ? [{ code: meaning.flag ?? "status-error", params: {} }] : [];
  return [...ofStatus, ...errorBits(live)];
}
