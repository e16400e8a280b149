import assert from "node:assert/strict";
import fc from "fast-check";
import iconv from "iconv-lite";
import { describe, it } from "mocha";
import { readMinute, toMeters } from "../../../../lib/devices/h2v/minute.ts";
import { admitMinute, nothingSeen, restoreSeen } from "../../../../lib/devices/h2v/seen-minutes.ts";
import { MAX_PAGE_BYTES, parsePage, parseVisibleFigures } from "../../../../lib/devices/h2v/wire.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import { h2vSchema } from "../../../../lib/model/h2v.ts";
import { formatGatewayTime, parseGatewayTime } from "../../../../lib/model/h2v-page.ts";
import { meterSchema } from "../../../../lib/model/records.ts";

/** The sample of the fact sheet, line by line. */
const SAMPLE = `<!--
Device Num :[1]
Device-ID[1] = [34 c7 31 XX XX XX]
本日[6932]
昨日[22436]
平均[817]
最大[849]
車充電[2]
ピークカット状態[0]
リレー状態[1]
最新電力情報の時刻[2025/02/20 20:09]
PCC接続状態[-64]
TSC接続状態[4]
充電開始時刻(nooffset)[1970/01/01 09:00]
-->
<html><head><title>H2V</title></head><body>本日 6.9kWh 昨日 22.4kWh 現在 0.8kW 車 0.0kW</body></html>`;
const SETTINGS = { device: "h2v", offsetMs: 9 * 3_600_000 };
const NOW_MS = Date.parse("2025-02-20T02:09:30Z");

const euc = (text: string): Buffer => iconv.encode(text, "euc-jp");
const read = (text: string, nowMs = NOW_MS) => h2vSchema.parse(readMinute(parsePage(euc(text)), SETTINGS, nowMs));

describe("the page of an H2V gateway", () => {
  it("gives every figure of the sample, nine hours taken off", () => {
    const minute = read(SAMPLE);
    const { fields, ...rest } = minute;
    assert.deepEqual(rest, {
      kind: "h2v",
      device: "h2v",
      at: "2025-02-20T11:09:00.000+09:00",
      minute: "2025/02/20 11:09",
      noData: false,
      stale: false,
      todayWh: 6932,
      yesterdayWh: 22_436,
      meanW: 817,
      peakW: 849,
      carW: 2,
      peakCut: 0,
      relay: 1,
      linkDbm: -64,
      cloudState: 4,
      chargeStartedAt: null,
      missing: [],
      gapMinutes: 0,
      flags: [],
    });
    assert.deepEqual(fields[0], { label: "Device Num", text: "1", key: null });
    assert.deepEqual(fields[1], { label: "Device-ID[1]", text: "34 c7 31 XX XX XX", key: null });
    assert.equal(fields.length, 13);
  });

  it("keeps labels that nobody knows", () => {
    const { fields } = parsePage(euc(SAMPLE.replace("本日[", "新項目[x y]\n本日[")));
    assert.deepEqual(
      fields.find(({ label }) => label === "新項目"),
      { label: "新項目", text: "x y", key: null },
    );
  });

  it("is read the same as UTF-8 or Shift_JIS, and says so", () => {
    for (const charset of ["utf-8", "shift_jis"] as const) {
      const page = parsePage(iconv.encode(SAMPLE, charset));
      assert.equal(page.charset, charset);
      const minute = readMinute(page, SETTINGS, NOW_MS);
      assert.equal(minute.meanW, 817);
      assert.deepEqual(minute.flags, [`charset:${charset}`]);
    }
  });

  it("reads CRLF lines and a byte order mark", () => {
    assert.equal(read(SAMPLE.replaceAll("\n", "\r\n")).carW, 2);
    assert.equal(readMinute(parsePage(Buffer.from(`\ufeff${SAMPLE}`)), SETTINGS, NOW_MS).carW, 2);
  });

  it("takes the 1970 placeholder for no data", () => {
    const minute = read(SAMPLE.replace("2025/02/20 20:09", "1970/01/01 09:00"));
    assert.equal(minute.noData, true);
    assert.equal(minute.minute, "1970/01/01 00:00");
    assert.equal(minute.at, "2025-02-20T11:09:00.000+09:00");
    assert.deepEqual(
      toMeters(minute).map(({ powerW, flags }) => [powerW, flags]),
      [
        [null, ["no-data"]],
        [null, ["no-data"]],
      ],
    );
  });

  it("names what is missing and keeps the rest", () => {
    const minute = read(SAMPLE.replace("平均[817]\n", ""));
    assert.deepEqual(minute.missing, ["平均"]);
    assert.equal(minute.meanW, null);
    assert.equal(minute.carW, 2);
    const noTime = read(SAMPLE.replace(/最新.*\n/, ""));
    assert.equal(noTime.minute, null);
    assert.deepEqual(noTime.flags, ["no-time"]);
  });

  it("takes no word and no impossible number for a figure", () => {
    const minute = read(
      SAMPLE.replace("本日[6932]", "本日[abc]")
        .replace("平均[817]", "平均[1234567]")
        .replace("車充電[2]", "車充電[-3]"),
    );
    assert.deepEqual([minute.todayWh, minute.meanW, minute.carW], [null, null, null]);
    assert.deepEqual(minute.flags, ["unreadable:本日", "implausible:平均", "implausible:車充電"]);
    assert.deepEqual(minute.missing, ["本日"]);
  });

  it("reads signed numbers", () => {
    assert.equal(read(SAMPLE.replace("平均[817]", "平均[-120]")).meanW, -120);
  });

  it("says that a minute is old, and that a clock is far ahead", () => {
    const late = read(SAMPLE, NOW_MS + 20 * 60_000);
    assert.equal(late.stale, true);
    assert.deepEqual(late.flags, ["clock-off"]);
    const early = read(SAMPLE, NOW_MS - 9 * 3_600_000);
    assert.equal(early.stale, false);
    assert.deepEqual(early.flags, ["clock-off"]);
  });

  describe("without its block", () => {
    const SEEN = "住宅 本日 6.9kWh 昨日 22.4kWh 現在 0.8kW 車 現在 0.0kW";
    const page = (shown: string): string => `<html><head><title>H2V</title></head><body>${shown}</body></html>`;
    const keysOf = (shown: string) => parseVisibleFigures(shown).map(({ key, text }) => `${key} ${text}`);

    it("shows what people see, marked, and gives no power to whoever adds up energy", () => {
      const minute = read(page(SEEN));
      assert.deepEqual([minute.todayWh, minute.yesterdayWh, minute.meanW, minute.carW], [6900, 22_400, 800, 0]);
      assert.deepEqual(minute.flags, ["visible-figures", "no-time"]);
      assert.deepEqual(
        toMeters(minute).map(({ powerW }) => powerW),
        [null, null],
      );
    });

    it("tells house from car by the words before a figure, full-width digits too", () => {
      assert.deepEqual(keysOf("車 現在の充電 ２．４kW 住宅 昨日 １２kWh 今日 3.5kWh 現在 1.25kW"), [
        "carW 2400",
        "yesterdayWh 12000",
        "todayWh 3500",
        "meanW 1250",
      ]);
      assert.equal(keysOf("本日 住宅 6.9kWh 車 1.2kWh 昨日 住宅 22kWh 車 3kWh 現在 住宅 1kW 現在 車 2kW").length, 4);
    });

    for (const [what, shown] of [
      ["figures stand before their words", "6.9kWh 住宅 本日 22.4kWh 昨日 0.8kW 現在 0.0kW 車"],
      ["the words are the heads of columns", "住宅 車 本日 昨日 現在 6.9kWh 22.4kWh 0.8kW 0.0kW"],
      ["the house is not named", SEEN.replace("住宅", "")],
      ["the car is not named", SEEN.replace("車", "")],
      ["a heading names the car and nothing names the house", `PHV充電 ${SEEN.replace("住宅", "")}`],
      ["one figure is missing", SEEN.replace("昨日 22.4kWh", "")],
      ["one stands there twice", `${SEEN} 住宅 現在 0.9kW`],
      ["the power is the highest of the day and not the present one", SEEN.replace("現在 0.8kW", "最大 0.8kW")],
      ["both days are named before one figure", SEEN.replace("昨日", "本日・昨日")],
      ["numbers have commas", SEEN.replace("22.4", "1,022.4")],
      ["a number is negative", SEEN.replace("0.8kW", "-0.8kW")],
      ["a number has too many digits", SEEN.replace("22.4", "123456789")],
      ["the unit is another one", SEEN.replace("0.8kW", "0.8kWp")],
      ["there is one more figure that nobody knows", `太陽光 3.1kW ${SEEN}`],
    ] as const) {
      it(`is another page when ${what}: no number rather than a wrong one`, () => {
        assert.deepEqual(keysOf(shown), []);
        assert.throws(
          () => parsePage(euc(page(shown))),
          (thrown) => thrown instanceof EvError && thrown.code === "bad-reply",
        );
      });
    }
  });

  it("takes no comment for the block that stands behind the head", () => {
    const late = SAMPLE.slice(SAMPLE.indexOf("<html>")).replace("<body>", "<body><!--\n平均[5]\n-->");
    assert.throws(
      () => parsePage(euc(late)),
      (thrown) => thrown instanceof EvError && thrown.code === "bad-reply",
    );
  });

  it("refuses any other page", () => {
    const logIn = "<!-- router --><html><head><title>AirStation</title></head><body>Please log in</body></html>";
    for (const page of [logIn, "", "{}", "\u0000\u0001"]) {
      assert.throws(
        () => parsePage(Buffer.from(page)),
        (thrown) => thrown instanceof EvError && thrown.code === "bad-reply",
      );
    }
  });

  it("gives house and car as meters, the mean of the minute", () => {
    const [house, car] = toMeters(read(SAMPLE)).map((meter) => meterSchema.parse(meter));
    assert.deepEqual([house?.role, house?.powerW, house?.meanOverS], ["house", 817, 60]);
    assert.deepEqual([car?.role, car?.powerW, car?.channel], ["evse", 2, 1]);
  });

  it("is read in linear time, however it is nested or repeated", () => {
    const fill = (piece: string): string => piece.repeat(Math.floor((MAX_PAGE_BYTES - 100) / piece.length));
    for (const hostile of [
      fill("<div>"),
      fill("<!--"),
      fill("["),
      fill("1"),
      fill("9kW "),
      fill("本日[1]\n"),
      fill("&amp;"),
    ]) {
      const beganMs = performance.now();
      try {
        parsePage(euc(`<!--${hostile}-->${hostile}`.slice(0, MAX_PAGE_BYTES)));
      } catch (thrown) {
        assert.ok(thrown instanceof EvError);
      }
      assert.ok(performance.now() - beganMs < 1500, hostile.slice(0, 10));
    }
  });

  it("never throws anything but a coded error, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const page = Buffer.concat([euc("<!--\n本日[1]\n"), Buffer.from(bytes), euc("\n-->")]);
        try {
          h2vSchema.parse(readMinute(parsePage(page), SETTINGS, NOW_MS));
        } catch (thrown) {
          assert.ok(thrown instanceof EvError, String(thrown));
        }
      }),
    );
  });
});

describe("the gateway's time", () => {
  it("goes there and back for every minute", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000 }), (hours) => {
        const epochMs = hours * 3_600_000;
        assert.equal(parseGatewayTime(formatGatewayTime(epochMs)), epochMs);
      }),
    );
  });

  it("knows no 30 February, no 24:00 and no other spelling", () => {
    for (const text of ["2025/02/30 10:00", "2025/02/20 24:00", "2025-02-20 10:00", "2025/2/20 10:00", ""]) {
      assert.equal(parseGatewayTime(text), null, text);
    }
  });
});

describe("the minutes that were seen", () => {
  const at = (text: string) => read(SAMPLE.replace("2025/02/20 20:09", text));

  it("lets each minute pass once, also after a restart", () => {
    const first = admitMinute(nothingSeen, at("2025/02/20 20:09"));
    assert.notEqual(first.admitted, null);
    assert.equal(admitMinute(first.seen, at("2025/02/20 20:09")).admitted, null);
    const restored = restoreSeen(JSON.parse(JSON.stringify(first.seen)));
    assert.equal(admitMinute(restored, at("2025/02/20 20:09")).admitted, null);
  });

  it("says how many minutes were missed", () => {
    const { seen } = admitMinute(nothingSeen, at("2025/02/20 20:09"));
    assert.equal(admitMinute(seen, at("2025/02/20 20:10")).admitted?.gapMinutes, 0);
    const late = admitMinute(seen, at("2025/02/20 20:15")).admitted;
    assert.equal(late?.gapMinutes, 5);
    assert.ok(late.flags.includes("gap"));
  });

  it("takes a pause of more than a month for a new beginning, and not for lost minutes", () => {
    const { seen } = admitMinute(nothingSeen, at("2025/02/20 20:09"));
    assert.equal(admitMinute(seen, at("2025/03/23 20:09")).admitted?.gapMinutes, 31 * 1440 - 1);
    assert.equal(admitMinute(seen, at("2025/03/24 20:09")).admitted?.gapMinutes, 0);
  });

  it("does not count an hour twice when the gateway sets its clock back", () => {
    let { seen } = admitMinute(nothingSeen, at("2025/02/20 20:09"));
    ({ seen } = admitMinute(seen, at("2025/02/20 20:10")));
    assert.equal(admitMinute(seen, at("2025/02/20 20:09")).admitted, null);
  });

  it("makes nothing of rubbish that was kept", () => {
    for (const kept of [null, 5, "x", {}, { keys: 7 }]) assert.deepEqual(restoreSeen(kept), nothingSeen);
  });
});
