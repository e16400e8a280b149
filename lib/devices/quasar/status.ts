import type { ChargerState } from "../../model/records.ts";

/*
 * Register 0x219 as a table (fact sheet v2g 2.2). The word is a flag of the charger record and a key of the locale files.
 */

export interface StatusMeaning {
  readonly state: ChargerState;
  /** null = the status does not tell */
  readonly isPlugged: boolean | null;
  /** power may flow, or will as soon as the car agrees */
  readonly isRunning: boolean;
  /** says more than the state does */
  readonly flag: string | null;
}

const meaning = (
  state: ChargerState,
  isPlugged: boolean | null,
  flag: string | null = null,
  isRunning = false,
): StatusMeaning => ({ state, isPlugged, isRunning, flag });

const STATUS: ReadonlyMap<number, StatusMeaning> = new Map([
  [0, meaning("unplugged", false)],
  [1, meaning("charging", true, null, true)],
  [2, meaning("plugged", true, "waiting-for-car", true)],
  [3, meaning("plugged", true, "app-controlled")],
  [4, meaning("paused", true)],
  [5, meaning("plugged", true, "end-of-schedule")],
  [6, meaning("unplugged", false, "locked")],
  [7, meaning("fault", null, "status-error")],
  [8, meaning("plugged", true, "queued-power-sharing", true)],
  [9, meaning("fault", null, "power-sharing-not-configured")],
  [10, meaning("plugged", true, "queued-power-boost", true)],
  [11, meaning("discharging", true, null, true)],
]);

const OCPP_STATUS = 7;
const UNDER_OCPP = meaning("plugged", true, "ocpp-waiting");

/**
 * What a status means; null for a code that nobody has explained: the last state stays, and it is never a failure of the
 * connection. Status 7 is an error unless the charger is known to obey an OCPP server.
 */
export function explainStatus(status: number, isOcppOn: boolean): StatusMeaning | null {
  if (status === OCPP_STATUS && isOcppOn) return UNDER_OCPP;
  return STATUS.get(status) ?? null;
}
