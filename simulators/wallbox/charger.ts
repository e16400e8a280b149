/** One charger as the Wallbox cloud shows it (fact sheet v2g 3.2 and 3.3). */
export interface CloudCharger {
  readonly chargerId: number;
  readonly statusId: number;
  readonly ocpp: OcppConfiguration;
}

/** Which server the charger talks to. */
export interface OcppConfiguration {
  readonly type: "ocpp" | "wallbox";
  readonly address: string;
  readonly chargePointIdentity: string;
  readonly password: string;
}

/** The states that the simulator goes through by itself. */
export const statusIds = { disconnected: 0, ready: 161, updating: 166, paused: 182, charging: 194 } as const;

const STATUS_TEXT: Readonly<Record<number, string>> = {
  [statusIds.disconnected]: "Disconnected",
  [statusIds.ready]: "Ready",
  [statusIds.updating]: "Updating",
  [statusIds.paused]: "Paused by user",
  [statusIds.charging]: "Charging",
};

/** The reply to GET v3/chargers/groups. */
export const chargerGroups = ({ chargerId, statusId }: CloudCharger): unknown => ({
  result: {
    groups: [
      {
        id: 1,
        name: "Home",
        chargers: [{ id: chargerId, name: "Quasar", serialNumber: String(chargerId), status: statusId }],
      },
    ],
  },
});

/** The reply to GET chargers/status/{id}. */
export const chargerStatus = ({ chargerId, statusId, ocpp }: CloudCharger): unknown => ({
  status_id: statusId,
  status_description: STATUS_TEXT[statusId] ?? "Unknown",
  name: "Quasar",
  charging_power: 0,
  charging_speed: 0,
  charging_time: 0,
  max_available_power: 32,
  added_energy: 0,
  added_discharged_energy: 0,
  added_range: 0,
  state_of_charge: null,
  cost: 0,
  current_mode: 1,
  depot_price: 0,
  ocpp_status: ocpp.type === "ocpp" ? 2 : 1,
  connections: 0,
  config_data: {
    locked: 0,
    max_charging_current: 32,
    icp_max_current: 32,
    energy_price: 0,
    currency: { code: "GBP" },
    serial_number: chargerId,
    part_number: "QSX0-2-2-2-0-002",
    software: { currentVersion: "3.4.0", updateAvailable: false },
    plan: { features: ["POWER_BOOST"] },
    ecosmart: { enabled: false, mode: 0 },
  },
});
