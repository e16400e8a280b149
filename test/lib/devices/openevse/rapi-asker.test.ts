import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createRapiAsker, type RapiAsker } from "../../../../lib/devices/openevse/rapi-asker.ts";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import { toEvError } from "../../../../lib/model/errors.ts";

/* The topic of the answers does not say to which question, nor to whose. */

interface Line {
  readonly clock: ManualClock;
  readonly asker: RapiAsker;
  readonly sent: string[];
  /** Asks; the answer or the error code, or `waiting`, is in the box. */
  ask(text: string, isUrgent?: boolean): { outcome: string };
  answer(...texts: string[]): Promise<void>;
}

function line(): Line {
  const clock = createManualClock(0);
  const sent: string[] = [];
  const asker = createRapiAsker(clock, async (command, parameters) => {
    sent.push(`${command} ${parameters}`.trim());
  });
  return {
    clock,
    asker,
    sent,
    ask(text, isUrgent = false) {
      const box = { outcome: "waiting" };
      asker.ask(text, isUrgent).then(
        (answer) => {
          box.outcome = answer;
        },
        (thrown: unknown) => {
          box.outcome = toEvError(thrown).code;
        },
      );
      return box;
    },
    async answer(...texts) {
      for (const text of texts) {
        await clock.advanceAsync(0);
        asker.answered(text);
        await clock.advanceAsync(0);
      }
    },
  };
}

describe("openevse: answers of the controller over MQTT", () => {
  for (const [question, foreign, own] of [
    ["$FR", "$OK 03 3600 03 0140", "$OK^20"],
    ["$FR", "$OK 25212279 1585443", "$OK"],
    ["$FR", "$OK^21", "$OK^20"],
    ["$FR", "$OK*21", "$OK*BE"],
    ["$FR", "$AT 01 01 0 0", "$OK"],
    ["$FR", "nonsense", "$NK^21"],
    ["$SC 16 V", "$OK 25212279 1585443", "$OK 16"],
    ["$GS", "$OK", "$OK fe 2937 01 0200"],
    ["$GU", "$OK fe 2937 01 0200", "$OK 25212279 1585443"],
    ["$GE", "$OK^20", "$OK 16 0140"],
  ] as const) {
    it(`does not take ${foreign} for an answer to ${question}`, async () => {
      const { ask, answer } = line();
      const asked = ask(question);
      await answer(foreign);
      assert.equal(asked.outcome, "waiting");
      await answer(own);
      assert.equal(asked.outcome, own);
    });
  }

  it("does not take the late answer to a question that was given up for the answer to the next one", async () => {
    const { clock, sent, ask, answer } = line();
    const late = ask("$FE");
    await clock.advanceAsync(5000);
    assert.equal(late.outcome, "timeout");
    const restart = ask("$FR");
    await answer("$OK^20");
    assert.equal(restart.outcome, "waiting", "that was to $FE");
    assert.deepEqual(sent, ["$FE", "$GS"], "the order waits until it is clear whose answers come");
    await answer("$OK 03 3600 03 0140");
    assert.deepEqual(sent, ["$FE", "$GS", "$FR"]);
    await answer("$OK^20");
    assert.equal(restart.outcome, "$OK^20");
    const next = ask("$FE");
    await answer("$OK");
    assert.equal(next.outcome, "$OK");
    assert.deepEqual(sent.slice(3), ["$FE"], "once in step it stays so");
  });

  it("sends a stop at once, whatever may still be answered", async () => {
    const { clock, sent, ask } = line();
    ask("$FE");
    await clock.advanceAsync(5000);
    ask("$FS", true);
    await clock.advanceAsync(0);
    assert.deepEqual(sent, ["$FE", "$FS"]);
  });

  it("says so when the controller stays silent, and asks plainly again once nothing can be late any more", async () => {
    const { clock, sent, ask, answer } = line();
    ask("$FE");
    await clock.advanceAsync(5000);
    const order = ask("$FR");
    await clock.advanceAsync(5000);
    assert.equal(order.outcome, "timeout");
    assert.deepEqual(sent, ["$FE", "$GS"]);
    await clock.advanceAsync(30_000);
    const again = ask("$FR");
    await answer("$OK");
    assert.equal(again.outcome, "$OK");
    assert.deepEqual(sent, ["$FE", "$GS", "$FR"]);
  });
});
