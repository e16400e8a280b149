import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { parseDeviceAddress } from "../../../../lib/devices/shelly/address.ts";
import { EvError } from "../../../../lib/model/errors.ts";

describe("the address of a Shelly", () => {
  const accepted: readonly (readonly [string, string])[] = [
    ["192.0.2.10", "http://192.0.2.10"],
    [" 192.0.2.10 ", "http://192.0.2.10"],
    ["192.0.2.10:8080", "http://192.0.2.10:8080"],
    ["http://192.0.2.10/", "http://192.0.2.10"],
    ["HTTP://192.0.2.10:80/status?x=1#y", "http://192.0.2.10"],
    ["shellyem-1F8A20.local", "http://shellyem-1f8a20.local"],
    ["2001:db8::10", "http://[2001:db8::10]"],
    ["[2001:db8::10]:8080", "http://[2001:db8::10]:8080"],
  ];
  for (const [typed, baseUrl] of accepted) {
    it(`takes "${typed}"`, () => assert.equal(parseDeviceAddress(typed).baseUrl, baseUrl));
  }

  for (const typed of [
    "",
    "  ",
    "https://192.0.2.10",
    "file:///etc/passwd",
    "http://",
    "192.0.2.10:99999",
    "two words",
  ]) {
    it(`refuses "${typed}"`, () => {
      assert.throws(
        () => parseDeviceAddress(typed),
        (error) => error instanceof EvError && error.code === "config",
      );
    });
  }

  it("refuses a password in the address without repeating it", () => {
    assert.throws(
      () => parseDeviceAddress("http://admin:hunter2@192.0.2.10"),
      (error) => error instanceof EvError && error.code === "config" && !error.message.includes("hunter2"),
    );
  });
});
