import { type VirtualHome, type VirtualHomeOptions, startVirtualHome } from "../../simulators/virtual-home.ts";
import evQuasar from "../../nodes/devices/ev-quasar/ev-quasar.ts";
import evQuasarConnection from "../../nodes/devices/ev-quasar-connection/ev-quasar-connection.ts";
import evShellyEm from "../../nodes/devices/ev-shelly-em/ev-shelly-em.ts";
import evControl from "../../nodes/planning/ev-control/ev-control.ts";
import evSite from "../../nodes/planning/ev-site/ev-site.ts";
import type { Control } from "../../lib/model/records.ts";
import type { NodeMessage } from "../../nodes/shared/node-red.d.ts";
import { getNode, loadFlow, unloadFlow, until, withTexts } from "./node-runtime.ts";

/*
 * The whole loop on real traffic: a meter read over HTTP, a decision, a set point written over Modbus TCP. The devices are
 * the simulators, as quick as they can be; the nodes are the real ones.
 */

export const houseModules = [
  withTexts(evShellyEm, "devices/ev-shelly-em"),
  withTexts(evQuasarConnection, "devices/ev-quasar-connection"),
  withTexts(evQuasar, "devices/ev-quasar"),
  withTexts(evSite, "planning/ev-site"),
  withTexts(evControl, "planning/ev-control"),
];

type Fields = Readonly<Record<string, unknown>>;

/** What a test changes about the house, by node id. */
export interface HouseChanges {
  readonly home?: VirtualHomeOptions;
  readonly site?: Fields;
  readonly meter?: Fields;
  readonly control?: Fields;
  readonly connection?: Fields;
}

export interface House {
  readonly home: VirtualHome;
  /** The latest record of the controller. */
  readonly control: () => Control | null;
  /** To the controller. */
  say(payload: unknown): void;
  /** Values written to a register, oldest first, signed. */
  written(register: number): number[];
  /** Waits until both devices have been read. */
  settled(): Promise<void>;
  flow(): Record<string, unknown>[];
  stop(): Promise<void>;
}

/** Protocol address of the Quasar's current set point (fact sheet v2g 2.1). */
export const CURRENT_SETPOINT = 0x102;
export const ACTION = 0x101;

export async function startHouse(changes: HouseChanges = {}): Promise<House> {
  const home = await startVirtualHome({
    baseW: 400,
    peakW: 0,
    ...changes.home,
    charger: {
      socPercent: 60,
      plugged: true,
      socWhenIdle: "kept",
      settleFraction: 0.97,
      timing: { startDelayMs: [20, 20], responseDelayMs: [10, 10], slewWPerS: 100_000, stopSlewWPerS: 100_000 },
      ...changes.home?.charger,
    },
  });
  const flow = (): Record<string, unknown>[] => [
    { id: "tab", type: "tab", label: "house" },
    {
      id: "site",
      type: "ev-site",
      fuseA: "63",
      phases: "1",
      voltageV: "230",
      zone: "Europe/London",
      currency: "GBP",
      ...changes.site,
    },
    {
      id: "connection",
      type: "ev-quasar-connection",
      name: "the connection",
      host: "127.0.0.1",
      port: String(home.charger.port),
      pollS: "0.2",
      deadTimeFactor: "0",
      maxChargeA: "32",
      maxDischargeA: "32",
      ...changes.connection,
    },
    {
      id: "meter",
      z: "tab",
      type: "ev-shelly-em",
      name: "shelly",
      host: `127.0.0.1:${home.meter.port}`,
      channels: [
        { role: "grid", invert: false },
        { role: "evse", invert: false },
      ],
      pollS: "0.5",
      push: true,
      wires: [["control"]],
      ...changes.meter,
    },
    {
      id: "control",
      z: "tab",
      type: "ev-control",
      name: "car",
      site: "site",
      minChargeA: "3",
      maxChargeA: "32",
      minDischargeA: "3",
      maxDischargeA: "32",
      staleAfterS: "2",
      recoveryDelayS: "1",
      startDelayS: "0",
      stopDelayS: "0",
      v2gStopDelayS: "0",
      riseDelayS: "2",
      wires: [["quasar"], ["state"], ["alarm"]],
      ...changes.control,
    },
    { id: "quasar", z: "tab", type: "ev-quasar", name: "the charger", connection: "connection", wires: [["control"]] },
    { id: "state", z: "tab", type: "helper" },
    { id: "alarm", z: "tab", type: "helper" },
  ];
  await loadFlow(houseModules, flow());
  let latest: Control | null = null;
  const listen = (): void => {
    const state = getNode("state") as unknown as { on(event: string, listener: (message: NodeMessage) => void): void };
    state.on("input", ({ payload }) => {
      latest = payload as Control;
    });
  };
  listen();
  return {
    home,
    control: () => latest,
    say: (payload) => getNode("control").receive({ payload }),
    written: (register) =>
      home.charger.writes.filter(({ address }) => address === register).flatMap(({ values }) => values.map(toSigned)),
    settled: () =>
      until("meter and charger are read", () => latest !== null && latest.gridW !== null && latest.plugged !== null),
    flow,
    async stop() {
      await unloadFlow();
      await home.stop();
    },
  };
}

const toSigned = (word: number): number => (word > 0x7fff ? word - 0x10000 : word);
