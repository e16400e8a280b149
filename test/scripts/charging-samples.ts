import type { Charger } from "../../lib/model/records.ts";
import { type Session, sessionSchema } from "../../lib/model/session.ts";
import type { SessionRow, SumRow } from "../../lib/records/history/answers.ts";
import type { saySentence } from "../../scripts/examples/charging-sessions/sentence.mjs";

/* What the charging sessions page is given: one of each, to be changed by a test. */

export const NOW_MS = Date.parse("2026-11-21T20:30:00.000Z");
export const SESSION_ID = "5b0c2f3e-6b1f-4f0e-9a53-0d8d7f6f3a11";
/** Numbers and units hang together by a space that does not break. */
export const plain = (text: string): string => text.replaceAll("\u00a0", " ");

export const charger = (more: Partial<Charger> = {}): Charger => ({
  kind: "charger",
  device: "OpenEVSE",
  at: "2026-11-21T20:29:58.000+00:00",
  online: true,
  plugged: true,
  state: "charging",
  powerW: 3400,
  currentA: 14.8,
  voltageV: 230,
  phases: 1,
  setpointA: 16,
  limits: null,
  sessionWh: 5200,
  totalWh: null,
  socPercent: null,
  rfid: null,
  faults: [],
  flags: [],
  ...more,
});
export const session = (more: Partial<Session> = {}): Session => ({
  ...sessionSchema.parse({
    kind: "session",
    sessionId: SESSION_ID,
    revision: 1,
    status: "open",
    device: "OpenEVSE",
    zone: "Europe/London",
    pluggedAt: "2026-11-21T18:04:00.000+00:00",
    pluggedS: 8760,
    chargingS: 5400,
    pausedS: 0,
    energyWh: 5200,
    energySource: "session-counter",
    cost: 1.12,
    currency: "GBP",
  }),
  ...more,
});
export const row = (more: Partial<SessionRow> = {}): SessionRow => ({
  sessionId: SESSION_ID,
  status: "closed",
  device: "OpenEVSE",
  start: "2026-11-20 22:10:00",
  end: "2026-11-21 06:40:00",
  pluggedAt: "2026-11-20T22:10:00+00:00",
  unpluggedAt: "2026-11-21T06:40:00+00:00",
  energyKwh: 12.34,
  dischargedKwh: 0,
  chargingMin: 100,
  pluggedMin: 510,
  meterStartKwh: null,
  meterEndKwh: null,
  solarPercent: null,
  unpricedKwh: 0,
  cost: 2.5,
  currency: "GBP",
  pricePerKwh: 0.2,
  referenceCost: null,
  co2G: null,
  tariff: null,
  vehicle: "Zoe",
  user: "Marie",
  rfid: null,
  odometerKm: 45_210,
  socStartPercent: null,
  socEndPercent: null,
  purpose: null,
  businessRatio: null,
  location: "home",
  note: null,
  endReason: "unplugged",
  flags: "",
  revision: 1,
  ...more,
});
export const sum = (more: Partial<SumRow> = {}): SumRow => ({
  period: "2026-11",
  sessions: 3,
  energyKwh: 30,
  dischargedKwh: 0,
  chargingMin: 200,
  solarKwh: null,
  solarPercent: null,
  cost: 6,
  referenceCost: null,
  pricePerKwh: 0.2,
  businessKwh: 0,
  businessCost: null,
  co2G: null,
  unpricedKwh: 0,
  currency: "GBP",
  costs: [{ currency: "GBP", cost: 6, energyKwh: 30 }],
  ...more,
});
export type Page = Parameters<typeof saySentence>[0];
export const page = (more: Partial<Page> = {}): Page => ({
  kind: "charging-sessions",
  at: "2026-11-21T20:30:00.000Z",
  charger: charger(),
  session: session(),
  last: null,
  store: null,
  news: 1,
  refusal: null,
  home: null,
  ...more,
});
