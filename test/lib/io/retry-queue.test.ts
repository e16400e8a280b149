import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { createQueue } from "../../../lib/io/queue.ts";
import { backoffMs, retry } from "../../../lib/io/retry.ts";
import { createManualClock } from "../../../lib/model/clock.ts";
import { EvError, toEvError } from "../../../lib/model/errors.ts";

describe("backoffMs", () => {
  it("doubles up to the cap, with jitter between half and all", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (failures, random) => {
          const waitMs = backoffMs(failures, { baseMs: 1000, capMs: 60_000 }, () => random);
          const fullMs = Math.min(60_000, 1000 * 2 ** (failures - 1));
          assert.ok(waitMs >= fullMs / 2 && waitMs <= fullMs);
        },
      ),
    );
  });
});

describe("retry", () => {
  const options = { baseMs: 1000, capMs: 8000, random: () => 1 };

  it("tries again after growing waits and then succeeds", async () => {
    const clock = createManualClock(0);
    const triedAtMs: number[] = [];
    const work = retry(
      async () => {
        triedAtMs.push(clock.nowMs());
        if (triedAtMs.length < 4) throw new EvError("timeout", "slow");
        return "ok";
      },
      { ...options, clock, tries: 10 },
    );
    await clock.advanceAsync(20_000);
    assert.equal(await work, "ok");
    assert.deepEqual(triedAtMs, [0, 1000, 3000, 7000]);
  });

  it("does not repeat what cannot get better, nor more often than allowed", async () => {
    const clock = createManualClock(0);
    let tries = 0;
    const attempt = (code: "auth" | "timeout") => async () => {
      tries += 1;
      throw new EvError(code, "no");
    };
    await assert.rejects(retry(attempt("auth"), { ...options, clock, tries: 10 }), { code: "auth" });
    assert.equal(tries, 1);
    const limited = assert.rejects(retry(attempt("timeout"), { ...options, clock, tries: 3 }), { code: "timeout" });
    await clock.advanceAsync(60_000);
    await limited;
    assert.equal(tries, 4);
  });

  it("stops waiting when its work is aborted", async () => {
    const clock = createManualClock(0);
    const aborter = new AbortController();
    const work = retry(async () => Promise.reject(new EvError("timeout", "no")), {
      ...options,
      clock,
      tries: 9,
      signal: aborter.signal,
    });
    const rejected = assert.rejects(work, EvError);
    await clock.advanceAsync(10);
    aborter.abort();
    await rejected;
    assert.equal(clock.pending, 0);
  });
});

describe("createQueue", () => {
  const gate = (): { open: () => void; passed: Promise<void> } => {
    let open = (): void => {};
    const passed = new Promise<void>((resolve) => (open = resolve));
    return { open, passed };
  };

  it("runs one at a time, in order, but lets an urgent task overtake", async () => {
    const queue = createQueue();
    const ran: string[] = [];
    const first = gate();
    const done = [
      queue.run(() => first.passed.then(() => void ran.push("first"))),
      queue.run(async () => void ran.push("second")),
      queue.run(async () => void ran.push("third")),
      queue.run(async () => void ran.push("stop"), { urgent: true }),
    ];
    assert.equal(queue.size, 4);
    first.open();
    await Promise.all(done);
    assert.deepEqual(ran, ["first", "stop", "second", "third"]);
    assert.equal(queue.size, 0);
  });

  it("goes on after a failure, which only its owner sees", async () => {
    const queue = createQueue();
    await assert.rejects(
      queue.run(async () => Promise.reject(new EvError("timeout", "no"))),
      { code: "timeout" },
    );
    assert.equal(await queue.run(async () => 5), 5);
  });

  it("says busy instead of growing without end, but always takes a stop", async () => {
    const queue = createQueue(2);
    const first = gate();
    const kept = [queue.run(() => first.passed), queue.run(async () => {}), queue.run(async () => {})];
    await assert.rejects(
      queue.run(async () => {}),
      { code: "busy" },
    );
    kept.push(queue.run(async () => {}, { urgent: true }));
    first.open();
    await Promise.all(kept);
  });

  it("keeps the newest stops when too many wait: each pushes out the oldest stop, which says so", async () => {
    const queue = createQueue(2);
    const ran: string[] = [];
    const first = gate();
    const task = (name: string) => async () => void ran.push(name);
    const kept = [queue.run(() => first.passed), queue.run(task("normal")), queue.run(task("normal too"))];
    const codes = ["stop 1", "stop 2", "stop 3", "stop 4"].map((name) =>
      queue.run(task(name), { urgent: true }).then(
        () => "done",
        (thrown: unknown) => toEvError(thrown).code,
      ),
    );
    assert.equal(queue.size, 5);
    first.open();
    await Promise.all(kept);
    assert.deepEqual(await Promise.all(codes), ["busy", "busy", "done", "done"]);
    assert.deepEqual(ran, ["stop 3", "stop 4", "normal", "normal too"]);
  });

  it("refuses what waits when it closes, and waits for what runs", async () => {
    const queue = createQueue();
    const first = gate();
    const running = queue.run(() => first.passed);
    const waiting = assert.rejects(
      queue.run(async () => {}),
      { code: "closed" },
    );
    const closing = queue.close();
    await waiting;
    first.open();
    await Promise.all([running, closing]);
    await assert.rejects(
      queue.run(async () => {}),
      { code: "closed" },
    );
  });
});
