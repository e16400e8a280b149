import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  holdsEvent,
  readAnnouncement,
  readConfigDocument,
  readLimit,
  readProperties,
  readSchedule,
} from "../../../../lib/devices/openevse/documents.ts";
import {
  isNumberKey,
  readChargerState,
  readNumber,
  readPlugged,
  readRapiReading,
  readText,
} from "../../../../lib/devices/openevse/wire.ts";
import { fixture } from "./fixture.ts";

describe("openevse: one value", () => {
  it("reads plain numbers, exponents and JSON numbers alike", () => {
    assert.equal(readNumber("wattsec", "2.862282e7"), 28_622_820);
    assert.equal(readNumber("watthour", "2.012722817e7"), 20_127_228.17);
    assert.equal(readNumber("amp", "15980"), 15_980);
    assert.equal(readNumber("amp", 15_980.5), 15_980.5);
    assert.equal(readNumber("grid_ie", "-5073"), -5073);
  });

  it("takes `false` for an absent sensor and for an open switch", () => {
    assert.equal(readNumber("temp1", "false"), null);
    assert.equal(readNumber("temp1", false), null);
    assert.equal(readNumber("vehicle", "true"), 1);
    assert.equal(readNumber("vehicle", false), 0);
    assert.equal(readNumber("amp", true), null);
  });

  it("leaves out what no charger can measure, also the threefold voltage of three phases", () => {
    for (const [key, raw] of [
      ["voltage", "720"],
      ["voltage", "0"],
      ["amp", "-1"],
      ["amp", "1e9"],
      ["state", "256"],
      ["state", "2.5"],
      ["pilot", "32767"],
      ["session_energy", "-0.1"],
      ["battery_level", "101"],
      ["amp", "NaN"],
      ["amp", "Infinity"],
      ["amp", "0x10"],
      ["amp", "16; DROP"],
      ["amp", ""],
      ["amp", "9".repeat(60)],
    ] as const) {
      assert.equal(readNumber(key, raw), null, `${key} ${raw}`);
    }
  });

  it("gives a number in range or nothing, whatever is said", () => {
    fc.assert(
      fc.property(fc.constantFrom("amp", "state", "temp", "vehicle", "wh" as const), fc.anything(), (key, raw) => {
        const number = readNumber(key, raw as never);
        return number === null || (Number.isFinite(number) && number >= -600 && number <= 1e10);
      }),
    );
  });

  it("keeps strange keys out, also those that every object has", () => {
    for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty", ""])
      assert.equal(isNumberKey(key), false);
  });

  it("takes an empty tag, or one of control characters, for none", () => {
    assert.equal(readText("rfid_auth", ""), null);
    assert.equal(readText("rfid_auth", "\0"), null);
    assert.equal(readText("rfid_auth", " 04A1\u0007B2 "), "04A1B2");
    assert.equal(readText("rfid_auth", "x".repeat(5000))?.length, 100);
  });
});

describe("openevse: plugged in or not", () => {
  it("believes the vehicle where the state cannot tell", () => {
    assert.equal(readPlugged(254, 1, undefined), true);
    assert.equal(readPlugged(254, 0, undefined), false);
    assert.equal(readPlugged(6, 1, undefined), true);
  });
  it("reads the flag of firmware without a vehicle topic", () => {
    assert.equal(readPlugged(254, undefined, 1280), true);
    assert.equal(readPlugged(254, undefined, 512), false);
  });
  it("knows nothing while disabled, whatever is said", () => {
    assert.equal(readPlugged(255, 0, 512), null);
    assert.equal(readPlugged(255, 1, 1280), null);
  });
  it("goes by the state alone on an old module, and does not know while it sleeps", () => {
    assert.deepEqual(
      [1, 2, 3, 254, 255, 6].map((state) => readPlugged(state, undefined, undefined)),
      [false, true, true, null, null, null],
    );
  });
  it("does not know when state and vehicle contradict each other", () => {
    assert.equal(readPlugged(1, 1, undefined), null);
    assert.equal(readPlugged(3, 0, undefined), null);
  });
});

describe("openevse: the state", () => {
  const cases: readonly (readonly [number | undefined, boolean | null, string])[] = [
    [undefined, null, "unknown"],
    [0, null, "unknown"],
    [1, false, "unplugged"],
    [2, true, "plugged"],
    [3, true, "charging"],
    [4, true, "fault"],
    [11, true, "fault"],
    [12, true, "fault"],
    [17, true, "fault"],
    [99, null, "fault"],
    [253, null, "fault"],
    [254, true, "paused"],
    [254, null, "paused"],
    [254, false, "unplugged"],
    [255, null, "paused"],
  ];
  for (const [state, plugged, expected] of cases) {
    it(`${state} with plugged ${plugged} is ${expected}`, () =>
      assert.equal(readChargerState(state, plugged), expected));
  }
});

describe("openevse: answers of the controller", () => {
  it("reads state and energy", () => {
    assert.deepEqual(readRapiReading("$GS", "$OK fe 2937 01 0200^26"), { state: 254, elapsed: 2937, flags: 0x200 });
    assert.deepEqual(readRapiReading("$GU", "$OK 25212279 1585443"), { wattsec: 25_212_279, watthour: 1_585_443 });
  });
  it("takes nothing from a refusal, another question's answer, or nonsense", () => {
    assert.equal(readRapiReading("$GS", "$NK^21"), null);
    assert.equal(readRapiReading("$GS", "$OK 25212279 1585443"), null);
    assert.equal(readRapiReading("$GU", "$OK x y"), null);
    assert.equal(readRapiReading("$GU", "$OK -1 2"), null);
    assert.equal(readRapiReading("$GU", "$OK 1e300 2"), null);
    assert.equal(readRapiReading("$GS", "$OK 1fe 2937 01 0200"), null, "there is no such state");
    assert.equal(readRapiReading("$GS", "$OK 3x 2937 01 0200"), null);
    assert.equal(readRapiReading("$GS", "$OK 03 -5 01 0200"), null);
    assert.equal(readRapiReading("$FE", "$OK^20"), null);
  });
});

describe("openevse: documents", () => {
  it("knows every way to say none", () => {
    assert.equal(readProperties('{"state":"null"}'), null);
    assert.equal(readProperties("{}"), null);
    assert.equal(readProperties({}), null);
    assert.equal(readLimit('{"type":"none","value":0,"auto_release":true}'), null);
    assert.equal(readLimit('{"state":"null"}'), null);
    assert.deepEqual(readSchedule("[]"), []);
    assert.deepEqual(readSchedule('{"state":"null"}'), []);
  });

  it("reads what is in force", () => {
    assert.deepEqual(readProperties('{"priority":500,"state":"active","max_current":20,"auto_release":false}'), {
      state: "active",
      max_current: 20,
      auto_release: false,
    });
    assert.deepEqual(readLimit('{"type":"energy","value":10000,"auto_release":true}'), {
      type: "energy",
      value: 10_000,
      auto_release: true,
    });
  });

  it("does not take `true` and `false` on the topic of the limit for a document", () => {
    assert.equal(readLimit("true"), undefined);
    assert.equal(readLimit("false"), undefined);
  });

  it("reads the recorded settings and timer", () => {
    const config = readConfigDocument(fixture("config-fw5.1.2"));
    assert.deepEqual(
      [config?.version, config?.wifi_serial, config?.max_current_soft, config?.min_current_hard, config?.mqtt_grid_ie],
      ["v5.1.2", "9C9C1FE57B2C", 48, 6, "home-assistant/power/watts"],
    );
    assert.equal(JSON.stringify(config).includes("_DUMMY_PASSWORD"), false);
    assert.deepEqual(
      readSchedule(fixture("schedule-fw4"))?.map(({ id, time }) => [id, time]),
      [
        [2, "12:00:00"],
        [1, "19:00:00"],
      ],
    );
  });

  it("finds an event again, however its time is written and its days are ordered", () => {
    const held = readSchedule('[{"id":1,"state":"active","time":"07:05:00","days":["tuesday","monday"]}]') ?? [];
    const wanted = { id: 1, state: "active", time: "7:05", days: ["monday", "tuesday"] } as const;
    assert.equal(holdsEvent(held, { ...wanted, days: [...wanted.days] }), true);
    assert.equal(holdsEvent(held, { ...wanted, days: ["monday"] }), false);
    assert.equal(holdsEvent(held, { ...wanted, days: [...wanted.days], time: "7:06" }), false);
    assert.equal(holdsEvent(held, { ...wanted, days: [...wanted.days], id: 2 }), false);
  });

  it("reads announcements and last wills, and nothing else", () => {
    assert.equal(
      readAnnouncement('{"state":"disconnected","id":"9c9c1fe57b2c","name":"openevse-7b2c"}')?.state,
      "disconnected",
    );
    assert.equal(readAnnouncement('{"state":"perhaps","id":"x"}'), undefined);
    assert.equal(readAnnouncement("connected"), undefined);
  });

  it("never throws and never pollutes, whatever arrives", () => {
    const readers = [readProperties, readLimit, readSchedule, readConfigDocument, readAnnouncement];
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string(), fc.anything()), (raw) => {
        for (const reader of readers) reader(raw as never);
      }),
    );
    for (const reader of readers) reader('{"__proto__":{"polluted":1},"id":"a","state":"connected"}');
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });
});
