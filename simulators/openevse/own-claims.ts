import { CLIENT, PRIORITY, type Properties } from "./claims.ts";
import { isReached } from "./session-limit.ts";
import type { ModuleParts } from "./module-parts.ts";

/* What the module claims on its own behalf: limit, timer, divert, shaper, RFID (fact sheet openevse 4.3 to 4.6). */

const PAUSED: Properties = { state: "disabled", auto_release: false };

/** The module as far as its own claims need it. */
interface Claimant extends ModuleParts {
  readonly isSessionOpen: boolean;
  claim(client: number, priority: number, properties: Properties | null): boolean;
  noteScheduledEvent(event: string): void;
}

export function claimOnOwnBehalf(module: Claimant): void {
  followLimit(module);
  followSchedule(module);
  followDivert(module);
  followShaper(module);
  followRfid(module);
}

function followLimit(module: Claimant): void {
  const { limit, vehicleData } = module;
  const progress = {
    chargingMin: module.elapsedS() / 60,
    energyWh: module.sessionWh(),
    socPercent: vehicleData.socPercent,
    range: vehicleData.range,
  };
  if (limit !== null && module.isSessionOpen && isReached(limit, progress)) module.isLimitReached = true;
  // with a charger that is off by default, a limit for one session starts it (issue 1029 of the firmware)
  const startsByItself = limit?.auto_release === true && module.settings.document["default_state"] === false;
  const state = module.isLimitReached ? "disabled" : startsByItself ? "active" : undefined;
  module.claim(CLIENT.limit, PRIORITY.limit, state === undefined ? null : { state, auto_release: false });
}

function followSchedule(module: Claimant): void {
  const { current } = module.plan();
  module.noteScheduledEvent(JSON.stringify(current));
  const priority = current?.state === "active" ? PRIORITY.schedule : PRIORITY.idle;
  module.claim(CLIENT.schedule, priority, current === null ? null : { state: current.state, auto_release: false });
}

function followDivert(module: Claimant): void {
  const { isActive, chargeRateA } = module.divert;
  const isEco = module.divertMode === 2 && module.settings.isOn("divert_enabled");
  if (!isEco) module.claim(CLIENT.divert, PRIORITY.idle, null);
  else if (!isActive) module.claim(CLIENT.divert, PRIORITY.idle, PAUSED);
  else {
    const wanted: Properties = { state: "active", charge_current: chargeRateA, auto_release: false };
    module.claim(CLIENT.divert, PRIORITY.divert, wanted);
  }
}

function followShaper(module: Claimant): void {
  const { shaper, settings } = module;
  const isWorking = shaper.isOn && settings.number("current_shaper_max_pwr") > 0;
  const currentA = module.shaperCurrentA();
  const isFresh = shaper.isFresh(settings.number("current_shaper_data_maxinterval"), module.clock.nowMs);
  if (!isWorking) module.claim(CLIENT.shaper, PRIORITY.shaper, null);
  else if (!isFresh) module.claim(CLIENT.shaper, PRIORITY.limit, PAUSED);
  else if (currentA < 6) module.claim(CLIENT.shaper, PRIORITY.shaper, PAUSED);
  else module.claim(CLIENT.shaper, PRIORITY.shaper, { max_current: currentA, auto_release: false });
}

function followRfid(module: Claimant): void {
  const isLocked = module.settings.isOn("rfid_enabled") && module.rfid.tag === "";
  module.claim(CLIENT.rfid, PRIORITY.rfid, isLocked ? PAUSED : null);
}
