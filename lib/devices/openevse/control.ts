import type { Cancel } from "../../model/clock.ts";
import type { Command } from "../../model/commands.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import { describeContradiction, does, knowPhases, tellController } from "./deeds.ts";
import { askController, type Hand, HEARD_WITHIN_MS, see, tell, unheard } from "./hand.ts";
import { type Channel, RAPI_ENABLE, RAPI_SLEEP, shows, type Wanted } from "./orders.ts";
import {
  type ChannelChoice,
  chooseChannel,
  endsInMs,
  hasEnd,
  held,
  isRenewal,
  readTarget,
  type Target,
  type TargetCommand,
  type TargetLimits,
  wantedOf,
} from "./target.ts";
import { STATE } from "./wire.ts";

/*
 * Who may charge how fast. A target is done when the charger shows it: first that it has heard, then that it does it. What
 * was lent and not renewed is stopped, however long that takes.
 */

export type OnExit = "release" | "pause" | "keep";

export interface ControlOptions {
  readonly hand: Hand;
  readonly logger: Logger;
  readonly limits: () => TargetLimits;
  readonly choice: ChannelChoice;
  /** @throws EvError when the charger is not there; waits a moment for it after a start */
  readonly present: () => Promise<void>;
  readonly isPresent: () => boolean;
}

export interface Control {
  /** @throws EvError `timeout` (unheard), `refused` (somebody else decides), `unsupported`, `unreachable`, `stale`, `device-fault` */
  aim(command: TargetCommand): Promise<void>;
  release(command: Command): Promise<void>;
  /** Ceiling for everybody, A; null takes it away. */
  setCeiling(maxA: number | null): Promise<void>;
  readonly ceilingA: number | null;
  /** Something was heard. */
  news(): void;
  /** Before the connection is closed. */
  farewell(onExit: OnExit): Promise<void>;
  stop(): void;
}

const CHANNELS: readonly Channel[] = ["override", "claim"];
/** From hearing to doing: relay, controller and the next burst, ms. */
const DONE_WITHIN_MS = 10_000;
/** A stop that is owed is tried again, ms. */
const OWED_AGAIN_MS = 5000;
/** An end by the wall clock is looked at again, for the clock may be set, ms. */
const LOOK_AT_CLOCK_MS = 30_000;

export function createControl({ hand, logger, limits, choice, present, isPresent }: ControlOptions): Control {
  const { clock, snapshot } = hand;
  const targets: Record<Channel, Target | null> = { override: null, claim: null };
  /** what we told; undefined = nothing yet */
  const told: Record<Channel, Wanted | null | undefined> = { override: undefined, claim: undefined };
  /** what was told has been shown since */
  const confirmed = new Set<Channel>();
  const owed = new Set<Channel>();
  const timers = new Map<Channel, Cancel>();
  let cancelOwed: Cancel = () => {};
  let isPaying = false;
  let ceilingA: number | null = null;
  let turn = 0;
  let isStopped = false;

  const isNewest = (mine: number): boolean => mine === turn && !isStopped;
  /** @throws EvError `stale`, `closed` */
  const mustBeNewest = (mine: number): void => {
    if (isStopped) throw new EvError("closed", "The connection was closed.");
    if (!isNewest(mine)) throw new EvError("stale", "A newer command came before this one was done.");
  };

  const aim = async (command: TargetCommand): Promise<void> => {
    turn += 1;
    const mine = turn;
    const askedAtMs = clock.monotonicMs();
    // what never can be is refused at once; how much it is, the charger's own settings tell
    readTarget(command, limitsNow(), choice, askedAtMs);
    await present();
    if (command.command === "power" && command.powerW > 0) await knowPhases(hand);
    mustBeNewest(mine);
    const target = untilFull(readTarget(command, limitsNow(), choice, askedAtMs));
    const { channel } = target;
    const before = targets[channel];
    set(channel, target);
    if (isRenewal(before, target) && isHeard(channel) && isDone(target)) return;
    await putOrKeepLoan(channel, before, mine);
    await untilDone(target, mine);
  };

  const limitsNow = (): TargetLimits => {
    const { maxA, ...rest } = limits();
    return { ...rest, maxA: Math.min(maxA, ceilingA ?? maxA) };
  };
  /** A charge that has reached its end before it began is none. @throws EvError `unsupported` when nobody can tell */
  const untilFull = (target: Target): Target => {
    if (target.untilSocPercent === null || target.kind === "hold") return target;
    const socPercent = snapshot.numbers.battery_level;
    if (socPercent === undefined) {
      throw new EvError("unsupported", "The charger does not know the car's state of charge: feed it first.");
    }
    return socPercent >= target.untilSocPercent ? held(target) : target;
  };

  const set = (channel: Channel, target: Target | null): void => {
    targets[channel] = target;
    owed.delete(channel);
    timers.get(channel)?.();
    timers.delete(channel);
    if (target !== null) armEnd(channel, target);
  };
  const armEnd = (channel: Channel, target: Target): void => {
    const restMs = endsInMs(target, clock.nowMs(), clock.monotonicMs());
    if (restMs === null) return;
    const look = (): void => (restMs <= LOOK_AT_CLOCK_MS ? lapse(channel) : armEnd(channel, target));
    timers.set(channel, clock.after(Math.min(restMs, LOOK_AT_CLOCK_MS), look));
  };
  /** Its time is over, it is full, or nobody renewed it. */
  const lapse = (channel: Channel): void => {
    const target = targets[channel];
    if (target === null || target.kind === "hold") return;
    set(channel, held(target));
    owed.add(channel);
    void payOwed();
  };
  const payOwed = async (): Promise<void> => {
    cancelOwed();
    if (isPaying || owed.size === 0 || !isPresent()) return;
    isPaying = true;
    const mine = turn;
    for (const channel of owed) {
      const target = targets[channel];
      try {
        await put(channel, mine);
        if (target !== null) await untilDone(target, mine);
        owed.delete(channel);
      } catch (thrown) {
        const error = toEvError(thrown);
        // refused = it does not charge for us any more; whoever else lets it charge is not ours to stop
        if (error.code === "refused") owed.delete(channel);
        logger.debug(`A charge is over, but the charger was not stopped yet: ${error.message}`);
      }
    }
    isPaying = false;
    if (owed.size > 0 && !isStopped) cancelOwed = clock.after(OWED_AGAIN_MS, () => void payOwed());
  };

  /** What was not heard did not happen: a loan that was in force runs on, and ends in its time. */
  const putOrKeepLoan = async (channel: Channel, before: Target | null, mine: number): Promise<void> => {
    try {
      await put(channel, mine);
    } catch (thrown) {
      const now = targets[channel];
      const wasLent = before?.kind === "run" && hasEnd(before);
      if (isNewest(mine) && wasLent && (now === null || !hasEnd(now))) set(channel, before);
      throw thrown;
    }
  };
  /** Writes what is wanted on this channel and waits until the charger shows that it has heard. */
  const put = async (channel: Channel, mine: number): Promise<void> => {
    if (!hand.firmware().hasClaims) return tellController(hand, targets[channel], () => mustBeNewest(mine));
    const wanted = wantedOf(channel, targets[channel], ceilingA);
    const isStop = wanted?.state !== "active";
    const last = told[channel];
    const mayHoldState = last === undefined || (last !== null && last.state !== undefined);
    // over MQTT what is left out stays, and a state can only be taken back with all the rest
    if (wanted !== null && wanted.state === undefined && hand.link.kind !== "http" && mayHoldState) {
      await tell(hand, { to: channel, wanted: null }, isStop);
      mustBeNewest(mine);
    }
    told[channel] = wanted;
    confirmed.delete(channel);
    await tell(hand, { to: channel, wanted }, isStop);
    await see(
      hand,
      () => !isNewest(mine) || isHeard(channel),
      HEARD_WITHIN_MS,
      () => unheard(channel === "override" ? "the override" : "the claim"),
    );
    mustBeNewest(mine);
    confirmed.add(channel);
  };
  /** The charger shows what it was told last. */
  const isHeard = (channel: Channel): boolean => {
    const last = told[channel];
    return !hand.firmware().hasClaims || (last !== undefined && shows(snapshot.documents[channel], last));
  };

  const isDone = (target: Target): boolean => does(hand, target, ceilingA);
  const untilDone = async (target: Target, mine: number): Promise<void> => {
    const tooLong = new EvError("refused", "not done");
    try {
      await see(
        hand,
        () => !isNewest(mine) || isDone(target),
        DONE_WITHIN_MS,
        () => tooLong,
      );
    } catch (thrown) {
      throw thrown === tooLong ? await describeContradiction(hand, target) : thrown;
    }
    mustBeNewest(mine);
  };
  const release = async (command: Command): Promise<void> => {
    turn += 1;
    const mine = turn;
    await present();
    mustBeNewest(mine);
    const wasHeld = CHANNELS.some((channel) => targets[channel]?.kind === "hold");
    const given = chooseChannel(command, choice) === "override" ? CHANNELS : (["claim"] as const);
    const before = { ...targets };
    for (const channel of given) set(channel, null);
    ceilingA = null;
    if (!hand.firmware().hasClaims) {
      if (wasHeld) await askController(hand, RAPI_ENABLE);
      return;
    }
    for (const channel of given) {
      if (snapshot.documents[channel] === null && (told[channel] ?? null) === null) continue;
      await putOrKeepLoan(channel, before[channel], mine);
    }
  };

  const setCeiling = async (maxA: number | null): Promise<void> => {
    const { minA } = limits();
    if (maxA !== null && maxA < minA) {
      throw new EvError("out-of-range", `Less than ${minA} A cannot be signalled to a car; pause it instead.`);
    }
    await present();
    const mine = turn;
    mustBeNewest(mine);
    ceilingA = maxA === null ? null : Math.floor(maxA);
    const { override, claim } = targets;
    if (hand.firmware().hasClaims) await put("claim", mine);
    else await tellController(hand, lowered(override ?? claim), () => mustBeNewest(mine));
    await see(
      hand,
      () => !isNewest(mine) || ceilingA === null || snapshot.numbers.state !== STATE.charging || isBelow(ceilingA),
      DONE_WITHIN_MS,
      () => new EvError("refused", `The charger charges with up to ${snapshot.numbers.pilot} A all the same.`),
    );
    mustBeNewest(mine);
  };
  const isBelow = (maxA: number): boolean =>
    !hand.firmware().hasClaims || (snapshot.numbers.pilot ?? Number.POSITIVE_INFINITY) < maxA + 1;
  const lowered = (target: Target | null): Target | null =>
    target?.kind === "run" ? { ...target, currentA: Math.min(target.currentA, limitsNow().maxA) } : null;

  return {
    aim,
    release,
    setCeiling,
    get ceilingA() {
      return ceilingA;
    },
    news() {
      for (const channel of CHANNELS) {
        const target = targets[channel];
        const socPercent = snapshot.numbers.battery_level;
        if (target?.untilSocPercent != null && socPercent !== undefined && socPercent >= target.untilSocPercent) {
          lapse(channel);
        }
      }
      // the car has left, and the charger has let the override go with it
      const isUnplugged = snapshot.numbers.state === STATE.notConnected;
      if (confirmed.has("override") && snapshot.documents.override === null && isUnplugged) {
        set("override", null);
        told.override = null;
        confirmed.delete("override");
      }
      if (owed.size > 0) void payOwed();
    },
    async farewell(onExit) {
      turn += 1;
      if (onExit === "keep" || !hand.link.isUp) return;
      for (const channel of CHANNELS) {
        const target = targets[channel];
        // somebody else has put his own in the place of ours
        if (confirmed.has(channel) && !isHeard(channel)) continue;
        const isLent = target !== null && target.lentUntilMs !== null;
        if (!hand.firmware().hasClaims) {
          if (target?.kind === "run" && (isLent || onExit === "pause")) await askController(hand, RAPI_SLEEP, true);
        } else if (onExit === "pause") {
          if (target?.kind === "run")
            await tell(hand, { to: channel, wanted: wantedOf(channel, held(target), null) }, true);
        } else if ((told[channel] ?? null) !== null && (channel === "claim" || isLent)) {
          await tell(hand, { to: channel, wanted: null }, true);
        }
      }
    },
    stop() {
      isStopped = true;
      cancelOwed();
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}
