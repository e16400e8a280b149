import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { parseIdentity, type Snapshot, sumPhases } from "../../../../lib/devices/shelly/wire.ts";
import { parseGen1Status } from "../../../../lib/devices/shelly/wire-gen1.ts";
import { channelsIn, mergeDelta, parseFullStatus, toSnapshot } from "../../../../lib/devices/shelly/wire-rpc.ts";
import { EvError } from "../../../../lib/model/errors.ts";

const isBadReply = (error: unknown): boolean => error instanceof EvError && error.code === "bad-reply";

/** Shapes of fact sheet v2g 4.1 and 4.2, numbers ours. */
const GEN1_STATUS = {
  unixtime: 1763733905,
  mac: "98cdac1f8a20",
  emeters: [
    {
      power: -612.4,
      reactive: 702.1,
      pf: -0.66,
      voltage: 235.1,
      is_valid: true,
      total: 401472.9,
      total_returned: 653673.7,
    },
    { power: 1480, reactive: -55.3, pf: 1, voltage: 235.1, is_valid: true, total: 88214.2, total_returned: 12.1 },
  ],
  uptime: 864001,
};
const EM1 = { id: 0, current: 1.47, voltage: 226.9, act_power: -332.2, aprt_power: 335, pf: 0.99, freq: 50 };
const RPC_STATUS = {
  "em1:0": EM1,
  "em1data:0": { id: 0, total_act_energy: 123456.78, total_act_ret_energy: 4567.89 },
  "switch:0": { id: 0, output: false },
  sys: { mac: "08F9E0AABBCC", uptime: 4711, unixtime: 1763733905 },
};
const EM = {
  id: 0,
  a_current: 1.7,
  a_voltage: 229,
  a_act_power: 375.5,
  b_current: 0.9,
  b_voltage: 230,
  b_act_power: 170.8,
  c_current: 0.2,
  c_voltage: 231,
  c_act_power: 12.7,
  n_current: null,
  total_current: 2.8,
  total_act_power: 559,
};

describe("who answers at the address", () => {
  it("knows a Gen1 meter by its type and a later one by its generation", () => {
    assert.deepEqual(parseIdentity({ type: "SHEM", mac: "98CDAC1F8A20", auth: false, longid: 1 }), {
      generation: 1,
      deviceId: "shellyem-98CDAC1F8A20",
      mac: "98CDAC1F8A20",
      model: "SHEM",
    });
    assert.equal(parseIdentity({ type: "SHEM-3", mac: "98CDAC1F8A20" }).deviceId, "shellyem3-1F8A20");
    const rpc = { id: "shellyproem50-08f9e0aabbcc", mac: "08f9e0aabbcc", model: "SPEM-002CEBEU50", gen: 2, name: null };
    assert.deepEqual(parseIdentity(rpc), {
      generation: 2,
      deviceId: "shellyproem50-08f9e0aabbcc",
      mac: "08F9E0AABBCC",
      model: "SPEM-002CEBEU50",
    });
  });

  for (const reply of [
    null,
    [],
    "SHEM",
    {},
    { type: "SHEM" },
    { type: "SHEM", mac: "98CDAC1F8A" },
    { gen: "2", id: "x", mac: "08F9E0AABBCC", type: "SHEM" },
    { gen: 2, id: "<script>", mac: "08F9E0AABBCC" },
    { gen: 2, id: "a\r\nX: y", mac: "08F9E0AABBCC" },
  ]) {
    it(`does not take this for a Shelly: ${JSON.stringify(reply)}`, () => {
      assert.throws(() => parseIdentity(reply), isBadReply);
    });
  }
});

describe("a Gen1 status", () => {
  it("gives every channel in W and Wh, with the device's sign", () => {
    const { mac, uptimeS, channels } = parseGen1Status(GEN1_STATUS);
    assert.equal(mac, "98CDAC1F8A20");
    assert.equal(uptimeS, 864001);
    assert.deepEqual(channels[0], {
      channel: 0,
      powerW: -612.4,
      voltageV: 235.1,
      currentA: null,
      powerFactor: -0.66,
      consumedWh: 401472.9,
      returnedWh: 653673.7,
      flags: [],
    });
    assert.equal(channels[1]?.powerW, 1480);
  });

  const odd: readonly (readonly [string, object, number | null, readonly string[]])[] = [
    ["null", { power: null }, null, []],
    ["text", { power: "1480" }, null, ["implausible"]],
    ["a thousand million watts", { power: 1e9 }, null, ["implausible"]],
    ["minus a thousand million watts", { power: -1e9 }, null, ["implausible"]],
    ["an object", { power: { w: 1 } }, null, ["implausible"]],
    ["not valid", { power: 100, is_valid: false }, null, ["not-valid"]],
    ["valid with a word", { power: 100, is_valid: "true" }, null, ["not-valid"]],
    ["the largest there can be", { power: 100_000 }, 100_000, []],
  ];
  for (const [title, emeter, powerW, flags] of odd) {
    it(`power as ${title}`, () => {
      const [sample] = parseGen1Status({ emeters: [emeter] }).channels;
      assert.equal(sample?.powerW, powerW);
      assert.deepEqual(sample?.flags, flags);
    });
  }

  for (const reply of [
    null,
    [],
    {},
    { emeters: [] },
    { emeters: {} },
    { emeters: [1] },
    { emeters: Array.from({ length: 50 }, () => ({})) },
  ]) {
    it(`refuses ${JSON.stringify(reply).slice(0, 40)}`, () => assert.throws(() => parseGen1Status(reply), isBadReply));
  }
});

describe("an RPC status", () => {
  it("gives every em1 component with its counters", () => {
    assert.deepEqual(toSnapshot(parseFullStatus(RPC_STATUS)), {
      mac: "08F9E0AABBCC",
      uptimeS: 4711,
      channels: [
        {
          channel: 0,
          powerW: -332.2,
          voltageV: 226.9,
          currentA: 1.47,
          powerFactor: 0.99,
          consumedWh: 123456.78,
          returnedWh: 4567.89,
          flags: [],
        },
      ],
    });
  });

  it("gives a three-phase em as one channel: total power, summed counters, phases", () => {
    const counters = { a_total_act_energy: 10, b_total_act_energy: 20, c_total_act_energy: 30 };
    const { channels } = toSnapshot(parseFullStatus({ "em:0": EM, "emdata:0": counters }));
    assert.equal(channels.length, 1);
    assert.equal(channels[0]?.powerW, 559);
    assert.equal(channels[0]?.consumedWh, 60);
    assert.equal(channels[0]?.returnedWh, null, "an unknown part makes the sum unknown");
    assert.equal(channels[0]?.voltageV, 230);
    assert.deepEqual(channels[0]?.phases?.[0], { powerW: 375.5, voltageV: 229, currentA: 1.7 });
  });

  for (const error of ["power_meter_failure", "out_of_range:act_power", "ct_type_not_set"]) {
    it(`gives no power with the error ${error}`, () => {
      const [single] = toSnapshot(parseFullStatus({ "em1:0": { ...EM1, errors: [error] } })).channels;
      const [three] = toSnapshot(parseFullStatus({ "em:0": { ...EM, b_errors: [error] } })).channels;
      for (const sample of [single, three]) {
        assert.equal(sample?.powerW, null);
        assert.deepEqual(sample?.flags, [error.replaceAll(/[_:]/g, "-")]);
      }
    });
  }

  it("refuses a device without a meter", () => {
    for (const reply of [null, [], "x", {}, { "switch:0": {} }, { "em1:0": 5 }, { "em1:99": {} }]) {
      assert.throws(() => parseFullStatus(reply), isBadReply);
    }
  });

  it("merges what changed, and null removes", () => {
    const known = parseFullStatus(RPC_STATUS);
    const merged = mergeDelta(known, { ts: 1, "em1:0": { id: 0, act_power: 50, pf: null }, "switch:0": null });
    const [sample] = toSnapshot(merged).channels;
    assert.equal(sample?.powerW, 50);
    assert.equal(sample?.powerFactor, null);
    assert.equal(sample?.voltageV, 226.9);
    assert.equal(sample?.consumedWh, 123456.78);
    assert.equal(toSnapshot(known).channels[0]?.powerW, -332.2, "what was known stays as it was");
    assert.deepEqual(toSnapshot(mergeDelta(merged, { "em1:0": null })).channels, []);
    assert.deepEqual(channelsIn({ ts: 1, "em1:1": {}, "em1data:0": {}, "em:0": {} }), [1, 0]);
  });

  it("is not changed by __proto__ on the wire", () => {
    const hostile: unknown = JSON.parse(
      '{"__proto__":{"polluted":1},"em1:0":{"__proto__":{"polluted":1},"act_power":5}}',
    );
    const merged = mergeDelta(parseFullStatus(hostile), hostile);
    assert.equal(toSnapshot(merged).channels[0]?.powerW, 5);
    assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it("does not grow without bound under ever new keys", () => {
    let components = parseFullStatus(RPC_STATUS);
    for (let round = 0; round < 50; round++) {
      const keys = Array.from({ length: 50 }, (_, index) => [`junk${round}_${index}`, index]);
      components = mergeDelta(components, { "em1:0": Object.fromEntries(keys), [`junk:${round}`]: {} });
    }
    assert.equal(components.size, 3);
    assert.ok((components.get("em1:0")?.size ?? 0) <= 100);
  });
});

describe("whatever comes over the wire", () => {
  const fields = fc.dictionary(
    fc.constantFrom("power", "voltage", "current", "pf", "total", "act_power", "a_act_power", "errors", "is_valid"),
    fc.oneof(fc.double(), fc.anything(), fc.constant(Number.NaN)),
  );
  const reply = fc.oneof(
    fc.anything(),
    fc.record({ emeters: fc.array(fields, { maxLength: 3 }) }),
    fc.dictionary(fc.constantFrom("em1:0", "em1data:0", "em:0", "emdata:0", "sys"), fields),
  );
  const parsers: readonly ((raw: unknown) => Snapshot)[] = [
    parseGen1Status,
    (raw) => toSnapshot(parseFullStatus(raw)),
    (raw) => toSnapshot(mergeDelta(parseFullStatus(RPC_STATUS), raw)),
    (raw) => sumPhases(toSnapshot(parseFullStatus(raw))),
  ];

  it("becomes possible numbers, null, or a bad-reply error", () => {
    fc.assert(
      fc.property(reply, fc.constantFrom(...parsers), (raw, parse) => {
        let snapshot: Snapshot;
        try {
          snapshot = parse(raw);
        } catch (error) {
          return isBadReply(error);
        }
        return snapshot.channels.every(
          ({ powerW, voltageV, powerFactor, consumedWh, flags }) =>
            isWithin(powerW, -300_000, 300_000) &&
            isWithin(voltageV, 0, 1000) &&
            isWithin(powerFactor, -1, 1) &&
            isWithin(consumedWh, 0, 3e12) &&
            flags.length < 60,
        );
      }),
      { numRuns: 500 },
    );
  });
});

const isWithin = (measured: number | null, low: number, high: number): boolean =>
  measured === null || (Number.isFinite(measured) && measured >= low && measured <= high);
