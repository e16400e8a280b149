import type { Meter } from "../../../lib/model/records.ts";
import type { Cancel } from "../../../lib/model/clock.ts";
import type { NodeContext, StatusKind } from "../../shared/node-context.ts";

/** The words under the node. */
export interface MeterStatus {
  show(readings: readonly Meter[]): void;
  /** The device went: whoever knows why shows it, and nothing that still waits may cover it. */
  lose(): void;
}

/** The editor redraws at every change; twice a second helps nobody. */
const SHORTEST_PERIOD_MS = 2000;

/** Flags that explain a missing power, the most telling first, and their words in the locale file. */
const REASONS: readonly (readonly [flag: string, key: string])[] = [
  ["other-device", "otherDevice"],
  ["frozen", "frozen"],
  ["no-channel", "noChannel"],
  ["implausible", "implausible"],
  ["not-valid", "meterFault"],
  ["power-meter-failure", "meterFault"],
  ["ct-type-not-set", "clampNotSet"],
];

interface Words {
  readonly kind: StatusKind;
  readonly text: string;
}

export function createMeterStatus(context: NodeContext): MeterStatus {
  let shownAtMs = Number.NEGATIVE_INFINITY;
  let shownKind: StatusKind | null = null;
  let waiting: Words | null = null;
  let cancelWaiting: Cancel | null = null;
  /** A push may tell of one channel only; the words are about all of them. */
  const latest = new Map<number, Meter>();

  const put = ({ kind, text }: Words): void => {
    cancelWaiting?.();
    cancelWaiting = null;
    waiting = null;
    shownAtMs = context.clock.monotonicMs();
    shownKind = kind;
    context.status(kind, text);
  };

  return {
    show(readings) {
      for (const reading of readings) latest.set(reading.channel, reading);
      const words = chooseWords(context, [...latest.values()]);
      const restMs = shownAtMs + SHORTEST_PERIOD_MS - context.clock.monotonicMs();
      // what changes colour is told at once
      if (restMs <= 0 || words.kind !== shownKind) {
        put(words);
        return;
      }
      waiting = words;
      cancelWaiting ??= context.after(restMs, () => {
        if (waiting !== null) put(waiting);
      });
    },
    lose() {
      cancelWaiting?.();
      cancelWaiting = null;
      waiting = null;
      shownKind = null;
      latest.clear();
    },
  };
}

/** The grid reading, or the first one when no channel is the grid; a missing reading goes before any number. */
function chooseWords(context: NodeContext, readings: readonly Meter[]): Words {
  const missing = readings.findLast(({ powerW }) => powerW === null);
  if (missing !== undefined) {
    const [, key = "noReading"] = REASONS.find(([flag]) => missing.flags.includes(flag)) ?? [];
    return { kind: "waiting", text: context.t(`ev-shelly-em.status.${key}`, { channel: missing.channel + 1 }) };
  }
  const shown = readings.findLast(({ role }) => role === "grid") ?? readings[0];
  const powerW = Math.round(shown?.powerW ?? 0);
  const word = shown?.role !== "grid" ? "power" : powerW < 0 ? "export" : "import";
  const watts = word === "power" ? powerW : Math.abs(powerW);
  return { kind: "live", text: context.t(`ev-shelly-em.status.${word}`, { watts }) };
}
