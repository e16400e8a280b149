import { z } from "zod";
import { EvError } from "../../model/errors.ts";
import { type ChannelSample, createGauge, parseMac, parseUptimeS, type Snapshot, withoutReading } from "./wire.ts";

/** Where a Gen1 meter tells everything at once (fact sheet v2g 4.1). */
export const GEN1_STATUS_PATH = "/status";

const gen1Status = z.object({
  mac: z.unknown().optional(),
  uptime: z.unknown().optional(),
  emeters: z.array(z.record(z.string(), z.unknown())).min(1).max(6),
});

/**
 * Answer to GET /status of a Shelly EM or 3EM: power W, counters Wh, + = consumption; an EM has no `current`.
 *
 * @throws EvError `bad-reply` when there are no meters in it
 */
export function parseGen1Status(reply: unknown): Snapshot {
  const parsed = gen1Status.safeParse(reply);
  if (!parsed.success) {
    throw new EvError("bad-reply", "The Shelly's status holds no energy meter: check that the address is a Shelly EM.");
  }
  const { mac, uptime, emeters } = parsed.data;
  return { mac: parseMac(mac), uptimeS: parseUptimeS(uptime), channels: emeters.map(parseEmeter) };
}

function parseEmeter(emeter: Readonly<Record<string, unknown>>, channel: number): ChannelSample {
  const flags = new Set<string>();
  const gauge = createGauge(flags);
  const sample = {
    channel,
    powerW: gauge.power(emeter.power),
    voltageV: gauge.voltage(emeter.voltage),
    currentA: gauge.current(emeter.current),
    powerFactor: gauge.powerFactor(emeter.pf),
    consumedWh: gauge.energy(emeter.total),
    returnedWh: gauge.energy(emeter.total_returned),
  };
  if (emeter.is_valid === true || emeter.is_valid === undefined) return { ...sample, flags: [...flags] };
  return withoutReading({ ...sample, flags: [...flags, "not-valid"] });
}
