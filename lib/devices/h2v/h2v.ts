import { backoffMs } from "../../io/retry.ts";
import { type Clock, sleep } from "../../model/clock.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { H2vMinute } from "../../model/h2v.ts";
import type { Logger } from "../../model/logger.ts";
import { fetchPage } from "./client.ts";
import { CLOCK_TOLERANCE_MS, readMinute } from "./minute.ts";
import { admitMinute, restoreSeen } from "./seen-minutes.ts";

/** Why there are no minutes, or none to trust. */
export type H2vTrouble = "lost" | "no-data" | "stuck" | "clock-off";

export interface H2vOptions {
  readonly url: URL;
  /** Name in the records. */
  readonly name: string;
  readonly offsetMs: number;
  readonly pollMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly recall: () => Promise<unknown>;
  readonly remember: (kept: unknown) => Promise<void>;
  /** Once per minute of the gateway, repeats never. */
  readonly onMinute: (minute: H2vMinute) => void;
  /** Once per kind of trouble. */
  readonly onTrouble: (trouble: H2vTrouble, error: EvError) => void;
  /** A healthy minute after trouble. */
  readonly onBack: () => void;
  readonly random?: () => number;
}

export interface H2v {
  /** Reads now, or joins the reading under way. @throws EvError why there is no reading */
  readNow(): Promise<void>;
  close(): Promise<void>;
}

/** Several homes must not knock in step; small enough that no minute is jumped over. */
const JITTER_MS = 2000;
/** The page was a moment behind: look again, so that the next poll comes just after the gateway's own change. */
const AFTER_REPEAT_MS = 10_000;
/** After so many the gateway does not go on, and asking often does not help. */
const REPEATS_UNTIL_STUCK = 8;
/** Early enough not to jump over the next one too. */
const AFTER_GAP_MS = 40_000;
const OUTAGE_BACKOFF = { baseMs: 5000, capMs: 60_000 };
const SHORTEST_GAP_MS = 1000;

/** Starts to read. Never fails because of the gateway: that is what `onTrouble` is for. */
export async function startH2v(options: H2vOptions): Promise<H2v> {
  const { clock, random = Math.random } = options;
  const aborter = new AbortController();
  const { signal } = aborter;
  let seen = restoreSeen(await options.recall().catch(() => null));
  let trouble: H2vTrouble | null = null;
  let troubleCode = "";
  let failures = 0;
  let inFlight: Promise<void> | null = null;
  let lastReadMs = Number.NEGATIVE_INFINITY;
  let lastNewMs = clock.monotonicMs();
  let pauseMs = options.pollMs;
  let repeats = 0;

  function note(kind: H2vTrouble, error: EvError): void {
    if (signal.aborted || (trouble === kind && troubleCode === error.code)) return;
    trouble = kind;
    troubleCode = error.code;
    options.onTrouble(kind, error);
  }

  function judge(minute: H2vMinute, isNew: boolean): void {
    if (minute.noData) {
      note("no-data", new EvError("stale", "The gateway runs but has no data yet: it waits for its controller."));
    } else if (!isNew) {
      const stuckMs = clock.monotonicMs() - lastNewMs;
      if (stuckMs <= CLOCK_TOLERANCE_MS) return;
      note("stuck", new EvError("stale", `The gateway has shown the same minute (${minute.minute}) for 10 minutes.`));
    } else if (minute.flags.includes("clock-off")) {
      const advice = "Check the clock of this machine and the node's hours of offset.";
      note("clock-off", new EvError("stale", `The gateway's minute ${minute.minute} is far from now. ${advice}`));
    } else if (trouble !== null) {
      trouble = null;
      options.onBack();
    }
  }

  function take(minute: H2vMinute): void {
    const admission = admitMinute(seen, minute);
    seen = admission.seen;
    const { admitted } = admission;
    if (admitted !== null && !minute.noData) lastNewMs = clock.monotonicMs();
    judge(minute, admitted !== null);
    repeats = admitted === null ? repeats + 1 : 0;
    pauseMs = choosePause(admitted, repeats, options.pollMs);
    if (admitted === null) return;
    options.onMinute(admitted);
    options.remember(seen).catch((thrown: unknown) => {
      options.logger.debug(`The last minute could not be kept: ${toEvError(thrown).message}`);
    });
  }

  async function readOnce(): Promise<void> {
    const gapMs = lastReadMs + SHORTEST_GAP_MS - clock.monotonicMs();
    if (gapMs > 0) await sleep(clock, gapMs, signal);
    try {
      const page = await fetchPage(options.url, signal);
      failures = 0;
      if (!signal.aborted) take(readMinute(page, { device: options.name, offsetMs: options.offsetMs }, clock.nowMs()));
    } catch (thrown) {
      const error = toEvError(thrown);
      failures += 1;
      pauseMs = Math.min(options.pollMs, backoffMs(failures, OUTAGE_BACKOFF, random));
      note("lost", error);
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

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs();
      await readNow().catch(() => {});
      const restMs = startedMs + pauseMs - clock.monotonicMs() + random() * Math.min(JITTER_MS, options.pollMs / 10);
      await sleep(clock, Math.max(SHORTEST_GAP_MS, restMs), signal).catch(() => {});
    }
  }

  const running = run();
  return {
    readNow,
    async close() {
      aborter.abort();
      await running;
    },
  };
}

/** Until the next look, ms: the gateway changes its page once a minute, at a moment that nobody knows beforehand. */
function choosePause(admitted: H2vMinute | null, repeats: number, pollMs: number): number {
  if (admitted === null) return repeats > REPEATS_UNTIL_STUCK ? pollMs : Math.min(pollMs, AFTER_REPEAT_MS);
  return admitted.gapMinutes === 1 ? Math.min(pollMs, AFTER_GAP_MS) : pollMs;
}
