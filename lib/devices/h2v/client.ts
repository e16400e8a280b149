import { excerpt, parseHttpUrl, requestHttp } from "../../io/http.ts";
import { EvError } from "../../model/errors.ts";
import { type GatewayPage, MAX_PAGE_BYTES, PAGE_PATH, parsePage } from "./wire.ts";

/** A slow gateway and one request a minute (fact sheet openevse-h2v-sessions 7.5). */
export const PAGE_DEADLINE_MS = 8000;

/**
 * What people type or paste: `192.168.11.1`, `http://gateway.example/h2v/top_phv_ev.html`. A path of its own is kept, any
 * other becomes the page's.
 *
 * @throws EvError `config`
 */
export function parsePageUrl(typed: string): URL {
  const text = typed.trim();
  if (text === "") {
    throw new EvError("config", "Open the node and enter the address of the H2V gateway, for example 192.168.11.1.");
  }
  const url = parseHttpUrl(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  if (url.username !== "" || url.password !== "") {
    throw new EvError("config", "The H2V gateway's page asks for no user name: leave it out of the address.");
  }
  if (url.pathname === "/") url.pathname = PAGE_PATH;
  return url;
}

/**
 * Fetches and reads the page once.
 *
 * @throws EvError as `requestHttp`; `auth` (401, 403), `refused` (other 4xx), `bad-reply` (5xx, another page)
 */
export async function fetchPage(url: URL, signal: AbortSignal): Promise<GatewayPage> {
  const reply = await requestHttp({ url, deadlineMs: PAGE_DEADLINE_MS, maxBytes: MAX_PAGE_BYTES, signal });
  if (reply.status === 401 || reply.status === 403) {
    throw new EvError("auth", "The gateway asks for a log-in, which its page is not known to have.");
  }
  if (reply.status < 200 || reply.status > 299) {
    const code = reply.status >= 400 && reply.status < 500 ? "refused" : "bad-reply";
    throw new EvError(code, `The gateway answered with HTTP status ${reply.status}.`, { detail: excerpt(reply.text) });
  }
  return parsePage(reply.bytes);
}
