import assert from "node:assert/strict";
import type { LinkEvents, OpenevseLink } from "../../../../lib/devices/openevse/link.ts";
import { createOpenevse, type Openevse, type OpenevseSettings } from "../../../../lib/devices/openevse/openevse.ts";
import { type Publication, toPublications } from "../../../../lib/devices/openevse/orders.ts";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import { parseCommand } from "../../../../lib/model/commands.ts";
import { toEvError } from "../../../../lib/model/errors.ts";

/* A device of ours on a link that is nothing but words: what it is told can be read, and what it says is said by the test. */

export interface Bench {
  readonly clock: ManualClock;
  readonly device: Openevse;
  readonly events: LinkEvents;
  /** what was told since the last call */
  told(): string[];
  /** the charger says these */
  say(words: Readonly<Record<string, string>>, isRetained?: boolean): void;
  /** Obeys; the code after so long, s. */
  order(payload: unknown, withinS?: number): Promise<string>;
}

const benches: Bench[] = [];
export const CHARGING = { state: "3", status: "active", vehicle: "1", flags: "1344", pilot: "8", max_current: "32" };
export const PAUSED = { state: "254", status: "disabled", vehicle: "1", flags: "1280", pilot: "8", max_current: "32" };
export const NONE = '{"state":"null"}';

export function open(
  settings: Partial<OpenevseSettings> = {},
  answerRapi: (text: string) => string = () => "$OK",
): Bench {
  const clock = createManualClock(Date.parse("2026-11-21T03:10:05Z"));
  let heard: Publication[] = [];
  const rapi: string[] = [];
  const links: LinkEvents[] = [];
  const device = createOpenevse({
    settings: {
      device: "OpenEVSE",
      baseTopic: "garage",
      minA: 6,
      maxA: 32,
      channel: "auto",
      onExit: "release",
      whMeaning: null,
      wiredPhases: null,
      silenceS: 95,
      ...settings,
    },
    clock,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    describe: (code) => code,
    openLink(events): OpenevseLink {
      links.push(events);
      return {
        kind: "mqtt",
        isUp: true,
        async send(order, config) {
          heard = [...heard, ...toPublications(order, "garage", config)];
        },
        async askRapi(text) {
          rapi.push(text);
          return answerRapi(text);
        },
        look: () => Promise.resolve(),
        readHolders: () => Promise.resolve(null),
        close: () => Promise.resolve(),
      };
    },
  });
  const [events] = links;
  assert.ok(events);
  events.up();
  const bench: Bench = {
    clock,
    device,
    events,
    told() {
      const words = heard.map(({ topic, payload }) => `${topic.slice("garage/".length)} ${payload}`);
      heard = [];
      return words;
    },
    say(words, isRetained = false) {
      for (const [key, raw] of Object.entries(words)) events.heard(key, raw, isRetained);
    },
    async order(payload, withinS = 30) {
      let code = "waiting";
      device.obey(parseCommand(payload, clock.nowMs())).then(
        () => {
          code = "done";
        },
        (thrown: unknown) => {
          code = toEvError(thrown).code;
        },
      );
      for (let second = 0; second < withinS && code === "waiting"; second++) await clock.advanceAsync(1000);
      return code;
    },
  };
  benches.push(bench);
  return bench;
}

/** Charges with 8 A that were lent for 60 s. */
export async function lent(settings: Partial<OpenevseSettings> = {}): Promise<Bench> {
  const bench = open(settings);
  const claim = '{"priority":500,"state":"active","charge_current":8,"auto_release":false}';
  bench.say({ override: NONE, claim: NONE, config: '{"is_threephase":false}' }, true);
  bench.say(CHARGING);
  const ordered = bench.order({ command: "current", currentA: 8, validForS: 60, source: "plan" });
  await bench.clock.advanceAsync(0);
  bench.say({ claim });
  assert.equal(await ordered, "done");
  bench.told();
  return bench;
}

export async function closeBenches(): Promise<void> {
  for (const { device, clock } of benches.splice(0)) {
    const closing = device.close();
    await clock.advanceAsync(5000);
    await closing;
  }
}
