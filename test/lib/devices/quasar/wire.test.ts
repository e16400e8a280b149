import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { explainStatus } from "../../../../lib/devices/quasar/status.ts";
import {
  decodeIdentity,
  decodeLive,
  encodeWrite,
  isCrashed,
  isKnownModel,
  type QuasarWrite,
  REGISTER,
  type RegisterImage,
  setBits,
  toSigned,
  toWord,
} from "../../../../lib/devices/quasar/wire.ts";

const imageOf = (words: Readonly<Record<number, number>>, atMs = 0): RegisterImage =>
  new Map(Object.entries(words).map(([address, word]) => [Number(address), { word, atMs }]));

/** The live sample of fact sheet v2g 2.1: discharging at 719 W. */
const LIVE_SAMPLE = imageOf({
  [REGISTER.maxAvailableA]: 32,
  [REGISTER.maxAvailableW]: 7400,
  [REGISTER.acCurrentA]: 3,
  [REGISTER.acVoltageV]: 240,
  [REGISTER.acPowerW]: 65_536 - 719,
  [REGISTER.status]: 11,
  [REGISTER.socPercent]: 88,
  [REGISTER.dcVoltage]: 3887,
  [REGISTER.dcCurrent]: 65_536 - 24,
});

describe("registers of a Quasar", () => {
  it("decodes the live sample of the fact sheet, with the sign of the power on the current", () => {
    const live = decodeLive(LIVE_SAMPLE);
    assert.deepEqual(
      [live.powerW, live.currentA, live.voltageV, live.dcVoltageV, live.dcCurrentA, live.socPercent, live.status],
      [-719, -3, 240, 388.7, -2.4, 88, 11],
    );
  });

  it("takes a signed current as well", () => {
    const live = decodeLive(new Map([...LIVE_SAMPLE, [REGISTER.acCurrentA, { word: toWord(-3), atMs: 0 }]]));
    assert.equal(live.currentA, -3);
  });

  it("counts impossible words as unknown instead of passing them on", () => {
    const live = decodeLive(
      imageOf({
        [REGISTER.acPowerW]: 0x8000,
        [REGISTER.acVoltageV]: 65_535,
        [REGISTER.acCurrentA]: 0x7fff,
        [REGISTER.socPercent]: 101,
        [REGISTER.maxAvailableA]: 65_535,
        [REGISTER.maxAvailableW]: 65_535,
      }),
    );
    const found = [live.powerW, live.voltageV, live.currentA, live.socPercent, live.maxAvailableA, live.maxAvailableW];
    assert.deepEqual(found, [null, null, null, null, null, null]);
  });

  it("recognises a crash by zeros that cannot be, and not a charger without a car", () => {
    const zeros = Object.fromEntries(Array.from({ length: 38 }, (_, index) => [0x200 + index, 0]));
    assert.equal(isCrashed(imageOf(zeros), 0), true);
    assert.equal(isCrashed(imageOf({ ...zeros, [REGISTER.acVoltageV]: 231 }), 0), false);
    assert.equal(isCrashed(imageOf({ [REGISTER.status]: 0, [REGISTER.socPercent]: 0 }), 0), false);
  });

  it("judges a crash only by what was read in this poll", () => {
    const image = new Map([
      [REGISTER.maxAvailableA, { word: 32, atMs: 0 }],
      [REGISTER.acVoltageV, { word: 0, atMs: 10 }],
      [REGISTER.status, { word: 0, atMs: 10 }],
    ]);
    assert.equal(isCrashed(image, 10), true);
    assert.equal(isCrashed(image, 0), false);
  });

  it("reads serial and part number", () => {
    const identity = decodeIdentity([3400, 5, 19_659, 0x5153, 0x5830, 0x2d32, 0x2d32, 0, 0xff07]);
    assert.deepEqual(identity, { firmware: 3400, serial: 5 * 65_536 + 19_659, partNumber: "QSX0-2-2" });
    assert.equal(isKnownModel(identity), true);
    assert.equal(isKnownModel({ ...identity, partNumber: "PLP1-0-2" }), false);
  });

  it("names error bits by number, also the highest", () => {
    assert.deepEqual(setBits(0x8000_0005), [0, 2, 31]);
  });
});

describe("writes to a Quasar", () => {
  it("encodes negative set points as two's complement", () => {
    assert.deepEqual(encodeWrite({ register: "currentSetpointA", currentA: -6 }), { address: 0x102, word: 65_530 });
    assert.deepEqual(encodeWrite({ register: "powerSetpointW", powerW: -3000 }), { address: 0x104, word: 62_536 });
  });

  it("knows start and stop only: a reboot or a firmware update cannot be encoded, whatever the types were cast to", () => {
    for (const action of [0, 3, 4, 5, 1.5, Number.NaN, "4", null, 65_540]) {
      const cast = { register: "action", action } as unknown as QuasarWrite;
      assert.throws(() => encodeWrite(cast), { code: "internal" });
    }
  });

  it("never encodes a number outside its register's range", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("controlOwner", "setpointType", "idleTimeoutS", "action", "currentSetpointA", "powerSetpointW"),
        fc.oneof(fc.double(), fc.integer(), fc.string(), fc.constant(null)),
        (register, anything) => {
          const cast = {
            register,
            owner: anything,
            type: anything,
            seconds: anything,
            action: anything,
            currentA: anything,
            powerW: anything,
          } as unknown as QuasarWrite;
          let encoded: { address: number; word: number };
          try {
            encoded = encodeWrite(cast);
          } catch {
            return true;
          }
          const signed = toSigned(encoded.word);
          const limits = { 0x51: 1, 0x53: 1, 0x58: 65_535, 0x101: 2, 0x102: 32, 0x104: 7400 }[encoded.address] ?? -1;
          const isSigned = encoded.address === 0x102 || encoded.address === 0x104;
          return Math.abs(isSigned ? signed : encoded.word) <= limits && signed === toSigned(toWord(signed));
        },
      ),
      { numRuns: 500 },
    );
  });

  it("has no way to write an unknown register", () => {
    const cast = { register: "lock", word: 1 } as unknown as QuasarWrite;
    assert.throws(() => encodeWrite(cast), { code: "internal" });
  });
});

describe("status codes of a Quasar", () => {
  it("maps every code of the table", () => {
    const states = Array.from({ length: 12 }, (_, code) => explainStatus(code, false)?.state);
    assert.deepEqual(states, [
      "unplugged",
      "charging",
      "plugged",
      "plugged",
      "paused",
      "plugged",
      "unplugged",
      "fault",
      "plugged",
      "fault",
      "plugged",
      "discharging",
    ]);
  });

  it("takes 7 for an error unless OCPP is known to be on", () => {
    assert.equal(explainStatus(7, false)?.state, "fault");
    assert.deepEqual([explainStatus(7, true)?.state, explainStatus(7, true)?.flag], ["plugged", "ocpp-waiting"]);
  });

  it("does not explain what nobody knows", () => {
    assert.equal(explainStatus(42, false), null);
  });
});
