import { EvError } from "../../model/errors.ts";
import { isoInZone } from "../../model/local-time.ts";
import { type Session, sessionSchema } from "../../model/session.ts";
import { canonicalJson } from "../store/hash-chain.ts";
import type { RequestOf } from "./requests.ts";
import { roundTo } from "./rounding.ts";
import { uuidOf } from "./session-id.ts";

/*
 * What people change or add by hand, as pure functions. Energy, times and cost that a device reported are never edited:
 * they are what makes the record worth something.
 */

/** No charger of today is stronger, W. */
const MOST_W = 500_000;
const LONGEST_MS = 366 * 86_400_000;
/** How far a clock may be ahead of ours, ms. */
const CLOCK_SLACK_MS = 300_000;

/**
 * The session with the fields of the request that were given.
 *
 * @throws EvError `refused` while the session is open: the log would write over it
 */
export function editSession(session: Session, request: RequestOf<"edit">): Session {
  if (session.status === "open") {
    throw new EvError("refused", "This session is still open: tell ev-session-log, or edit it when it is closed.");
  }
  const { command: _command, sessionId: _sessionId, author: _author, ...given } = request;
  const fields = Object.fromEntries(Object.entries(given).filter(([, field]) => field !== undefined));
  if (Object.keys(fields).length === 0) {
    throw new EvError("bad-command", `"edit": say what to change, for example {"vehicle":"Zoe"}.`);
  }
  const edited: Session = { ...session, ...impliedRatio(given), ...fields };
  if (canonicalJson(edited) === canonicalJson(session)) return session;
  return { ...edited, flags: [...new Set([...session.flags, "corrected" as const])] };
}

/** A session that becomes business or private is so wholly; a ratio in the same edit comes after this. */
const impliedRatio = ({ purpose }: Partial<RequestOf<"edit">>): Partial<Session> =>
  purpose === "business" || purpose === "private" ? { businessRatio: null } : {};

/**
 * A session that no device reported. The same request again is the same session.
 *
 * @throws EvError `out-of-range` for times or energies that cannot be
 */
export function manualSession(request: RequestOf<"add">, zone: string, currency: string, nowMs: number): Session {
  const { pluggedAt, unpluggedAt, energyWh, device, cost, socStartPercent, socEndPercent } = request;
  const startMs = Date.parse(pluggedAt);
  const endMs = Date.parse(unpluggedAt);
  refuseImpossible(startMs, endMs, energyWh, nowMs);
  const pluggedS = (endMs - startMs) / 1000;
  const start = isoInZone(startMs, zone);
  const end = isoInZone(endMs, zone);
  return sessionSchema.parse({
    kind: "session",
    sessionId: uuidOf("manual", device, startMs, endMs, energyWh),
    revision: 1,
    status: "closed",
    device,
    zone,
    pluggedAt: start,
    unpluggedAt: end,
    chargeStartedAt: start,
    chargeEndedAt: end,
    pluggedS,
    chargingS: pluggedS,
    pausedS: 0,
    segments: [{ start, end, energyWh, endReason: "unplugged" }],
    energyWh,
    energySource: "manual",
    averagePowerW: roundTo((energyWh / pluggedS) * 3600, 1),
    ...(cost === undefined
      ? {}
      : { cost, currency: request.currency ?? currency, pricePerKwh: roundTo(cost / (energyWh / 1000), 6) }),
    socStartPercent,
    socEndPercent,
    vehicle: request.vehicle,
    user: request.user,
    odometerKm: request.odometerKm,
    purpose: request.purpose,
    businessRatio: request.businessRatio,
    location: request.location,
    note: request.note,
    endReason: "unplugged",
    flags: ["manual"],
  });
}

function refuseImpossible(startMs: number, endMs: number, energyWh: number, nowMs: number): void {
  const refuse = (text: string): never => {
    throw new EvError("out-of-range", `"add": ${text}.`);
  };
  if (endMs <= startMs) refuse("unpluggedAt must be later than pluggedAt");
  if (endMs > nowMs + CLOCK_SLACK_MS) refuse("unpluggedAt is in the future");
  if (endMs - startMs > LONGEST_MS) refuse("more than a year lies between pluggedAt and unpluggedAt");
  const powerW = (energyWh * 3_600_000) / (endMs - startMs);
  if (powerW > MOST_W)
    refuse(`${energyWh} Wh in that time would be ${Math.round(powerW / 1000)} kW; at most 500 kW are possible`);
}
