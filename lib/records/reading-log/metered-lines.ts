import { DateTime } from "luxon";
import { z } from "zod";
import type { MeteredMinute } from "../h2v-files/h2v-layout.ts";
import type { EnergyMinute } from "./minutes.ts";

/** House and car of the same minute brought together, for meters that are no H2V gateway. */
export interface MeteredLines {
  add(minute: EnergyMinute): void;
  /** A gateway writes its own lines: what its meters say is not needed. */
  leaveOut(device: string): void;
  /** Minutes for which nothing more is to be expected. */
  due(nowMs: number): MeteredMinute[];
  readonly state: MeteredState;
}

const nullable = z.number().nullable();
const pendingSchema = z.object({ houseWh: nullable, housePeakW: nullable, carWh: nullable });
type Pending = z.output<typeof pendingSchema>;

/** What must survive a restart. */
export const meteredStateSchema = z.object({
  pending: z.array(z.tuple([z.number(), pendingSchema])),
  /** the day under way; `todayWh` is null when its begin was not seen */
  day: z.object({ name: z.string(), todayWh: nullable, yesterdayWh: nullable }),
});
export type MeteredState = z.output<typeof meteredStateSchema>;

/** Meters are read at different moments, and a gateway's own line comes after its meters. */
const WAIT_MS = 210_000;
const MINUTES_PER_HOUR = 60;

/** @param zone IANA */
export function createMeteredLines(zone: string, restored: MeteredState | null): MeteredLines {
  const pending = new Map<number, Pending>(restored?.pending ?? []);
  const leftOut = new Set<string>();
  const day: MeteredState["day"] = restored?.day ?? { name: "", todayWh: null, yesterdayWh: null };

  function finish(startMs: number, { houseWh, housePeakW, carWh }: Pending): MeteredMinute {
    const local = DateTime.fromMillis(startMs, { zone });
    const name = local.toISODate() ?? "";
    if (name !== day.name) {
      const isNext = day.name !== "" && local.minus({ days: 1 }).toISODate() === day.name;
      day.yesterdayWh = isNext ? day.todayWh : null;
      // a log that begins at noon does not know what the morning used
      day.todayWh = isNext || (local.hour === 0 && local.minute === 0) ? 0 : null;
      day.name = name;
    }
    if (day.todayWh !== null) day.todayWh += houseWh ?? 0;
    return {
      minute: local.toFormat("yyyy/MM/dd HH:mm"),
      houseW: houseWh === null ? null : houseWh * MINUTES_PER_HOUR,
      housePeakW,
      carW: carWh === null ? null : carWh * MINUTES_PER_HOUR,
      todayWh: houseWh === null ? null : day.todayWh,
      yesterdayWh: day.yesterdayWh,
    };
  }

  return {
    add({ device, role, startMs, energyWh, peakW, coveredMs }) {
      if (leftOut.has(device) || coveredMs === 0 || (role !== "house" && role !== "evse")) return;
      const minute = pending.get(startMs) ?? { houseWh: null, housePeakW: null, carWh: null };
      if (role === "house") {
        minute.houseWh = (minute.houseWh ?? 0) + energyWh;
        minute.housePeakW = (minute.housePeakW ?? 0) + (peakW ?? 0);
      } else {
        minute.carWh = (minute.carWh ?? 0) + energyWh;
      }
      pending.set(startMs, minute);
    },
    leaveOut(device) {
      if (leftOut.has(device)) return;
      leftOut.add(device);
      // whatever waits may be its own
      pending.clear();
    },
    due(nowMs) {
      const due = [...pending].filter(([startMs]) => startMs + WAIT_MS <= nowMs).toSorted(([a], [b]) => a - b);
      for (const [startMs] of due) pending.delete(startMs);
      return due.map(([startMs, minute]) => finish(startMs, minute));
    },
    get state() {
      return { pending: [...pending], day: { ...day } };
    },
  };
}
