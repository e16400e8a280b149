import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { readLoggerPayments, readLoggerSessions, readLoggerTariffs } from "../../lib/records/history/logger-rows.ts";
import { historyRequestSchema } from "../../lib/records/history/requests.ts";
import {
  answerToAsker,
  latestOfSessions,
  sampleYear,
} from "../../scripts/examples/charging-sessions/flow-functions.mjs";
import { charger, type Page, row, SESSION_ID, session, sum } from "./charging-samples.ts";

describe("the flow of the charging sessions page", () => {
  function startFlow(): (msg: Parameters<typeof latestOfSessions>[0]) => ReturnType<typeof latestOfSessions> {
    const kept = new Map<string, unknown>();
    const context = {
      get: (key: string) => kept.get(key),
      set: (key: string, part: unknown) => void kept.set(key, part),
    };
    return (msg) => latestOfSessions(structuredClone(msg), context);
  }
  const shown = (outputs: ReturnType<typeof latestOfSessions>): Page | undefined =>
    outputs[0]?.payload as Page | undefined;
  const question = { topic: "months", ask: { by: "a", n: 1, what: "list" }, _client: { socketId: "s1" } };

  it("sends one record a second to everybody, and at once when the charger changes its state", () => {
    const flow = startFlow();
    assert.ok(flow({ payload: charger() })[0]);
    assert.equal(flow({ payload: charger({ powerW: 3000 }) })[0], null);
    assert.equal(shown(flow({ topic: "tick", payload: 0 }))?.charger?.powerW, 3000);
    assert.equal(shown(flow({ payload: charger({ state: "paused" }) }))?.charger?.state, "paused");
  });

  it("follows the running session until it is closed; a corrected older one does not end it", () => {
    const flow = startFlow();
    assert.equal(shown(flow({ payload: session() }))?.session?.energyWh, 5200);
    flow({ payload: session({ sessionId: "5b0c2f3e-6b1f-4f0e-9a53-0d8d7f6f3a12", status: "closed" }) });
    assert.equal(shown(flow({ topic: "tick", payload: 0 }))?.session?.sessionId, SESSION_ID);
    assert.equal(shown(flow({ payload: session({ status: "closed" }) }))?.session, null);
  });

  it("asks for the last session whenever one opens, closes or is changed, not when one grows", () => {
    const flow = startFlow();
    assert.ok(flow({ topic: "start", payload: 0 })[2]);
    assert.ok(flow({ payload: session() })[2]);
    assert.equal(flow({ payload: session({ energyWh: 6000 }) })[2], null);
    const asked = flow({ payload: session({ status: "closed" }) })[2];
    historyRequestSchema.parse(asked?.payload);
    assert.ok(flow({ topic: "changed", payload: null })[2]);
    const last = shown(flow({ topic: "last", payload: [row({ status: "open" }), row({ energyKwh: 7 })] }))?.last;
    assert.equal(last?.energyKwh, 7);
  });

  it("tells the lists at once when they may have changed, else seldom", () => {
    const flow = startFlow();
    flow({ topic: "start", payload: null });
    const forLists = (topic: string): boolean => flow({ topic, payload: null })[1] !== null;
    assert.deepEqual(["tick", "tick", "changed", "tick"].map(forLists), [false, false, true, false]);
  });

  it("reads from the history's status whether the store is well", () => {
    const flow = startFlow();
    const store = (status: object): Page["store"] | undefined => {
      flow({ payload: undefined, status });
      return shown(flow({ topic: "tick", payload: 0 }))?.store;
    };
    assert.deepEqual(store({ fill: "yellow", shape: "ring", text: "starting" }), { state: "ok", waiting: 0 });
    assert.deepEqual(store({ fill: "green", shape: "dot", text: "ready" }), { state: "ok", waiting: 0 });
    assert.deepEqual(store({ fill: "yellow", shape: "ring", text: "12 waiting" }), { state: "waiting", waiting: 12 });
    assert.deepEqual(store({ fill: "yellow", shape: "ring", text: "database away" }), { state: "waiting", waiting: 0 });
    assert.deepEqual(store({ fill: "red", shape: "ring", text: "disk" }), { state: "failed", waiting: 0 });
  });

  it("fills in a year that the history takes over without a remark, the same when it is pressed twice", async () => {
    const request = historyRequestSchema.parse(sampleYear().payload);
    assert.ok(request.command === "import");
    const { rows, remarks } = await readLoggerSessions(request.energySession);
    assert.deepEqual(remarks, []);
    assert.ok(rows.length > 100 && rows.length < 200, `${rows.length} sessions`);
    const months = new Set(rows.map(({ content }) => new Date(content.tstamp * 1000).getUTCMonth()));
    assert.equal(months.size, 12);
    for (const { content } of rows) assert.ok(content.tstamp * 1000 < Date.now() + 6 * 3_600_000, "none of tomorrow");
    assert.equal((await readLoggerTariffs(request.tarif)).rows.length, 2);
    assert.equal((await readLoggerPayments(request.versement)).remarks.length, 0);
    assert.deepEqual(historyRequestSchema.parse(sampleYear().payload), request);
  });

  it("shows why the charger refused", () => {
    const refused = shown(
      startFlow()({ payload: "charge", error: { message: "EvError: The firmware does not allow it." } }),
    );
    assert.equal(refused?.refusal?.text, "The firmware does not allow it.");
  });

  it("hands an answer to the widget and the browser that asked, to nobody else", () => {
    const outputs = answerToAsker({ ...question, command: "months", payload: [sum()] });
    assert.deepEqual(
      outputs.map((output) => output !== null),
      [true, false, false, false, false, false],
    );
    const [answer] = outputs as { payload: { ask: object; rows: unknown }; _client: object }[];
    assert.deepEqual(answer?._client, question._client);
    assert.deepEqual(answer?.payload.ask, question.ask);
  });

  it("turns a refusal into an answer, so that nobody waits for ever", () => {
    const [answer] = answerToAsker({ ...question, payload: {}, error: { message: "EvError: No such session." } });
    assert.equal((answer as { payload: { error: string } }).payload.error, "No such session.");
  });

  it("tells everybody that something has changed, without the changer's address", () => {
    const edit = { ...question, topic: "sessions", command: "edit", payload: {} };
    const [, toSessions, , , , news] = answerToAsker(edit);
    assert.ok(toSessions);
    assert.deepEqual(news, { topic: "changed", payload: null });
    assert.equal(answerToAsker({ ...edit, error: { message: "no" } }).at(-1), null);
  });
});
