import * as http from "node:http";
import * as https from "node:https";
import { EvError, toEvError } from "../model/errors.ts";

/** One request. The deadline is for the whole exchange, so a device that sends one byte a second cannot hold us. */
export interface HttpRequest {
  readonly url: string | URL;
  readonly method?: "GET" | "POST" | "PUT" | "DELETE" | "PATCH";
  /** Sent with the given spelling: some Gen1 devices compare header names by case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** From the call to the last byte of the answer, ms. */
  readonly deadlineMs: number;
  /** Largest answer, bytes; 1 MiB by default. */
  readonly maxBytes?: number;
  /** How many redirects to the same origin may be followed; 0 by default, because redirects carry credentials away. */
  readonly sameOriginRedirects?: number;
  readonly signal?: AbortSignal | undefined;
  /** Reuses sockets; without one every request has its own socket, closed at the end. */
  readonly agent?: http.Agent | undefined;
  /** Extra trusted certificate authorities, PEM. */
  readonly ca?: string | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** The same, undecoded: for pages that are not UTF-8. */
  readonly bytes: Buffer;
}

const DEFAULT_MAX_BYTES = 1024 * 1024;

/**
 * Sends one HTTP request and reads the whole answer as UTF-8 text. Every status except a redirect is an answer; what it
 * means is the caller's business.
 *
 * @throws EvError `timeout`, `unreachable`, `auth` (TLS not trusted), `too-large`, `bad-reply` (no HTTP, compressed though
 *   not asked for, or a redirect), `closed` (aborted), `config` (a URL that is not http or https)
 */
export async function requestHttp(request: HttpRequest): Promise<HttpReply> {
  const deadlineAtMs = performance.now() + request.deadlineMs;
  let url = parseHttpUrl(request.url);
  for (let redirectsLeft = request.sameOriginRedirects ?? 0; ; redirectsLeft--) {
    const reply = await exchange(request, url, deadlineAtMs - performance.now());
    if (reply.status < 300 || reply.status > 399 || reply.status === 304) return reply;
    const target = redirectTarget(reply, url);
    if (redirectsLeft <= 0 || target === null) {
      throw new EvError("bad-reply", `${describe(url)} redirects elsewhere, which is not followed.`, {
        detail: (reply.headers.location ?? "").slice(0, 200),
      });
    }
    url = target;
  }
}

/** Like `requestHttp`, and reads the answer as JSON. @throws EvError also `auth` (401, 403), `refused` (other 4xx), `bad-reply` */
export async function requestJson(request: HttpRequest): Promise<unknown> {
  const reply = await requestHttp(request);
  const where = describe(parseHttpUrl(request.url));
  if (reply.status === 401 || reply.status === 403) {
    throw new EvError("auth", `${where} does not accept the user name or password.`, { detail: excerpt(reply.text) });
  }
  if (reply.status < 200 || reply.status > 299) {
    const code = reply.status < 500 ? "refused" : "bad-reply";
    throw new EvError(code, `${where} answered with HTTP status ${reply.status}.`, { detail: excerpt(reply.text) });
  }
  return parseJson(reply.text, where);
}

/** @throws EvError `bad-reply` with the first words of what came instead */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text);
  } catch (cause) {
    throw new EvError("bad-reply", `${where} answered with something that is not JSON.`, {
      detail: excerpt(text),
      cause,
    });
  }
}

/** @throws EvError `config` */
export function parseHttpUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new EvError("config", `"${String(url).slice(0, 80)}" is not a URL; write for example http://192.0.2.10`, {
      cause,
    });
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw new EvError("config", `Only http and https can be asked, not ${parsed.protocol}`);
  }
  return parsed;
}

/** Control characters out, cut to a length that fits a log line. */
export const excerpt = (text: string): string =>
  text
    .slice(0, 300)
    .replace(/[\p{Cc}\p{Cf}]+/gu, " ")
    .trim();

/** Scheme, host and path; never the query or user info, which may hold secrets. */
const describe = (url: URL): string => `${url.origin}${url.pathname}`;

function redirectTarget(reply: HttpReply, from: URL): URL | null {
  try {
    const target = new URL(reply.headers.location ?? "", from);
    return target.origin === from.origin ? target : null;
  } catch {
    return null;
  }
}

function exchange(request: HttpRequest, url: URL, deadlineMs: number): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const { signal } = request;
    const stop = (error: EvError): void => {
      finish();
      reject(error);
      outgoing.destroy();
    };
    const onAbort = (): void => stop(new EvError("closed", `The request to ${describe(url)} was stopped.`));
    const deadline = setTimeout(
      () =>
        stop(new EvError("timeout", `${describe(url)} did not answer within ${Math.round(request.deadlineMs)} ms.`)),
      Math.max(0, deadlineMs),
    );
    const finish = (): void => {
      clearTimeout(deadline);
      signal?.removeEventListener("abort", onAbort);
    };
    const outgoing = (url.protocol === "https:" ? https : http).request(url, {
      method: request.method ?? "GET",
      headers: {
        ...request.headers,
        ...(request.body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(request.body)) }),
      },
      agent: request.agent ?? false,
      ...(request.ca === undefined ? {} : { ca: request.ca }),
    });
    outgoing.on("error", (error) => {
      const known = toEvError(error, "bad-reply");
      stop(new EvError(known.code, `${describe(url)}: ${known.message}`, { cause: error }));
    });
    outgoing.on("response", (incoming) => {
      collect(incoming, request.maxBytes ?? DEFAULT_MAX_BYTES).then(
        (bytes) => {
          finish();
          const text = bytes.toString("utf8");
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text, bytes });
        },
        (error: unknown) => stop(toEvError(error, "unreachable")),
      );
    });
    if (signal?.aborted === true) {
      onAbort();
      return;
    }
    signal?.addEventListener("abort", onAbort, { once: true });
    outgoing.end(request.body);
  });
}

function collect(incoming: http.IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    incoming.on("error", reject);
    const encoding = incoming.headers["content-encoding"];
    if (encoding !== undefined && encoding !== "identity") {
      reject(new EvError("bad-reply", `The answer is compressed (${excerpt(encoding)}), which was not asked for.`));
      return;
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) reject(new EvError("too-large", `The answer is larger than ${maxBytes} bytes.`));
      else chunks.push(chunk);
    });
    incoming.on("end", () => resolve(Buffer.concat(chunks)));
    incoming.on("aborted", () =>
      reject(new EvError("unreachable", "The connection broke in the middle of the answer.")),
    );
  });
}
