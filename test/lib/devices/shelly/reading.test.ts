import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  emptyReadings,
  freshMeter,
  type JudgedReadings,
  judgeSnapshot,
  keepCounters,
  type MeterSettings,
  type MeterState,
  restoreCounters,
} from "../../../../lib/devices/shelly/reading.ts";
import type { ChannelSample, Snapshot } from "../../../../lib/devices/shelly/wire.ts";
import { meterSchema } from "../../../../lib/model/records.ts";

const T0 = Date.parse("2026-11-21T12:00:00Z");
const MAC = "98CDAC1F8A20";
const SETTINGS: MeterSettings = {
  channels: [
    { role: "grid", isInverted: false },
    { role: "evse", isInverted: true },
  ],
  frozenAfterMs: 60_000,
};

const sample = (channel: number, powerW: number | null, more: Partial<ChannelSample> = {}): ChannelSample => ({
  channel,
  powerW,
  voltageV: 240,
  currentA: powerW === null ? null : Math.abs(powerW) / 240,
  powerFactor: 1,
  consumedWh: 1000,
  returnedWh: 500,
  flags: [],
  ...more,
});
const snapshot = (channels: readonly ChannelSample[], uptimeS: number | null = 100): Snapshot => ({
  mac: MAC,
  uptimeS,
  channels,
});

function judge(
  state: MeterState,
  seen: Snapshot,
  second = 0,
  { settings = SETTINGS, mac = MAC, touched }: { settings?: MeterSettings; mac?: string; touched?: Set<number> } = {},
): JudgedReadings {
  const instant = { device: "House", mac, nowMs: T0 + second * 1000, monotonicMs: second * 1000 };
  return judgeSnapshot(state, seen, settings, instant, touched);
}

/** The grid's flags and power, look after look. */
function follow(looks: readonly (readonly [second: number, seen: Snapshot])[]): (readonly [number | null, string[]])[] {
  let state = freshMeter;
  return looks.map(([second, seen]) => {
    const judged = judge(state, seen, second);
    state = judged.state;
    const grid = judged.readings.at(-1);
    return [grid?.powerW ?? null, grid?.flags ?? []];
  });
}

describe("a meter reading", () => {
  it("is a valid record, the grid last, all of one instant", () => {
    const { readings } = judge(freshMeter, snapshot([sample(0, 1830.4), sample(1, -700)]));
    assert.deepEqual(
      readings.map((reading) => meterSchema.parse(reading).role),
      ["evse", "grid"],
    );
    assert.equal(readings[1]?.at, "2026-11-21T12:00:00.000Z");
    assert.equal(readings[0]?.at, readings[1]?.at);
    assert.equal(readings[1]?.powerW, 1830.4);
  });

  it("turns power, current and counters round for an inverted clamp", () => {
    const [evse] = judge(freshMeter, snapshot([sample(0, 0), sample(1, -720)])).readings;
    assert.equal(evse?.powerW, 720);
    assert.equal(evse?.currentA, 3);
    assert.equal(evse?.importWh, 500);
    assert.equal(evse?.exportWh, 1000);
  });

  it("signs the current after the power, and never makes -0", () => {
    const { readings } = judge(freshMeter, snapshot([sample(0, -480), sample(1, 0)]));
    assert.equal(readings[1]?.currentA, -2);
    assert.ok(Object.is(readings[0]?.powerW, 0));
  });

  it("keeps null as null, and knows no current without power", () => {
    const { readings } = judge(freshMeter, snapshot([sample(0, null, { currentA: 5, voltageV: null }), sample(1, 5)]));
    assert.equal(readings[1]?.powerW, null);
    assert.equal(readings[1]?.currentA, null);
    assert.equal(readings[1]?.voltageV, null);
  });

  it("signs every phase for itself and adds the currents up with their signs", () => {
    const phases = [
      { powerW: 480, voltageV: 240, currentA: 2 },
      { powerW: -240, voltageV: 240, currentA: 1 },
      { powerW: 0, voltageV: 240, currentA: 0 },
    ];
    const grid = judge(freshMeter, snapshot([sample(0, 240, { phases, currentA: 3 })])).readings.at(-1);
    assert.deepEqual(
      grid?.phases?.map(({ currentA }) => currentA),
      [2, -1, 0],
    );
    assert.equal(grid?.currentA, 1);
  });

  it("tells of a channel that is not there", () => {
    const [evse] = judge(freshMeter, snapshot([sample(0, 5)])).readings;
    assert.deepEqual([evse?.powerW, evse?.importWh, evse?.flags], [null, null, ["no-channel"]]);
  });

  it("tells only of what was measured anew", () => {
    const { readings } = judge(freshMeter, snapshot([sample(0, 5), sample(1, 6)]), 0, { touched: new Set([1]) });
    assert.deepEqual(
      readings.map(({ channel }) => channel),
      [1],
    );
  });

  it("is frozen when power and counter have stood still for the set time while power flows", () => {
    const still = snapshot([sample(0, 800)]);
    const looks = follow([0, 20, 40, 59, 60, 61].map((second) => [second, still]));
    assert.deepEqual(
      looks.map(([powerW]) => powerW),
      [800, 800, 800, 800, null, null],
    );
    assert.deepEqual(looks.at(-1)?.[1], ["frozen"]);
  });

  it("is not frozen when the counter moves, when power moves, or when hardly any power flows", () => {
    const seconds = [0, 20, 40, 60, 80, 100];
    const moving: readonly ((second: number) => ChannelSample)[] = [
      (second) => sample(0, 800, { consumedWh: 1000 + second }),
      (second) => sample(0, 800 + second / 100),
      () => sample(0, 49.9),
    ];
    for (const seen of moving) {
      const looks = follow(seconds.map((second) => [second, snapshot([seen(second)])]));
      assert.deepEqual(
        looks.flatMap(([, flags]) => flags),
        [],
      );
    }
  });

  it("needs more than two equal looks to be frozen, however far apart they are", () => {
    const still = snapshot([sample(0, 800)]);
    const looks = follow([0, 300, 600].map((second) => [second, still]));
    assert.deepEqual(
      looks.map(([powerW]) => powerW),
      [800, 800, null],
    );
  });

  it("thaws with the first look that moves", () => {
    const still = snapshot([sample(0, 800)]);
    const looks = follow([
      [0, still],
      [30, still],
      [60, still],
      [61, snapshot([sample(0, 801)])],
    ]);
    assert.deepEqual(
      looks.map(([powerW]) => powerW),
      [800, 800, null, 801],
    );
  });

  it("says once that the meter has restarted", () => {
    const looks = follow([
      [0, snapshot([sample(0, 1)], 500)],
      [1, snapshot([sample(0, 2)], 501)],
      [2, snapshot([sample(0, 3)], 3)],
      [3, snapshot([sample(0, 4)], 4)],
      [4, snapshot([sample(0, 5)], null)],
    ]);
    assert.deepEqual(
      looks.map(([, flags]) => flags),
      [[], [], ["restarted"], [], []],
    );
  });

  it("counts on over a reset, a restart of ours and a swapped meter", () => {
    const first = judge(freshMeter, snapshot([sample(0, 1, { consumedWh: 1000 })]));
    const reset = judge(first.state, snapshot([sample(0, 2, { consumedWh: 0.5 })]), 1);
    assert.equal(reset.hasCounterEvent, true);
    assert.equal(reset.readings.at(-1)?.importWh, 1000.5);
    const restored = restoreCounters(JSON.parse(JSON.stringify(keepCounters(reset.state))));
    const goesOn = judge(restored, snapshot([sample(0, 3, { consumedWh: 2.5 })]), 60);
    assert.equal(goesOn.readings.at(-1)?.importWh, 1002.5);
    assert.deepEqual(goesOn.readings.at(-1)?.flags, []);
    const swapped = judge(goesOn.state, snapshot([sample(0, 4, { consumedWh: 777_777 })]), 120, {
      mac: "08F9E0AABBCC",
    });
    assert.equal(swapped.readings.at(-1)?.importWh, 1002.5);
    assert.deepEqual(swapped.readings.at(-1)?.flags, ["counter-reset"]);
    const later = judge(swapped.state, snapshot([sample(0, 5, { consumedWh: 777_778 })]), 121, { mac: "08F9E0AABBCC" });
    assert.equal(later.readings.at(-1)?.importWh, 1003.5);
    assert.deepEqual(later.readings.at(-1)?.flags, []);
  });

  it("starts afresh when what was kept makes no sense", () => {
    for (const kept of [
      null,
      undefined,
      5,
      {},
      { mac: "x", channels: [] },
      { mac: MAC, channels: [{ channel: -1 }] },
    ]) {
      assert.equal(restoreCounters(kept), freshMeter);
    }
    assert.equal(keepCounters(freshMeter), null);
  });

  it("can say for every channel that there is nothing, and why", () => {
    const readings = emptyReadings(SETTINGS, "House", T0, "other-device").map((reading) => meterSchema.parse(reading));
    assert.deepEqual(
      readings.map(({ role, powerW, importWh, flags }) => [role, powerW, importWh, flags]),
      [
        ["evse", null, null, ["other-device"]],
        ["grid", null, null, ["other-device"]],
      ],
    );
  });
});
