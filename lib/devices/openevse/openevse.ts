import { createWaiting } from "../../io/wait-until.ts";
import { type Cancel, type Clock, repeatEvery, sleep } from "../../model/clock.ts";
import type { Command } from "../../model/commands.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import { type Control, createControl, type OnExit } from "./control.ts";
import type { Answer } from "./device-commands.ts";
import { askController, type Hand } from "./hand.ts";
import type { LinkEvents, OpenevseLink } from "./link.ts";
import { createObedience } from "./obey.ts";
import { RAPI_ENERGY, RAPI_STATE } from "./orders.ts";
import type { ChannelChoice } from "./target.ts";
import { createWatch, type OpenevseReport, type Watch, type WatchSettings } from "./watch.ts";

export type { Answer } from "./device-commands.ts";
export type { OpenevseReport } from "./watch.ts";

export interface OpenevseSettings extends WatchSettings {
  readonly channel: ChannelChoice;
  readonly onExit: OnExit;
}

export interface OpenevseOptions {
  readonly settings: OpenevseSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Its events come later than the call. */
  readonly openLink: (events: LinkEvents) => OpenevseLink;
  /** a fault in the user's language, by its code */
  readonly describe: (code: string) => string;
}

export interface Openevse {
  /** Calls back with the latest report at once, if there is one, and then with each new one. */
  subscribe(listener: (report: OpenevseReport) => void): () => void;
  /**
   * Resolves when the charger shows that it obeyed.
   *
   * @throws EvError `timeout` (unheard), `refused`, `unsupported`, `unreachable`, `out-of-range`, `stale`, `device-fault`
   */
  obey(command: Command): Promise<Answer | null>;
  /** Does what `onExit` says and closes; less than 5 s. */
  close(): Promise<void>;
}

/** So long a command waits for the first sign of the charger, ms. */
const FIRST_SIGN_WITHIN_MS = 6000;
/** What an old module does not publish is asked as often as it speaks itself, ms. */
const ASK_HIDDEN_EVERY_MS = 30_000;
/** Once the controller has come to rest, ms. */
const ASK_AFTER_CHANGE_MS = 1500;
const FAREWELL_WITHIN_MS = 2500;

/** An OpenEVSE that is watched from now on. Nothing is written before something is asked. */
export function createOpenevse(options: OpenevseOptions): Openevse {
  const { settings, clock, logger } = options;
  const listeners = new Set<(report: OpenevseReport) => void>();
  const closing = new AbortController();
  const waiting = createWaiting(clock, closing.signal);
  let latest: OpenevseReport | null = null;
  let lastState: number | undefined;
  let cancelSoon: Cancel = () => {};

  const watch: Watch = createWatch({
    settings,
    clock,
    logger,
    waiting,
    describe: options.describe,
    link: () => link,
    ceilingA: () => control.ceilingA,
    onNews() {
      control.news();
      askAfterChange();
    },
    onReport(report) {
      latest = report;
      for (const listener of listeners) listener(report);
    },
  });
  const link: OpenevseLink = options.openLink(watch.events);
  const hand: Hand = {
    clock,
    link,
    waiting,
    snapshot: watch.snapshot,
    firmware: () => watch.firmware(),
    wiredPhases: settings.wiredPhases,
    bornAtMs: () => watch.bornAtMs,
    learn: (numbers) => watch.learn(numbers),
  };

  /** @throws EvError `unreachable`, `config` for a stranger */
  const present = async (): Promise<void> => {
    if (watch.isOtherDevice)
      throw new EvError("config", "Another charger answers than before; deploy again to accept it.");
    const isReady = (): boolean => {
      const { generation, hasClaims } = watch.firmware();
      return watch.isThere && (hasClaims || generation !== "unknown");
    };
    await waiting.until(isReady, watch.isNew || watch.isThere ? FIRST_SIGN_WITHIN_MS : 0, () => {
      const reason = watch.isThere ? "It has not said yet which firmware it has." : watch.whyAway().message;
      return new EvError("unreachable", `The command was not kept; send it again later. ${reason}`);
    });
  };
  const control: Control = createControl({
    hand,
    logger,
    limits: () => watch.limits(),
    choice: settings.channel,
    present,
    isPresent: () => watch.isThere,
  });
  const obey = createObedience(hand, control, present);

  /** On an old module only the controller itself knows whether a car is plugged in, and what it has charged. */
  const askHidden = async (): Promise<void> => {
    if (link.kind === "fed" || !link.isUp || !watch.firmware().isBlind || watch.isOtherDevice) return;
    await askController(hand, RAPI_STATE);
    if (link.kind === "mqtt") await askController(hand, RAPI_ENERGY);
  };
  const ask = (): void => {
    askHidden().catch((thrown: unknown) => {
      watch.forget(["flags", "wattsec", "watthour"]);
      logger.debug(`The controller was not asked: ${toEvError(thrown).message}`);
    });
  };
  /** The last energy of a session, for one, is known as soon as the car has left. */
  const askAfterChange = (): void => {
    const { state } = watch.snapshot.numbers;
    if (state === lastState) return;
    lastState = state;
    cancelSoon();
    cancelSoon = clock.after(ASK_AFTER_CHANGE_MS, ask);
  };
  const cancelAsking = repeatEvery(clock, ASK_HIDDEN_EVERY_MS, ask);

  return {
    subscribe(listener) {
      listeners.add(listener);
      if (latest !== null) listener(latest);
      return () => listeners.delete(listener);
    },
    async obey(command) {
      if (closing.signal.aborted) throw new EvError("closed", "The connection was closed.");
      const answer = await obey(command);
      // who asked to read now gets a reading now
      if (command.command === "refresh") watch.sayNow();
      return answer;
    },
    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      cancelAsking();
      cancelSoon();
      listeners.clear();
      const farewell = watch.isThere ? control.farewell(settings.onExit) : Promise.resolve();
      const patience = new AbortController();
      await Promise.race([farewell, sleep(clock, FAREWELL_WITHIN_MS, patience.signal)]).catch((thrown: unknown) =>
        logger.debug(`The farewell failed: ${toEvError(thrown).message}`),
      );
      patience.abort();
      control.stop();
      watch.stop();
      await link.close();
    },
  };
}
