import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { fetchPage, parsePageUrl } from "../../../../lib/devices/h2v/client.ts";
import { type H2v, type H2vTrouble, startH2v } from "../../../../lib/devices/h2v/h2v.ts";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import { EvError } from "../../../../lib/model/errors.ts";
import type { H2vMinute } from "../../../../lib/model/h2v.ts";
import { silentLogger } from "../../../../lib/model/logger.ts";
import { type H2vFault, type H2vSimulator, startH2vGateway } from "../../../../simulators/h2v.ts";
import { until } from "../../../support/until.ts";

const START_MS = Date.parse("2025-02-20T11:09:05+09:00");

describe("an H2V gateway that is read", () => {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
  });

  interface Rig {
    readonly clock: ManualClock;
    readonly gateway: H2vSimulator;
    readonly minutes: H2vMinute[];
    readonly troubles: string[];
    readonly h2v: H2v;
    /** Lets the clock go on until the next look at the page has ended. */
    next(): Promise<void>;
  }

  async function start(fault: H2vFault | null = null, recall: unknown = null): Promise<Rig> {
    const clock = createManualClock(START_MS);
    const gateway = await startH2vGateway({ clock, home: () => ({ meanW: 817, peakW: 849, carW: 2 }) });
    gateway.setFault(fault);
    const minutes: H2vMinute[] = [];
    const troubles: string[] = [];
    const h2v = await startH2v({
      url: parsePageUrl(`127.0.0.1:${gateway.port}`),
      name: "h2v",
      offsetMs: 9 * 3_600_000,
      pollMs: 60_000,
      clock,
      logger: silentLogger,
      recall: async () => recall,
      remember: async () => {},
      onMinute: (minute) => void minutes.push(minute),
      onTrouble: (trouble: H2vTrouble, { code }) => void troubles.push(`${trouble} ${code}`),
      onBack: () => void troubles.push("back"),
      random: () => 0,
    });
    ends.push(
      () => h2v.close(),
      () => gateway.stop(),
    );
    const next = async (): Promise<void> => {
      await until("the loop rests", () => clock.pending > 0);
      clock.advance(60_000);
      await until("the loop rests again", () => clock.pending > 0);
    };
    await until("the first look has ended", () => clock.pending > 0);
    return { clock, gateway, minutes, troubles, h2v, next };
  }

  it("tells each minute once, whatever the number of looks", async () => {
    const rig = await start();
    for (let look = 0; look < 3; look++) await rig.next();
    rig.clock.advance(2000);
    await rig.h2v.readNow();
    assert.deepEqual(
      rig.minutes.map(({ minute }) => minute),
      ["2025/02/20 11:09", "2025/02/20 11:10", "2025/02/20 11:11", "2025/02/20 11:12"],
    );
    assert.deepEqual(rig.troubles, []);
  });

  it("asks one thing at a time", async () => {
    const rig = await start();
    rig.clock.advance(1500);
    await Promise.all([rig.h2v.readNow(), rig.h2v.readNow(), rig.h2v.readNow()]);
    assert.equal(rig.gateway.peakConcurrentRequests, 1);
    assert.equal(rig.gateway.requests, 2);
  });

  it("leaves the gateway a second between two looks, however often it is told to look", async () => {
    const rig = await start();
    const waiting = rig.clock.pending;
    const looked = rig.h2v.readNow();
    assert.equal(rig.clock.pending, waiting + 1, "it waits");
    assert.equal(rig.gateway.requests, 1);
    rig.clock.advance(1000);
    await looked;
    assert.equal(rig.gateway.requests, 2);
  });

  it("tells the placeholder once per minute, and when it is over", async () => {
    const rig = await start("placeholder");
    await rig.next();
    rig.gateway.setFault(null);
    await rig.next();
    assert.deepEqual(
      rig.minutes.map(({ noData }) => noData),
      [true, true, false],
    );
    assert.deepEqual(rig.troubles, ["no-data stale", "back"]);
  });

  it("shows a rebooted gateway as no data until its next minute", async () => {
    const rig = await start();
    rig.gateway.reboot({ downMs: 59_999 });
    await rig.next();
    await until("it is read again", async () => {
      await rig.next();
      return rig.troubles.at(-1) === "back";
    });
    assert.match(rig.troubles[0] ?? "", /no-data stale|lost unreachable/);
    assert.equal(rig.troubles.at(-1), "back");
    assert.equal(rig.minutes.at(-1)?.noData, false);
  });

  it("says that the gateway stands still, once", async () => {
    const rig = await start();
    rig.gateway.setFault("frozen");
    for (let look = 0; look < 14; look++) await rig.next();
    assert.deepEqual(rig.troubles, ["stuck stale"]);
    assert.equal(rig.minutes.length, 1);
    rig.gateway.setFault(null);
    await rig.next();
    assert.deepEqual(rig.troubles, ["stuck stale", "back"]);
    assert.ok((rig.minutes.at(-1)?.gapMinutes ?? 0) >= 10);
  });

  const losses: readonly (readonly [H2vFault, string, string?])[] = [
    ["html-200", "bad-reply", "200 with a router's log-in page"],
    ["garbage", "bad-reply"],
    ["server-error", "bad-reply"],
    ["redirect", "bad-reply"],
    ["endless-body", "too-large", "1 GB body"],
    ["unauthorized", "auth"],
    ["not-found", "refused"],
    ["refuse", "unreachable"],
  ];
  for (const [fault, code, quote = fault] of losses) {
    it(`tells of it once and recovers by itself: "${quote}"`, async () => {
      const rig = await start(fault);
      await rig.next();
      assert.equal(rig.troubles[0], `lost ${code}`);
      assert.deepEqual(rig.minutes, []);
      rig.gateway.setFault(null);
      await until("it is read again", async () => {
        await rig.next();
        return rig.minutes.length > 0;
      });
      assert.deepEqual(rig.troubles, [`lost ${code}`, "back"]);
      assert.equal(rig.gateway.redirectsFollowed, 0);
    });
  }

  it('keeps what is right of a "page as UTF-8 or Shift_JIS", of `本日[abc]`, of "negative and 7-digit values"', async () => {
    for (const [fault, flag] of [
      ["letters", "unreadable:本日"],
      ["seven-digits", "implausible:平均"],
      ["negative", "implausible:車充電"],
      ["utf-8", "charset:utf-8"],
      ["shift-jis", "charset:shift_jis"],
      ["no-block", "visible-figures"],
    ] as const) {
      const rig = await start(fault);
      assert.equal(rig.minutes.length, 1, fault);
      assert.ok(rig.minutes[0]?.flags.includes(flag), `${fault}: ${rig.minutes[0]?.flags.join()}`);
      await ends.shift()?.();
      await ends.shift()?.();
    }
  });

  it("reads half a page as far as it goes, or refuses it", async () => {
    const rig = await start("truncated-json");
    assert.equal(rig.minutes.length + rig.troubles.length, 1);
  });

  it("gives up a silent gateway after its deadline", async function () {
    this.timeout(12_000);
    const gateway = await startH2vGateway({ home: () => ({ meanW: 1, peakW: 1, carW: 0 }) });
    ends.push(() => gateway.stop());
    gateway.setFault("slow-loris");
    const beganMs = performance.now();
    await assert.rejects(
      fetchPage(parsePageUrl(`127.0.0.1:${gateway.port}`), new AbortController().signal),
      (thrown) => thrown instanceof EvError && thrown.code === "timeout",
    );
    assert.ok(performance.now() - beganMs < 9000);
  });

  it("understands addresses as people type them", () => {
    assert.equal(parsePageUrl(" 192.168.11.1 ").href, "http://192.168.11.1/h2v/top_phv_ev.html");
    assert.equal(parsePageUrl("http://gw:8080/copy.html").href, "http://gw:8080/copy.html");
    for (const typed of ["", "ftp://gw", "http://a:b@gw"]) {
      assert.throws(
        () => parsePageUrl(typed),
        (thrown) => thrown instanceof EvError && thrown.code === "config",
      );
    }
  });
});
