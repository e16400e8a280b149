import { roundTo } from "../../lib/model/units.ts";
import type { ChannelReading } from "./metering.ts";
import { type Component, distort, type ShellyBody } from "./device.ts";
import type { ShellyRpcModel } from "./rpc-model.ts";

/** A device as its RPC methods see it. */
export interface RpcDevice {
  readonly body: ShellyBody;
  readonly model: ShellyRpcModel;
  readonly deviceId: () => string;
  readonly firmware: string;
  readonly hasPassword: () => boolean;
  readonly channelCount: number;
  /** Counts up; the fault "nan" alternates with it. */
  answerNumber: number;
}

export interface RpcError {
  readonly code: number;
  readonly message: string;
}
export type RpcReply = { readonly result: unknown } | { readonly error: RpcError };

type RpcMethod = (device: RpcDevice, params: Component) => RpcReply;

const ok = (result: unknown): RpcReply => ({ result });
const fail = (code: number, message: string): RpcReply => ({ error: { code, message } });

/** Who the device is; the same as GET /shelly and never protected. */
export const deviceInfo = (device: RpcDevice): Component => ({
  name: null,
  id: device.deviceId(),
  mac: device.body.mac,
  slot: 0,
  model: device.model.model,
  gen: device.model.generation,
  fw_id: `20260710-101108/${device.firmware}-g87fbfa4`,
  ver: device.firmware,
  app: device.model.app,
  auth_en: device.hasPassword(),
  auth_domain: device.hasPassword() ? device.deviceId() : null,
  ...(device.model.component === "em" ? { profile: "triphase" } : {}),
});

/** All components by name, such as `em1:0`; measured numbers carry the fault. */
export function fullStatus(device: RpcDevice): Readonly<Record<string, Component>> {
  const readings = device.body.metering.readings();
  const measured = device.model.component === "em1" ? singlePhase(readings) : threePhase(readings);
  device.answerNumber++;
  const { fault } = device.body;
  return {
    ...Object.fromEntries(
      Object.entries(measured).map(([name, component]): [string, Component] => {
        const distorted = distort(component, fault, device.answerNumber);
        const isMeter = !name.includes("data:");
        return [name, fault === "invalid" && isMeter ? { ...distorted, errors: ["power_meter_failure"] } : distorted];
      }),
    ),
    ...(device.model.hasSwitch ? { "switch:0": { id: 0, source: "init", output: false } } : {}),
    sys: {
      mac: device.body.mac,
      restart_required: false,
      unixtime: device.body.unixtimeS === 0 ? null : device.body.unixtimeS,
      uptime: device.body.uptimeS,
      ram_size: 247524,
      ram_free: 112596,
      available_updates: {},
    },
    wifi: { sta_ip: "192.0.2.11", status: "got ip", ssid: "home", rssi: -58 },
    cloud: { connected: false },
    mqtt: { connected: false },
    ws: { connected: false },
  };
}

function singlePhase(readings: readonly ChannelReading[]): Record<string, Component> {
  const components: Record<string, Component> = {};
  for (const [id, reading] of readings.entries()) {
    components[`em1:${id}`] = { id, ...phase(reading), calibration: "factory" };
    components[`em1data:${id}`] = {
      id,
      total_act_energy: roundTo(reading.importWh, 2),
      total_act_ret_energy: roundTo(reading.exportWh, 2),
    };
  }
  return components;
}

const phase = (reading: ChannelReading): Component => ({
  current: roundTo(reading.currentA, 3),
  voltage: roundTo(reading.voltageV, 1),
  act_power: roundTo(reading.powerW, 1),
  aprt_power: roundTo(reading.apparentVa, 1),
  pf: roundTo(Math.abs(reading.powerFactor), 2),
  freq: 50,
});

const PHASES = ["a", "b", "c"] as const;

/** Counters are kept per phase: import on one and export on another both count. */
function threePhase(readings: readonly ChannelReading[]): Record<string, Component> {
  const total = (part: (reading: ChannelReading) => number, decimals: number): number =>
    roundTo(
      readings.reduce((sum, reading) => sum + part(reading), 0),
      decimals,
    );
  const live: Record<string, unknown> = { id: 0 };
  const energy: Record<string, unknown> = { id: 0 };
  for (const [index, reading] of readings.entries()) {
    const letter = PHASES[index] ?? "c";
    for (const [name, shown] of Object.entries(phase(reading))) live[`${letter}_${name}`] = shown;
    energy[`${letter}_total_act_energy`] = roundTo(reading.importWh, 2);
    energy[`${letter}_total_act_ret_energy`] = roundTo(reading.exportWh, 2);
  }
  return {
    "em:0": {
      ...live,
      n_current: null,
      total_current: total((reading) => reading.currentA, 3),
      total_act_power: total((reading) => reading.powerW, 3),
      total_aprt_power: total((reading) => reading.apparentVa, 3),
      user_calibrated_phase: [],
    },
    "emdata:0": {
      ...energy,
      total_act: total((reading) => reading.importWh, 2),
      total_act_ret: total((reading) => reading.exportWh, 2),
    },
  };
}

/** A method of one component, which its `id` names. */
const ofComponent =
  (type: string, answer: (device: RpcDevice, id: number, status: Component) => unknown): RpcMethod =>
  (device, params) => {
    const { id } = params;
    if (id === undefined || id === null) return fail(-103, "Missing required argument 'id'!");
    if (typeof id !== "number" || !Number.isInteger(id)) return fail(-103, "Argument 'id' has to be a number!");
    const status = fullStatus(device)[`${type}:${id}`];
    return status === undefined ? fail(-105, `Argument 'id', value ${id} not found!`) : ok(answer(device, id, status));
  };

const statusOf = (type: string): RpcMethod => ofComponent(type, (_device, _id, status) => status);

function fullConfig(device: RpcDevice): Readonly<Record<string, Component>> {
  const { component, ctType } = device.model;
  const ids = component === "em" ? [0] : Array.from({ length: device.channelCount }, (_, id) => id);
  return Object.fromEntries([
    ...ids.map((id): [string, Component] => [
      `${component}:${id}`,
      component === "em"
        ? {
            id,
            name: null,
            blink_mode_selector: "active_energy",
            phase_selector: "all",
            monitor_phase_sequence: true,
            reverse: {},
            ct_type: ctType,
          }
        : { id, name: null, reverse: false, ct_type: ctType },
    ]),
    ["sys", { device: { name: null, mac: device.body.mac, fw_id: deviceInfo(device)["fw_id"] }, location: {} }],
  ]);
}

const resetCounters = (type: string): RpcMethod =>
  ofComponent(type, (device, id) => {
    device.body.metering.resetCounters(type === "emdata" ? undefined : id);
    return {};
  });

const everyDevice: Readonly<Record<string, RpcMethod>> = {
  "Shelly.GetDeviceInfo": (device) => ok(deviceInfo(device)),
  "Shelly.GetStatus": (device) => ok(fullStatus(device)),
  "Shelly.GetConfig": (device) => ok(fullConfig(device)),
  "Shelly.ListMethods": (device) => ok({ methods: Object.keys(methodsOf(device)) }),
  "Sys.GetStatus": (device) => ok(fullStatus(device)["sys"]),
  "Sys.GetConfig": (device) => ok(fullConfig(device)["sys"]),
};

const singlePhaseMethods: Readonly<Record<string, RpcMethod>> = {
  "EM1.GetStatus": statusOf("em1"),
  "EM1.GetConfig": ofComponent("em1", (device, id) => fullConfig(device)[`em1:${id}`]),
  "EM1Data.GetStatus": statusOf("em1data"),
  "EM1Data.ResetCounters": resetCounters("em1data"),
};

const threePhaseMethods: Readonly<Record<string, RpcMethod>> = {
  "EM.GetStatus": statusOf("em"),
  "EM.GetConfig": ofComponent("em", (device, id) => fullConfig(device)[`em:${id}`]),
  "EMData.GetStatus": statusOf("emdata"),
  "EMData.ResetCounters": resetCounters("emdata"),
};

const switchMethods: Readonly<Record<string, RpcMethod>> = { "Switch.GetStatus": statusOf("switch") };

const methodsOf = (device: RpcDevice): Readonly<Record<string, RpcMethod>> => ({
  ...everyDevice,
  ...(device.model.component === "em1" ? singlePhaseMethods : threePhaseMethods),
  ...(device.model.hasSwitch ? switchMethods : {}),
});

/** Methods that need no password. */
export const isOpenMethod = (method: string): boolean => method.toLowerCase() === "shelly.getdeviceinfo";

/** Runs one method; names are not case-sensitive. Errors: 404 no such method, -103 bad argument, -105 no such id. */
export function callMethod(device: RpcDevice, method: string, params: Component): RpcReply {
  const wanted = method.toLowerCase();
  const found = Object.entries(methodsOf(device)).find(([name]) => name.toLowerCase() === wanted);
  return found ? found[1](device, params) : fail(404, `No handler for ${method}`);
}
