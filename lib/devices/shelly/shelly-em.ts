import { backoffMs, retry } from "../../io/retry.ts";
import { type Clock, sleep } from "../../model/clock.ts";
import { EvError, type EvErrorCode, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { Meter } from "../../model/records.ts";
import type { DeviceAddress } from "./address.ts";
import { createShellyHttp, type LoginWords } from "./client.ts";
import { createPushLink, type PushLink, type PushedStatus } from "./push-link.ts";
import { emptyReadings, judgeSnapshot, keepCounters, type MeterSettings, restoreCounters } from "./reading.ts";
import { type Identity, parseIdentity, type Snapshot, sumPhases } from "./wire.ts";
import { GEN1_STATUS_PATH, parseGen1Status } from "./wire-gen1.ts";
import { parseFullStatus, RPC_STATUS_METHOD, toSnapshot } from "./wire-rpc.ts";

/** Why there are no readings. */
export interface Loss {
  readonly error: EvError;
  /** Another device answers at the address; it is not used until the node is started anew. */
  readonly isOtherDevice: boolean;
}

export interface ShellyEmOptions extends MeterSettings {
  readonly address: DeviceAddress;
  /** Name in the records; the maker's device id when null. */
  readonly name: string | null;
  readonly login: LoginWords;
  /** The first three channels are the phases of one supply. */
  readonly arePhasesSummed: boolean;
  readonly pollMs: number;
  /** Let the device tell by itself where it can (Gen2 and later). */
  readonly wantsPush: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Keeps the counters over a restart. */
  readonly recall: () => Promise<unknown>;
  readonly remember: (kept: unknown) => Promise<void>;
  /** One instant: same `at`, the grid last. `raw` is what the device sent. */
  readonly onReadings: (readings: readonly Meter[], raw: unknown) => void;
  /** Once per kind of trouble, not per try. */
  readonly onLost: (loss: Loss) => void;
  /** Before the first readings after a loss. */
  readonly onBack: () => void;
}

/** A meter that is being read until it is closed. */
export interface ShellyEm {
  /** Reads now, or joins the reading under way. @throws EvError why there is no reading */
  readNow(): Promise<void>;
  close(): Promise<void>;
}

interface Status {
  readonly snapshot: Snapshot;
  readonly raw: unknown;
  readonly touched?: ReadonlySet<number>;
}

/** Before the second try of a poll, ms: a lost packet is not a lost meter (fact sheet v2g 4.4). */
const SECOND_TRY = { baseMs: 500, capMs: 500 };
const SECOND_TRY_HELPS: ReadonlySet<EvErrorCode> = new Set(["timeout", "unreachable", "bad-reply"]);
const OUTAGE_BACKOFF = { baseMs: 1000, capMs: 10_000 };
const BUSY_BACKOFF = { baseMs: 4000, capMs: 60_000 };
/** A wrong password does not get better; devices lock out who tries too often. */
const LOGIN_BACKOFF = { baseMs: 120_000, capMs: 600_000 };
/** Between two readings, however often somebody asks, ms. */
const SHORTEST_GAP_MS = 200;
/** Pushed changes carry no counters, mac or uptime; the whole status brings them, ms. */
const WHOLE_STATUS_MS = 10_000;
const LOOKS_BEFORE_FROZEN = 3;
const KEEP_EVERY_MS = 60_000;
const SHORTEST_NAP_MS = 20;

/** Starts to read. Never fails because of the device: that is what `onLost` is for. */
export async function startShellyEm(options: ShellyEmOptions): Promise<ShellyEm> {
  const { address, clock, logger } = options;
  const aborter = new AbortController();
  const { signal } = aborter;
  const http = createShellyHttp(address, options.login, signal);
  const push: PushLink = createPushLink({
    address,
    password: options.login.password,
    clock,
    signal,
    logger,
    onPushed: (status) => takePushed(status),
    onLost: () => wake(),
  });
  let meter = restoreCounters(await options.recall().catch(() => null));
  let identity: Identity | null = null;
  /** Whoever answered first is our device until the node is started anew. */
  let ours: Identity | null = null;
  let failures = 0;
  let lostBy: string | null = null;
  let notBefore: { readonly atMs: number; readonly error: EvError } | null = null;
  let inFlight: Promise<void> | null = null;
  let lastReadMs = Number.NEGATIVE_INFINITY;
  let lastWholeMs = Number.NEGATIVE_INFINITY;
  let lastKeptMs = clock.monotonicMs();
  const freshAtMs = new Map<number, number>();
  // often enough to tell a frozen reading from a steady one
  const wholeStatusMs = Math.min(WHOLE_STATUS_MS, options.frozenAfterMs / LOOKS_BEFORE_FROZEN);
  let napMs = 0;
  let wake = (): void => {};

  function checkOwner(mac: string): void {
    if (ours === null || ours.mac === mac) return;
    throw new OtherDevice(address.host);
  }

  async function fetchStatus(): Promise<Status> {
    if (push.isOpen) {
      try {
        return fromPush(await push.readStatus());
      } catch (thrown) {
        logger.debug(`${address.host}: push ended, asking by HTTP: ${toEvError(thrown).message}`);
      }
    }
    try {
      if (identity === null) {
        const found = parseIdentity(await http.getJson("/shelly", "none"));
        checkOwner(found.mac);
        identity = found;
        ours ??= found;
        logger.debug(`${address.host} is ${found.deviceId} (${found.model}, generation ${found.generation}).`);
      }
      if (identity.generation === 1) {
        const raw = await http.getJson(GEN1_STATUS_PATH, "basic");
        return { snapshot: parseGen1Status(raw), raw };
      }
      const raw = await http.getJson(`/rpc/${RPC_STATUS_METHOD}`, "digest");
      return { snapshot: toSnapshot(parseFullStatus(raw)), raw };
    } catch (thrown) {
      // who knows what answers next: ask again who it is
      identity = null;
      throw thrown;
    }
  }

  function take({ snapshot, raw, touched }: Status): void {
    const owner = ours;
    if (owner === null || signal.aborted) return;
    if (snapshot.mac !== null) checkOwner(snapshot.mac);
    const summed = options.arePhasesSummed ? sumPhases(snapshot) : snapshot;
    const touchedNow = options.arePhasesSummed && touched !== undefined ? new Set([0]) : touched;
    const nowMs = clock.nowMs();
    const monotonicMs = clock.monotonicMs();
    const device = options.name ?? owner.deviceId;
    const judged = judgeSnapshot(meter, summed, options, { device, mac: owner.mac, nowMs, monotonicMs }, touchedNow);
    meter = judged.state;
    if (touched === undefined) lastWholeMs = monotonicMs;
    for (const { channel } of judged.readings) freshAtMs.set(channel, monotonicMs);
    failures = 0;
    notBefore = null;
    if (lostBy !== null) {
      lostBy = null;
      options.onBack();
    }
    if (judged.readings.length > 0) options.onReadings(judged.readings, raw);
    if (judged.hasCounterEvent || monotonicMs - lastKeptMs >= KEEP_EVERY_MS) keep();
  }

  function takePushed(status: PushedStatus): void {
    try {
      take(fromPush(status));
      if (inFlight === null) http.rest();
    } catch (thrown) {
      push.drop();
      noteLoss(toEvError(thrown));
      wake();
    }
  }

  function noteLoss(error: EvError): void {
    if (signal.aborted) return;
    failures += 1;
    const isOtherDevice = error instanceof OtherDevice;
    const backoff = error.code === "auth" ? LOGIN_BACKOFF : error.code === "busy" ? BUSY_BACKOFF : OUTAGE_BACKOFF;
    const waitMs = backoffMs(failures, backoff);
    notBefore = error.code === "auth" ? { atMs: clock.monotonicMs() + waitMs, error } : null;
    napMs = waitMs;
    const kind = isOtherDevice ? "other-device" : error.code;
    if (lostBy === kind) return;
    lostBy = kind;
    // once, so that nobody takes the silence for a calm house
    if (isOtherDevice && ours !== null) {
      const device = options.name ?? ours.deviceId;
      options.onReadings(emptyReadings(options, device, clock.nowMs(), "other-device"), null);
    }
    options.onLost({ error, isOtherDevice });
  }

  async function readOnce(): Promise<void> {
    if (notBefore !== null && clock.monotonicMs() < notBefore.atMs) throw notBefore.error;
    const gapMs = lastReadMs + SHORTEST_GAP_MS - clock.monotonicMs();
    if (gapMs > 0) await sleep(clock, gapMs, signal);
    try {
      const tries = lostBy === null ? 2 : 1;
      const isWorthRetrying = ({ code }: EvError): boolean => SECOND_TRY_HELPS.has(code);
      take(await retry(fetchStatus, { ...SECOND_TRY, tries, clock, signal, isWorthRetrying }));
      if (options.wantsPush && identity !== null && identity.generation >= 2) push.connectWhenDue();
    } catch (thrown) {
      const error = toEvError(thrown);
      noteLoss(error);
      throw error;
    } finally {
      lastReadMs = clock.monotonicMs();
    }
  }

  function readNow(): Promise<void> {
    inFlight ??= readOnce().finally(() => {
      inFlight = null;
    });
    return inFlight;
  }

  /** When the status must be asked for although the device tells by itself, ms from now. */
  function untilStaleMs(): number {
    const nowMs = clock.monotonicMs();
    const oldestMs = Math.min(
      lastWholeMs + wholeStatusMs,
      ...[...freshAtMs.values()].map((atMs) => atMs + options.pollMs),
    );
    return oldestMs - nowMs;
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      napMs = 0;
      if (!push.isOpen || untilStaleMs() <= 0) await readNow().catch(() => {});
      if (failures === 0) napMs = push.isOpen ? untilStaleMs() : startedMs + options.pollMs - clock.monotonicMs();
      if (notBefore !== null) napMs = notBefore.atMs - clock.monotonicMs();
      await nap(Math.max(SHORTEST_NAP_MS, napMs));
    }
  }

  /** Rests until the time is over, somebody wakes us, or the meter is closed. */
  function nap(durationMs: number): Promise<void> {
    return new Promise((resolve) => {
      const rise = (): void => {
        cancel();
        signal.removeEventListener("abort", rise);
        resolve();
      };
      const cancel = clock.after(durationMs, rise);
      wake = rise;
      signal.addEventListener("abort", rise, { once: true });
      if (signal.aborted) rise();
    });
  }

  function keep(): void {
    lastKeptMs = clock.monotonicMs();
    options.remember(keepCounters(meter)).catch((thrown: unknown) => {
      logger.debug(`${address.host}: the counters could not be kept: ${toEvError(thrown).message}`);
    });
  }

  const running = run();
  return {
    readNow,
    async close() {
      aborter.abort();
      push.drop();
      await running;
      if (meter.countersOf !== null) await options.remember(keepCounters(meter)).catch(() => {});
    },
  };
}

const fromPush = ({ components, ...rest }: PushedStatus): Status => ({ snapshot: toSnapshot(components), ...rest });

/** Not the device that we know. */
class OtherDevice extends EvError {
  constructor(host: string) {
    super("config", `Another device answers at ${host}; deploy the node again if the meter was replaced on purpose.`);
  }
}
