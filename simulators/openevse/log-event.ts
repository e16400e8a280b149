import { isoAt } from "../../lib/model/units.ts";
import type { LogEvent } from "./event-log.ts";
import type { ModuleParts } from "./module-parts.ts";

/** How things stand now, as a line of `/logs`. */
export function eventOf(module: ModuleParts): LogEvent {
  const { controller } = module;
  return {
    time: `${isoAt(module.clock.utcMs()).slice(0, 19)}Z`,
    type: controller.fault === null ? "notification" : "warning",
    managerState: module.wantedState,
    evseState: controller.state,
    evseFlags: controller.flags,
    pilot: controller.pilotA,
    energy: module.sessionWh(),
    elapsed: module.elapsedS(),
    temperature: module.temperature() / 10,
    temperatureMax: module.temperatureMax / 10,
    divertMode: module.divertMode,
    shaper: module.shaper.isOn ? 1 : 0,
  };
}
