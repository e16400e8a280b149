import assert from "node:assert/strict";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import type { Session } from "../../../../lib/model/session.ts";
import { sessionSchema } from "../../../../lib/model/session.ts";
import { isoAt } from "../../../../lib/model/units.ts";
import { defaultDetectorSettings } from "../../../../lib/records/session/detector.ts";
import { createDetection } from "../../../../lib/records/session-log/detection.ts";
import {
  type LogEvent,
  type Overview,
  type SessionLog,
  startSessionLog,
} from "../../../../lib/records/session-log/session-log.ts";
import type { DeviceDefaults, LogSettings } from "../../../../lib/records/session-log/settings.ts";
import type { Store, StoreChange } from "../../../../lib/records/store/store.ts";
import { createMemoryStore, type MemoryStore } from "./memory-store.ts";

export const START_MS = Date.UTC(2026, 10, 21, 18);

export const plainSettings: LogSettings = {
  logId: "log",
  zone: "Europe/Berlin",
  money: { currency: "EUR", fixedPricePerKwh: 0.3, referencePricePerKwh: null, feedInPerKwh: null },
  updateIntervalS: 60,
  keepsEmpty: false,
  meterStaleAfterS: 30,
  devices: [],
  tags: [],
  detector: defaultDetectorSettings,
};

export const defaultsOf = (changes: Partial<DeviceDefaults>): DeviceDefaults => ({
  device: null,
  vehicle: null,
  user: null,
  purpose: null,
  businessRatio: null,
  location: null,
  isMeteredPlug: false,
  ...changes,
});

export interface Heard {
  readonly event: LogEvent;
  readonly session: Session;
}

/** A charger whose counters grow while it charges, a house around it, and the log that follows them. */
export interface Rig {
  readonly clock: ManualClock;
  readonly store: MemoryStore;
  readonly heard: Heard[];
  readonly lines: string[];
  readonly events: () => string[];
  readonly overview: () => Overview;
  /** Nobody hears the messages of a node that is closing. */
  deafen(isDeaf: boolean): void;
  /** Sends any payload. */
  say(payload: unknown, isRetained?: boolean): void;
  /** Changes what the charger says from now on. */
  set(device: string, changes: Record<string, unknown>): void;
  /** Time passes; every charger (and the meters that were set) speaks once a second. */
  run(seconds: number, powerW?: number): Promise<void>;
  plug(device?: string, changes?: Record<string, unknown>): Promise<void>;
  unplug(device?: string): Promise<void>;
  charge(seconds: number, powerW: number, device?: string): Promise<void>;
  setMeter(role: string, powerW: number | null): void;
  /** The process dies and starts again after a while. */
  kill(downS?: number): Promise<void>;
  /** Deployed anew. */
  redeploy(settings?: Partial<LogSettings>): Promise<void>;
  rows(): Session[];
  /** The only row. */
  row(): Session;
  close(): Promise<void>;
}

interface Box {
  fields: Record<string, unknown>;
  sessionWh: number;
  totalWh: number;
}

export async function createRig(changes: Partial<LogSettings> = {}, startMs = START_MS): Promise<Rig> {
  const clock = createManualClock(startMs);
  const store = createMemoryStore();
  const heard: Heard[] = [];
  const lines: string[] = [];
  const boxes = new Map<string, Box>();
  const meters = new Map<string, number | null>();
  let settings: LogSettings = { ...plainSettings, ...changes };
  let overview: Overview = { open: [], waiting: null };
  let isDeaf = false;
  const note = (text: string): void => void lines.push(text);
  // a process has its own monotonic clock, which starts anew
  let bornMs = 0;

  // what a dead process would still do goes nowhere
  let life = { isDead: false };
  const start = (): Promise<SessionLog> => {
    const own = { isDead: false };
    life = own;
    const never = new Promise<never>(() => {});
    return startSessionLog({
      settings,
      store: Object.create(store, {
        commit: { value: (change: StoreChange) => (own.isDead ? never : store.commit(change)) },
      }) as Store,
      clock: {
        nowMs: () => clock.nowMs(),
        monotonicMs: () => clock.monotonicMs() - bornMs,
        after: (delayMs, callback) => clock.after(delayMs, () => (own.isDead ? undefined : callback())),
      },
      logger: { debug() {}, info: note, warn: note, error: note },
      detection: createDetection(settings.detector),
      onSession: (event, session) => {
        if (own.isDead || isDeaf) return false;
        sessionSchema.parse(session);
        heard.push({ event, session });
        return true;
      },
      onOverview: (next) => {
        overview = next;
      },
    });
  };
  let log = await start();

  const boxOf = (device: string): Box => {
    const box = boxes.get(device) ?? { fields: { plugged: false, state: "unplugged" }, sessionWh: 0, totalWh: 100_000 };
    boxes.set(device, box);
    return box;
  };
  const speak = (): void => {
    for (const [role, powerW] of meters) {
      rig.say({ kind: "meter", device: `meter-${role}`, at: isoAt(clock.nowMs()), channel: 0, role, powerW });
    }
    for (const [device, { fields, sessionWh, totalWh }] of boxes) {
      rig.say({
        kind: "charger",
        device,
        at: isoAt(clock.nowMs()),
        online: true,
        sessionWh,
        totalWh,
        counters: { sessionResets: "at-unplug", totalGrows: "continuously" },
        ...fields,
      });
    }
  };

  const rig: Rig = {
    clock,
    store,
    heard,
    lines,
    events: () => heard.map(({ event }) => event),
    overview: () => overview,
    deafen: (deaf) => {
      isDeaf = deaf;
    },
    say: (payload, isRetained) => log.take(payload, isRetained),
    set(device, fields) {
      const box = boxOf(device);
      box.fields = { ...box.fields, ...fields };
    },
    setMeter: (role, powerW) => void meters.set(role, powerW),
    async run(seconds, powerW = 0) {
      for (let second = 0; second < seconds; second++) {
        await clock.advanceAsync(1000);
        for (const box of boxes.values()) {
          if (box.fields["state"] !== "charging") continue;
          box.sessionWh += powerW / 3600;
          box.totalWh += powerW / 3600;
        }
        speak();
        await clock.advanceAsync(0);
      }
    },
    async plug(device = "evse", fields = {}) {
      if (!boxes.has(device)) {
        boxOf(device);
        await rig.run(5);
      }
      rig.set(device, { plugged: true, state: "plugged", powerW: 0, ...fields });
      await rig.run(5);
    },
    async charge(seconds, powerW, device = "evse") {
      rig.set(device, { plugged: true, state: "charging", powerW });
      await rig.run(seconds, powerW);
      rig.set(device, { state: "plugged", powerW: 0 });
      await rig.run(3);
    },
    async unplug(device = "evse") {
      rig.set(device, { plugged: false, state: "unplugged", powerW: 0, rfid: null });
      boxOf(device).sessionWh = 0;
      await rig.run(20);
    },
    async kill(downS = 5) {
      life.isDead = true;
      await clock.advanceAsync(downS * 1000);
      bornMs = clock.monotonicMs();
      log = await start();
    },
    async redeploy(next = {}) {
      await log.close();
      settings = { ...settings, ...next };
      log = await start();
    },
    rows: () => store.rows(),
    row() {
      const rows = store.rows();
      assert.equal(rows.length, 1, `${rows.length} rows`);
      return sessionSchema.parse(rows[0]);
    },
    close: () => log.close(),
  };
  return rig;
}
