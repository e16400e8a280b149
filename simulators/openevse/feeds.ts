import type { WifiModule } from "./wifi-module.ts";

/* What others measure for the charger, over MQTT or HTTP (fact sheet openevse 4.1, 4.6). Every message is echoed. */

/** @param powerW what the sun gives, or what the grid gives (+) and takes (-) */
export function feedDivert(module: WifiModule, kind: "solar" | "grid", powerW: number): void {
  const { divert, controller, settings, clock } = module;
  if (kind === "solar") divert.solarW = powerW;
  else divert.gridW = powerW;
  const givenA = powerW / module.perAmpW();
  divert.follow(kind === "solar" ? givenA : controller.amps - givenA, settings.divert(), clock.nowMs);
  module.echo(["divert_update", kind === "solar" ? "solar" : "grid_ie"]);
  if (module.divertMode !== 2) return;
  module.echo(["divert_active", "charge_rate", "available_current", "smoothed_available_current"]);
  module.echo(["trigger_current", "min_charge_end"]);
}

/** @param houseW what the whole house draws */
export function feedShaper(module: WifiModule, houseW: number): void {
  module.shaper.follow(houseW, module.settings.number("current_shaper_smoothing_time"), module.clock.nowMs);
  module.echo(["shaper", "shaper_live_pwr", "shaper_smoothed_live_pwr", "shaper_max_pwr", "shaper_cur"]);
  module.echo(["shaper_updated"]);
}
