import { z } from "zod";
import { EvError } from "../../../lib/model/errors.ts";
import { isZone } from "../../../lib/model/local-time.ts";
import { sessionLocations, sessionPurposes } from "../../../lib/model/session.ts";
import { defaultDetectorSettings } from "../../../lib/records/session/detector.ts";
import type { LogSettings } from "../../../lib/records/session-log/settings.ts";
import { readConfig } from "../../shared/read-config.ts";

/** A word in a row of a table; empty = none. */
const word = z
  .string()
  .trim()
  .max(200)
  .default("")
  .transform((typed) => (typed === "" ? null : typed));
const choice = <Words extends readonly [string, ...string[]]>(words: Words) =>
  z
    .union([z.literal(""), z.enum(words)])
    .default("")
    .transform((chosen) => (chosen === "" ? null : chosen));
/** Percent in the form, a share in the log. */
const share = z
  .union([z.literal(""), z.coerce.number().min(0).max(100)])
  .default("")
  .transform((percent) => (percent === "" ? null : percent / 100));
const price = z.coerce.number().min(-100).max(10_000).nullable().default(null);

const deviceRow = z.object({
  device: word,
  vehicle: word,
  user: word,
  purpose: choice(sessionPurposes),
  businessPercent: share,
  location: choice(sessionLocations),
  isMeteredPlug: z.boolean().default(false),
});

const tagRow = z.object({
  rfid: z.string().trim().max(200).default(""),
  user: word,
  vehicle: word,
  purpose: choice(sessionPurposes),
});

const { maxPowerW, settleS, offlineCloseS, mergeGapS } = defaultDetectorSettings;

/** The form as the editor saves it: numbers are text, an empty field takes the default. */
const configSchema = z.object({
  zone: z.string().trim().refine(isZone, "not a time zone such as Europe/London").optional(),
  currency: z
    .string()
    .trim()
    .regex(/^[A-Z]{3}$/, "not three capital letters such as GBP")
    .optional(),
  fixedPrice: price,
  referencePrice: price,
  feedInPrice: price,
  updateIntervalS: z.coerce.number().min(5).max(86_400).default(60),
  keepEmpty: z.boolean().default(false),
  devices: z.array(deviceRow).max(200).default([]),
  tags: z.array(tagRow).max(2000).default([]),
  meterStaleAfterS: z.coerce.number().min(1).max(3600).default(30),
  maxPowerW: z.coerce.number().min(100).max(500_000).default(maxPowerW),
  settleS: z.coerce.number().min(0).max(60).default(settleS),
  graceS: z.coerce.number().min(0).max(3600).nullable().default(null),
  offlineCloseH: z.coerce
    .number()
    .min(0.1)
    .max(8760)
    .default(offlineCloseS / 3600),
  mergeGapS: z.coerce.number().min(0).max(86_400).default(mergeGapS),
});

/**
 * @param house zone and currency of the chosen house, which go before the node's own; null = none is chosen
 * @throws EvError `config`, naming the field
 */
export function readSettings(
  id: string,
  config: Readonly<Record<string, unknown>>,
  house: { readonly zone: string; readonly currency: string } | null,
): LogSettings {
  const form = readConfig(configSchema, config);
  const zone = house?.zone ?? form.zone;
  if (zone === undefined) throw new EvError("config", "Open the node and choose a house, or enter a time zone.");
  return {
    logId: id,
    zone,
    money: {
      currency: house?.currency ?? form.currency ?? null,
      fixedPricePerKwh: form.fixedPrice,
      referencePricePerKwh: form.referencePrice,
      feedInPerKwh: form.feedInPrice,
    },
    updateIntervalS: form.updateIntervalS,
    keepsEmpty: form.keepEmpty,
    meterStaleAfterS: form.meterStaleAfterS,
    devices: form.devices.map(({ businessPercent, ...row }) => ({ ...row, businessRatio: businessPercent })),
    tags: form.tags.filter(({ rfid }) => rfid !== ""),
    detector: {
      maxPowerW: form.maxPowerW,
      settleS: form.settleS,
      graceS: form.graceS,
      offlineCloseS: form.offlineCloseH * 3600,
      mergeGapS: form.mergeGapS,
    },
  };
}
