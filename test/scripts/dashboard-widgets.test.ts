import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, it } from "mocha";
import * as asking from "../../scripts/examples/pages/asking.mjs";
import { templateReader } from "../../scripts/examples/pages/assemble.mjs";
import { hearPage, isSent, listen } from "../../scripts/examples/pages/ear.mjs";
import { headMethods, hintAtSilence, newHead, saySilence } from "../../scripts/examples/pages/head-widget.mjs";
import { hearingComputed, hearingMethods } from "../../scripts/examples/pages/hearing-widget.mjs";
import { listMethods, newList } from "../../scripts/examples/pages/list-widget.mjs";
import {
  clockOf,
  formatDay,
  formatMinutes,
  formatMoney,
  formatMonth,
  localTimeAt,
} from "../../scripts/examples/pages/wording.mjs";
import words from "../../scripts/examples/locales/en-US.json" with { type: "json" };

const { askNext, findOtherPages, forget, isUnanswered, newAsker, takeAnswer, UNANSWERED_AFTER_MS } = asking;
const plain = (text: string): string => text.replaceAll("\u00a0", " ");
const answerTo = (ask: asking.Ask, more: object = {}): asking.Answer => ({
  kind: "answer",
  at: "2026-11-21T20:30:00.000Z",
  command: "months",
  ask,
  rows: [],
  ...more,
});

describe("a question of a widget", () => {
  it("is answered once, and only by the answer to its latest asking", () => {
    const first = askNext(newAsker(), "list", 0);
    const second = askNext(first.asker, "list", 1);
    assert.equal(takeAnswer(second.asker, answerTo(first.ask)).answer, null, "superseded");
    const taken = takeAnswer(second.asker, answerTo(second.ask));
    assert.equal(taken.answer?.ask.n, second.ask.n);
    assert.equal(takeAnswer(taken.asker, answerTo(second.ask)).answer, null, "again");
  });

  it("is not answered by what another browser asked, even when all get every answer", () => {
    const mine = askNext(newAsker(), "list", 0);
    const theirs = askNext(newAsker(), "list", 0);
    assert.notEqual(mine.ask.by, theirs.ask.by);
    assert.equal(takeAnswer(mine.asker, answerTo(theirs.ask)).answer, null);
    for (const odd of [null, undefined, "csv", {}, { kind: "answer" }]) {
      assert.equal(takeAnswer(mine.asker, odd).answer, null);
    }
  });

  it("counts as unanswered after ten seconds, unless it was forgotten", () => {
    const { asker } = askNext(newAsker(), "list", 0);
    assert.equal(isUnanswered(asker, "list", UNANSWERED_AFTER_MS - 1), false);
    assert.equal(isUnanswered(asker, "list", UNANSWERED_AFTER_MS + 1), true);
    assert.equal(isUnanswered(forget(asker, "list"), "list", UNANSWERED_AFTER_MS + 1), false);
  });
});

describe("the first widget of a page", () => {
  interface Head extends ReturnType<typeof newHead> {
    msg: { payload?: unknown };
    readonly $socket: { connected: boolean };
    startTelling(): void;
    stopHearing(): void;
  }
  /** As Vue would, but at once: what is watched is called after each change of the message. */
  function openHead(): { readonly head: Head; hear(payload: unknown): void; heard(): string } {
    const watched: { name: string; call: () => void; seen: unknown }[] = [];
    const hear = (ear: Head["ear"], nowMs: number, isConnected: boolean): ReturnType<typeof hearPage> =>
      hearPage(ear, nowMs, isConnected, isSent);
    const heard = (): string =>
      (Reflect.apply(hearingComputed.heard as () => unknown, head, []) as ReturnType<typeof hear>).state;
    const head = {
      ...newHead(),
      ...hearingMethods,
      ...headMethods,
      kit: { listen, hear },
      msg: {},
      $socket: { connected: true },
      $watch: (name: string, call: () => void) => watched.push({ name, call, seen: Reflect.get(head, name) }),
      get story() {
        return heard();
      },
      get sentence() {
        return `It is ${heard()}.`;
      },
    } as unknown as Head;
    const look = (): void => {
      for (const one of watched) {
        const now: unknown = Reflect.get(head, one.name);
        if (now !== one.seen) one.call.call(head);
        one.seen = now;
      }
    };
    return {
      head,
      heard,
      hear(payload) {
        head.msg = { payload };
        look();
        look();
      },
    };
  }
  const page = (): object => ({ kind: "page", at: new Date().toISOString() });

  it("tells a screen reader when the story changes, also when that is as the page opens", () => {
    const { head, hear, heard } = openHead();
    head.msg = { payload: page() };
    head.startTelling();
    try {
      assert.equal(heard(), "live");
      assert.equal(head.announced, "");
      hear(page());
      assert.equal(head.announced, "It is live.");
      head.announced = "";
      hear(page());
      assert.equal(head.announced, "", "nothing new");
    } finally {
      head.stopHearing();
    }
  });

  it("grows silent by itself, and knows whether the connection is gone", () => {
    const { head, heard } = openHead();
    head.msg = { payload: page() };
    head.startTelling();
    try {
      head.ear = { ...head.ear, receivedMs: Date.now() - 60_000 };
      assert.equal(heard(), "silent");
      head.$socket.connected = false;
      (head as unknown as { tick(): void }).tick();
      assert.equal(heard(), "lost");
    } finally {
      head.stopHearing();
    }
  });

  it("says why it has nothing to say, and what a person can do", () => {
    const say = (state: "loading" | "lost" | "silent" | "live"): (string | null)[] => [
      saySilence({ state, silentS: 61 }, words),
      hintAtSilence({ state, silentS: 61 }, words),
    ];
    assert.deepEqual(say("live"), [null, null]);
    assert.deepEqual(say("loading"), [words.news.loading, words.news.loadingHint]);
    assert.match(plain(say("lost")[0] ?? ""), /61 s ago/);
    assert.equal(say("lost")[1], words.news.lostHint);
    assert.match(say("silent")[0] ?? "", /61/);
    assert.equal(say("silent")[1], words.news.silentHint);
  });
});

describe("the source of a widget", () => {
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ev-widget-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const read = (source: string): string => {
    writeFileSync(join(folder, "a.vue"), source);
    return templateReader(pathToFileURL(`${folder}/`), {}, words)("a");
  };

  it("gets what several widgets share, with the functions and words which that needs", () => {
    const text = read("data: () => ({ kit: KIT, words: WORDS }),\nmethods: {\n  HEARING_METHODS,\n  own() {}\n}");
    assert.match(text, /\n {2}startHearing\(\) \{/);
    assert.match(text, /function listen\(/);
    assert.match(text, /},\n {2}own\(\) \{\}/);
    assert.match(read("  HEAD_MARKUP\n"), /^ {2}<div class="ev-top">\n {4}<span class="ev-chip">/);
  });

  it("may not name what there is not", () => {
    assert.throws(() => read("methods: {\n  HEAR_METHODS,\n}"), /a\.vue names HEAR_METHODS, which is none of HEARING_/);
  });
});

describe("a widget that shows rows", () => {
  interface Widget extends ReturnType<typeof newList> {
    readonly sent: { topic: string; ask: asking.Ask; payload: unknown }[];
    readonly answers: asking.Answer[];
    hearMessage(message: unknown): void;
    put(what: string, payload: object): void;
    tick(): void;
  }
  function openWidget(): Widget {
    const sent: Widget["sent"] = [];
    const answers: asking.Answer[] = [];
    const isPage = (payload: unknown): boolean => (payload as { kind?: string } | null)?.kind === "page";
    const own = { topic: "months", kit: { ...asking, listen, isPage }, sent, answers };
    const widget = { ...newList(), ...listMethods, ...own } as unknown as Widget;
    return Object.assign(widget, {
      send: (message: Widget["sent"][number]) => sent.push(message),
      refresh: () => widget.put("list", { command: "months" }),
      onAnswer: (answer: asking.Answer) => answers.push(answer),
    });
  }
  const pageWith = (news: number, at = new Date().toISOString()): object => ({ payload: { kind: "page", at, news } });

  it("asks again when the page says that something has changed, and not otherwise", () => {
    const widget = openWidget();
    widget.hearMessage(pageWith(1));
    widget.hearMessage(pageWith(1));
    assert.equal(widget.sent.length, 0);
    widget.hearMessage(pageWith(2));
    assert.deepEqual(
      widget.sent.map(({ topic, payload }) => ({ topic, payload })),
      [{ topic: "months", payload: { command: "months" } }],
    );
  });

  it("keeps why it got no rows, until it gets some", () => {
    const widget = openWidget();
    widget.put("list", {});
    widget.hearMessage({ payload: answerTo(widget.sent[0]?.ask as asking.Ask, { error: "The database is away." }) });
    assert.equal(widget.problem, "The database is away.");
    widget.put("list", {});
    widget.hearMessage({ payload: answerTo(widget.sent[1]?.ask as asking.Ask) });
    assert.equal(widget.problem, "");
    assert.equal(widget.answers.length, 2);
  });

  it("says that nobody answered, and asks again", () => {
    const widget = openWidget();
    widget.put("list", {});
    widget.askedMs = Date.now() - UNANSWERED_AFTER_MS - 1;
    widget.asker = askNext(newAsker(), "list", widget.askedMs).asker;
    widget.tick();
    assert.equal(widget.problem, "unanswered");
    assert.equal(widget.sent.length, 2);
    widget.tick();
    assert.equal(widget.sent.length, 2, "not every second");
  });

  it("asks again by itself after a refusal, until it gets rows", () => {
    const widget = openWidget();
    const answerLast = (more: object = {}): void =>
      widget.hearMessage({ payload: answerTo(widget.sent.at(-1)?.ask as asking.Ask, more) });
    const wait = (): void => {
      widget.askedMs -= UNANSWERED_AFTER_MS + 1;
      widget.tick();
    };
    widget.put("list", {});
    answerLast({ error: "The database is away." });
    wait();
    assert.equal(widget.sent.length, 2);
    answerLast();
    wait();
    assert.equal(widget.sent.length, 2);
  });
});

describe("the words of our pages", () => {
  it("write money with as many decimals as the currency has, and lengths in hours", () => {
    assert.deepEqual(
      [formatMoney(1.126, "GBP", words), formatMoney(1200, "JPY", words), formatMoney(1, null, words)],
      ["£1.13", "¥1,200", "1.00"],
    );
    assert.equal(plain(formatMinutes(59.7, words)), "1 h 0 min");
    assert.equal(plain(formatMinutes(0, words)), "0 min");
  });

  it("show a time as the site's clock showed it, wherever the browser is", () => {
    assert.equal(clockOf("2026-10-25T02:30:00.000+02:00"), "02:30");
    assert.equal(clockOf("2026-10-25 02:30:00"), "02:30");
    assert.equal(formatDay("2026-01-01 00:10:00", words, 2026), "Thu, Jan 1");
    assert.equal(formatMonth("2026-01", words, "long"), "January 2026");
    assert.equal(localTimeAt(Date.parse("2026-11-21T23:30:00Z"), "2026-11-21T18:04:00+05:30"), "2026-11-22T05:00:00");
    assert.equal(localTimeAt(Date.parse("2026-11-21T02:30:00Z"), "2026-11-20T18:04:00-05:00"), "2026-11-20T21:30:00");
  });

  it("link only to other pages of ours that this dashboard has", () => {
    const pages = {
      a: { name: "Home energy", path: "/home-energy", className: "ev-page", order: 20 },
      b: { name: "Charging sessions", path: "/charging-sessions", className: "ev-page", order: 21 },
      c: { name: "Mine", path: "/mine", className: "" },
    };
    assert.deepEqual(findOtherPages(pages, "/dashboard/charging-sessions"), [
      { name: "Home energy", href: "home-energy" },
    ]);
    assert.deepEqual(findOtherPages(undefined, "/dashboard/charging-sessions"), []);
  });
});
