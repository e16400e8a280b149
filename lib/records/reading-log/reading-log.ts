import { DateTime } from "luxon";
import { z } from "zod";
import type { Clock } from "../../model/clock.ts";
import { type EvError, EvError as Failure, toEvError } from "../../model/errors.ts";
import { type H2vMinute, h2vSchema } from "../../model/h2v.ts";
import { localDay } from "../../model/local-time.ts";
import type { Logger } from "../../model/logger.ts";
import { type Meter, meterSchema } from "../../model/records.ts";
import type { Store } from "../store/store.ts";
import type { ReadingsTable } from "../store/tables.ts";
import type { CsvDesk } from "./csv-desk.ts";
import { createMeteredLines, type MeteredState, meteredStateSchema } from "./metered-lines.ts";
import { createMinutes, type EnergyMinute, type MinutesState } from "./minutes.ts";
import { counterName } from "./kept-names.ts";

export interface ReadingLogOptions {
  /** under which the log keeps its own state */
  readonly id: string;
  readonly zone: string;
  /** null = minutes go into the files only */
  readonly store: Store | null;
  /** null = no files */
  readonly csv: CsvDesk | null;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something could not be written; it is tried again. */
  readonly onTrouble: (error: EvError) => void;
  /** After minutes were written. @param gapMinutes since the minute before */
  readonly onWritten: (minute: { readonly endMs: number; readonly gapMinutes: number }) => void;
}

export interface ReadingLog {
  /** A `meter` or `h2v` record. @throws EvError `bad-command` for anything else */
  take(payload: unknown): Promise<void>;
  /** To be called now and then: closes minutes and writes again what could not be written. */
  tick(): Promise<void>;
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;
/** Clocks of devices may be wrong, but not so. */
const EARLIEST_MS = Date.UTC(2000, 0, 1);
const LATEST_AHEAD_MS = 86_400_000;

const recordSchema = z.discriminatedUnion("kind", [meterSchema, h2vSchema]);

/** Keeps the energy of every minute of any meter. */
export async function startReadingLog(options: ReadingLogOptions): Promise<ReadingLog> {
  const { store, csv, clock, zone } = options;
  const stateName = `reading-log/${options.id}`;
  const restored = restore(await store?.recall(stateName).catch(() => null));
  const minutes = createMinutes(restored);
  const metered = createMeteredLines(zone, restored?.metered ?? null);
  if (store !== null) await csv?.keepIn(store, `${stateName}/line/`);
  let lastCounter = "";
  let lastEndMs: number | null = null;

  function note(done: readonly EnergyMinute[]): void {
    for (const { endMs } of done) {
      const gapMinutes = lastEndMs === null ? 0 : Math.max(0, Math.round((endMs - lastEndMs) / MINUTE_MS) - 1);
      lastEndMs = Math.max(lastEndMs ?? endMs, endMs);
      // what still waits for the disk is not over
      if (csv === null || csv.waiting === 0) options.onWritten({ endMs: lastEndMs, gapMinutes });
    }
  }

  async function keepState(): Promise<void> {
    const content = JSON.stringify({ ...minutes.state, metered: metered.state });
    await store?.commit({ kept: [{ name: stateName, content }] });
  }

  async function keep(done: readonly EnergyMinute[]): Promise<void> {
    if (done.length === 0) return;
    if (csv !== null) for (const minute of done) metered.add(minute);
    if (store !== null) {
      await store.appendReadings(done.map((minute) => toRow(minute, zone)));
      // with the rows, so that after a kill no counter is read from an older reading than they are
      await keepState();
    }
    note(done);
  }

  /** What the gateway counted the day before; the only check that it was all recorded. */
  async function keepCounter({ device, at, minute, yesterdayWh }: H2vMinute): Promise<void> {
    if (store === null || yesterdayWh === null || minute === null) return;
    const day = localDay(Date.parse(at) - 86_400_000, zone);
    const name = counterName(device, day);
    if (lastCounter === `${name}=${yesterdayWh}`) return;
    lastCounter = `${name}=${yesterdayWh}`;
    await store.commit({ kept: [{ name, content: String(yesterdayWh) }] });
  }

  async function takeGateway(record: H2vMinute): Promise<void> {
    if (csv !== null) {
      metered.leaveOut(record.device);
      csv.addGateway(record, DateTime.fromMillis(clock.nowMs(), { zone }).toFormat("yyyyMMddHHmm"));
      // a folder that refuses is no reason to keep the minute out of the store
      await guard(() => csv.write());
    }
    if (record.noData || record.minute === null) return;
    await keep(metersOf(record).flatMap((meter) => minutes.take(meter)));
    await keepCounter(record);
    if (store === null) note([{ ...emptyMinute, endMs: Date.parse(record.at) + MINUTE_MS }]);
  }

  const guard = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      options.onTrouble(toEvError(thrown));
    }
  };

  return {
    async take(payload) {
      const parsed = recordSchema.safeParse(payload);
      if (!parsed.success) {
        throw new Failure("bad-command", "Only meter records and the H2V gateway's record can be logged.");
      }
      const record = parsed.data;
      const atMs = Date.parse(record.at);
      if (atMs < EARLIEST_MS || atMs > clock.nowMs() + LATEST_AHEAD_MS) {
        throw new Failure("out-of-range", `The reading is of ${record.at}, which cannot be.`);
      }
      await guard(() => (record.kind === "h2v" ? takeGateway(record) : keep(minutes.take(record))));
    },
    tick: () =>
      guard(async () => {
        const nowMs = clock.nowMs();
        if (csv !== null) {
          for (const minute of metered.due(nowMs)) csv.addMetered(minute);
          if (csv.waiting > 0) await guard(() => csv.write());
        }
        await keep(minutes.tick(nowMs));
      }),
    async close() {
      await guard(async () => {
        if (csv === null) return;
        // with a store they wait there for what the other meters have to say
        if (store === null) for (const minute of metered.due(Number.POSITIVE_INFINITY)) csv.addMetered(minute);
        await csv.write();
      });
      await guard(keepState);
    },
  };
}

const emptyMinute: EnergyMinute = {
  device: "",
  channel: 0,
  role: "house",
  startMs: 0,
  endMs: 0,
  energyWh: 0,
  coveredMs: 0,
  peakW: null,
  importWh: null,
  exportWh: null,
};

/** The gateway's record holds what its two meters say; whoever wires all three outputs writes the same rows again. */
function metersOf({ device, at, meanW, carW }: H2vMinute): Meter[] {
  const common = { kind: "meter" as const, device, at, meanOverS: 60, flags: [] };
  const unknown = { voltageV: null, currentA: null, powerFactor: null, importWh: null, exportWh: null } as const;
  return [
    { ...common, ...unknown, channel: 0, role: "house", powerW: meanW },
    { ...common, ...unknown, channel: 1, role: "evse", powerW: carW },
  ];
}

function toRow(minute: EnergyMinute, zone: string): ReadingsTable {
  const { device, channel, role, startMs, endMs, energyWh, coveredMs, importWh, exportWh } = minute;
  const day = localDay(startMs, zone);
  return {
    device,
    channel,
    at_ms: endMs,
    role,
    // of a gap only the counter tells: its energy is known, its power is not
    power_w: coveredMs === 0 ? null : (energyWh * 3_600_000) / coveredMs,
    energy_wh: energyWh,
    duration_s: (coveredMs === 0 ? endMs - startMs : coveredMs) / 1000,
    import_wh: importWh,
    export_wh: exportWh,
    local_day: day,
    local_month: day.slice(0, 7),
  };
}

/** What an earlier run kept; anything else counts as nothing. */
function restore(
  content: string | null | undefined,
): (MinutesState & { readonly metered: MeteredState | null }) | null {
  if (content === null || content === undefined) return null;
  try {
    const state: unknown = JSON.parse(content);
    return stateSchema.parse(state);
  } catch {
    return null;
  }
}

const nullable = z.number().nullable();
const common = {
  device: z.string(),
  channel: z.number(),
  role: meterSchema.shape.role,
  importWh: nullable,
  exportWh: nullable,
};
const stateSchema = z.object({
  metered: meteredStateSchema.nullable().default(null),
  channels: z.array(z.object({ ...common, atMs: z.number(), powerW: nullable })),
  open: z.array(
    z.object({
      ...common,
      startMs: z.number(),
      endMs: z.number(),
      energyWh: z.number(),
      coveredMs: z.number(),
      peakW: nullable,
    }),
  ),
});
