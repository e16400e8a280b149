import type { Clock } from "../../model/clock.ts";
import { type Command, limitsSession } from "../../model/commands.ts";
import { EvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { Charger, Reason } from "../../model/records.ts";
import { secondsToMs } from "../../model/units.ts";
import { isChange, offlineRecord, onlineRecord, type RecordContext } from "./charger-record.ts";
import { type ChargerCloud, createCloudDuties } from "./cloud-duties.ts";
import { type Brain, createQuasarClient, type QuasarClient } from "./client.ts";
import { decide } from "./control.ts";
import { afterWrite } from "./control-outcome.ts";
import {
  afterLoss,
  type ControlSettings,
  type ControlState,
  type ControlView,
  HANDS_OFF,
  retarget,
  type Target,
} from "./control-state.ts";
import { afterRestart } from "./fault-watch.ts";
import { farewellWrites, type OnExit } from "./farewell.ts";
import type { ModbusLine } from "./modbus.ts";
import { NOTHING_SEEN, type Observation, observe } from "./observation.ts";
import { combineLimits, type QuasarLimits, type UserLimits } from "./set-point.ts";
import { EMPTY_SOC_PERCENT, FULL_SOC_PERCENT } from "./soc-memory.ts";
import { createWaiting } from "../../io/wait-until.ts";
import { crashError, isCrash, isKnownModel, type QuasarIdentity, type QuasarLive } from "./wire.ts";
import { direction, isFulfilled, readWish, type Wish } from "./wish.ts";

/** What the user chose; all limits are checked against the hardware again before each write. */
export interface QuasarSettings extends ControlSettings {
  /** name in the records */
  readonly device: string;
  readonly minA: number;
  readonly maxChargeA: number;
  readonly maxDischargeA: number;
  /** while a car is connected, s */
  readonly pollS: number;
  readonly onExit: OnExit;
  /** how long the last state of charge is believed while the charger shows none, min */
  readonly socRememberMin: number;
  /** only this charger is controlled; null = whichever answered first */
  readonly serial: number | null;
  readonly maxRestartsPerDay: number;
}

export interface QuasarOptions {
  readonly settings: QuasarSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly openLine: (signal: AbortSignal) => Promise<ModbusLine>;
  readonly cloud: ChargerCloud | null;
  /** known from before: the charger obeys an OCPP server */
  readonly isOcppOn?: boolean;
  readonly onOcppChanged?: (isOn: boolean) => void;
  /** a reason in the user's language */
  readonly describe: (reason: Reason) => string;
  readonly random?: () => number;
}

/** What subscribers get after every poll and on every change. */
export interface QuasarReport {
  readonly charger: Charger;
  /** why the charger cannot be reached; null while it answers */
  readonly fault: EvError | null;
  /** decoded registers beyond the record */
  readonly raw: (QuasarLive & Partial<QuasarIdentity>) | null;
  readonly isChange: boolean;
}

export interface Quasar {
  /** Calls back with the latest report at once, if there is one, and then with each new one. */
  subscribe(listener: (report: QuasarReport) => void): () => void;
  /**
   * Obeys a command. A set point is accepted here and reaches the charger when its dead time is over; a stop resolves when
   * it was written.
   *
   * @throws EvError `unsupported`, `refused`, `unreachable`, `out-of-range`, `device-fault`, `timeout`
   */
  obey(command: Command): Promise<void>;
  /** Does what `onExit` says and closes; less than 4 s. */
  close(): Promise<void>;
}

/** So long a command waits for the first answer of the charger, ms. */
const FIRST_ANSWER_WITHIN_MS = 5000;
const STOP_WITHIN_MS = 5000;
/** After trouble with a set point new ones are refused for a while, ms. */
const TROUBLE_HOLD_MS = 60_000;
/** A single failure is forgiven; the second in a row takes the charger offline. */
const FAILURES_UNTIL_OFFLINE = 2;
const MOST_IDLE_POLL_S = 15;
const NOMINAL_VOLTAGE_V = 230;

/** A Quasar that is polled from now on. Nothing is written before something is asked. */
export function createQuasar(options: QuasarOptions): Quasar {
  const { settings, clock, logger } = options;
  const client: QuasarClient = createQuasarClient(options);
  const listeners = new Set<(report: QuasarReport) => void>();
  const closing = new AbortController();
  const waiting = createWaiting(clock, closing.signal);
  const duties = createCloudDuties({
    ...options,
    signal: closing.signal,
    maxRestartsPerDay: settings.maxRestartsPerDay,
    isOcppOn: options.isOcppOn ?? false,
    onOcppChanged: (isOn) => options.onOcppChanged?.(isOn),
    onRestarted: () => {
      seen = { ...seen, faults: afterRestart(seen.faults, now()) };
    },
  });
  let control: ControlState = HANDS_OFF;
  let seen: Observation = NOTHING_SEEN;
  let wish: Wish | null = null;
  let user: UserLimits = { ...settings, commandedMaxA: null, commandedMaxDischargeA: null };
  let identity: QuasarIdentity | null = null;
  let expectedSerial = settings.serial;
  /** somebody asked for something and has not released since */
  let isWanted = false;
  let failures = 0;
  let turn = 0;
  let fault: EvError | null = null;
  let latest: QuasarReport | null = null;

  const now = (): number => clock.monotonicMs();
  const limits = (): QuasarLimits => combineLimits(user, seen.atMs === -Infinity ? null : seen.live);
  const view = (): ControlView => ({
    image: client.image,
    live: seen.live,
    meaning: seen.meaning,
    limits: limits(),
    isEmpty: seen.soc.isEmpty,
    isFull: (seen.soc.percent ?? 0) >= FULL_SOC_PERCENT,
    isHeld: seen.isPlugged === false || seen.meaning?.state === "fault",
  });
  const around = (): RecordContext => ({
    device: settings.device,
    nowMs: clock.nowMs(),
    monotonicMs: now(),
    isOcppOn: duties.isOcppOn,
    describe: options.describe,
  });

  const publish = (charger: Charger): void => {
    const raw = charger.online ? { ...seen.live, ...identity } : null;
    latest = { charger, fault, raw, isChange: isChange(latest?.charger ?? null, charger) };
    for (const listener of listeners) listener(latest);
    waiting.look();
  };
  const publishOnline = (): void => publish(onlineRecord(seen, control, view(), settings, around()));
  const aim = (target: Target): void => {
    control = retarget(control, target, now());
    if (target.kind !== "run") wish = null;
    client.wake();
  };

  const brain: Brain = {
    connected(answering: QuasarIdentity | null): void {
      const serial = answering?.serial ?? null;
      if (serial === 0) throw crashError();
      if (expectedSerial !== null && serial !== expectedSerial) {
        throw new EvError(
          "config",
          `Another charger (serial number ${serial ?? "unknown"}) answers at this address than before (${expectedSerial}); ` +
            "it is not controlled. If you replaced the charger, deploy the connection again.",
        );
      }
      if (expectedSerial === null && answering !== null && !isKnownModel(answering)) {
        logger.warn("The part number is not that of a Wallbox Quasar 1; other models may not work.");
      }
      expectedSerial = serial;
      identity = answering;
    },
    polled(): void {
      const wasPlugged = seen.isPlugged;
      seen = observe(
        seen,
        client.image,
        { isOcppOn: duties.isOcppOn, socRememberMs: secondsToMs(settings.socRememberMin * 60) },
        now(),
      );
      failures = 0;
      fault = null;
      duties.answered();
      const isAiming = control.target.kind === "run" || control.target.kind === "stop";
      // a car that comes back must not start by itself
      if (wasPlugged !== false && seen.isPlugged === false && (isAiming || control.hasControl)) aim({ kind: "stop" });
      if (wish !== null && isFulfilled(wish, seen.soc.percent, clock.nowMs(), now())) aim({ kind: "stop" });
      publishOnline();
    },
    lost(error: EvError): void {
      control = afterLoss(control);
      failures += 1;
      logger.debug(`Connection lost: ${error.message}`);
      if (failures >= FAILURES_UNTIL_OFFLINE || latest === null || error.code === "config") goOffline(error);
      if (error.code !== "config" && error.code !== "unsupported") duties.failed(!isWanted);
      waiting.look();
    },
    decide() {
      // control was given back before; this is the belt to those braces
      if (duties.isOcppOn) return { step: null, wakeAtMs: null };
      const decision = decide(control, view(), settings, now());
      control = decision.state;
      return decision;
    },
    wrote(step, outcome): void {
      control = afterWrite(control, step, outcome, settings, now());
      waiting.look();
    },
    isStopOwed: () => control.target.kind !== "hands-off" && control.stop.owed !== "none",
    pollPeriodMs(): number {
      const idleS = Math.max(settings.pollS, Math.min(MOST_IDLE_POLL_S, settings.pollS * 5));
      return secondsToMs(seen.isPlugged === false ? idleS : settings.pollS);
    },
    farewell: () => farewellWrites(control, view(), settings, settings.onExit),
  };

  const goOffline = (error: EvError): void => {
    fault = error;
    const code = error.code === "config" ? "wrong-device" : isCrash(error) ? "crashed" : "no-connection";
    publish(offlineRecord({ code, params: {} }, seen.soc, around()));
  };

  const stop = async (): Promise<void> => {
    aim({ kind: "stop" });
    await waiting.until(
      () => control.stop.owed === "none",
      STOP_WITHIN_MS,
      () => notYet("be stopped"),
    );
  };
  const release = async (): Promise<void> => {
    isWanted = false;
    aim({ kind: "release" });
    await waiting.until(
      () => control.target.kind === "hands-off",
      STOP_WITHIN_MS,
      () => notYet("be released"),
    );
  };
  const leaveToOcpp = async (): Promise<void> => {
    if (control.hasControl) await release();
    else aim({ kind: "hands-off" });
    isWanted = false;
  };
  const notYet = (what: string): EvError =>
    new EvError("unreachable", `The charger does not answer; it will ${what} as soon as it does.`);

  const run = async (wanted: Wish): Promise<void> => {
    isWanted = true;
    if (direction(wanted.demand) === 0) return stop();
    const mine = turn;
    const patienceMs = seen.atMs === -Infinity && fault === null ? FIRST_ANSWER_WITHIN_MS : 0;
    if (seen.atMs === -Infinity || fault !== null) {
      await waiting.until(() => seen.atMs !== -Infinity && fault === null, patienceMs, unreachable);
    }
    if (mine !== turn) throw new EvError("stale", "A newer command came before this one could be obeyed.");
    refuseImpossible(wanted);
    if (isFulfilled(wanted, seen.soc.percent, clock.nowMs(), now())) return stop();
    const voltageV = seen.live.voltageV ?? NOMINAL_VOLTAGE_V;
    aim({ kind: "run", demand: wanted.demand, voltageV });
    wish = wanted;
  };
  const unreachable = (): EvError =>
    new EvError("unreachable", "The charger does not answer; the command was not kept. Send it again when it is back.");

  const refuseImpossible = (wanted: Wish): void => {
    if (seen.isPlugged === false) throw new EvError("refused", "No car is connected.");
    const { trouble } = control;
    if (trouble !== null && now() - trouble.atMs < TROUBLE_HOLD_MS) {
      throw new EvError(
        "device-fault",
        `The charger did not take the last set point (${trouble.code}); try in a minute.`,
      );
    }
    if (direction(wanted.demand) < 0 && seen.soc.isEmpty) {
      throw new EvError("refused", `The battery is at ${EMPTY_SOC_PERCENT} % or less; it is not discharged further.`);
    }
  };

  const obey = async (command: Command): Promise<void> => {
    if (closing.signal.aborted) throw new EvError("closed", "The connection was closed.");
    switch (command.command) {
      case "refresh":
        return client.pollNow();
      case "restart":
        return duties.restart();
      case "ocpp":
        return duties.setOcpp(command.enabled, leaveToOcpp);
      case "mode":
        throw new EvError("unsupported", "A charger has no modes: send this to an ev-control node.");
      case "divert":
      case "shaper":
      case "feed":
      case "schedule":
      case "rapi":
        throw new EvError("unsupported", `A Quasar does not know "${command.command}".`);
      case "limit":
        if (limitsSession(command)) {
          throw new EvError("unsupported", "A Quasar limits only its current: maxA, maxDischargeA.");
        }
        user = {
          ...user,
          ...(command.maxA === undefined ? {} : { commandedMaxA: command.maxA }),
          ...(command.maxDischargeA === undefined ? {} : { commandedMaxDischargeA: command.maxDischargeA }),
        };
        return client.wake();
      default:
    }
    if (duties.isOcppOn) {
      throw new EvError("refused", 'An OCPP server has the charger; send {"command":"ocpp","enabled":false} first.');
    }
    turn += 1;
    switch (command.command) {
      case "pause":
        isWanted = true;
        return stop();
      case "release":
        return release();
      default:
        return run(readWish(command, now()));
    }
  };

  client.start(brain);
  return {
    subscribe(listener) {
      listeners.add(listener);
      if (latest !== null) listener(latest);
      return () => listeners.delete(listener);
    },
    obey,
    async close() {
      closing.abort();
      listeners.clear();
      await client.close();
    },
  };
}
