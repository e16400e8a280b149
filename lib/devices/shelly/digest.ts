import { createHash, randomBytes } from "node:crypto";

/*
 * HTTP digest with SHA-256 and qop "auth" (RFC 7616), and the `auth` object of Shelly's RPC frames, which is the same sum
 * over a fixed method and address (fact sheet v2g 4.2). Firmware 2 counts strictly: every nonce begins with nc 1, nc
 * rises with each use, and nonces are few. So a nonce is kept and counted here, one `DigestLogin` per device and
 * transport.
 */

/** What a device asks for with status or error 401. */
export interface DigestChallenge {
  readonly realm: string;
  /** Kept as it came: some firmware sends a number in frames. */
  readonly nonce: string | number;
}

/** The `auth` member of an RPC frame. */
export interface FrameAuth {
  readonly realm: string;
  readonly username: string;
  readonly nonce: string | number;
  readonly cnonce: string;
  readonly nc: number;
  readonly response: string;
  readonly algorithm: "SHA-256";
}

export interface DigestInput {
  readonly username: string;
  readonly realm: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string | number;
  /** As it stands in the request: eight hexadecimal digits in a header, a plain number in a frame. */
  readonly nc: string | number;
  readonly cnonce: string;
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** The `response` of RFC 7616 section 3.4.1, algorithm SHA-256, qop "auth". */
export function computeDigest(input: DigestInput): string {
  const secretPart = sha256(`${input.username}:${input.realm}:${input.password}`);
  const requestPart = sha256(`${input.method}:${input.uri}`);
  return sha256(`${secretPart}:${input.nonce}:${input.nc}:${input.cnonce}:auth:${requestPart}`);
}

/** Visible ASCII without quote and backslash: what we are ready to put into a header of our own. */
const SAFE = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}$/;
const PARAMETER = /([a-z]+)\s*=\s*(?:"([^"]{0,300})"|([^\s,"]{1,300}))/gi;

/** Reads `WWW-Authenticate`; null when it is not the kind of log-in that we can do. */
export function parseDigestHeader(header: string | undefined): DigestChallenge | null {
  if (header === undefined || header.length > 2000 || !/^digest\s/i.test(header)) return null;
  const parameters = new Map<string, string>();
  for (const [, name = "", quoted, plain] of header.slice(7).matchAll(PARAMETER)) {
    parameters.set(name.toLowerCase(), quoted ?? plain ?? "");
  }
  const offersAuth = (parameters.get("qop") ?? "").split(",").some((qop) => qop.trim().toLowerCase() === "auth");
  if (!offersAuth || parameters.get("algorithm")?.toUpperCase() !== "SHA-256") return null;
  return toChallenge(parameters.get("realm"), parameters.get("nonce"));
}

/** Reads the message of error 401 in a frame: JSON in a string. Null when it is not the kind of log-in that we can do. */
export function parseDigestFrame(message: unknown): DigestChallenge | null {
  if (typeof message !== "string" || message.length > 2000) return null;
  try {
    const asked: unknown = JSON.parse(message);
    if (typeof asked !== "object" || asked === null) return null;
    const { auth_type, algorithm, realm, nonce } = asked as Record<string, unknown>;
    return auth_type === "digest" && algorithm === "SHA-256" ? toChallenge(realm, nonce) : null;
  } catch {
    return null;
  }
}

function toChallenge(realm: unknown, nonce: unknown): DigestChallenge | null {
  const isUsable =
    typeof realm === "string" &&
    SAFE.test(realm) &&
    ((typeof nonce === "string" && SAFE.test(nonce)) || (typeof nonce === "number" && Number.isFinite(nonce)));
  return isUsable ? { realm, nonce } : null;
}

/** Proves the password to one device over one transport, request after request. */
export interface DigestLogin {
  /** Counting begins anew. */
  adopt(challenge: DigestChallenge): void;
  /** Forgets the nonce: the next request asks for a new one. */
  forget(): void;
  /** Value of `Authorization` for the next request, or null while there is no nonce. */
  nextHeader(method: string, uri: string): string | null;
  /** `auth` for the next frame, or null while there is no nonce. */
  nextFrameAuth(): FrameAuth | null;
}

const FRAME_METHOD = "dummy_method";
const FRAME_URI = "dummy_uri";
/** Devices wear a nonce out at 30 000 uses; asking for a new one a little earlier costs nothing. */
const LONGEST_USE = 29_000;

/** @param makeCnonce the client's own random word */
export function createDigestLogin(
  username: string,
  password: string,
  makeCnonce: () => string = () => randomBytes(12).toString("hex"),
): DigestLogin {
  let challenge: DigestChallenge | null = null;
  let uses = 0;
  const nextUse = (): DigestChallenge | null => {
    if (uses >= LONGEST_USE) challenge = null;
    if (challenge !== null) uses += 1;
    return challenge;
  };
  return {
    adopt(fresh) {
      challenge = fresh;
      uses = 0;
    },
    forget() {
      challenge = null;
      uses = 0;
    },
    nextHeader(method, uri) {
      const asked = nextUse();
      if (asked === null) return null;
      const { realm, nonce } = asked;
      const nc = uses.toString(16).padStart(8, "0");
      const cnonce = makeCnonce();
      const response = computeDigest({ username, realm, password, method, uri, nonce, nc, cnonce });
      return (
        `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", algorithm=SHA-256, ` +
        `qop=auth, nc=${nc}, cnonce="${cnonce}", response="${response}"`
      );
    },
    nextFrameAuth() {
      const asked = nextUse();
      if (asked === null) return null;
      const { realm, nonce } = asked;
      const nc = uses;
      const cnonce = makeCnonce();
      const input = { username, realm, password, method: FRAME_METHOD, uri: FRAME_URI, nonce, nc, cnonce };
      return { realm, username, nonce, cnonce, nc, response: computeDigest(input), algorithm: "SHA-256" };
    },
  };
}
