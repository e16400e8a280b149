import type { SetPointMode } from "./set-point.ts";
import { encodeWrite, type QuasarWrite, type RegisterImage, wordAt } from "./wire.ts";

/*
 * Taking control and keeping it armed (fact sheet v2g 2.3, 8.1, 8.10): remote owner, auto start off, set-point type, the
 * charger's own watchdog. Levels instead of a script: what the registers show is compared with what they shall be, so a
 * reboot, an app that took over or a lost write heal by themselves. Pure.
 */

export type GoalName = "controlOwner" | "autoStart" | "setpointType" | "idleTimeoutS";

export interface Goal {
  readonly name: GoalName;
  readonly write: QuasarWrite;
}

export interface Arming {
  readonly tries: Readonly<Partial<Record<GoalName, number>>>;
  /** the charger does not do this; not tried again on this connection */
  readonly refused: ReadonlySet<GoalName>;
}

export const NOT_ARMED: Arming = { tries: {}, refused: new Set() };

const MOST_TRIES = 3;

/** The goals in the order they are written. @param mode null = leave the set-point type alone */
export function armingGoals(mode: SetPointMode | null, idleTimeoutS: number): readonly Goal[] {
  const goals: Goal[] = [
    { name: "controlOwner", write: { register: "controlOwner", owner: 1 } },
    { name: "autoStart", write: { register: "autoStart", isOn: false } },
  ];
  if (mode !== null) {
    goals.push({ name: "setpointType", write: { register: "setpointType", type: mode === "power" ? 1 : 0 } });
  }
  goals.push({ name: "idleTimeoutS", write: { register: "idleTimeoutS", seconds: idleTimeoutS } });
  return goals;
}

export type ArmingStep =
  | { readonly kind: "write"; readonly goal: Goal }
  /** look whether the charger took what was written */
  | { readonly kind: "read-back" };

/** The next thing to do, null when everything stands as it should or is known to be refused. */
export function nextArmingStep(
  arming: Arming,
  goals: readonly Goal[],
  image: RegisterImage,
): { arming: Arming; step: ArmingStep | null } {
  let current = arming;
  let isReadBackNeeded = false;
  for (const goal of goals) {
    if (current.refused.has(goal.name)) continue;
    const { address, word } = encodeWrite(goal.write);
    const found = wordAt(image, address);
    const tries = current.tries[goal.name] ?? 0;
    if (found === word) current = withTries(current, goal.name, 0);
    else if (found === undefined) isReadBackNeeded = true;
    else if (tries >= (found === null ? 1 : MOST_TRIES)) current = refuse(current, goal.name, found === null);
    else return { arming: current, step: { kind: "write", goal } };
  }
  return { arming: current, step: isReadBackNeeded ? { kind: "read-back" } : null };
}

/** @param isRefused the charger answered that it never will */
export function afterArmingWrite(arming: Arming, name: GoalName, isRefused: boolean): Arming {
  const counted = withTries(arming, name, (arming.tries[name] ?? 0) + 1);
  return isRefused ? refuse(counted, name, false) : counted;
}

/** On a new connection everything may be tried again, except a set-point type that this firmware does not have. */
export const afterReconnect = (arming: Arming): Arming => ({
  tries: {},
  refused: new Set([...arming.refused].filter((name) => name === "setpointType")),
});

const withTries = (arming: Arming, name: GoalName, tries: number): Arming =>
  arming.tries[name] === tries || (tries === 0 && arming.tries[name] === undefined)
    ? arming
    : { ...arming, tries: { ...arming.tries, [name]: tries } };

/** A register that cannot be read back counts as done after one write. */
const refuse = (arming: Arming, name: GoalName, isUnverifiable: boolean): Arming =>
  isUnverifiable ? arming : { ...arming, refused: new Set([...arming.refused, name]) };
