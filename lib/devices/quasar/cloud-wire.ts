import { z } from "zod";
import { parseJson } from "../../io/http.ts";
import { EvError } from "../../model/errors.ts";

/*
 * The vendor's cloud as tables and shapes (fact sheet v2g 3.1 to 3.3). Unofficial: the vendor publishes no contract. Pure.
 */

export const WALLBOX_HOSTS = { authUrl: "https://user-api.wall-box.com", apiUrl: "https://api.wall-box.com" } as const;

/**
 * The only remote action there is for us. 4 would be a factory reset and 5 a firmware update: neither can be expressed.
 */
export const RESTART = 3;
export type RemoteAction = typeof RESTART;

/** @throws EvError `internal` for anything but a restart, for the day when the type is cast away */
export function encodeRemoteAction(action: RemoteAction): string {
  if (action !== RESTART) throw new EvError("internal", `Remote action ${String(action)} must never be sent.`);
  return JSON.stringify({ action: RESTART });
}

const UPDATING = 166;

const signInSchema = z.object({
  data: z.object({ attributes: z.object({ token: z.string().min(1).max(8192), ttl: z.number().optional() }) }),
});
const statusSchema = z.object({ status_id: z.number().nullish() });
const ocppSchema = z.looseObject({
  type: z.string().max(40),
  address: z.string().max(1000).nullish(),
  chargePointIdentity: z.string().max(1000).nullish(),
  password: z.string().max(1000).nullish(),
});
/** Sent back as it came, with another type. */
export type OcppConfiguration = z.output<typeof ocppSchema>;

/** A bearer token and when it ends, milliseconds since 1970. */
export interface Token {
  readonly token: string;
  readonly expiresAtMs: number;
}

/** Where the reply does not say when a token ends, ms. */
const ASSUMED_TOKEN_LIFE_MS = 10 * 60_000;

/** @throws EvError `bad-reply` */
export function readToken(text: string, nowMs: number): Token {
  const { token, ttl } = read(signInSchema, text, "the sign-in").data.attributes;
  return { token, expiresAtMs: ttl ?? nowMs + ASSUMED_TOKEN_LIFE_MS };
}

/** True while the firmware is being updated: no moment for a restart. @throws EvError `bad-reply` */
export const readIsUpdating = (text: string): boolean => read(statusSchema, text, "the status").status_id === UPDATING;

/** @throws EvError `bad-reply` */
export const readOcppConfiguration = (text: string): OcppConfiguration =>
  read(ocppSchema, text, "the OCPP configuration");

/** @throws EvError `config` when there is no OCPP server to hand over to */
export function switchOcpp(found: OcppConfiguration, enabled: boolean): OcppConfiguration {
  if (enabled && (found.address ?? "") === "") {
    throw new EvError("config", "No OCPP server is entered in the Wallbox app; enter its address there first.");
  }
  return { ...found, type: enabled ? "ocpp" : "wallbox" };
}

export const isOcppType = ({ type }: OcppConfiguration): boolean => type === "ocpp";

function read<Schema extends z.ZodType>(schema: Schema, text: string, what: string): z.output<Schema> {
  const parsed = schema.safeParse(parseJson(text, "The Wallbox cloud"));
  if (parsed.success) return parsed.data;
  const place = parsed.error.issues[0]?.path.join(".") ?? "";
  throw new EvError("bad-reply", `The Wallbox cloud answered ${what} without a usable "${place}".`);
}

/** Without a usable header, and never longer than that, ms. */
const DEFAULT_RETRY_AFTER_MS = 90_000;
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/** How long a 429 asks us to wait, ms: seconds or a date (RFC 9110, section 10.2.3). */
export function readRetryAfterMs(header: string | undefined, nowMs: number): number {
  const text = header?.trim() ?? "";
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  if (!Number.isFinite(waitMs) || waitMs < 0) return DEFAULT_RETRY_AFTER_MS;
  return Math.min(waitMs, LONGEST_RETRY_AFTER_MS);
}
