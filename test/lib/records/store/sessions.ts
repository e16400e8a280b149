import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Session, sessionSchema } from "../../../../lib/model/session.ts";
import type { ReadingsTable } from "../../../../lib/records/store/tables.ts";

/** A closed session of 7.4 kWh on 2026-11-21, Europe/London. */
export const exampleSession = (changes: Partial<Session> = {}): Session =>
  sessionSchema.parse({
    kind: "session",
    sessionId: randomUUID(),
    revision: 1,
    status: "closed",
    device: "openevse",
    zone: "Europe/London",
    pluggedAt: "2026-11-21T18:00:00.000+00:00",
    unpluggedAt: "2026-11-22T07:00:00.000+00:00",
    pluggedS: 46_800,
    chargingS: 3600,
    pausedS: 43_200,
    energyWh: 7400,
    energySource: "session-counter",
    ...changes,
  });

/** One minute of one meter, `minute` minutes after 2026-11-01 UTC. */
export const exampleReading = (minute: number, changes: Partial<ReadingsTable> = {}): ReadingsTable => {
  const at = new Date(Date.UTC(2026, 10, 1) + minute * 60_000).toISOString();
  return {
    device: "house",
    channel: 0,
    at_ms: Date.parse(at),
    role: "grid",
    power_w: 1200.5,
    energy_wh: 20,
    duration_s: 60,
    import_wh: null,
    export_wh: null,
    local_day: at.slice(0, 10),
    local_month: at.slice(0, 7),
    ...changes,
  };
};

/** An empty folder, and the function that removes it. */
export function makeFolder(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "ev-store-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
