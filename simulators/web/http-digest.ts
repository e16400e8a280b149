import { createHash } from "node:crypto";
import type { Clock } from "../../lib/model/clock.ts";

/**
 * The server's side of HTTP digest, SHA-256, qop "auth" (RFC 7616), and of the `auth` object in Shelly's RPC frames, which
 * is the same sum over a method and an address that never change (fact sheet v2g 4.2).
 */

export const sha256Hex = (text: string): string => createHash("sha256").update(text).digest("hex");

export interface DigestInput {
  readonly username: string;
  readonly realm: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  /** As it stands in the request: eight hexadecimal digits in a header, a plain number in a frame. */
  readonly nc: string;
  readonly cnonce: string;
}

/** The `response` that proves the password (RFC 7616 section 3.4.1). */
export function digestResponse(input: DigestInput): string {
  const ha1 = sha256Hex(`${input.username}:${input.realm}:${input.password}`);
  const ha2 = sha256Hex(`${input.method}:${input.uri}`);
  return sha256Hex([ha1, input.nonce, input.nc, input.cnonce, "auth", ha2].join(":"));
}

/** The parameters of an `Authorization: Digest` header, names in lower case; undefined for any other scheme. */
export function parseDigestHeader(header: string | undefined): ReadonlyMap<string, string> | undefined {
  if (header === undefined || !/^digest\s/i.test(header)) return undefined;
  const pairs = header.slice(7).matchAll(/([a-z0-9*_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi);
  return new Map(
    [...pairs].map(([, name = "", quoted, plain = ""]): [string, string] => [
      name.toLowerCase(),
      quoted === undefined ? plain : quoted.replaceAll(/\\(.)/g, "$1"),
    ]),
  );
}

const NONCE_LIFE_MS = 3_600_000;
const LONGEST_NONCE_USE = 30_000;
const NONCE_SLOTS = 32;
const THROTTLE_MS = 2_000;

type NonceUse = "accepted" | "stale" | "replayed";

export interface NonceTable {
  /** A fresh nonce, or undefined while the table is full and the device wants to be left alone. */
  issue(): string | undefined;
  /** Notes one use. "stale" = unknown, too old or worn out: the same password may be tried with a new nonce. */
  use(nonce: string, nc: number): NonceUse;
  clear(): void;
}

/**
 * The nonces a device has given out. Firmware 2 counts strictly: `nc` begins at 1 and must rise with each use, a nonce
 * lives for an hour or 30 000 uses, and there are 32 places; when all are taken, new challenges are refused for two
 * seconds and then the least used place is freed. Firmware 1 does not look at `nc`.
 */
export function createNonceTable(clock: Clock, seed: string, countsStrictly: boolean): NonceTable {
  const slots = new Map<string, { readonly issuedAtMs: number; lastNc: number; uses: number }>();
  let issued = 0;
  let throttledSinceMs: number | undefined;

  function dropExpired(): void {
    const oldestMs = clock.monotonicMs() - NONCE_LIFE_MS;
    for (const [nonce, slot] of slots) if (slot.issuedAtMs < oldestMs) slots.delete(nonce);
  }

  /** True when there is a free slot, if need be by force. */
  function makeRoom(): boolean {
    if (slots.size < NONCE_SLOTS) return true;
    if (countsStrictly) {
      throttledSinceMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - throttledSinceMs < THROTTLE_MS) return false;
    }
    throttledSinceMs = undefined;
    const [leastUsed] = [...slots].sort(([, a], [, b]) => a.uses - b.uses);
    if (leastUsed) slots.delete(leastUsed[0]);
    return true;
  }

  return {
    issue() {
      dropExpired();
      if (!makeRoom()) return undefined;
      issued++;
      const nonce = countsStrictly
        ? createHash("sha256").update(`${seed}:${issued}`).digest().subarray(0, 16).toString("base64")
        : String(Math.floor(clock.nowMs() / 1000) + issued);
      slots.set(nonce, { issuedAtMs: clock.monotonicMs(), lastNc: 0, uses: 0 });
      return nonce;
    },
    use(nonce, nc) {
      dropExpired();
      const slot = slots.get(nonce);
      if (slot === undefined || slot.uses >= LONGEST_NONCE_USE) return "stale";
      const isInOrder = slot.lastNc === 0 ? nc === 1 : nc > slot.lastNc;
      if (countsStrictly && !isInOrder) return "replayed";
      slot.lastNc = nc;
      slot.uses++;
      return "accepted";
    },
    clear() {
      slots.clear();
      throttledSinceMs = undefined;
    },
  };
}

/** What the guard at the door says. */
export type DigestVerdict =
  | { readonly verdict: "accepted" }
  | { readonly verdict: "denied"; readonly isStale: boolean; readonly nonce: string }
  | { readonly verdict: "throttled" };

export interface DigestGuard {
  checkHeader(request: { method: string; target: string; authorization: string | undefined }): DigestVerdict;
  /** @param auth the `auth` member of an RPC frame, as it came */
  checkFrame(auth: unknown): DigestVerdict;
  /** The value of `WWW-Authenticate`. */
  challengeHeader(denied: { isStale: boolean; nonce: string }): string;
  /** The message of error 401 in an RPC frame: JSON in a string. */
  challengeFrame(denied: { nonce: string }): string;
  forgetNonces(): void;
}

export interface DigestGuardOptions {
  readonly clock: Clock;
  readonly username: string;
  readonly realm: () => string;
  /** undefined = the door is open */
  readonly password: () => string | undefined;
  /** 2 and later count nonces strictly. */
  readonly firmwareMajor: number;
}

/** Method and address that stand in for the real ones in frames. */
const FRAME_METHOD = "dummy_method";
const FRAME_URI = "dummy_uri";

export function createDigestGuard(options: DigestGuardOptions): DigestGuard {
  const countsStrictly = options.firmwareMajor >= 2;
  const nonces = createNonceTable(options.clock, options.realm(), countsStrictly);

  function deny(isStale: boolean): DigestVerdict {
    const nonce = nonces.issue();
    return nonce === undefined ? { verdict: "throttled" } : { verdict: "denied", isStale, nonce };
  }

  function check(
    claim: ReadonlyMap<string, string> | undefined,
    method: string,
    uri: string,
    nc: number,
  ): DigestVerdict {
    const password = options.password();
    if (password === undefined) return { verdict: "accepted" };
    const named = (name: string): string => claim?.get(name) ?? "";
    const realm = options.realm();
    const isForUs =
      claim !== undefined &&
      named("username") === options.username &&
      named("realm") === realm &&
      named("algorithm").toUpperCase() === "SHA-256" &&
      named("cnonce") !== "";
    if (!isForUs) return deny(false);
    const expected = digestResponse({
      username: options.username,
      realm,
      password,
      method,
      uri,
      nonce: named("nonce"),
      nc: named("nc"),
      cnonce: named("cnonce"),
    });
    if (named("response").toLowerCase() !== expected) return deny(false);
    const use = nonces.use(named("nonce"), nc);
    return use === "accepted" ? { verdict: "accepted" } : deny(use === "stale");
  }

  return {
    checkHeader({ method, target, authorization }) {
      const claim = parseDigestHeader(authorization);
      if (claim !== undefined && (claim.get("qop") !== "auth" || claim.get("uri") !== target)) return deny(false);
      return check(claim, method, target, Number.parseInt(claim?.get("nc") ?? "", 16));
    },
    checkFrame(auth) {
      const claim = toClaim(auth);
      return check(claim, FRAME_METHOD, FRAME_URI, Number(claim?.get("nc")));
    },
    challengeHeader: ({ isStale, nonce }) =>
      `Digest qop="auth", realm="${options.realm()}", nonce="${nonce}", algorithm=SHA-256${isStale ? ", stale=true" : ""}`,
    challengeFrame: ({ nonce }) =>
      JSON.stringify({
        auth_type: "digest",
        nonce: countsStrictly ? nonce : Number(nonce),
        nc: 1,
        realm: options.realm(),
        algorithm: "SHA-256",
      }),
    forgetNonces: () => nonces.clear(),
  };
}

/** Numbers and words of an `auth` object as words; `nc` may be missing and is 1 then. */
function toClaim(auth: unknown): ReadonlyMap<string, string> | undefined {
  if (typeof auth !== "object" || auth === null) return undefined;
  const claim = new Map([["nc", "1"]]);
  for (const [name, shown] of Object.entries(auth)) {
    if (typeof shown === "string" || typeof shown === "number") claim.set(name, String(shown));
  }
  return claim;
}
