import iconv from "iconv-lite";
import { type Cancel, type Clock, systemClock } from "../lib/model/clock.ts";
import { blockLines, drawPage, type PageFigures } from "./h2v/page.ts";
import type { RunningSimulator } from "./simulator.ts";
import { type DeviceWebServer, startDeviceWebServer, type WireCounts } from "./web/device-web-server.ts";
import { RunningWebDevice } from "./web/running-web-device.ts";
import { type Answer, isHttpFault } from "./web/wire-faults.ts";

/**
 * What can be wrong with an H2V gateway.
 *
 * | fault | seen by a client |
 * |---|---|
 * | `placeholder` | the newest time is 1970: no data yet |
 * | `no-mean`, `no-time` | that line is missing |
 * | `letters` | `本日[abc]` |
 * | `negative` | `平均[-120]` and `車充電[-3]` |
 * | `seven-digits` | `本日[1234567]` and `平均[1234567]` |
 * | `no-block` | only what people see |
 * | `utf-8`, `shift-jis` | another encoding than the page says |
 * | `frozen` | the same minute again and again |
 * | `slow` | the answer takes five seconds |
 * | `unauthorized` | 401 |
 * | `not-found` | 404 |
 * | others | as in `web/wire-faults.ts`; `truncated-json` is half a page, `html-200` a router's log-in page |
 */
export const h2vFaults = [
  "placeholder",
  "no-mean",
  "no-time",
  "letters",
  "negative",
  "seven-digits",
  "no-block",
  "utf-8",
  "shift-jis",
  "frozen",
  "slow",
  "unauthorized",
  "not-found",
  "refuse",
  "silent",
  "slow-loris",
  "endless-body",
  "garbage",
  "truncated-json",
  "html-200",
  "server-error",
  "redirect",
] as const;
export type H2vFault = (typeof h2vFaults)[number];

/** What house and car draw in one minute. */
export interface HomeMinute {
  readonly meanW: number;
  readonly peakW: number;
  readonly carW: number;
  /** pauses the car because the house draws too much */
  readonly isPeakCut?: boolean;
}

export interface H2vOptions {
  /** 0 = any free port */
  readonly port?: number;
  readonly host?: string;
  readonly clock?: Clock;
  /** @param minuteMs begin of the minute, milliseconds since 1970 UTC */
  readonly home: (minuteMs: number) => HomeMinute;
  /** of the day before the start, Wh */
  readonly yesterdayWh?: number;
}

export interface H2vSimulator extends RunningSimulator<H2vFault>, WireCounts {
  /** Power off now, on again after `downMs`; then it shows the placeholder until the next minute. */
  reboot(options: { readonly downMs: number }): void;
  /** The page as it would be served now. */
  page(): Buffer;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const JST_MS = 32_400_000;
const PATH = "/h2v/top_phv_ev.html";
const SLOW_MS = 5000;

/** @throws EvError `config` when the port is taken */
export async function startH2vGateway(options: H2vOptions): Promise<H2vSimulator> {
  const { clock = systemClock, host = "127.0.0.1", port = 0 } = options;
  const gateway = createGateway(clock, options);
  const server = await startDeviceWebServer({
    host,
    port,
    clock,
    keepAlive: false,
    answer: (request) =>
      request.path === PATH ? gateway.answer() : { status: 404, contentType: "text/html", body: "Not Found" },
  });
  return new RunningH2v(gateway, server, clock);
}

class RunningH2v extends RunningWebDevice implements H2vSimulator {
  readonly #gateway: Gateway;
  readonly #clock: Clock;
  #cancelBoot: Cancel = () => {};

  constructor(gateway: Gateway, server: DeviceWebServer, clock: Clock) {
    super(server);
    this.#gateway = gateway;
    this.#clock = clock;
  }
  get fault(): H2vFault | null {
    return this.#gateway.fault;
  }
  setFault(fault: H2vFault | null): void {
    this.#gateway.setFault(fault);
    this.server.setFault(fault === "refuse" || isHttpFault(fault) ? fault : null);
  }
  reboot({ downMs }: { readonly downMs: number }): void {
    this.server.setPowered(false);
    this.#cancelBoot();
    this.#cancelBoot = this.#clock.after(downMs, () => {
      this.#gateway.forgetMinute();
      this.server.setPowered(true);
    });
  }
  page(): Buffer {
    return this.#gateway.page();
  }
  async stop(): Promise<void> {
    this.#cancelBoot();
    await this.server.stop();
  }
}

interface Gateway {
  readonly fault: H2vFault | null;
  setFault(fault: H2vFault | null): void;
  forgetMinute(): void;
  page(): Buffer;
  answer(): Answer;
}

function createGateway(clock: Clock, { home, yesterdayWh: firstYesterdayWh = 22_436 }: H2vOptions): Gateway {
  const thisMinute = (): number => Math.floor(clock.nowMs() / MINUTE_MS) * MINUTE_MS;
  let fault: H2vFault | null = null;
  let countedMs = thisMinute() - MINUTE_MS;
  let today = 0;
  let hasCounted = false;
  let yesterdayWh = firstYesterdayWh;
  let chargeStartMs: number | null = null;
  let bootedInMs: number | null = null;

  /** Counts what was drawn since the last look, minute by minute of Japan's days. */
  function catchUp(): void {
    for (const nowMs = thisMinute(); countedMs < nowMs; ) {
      countedMs += MINUTE_MS;
      if (hasCounted && (countedMs + JST_MS) % DAY_MS === 0) {
        yesterdayWh = Math.round(today);
        today = 0;
      }
      hasCounted = true;
      const { meanW, carW } = home(countedMs);
      today += meanW / 60;
      chargeStartMs = carW < 50 ? null : (chargeStartMs ?? countedMs);
    }
  }

  function figures(): PageFigures {
    if (fault !== "frozen") catchUp();
    const { meanW, peakW, carW, isPeakCut = false } = home(countedMs);
    const isBlind = fault === "placeholder" || (bootedInMs !== null && countedMs <= bootedInMs);
    return {
      minuteMs: isBlind ? null : countedMs,
      todayWh: Math.round(today),
      yesterdayWh,
      meanW,
      peakW,
      carW,
      peakCut: isPeakCut ? 1 : 0,
      relay: isPeakCut ? 0 : 1,
      linkDbm: -64,
      cloudState: 4,
      chargeStartMs,
    };
  }

  const page = (): Buffer => {
    const shown = figures();
    const text = drawPage(shown, fault === "no-block" ? [] : spoil(blockLines(shown), fault));
    if (fault === "utf-8") return Buffer.from(text);
    return iconv.encode(text, fault === "shift-jis" ? "shift_jis" : "euc-jp");
  };

  return {
    get fault() {
      return fault;
    },
    setFault(next) {
      if (next === "frozen") catchUp();
      fault = next;
    },
    forgetMinute() {
      bootedInMs = thisMinute();
    },
    page,
    answer() {
      if (fault === "unauthorized") return { status: 401, contentType: "text/html", body: "Unauthorized" };
      if (fault === "not-found") return { status: 404, contentType: "text/html", body: "Not Found" };
      const body = page();
      const slow = fault === "slow" ? { bytesPerSecond: Math.ceil((body.length * 1000) / SLOW_MS) } : {};
      return { status: 200, contentType: "text/html", body, ...slow };
    },
  };
}

function spoil(lines: readonly string[], fault: H2vFault | null): readonly string[] {
  const replace = (changes: Readonly<Record<string, string>>): string[] =>
    lines.map((line) => {
      const [label = ""] = line.split("[", 1);
      return label in changes ? `${label}[${changes[label]}]` : line;
    });
  switch (fault) {
    case "no-mean":
      return lines.filter((line) => !line.startsWith("平均["));
    case "no-time":
      return lines.filter((line) => !line.startsWith("最新電力情報の時刻["));
    case "letters":
      return replace({ 本日: "abc" });
    case "negative":
      return replace({ 平均: "-120", 車充電: "-3" });
    case "seven-digits":
      return replace({ 本日: "1234567", 平均: "1234567" });
    default:
      return lines;
  }
}
