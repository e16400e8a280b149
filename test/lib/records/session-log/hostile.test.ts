import assert from "node:assert/strict";
import fc from "fast-check";
import { EvError } from "../../../../lib/model/errors.ts";
import { cleanText } from "../../../../lib/records/session-log/clean-text.ts";
import { readIntake } from "../../../../lib/records/session-log/intake.ts";
import { createRig, type Rig } from "./rig.ts";

const near = (actual: number | null | undefined, expected: number, tolerance: number): void => {
  assert.ok(typeof actual === "number" && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
};
const refusal = (payload: unknown): string => {
  try {
    readIntake(payload);
    return "accepted";
  } catch (thrown) {
    assert.ok(thrown instanceof EvError, String(thrown));
    assert.ok(thrown.message.length < 400, thrown.message);
    return thrown.code;
  }
};
const charger = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  kind: "charger",
  device: "evse",
  at: "2026-11-21T18:00:00Z",
  online: true,
  state: "plugged",
  ...more,
});

describe("bad input to the session log", () => {
  let rig: Rig | null = null;
  afterEach(async () => {
    await rig?.close();
    rig = null;
  });

  const MEGABYTE = "x".repeat(1_000_000);
  const texts: Readonly<Record<string, string>> = {
    SQL: "'; DROP TABLE sessions; --",
    "a megabyte": MEGABYTE,
    "a formula": "=cmd|' /C calc'!A0",
    NUL: "card\0\0 7",
    emoji: "🚗".repeat(150),
    "half an emoji": "\ud83d tag \udc00",
    markup: '<img src=x onerror="alert(1)"></script>',
    "a path": "../../etc/passwd",
    "line protocol": "a,b=c d\\\ninjected value=1",
    "a prototype": "__proto__",
  };
  for (const [what, text] of Object.entries(texts)) {
    it(`keeps a tag, note and user with ${what} as text, in one row`, async () => {
      rig = await createRig();
      await rig.plug("evse", { rfid: text });
      rig.say({ command: "annotate", note: text, user: text, vehicle: text });
      await rig.charge(100, 7200);
      await rig.unplug();
      const row = rig.row();
      near(row.energyWh, 200, 3);
      assert.equal(row.status, "closed");
      for (const [kept, longest] of [
        [row.rfid, 200],
        [row.user, 200],
        [row.vehicle, 200],
        [row.note, 2000],
      ] as const) {
        assert.ok(kept !== null && kept.length > 0 && kept.length <= longest && kept.isWellFormed(), String(kept));
        assert.doesNotMatch(kept, /\p{Cc}/u);
        assert.ok(cleanText(text, 2000).startsWith(kept.slice(0, 190)));
      }
      assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
    });
  }

  it("refuses what is no record and no command, in a few words", () => {
    for (const payload of [
      null,
      undefined,
      7,
      true,
      [],
      [[]],
      "",
      "hello",
      "{",
      "[1]",
      '"x"',
      Buffer.from([0xff, 0xfe]),
    ]) {
      assert.equal(refusal(payload), "bad-command", String(payload));
    }
    assert.equal(refusal("x".repeat(2_000_001)), "too-large");
    assert.equal(refusal(Buffer.alloc(2_000_001)), "too-large");
    assert.equal(refusal({ kind: MEGABYTE }), "bad-reply");
    assert.equal(refusal({ kind: "charger" }), "bad-reply");
    assert.equal(refusal(charger({ device: MEGABYTE })), "bad-reply");
    assert.equal(refusal(charger({ state: "exploding" })), "bad-reply");
    assert.equal(refusal(charger({ sessionWh: "7" })), "bad-reply");
    assert.equal(refusal(charger({ powerW: Number.NaN })), "bad-reply");
    assert.equal(refusal({ command: "close", device: "" }), "out-of-range");
    assert.equal(refusal({ command: MEGABYTE }), "bad-command");
    assert.equal(
      refusal({
        kind: "prices",
        tariff: "x",
        currency: "EUR",
        zone: "x",
        slots: Array.from({ length: 5001 }, () => ({})),
      }),
      "bad-reply",
    );
  });

  it("takes readings as JSON text, and other records of ours without a word", () => {
    assert.equal(readIntake(JSON.stringify(charger())).type, "charger");
    assert.equal(readIntake(Buffer.from(JSON.stringify(charger()))).type, "charger");
    assert.equal(readIntake({ kind: "control" }).type, "other");
    const polluting = readIntake(
      '{"kind":"charger","__proto__":{"polluted":1},"device":"evse","at":"2026-11-21T18:00:00Z","online":true,"state":"plugged"}',
    );
    assert.equal(polluting.type, "charger");
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });

  it("does not fall over anything", () => {
    fc.assert(
      fc.property(fc.anything(), (payload) => {
        assert.notEqual(refusal(payload), "");
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom("kind", "device", "at", "state", "rfid", "faults", "flags", "slots", "command", "online"),
          fc.anything(),
        ),
        (payload) => {
          assert.notEqual(refusal({ kind: "charger", ...payload }), "");
        },
      ),
      { numRuns: 500 },
    );
  });

  it("makes one row of messages that come twice, late, and in the wrong order", async () => {
    rig = await createRig();
    const say = rig.say;
    const past: unknown[] = [];
    let turn = 0;
    rig.say = (payload, isRetained) => {
      say(payload, isRetained);
      say(payload, isRetained);
    };
    await rig.plug();
    rig.set("evse", { state: "charging", powerW: 7200 });
    let totalWh = 100_000;
    for (; turn < 300; turn++) {
      totalWh += 2;
      const reading = charger({
        plugged: true,
        state: "charging",
        powerW: 7200,
        totalWh,
        counters: { sessionResets: "at-unplug", totalGrows: "continuously" },
      });
      past.push(reading);
      await rig.clock.advanceAsync(1000);
      say(reading);
      say(reading);
      // an old one again, from the device's queue
      if (turn % 10 === 9) say(past[turn - 1]);
    }
    const box = { plugged: false, state: "unplugged", powerW: 0, totalWh };
    for (let second = 0; second < 30; second++) {
      await rig.clock.advanceAsync(1000);
      say(charger({ ...box, counters: { sessionResets: "at-unplug", totalGrows: "continuously" } }));
    }
    near(rig.row().energyWh, 600, 65);
    assert.ok(rig.row().energyWh <= 600 + 60 + 1e-6, String(rig.row().energyWh));
    assert.equal(rig.row().status, "closed");
  });

  it("takes a retained message for old news", async () => {
    rig = await createRig();
    for (let second = 0; second < 60; second++) {
      rig.say(charger({ plugged: true, state: "charging", sessionWh: 5000, totalWh: 7 }), true);
      await rig.clock.advanceAsync(1000);
    }
    assert.deepEqual(rig.events(), []);
  });

  it("bears counters that run backwards and numbers that cannot be", async () => {
    rig = await createRig();
    await rig.plug();
    await rig.charge(100, 7200);
    for (const sessionWh of [-5, 1e15, 3, 0, 1e9]) {
      rig.say(charger({ plugged: true, state: "charging", sessionWh, totalWh: -1, powerW: 1e12, temperatureC: 1e9 }));
      await rig.clock.advanceAsync(1000);
    }
    await rig.charge(100, 7200);
    await rig.unplug();
    near(rig.row().energyWh, 400, 20);
  });

  it("does not follow more chargers than a site has", async () => {
    rig = await createRig();
    for (let index = 0; index < 1000; index++)
      rig.say(charger({ device: `evse-${index}`, plugged: false, state: "unplugged" }));
    await rig.clock.advanceAsync(2000);
    assert.ok(rig.store.kept.size <= 200, String(rig.store.kept.size));
    for (let index = 0; index < 300; index++) {
      const name = `car-${index}`;
      try {
        rig.say(charger({ device: name, plugged: true, state: "plugged", sessionWh: 0 }));
      } catch (thrown) {
        assert.ok(thrown instanceof EvError && thrown.code === "busy");
      }
    }
    assert.ok(rig.overview().open.length <= 200);
  });
});

describe("time and the session log", () => {
  let rig: Rig;
  afterEach(async () => rig.close());

  it("writes a night of two offsets as the clock on the wall showed it", async () => {
    rig = await createRig({}, Date.UTC(2026, 9, 24, 23, 30));
    await rig.plug();
    await rig.charge(5400, 3600);
    await rig.unplug();
    const row = rig.row();
    assert.match(row.pluggedAt, /^2026-10-25T01:30:.*\+02:00$/);
    assert.match(row.unpluggedAt ?? "", /^2026-10-25T02:00:.*\+01:00$/);
    near(row.pluggedS, 5408, 10);
    near(row.chargingS, 5400, 3);
    near(row.energyWh, 5400, 2);
  });

  it("corrects the times of a session that began with a clock at 1970", async () => {
    rig = await createRig({}, 60_000);
    await rig.plug();
    await rig.charge(120, 7200);
    rig.clock.setWallClock(Date.UTC(2026, 10, 21, 18));
    await rig.charge(120, 7200);
    await rig.unplug();
    const row = rig.row();
    near(row.energyWh, 480, 3);
    assert.ok(row.flags.includes("clock-adjusted"));
    assert.match(row.pluggedAt, /^2026-11-21T18:5\d/);
    assert.ok(
      row.tariffSlots.every(({ start }) => start.startsWith("2026-11-21T")),
      JSON.stringify(row.tariffSlots),
    );
    near(row.pluggedS, 250, 15);
  });

  it("takes no harm from a clock that steps back over a restart", async () => {
    rig = await createRig();
    await rig.plug();
    await rig.charge(120, 7200);
    rig.clock.setWallClock(Date.UTC(1970, 0, 1));
    await rig.kill();
    await rig.charge(120, 7200);
    rig.clock.setWallClock(Date.UTC(2026, 10, 21, 19));
    await rig.charge(60, 7200);
    await rig.unplug();
    const row = rig.row();
    near(row.energyWh, 600, 4);
    assert.ok(row.pluggedS >= 0 && row.chargingS >= 0 && row.pausedS >= 0);
  });
});
