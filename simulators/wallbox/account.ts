import type { Clock } from "../../lib/model/clock.ts";
import type { DeviceRequest } from "../web/device-web-server.ts";
import type { Answer } from "../web/wire-faults.ts";

export const json = (status: number, shown: unknown): Answer => ({ status, body: JSON.stringify(shown) });
export const refuse = (status: number, msg: string): Answer => json(status, { code: status, msg });

export interface WallboxAccountOptions {
  readonly clock: Clock;
  readonly email: string;
  readonly password: string;
  readonly tokenLifeMs: number;
  readonly refreshTokenLifeMs: number;
}

/** The log-in host of the Wallbox cloud: passwords in, tokens out (fact sheet v2g 3.1). */
export interface WallboxAccount {
  readonly signIns: number;
  /** HTTP Basic; a wrong password is 403. */
  signIn(request: DeviceRequest): Answer;
  /** Bearer with the refresh token, which is worthless afterwards. */
  refresh(request: DeviceRequest): Answer;
  isSignedIn(request: DeviceRequest): boolean;
  revokeTokens(): void;
}

export function createWallboxAccount(options: WallboxAccountOptions): WallboxAccount {
  const { clock } = options;
  const basicCredentials = Buffer.from(`${options.email}:${options.password}`).toString("base64");
  /** Token to the instant it expires. */
  const tokens = new Map<string, number>();
  const refreshTokens = new Map<string, number>();
  let signIns = 0;
  let issued = 0;

  const isValid = (known: ReadonlyMap<string, number>, request: DeviceRequest): boolean =>
    (known.get(credentialsOf(request, "bearer")) ?? 0) > clock.nowMs();

  /** Expiry instants are milliseconds since 1970. */
  function issueTokens(): Answer {
    issued++;
    const token = `simulated-token-${issued}`;
    const refreshToken = `simulated-refresh-token-${issued}`;
    const expiresAtMs = clock.nowMs() + options.tokenLifeMs;
    const refreshExpiresAtMs = clock.nowMs() + options.refreshTokenLifeMs;
    tokens.set(token, expiresAtMs);
    refreshTokens.set(refreshToken, refreshExpiresAtMs);
    const attributes = {
      token,
      refresh_token: refreshToken,
      ttl: expiresAtMs,
      refresh_token_ttl: refreshExpiresAtMs,
    };
    return json(200, { data: { type: "user-tokens", id: "1", attributes } });
  }

  return {
    get signIns() {
      return signIns;
    },
    signIn(request) {
      const mistake = mistakeIn(request);
      if (mistake !== undefined) return mistake;
      if (credentialsOf(request, "basic") !== basicCredentials) return refuse(403, "Wrong e-mail or password");
      signIns++;
      return issueTokens();
    },
    refresh(request) {
      const mistake = mistakeIn(request);
      if (mistake !== undefined) return mistake;
      if (!isValid(refreshTokens, request)) return refuse(401, "Unauthorized");
      refreshTokens.delete(credentialsOf(request, "bearer"));
      return issueTokens();
    },
    isSignedIn: (request) => isValid(tokens, request),
    revokeTokens() {
      tokens.clear();
      refreshTokens.clear();
    },
  };
}

function mistakeIn(request: DeviceRequest): Answer | undefined {
  if (request.method !== "GET") return refuse(405, "Method Not Allowed");
  return request.headers["partner"] === "wallbox" ? undefined : refuse(400, "Partner header missing");
}

function credentialsOf(request: DeviceRequest, wantedScheme: "basic" | "bearer"): string {
  const [scheme = "", credentials = ""] = (request.headers.authorization ?? "").split(" ", 2);
  return scheme.toLowerCase() === wantedScheme ? credentials : "";
}
