import { armingGoals } from "./arming.ts";
import type { ControlSettings, ControlState, ControlView } from "./control-state.ts";
import { setPointWrite } from "./set-point.ts";
import { ACTION, encodeWrite, type QuasarWrite, REGISTER, wordAt } from "./wire.ts";

/*
 * What is written before the connection closes: on deploy, removal and shutdown (fact sheet v2g 8.8). Stops do not wait for
 * dead times. Without control ever taken there is nothing to say. Pure.
 */

/**
 * `stop`: stand still and keep control, so that auto start stays off; the watchdog is armed. `release`: stand still and give
 * control back to the app. `keep`: a charge goes on under the watchdog; a discharge is stopped all the same.
 */
export type OnExit = "stop" | "release" | "keep";

export function farewellWrites(
  state: ControlState,
  view: ControlView,
  settings: ControlSettings,
  onExit: OnExit,
): readonly QuasarWrite[] {
  if (!state.hasControl) return [];
  const owner = wordAt(view.image, REGISTER.controlOwner);
  const isReleasing = state.target.kind === "release" || onExit === "release";
  // the app has it already, for example after a reboot
  if (isReleasing && owner === 0) return [];
  const take: QuasarWrite[] = owner === 1 ? [] : [{ register: "controlOwner", owner: 1 }];
  const stop: QuasarWrite[] = [
    ...take,
    setPointWrite(0, wordAt(view.image, REGISTER.setpointType) === 1 ? "power" : "current"),
    { register: "action", action: ACTION.stop },
  ];
  if (isReleasing) return [...stop, { register: "controlOwner", owner: 0 }];
  return [...(onExit === "keep" && isPlainCharge(state, view) ? take : stop), ...missingArms(state, view, settings)];
}

/** Nothing about it could take energy out of the car. */
function isPlainCharge(state: ControlState, view: ControlView): boolean {
  const isAskedFor = state.target.kind === "run" && state.stop.owed === "none" && (state.sent?.amount ?? 0) > 0;
  return isAskedFor && view.meaning?.state !== "discharging" && (view.live.powerW ?? 0) >= 0;
}

/** Auto start and watchdog, where they do not stand as they should. */
function missingArms(state: ControlState, view: ControlView, settings: ControlSettings): readonly QuasarWrite[] {
  return armingGoals(null, settings.idleTimeoutS)
    .filter(({ name, write }) => {
      const found = wordAt(view.image, REGISTER[name]);
      return name !== "controlOwner" && found !== encodeWrite(write).word && !state.arming.refused.has(name);
    })
    .map(({ write }) => write);
}
