import { join, resolve } from "node:path";
import { z } from "zod";
import { EvError } from "../../../lib/model/errors.ts";
import { isZone } from "../../../lib/model/local-time.ts";
import { csvLayouts, type CsvLayout } from "../../../lib/records/h2v-files/h2v-layout.ts";
import { fileEncodings, type FileEncoding } from "../../../lib/records/h2v-files/text-encoding.ts";
import { readConfig } from "../../shared/read-config.ts";

const configSchema = z.object({
  zone: z.string().trim().max(100).default(""),
  csv: z.boolean().default(false),
  folder: z
    .string()
    .trim()
    .max(1000)
    .refine((path) => !path.includes("\0"), "a folder")
    .default(""),
  layout: z.enum(csvLayouts).default("compatible"),
  encoding: z.enum(fileEncodings).default("utf-8"),
});

export interface LogSettings {
  readonly zone: string;
  /** null = no files */
  readonly csv: { readonly folder: string; readonly layout: CsvLayout; readonly encoding: FileEncoding } | null;
}

/** The gateway is sold in Japan only. */
const DEFAULT_ZONE = "Asia/Tokyo";

/**
 * @param houseZone of the chosen house; null = none
 * @throws EvError `config`, naming the field
 */
export function readLogSettings(
  config: Readonly<Record<string, unknown>>,
  houseZone: string | null,
  userDirectory: string,
): LogSettings {
  const { zone: typed, csv, folder, layout, encoding } = readConfig(configSchema, config);
  const zone = typed !== "" ? typed : (houseZone ?? DEFAULT_ZONE);
  if (!isZone(zone)) throw new EvError("config", `Open the node: "${zone}" is no time zone; write such as Asia/Tokyo.`);
  return { zone, csv: csv ? { folder: h2vFolder(folder, userDirectory), layout, encoding } : null };
}

/** A folder as typed; an empty one lies beside the flows. */
export const h2vFolder = (typed: string, userDirectory: string): string =>
  typed === "" ? join(userDirectory, "ev-charging", "h2v") : resolve(userDirectory, typed);
