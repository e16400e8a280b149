import { join } from "node:path";
import { z } from "zod";
import { EvError } from "../../../lib/model/errors.ts";
import { isZone } from "../../../lib/model/local-time.ts";
import type { SiteSettings } from "../../../lib/planning/control/site.ts";
import type { MonthlyReportOptions } from "../../../lib/records/report/monthly-report.ts";
import { minuteOfDay } from "../../../lib/records/report/tariff.ts";
import type { NodeContext } from "../../shared/node-context.ts";
import { readConfig } from "../../shared/read-config.ts";
import { h2vFolder } from "../ev-reading-log/reading-log-settings.ts";

const folder = z
  .string()
  .trim()
  .max(1000)
  .refine((path) => !path.includes("\0"), "a folder")
  .default("");

const configSchema = z.object({
  from: z.enum(["store", "folder"]).default("folder"),
  sourceFolder: folder,
  folder,
  device: z.string().trim().max(200).default(""),
  zone: z.string().trim().max(100).default(""),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .optional(),
  language: z.enum(["ja", "en"]).default("ja"),
  businessPercent: z.coerce.number().min(0).max(100).default(0),
  pricePerKwh: z.coerce.number().min(-100).max(100_000).optional(),
  windows: z
    .array(
      z.object({
        days: z.enum(["all", "workdays", "weekend"]).default("all"),
        from: z.string().max(5),
        to: z.string().max(5),
        pricePerKwh: z.coerce.number().min(-100).max(100_000),
      }),
    )
    .max(50)
    .default([]),
  owner: z.string().trim().max(200).default(""),
  writesFiles: z.boolean().default(true),
  automatic: z.boolean().default(true),
  doubled: z.boolean().default(false),
});

export interface ReportSettings extends Omit<MonthlyReportOptions, "source" | "clock" | "signal"> {
  readonly from: "store" | "folder";
  readonly sourceFolder: string;
  readonly isAutomatic: boolean;
  /** which months were reported by itself, where no store keeps it */
  readonly memoryFile: string;
}

/** @throws EvError `config`, naming the field */
export function readReportSettings(
  { config, id }: Pick<NodeContext, "config" | "id">,
  house: SiteSettings | null,
  userDirectory: string,
): ReportSettings {
  const read = readConfig(configSchema, config);
  const { pricePerKwh, windows, automatic, doubled, businessPercent } = read;
  const zone = read.zone !== "" ? read.zone : (house?.zone ?? "Asia/Tokyo");
  if (!isZone(zone)) throw new EvError("config", `Open the node: "${zone}" is no time zone; write such as Asia/Tokyo.`);
  for (const { from, to } of windows) {
    minuteOfDay(from);
    minuteOfDay(to);
  }
  if (windows.length > 0 && pricePerKwh === undefined) {
    throw new EvError("config", "Open the node and enter the price outside of the hours with their own price.");
  }
  const sourceFolder = h2vFolder(read.sourceFolder, userDirectory);
  return {
    from: read.from,
    sourceFolder,
    folder: read.folder === "" ? sourceFolder : h2vFolder(read.folder, userDirectory),
    device: read.device === "" && read.from === "folder" ? "H2V" : read.device,
    zone,
    currency: read.currency ?? house?.currency ?? "JPY",
    language: read.language,
    businessRatio: businessPercent / 100,
    prices: pricePerKwh === undefined ? [] : [{ validFrom: null, pricePerKwh, windows }],
    owner: read.owner,
    writesFiles: read.writesFiles,
    isSummaryDoubled: doubled,
    isAutomatic: automatic,
    memoryFile: join(userDirectory, "ev-charging", `${id.replaceAll(/[^A-Za-z0-9]/g, "_")}-reported.json`),
  };
}
