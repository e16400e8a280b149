import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { contentDisposition, safeFileName } from "../../../../lib/records/tables/file-name.ts";

const name = (wished: string): string => safeFileName(wished, "sessions", ".csv");

describe("a file name that somebody asked for", () => {
  it("stays as it is when it is plain, with or without its extension, in any language", () => {
    assert.equal(name("November 2026"), "November 2026.csv");
    assert.equal(name("November.CSV"), "November.csv");
    assert.equal(name("充電記録 2026"), "充電記録 2026.csv");
    assert.equal(name("Zoé (bureau)"), "Zoé (bureau).csv");
  });

  it("cannot leave its folder", () => {
    assert.equal(name("../../x"), "x.csv");
    assert.equal(name("..\\..\\x"), "x.csv");
    assert.equal(name("/etc/passwd"), "etc_passwd.csv");
    assert.equal(name("C:\\x"), "C_x.csv");
    assert.equal(name("%2e%2e%2fx"), "2e_2e_2fx.csv");
  });

  it("falls back when nothing of it is left", () => {
    for (const wished of ["..", ".", "%", "\0", "   ", "🔌🔌", "///", ".csv"])
      assert.equal(name(wished), "sessions.csv", wished);
  });

  it("is no device of Windows", () => {
    assert.equal(name("CON"), "_CON.csv");
    assert.equal(name("nul.txt"), "_nul.txt.csv");
    assert.equal(name("com1"), "_com1.csv");
    assert.equal(name("console"), "console.csv");
  });

  it("loses NUL and emoji, and is short however long the wish", () => {
    assert.equal(name("a\0b"), "a_b.csv");
    assert.equal(name("car 🔌 list"), "car _ list.csv");
    assert.ok(Buffer.byteLength(name("x".repeat(300))) <= 154);
    assert.ok(Buffer.byteLength(name("充".repeat(300))) <= 154);
  });

  it("is always one plain segment, whatever was asked for", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (wished) => {
        const safe = name(wished);
        assert.match(safe, /^[\p{L}\p{M}\p{N} ._()-]+\.csv$/u);
        assert.ok(!safe.includes("..") && !safe.startsWith(".") && Buffer.byteLength(safe) <= 160);
      }),
    );
  });

  it("goes into the header of a download without breaking it", () => {
    assert.equal(contentDisposition("a.csv"), `attachment; filename="a.csv"; filename*=UTF-8''a.csv`);
    const header = contentDisposition("充電 (1).csv");
    assert.match(header, /^[\x20-\x7E]+$/);
    assert.match(header, /filename="__ \(1\)\.csv"; filename\*=UTF-8''%E5%85%85%E9%9B%BB%20%281%29\.csv$/);
  });
});
