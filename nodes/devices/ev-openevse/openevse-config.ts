import { z } from "zod";
import { readConfig } from "../../shared/read-config.ts";

const configSchema = z.object({
  /** without news, s; 0 = every burst */
  everyS: z.coerce.number().min(0).max(3600).default(0),
  includeRaw: z.boolean().default(false),
});

/** @throws EvError `config`, naming the field */
export const readOpenevseConfig = (config: Readonly<Record<string, unknown>>): z.output<typeof configSchema> =>
  readConfig(configSchema, config);
