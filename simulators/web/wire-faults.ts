import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../lib/model/clock.ts";

/** A finished HTTP answer. */
export interface Answer {
  readonly status: number;
  /** Text goes out as UTF-8; a page in another encoding comes as bytes. */
  readonly body: string | Buffer;
  /** application/json unless told otherwise */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Devices with a slow flash stream their files at this speed. */
  readonly bytesPerSecond?: number;
}

/** How a web server can misbehave once it has a request (fact sheet best-systems 3.3, list C). */
export const httpFaults = [
  "silent",
  "slow-loris",
  "endless-body",
  "garbage",
  "truncated-json",
  "html-200",
  "server-error",
  "redirect",
] as const;
export type HttpFault = (typeof httpFaults)[number];

export const isHttpFault = (fault: string | null): fault is HttpFault =>
  httpFaults.some((httpFault) => httpFault === fault);

export const HTML_PAGE = "<!DOCTYPE html><html><head><title>Welcome</title></head><body>Please log in</body></html>";

/** Bytes that are neither UTF-8 nor JSON nor HTTP. */
export const GARBAGE = Buffer.from([0x00, 0xff, 0xfe, 0x80, 0x7b, 0x22, 0xc3, 0x28, 0x0d, 0x0a, 0xf0, 0x9f, 0x00]);

const ENDLESS_CHUNK = Buffer.alloc(64 * 1024, "a");

export interface Misbehaviour {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Does what was asked and says what a healthy device would have said. */
  readonly answer: () => Answer;
  readonly clock: Clock;
  /** Counts up; some faults alternate between two shapes. */
  readonly requestNumber: number;
  readonly redirectUrl: string;
  /** False as soon as the fault is over. */
  readonly isStillOn: () => boolean;
}

/** Answers one request in the way of the fault. */
export function misbehave(fault: HttpFault, on: Misbehaviour): void {
  const { response } = on;
  switch (fault) {
    case "silent":
      return;
    case "slow-loris":
      streamSlowly(response, { ...on.answer(), bytesPerSecond: 1 }, on.clock);
      return;
    case "endless-body":
      pourEndlessly(response, on.isStillOn);
      return;
    case "garbage":
      sendGarbage(on);
      return;
    case "truncated-json":
      send(response, truncate(on.answer()));
      return;
    case "html-200":
      send(response, { status: 200, contentType: "text/html", body: HTML_PAGE });
      return;
    case "server-error":
      send(response, { status: 500, contentType: "text/plain", body: "Internal Server Error" });
      return;
    case "redirect":
      send(response, { status: 302, contentType: "text/plain", body: "", headers: { Location: on.redirectUrl } });
      return;
  }
}

const truncate = (answer: Answer): Answer => ({
  ...answer,
  body:
    typeof answer.body === "string"
      ? answer.body.slice(0, Math.ceil(answer.body.length / 2))
      : answer.body.subarray(0, Math.ceil(answer.body.length / 2)),
});

const toBytes = (body: string | Buffer): Buffer => (typeof body === "string" ? Buffer.from(body) : body);

/** Sends a whole answer, at the speed it asks for. */
export function sendAnswer(response: ServerResponse, answer: Answer, clock: Clock): void {
  if (answer.bytesPerSecond === undefined) send(response, answer);
  else streamSlowly(response, answer, clock);
}

function writeHead(response: ServerResponse, answer: Answer, bytes: number): void {
  response.writeHead(answer.status, {
    "Content-Type": answer.contentType ?? "application/json",
    "Content-Length": bytes,
    ...answer.headers,
  });
}

function send(response: ServerResponse, answer: Answer): void {
  const body = toBytes(answer.body);
  writeHead(response, answer, body.length);
  response.end(body);
}

/** One byte or more per tick of the clock, the first at once. */
function streamSlowly(response: ServerResponse, answer: Answer, clock: Clock): void {
  const body = toBytes(answer.body);
  const bytesPerSecond = Math.max(1, answer.bytesPerSecond ?? 1);
  const ticksPerSecond = Math.min(10, bytesPerSecond);
  const chunkBytes = Math.ceil(bytesPerSecond / ticksPerSecond);
  writeHead(response, answer, body.length);
  let sentBytes = 0;
  let cancel = (): void => {};
  const step = (): void => {
    response.write(body.subarray(sentBytes, sentBytes + chunkBytes));
    sentBytes += chunkBytes;
    if (sentBytes >= body.length) response.end();
    else cancel = clock.after(1000 / ticksPerSecond, step);
  };
  response.once("close", () => cancel());
  step();
}

/** A body that begins well and never ends, as fast as the other side reads. */
function pourEndlessly(response: ServerResponse, isStillOn: () => boolean): void {
  response.writeHead(200, { "Content-Type": "application/json" });
  response.write('{"endless":"');
  const pour = (): void => {
    if (!isStillOn()) response.destroy();
    else if (!response.destroyed) response.write(ENDLESS_CHUNK, pourNext);
  };
  const pourNext = (error?: Error | null): void => {
    if (!error) setImmediate(pour);
  };
  pour();
}

/** Odd requests get rubbish with a healthy head, even ones rubbish instead of HTTP. */
function sendGarbage({ request, response, requestNumber }: Misbehaviour): void {
  if (requestNumber % 2 === 1) {
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": GARBAGE.length });
    response.end(GARBAGE);
  } else {
    request.socket.end(GARBAGE);
  }
}
