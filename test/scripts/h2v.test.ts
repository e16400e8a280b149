import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { latestOfH2v, reportToAsker } from "../../scripts/examples/h2v/flow-functions.mjs";
import { sayHome } from "../../scripts/examples/h2v/sentence.mjs";
import { type H2vPage, homeState, listMonths } from "../../scripts/examples/h2v/sight.mjs";
import type { Words } from "../../scripts/examples/pages/wording.mjs";
import { sampleMinute } from "../lib/records/h2v-files/h2v-layout.test.ts";

const words = JSON.parse(
  readFileSync(new URL("../../scripts/examples/locales/en-US.json", import.meta.url), "utf8"),
) as Words;
const NOW_MS = Date.parse("2025-02-20T02:10:00Z");
const page = (more: Parameters<typeof sampleMinute>[1] = {}, ageS = 5): H2vPage => ({
  kind: "h2v-page",
  at: new Date(NOW_MS).toISOString(),
  minute: sampleMinute({}, { meanW: 817, carW: 2, ...more }),
  minuteAt: new Date(NOW_MS - ageS * 1000).toISOString(),
  months: [],
  refusal: null,
});

describe("what the page H2V says", () => {
  it("one sentence for each state", () => {
    const said = (shown: H2vPage): string =>
      `${homeState(shown, NOW_MS)}: ${sayHome(shown, NOW_MS, words).replaceAll("\u00a0", " ")}`;
    assert.equal(said(page()), "unplugged: The house uses 0.82 kW, the car does not charge.");
    assert.equal(said(page({ carW: 2400 })), "charging: The car charges at 2.4 kW, the house uses 0.82 kW.");
    assert.equal(said(page({ peakCut: 1 })), "paused: The house uses 0.82 kW: charging waits until it uses less.");
    assert.equal(said(page({}, 600)), "offline: The gateway has said nothing new for 10 min.");
    assert.equal(said(page({ noData: true })), "waiting: The gateway has just started and has no data yet.");
    assert.equal(said({ ...page(), minute: null }), "waiting: No minute of the gateway has come yet.");
  });
  it("months that were recorded, the latest first", () => {
    const month = (name: string) => ({
      month: name,
      houseKwh: 1,
      carKwh: 1,
      lostMinutes: 0,
      carCost: 1,
      businessAmount: 1,
      currency: "JPY",
    });
    const shown = { ...page(), months: [month("2025-01"), null, month("2025-03"), null] };
    assert.deepEqual(
      listMonths(shown).map((each) => each.month),
      ["2025-03", "2025-01"],
    );
  });
});

describe("the flow of the page H2V", () => {
  const context = () => {
    const kept = new Map<string, unknown>();
    return { get: (key: string) => kept.get(key), set: (key: string, value: unknown) => void kept.set(key, value) };
  };
  it("keeps the latest minute and the months, and asks for them at the start", () => {
    const store = context();
    const [, asked] = latestOfH2v({ topic: "start", payload: 0 }, store);
    assert.match(JSON.stringify(asked), /"year":"\d{4}","write":false/);
    latestOfH2v({ payload: sampleMinute() }, store);
    const [shown] = latestOfH2v({ payload: { kind: "year-report", months: [null] } }, store);
    const kept = shown?.payload as H2vPage | undefined;
    assert.equal(kept?.minute?.device, "h2v");
    assert.deepEqual(kept?.months, [null]);
  });
  it("answers only who asked, with the file or with the reason", () => {
    const ask = { by: "x", n: 1, what: "report" };
    const [answer] = reportToAsker({ ask, payload: "<html>", fileName: "x.html", _client: { id: 1 } });
    assert.match(JSON.stringify(answer), /"rows":"<html>".*"_client":\{"id":1\}/);
    const [refused, news] = reportToAsker({ ask, payload: null, error: { message: "Nothing was recorded" } });
    assert.match(JSON.stringify(refused), /Nothing was recorded/);
    assert.equal(news, null);
  });
});
