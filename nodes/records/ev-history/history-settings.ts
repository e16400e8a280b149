import { z } from "zod";
import { EvError } from "../../../lib/model/errors.ts";
import { isZone } from "../../../lib/model/local-time.ts";
import type { HistoryParts } from "../../../lib/records/history/parts.ts";
import { csvSeparators, decimalSigns } from "../../../lib/records/tables/csv.ts";
import { readConfig } from "../../shared/read-config.ts";

const configSchema = z.object({
  zone: z.string().trim().refine(isZone, "not a time zone such as Europe/London").optional(),
  currency: z
    .string()
    .trim()
    .regex(/^[A-Z]{3}$/, "not three capital letters such as GBP")
    .optional(),
  separator: z
    .enum(["comma", "semicolon", "tab"])
    .transform((word) => csvSeparators[["comma", "semicolon", "tab"].indexOf(word)] ?? ",")
    .default(","),
  decimalSign: z
    .enum(["point", "comma"])
    .transform((word) => decimalSigns[word === "comma" ? 1 : 0])
    .default("."),
  bom: z.boolean().default(true),
  allowEdits: z.boolean().default(false),
});

/** What the dialog saved. */
export interface HistorySettings extends Pick<HistoryParts, "zone" | "currency" | "csv"> {
  readonly allowsEdits: boolean;
}

/**
 * @param house zone and currency of the chosen house, which go before the node's own; null = none is chosen
 * @throws EvError `config`, naming the field
 */
export function readSettings(
  config: Readonly<Record<string, unknown>>,
  house: { readonly zone: string; readonly currency: string } | null,
): HistorySettings {
  const { separator, decimalSign, bom, allowEdits, ...own } = readConfig(configSchema, config);
  const zone = house?.zone ?? own.zone;
  const currency = house?.currency ?? own.currency;
  if (zone === undefined) throw new EvError("config", "Open the node and choose a house, or enter a time zone.");
  if (currency === undefined) throw new EvError("config", "Open the node and choose a house, or enter a currency.");
  if (separator === "," && decimalSign === ",") {
    throw new EvError("config", 'Open the node and correct "separator": with a decimal comma it cannot be a comma.');
  }
  return { zone, currency, csv: { separator, decimalSign, bom }, allowsEdits: allowEdits };
}
