import { EvError } from "../../model/errors.ts";
import { askController, type Hand, HEARD_WITHIN_MS, unheard, whoHolds } from "./hand.ts";
import { RAPI_ENABLE, RAPI_SLEEP, rapiCurrent } from "./orders.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Target } from "./target.ts";
import { isFaultState, STATE } from "./wire.ts";

/* Whether the charger does what it shall, and how one without claims is told. */

/** @param ceilingA a ceiling of ours, which explains a lower current */
export const does = (hand: Hand, target: Target, ceilingA: number | null): boolean =>
  // what the broker has kept is what it did once
  !hand.snapshot.isStateRetained &&
  (target.kind === "hold" ? isStopped(hand.snapshot) : isRunning(hand, target.currentA, ceilingA));

const isStopped = ({ numbers, texts }: Snapshot): boolean =>
  numbers.state !== undefined && numbers.state !== STATE.charging && texts.status !== "active";

function isRunning({ snapshot, firmware }: Hand, currentA: number, ceilingA: number | null): boolean {
  const { state, pilot, max_current } = snapshot.numbers;
  const { status } = snapshot.texts;
  if (state === undefined || isFaultState(state)) return false;
  if (status === undefined ? isAsleep(snapshot) : status !== "active") return false;
  // the controller of an old module shows a new pilot only half a minute later, and has already said yes
  if (!firmware().hasClaims) return true;
  const expectedA = Math.min(currentA, max_current ?? currentA, ceilingA ?? currentA);
  return pilot !== undefined && Math.abs(pilot - expectedA) < 1;
}

const isAsleep = ({ numbers: { state } }: Snapshot): boolean =>
  state === undefined || state === STATE.sleeping || state === STATE.disabled;

/** Says what it does instead, and who wants that. */
export async function describeContradiction(hand: Hand, target: Target): Promise<EvError> {
  const { state, pilot } = hand.snapshot.numbers;
  if (state === undefined || hand.snapshot.isStateRetained) return unheard("what it does now");
  if (isFaultState(state)) return new EvError("device-fault", `The charger reports fault ${state}.`);
  const deed = state === STATE.charging ? `charges with up to ${pilot ?? "?"} A` : `does not charge (state ${state})`;
  const should = target.kind === "hold" ? "stop" : `charge with ${target.currentA} A`;
  return new EvError("refused", `The charger was told to ${should}, but ${deed}: held by ${await whoHolds(hand)}.`);
}

/** Watts are amps only with the number of phases, which firmware 5 tells in its settings. @throws EvError `unreachable` */
export const knowPhases = ({ firmware, snapshot, waiting, wiredPhases }: Hand): Promise<void> =>
  waiting.until(
    () => wiredPhases !== null || firmware().generation !== "5" || snapshot.documents.config !== undefined,
    HEARD_WITHIN_MS,
    () => new EvError("unreachable", "The charger has not told its number of phases yet; send the command again."),
  );

/**
 * Tells the controller itself, on firmware without claims.
 *
 * @param mustBeNewest throws when a newer command came
 * @throws EvError `refused`, `timeout`, `unreachable`
 */
export async function tellController(hand: Hand, target: Target | null, mustBeNewest: () => void): Promise<void> {
  const { generation } = hand.firmware();
  if (generation === "unknown" || generation === "5") {
    throw new EvError("unreachable", "The charger has not said yet which firmware it has; try again in half a minute.");
  }
  if (target === null) return;
  if (target.kind === "hold") {
    await askController(hand, RAPI_SLEEP, true);
    return;
  }
  const setA = await askController(hand, rapiCurrent(target.currentA));
  // some controllers only say yes; another number than a current answers somebody else's question
  if (setA !== "" && !(Number(setA) <= target.currentA)) {
    throw new EvError("refused", `The controller set "${setA}" instead of ${target.currentA} A.`);
  }
  mustBeNewest();
  if (isAsleep(hand.snapshot)) await askController(hand, RAPI_ENABLE);
}
