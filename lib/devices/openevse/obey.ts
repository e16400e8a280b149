import type { Command } from "../../model/commands.ts";
import { EvError } from "../../model/errors.ts";
import type { Control } from "./control.ts";
import {
  type Answer,
  feedMeasurements,
  limitSession,
  rapi,
  refresh,
  restart,
  schedule,
  setDivert,
  setShaper,
} from "./device-commands.ts";
import type { Hand } from "./hand.ts";

/* Which command is whose. */

/** @param present rejects when the charger is not there */
export function createObedience(
  hand: Hand,
  control: Control,
  present: () => Promise<void>,
): (command: Command) => Promise<Answer | null> {
  let feeds = 0;
  return async (command) => {
    switch (command.command) {
      case "charge":
      case "pause":
      case "current":
      case "power":
        await control.aim(command);
        return null;
      case "release":
        await control.release(command);
        return null;
      case "discharge":
        throw new EvError("unsupported", "An OpenEVSE only charges; it cannot discharge a car.");
      case "mode":
        throw new EvError("unsupported", "A charger has no modes: send this to an ev-control node.");
      case "ocpp":
        throw new EvError("unsupported", "An OpenEVSE is handed to an OCPP server in its own settings.");
      default:
    }
    await present();
    switch (command.command) {
      case "limit":
        if ((command.maxDischargeA ?? 0) > 0) throw new EvError("unsupported", "An OpenEVSE cannot discharge a car.");
        await limitSession(hand, command);
        if (command.maxA !== undefined) await control.setCeiling(command.maxA);
        return null;
      case "divert":
        await setDivert(hand, command);
        return null;
      case "shaper":
        await setShaper(hand, command);
        return null;
      case "feed": {
        feeds += 1;
        const mine = feeds;
        await feedMeasurements(hand, command, () => mine === feeds);
        return null;
      }
      case "schedule":
        return schedule(hand, command);
      case "restart":
        await restart(hand);
        return null;
      case "rapi":
        return rapi(hand, command);
      case "refresh":
        await refresh(hand);
        return null;
      default:
        return command satisfies never;
    }
  };
}
