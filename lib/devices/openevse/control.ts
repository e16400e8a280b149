import type { Cancel } from "../../model/clock.ts";
import type { Command } from "../../model/commands.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import { askController, type Hand, HEARD_WITHIN_MS, see, tell, unheard, whoHolds } from "./hand.ts";
import { type Channel, RAPI_ENABLE, RAPI_SLEEP, rapiCurrent, shows, type Wanted } from "./orders.ts";
import {
  type ChannelChoice,
  chooseChannel,
  endsInMs,
  isRenewal,
  readTarget,
  type Target,
  type TargetCommand,
  type TargetLimits,
  wantedOf,
} from "./target.ts";
import { isFaultState, STATE } from "./wire.ts";

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

  const mustBeNewest = (mine: number): void => {
    if (mine !== turn) throw new EvError("stale", "A newer command came before this one was done.");
  };

  const aim = async (command: TargetCommand): Promise<void> => {
    turn += 1;
    const mine = turn;
    const asked = readTarget(command, limitsNow(), choice, clock.monotonicMs());
    await present();
    mustBeNewest(mine);
    const target = untilFull(asked);
    const { channel } = target;
    const before = targets[channel];
    set(channel, target);
    if (isRenewal(before, target) && isHeard(channel) && isDone(target)) return;
    await put(channel, mine);
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
    if (owed.size > 0) cancelOwed = clock.after(OWED_AGAIN_MS, () => void payOwed());
  };

  /** Writes what is wanted on this channel and waits until the charger shows that it has heard. */
  const put = async (channel: Channel, mine: number): Promise<void> => {
    if (!hand.firmware().hasClaims) return putByController(targets[channel], mine);
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
      () => mine !== turn || isHeard(channel),
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

  const putByController = async (target: Target | null, mine: number): Promise<void> => {
    const { generation } = hand.firmware();
    if (generation === "unknown" || generation === "5") {
      throw new EvError(
        "unreachable",
        "The charger has not said yet which firmware it has; try again in half a minute.",
      );
    }
    if (target === null) return;
    if (target.kind === "hold") {
      await askController(hand, RAPI_SLEEP, true);
      return;
    }
    const set = await askController(hand, rapiCurrent(target.currentA));
    if (set !== "" && Number(set) > target.currentA) {
      throw new EvError("refused", `The controller set ${set} A instead of ${target.currentA} A.`);
    }
    mustBeNewest(mine);
    if (isAsleep()) await askController(hand, RAPI_ENABLE);
  };
  const isAsleep = (): boolean => {
    const { state } = snapshot.numbers;
    return state === undefined || state === STATE.sleeping || state === STATE.disabled;
  };

  const isDone = (target: Target): boolean => (target.kind === "hold" ? isStopped() : isRunning(target));
  const isStopped = (): boolean =>
    snapshot.numbers.state !== undefined &&
    snapshot.numbers.state !== STATE.charging &&
    snapshot.texts.status !== "active";
  const isRunning = ({ currentA }: Target): boolean => {
    const { state, pilot, max_current } = snapshot.numbers;
    if (state === undefined || isFaultState(state)) return false;
    if (snapshot.texts.status === undefined ? isAsleep() : snapshot.texts.status !== "active") return false;
    // the controller of an old module shows a new pilot only half a minute later, and has already said yes
    if (!hand.firmware().hasClaims) return true;
    const expectedA = Math.min(currentA, max_current ?? currentA, ceilingA ?? currentA);
    return pilot !== undefined && Math.abs(pilot - expectedA) < 1;
  };
  const untilDone = async (target: Target, mine: number): Promise<void> => {
    const tooLong = new EvError("refused", "not done");
    try {
      await see(
        hand,
        () => mine !== turn || isDone(target),
        DONE_WITHIN_MS,
        () => tooLong,
      );
    } catch (thrown) {
      throw thrown === tooLong ? await describeContradiction(target) : thrown;
    }
    mustBeNewest(mine);
  };
  const describeContradiction = async (target: Target): Promise<EvError> => {
    const { state, pilot } = snapshot.numbers;
    if (state === undefined) return unheard("what it does now");
    if (isFaultState(state)) return new EvError("device-fault", `The charger reports fault ${state}.`);
    const does = state === STATE.charging ? `charges with up to ${pilot ?? "?"} A` : `does not charge (state ${state})`;
    const should = target.kind === "hold" ? "stop" : `charge with ${target.currentA} A`;
    return new EvError("refused", `The charger was told to ${should}, but ${does}: held by ${await whoHolds(hand)}.`);
  };

  const release = async (command: Command): Promise<void> => {
    turn += 1;
    const mine = turn;
    await present();
    mustBeNewest(mine);
    const wasHeld = CHANNELS.some((channel) => targets[channel]?.kind === "hold");
    const given = chooseChannel(command, choice) === "override" ? CHANNELS : (["claim"] as const);
    for (const channel of given) set(channel, null);
    ceilingA = null;
    if (!hand.firmware().hasClaims) {
      if (wasHeld) await askController(hand, RAPI_ENABLE);
      return;
    }
    for (const channel of given) {
      if (snapshot.documents[channel] === null && (told[channel] ?? null) === null) continue;
      await put(channel, mine);
    }
  };

  const setCeiling = async (maxA: number | null): Promise<void> => {
    const { minA } = limits();
    if (maxA !== null && maxA < minA) {
      throw new EvError("out-of-range", `Less than ${minA} A cannot be signalled to a car; pause it instead.`);
    }
    await present();
    const mine = turn;
    ceilingA = maxA === null ? null : Math.floor(maxA);
    const { override, claim } = targets;
    if (hand.firmware().hasClaims) await put("claim", mine);
    else await putByController(lowered(override ?? claim), mine);
    await see(
      hand,
      () => mine !== turn || ceilingA === null || snapshot.numbers.state !== STATE.charging || isBelow(ceilingA),
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
      cancelOwed();
      for (const cancel of timers.values()) cancel();
      timers.clear();
    },
  };
}

/** The same, but standing still and without an end. */
const held = (target: Target): Target => ({
  ...target,
  kind: "hold",
  currentA: 0,
  untilSocPercent: null,
  endsAtMs: null,
  lentUntilMs: null,
});
