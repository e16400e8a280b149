import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type H2vMinute, h2vSchema } from "../../../../lib/model/h2v.ts";
import { h2vLabels, type H2vKey } from "../../../../lib/model/h2v-page.ts";
import { toCsvLine, toMeteredLine } from "../../../../lib/records/h2v-files/h2v-layout.ts";

/** The sample minute of the fact sheet, with changes; undefined leaves a label out. */
export function sampleMinute(
  changes: Partial<Record<H2vKey, string | undefined>> = {},
  more: Partial<H2vMinute> = {},
): H2vMinute {
  const texts = {
    todayWh: "6932",
    yesterdayWh: "22436",
    meanW: "817",
    peakW: "849",
    carW: "2",
    peakCut: "0",
    relay: "1",
    time: "2025/02/20 20:09",
    linkDbm: "-64",
    cloudState: "4",
    chargeStart: "1970/01/01 09:00",
    ...changes,
  };
  return h2vSchema.parse({
    kind: "h2v",
    device: "h2v",
    at: "2025-02-20T11:09:00.000+09:00",
    minute: "2025/02/20 11:09",
    noData: false,
    stale: false,
    fields: Object.entries(texts).flatMap(([key, text]) =>
      text === undefined ? [] : [{ label: h2vLabels[key as H2vKey], text, key }],
    ),
    ...more,
  });
}

const HOST = "202502201109";

describe("a line in the layout of the original scripts", () => {
  it("is that of the fact sheet, byte for byte", () => {
    assert.deepEqual(toCsvLine(sampleMinute(), "compatible", HOST), {
      month: "202502",
      header:
        '"最新電力情報の時刻","本日","昨日","平均","最大","車充電","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)"',
      row: '"2025/02/20 11:09",6932,22436,817,849,2,0,-64,4,"1970/01/01 09:00"',
      minute: "2025/02/20 11:09",
    });
  });

  it("goes without a column that is missing or no digits, the header too", () => {
    const line = toCsvLine(sampleMinute({ meanW: undefined, carW: "-3", todayWh: "abc" }), "compatible", HOST);
    assert.equal(line?.row, '"2025/02/20 11:09",22436,849,0,-64,4,"1970/01/01 09:00"');
    assert.equal(
      line?.header,
      '"最新電力情報の時刻","昨日","最大","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)"',
    );
  });

  it("goes into the file of 1970 when the gateway has no data: no header, the host's time last", () => {
    const line = toCsvLine(
      sampleMinute({ time: "1970/01/01 09:00" }, { noData: true, minute: "1970/01/01 00:00" }),
      "compatible",
      HOST,
    );
    assert.deepEqual(line, {
      month: "197001",
      header: null,
      row: '"1970/01/01 00:00",6932,22436,817,849,2,0,-64,4,"1970/01/01 09:00","202502201109"',
      minute: HOST,
    });
  });

  it("is not written when the page has no time", () => {
    assert.equal(toCsvLine(sampleMinute({ time: undefined }, { minute: null }), "compatible", HOST), null);
  });
});

describe("a line in the corrected layout", () => {
  it("has every column, the relay last, and leaves empty what is not known", () => {
    const line = toCsvLine(sampleMinute({ meanW: undefined, todayWh: "abc", carW: "-3" }), "corrected", HOST);
    assert.equal(line?.row, '"2025/02/20 11:09",,22436,,849,-3,0,-64,4,"1970/01/01 09:00",1');
    assert.equal(
      line?.header,
      '"最新電力情報の時刻","本日","昨日","平均","最大","車充電","ピークカット状態","PCC接続状態","TSC接続状態","充電開始時刻(nooffset)","リレー状態"',
    );
  });

  it("is not written for a placeholder", () => {
    assert.equal(toCsvLine(sampleMinute({}, { noData: true }), "corrected", HOST), null);
  });

  it("lets no text of the page into the file that is neither number nor time", () => {
    for (const evil of ['=cmd|"/c calc"', "1,2", '1"', "1\n2", "٣"]) {
      const line = toCsvLine(sampleMinute({ meanW: evil, chargeStart: evil }), "corrected", HOST);
      assert.equal(line?.row, '"2025/02/20 11:09",6932,22436,,849,2,0,-64,4,,1');
    }
  });
});

describe("a line of any meters", () => {
  const metered = {
    minute: "2026/11/25 08:30",
    houseW: 512.4,
    housePeakW: 611.6,
    carW: null,
    todayWh: 3000.2,
    yesterdayWh: null,
  };
  it("leaves empty what no meter knows", () => {
    assert.equal(toMeteredLine(metered, "compatible").row, '"2026/11/25 08:30",3000,,512,612,,,,,');
    assert.equal(toMeteredLine(metered, "corrected").row, '"2026/11/25 08:30",3000,,512,612,,,,,,');
    assert.equal(toMeteredLine(metered, "compatible").month, "202611");
  });
});
