import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createManualClock, repeatEvery, sleep } from "../../../lib/model/clock.ts";
import { EvError, toEvError } from "../../../lib/model/errors.ts";
import { ageS, isFresh, recordAgeS } from "../../../lib/model/freshness.ts";
import { redact, redactingLogger, silentLogger } from "../../../lib/model/logger.ts";
import { chargerSchema, meterSchema, recordSchema } from "../../../lib/model/records.ts";
import { energyWh, roundTo, wattsToAmps } from "../../../lib/model/units.ts";

describe("records", () => {
  it("treats missing and null measurements the same, and never as 0", () => {
    const reading = { kind: "meter", device: "m", at: "2026-11-21T12:00:00Z", channel: 0, role: "grid" };
    assert.equal(meterSchema.parse(reading).powerW, null);
    assert.deepEqual(meterSchema.parse(reading), meterSchema.parse({ ...reading, powerW: null }));
  });

  it("refuses NaN, infinity, text for numbers and a state of charge beyond 100", () => {
    const charger = { kind: "charger", device: "q", at: "2026-11-21T12:00:00Z", online: true, state: "paused" };
    assert.ok(chargerSchema.safeParse(charger).success);
    for (const wrong of [
      { powerW: NaN },
      { powerW: Infinity },
      { powerW: "16" },
      { socPercent: 101 },
      { at: "yesterday" },
      { state: "flying" },
    ]) {
      assert.equal(recordSchema.safeParse({ ...charger, ...wrong }).success, false, JSON.stringify(wrong));
    }
  });
});

describe("freshness", () => {
  it("counts age on the monotonic clock from arrival", () => {
    assert.equal(isFresh({ arrivedMs: 1000 }, 11_000, 10), true);
    assert.equal(isFresh({ arrivedMs: 1000 }, 11_001, 10), false);
    assert.equal(isFresh(null, 0, 10), false);
    assert.equal(ageS({ arrivedMs: 5000 }, 4000), 0);
  });

  it("reads a record's own age, or null when its time cannot be read", () => {
    assert.equal(recordAgeS("2026-11-21T12:00:00+01:00", Date.parse("2026-11-21T11:00:10Z")), 10);
    assert.equal(recordAgeS("soon", 0), null);
  });
});

describe("the manual clock", () => {
  it("runs timers in order of time and stands still otherwise", () => {
    const clock = createManualClock(0);
    const ran: string[] = [];
    clock.after(20, () => ran.push(`b at ${clock.nowMs()}`));
    clock.after(10, () => ran.push(`a at ${clock.nowMs()}`));
    clock.after(99, () => ran.push("never"))();
    clock.advance(50);
    assert.deepEqual(ran, ["a at 10", "b at 20"]);
    clock.setWallClock(1_000_000);
    clock.advance(5);
    assert.deepEqual([clock.nowMs(), clock.monotonicMs(), clock.pending], [1_000_005, 55, 0]);
  });

  it("repeats until cancelled, also when a run throws", () => {
    const clock = createManualClock(0);
    let runs = 0;
    const cancel = repeatEvery(clock, 10, () => void (runs += 1));
    clock.advance(35);
    cancel();
    clock.advance(100);
    assert.deepEqual([runs, clock.pending], [3, 0]);
  });

  it("wakes a sleeper early when its work is aborted", async () => {
    const clock = createManualClock(0);
    const aborter = new AbortController();
    const sleeping = sleep(clock, 1000, aborter.signal);
    aborter.abort(new Error("closing"));
    await assert.rejects(sleeping, /closing/);
    assert.equal(clock.pending, 0);
  });
});

describe("redaction", () => {
  it("hides a secret in every spelling, and credentials in URLs and headers that nobody announced", () => {
    const secret = "p@ss wörd/1";
    const text = `a ${secret} b ${encodeURIComponent(secret)} c ${Buffer.from(secret).toString("base64")} http://joe:unknown@192.0.2.1/ Authorization: Basic am9lOnNlY3JldA==`;
    const hidden = redact(text, [secret]);
    for (const leak of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64"), "unknown@", "am9l"])
      assert.ok(!hidden.includes(leak), leak);
  });

  it("hides a secret that holds another one as a whole", () => {
    assert.equal(redact("login me:hunter2", ["hunter2", "me:hunter2"]), "login ***");
  });

  it("wraps every level of a logger", () => {
    const lines: string[] = [];
    const keep = (text: string): void => void lines.push(text);
    const logger = redactingLogger({ debug: keep, info: keep, warn: keep, error: keep }, () => ["hunter2"]);
    for (const level of ["debug", "info", "warn", "error"] as const) logger[level]("pw hunter2");
    assert.deepEqual(new Set(lines), new Set(["pw ***"]));
    silentLogger.error("dropped");
  });
});

describe("toEvError", () => {
  it("gives system errors their code and passes an EvError unchanged", () => {
    const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
    assert.equal(toEvError(refused).code, "unreachable");
    assert.equal(toEvError(new AggregateError([refused])).message, "connect ECONNREFUSED");
    assert.equal(toEvError("text").code, "internal");
    const own = new EvError("busy", "x");
    assert.equal(toEvError(own), own);
  });
});

describe("units", () => {
  it("convert without surprises at the edges", () => {
    assert.equal(wattsToAmps(2300, 230), 10);
    assert.equal(wattsToAmps(2300, 0), 0);
    assert.equal(energyWh(3600, 1000), 1);
    assert.ok(Object.is(roundTo(-0.001, 2), 0));
  });
});
