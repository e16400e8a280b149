import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Control, createControl } from "../../../../lib/devices/openevse/control.ts";
import { detectFirmware } from "../../../../lib/devices/openevse/firmware.ts";
import type { Hand } from "../../../../lib/devices/openevse/hand.ts";
import { createSnapshot, hear, type Snapshot } from "../../../../lib/devices/openevse/snapshot.ts";
import { createWaiting } from "../../../../lib/io/wait-until.ts";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import { EvError } from "../../../../lib/model/errors.ts";

/* After it was stopped, whatever still waits for something must not reach the charger. */

interface Desk {
  readonly clock: ManualClock;
  readonly control: Control;
  readonly told: string[];
  /** Lets the commands that wait for the charger go on. */
  arrive(): void;
  say(words: Readonly<Record<string, string>>): void;
}

const CLAIM = '{"state":"active","charge_current":8,"auto_release":false}';
const CHARGING = { state: "3", status: "active", pilot: "8", max_current: "32" };

function desk(isHere: boolean): Desk {
  const clock = createManualClock(0);
  const told: string[] = [];
  const snapshot: Snapshot = createSnapshot();
  let arrive = (): void => {};
  const arrival = isHere ? Promise.resolve() : new Promise<void>((resolve) => (arrive = resolve));
  const waiting = createWaiting(clock, new AbortController().signal);
  const hand: Hand = {
    clock,
    snapshot,
    waiting,
    bornAtMs: () => null,
    wiredPhases: null,
    learn() {},
    firmware: () =>
      detectFirmware({
        version: "v5.1.5",
        keys: snapshot.keys,
        isAnnounced: true,
        isWhole: true,
        isHttp: false,
        whMeaning: null,
      }),
    link: {
      kind: "mqtt",
      isUp: true,
      send: (order) => Promise.resolve(void told.push(JSON.stringify(order))),
      askRapi: () => Promise.resolve("$OK"),
      look: () => Promise.resolve(),
      readHolders: () => Promise.resolve(null),
      close: () => Promise.resolve(),
    },
  };
  const control = createControl({
    hand,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    limits: () => ({ minA: 6, maxA: 32, voltageV: 230, phases: 1 }),
    choice: "auto",
    present: () => arrival,
    isPresent: () => true,
  });
  return {
    clock,
    control,
    told,
    arrive: () => arrive(),
    say(words) {
      for (const [key, raw] of Object.entries(words)) hear(snapshot, key, raw, false, clock.monotonicMs());
      waiting.look();
    },
  };
}

describe("openevse: a control that was stopped", () => {
  for (const [what, begin] of [
    ["charge", (control: Control) => control.aim({ command: "charge", currentA: 8 })],
    ["release", (control: Control) => control.release({ command: "release" })],
  ] as const) {
    it(`does not carry out a ${what} that was still waiting for the charger`, async () => {
      const { control, told, arrive } = desk(false);
      const begun = begin(control);
      control.stop();
      arrive();
      await assert.rejects(begun, { code: "closed" });
      assert.deepEqual(told, []);
    });
  }

  it("does not set a ceiling that was still waiting for the charger", async () => {
    const { control, told, arrive } = desk(false);
    const begun = control.setCeiling(10);
    control.stop();
    arrive();
    await assert.rejects(begun, { code: "closed" });
    assert.deepEqual([told, control.ceilingA], [[], null]);
  });

  it("ends no loan any more", async () => {
    const { clock, control, told, say } = desk(true);
    const lent = control.aim({ command: "current", currentA: 8, validForS: 60 });
    await clock.advanceAsync(0);
    say({ ...CHARGING, claim: CLAIM });
    await lent;
    assert.equal(told.length, 1);
    control.stop();
    await clock.advanceAsync(120_000);
    assert.equal(told.length, 1);
    assert.equal(clock.pending, 0);
  });

  it("does not bring back a loan when it was stopped in the middle of the next command", async () => {
    const { clock, control, told, say } = desk(true);
    const lent = control.aim({ command: "current", currentA: 8, validForS: 60 });
    await clock.advanceAsync(0);
    say({ ...CHARGING, claim: CLAIM });
    await lent;
    const next = assert.rejects(control.aim({ command: "current", currentA: 16, source: "plan" }), EvError);
    await clock.advanceAsync(1000);
    control.stop();
    await clock.advanceAsync(120_000);
    await next;
    assert.equal(told.length, 2);
    assert.equal(clock.pending, 0);
  });

  for (const [when, afterMs] of [
    ["while the charger is silent", 61_000],
    ["before it is tried again", 67_000],
  ] as const) {
    it(`does not try an owed stop again when it was stopped ${when}`, async () => {
      const { clock, control, told, say } = desk(true);
      const lent = control.aim({ command: "current", currentA: 8, validForS: 60 });
      await clock.advanceAsync(0);
      say({ ...CHARGING, claim: CLAIM });
      await lent;
      await clock.advanceAsync(afterMs);
      assert.equal(told.length, 2, "the stop was told once and not heard");
      control.stop();
      await clock.advanceAsync(60_000);
      assert.equal(told.length, 2);
      assert.equal(clock.pending, 0);
    });
  }
});
