import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import type { Charger } from "../../lib/model/records.ts";
import { type Session, sessionSchema } from "../../lib/model/session.ts";
import type { SessionRow, SumRow } from "../../lib/records/history/answers.ts";
import { historyRequestSchema } from "../../lib/records/history/requests.ts";
import { answerToAsker, latestOfSessions } from "../../scripts/examples/charging-sessions/flow-functions.mjs";
import { describeBalance, describeRow, saySum } from "../../scripts/examples/charging-sessions/rows.mjs";
import { listFigures, saySentence, sayStore } from "../../scripts/examples/charging-sessions/sentence.mjs";
import {
  CSV_STYLES,
  chooseBarLines,
  chosenButton,
  fillForm,
  findEdits,
  findMistake,
  findToday,
  lastTwelveMonths,
  PERIODS,
  pageOf,
  periodFilter,
  readDecimal,
  refreshRow,
} from "../../scripts/examples/charging-sessions/sight.mjs";
import words from "../../scripts/examples/locales/en-US.json" with { type: "json" };

const NOW_MS = Date.parse("2026-11-21T20:30:00.000Z");
const SESSION_ID = "5b0c2f3e-6b1f-4f0e-9a53-0d8d7f6f3a11";
/** Numbers and units hang together by a space that does not break. */
const plain = (text: string): string => text.replaceAll("\u00a0", " ");

const charger = (more: Partial<Charger> = {}): Charger => ({
  kind: "charger",
  device: "OpenEVSE",
  at: "2026-11-21T20:29:58.000+00:00",
  online: true,
  plugged: true,
  state: "charging",
  powerW: 3400,
  currentA: 14.8,
  voltageV: 230,
  phases: 1,
  setpointA: 16,
  limits: null,
  sessionWh: 5200,
  totalWh: null,
  socPercent: null,
  rfid: null,
  faults: [],
  flags: [],
  ...more,
});
const session = (more: Partial<Session> = {}): Session => ({
  ...sessionSchema.parse({
    kind: "session",
    sessionId: SESSION_ID,
    revision: 1,
    status: "open",
    device: "OpenEVSE",
    zone: "Europe/London",
    pluggedAt: "2026-11-21T18:04:00.000+00:00",
    pluggedS: 8760,
    chargingS: 5400,
    pausedS: 0,
    energyWh: 5200,
    energySource: "session-counter",
    cost: 1.12,
    currency: "GBP",
  }),
  ...more,
});
const row = (more: Partial<SessionRow> = {}): SessionRow => ({
  sessionId: SESSION_ID,
  status: "closed",
  device: "OpenEVSE",
  start: "2026-11-20 22:10:00",
  end: "2026-11-21 06:40:00",
  pluggedAt: "2026-11-20T22:10:00+00:00",
  unpluggedAt: "2026-11-21T06:40:00+00:00",
  energyKwh: 12.34,
  dischargedKwh: 0,
  chargingMin: 100,
  pluggedMin: 510,
  meterStartKwh: null,
  meterEndKwh: null,
  solarPercent: null,
  cost: 2.5,
  currency: "GBP",
  pricePerKwh: 0.2,
  referenceCost: null,
  co2G: null,
  tariff: null,
  vehicle: "Zoe",
  user: "Marie",
  rfid: null,
  odometerKm: 45_210,
  socStartPercent: null,
  socEndPercent: null,
  purpose: null,
  businessRatio: null,
  location: "home",
  note: null,
  endReason: "unplugged",
  flags: "",
  revision: 1,
  ...more,
});
const sum = (more: Partial<SumRow> = {}): SumRow => ({
  period: "2026-11",
  sessions: 3,
  energyKwh: 30,
  dischargedKwh: 0,
  chargingMin: 200,
  solarKwh: null,
  solarPercent: null,
  cost: 6,
  referenceCost: null,
  pricePerKwh: 0.2,
  businessKwh: 0,
  businessCost: null,
  co2G: null,
  unpricedKwh: 0,
  currency: "GBP",
  costs: [{ currency: "GBP", cost: 6, energyKwh: 30 }],
  ...more,
});
type Page = Parameters<typeof saySentence>[0];
const page = (more: Partial<Page> = {}): Page => ({
  kind: "charging-sessions",
  at: "2026-11-21T20:30:00.000Z",
  charger: charger(),
  session: session(),
  last: null,
  store: null,
  news: 1,
  refusal: null,
  home: null,
  ...more,
});
const say = (more: Partial<Page>): string => plain(saySentence(page(more), NOW_MS, words));

describe("the sentence of the charging sessions page", () => {
  it("says how much flows now, how much has flowed, since when and for what money", () => {
    assert.equal(say({}), "Charging at 3.4 kW: 5.2 kWh since 18:04, £1.12 so far.");
  });

  it("names no money while no price is known, and no energy before any has flowed", () => {
    assert.equal(say({ session: session({ cost: null }) }), "Charging at 3.4 kW: 5.2 kWh since 18:04.");
    assert.equal(say({ session: session({ energyWh: 3 }) }), "Charging at 3.4 kW.");
    assert.equal(say({ session: null }), "Charging at 3.4 kW.");
  });

  it("adds the day when the car was not plugged in today, by the clock of the site", () => {
    const pluggedAt = "2026-11-20T22:04:00.000-05:00"; // 22:30 at home now is still the 21st of November there
    assert.match(say({ session: session({ pluggedAt }) }), /since Fri, Nov 20, 22:04,/);
    const today = "2026-11-21T01:04:00.000-05:00";
    assert.match(say({ session: session({ pluggedAt: today }) }), /since 01:04,/);
  });

  it("says that a plugged car does not charge, and what it has taken so far", () => {
    const resting = charger({ state: "plugged", powerW: 0 });
    assert.equal(say({ charger: resting, session: session({ energyWh: 0, cost: null }) }), "Plugged in, not charging.");
    assert.equal(
      say({ charger: charger({ state: "paused", powerW: 0 }) }),
      "Paused: 5.2 kWh since 18:04, £1.12 so far.",
    );
  });

  it("tells of the last session when nothing is plugged in", () => {
    const unplugged = { charger: charger({ state: "unplugged", plugged: false, powerW: 0 }), session: null };
    assert.equal(say(unplugged), "Nothing is plugged in.");
    assert.equal(
      say({ ...unplugged, last: row() }),
      "Nothing is plugged in. The last session: 12.3 kWh on Fri, Nov 20, £2.50.",
    );
    const today = row({ start: "2026-11-21 09:00:00", pluggedAt: "2026-11-21T09:00:00+00:00", cost: null });
    assert.equal(say({ ...unplugged, last: today }), "Nothing is plugged in. The last session: 12.3 kWh today.");
  });

  it("puts a fault and a lost charger before everything else", () => {
    const faults = [{ code: "6", text: "GFCI trip" }];
    assert.match(say({ charger: charger({ state: "fault", faults }) }), /^The charger reports a fault .*GFCI trip$/);
    assert.match(say({ charger: charger({ online: false }) }), /^The charger does not answer\. Until then: 5\.2 kWh/);
  });

  it("says how much waits while the database is away", () => {
    const store = (state: "ok" | "waiting" | "failed", waiting: number): string =>
      sayStore(page({ store: { state, waiting } }), words);
    assert.equal(store("ok", 0), "");
    assert.equal(store("waiting", 1), "The database is away: 1 record waits on this machine.");
    assert.equal(store("waiting", 2), "The database is away: 2 records wait on this machine.");
    assert.match(store("waiting", 0), /database is away/);
    assert.match(store("failed", 0), /Nothing can be stored/);
  });

  it("shows who charges by name, else by card", () => {
    const who = (more: Partial<Session>): string | undefined =>
      listFigures(page({ session: session(more) }), NOW_MS, words).find(({ name }) => name === "Who")?.text;
    assert.equal(who({ user: "Marie", vehicle: "Zoe", rfid: "04A2" }), "Marie, Zoe");
    assert.equal(who({ rfid: "04A2" }), "04A2");
    assert.equal(who({}), "not told");
  });
});

describe("the buttons of the charging sessions page", () => {
  it("are pressed by what the charger says, not by the finger", () => {
    const flags = ["override"];
    assert.equal(chosenButton(charger({ flags })), "charge");
    assert.equal(chosenButton(charger({ flags, state: "plugged" })), "charge");
    assert.equal(chosenButton(charger({ flags, state: "paused" })), "pause");
    assert.equal(chosenButton(charger({ state: "paused" })), "release", "its own timer paused it");
    assert.equal(chosenButton(charger({ flags, online: false })), "");
  });

  it("follow the state where a charger knows no override", () => {
    const firmware = "2.9.1";
    assert.equal(chosenButton(charger({ firmware })), "charge");
    assert.equal(chosenButton(charger({ firmware, state: "paused" })), "pause");
    assert.equal(chosenButton(charger({ firmware, state: "unplugged" })), "");
  });
});

describe("the lists of the charging sessions page", () => {
  it("show twelve months in a row, across the year, also the empty ones", () => {
    const months = lastTwelveMonths([sum(), sum({ period: "2025-12" }), sum({ period: "2024-12" })], "2026-11");
    assert.deepEqual([months[0]?.month, months.at(-1)?.month, months.length], ["2025-12", "2026-11", 12]);
    assert.deepEqual(
      months.filter(({ row }) => row !== null).map(({ month }) => month),
      ["2025-12", "2026-11"],
    );
    assert.equal(lastTwelveMonths([], "2026-01")[0]?.month, "2025-02");
  });

  it("have axes of few round steps that reach the highest bar", () => {
    assert.deepEqual(chooseBarLines([140, null, 30]), [0, 50, 100, 150]);
    assert.deepEqual(chooseBarLines([0, null]), [0, 1]);
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1e6, noNaN: true }), (high) => {
        const lines = chooseBarLines([high]);
        assert.ok(lines.length <= 6 && lines.length >= 2, String(lines));
        assert.ok((lines.at(-1) ?? 0) >= high * (1 - 1e-9) && lines[0] === 0);
      }),
    );
  });

  it("ask for the period that was chosen, in words that the history understands", () => {
    assert.deepEqual(periodFilter("last-month", "2026-01-05"), { year: 2025, month: 12 });
    assert.deepEqual(periodFilter("last-month", "2026-11-21"), { year: 2026, month: 10 });
    for (const period of PERIODS) {
      for (const signs of Object.values(CSV_STYLES)) {
        const filter = periodFilter(period, "2026-11-21");
        historyRequestSchema.parse({ command: "sessions", ...filter, format: "csv", ...signs });
      }
    }
  });

  it("know today by the clock of the site", () => {
    const inTokyo = page({ session: session({ pluggedAt: "2026-11-21T18:04:00.000+09:00" }) });
    assert.equal(findToday(inTokyo, NOW_MS), "2026-11-22");
  });

  it("turn pages without leaving the list", () => {
    assert.deepEqual(pageOf(0, 10, 43), { from: 1, to: 10, previous: null, next: 10, isBeyond: false });
    assert.deepEqual(pageOf(40, 10, 43), { from: 41, to: 43, previous: 30, next: null, isBeyond: false });
    assert.deepEqual(pageOf(40, 10, 40), { from: 31, to: 40, previous: 20, next: null, isBeyond: true });
    fc.assert(
      fc.property(fc.nat(50), fc.nat(400), (pages, count) => {
        const { from, to } = pageOf(pages * 10, 10, count);
        assert.ok(count === 0 ? from === 0 && to === 0 : from >= 1 && from <= to && to <= count);
      }),
    );
  });

  it("let the running session grow with the charger, and no other", () => {
    const running = row({ status: "open", energyKwh: 1 });
    assert.equal(refreshRow(running, page()).energyKwh, 5.2);
    assert.equal(refreshRow(row({ status: "closed", energyKwh: 1 }), page()).energyKwh, 1);
    const other = page({ session: session({ sessionId: "5b0c2f3e-6b1f-4f0e-9a53-0d8d7f6f3a12" }) });
    assert.equal(refreshRow(running, other).energyKwh, 1);
  });

  it("write a session as a person would", () => {
    const shown = describeRow(row({ solarPercent: 41.6 }), "2026-11-21", words);
    assert.equal(`${shown.day} ${shown.clock}`, "Fri, Nov 20 22:10 to Sat, Nov 21, 06:40");
    assert.deepEqual(
      [shown.kWh, shown.cost, shown.who, plain(shown.solar), plain(shown.duration)],
      ["12.3", "£2.50", "Marie, Zoe", "42 %", "1 h 40 min"],
    );
    assert.match(describeRow(row(), "2027-01-05", words).day, /2026/);
    const odd = describeRow(row({ flags: "partial-start brand-new", rfid: "04A2" }), "2026-11-21", words);
    assert.deepEqual(odd.remarks, [
      { name: "Remarks", text: "the start was not seen, brand-new" },
      { name: "Card", text: "04A2" },
    ]);
  });

  it("say what is still to be paid, without a minus", () => {
    const currency = "GBP";
    assert.deepEqual(describeBalance({ balance: 16.58, currency }, words), {
      name: "Still to be paid",
      amount: "£16.58",
    });
    assert.deepEqual(describeBalance({ balance: -3, currency }, words), { name: "Paid in advance", amount: "£3.00" });
    assert.equal(describeBalance({ balance: -0.001, currency }, words).amount, "£0.00");
  });

  it("sum up in one line", () => {
    assert.equal(plain(saySum(sum(), words)), "3 sessions, 30.0 kWh, £6.00");
    assert.equal(plain(saySum(sum({ sessions: 1 }), words)), "1 session, 30.0 kWh, £6.00");
    assert.equal(plain(saySum(sum({ cost: null }), words)), "3 sessions, 30.0 kWh");
  });
});

describe("the edit form of a session", () => {
  const optionalText = fc.option(
    fc
      .string({ minLength: 1 })
      .map((text) => text.trim())
      .filter(Boolean),
    { nil: null },
  );
  const anyRow = fc
    .record({
      vehicle: optionalText,
      user: optionalText,
      note: optionalText,
      odometerKm: fc.option(fc.nat(500_000), { nil: null }),
      purpose: fc.constantFrom(null, "business", "private", "mixed"),
      businessRatio: fc.option(
        fc.nat(1000).map((share) => share / 1000),
        { nil: null },
      ),
    })
    .map(row);

  it("changes nothing that was not touched", () => {
    fc.assert(fc.property(anyRow, (any) => assert.deepEqual(findEdits(any, fillForm(any)), {})));
  });

  it("sends what was changed, and only that; an emptied field takes the value away", () => {
    const form = { ...fillForm(row()), user: " Paul ", vehicle: "", odometerKm: "45300,5" };
    assert.deepEqual(findEdits(row(), form), { user: "Paul", vehicle: null, odometerKm: 45_300.5 });
    const mixed = { ...fillForm(row()), purpose: "mixed", businessPercent: "60" };
    const edits = findEdits(row(), mixed);
    assert.deepEqual(edits, { purpose: "mixed", businessRatio: 0.6 });
    historyRequestSchema.parse({ command: "edit", sessionId: SESSION_ID, ...edits });
  });

  it("says which field cannot be right", () => {
    const form = fillForm(row());
    assert.equal(findMistake(form), "");
    assert.equal(findMistake({ ...form, odometerKm: "many" }), "wrongOdometer");
    assert.equal(findMistake({ ...form, odometerKm: "-1" }), "wrongOdometer");
    assert.equal(findMistake({ ...form, purpose: "mixed", businessPercent: "101" }), "wrongShare");
    assert.equal(findMistake({ ...form, purpose: "private", businessPercent: "101" }), "");
  });

  it("reads numbers with a point or a comma, and nothing else", () => {
    assert.deepEqual(["1.5", "1,5", " 60 ", "-2"].map(readDecimal), [1.5, 1.5, 60, -2]);
    assert.deepEqual(["", "1e9", "0x10", "1.000,5", "=1+1"].map(readDecimal), [null, null, null, null, null]);
  });
});

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
    assert.ok(flow({ topic: "start", payload: 0 })[1]);
    assert.ok(flow({ payload: session() })[1]);
    assert.equal(flow({ payload: session({ energyWh: 6000 }) })[1], null);
    const asked = flow({ payload: session({ status: "closed" }) })[1];
    historyRequestSchema.parse(asked?.payload);
    assert.ok(flow({ topic: "changed", payload: null })[1]);
    const last = shown(flow({ topic: "last", payload: [row({ status: "open" }), row({ energyKwh: 7 })] }))?.last;
    assert.equal(last?.energyKwh, 7);
  });

  it("reads from the history's status whether the store is well", () => {
    const flow = startFlow();
    const store = (status: object): Page["store"] | undefined => {
      flow({ payload: undefined, status });
      return shown(flow({ topic: "tick", payload: 0 }))?.store;
    };
    assert.deepEqual(store({ fill: "green", shape: "dot", text: "ready" }), { state: "ok", waiting: 0 });
    assert.deepEqual(store({ fill: "yellow", shape: "ring", text: "12 waiting" }), { state: "waiting", waiting: 12 });
    assert.deepEqual(store({ fill: "red", shape: "ring", text: "disk" }), { state: "failed", waiting: 0 });
  });

  it("shows why the charger refused", () => {
    const refused = shown(startFlow()({ payload: "charge", error: { message: "The firmware does not allow it." } }));
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
    const [answer] = answerToAsker({ ...question, payload: {}, error: { message: "No such session." } });
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
