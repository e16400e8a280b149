import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { commandSchema, parseCommand } from "../../../lib/model/commands.ts";
import { EvError } from "../../../lib/model/errors.ts";

const NOW_MS = Date.parse("2026-11-21T12:00:00Z");
const codeOf = (payload: unknown): string => {
  try {
    parseCommand(payload, NOW_MS);
    return "accepted";
  } catch (error) {
    return error instanceof EvError ? error.code : "not an EvError";
  }
};

describe("parseCommand", () => {
  it("takes a number as amps, a word as a command or a mode, an object as it is", () => {
    assert.deepEqual(parseCommand(-10, NOW_MS), { command: "current", currentA: -10 });
    assert.deepEqual(parseCommand(" 6.5 ", NOW_MS), { command: "current", currentA: 6.5 });
    assert.deepEqual(parseCommand("Pause", NOW_MS), { command: "pause" });
    assert.deepEqual(parseCommand("power-home", NOW_MS), { command: "mode", mode: "power-home" });
    const boost = { command: "charge", currentA: 16, untilSocPercent: 80, expiresAt: "2026-11-22T07:00:00+00:00" };
    assert.deepEqual(parseCommand(boost, NOW_MS), boost);
  });

  it("refuses what is no command, and says what is accepted", () => {
    for (const payload of [
      NaN,
      Infinity,
      null,
      undefined,
      true,
      [],
      [6],
      Buffer.from("6"),
      "16; DROP",
      "0x10",
      "1e3",
      "",
      {},
      { command: "explode" },
      { currentA: 5 },
    ]) {
      assert.equal(codeOf(payload), "bad-command", String(payload));
    }
    assert.throws(() => parseCommand("fly", NOW_MS), /"fly" is not a command\. Accepted: .*pause.*solar/);
    assert.throws(
      () => parseCommand({ command: "explode" }, NOW_MS),
      /"explode" is not a command word.*charge, discharge/,
    );
  });

  it("refuses a misspelt field instead of ignoring it", () => {
    assert.throws(() => parseCommand({ command: "charge", untilSoc: 80 }, NOW_MS), /untilSoc/);
  });

  it("refuses numbers that no charger can mean", () => {
    for (const payload of [1e6, -501, { command: "charge", currentA: -1 }, { command: "power", powerW: 1e9 }]) {
      assert.equal(codeOf(payload), "out-of-range", JSON.stringify(payload));
    }
  });

  it("ignores a command after its expiry", () => {
    assert.equal(codeOf({ command: "discharge", expiresAt: "2026-11-21T11:59:59Z" }), "stale");
    assert.equal(codeOf({ command: "discharge", expiresAt: "2026-11-21T13:00:01+01:00" }), "accepted");
  });

  it("cannot be used to pollute prototypes", () => {
    const hostile: unknown = JSON.parse('{"command":"pause","__proto__":{"polluted":1}}');
    assert.equal(codeOf(hostile), "bad-command");
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });

  it("either throws an EvError or returns a command with finite numbers, whatever comes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything(),
          fc.record({
            command: fc.constantFrom("charge", "current", "power", "limit"),
            currentA: fc.anything(),
            powerW: fc.double(),
          }),
        ),
        (payload) => {
          try {
            const command = parseCommand(payload, NOW_MS);
            assert.ok(commandSchema.safeParse(command).success);
            for (const field of Object.values(command)) assert.ok(typeof field !== "number" || Number.isFinite(field));
          } catch (error) {
            assert.ok(error instanceof EvError, String(error));
          }
        },
      ),
    );
  });
});
