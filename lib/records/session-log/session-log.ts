import { type Clock, repeatEvery } from "../../model/clock.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { Meter, Prices, Vehicle } from "../../model/records.ts";
import type { Session } from "../../model/session.ts";
import type { Store } from "../store/store.ts";
import { createDelivery, type Item } from "./delivery.ts";
import type { Detection } from "./detection.ts";
import { type NewsType, openEntries, placeVehicle } from "./device-log.ts";
import { readIntake } from "./intake.ts";
import {
  type KeptDevice,
  keptPrefix,
  pastName,
  pricesName,
  readDevice,
  readPrices,
  stateName,
  writePrices,
} from "./kept.ts";
import { createOriginMeter } from "./origin.ts";
import { plugName } from "./plug-name.ts";
import { defaultsFor } from "./people.ts";
import { forgetPrices, learnPrices, type PriceBook } from "./price-book.ts";
import type { LogRequest } from "./requests.ts";
import type { LogSettings } from "./settings.ts";
import { adoptEdits } from "./edits.ts";
import type { EnergyInterval } from "./profile.ts";
import { annotateSession, meantWatch } from "./orders.ts";
import { createWatch, type Watch } from "./watch.ts";

/*
 * The log: one watch per charger, one way into the store. Whatever comes is taken at once; storing happens behind it and
 * never makes anybody wait.
 */

/** `status` answers a request; the others tell what has happened. */
export type LogEvent = NewsType | "status";

/** What a person wants to see at a glance. */
export interface Overview {
  /** sessions that are open */
  readonly open: readonly { readonly device: string; readonly isCharging: boolean; readonly energyWh: number }[];
  /** versions that wait for the store; null = all is stored */
  readonly waiting: number | null;
}

export interface SessionLogOptions {
  readonly settings: LogSettings;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly detection: Detection;
  /** @returns whether it was heard; what nobody hears is told again after the next start */
  readonly onSession: (event: LogEvent, session: Session) => boolean;
  readonly onOverview: (overview: Overview) => void;
}

export interface SessionLog {
  /**
   * One message. @param isRetained it tells what was, not what is
   * @throws EvError `bad-command`, `bad-reply`, `out-of-range`, `too-large`, `busy`, `refused`, `stale`, `config`
   */
  take(payload: unknown, isRetained?: boolean): void;
  /** Everything is on the disk, or cannot be brought there. */
  close(): Promise<void>;
}

const TICK_MS = 1000;
const MOST_DEVICES = 200;
const KEEP_PRICES_MS = 3 * 86_400_000;

/** Takes up what was kept, and goes on. @throws EvError when the store cannot be read */
export async function startSessionLog(options: SessionLogOptions): Promise<SessionLog> {
  const { settings, store, clock, logger } = options;
  const origin = createOriginMeter(settings.meterStaleAfterS);
  const watches = new Map<string, Watch>();
  let book: PriceBook = [];
  let keptBook: PriceBook = book;
  /** names of what need not be kept any more */
  let forgotten: string[] = [];
  let shown = "";

  const delivery = createDelivery({
    store,
    clock,
    logger,
    prepare: (items) => adoptEdits(items, watches, store, clock),
    collect(items) {
      const collected = [...watches.values()].map((watch) => watch.collect(items));
      const written = book;
      const gone = forgotten;
      const prices =
        book === keptBook
          ? []
          : [{ name: pricesName(settings.logId), content: writePrices(book, settings.money.currency) }];
      return {
        rows: [...gone.map((name) => ({ name, content: null })), ...collected.flatMap(({ rows }) => rows), ...prices],
        written() {
          keptBook = written;
          forgotten = forgotten.filter((name) => !gone.includes(name));
          for (const one of collected) one.written();
        },
      };
    },
    deliver(item, stored) {
      const isHeard = options.onSession(item.type, stored);
      watches.get(item.device)?.settle(item, stored, isHeard);
    },
    onChange: () => show(),
  });

  const namesOf = (device: string): string[] => [stateName(settings.logId, device), pastName(settings.logId, device)];

  const open = (device: string, kept: KeptDevice | null): Watch => {
    const parts = {
      clock,
      settings,
      detection: options.detection,
      originOf: (interval: EnergyInterval) => origin.originOf(interval),
      book: () => book,
      send: (item: Item) => delivery.send(item),
      touch: () => delivery.touch(),
    };
    const watch = createWatch(device, parts, kept);
    forgotten = forgotten.filter((name) => !namesOf(device).includes(name));
    watches.set(device, watch);
    return watch;
  };

  const watchOf = (device: string): Watch => {
    const known = watches.get(device);
    if (known !== undefined) return known;
    if (watches.size >= MOST_DEVICES) {
      const idle = [...watches.values()].find(({ entries }) => openEntries(entries).length === 0);
      if (idle === undefined)
        throw new EvError("busy", `Sessions of ${MOST_DEVICES} chargers are open; no more are taken.`);
      watches.delete(idle.device);
      forgotten = [...forgotten, ...namesOf(idle.device)];
    }
    return open(device, null);
  };

  const show = (): void => {
    const overview: Overview = {
      open: [...watches.values()].flatMap(({ device, running }) =>
        running === null ? [] : [{ device, isCharging: running.isCharging, energyWh: running.energyWh }],
      ),
      waiting: delivery.isFailing ? delivery.waiting : store.health.state === "ok" ? null : store.health.waiting,
    };
    const look = JSON.stringify(overview);
    if (look === shown) return;
    shown = look;
    options.onOverview(overview);
  };

  const takeMeter = (meter: Meter, isRetained: boolean): void => {
    // what a meter said some time ago is no measurement of now
    if (isRetained) return;
    origin.learn(meter, clock.nowMs());
    if (meter.role !== "evse" || defaultsFor(settings, meter.device)?.isMeteredPlug !== true) return;
    watchOf(plugName(meter, watches.get(meter.device)?.plugChannel ?? null)).readPlug(meter);
  };

  const takeVehicle = (vehicle: Vehicle): void => {
    const device = placeVehicle([...watches.values()], vehicle, settings);
    if (device !== null) watches.get(device)?.seeVehicle(vehicle);
  };

  const takePrices = (prices: Prices): void => {
    if (prices.currency !== settings.money.currency) {
      throw new EvError(
        "config",
        `The prices are in ${prices.currency}, the log counts in ${settings.money.currency ?? "no money"}: set the same currency.`,
      );
    }
    const oldestMs = Math.min(
      clock.nowMs() - KEEP_PRICES_MS,
      ...[...watches.values()].flatMap(({ entries }) => entries.map(({ detected }) => detected.pluggedAtMs)),
    );
    const learnt = learnPrices(book, prices);
    if (learnt === book) return;
    book = forgetPrices(learnt, oldestMs);
    delivery.touch();
    for (const watch of watches.values()) watch.reprice();
  };

  const obey = (request: LogRequest): void => {
    if (request.command === "annotate") annotateSession(request, watches);
    else if (request.command === "close") {
      const watch = meantWatch(watches, request.device, ({ entries }) => openEntries(entries).length > 0);
      if (!watch.end()) throw new EvError("refused", `No session of "${watch.device}" is open.`);
    } else {
      for (const watch of watches.values()) for (const session of watch.present()) options.onSession("status", session);
    }
  };

  const tick = (): void => {
    for (const watch of watches.values()) {
      try {
        watch.tick();
      } catch (thrown) {
        logger.error(`"${watch.device}" cannot be followed: ${toEvError(thrown).message}`);
      }
    }
    show();
  };

  const unsubscribe = await takeUp();
  const stopTicking = repeatEvery(clock, TICK_MS, tick);
  show();

  async function takeUp(): Promise<() => void> {
    const kept = new Map(
      (await store.recallAll(keptPrefix(settings.logId))).map(({ name, content }) => [name, content]),
    );
    book = readPrices(kept.get(pricesName(settings.logId)) ?? "{}", settings.money.currency);
    keptBook = book;
    const states = [...kept].filter(([name]) => name.startsWith(stateName(settings.logId, "")));
    for (const [name, content] of states) {
      const past = kept.get(pastName(settings.logId, name.slice(stateName(settings.logId, "").length)));
      if (!resume(content, past ?? null)) {
        logger.warn("What was kept of one charger cannot be read; its open session begins anew.");
      }
    }
    for (const watch of watches.values()) await announceAgain(watch);
    return store.subscribe(() => show());
  }

  /** A damaged state costs its own charger's open session at most, never the start of the log. */
  function resume(state: string, past: string | null): boolean {
    let device: KeptDevice | null = null;
    try {
      device = readDevice(state, past);
      if (device === null) return false;
      open(device.device, device).resume();
      return true;
    } catch {
      if (device !== null) watches.delete(device.device);
      return false;
    }
  }

  /** What was stored in the moment of the kill was perhaps not told; what cannot be looked up now is, after the next start. */
  async function announceAgain(watch: Watch): Promise<void> {
    for (const told of watch.announcing) {
      try {
        const session = await store.findSession(told.sessionId);
        if (session === null || options.onSession(told.type, session)) watch.forgetAnnouncement(told);
      } catch (thrown) {
        logger.warn(`A session of "${watch.device}" is told after the next start: ${toEvError(thrown).message}`);
      }
    }
  }

  return {
    take(payload, isRetained = false) {
      const intake = readIntake(payload);
      if (intake.type === "charger") watchOf(intake.charger.device).read(intake.charger, isRetained);
      else if (intake.type === "meter") takeMeter(intake.meter, isRetained);
      else if (intake.type === "vehicle") takeVehicle(intake.vehicle);
      else if (intake.type === "prices") takePrices(intake.prices);
      else if (intake.type === "request" && isRetained) {
        throw new EvError("stale", "A retained message is not obeyed: publish commands without the retain flag.");
      } else if (intake.type === "request") obey(intake.request);
      show();
    },
    async close() {
      stopTicking();
      unsubscribe();
      await delivery.close();
    },
  };
}
