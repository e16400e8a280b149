import { backoffMs } from "../../io/retry.ts";
import { type Clock, sleep } from "../../model/clock.ts";
import { type EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { WriteOutcome } from "./control-outcome.ts";
import type { Step, WriteStep } from "./control-state.ts";
import type { ModbusLine } from "./modbus.ts";
import { ModbusException } from "./modbus-frames.ts";
import { controlRequests, FIRST_PLAN, nextPoll, type PollPlan, type ReadRequest, withoutBlock } from "./poll-plan.ts";
import {
  crashError,
  decodeIdentity,
  encodeWrite,
  isCrashed,
  type QuasarIdentity,
  type QuasarWrite,
  REGISTER,
  type RegisterImage,
} from "./wire.ts";

/*
 * The connection: at most one socket, one request at a time, bounded back-off, everything read on the beat of the poll and
 * every write decided by the brain just before it goes out. That is why a stop overtakes all: there is no list of writes
 * that it could be stuck behind (fact sheet v2g 8.7, 8.13).
 */

/** Who decides; called synchronously, never while a request is under way. */
export interface Brain {
  /** @throws EvError to refuse this device */
  connected(identity: QuasarIdentity | null): void;
  /** All registers of this poll are in the image. */
  polled(): void;
  /** The connection is gone, with the reason. */
  lost(error: EvError): void;
  decide(): { readonly step: Step | null; readonly wakeAtMs: number | null };
  wrote(step: WriteStep, outcome: WriteOutcome): void;
  isStopOwed(): boolean;
  /** Between two polls, ms; may change from poll to poll. */
  pollPeriodMs(): number;
  /** What to write before going; nothing when control was never taken. */
  farewell(): readonly QuasarWrite[];
}

export interface QuasarClient {
  readonly image: RegisterImage;
  readonly isConnected: boolean;
  start(brain: Brain): void;
  /** Something changed: decide again now. */
  wake(): void;
  /** Reads now instead of at the next beat. */
  pollNow(): void;
  /** Says goodbye and closes; takes less than 4 s even when nobody answers. */
  close(): Promise<void>;
}

export interface QuasarClientOptions {
  readonly openLine: (signal: AbortSignal) => Promise<ModbusLine>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** in [0, 1), for the jitter of the back-off */
  readonly random?: () => number;
}

const BACKOFF = { baseMs: 1000, capMs: 30_000 };
/** A stop that could not be sent does not wait longer than this for the next try, ms. */
const STOP_BACKOFF_MS = 2000;
const BUSY_RETRIES = 3;
const BUSY_PAUSE_MS = 300;
/** Writing may not keep us from reading for ever. */
const MOST_STEPS_BETWEEN_POLLS = 16;
const FAREWELL_WITHIN_MS = 3800;
/** How long a request that is under way may hold up the farewell, ms. */
const FAREWELL_PATIENCE_MS = 1000;
const IDENTITY: ReadRequest = { address: REGISTER.firmware, count: 9 };
const SHORT_IDENTITY: ReadRequest = { address: REGISTER.firmware, count: 3 };
const ILLEGAL_ADDRESS = 2;
const ILLEGAL_VALUE = 3;

export function createQuasarClient(options: QuasarClientOptions): QuasarClient {
  const { clock, logger } = options;
  const image = new Map<number, { word: number | null; atMs: number }>();
  /** no more reading */
  const closing = new AbortController();
  /** no more anything */
  const gone = new AbortController();
  let brain: Brain | null = null;
  let line: ModbusLine | null = null;
  let plan: PollPlan = FIRST_PLAN;
  let nextPollMs = -Infinity;
  let failures = 0;
  let running: Promise<void> = Promise.resolve();
  let isWoken = false;
  let endWait: () => void = () => {};

  const wake = (): void => {
    isWoken = true;
    endWait();
  };

  /** Waits for `wake()` or the time, whichever is first. */
  const waitUntil = (atMs: number): Promise<void> =>
    new Promise((resolve) => {
      if (isWoken || closing.signal.aborted) {
        isWoken = false;
        resolve();
        return;
      }
      const cancel = clock.after(atMs - clock.monotonicMs(), () => endWait());
      endWait = () => {
        cancel();
        isWoken = false;
        endWait = () => {};
        resolve();
      };
    });

  /** Exceptions 5 and 6 ask for patience, not for another connection. */
  const patiently = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (let retries = 0; ; retries++) {
      try {
        return await ask();
      } catch (thrown) {
        if (!(thrown instanceof ModbusException) || thrown.code !== "busy" || retries >= BUSY_RETRIES) throw thrown;
        await sleep(clock, BUSY_PAUSE_MS, closing.signal);
      }
    }
  };

  const readInto = async (on: ModbusLine, request: ReadRequest): Promise<void> => {
    const words = await patiently(() => on.read(request.address, request.count));
    const atMs = clock.monotonicMs();
    for (const [index, word] of words.entries()) image.set(request.address + index, { word, atMs });
  };

  /** Reads a block, or its parts when the firmware does not know all of it; what does not exist is noted as such. */
  const readBlock = async (on: ModbusLine, request: ReadRequest): Promise<void> => {
    try {
      await readInto(on, request);
    } catch (thrown) {
      const isGap = thrown instanceof ModbusException && [ILLEGAL_ADDRESS, ILLEGAL_VALUE].includes(thrown.exception);
      if (!isGap) throw thrown;
      const before = plan.pieces;
      plan = withoutBlock(plan, request);
      const parts = plan.pieces.filter((piece) => !before.includes(piece));
      if (parts.length === 0) noteAbsent(request, thrown);
      for (const part of parts) await readBlock(on, part);
    }
  };

  const noteAbsent = (request: ReadRequest, thrown: ModbusException): void => {
    if (request.address === REGISTER.status || request.address === REGISTER.acPowerW) throw thrown;
    logger.debug(`Registers from ${request.address} do not exist on this firmware.`);
    const atMs = clock.monotonicMs();
    for (let index = 0; index < request.count; index++) image.set(request.address + index, { word: null, atMs });
  };

  const readIdentity = async (on: ModbusLine): Promise<QuasarIdentity | null> => {
    for (const request of [IDENTITY, SHORT_IDENTITY]) {
      try {
        return decodeIdentity(await patiently(() => on.read(request.address, request.count)));
      } catch (thrown) {
        if (!(thrown instanceof ModbusException) || thrown.code !== "config") throw thrown;
      }
    }
    return null;
  };

  const poll = async (on: ModbusLine, mind: Brain, requests: readonly ReadRequest[]): Promise<void> => {
    const startMs = clock.monotonicMs();
    nextPollMs = startMs + mind.pollPeriodMs();
    for (const request of requests) {
      for (let steps = 0; mind.isStopOwed() && steps < MOST_STEPS_BETWEEN_POLLS; steps++) {
        if (!(await takeStep(on, mind))) break;
      }
      if (closing.signal.aborted) return;
      await readBlock(on, request);
    }
    if (isCrashed(image, startMs)) throw crashError();
    failures = 0;
    mind.polled();
    nextPollMs = Math.min(nextPollMs, startMs + mind.pollPeriodMs());
  };

  /** @returns false when there is nothing to do */
  const takeStep = async (on: ModbusLine, mind: Brain): Promise<boolean> => {
    const { step, wakeAtMs } = mind.decide();
    if (step === null) {
      nextLookMs = wakeAtMs;
      return false;
    }
    if (step.kind === "read-back") for (const request of controlRequests(plan)) await readBlock(on, request);
    else mind.wrote(step, await writeOut(on, step.write));
    return true;
  };
  let nextLookMs: number | null = null;

  const writeOut = async (on: ModbusLine, write: QuasarWrite): Promise<WriteOutcome> => {
    const { address, word } = encodeWrite(write);
    try {
      await patiently(() => on.write(address, word));
    } catch (thrown) {
      if (!(thrown instanceof ModbusException)) throw thrown;
      logger.debug(`The charger refused ${word} for register ${address}: exception ${thrown.exception}.`);
      return { isOk: false, exception: thrown.exception };
    }
    forget(address);
    // a change of owner resets its neighbours
    if (address === REGISTER.controlOwner) for (const known of CONTROL_REGISTERS) forget(known);
    return { isOk: true };
  };

  /** What was written is not known until it is read back. */
  const forget = (address: number): void => {
    if (image.get(address)?.word !== null) image.delete(address);
  };

  const hold = async (on: ModbusLine, mind: Brain): Promise<void> => {
    image.clear();
    plan = FIRST_PLAN;
    mind.connected(await readIdentity(on));
    await poll(on, mind, plan.pieces);
    for (let steps = 0; !closing.signal.aborted; ) {
      if (steps < MOST_STEPS_BETWEEN_POLLS && (await takeStep(on, mind))) {
        steps += 1;
        continue;
      }
      if (clock.monotonicMs() < nextPollMs && steps < MOST_STEPS_BETWEEN_POLLS) {
        await waitUntil(Math.min(nextPollMs, nextLookMs ?? Infinity));
        continue;
      }
      steps = 0;
      const next = nextPoll(plan);
      plan = next.plan;
      await poll(on, mind, next.requests);
    }
  };

  const run = async (mind: Brain): Promise<void> => {
    while (!closing.signal.aborted) {
      try {
        line = await options.openLine(closing.signal);
        await hold(line, mind);
        return;
      } catch (thrown) {
        await drop();
        if (closing.signal.aborted) return;
        failures += 1;
        image.clear();
        mind.lost(toEvError(thrown));
      }
      const untilMs = clock.monotonicMs() + backoffMs(failures, BACKOFF, options.random);
      while (!closing.signal.aborted && clock.monotonicMs() < untilMs) {
        const soonestMs = mind.isStopOwed() ? Math.min(untilMs, lastDropMs + STOP_BACKOFF_MS) : untilMs;
        if (clock.monotonicMs() >= soonestMs) break;
        await waitUntil(soonestMs);
      }
    }
  };
  let lastDropMs = -Infinity;

  const drop = async (): Promise<void> => {
    const old = line;
    line = null;
    lastDropMs = clock.monotonicMs();
    await old?.close();
  };

  const sayGoodbye = async (mind: Brain, writes: readonly QuasarWrite[]): Promise<void> => {
    for (let tries = 0; tries < 2 && !gone.signal.aborted; tries++) {
      try {
        if (line === null) {
          line = await options.openLine(gone.signal);
          mind.connected(await readIdentity(line));
        }
        for (const write of writes) await writeOut(line, write);
        return;
      } catch (thrown) {
        logger.debug(`While closing: ${toEvError(thrown).message}`);
        await drop();
      }
    }
  };

  const leave = async (mind: Brain): Promise<void> => {
    const hasWords = mind.farewell().length > 0;
    closing.abort();
    endWait();
    const cancelPatience = clock.after(hasWords ? FAREWELL_PATIENCE_MS : 0, () => void line?.close());
    await running;
    cancelPatience();
    if (line?.isOpen === false) await drop();
    const writes = mind.farewell();
    if (writes.length > 0) await sayGoodbye(mind, writes);
  };

  return {
    image,
    get isConnected() {
      return line?.isOpen === true;
    },
    start(mind) {
      brain = mind;
      // a mistake of ours may end the connection, not the process
      running = run(mind).catch((thrown: unknown) => logger.error(toEvError(thrown).message));
    },
    wake,
    pollNow() {
      nextPollMs = -Infinity;
      wake();
    },
    async close() {
      if (brain === null || closing.signal.aborted) return;
      await within(clock, FAREWELL_WITHIN_MS, leave(brain));
      gone.abort();
      await drop();
    },
  };
}

const CONTROL_REGISTERS = [
  REGISTER.controlOwner,
  REGISTER.autoStart,
  REGISTER.setpointType,
  REGISTER.idleTimeoutS,
] as const;

/** Resolves when the work has ended or time is up. */
async function within(clock: Clock, limitMs: number, work: Promise<void>): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const cancel = clock.after(limitMs, resolve);
    work.then(
      () => {
        cancel();
        resolve();
      },
      (thrown: unknown) => {
        cancel();
        reject(toEvError(thrown));
      },
    );
  });
}
