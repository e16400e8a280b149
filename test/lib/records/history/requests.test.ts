import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { EvError } from "../../../../lib/model/errors.ts";
import { readHistoryRequest } from "../../../../lib/records/history/read-request.ts";

const refusal = (payload: unknown): EvError => {
  try {
    readHistoryRequest(payload);
  } catch (thrown) {
    if (thrown instanceof EvError) return thrown;
    throw thrown;
  }
  throw new Error(`${JSON.stringify(payload)} was accepted`);
};

describe("a request to the history", () => {
  it("is a word or an object", () => {
    assert.equal(readHistoryRequest(" Months ").command, "months");
    assert.deepEqual(readHistoryRequest({ command: "sessions", year: 2026 }), {
      command: "sessions",
      year: 2026,
      format: "rows",
    });
  });

  it("may come from a web address, where everything is text and what was not entered is empty", () => {
    assert.deepEqual(
      readHistoryRequest({ command: "sessions", format: "csv", year: "2026", month: "11", vehicle: "", bom: "false" }),
      { command: "sessions", format: "csv", year: 2026, month: 11, bom: false },
    );
  });

  it("takes an empty field of an edit for taking the entry away", () => {
    const request = readHistoryRequest({ command: "edit", sessionId: crypto.randomUUID(), vehicle: "" });
    assert.equal("vehicle" in request && request.vehicle, null);
  });

  it("is refused with what is accepted when it is misspelt", () => {
    assert.equal(refusal("session").code, "bad-command");
    assert.match(refusal("session").message, /"session" is not a request\. Accepted words: sessions, days/);
    assert.match(refusal({ command: "monhts" }).message, /Accepted: sessions, days, months/);
    assert.match(
      refusal({ command: "sessions", vehicel: "Zoe" }).message,
      /does not know "vehicel"\. Accepted: from, to/,
    );
    assert.match(refusal({ command: "sessions", from: "yesterday" }).message, /from: .*a day such as 2026-11-01/);
    assert.match(refusal({ command: "sessions", format: "pdf" }).message, /format/);
    for (const payload of [null, undefined, 7, true, [], Buffer.from("months"), {}]) {
      assert.equal(refusal(payload).code, "bad-command");
    }
  });

  it("knows which days exist", () => {
    assert.equal(readHistoryRequest({ command: "days", from: "2024-02-29" }).command, "days");
    for (const from of ["2026-02-29", "2026-13-01", "2026-11-31", "2026-1-1", "2026-11-01T00:00:00Z"]) {
      assert.equal(refusal({ command: "days", from }).code, "bad-command", from);
    }
  });

  it("must not contradict itself", () => {
    assert.match(refusal({ command: "days", month: 11 }).message, /month needs a year/);
    assert.match(refusal({ command: "days", from: "2026-11-02", to: "2026-11-01" }).message, /later/);
    assert.match(refusal({ command: "days", separator: ",", decimalSign: "," }).message, /cannot both/);
  });

  it("is refused when a number is beyond all use", () => {
    assert.equal(refusal({ command: "sessions", limit: 1e9 }).code, "out-of-range");
    assert.equal(refusal({ command: "sessions", fileName: "x".repeat(300) }).code, "out-of-range");
    assert.equal(refusal({ command: "sessions", vehicle: "x".repeat(1_000_000) }).code, "out-of-range");
    assert.ok(refusal({ command: "sessions", vehicle: "x".repeat(1_000_000) }).message.length < 500);
  });

  it("pollutes no prototype and takes no NUL", () => {
    assert.equal(refusal(JSON.parse('{"command":"sessions","__proto__":{"polluted":1}}')).code, "bad-command");
    assert.equal(refusal({ command: "sessions", constructor: { prototype: { polluted: 1 } } }).code, "bad-command");
    assert.equal(refusal({ command: "sessions", vehicle: "a\0b" }).code, "bad-command");
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it("is either read or refused with a code, whatever arrives", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (payload) => {
        try {
          readHistoryRequest(payload);
        } catch (thrown) {
          assert.ok(thrown instanceof EvError);
        }
      }),
    );
  });
});
