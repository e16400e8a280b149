import { z } from "zod";
import { parseDeviceAddress } from "../../../lib/devices/shelly/address.ts";
import type { ShellyEmOptions } from "../../../lib/devices/shelly/shelly-em.ts";
import { EvError } from "../../../lib/model/errors.ts";
import { meterRoles } from "../../../lib/model/records.ts";
import { secondsToMs } from "../../../lib/model/units.ts";
import { readConfig } from "../../shared/read-config.ts";

const channel = z.object({
  role: z.enum(["off", ...meterRoles]).default("off"),
  invert: z.boolean().default(false),
});

const configSchema = z.object({
  name: z.string().trim().max(100).default(""),
  host: z.string().max(300).default(""),
  channels: z.array(channel).max(6).default([]),
  sumPhases: z.boolean().default(false),
  pollS: z.coerce.number().min(0.5).max(3600).default(1),
  push: z.boolean().default(true),
  frozenAfterS: z.coerce.number().min(2).max(86_400).default(60),
  includeRaw: z.boolean().default(false),
});

/** What the dialog saved, as the device wants it. */
export interface Settings
  extends Pick<
    ShellyEmOptions,
    "address" | "name" | "channels" | "arePhasesSummed" | "pollMs" | "wantsPush" | "frozenAfterMs"
  > {
  readonly includesRaw: boolean;
}

/** @throws EvError `config`, naming the field */
export function readSettings(config: Readonly<Record<string, unknown>>): Settings {
  const { name, host, channels, sumPhases, pollS, push, frozenAfterS, includeRaw } = readConfig(configSchema, config);
  const used = sumPhases ? channels.slice(0, 1) : channels;
  const roles = used.map(({ role }) => role);
  if (roles.every((role) => role === "off")) {
    throw new EvError("config", "Open the node and say what at least one channel measures.");
  }
  // whoever decides on the grid reading takes each one for the whole supply
  if (roles.filter((role) => role === "grid").length > 1) {
    throw new EvError("config", "Open the node: only one channel can be the grid. For three phases tick the sum.");
  }
  return {
    address: parseDeviceAddress(host),
    name: name === "" ? null : name,
    channels: used.map(({ role, invert }) => ({ role, isInverted: invert })),
    arePhasesSummed: sumPhases,
    pollMs: secondsToMs(pollS),
    wantsPush: push,
    frozenAfterMs: secondsToMs(frozenAfterS),
    includesRaw: includeRaw,
  };
}
