import { excerpt, type HttpReply, parseJson, requestHttp } from "../../io/http.ts";
import { createQueue } from "../../io/queue.ts";
import { backoffMs } from "../../io/retry.ts";
import { type Clock, sleep } from "../../model/clock.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import { secondsToMs } from "../../model/units.ts";
import { readHolders } from "./documents.ts";
import type { LinkEvents, OpenevseLink } from "./link.ts";
import { type HttpOrder, toHttp } from "./orders.ts";
import type { RawValue } from "./wire.ts";

/*
 * An OpenEVSE over its own HTTP API (fact sheet openevse-h2v-sessions 5): polled, one request at a time.
 */

export interface HttpSettings {
  /** without a slash at the end */
  readonly baseUrl: string;
  readonly user: string;
  readonly password: string;
  readonly pollS: number;
  /** our own client number among the claims */
  readonly claimId: number;
}

const DEADLINE_MS = 5000;
const MOST_BYTES = 64 * 1024;
/** A single failure is forgiven; the second in a row counts. */
const FAILURES_UNTIL_DOWN = 2;
const OUTAGE_BACKOFF = { baseMs: 2000, capMs: 60_000 };
/** Too many wrong passwords lock the log-in (429). */
const LOGIN_BACKOFF = { baseMs: 120_000, capMs: 600_000 };
/** Settings and claims change seldom and say so in their version numbers. */
const DOCUMENTS: readonly (readonly [path: string, key: string, version: string])[] = [
  ["/config", "config", "config_version"],
  ["/override", "override", "override_version"],
  ["/limit", "limit", "limit_version"],
  ["/schedule", "schedule", "schedule_version"],
];
/** Older firmware has no version numbers; then everything is read this often, ms. */
const REREAD_MS = 300_000;

export function createHttpLink(settings: HttpSettings, clock: Clock, events: LinkEvents): OpenevseLink {
  const closing = new AbortController();
  const { signal } = closing;
  const queue = createQueue();
  const headers: Readonly<Record<string, string>> =
    settings.password === ""
      ? {}
      : { Authorization: `Basic ${Buffer.from(`${settings.user}:${settings.password}`).toString("base64")}` };
  const readVersions = new Map<string, unknown>();
  let lastDocumentsMs = Number.NEGATIVE_INFINITY;
  let isUp = false;
  let failures = 0;

  const ask = (order: HttpOrder, isUrgent = false): Promise<HttpReply> =>
    queue.run(
      async () => {
        const { method, path, body, type } = order;
        const reply = await requestHttp({
          url: `${settings.baseUrl}${path}`,
          method,
          headers: { ...headers, ...(type === undefined ? {} : { "Content-Type": type }) },
          ...(body === undefined ? {} : { body }),
          deadlineMs: DEADLINE_MS,
          maxBytes: MOST_BYTES,
          signal,
        });
        return checkReply(reply, path, settings.password !== "");
      },
      { urgent: isUrgent },
    );
  const getJson = async (path: string): Promise<unknown> => {
    const reply = await ask({ method: "GET", path });
    if (reply.status === 404) return null;
    if (reply.status > 299) throw new EvError("bad-reply", `${path} answered with HTTP status ${reply.status}.`);
    return parseJson(reply.text, path);
  };

  const poll = async (): Promise<void> => {
    const status = await getJson("/status");
    if (typeof status !== "object" || status === null || Array.isArray(status) || !("state" in status)) {
      throw new EvError("bad-reply", "The device at this address answers, but not like an OpenEVSE.");
    }
    const told = status as Readonly<Record<string, RawValue>>;
    if (!isUp) readVersions.clear();
    await readDocuments(told);
    for (const [key, raw] of Object.entries(told)) events.heard(key, raw, false);
    failures = 0;
    isUp = true;
    events.up();
  };

  /** Before the values, so that the firmware is known when they are judged. */
  const readDocuments = async (status: Readonly<Record<string, RawValue>>): Promise<void> => {
    const isOld = clock.monotonicMs() - lastDocumentsMs > REREAD_MS;
    for (const [path, key, version] of DOCUMENTS) {
      const told = status[version] ?? "none";
      if (!isOld && readVersions.get(path) === told) continue;
      const document = await getJson(path);
      readVersions.set(path, told);
      // nothing there: none in force, or a firmware that knows none
      if (document !== null) events.heard(key, document, false);
      else if (key === "override") events.heard(key, {}, false);
    }
    if (isOld) lastDocumentsMs = clock.monotonicMs();
  };

  const fail = (thrown: unknown): void => {
    const error = toEvError(thrown, "unreachable");
    failures += 1;
    if (signal.aborted || (failures < FAILURES_UNTIL_DOWN && error.code !== "auth")) return;
    isUp = false;
    events.down(error);
  };
  const pauseMs = (error: EvError | null): number => {
    if (error === null || failures === 0) return secondsToMs(settings.pollS);
    const backoff = error.code === "auth" || error.code === "busy" ? LOGIN_BACKOFF : OUTAGE_BACKOFF;
    return backoffMs(failures, backoff);
  };
  const keepPolling = async (): Promise<void> => {
    while (!signal.aborted) {
      let error: EvError | null = null;
      await poll().catch((thrown: unknown) => {
        error = toEvError(thrown, "unreachable");
        fail(thrown);
      });
      await sleep(clock, pauseMs(error), signal).catch(() => {});
    }
  };
  const ended = keepPolling();

  return {
    kind: "http",
    get isUp() {
      return isUp;
    },
    async send(order, _config, isUrgent) {
      const http = toHttp(order, settings.claimId);
      const reply = await ask(http, isUrgent);
      if (reply.status < 300 || (http.mayBeMissing === true && (reply.status === 404 || reply.status === 500))) return;
      if (reply.status === 404) {
        throw new EvError("unsupported", `This firmware does not know ${http.path}.`, { detail: excerpt(reply.text) });
      }
      throw new EvError("refused", `The charger refused (HTTP status ${reply.status}).`, {
        detail: excerpt(reply.text),
      });
    },
    async askRapi(text, isUrgent) {
      const path = `/r?json=1&rapi=${encodeURIComponent(text).replaceAll("%20", "+")}`;
      const reply = await ask({ method: "GET", path }, isUrgent);
      const answer = readRapiReply(reply.text);
      if (reply.status > 299 || answer === null) {
        throw new EvError("refused", `The charger does not let ${text.slice(0, 3)} through.`, {
          detail: excerpt(reply.text),
        });
      }
      return answer;
    },
    async look() {
      // what was just ordered may not count a version up before it is read
      readVersions.delete("/override");
      readVersions.delete("/limit");
      readVersions.delete("/schedule");
      await poll();
      const claim = await getJson(`/claims/${settings.claimId}`);
      events.heard("claim", claim ?? {}, false);
    },
    async readHolders() {
      return readHolders((await getJson("/claims/target").catch(() => null)) as RawValue) ?? null;
    },
    async close() {
      closing.abort();
      await queue.close();
      await ended;
    },
  };
}

function checkReply(reply: HttpReply, path: string, hasPassword: boolean): HttpReply {
  if (reply.status === 401 || reply.status === 403) {
    const reason = hasPassword ? "does not accept user name and password" : "asks for a password, and none is entered";
    throw new EvError("auth", `The charger ${reason}.`);
  }
  if (reply.status === 429) throw new EvError("busy", `The charger is asked too often (${path}).`);
  return reply;
}

/** `{"cmd":"$GS","ret":"$OK ..."}`; null when it was blocked. */
function readRapiReply(text: string): string | null {
  try {
    const { ret } = JSON.parse(text) as { ret?: unknown };
    return typeof ret === "string" && ret.startsWith("$") ? ret : null;
  } catch {
    return null;
  }
}
