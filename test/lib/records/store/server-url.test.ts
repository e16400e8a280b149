import assert from "node:assert/strict";
import { EvError } from "../../../../lib/model/errors.ts";
import { toServerError } from "../../../../lib/records/store/server/server-errors.ts";
import { readServerAddress } from "../../../../lib/records/store/server-url.ts";

describe("the address of a database server", () => {
  it("gives host, usual port, database and who we are", () => {
    assert.deepEqual(readServerAddress({ url: "mariadb://db.example/ev", user: "u", password: "p" }), {
      flavour: "mysql",
      host: "db.example",
      port: 3306,
      database: "ev",
      user: "u",
      password: "p",
      tls: null,
    });
    const { flavour, host, port, user, password } = readServerAddress({ url: "postgresql://a%40b:c%2Fd@[::1]:5433/x" });
    assert.deepEqual([flavour, host, port, user, password], ["postgres", "::1", 5433, "a@b", "c/d"]);
  });

  it("refuses everything else without telling the password", () => {
    const bad = [
      "",
      "db/ev",
      "http://db/ev",
      "file:///etc/passwd",
      "mysql://db",
      "mysql:///ev",
      "mysql://db/a/b",
      "mysql://db/%",
      "mysql://u:hush@db/'; DROP",
    ];
    for (const url of bad) {
      assert.throws(
        () => readServerAddress({ url, password: "hush" }),
        (error) => error instanceof EvError && error.code === "config" && !error.message.includes("hush"),
        url,
      );
    }
  });
});

describe("what a database server says", () => {
  const said = (fields: object): string => toServerError(Object.assign(new Error("x"), fields)).code;

  it("is told apart: gone, busy, not allowed, wrong in itself", () => {
    assert.equal(said({ code: "ECONNREFUSED" }), "unreachable");
    assert.equal(said({ code: "57P01" }), "unreachable");
    assert.equal(said({ code: "PROTOCOL_CONNECTION_LOST", fatal: true }), "unreachable");
    assert.equal(said({ code: "40001" }), "busy");
    assert.equal(said({ code: "ER_LOCK_DEADLOCK", errno: 1213 }), "busy");
    assert.equal(said({ code: "28P01" }), "auth");
    assert.equal(said({ code: "ER_ACCESS_DENIED_ERROR", errno: 1045 }), "auth");
    assert.equal(said({ code: "3D000" }), "config");
    assert.equal(said({ code: "22P05" }), "refused");
    assert.equal(said({ code: "ER_DATA_TOO_LONG", errno: 1406 }), "refused");
    assert.equal(said({ code: "XX000" }), "io");
  });
});
