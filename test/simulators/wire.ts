import { Agent, type IncomingHttpHeaders, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { isObject, type JsonObject, parseObject } from "./json.ts";

/** How a request ended, seen from outside. */
export interface Reply {
  readonly end: "complete" | "refused" | "broken" | "deadline" | "too-large";
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly deadlineMs?: number;
  readonly maxBytes?: number;
  /** undefined = a connection of its own */
  readonly agent?: Agent;
}

/** One HTTP request with a deadline and a size limit; never rejects. */
export function ask(port: number, path: string, question: Question = {}): Promise<Reply> {
  const { method = "GET", headers = {}, body, deadlineMs = 2_000, maxBytes = 1_000_000 } = question;
  return new Promise((resolve) => {
    let status: number | undefined;
    let replyHeaders: IncomingHttpHeaders = {};
    let text = "";
    const finish = (end: Reply["end"]): void => {
      clearTimeout(deadline);
      asked.destroy();
      resolve({ end, status, headers: replyHeaders, text });
    };
    const deadline = setTimeout(() => finish("deadline"), deadlineMs);
    const asked = request(
      { host: "127.0.0.1", port, path, method, headers, agent: question.agent ?? false },
      (response) => {
        status = response.statusCode;
        replyHeaders = response.headers;
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
          if (text.length > maxBytes) finish("too-large");
        });
        response.on("end", () => finish("complete"));
        response.on("error", () => finish("broken"));
      },
    );
    asked.on("error", (error: NodeJS.ErrnoException) => finish(error.code === "ECONNREFUSED" ? "refused" : "broken"));
    asked.end(body);
  });
}

/** The JSON object of a healthy answer. */
export async function askObject(port: number, path: string, question: Question = {}): Promise<JsonObject> {
  const reply = await ask(port, path, question);
  if (reply.end !== "complete" || reply.status !== 200) {
    throw new Error(`${path}: ${reply.end} ${reply.status} ${reply.text}`);
  }
  return parseObject(reply.text);
}

/** Waits for something that happens elsewhere in this process. */
export async function waitUntil(isSo: () => boolean, what: string, deadlineMs = 2_000): Promise<void> {
  const endMs = performance.now() + deadlineMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`still waiting for: ${what}`);
    await delay(2);
  }
}

/** A WebSocket client that keeps all it gets. */
export interface FrameClient {
  readonly texts: readonly string[];
  readonly frames: readonly JsonObject[];
  readonly pongs: number;
  readonly isClosed: boolean;
  /** Close code, 1006 for a connection that broke. */
  readonly closeCode: number | undefined;
  send(frame: unknown): void;
  ping(): void;
  /** The first frame, past or future, that fits. */
  first(fits: (frame: JsonObject) => boolean): Promise<JsonObject>;
  close(): void;
}

export async function openFrames(port: number, maxPayloadBytes = 1_000_000): Promise<FrameClient> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/rpc`, { maxPayload: maxPayloadBytes });
  const texts: string[] = [];
  const frames: JsonObject[] = [];
  let pongs = 0;
  let closeCode: number | undefined;
  webSocket.on("message", (message: Buffer) => {
    const text = message.toString("utf8");
    texts.push(text);
    try {
      const frame: unknown = JSON.parse(text);
      if (isObject(frame)) frames.push(frame);
    } catch {
      // kept as text
    }
  });
  webSocket.on("pong", () => pongs++);
  webSocket.on("close", (code) => {
    closeCode = code;
  });
  webSocket.on("error", () => {});
  await waitUntil(() => webSocket.readyState !== WebSocket.CONNECTING, "the WebSocket to open");
  return {
    texts,
    frames,
    get pongs() {
      return pongs;
    },
    get isClosed() {
      return webSocket.readyState === WebSocket.CLOSED;
    },
    get closeCode() {
      return closeCode;
    },
    send: (frame) => webSocket.send(JSON.stringify(frame)),
    ping: () => webSocket.ping(),
    async first(fits) {
      await waitUntil(() => frames.some(fits), "a frame");
      return frames.find(fits) ?? {};
    },
    close: () => webSocket.terminate(),
  };
}
