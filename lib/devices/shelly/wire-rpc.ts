import { EvError } from "../../model/errors.ts";
import {
  type ChannelSample,
  createGauge,
  type Gauge,
  meanKnown,
  parseMac,
  parseUptimeS,
  type PhaseSample,
  type Snapshot,
  sumKnown,
  withoutReading,
} from "./wire.ts";

/*
 * Status of Gen2 and later (fact sheet v2g 4.2). Which meters there are is read from the keys of the status, never from
 * the model: `em1:N` is one clamp, `em:0` three phases; `em1data:N` and `emdata:0` hold the counters.
 */

export const RPC_STATUS_METHOD = "Shelly.GetStatus";

/** Fields of one component by name. Maps, because names come from the wire and `__proto__` is a name. */
type Fields = ReadonlyMap<string, unknown>;
/** The components that concern us, by key. */
export type Components = ReadonlyMap<string, Fields>;

const OUR_COMPONENT = /^(?:sys|em:0|emdata:0|em1:\d|em1data:\d)$/;
const METER_COMPONENT = /^em1?:(\d)$/;
const MOST_FIELDS = 80;

const isObject = (raw: unknown): raw is Readonly<Record<string, unknown>> =>
  typeof raw === "object" && raw !== null && !Array.isArray(raw);

const toFields = (raw: Readonly<Record<string, unknown>>): [string, unknown][] =>
  Object.entries(raw).slice(0, MOST_FIELDS);

/** A whole status. @throws EvError `bad-reply` when no meter is in it */
export function parseFullStatus(reply: unknown): Components {
  if (!isObject(reply)) throw new EvError("bad-reply", "The Shelly's status is not an object.");
  const components = new Map<string, Fields>();
  for (const [key, raw] of Object.entries(reply)) {
    if (OUR_COMPONENT.test(key) && isObject(raw)) components.set(key, new Map(toFields(raw)));
  }
  if (![...components.keys()].some((key) => METER_COMPONENT.test(key))) {
    throw new EvError("bad-reply", "This Shelly has no energy meter (em or em1): check that the address is the meter.");
  }
  return components;
}

/** Puts a NotifyStatus onto what is known: null removes a key. */
export function mergeDelta(known: Components, delta: unknown): Components {
  if (!isObject(delta)) return known;
  const merged = new Map(known);
  for (const [key, raw] of Object.entries(delta)) {
    if (!OUR_COMPONENT.test(key)) continue;
    if (raw === null) merged.delete(key);
    if (!isObject(raw)) continue;
    const fields = new Map(known.get(key));
    for (const [name, field] of toFields(raw)) {
      if (field === null) fields.delete(name);
      else if (fields.has(name) || fields.size < MOST_FIELDS) fields.set(name, field);
    }
    merged.set(key, fields);
  }
  return merged;
}

/** The channels that a NotifyStatus measures anew. */
export function channelsIn(delta: unknown): readonly number[] {
  if (!isObject(delta)) return [];
  return Object.keys(delta).flatMap((key) => {
    const [, channel] = METER_COMPONENT.exec(key) ?? [];
    return channel === undefined ? [] : [Number(channel)];
  });
}

export function toSnapshot(components: Components): Snapshot {
  const sys = components.get("sys");
  const channels = [...components].flatMap(([key, fields]): ChannelSample[] => {
    const [, channel] = METER_COMPONENT.exec(key) ?? [];
    if (channel === undefined) return [];
    if (key === "em:0") return [parseThreePhase(fields, components.get("emdata:0"))];
    if (components.has("em:0")) return [];
    return [parseSinglePhase(Number(channel), fields, components.get(`em1data:${channel}`))];
  });
  return { mac: parseMac(sys?.get("mac")), uptimeS: parseUptimeS(sys?.get("uptime")), channels };
}

function parseSinglePhase(channel: number, live: Fields, counted: Fields | undefined): ChannelSample {
  const flags = new Set<string>();
  const gauge = createGauge(flags);
  const errors = readErrors([live.get("errors"), counted?.get("errors"), live.get("flags")], flags);
  const sample: ChannelSample = {
    channel,
    powerW: gauge.power(live.get("act_power")),
    voltageV: gauge.voltage(live.get("voltage")),
    currentA: gauge.current(live.get("current")),
    powerFactor: gauge.powerFactor(live.get("pf")),
    consumedWh: gauge.energy(counted?.get("total_act_energy")),
    returnedWh: gauge.energy(counted?.get("total_act_ret_energy")),
    flags: [],
  };
  const judged = errors.some(isReadingLost) ? withoutReading(sample) : sample;
  return { ...judged, flags: [...flags] };
}

const PHASES = ["a", "b", "c"] as const;

/** Channel 0 is the sum; the counters of the phases are summed and not netted, as the device keeps them. */
function parseThreePhase(live: Fields, counted: Fields | undefined): ChannelSample {
  const flags = new Set<string>();
  const gauge = createGauge(flags);
  const errorLists = [live.get("errors"), counted?.get("errors"), ...PHASES.map((name) => live.get(`${name}_errors`))];
  const errors = readErrors(errorLists, flags);
  const phases = PHASES.map((name) => parsePhase(name, live, gauge));
  const sumOf = (field: string): number | null =>
    sumKnown(PHASES.map((name) => gauge.energy(counted?.get(`${name}_${field}`))));
  const sample: ChannelSample = {
    channel: 0,
    powerW: gauge.power(live.get("total_act_power")),
    voltageV: meanKnown(phases.map(({ voltageV }) => voltageV)),
    currentA: gauge.current(live.get("total_current")),
    powerFactor: null,
    consumedWh: gauge.energy(counted?.get("total_act")) ?? sumOf("total_act_energy"),
    returnedWh: gauge.energy(counted?.get("total_act_ret")) ?? sumOf("total_act_ret_energy"),
    phases,
    flags: [],
  };
  const judged = errors.some(isReadingLost) ? withoutReading(sample) : sample;
  return { ...judged, flags: [...flags] };
}

const parsePhase = (name: string, live: Fields, gauge: Gauge): PhaseSample => ({
  powerW: gauge.power(live.get(`${name}_act_power`)),
  voltageV: gauge.voltage(live.get(`${name}_voltage`)),
  currentA: gauge.current(live.get(`${name}_current`)),
});

/** With these the power shown is no measurement. */
const isReadingLost = (error: string): boolean =>
  error === "power_meter_failure" || error === "ct_type_not_set" || error === "out_of_range:act_power";

/** The device's error words; they also become flags, in our spelling. */
function readErrors(lists: readonly unknown[], flags: Set<string>): readonly string[] {
  const errors = lists
    .flatMap((list): unknown[] => (Array.isArray(list) ? list.slice(0, 10) : []))
    .filter((error) => typeof error === "string" && /^[a-z0-9_:]{1,40}$/.test(error));
  for (const error of errors) flags.add(String(error).replaceAll(/[_:]/g, "-"));
  return errors.map(String);
}
