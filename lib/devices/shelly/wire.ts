import { z } from "zod";
import { EvError } from "../../model/errors.ts";
import { roundTo } from "../../model/units.ts";

/*
 * What all generations of Shelly meters have in common: who they are, and a measurement before anybody has judged it
 * (fact sheet v2g 4.1, 4.2). The shapes of each generation are in wire-gen1.ts and wire-rpc.ts.
 */

/** Answer to GET /shelly, which never asks for a log-in. */
export interface Identity {
  /** 1 = HTTP `/status`; 2 and later = RPC */
  readonly generation: number;
  /** As the maker writes it, for example `shellyem-98CDAC1F8A20`. */
  readonly deviceId: string;
  /** Twelve upper-case hexadecimal digits. */
  readonly mac: string;
  readonly model: string;
}

const MAC = /^[0-9a-f]{12}$/i;
const word = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/);
const gen1Identity = z.object({ type: word, mac: z.string().regex(MAC), longid: z.unknown().optional() });
const rpcIdentity = z.object({
  gen: z.number().int().min(2).max(99),
  id: word,
  mac: z.string().regex(MAC),
  model: word.optional(),
});

/** @throws EvError `bad-reply` when it is not a Shelly that answers */
export function parseIdentity(reply: unknown): Identity {
  const rpc = rpcIdentity.safeParse(reply);
  if (rpc.success) {
    const { gen, id, mac, model = "unknown" } = rpc.data;
    return { generation: gen, deviceId: id, mac: mac.toUpperCase(), model };
  }
  const gen1 = gen1Identity.safeParse(reply);
  if (!gen1.success || (typeof reply === "object" && reply !== null && "gen" in reply)) {
    throw new EvError("bad-reply", "What answers at this address does not say that it is a Shelly.");
  }
  const mac = gen1.data.mac.toUpperCase();
  const family = gen1.data.type === "SHEM-3" ? "shellyem3" : "shellyem";
  const tail = gen1.data.longid === 1 ? mac : mac.slice(-6);
  return { generation: 1, deviceId: `${family}-${tail}`, mac, model: gen1.data.type };
}

/** One phase of a three-phase channel; current without a sign, as the device gives it. */
export interface PhaseSample {
  readonly powerW: number | null;
  readonly voltageV: number | null;
  readonly currentA: number | null;
}

/** One channel as the device reports it: device's own sign (+ = consumption), current without a sign. */
export interface ChannelSample extends PhaseSample {
  readonly channel: number;
  readonly powerFactor: number | null;
  /** The device's own counters, Wh. */
  readonly consumedWh: number | null;
  readonly returnedWh: number | null;
  readonly phases?: readonly PhaseSample[];
  /** Why something is null, for example `implausible` or `not-valid`. */
  readonly flags: readonly string[];
}

/** One answer of one device. */
export interface Snapshot {
  /** Twelve upper-case hexadecimal digits; null when this answer does not tell. */
  readonly mac: string | null;
  readonly uptimeS: number | null;
  readonly channels: readonly ChannelSample[];
}

/** Larger numbers are no measurement of a house. */
const MOST = { powerW: 100_000, voltageV: 1000, currentA: 1000, powerFactor: 1.05, energyWh: 1e12 } as const;

/** Reads numbers that may be anything; what cannot be one becomes null and leaves the flag `implausible`. */
export interface Gauge {
  power(raw: unknown): number | null;
  voltage(raw: unknown): number | null;
  current(raw: unknown): number | null;
  powerFactor(raw: unknown): number | null;
  /** Counters never fall below 0. */
  energy(raw: unknown): number | null;
}

export function createGauge(flags: Set<string>): Gauge {
  const within = (raw: unknown, low: number, high: number): number | null => {
    if (raw === undefined || raw === null) return null;
    if (typeof raw === "number" && Number.isFinite(raw) && raw >= low && raw <= high) return raw;
    flags.add("implausible");
    return null;
  };
  return {
    power: (raw) => within(raw, -MOST.powerW, MOST.powerW),
    voltage: (raw) => within(raw, 0, MOST.voltageV),
    current: (raw) => within(raw, -MOST.currentA, MOST.currentA),
    powerFactor(raw) {
      const factor = within(raw, -MOST.powerFactor, MOST.powerFactor);
      return factor === null ? null : Math.max(-1, Math.min(1, factor));
    },
    energy: (raw) => within(raw, 0, MOST.energyWh),
  };
}

/** A channel that gives no reading keeps its counters, because they are what was counted before. */
export const withoutReading = (sample: ChannelSample): ChannelSample => {
  const { phases: _, ...rest } = sample;
  return { ...rest, powerW: null, voltageV: null, currentA: null, powerFactor: null };
};

export const parseMac = (raw: unknown): string | null =>
  typeof raw === "string" && MAC.test(raw) ? raw.toUpperCase() : null;

export const parseUptimeS = (raw: unknown): number | null =>
  typeof raw === "number" && Number.isFinite(raw) && raw >= 0 ? raw : null;

/** Sum that is unknown as soon as one part is. */
export const sumKnown = (parts: readonly (number | null)[]): number | null => {
  let sum = 0;
  for (const part of parts) {
    if (part === null) return null;
    sum += part;
  }
  return roundTo(sum, 6);
};

/** Mean of what is known. */
export const meanKnown = (parts: readonly (number | null)[]): number | null => {
  const known = parts.filter((part) => part !== null);
  return known.length === 0 ? null : roundTo(known.reduce((sum, part) => sum + part, 0) / known.length, 3);
};

/**
 * Takes the first three channels as the phases of one supply: for meters that report phases as separate channels (Gen1
 * 3EM, and Pro 3EM in its single-phase profile).
 */
export function sumPhases(snapshot: Snapshot): Snapshot {
  const parts = snapshot.channels.filter(({ channel }) => channel < 3);
  if (parts.length === 0) return snapshot;
  const total: ChannelSample = {
    channel: 0,
    powerW: sumKnown(parts.map(({ powerW }) => powerW)),
    voltageV: meanKnown(parts.map(({ voltageV }) => voltageV)),
    currentA: null,
    powerFactor: null,
    consumedWh: sumKnown(parts.map(({ consumedWh }) => consumedWh)),
    returnedWh: sumKnown(parts.map(({ returnedWh }) => returnedWh)),
    phases: parts.map(({ powerW, voltageV, currentA }) => ({ powerW, voltageV, currentA })),
    flags: [...new Set(parts.flatMap(({ flags }) => flags))],
  };
  return { ...snapshot, channels: [total] };
}
