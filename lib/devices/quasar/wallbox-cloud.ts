import type * as http from "node:http";
import { type HttpReply, requestHttp } from "../../io/http.ts";
import { type Clock, sleep } from "../../model/clock.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { Logger } from "../../model/logger.ts";
import type { ChargerCloud } from "./cloud-duties.ts";
import {
  encodeRemoteAction,
  isOcppType,
  readIsUpdating,
  readOcppConfiguration,
  readRetryAfterMs,
  readToken,
  RESTART,
  switchOcpp,
  type Token,
  WALLBOX_HOSTS,
} from "./cloud-wire.ts";

export interface WallboxCloudOptions {
  /** as the app shows it; digits only */
  readonly chargerId: string;
  readonly email: string;
  readonly password: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** told every secret learnt on the way, before anything is done with it */
  readonly addSecret: (secret: string) => void;
  /** other hosts, for simulators */
  readonly hosts?: { readonly authUrl: string; readonly apiUrl: string };
  /** shortest time between two calls; 60 s. The same again by chance, halved, is added. */
  readonly callGapMs?: number;
  readonly random?: () => number;
}

/** The account allows about one call a minute (fact sheet v2g 3.4). */
const CALL_GAP_MS = 60_000;
const CALL_DEADLINE_MS = 15_000;
const MOST_REPLY_BYTES = 256 * 1024;
/** Tries of one call against 429. */
const TRIES_UNDER_LIMIT = 3;
const OCPP_TRIES = 10;
const OCPP_BACKOFF_MS = { base: 5000, cap: 60_000, jitter: 0.2 } as const;
const TOKEN_MARGIN_MS = 60_000;

/**
 * The vendor's cloud, only for what cannot be done over Modbus: restarting a charger whose Modbus module died, and the
 * OCPP hand-over. At most one call a minute, `Retry-After` honoured, the token in memory only; an account that was refused
 * is not tried again before the next deploy, so that it is not locked (fact sheet v2g 1.12, 3, 8.14).
 *
 * @throws EvError `config` for a charger id that is none
 */
export function createWallboxCloud(options: WallboxCloudOptions): ChargerCloud {
  const { clock, logger, random = Math.random, hosts = WALLBOX_HOSTS, callGapMs = CALL_GAP_MS } = options;
  if (!/^\d{1,12}$/.test(options.chargerId)) {
    throw new EvError("config", "The charger id of the Wallbox account consists of digits only.");
  }
  let token: Token | null = null;
  let nextCallMs = -Infinity;
  let refusal: EvError | null = null;
  const basic = Buffer.from(`${options.email}:${options.password}`).toString("base64");
  for (const secret of [options.email, options.password, basic]) options.addSecret(secret);

  const send = async (
    url: string,
    method: "GET" | "POST",
    headers: Record<string, string>,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<HttpReply> => {
    for (let tries = 1; ; tries++) {
      const reply = await requestHttp({
        url,
        method,
        headers: { Accept: "application/json", "Content-Type": "application/json", ...headers },
        deadlineMs: CALL_DEADLINE_MS,
        maxBytes: MOST_REPLY_BYTES,
        signal,
        ...(body === undefined ? {} : { body }),
      });
      if (reply.status !== 429) return reply;
      const waitMs = readRetryAfterMs(headerOf(reply.headers, "retry-after"), clock.nowMs());
      nextCallMs = clock.monotonicMs() + Math.max(waitMs, callGapMs);
      if (tries >= TRIES_UNDER_LIMIT) throw new EvError("busy", "The Wallbox cloud allows no more calls for now.");
      await pauseUntil(nextCallMs, signal);
    }
  };

  const pauseUntil = async (atMs: number, signal: AbortSignal): Promise<void> => {
    const waitMs = atMs - clock.monotonicMs();
    if (waitMs <= 0) return;
    await sleep(clock, waitMs, signal).catch((stopped: unknown) => {
      throw toEvError(stopped, "closed");
    });
  };

  const signIn = async (signal: AbortSignal): Promise<Token> => {
    const headers = { Authorization: `Basic ${basic}`, Partner: "wallbox" };
    const reply = await send(`${hosts.authUrl}/users/signin`, "GET", headers, undefined, signal);
    if (reply.status === 401 || reply.status === 403) throw refuseAccount();
    if (reply.status !== 200) throw unexpected(reply.status);
    const signedIn = readToken(reply.text, clock.nowMs());
    options.addSecret(signedIn.token);
    return signedIn;
  };

  const refuseAccount = (): EvError => {
    refusal = new EvError(
      "auth",
      "The Wallbox account refuses the log-in; correct e-mail and password and deploy. It is not tried again before.",
    );
    return refusal;
  };

  /** One call to the API, in its turn. A token that ended early is renewed once. */
  const call = async (method: "GET" | "POST", path: string, signal: AbortSignal, body?: string): Promise<string> => {
    if (refusal !== null) throw refusal;
    for (let renewals = 0; ; renewals++) {
      await pauseUntil(nextCallMs, signal);
      if (token === null || token.expiresAtMs - TOKEN_MARGIN_MS < clock.nowMs()) token = await signIn(signal);
      const headers = { Authorization: `Bearer ${token.token}` };
      const reply = await send(`${hosts.apiUrl}/${path}`, method, headers, body, signal).finally(() => {
        nextCallMs = Math.max(nextCallMs, clock.monotonicMs() + callGapMs * (1 + random() / 2));
      });
      if (reply.status >= 200 && reply.status <= 299) return reply.text;
      if (reply.status === 403) throw refuseAccount();
      if (reply.status !== 401) throw unexpected(reply.status);
      token = null;
      if (renewals > 0) throw refuseAccount();
    }
  };

  const ocppPath = `v3/chargers/${options.chargerId}/ocpp-configuration`;
  const readOcpp = async (signal: AbortSignal) => {
    const found = readOcppConfiguration(await call("GET", ocppPath, signal));
    for (const secret of [found.password, found.chargePointIdentity]) if (secret) options.addSecret(secret);
    return found;
  };

  /** Sets and looks; switching off has been seen not to work at the first try (fact sheet v2g 1.12). */
  const switchOnce = async (enabled: boolean, signal: AbortSignal): Promise<boolean> => {
    const found = await readOcpp(signal);
    if (isOcppType(found) === enabled) return true;
    await call("POST", ocppPath, signal, JSON.stringify(switchOcpp(found, enabled)));
    return isOcppType(await readOcpp(signal)) === enabled;
  };

  return {
    async restart(signal) {
      const isUpdating = readIsUpdating(await call("GET", `chargers/status/${options.chargerId}`, signal));
      if (isUpdating) throw new EvError("refused", "The charger is updating its firmware and must not be restarted.");
      await call("POST", `v3/chargers/${options.chargerId}/remote-action`, signal, encodeRemoteAction(RESTART));
    },
    async setOcpp(enabled, signal) {
      for (let tries = 1; tries <= OCPP_TRIES; tries++) {
        const error = await switchOnce(enabled, signal).then(
          (isDone) => (isDone ? null : new EvError("refused", "The Wallbox cloud did not switch OCPP.")),
          (thrown: unknown) => toEvError(thrown),
        );
        if (error === null) return;
        if (tries === OCPP_TRIES || HOPELESS.has(error.code)) throw error;
        logger.debug(`Switching OCPP: try ${tries} failed: ${error.message}`);
        const { base, cap, jitter } = OCPP_BACKOFF_MS;
        const waitMs = Math.min(cap, base * 2 ** (tries - 1)) * (1 - jitter + 2 * jitter * random());
        await pauseUntil(clock.monotonicMs() + waitMs, signal);
      }
    },
  };
}

const HOPELESS: ReadonlySet<string> = new Set(["auth", "config", "closed", "internal"]);

const unexpected = (status: number): EvError =>
  new EvError(status < 500 ? "refused" : "bad-reply", `The Wallbox cloud answered with HTTP status ${status}.`);

function headerOf(headers: http.IncomingHttpHeaders, name: string): string | undefined {
  const found = headers[name];
  return typeof found === "string" ? found : undefined;
}
