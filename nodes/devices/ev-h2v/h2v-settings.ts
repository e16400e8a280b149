import { z } from "zod";
import { parsePageUrl } from "../../../lib/devices/h2v/client.ts";
import type { H2vOptions } from "../../../lib/devices/h2v/h2v.ts";
import { secondsToMs } from "../../../lib/model/units.ts";
import { readConfig } from "../../shared/read-config.ts";

const configSchema = z.object({
  name: z.string().trim().max(100).default("h2v"),
  host: z.string().max(300).default(""),
  offsetHours: z.coerce.number().min(-24).max(24).default(9),
  pollS: z.coerce.number().min(1).max(3600).default(60),
});

/** @throws EvError `config`, naming the field */
export function readSettings(
  config: Readonly<Record<string, unknown>>,
): Pick<H2vOptions, "url" | "name" | "offsetMs" | "pollMs"> {
  const { name, host, offsetHours, pollS } = readConfig(configSchema, config);
  return {
    url: parsePageUrl(host),
    name: name === "" ? "h2v" : name,
    offsetMs: secondsToMs(offsetHours * 3600),
    pollMs: secondsToMs(pollS),
  };
}
