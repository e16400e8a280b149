import * as http from "node:http";
import { excerpt, type HttpReply, parseJson, requestHttp } from "../../io/http.ts";
import { EvError } from "../../model/errors.ts";
import type { DeviceAddress } from "./address.ts";
import { createDigestLogin, parseDigestHeader } from "./digest.ts";

/** How a device wants to be convinced: Gen1 by Basic, later ones by digest. */
export type LoginKind = "none" | "basic" | "digest";

export interface LoginWords {
  /** Gen1 only; later devices always call it `admin`. */
  readonly user: string;
  readonly password: string;
}

/** Asks one Shelly over HTTP: one socket, one request at a time. */
export interface ShellyHttp {
  /**
   * GET `path`, answer as JSON. The log-in is sent only after the device has asked for it.
   *
   * @throws EvError `timeout`, `unreachable`, `auth`, `busy` (429), `refused`, `bad-reply`, `too-large`, `closed`
   */
  getJson(path: string, login: LoginKind): Promise<unknown>;
  /** Gives up idle sockets; the next request opens one again. */
  rest(): void;
}

/** For the whole answer, ms. */
export const REQUEST_DEADLINE_MS = 2000;
/** A full status is 3 to 6 kB. */
export const MOST_REPLY_BYTES = 64 * 1024;
const DIGEST_USER = "admin";

export function createShellyHttp(address: DeviceAddress, login: LoginWords, signal: AbortSignal): ShellyHttp {
  // small server in the device: few sockets, no requests side by side (fact sheet v2g 4.1)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
  const digest = createDigestLogin(DIGEST_USER, login.password);
  const basic = `Basic ${Buffer.from(`${login.user === "" ? DIGEST_USER : login.user}:${login.password}`).toString("base64")}`;
  let wantsBasic = false;
  signal.addEventListener("abort", () => agent.destroy(), { once: true });

  const get = (path: string, authorization: string | null): Promise<HttpReply> =>
    requestHttp({
      url: `${address.baseUrl}${path}`,
      headers: authorization === null ? {} : { Authorization: authorization },
      deadlineMs: REQUEST_DEADLINE_MS,
      maxBytes: MOST_REPLY_BYTES,
      agent,
      signal,
    });

  async function getWithBasic(path: string): Promise<HttpReply> {
    const reply = await get(path, wantsBasic ? basic : null);
    if (reply.status !== 401 || wantsBasic || login.password === "") return reply;
    wantsBasic = /^basic\b/i.test(reply.headers["www-authenticate"] ?? "");
    return wantsBasic ? get(path, basic) : reply;
  }

  /** The nonce may be missing or worn out; with a fresh one the password gets one chance. */
  async function getWithDigest(path: string): Promise<HttpReply> {
    if (login.password === "") return get(path, null);
    const first = await get(path, digest.nextHeader("GET", path));
    if (first.status !== 401) return first;
    digest.forget();
    const challenge = parseDigestHeader(first.headers["www-authenticate"]);
    if (challenge === null) return first;
    digest.adopt(challenge);
    const second = await get(path, digest.nextHeader("GET", path));
    if (second.status === 401) digest.forget();
    return second;
  }

  return {
    async getJson(path, kind) {
      const reply =
        kind === "basic"
          ? await getWithBasic(path)
          : kind === "digest"
            ? await getWithDigest(path)
            : await get(path, null);
      return readReply(reply, `${address.baseUrl}${path}`, login.password !== "");
    },
    rest: () => agent.destroy(),
  };
}

function readReply({ status, text }: HttpReply, where: string, hasPassword: boolean): unknown {
  const detail = excerpt(text);
  if (status === 401 || status === 403) {
    const reason = hasPassword
      ? "does not accept the user name or password"
      : "asks for a password, and none is entered";
    throw new EvError("auth", `${where} ${reason}.`, { detail });
  }
  if (status === 429) throw new EvError("busy", `${where} is asked too often.`, { detail });
  if (status < 200 || status > 299) {
    throw new EvError(status < 500 ? "refused" : "bad-reply", `${where} answered with HTTP status ${status}.`, {
      detail,
    });
  }
  return parseJson(text, where);
}
