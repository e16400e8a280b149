/**
 * What can go wrong, as a stable word. Callers match on the code, people read the text.
 *
 * | code | meaning |
 * |---|---|
 * | `timeout` | no complete answer before the deadline |
 * | `unreachable` | no connection (refused, reset, no such host) |
 * | `refused` | the device understood and said no |
 * | `auth` | user name, password or token not accepted |
 * | `bad-reply` | an answer that does not have the documented shape |
 * | `too-large` | an answer beyond the size limit |
 * | `out-of-range` | a number outside what is allowed or possible |
 * | `bad-command` | `msg.payload` is not a command |
 * | `unsupported` | a command this device does not have |
 * | `busy` | too many requests are waiting |
 * | `stale` | the input needed for this is too old |
 * | `config` | a setting is missing or wrong |
 * | `closed` | the node was closed while the work was under way |
 * | `device-fault` | the device itself reports an error |
 * | `io` | this machine refuses to read or write: disk full, read-only, damaged file |
 * | `internal` | a mistake of ours |
 */
export type EvErrorCode =
  | "timeout"
  | "unreachable"
  | "refused"
  | "auth"
  | "bad-reply"
  | "too-large"
  | "out-of-range"
  | "bad-command"
  | "unsupported"
  | "busy"
  | "stale"
  | "config"
  | "closed"
  | "device-fault"
  | "io"
  | "internal";

export interface EvErrorOptions {
  /** The device's own words, untouched. */
  readonly detail?: string | undefined;
  readonly cause?: unknown;
}

/** Every failure that leaves `lib/` is one of these. */
export class EvError extends Error {
  readonly code: EvErrorCode;
  readonly detail: string | undefined;

  constructor(code: EvErrorCode, message: string, options: EvErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EvError";
    this.code = code;
    this.detail = options.detail;
  }
}

const CODE_OF_SYSTEM_ERROR: Readonly<Record<string, EvErrorCode>> = {
  ECONNREFUSED: "unreachable",
  ECONNRESET: "unreachable",
  EPIPE: "unreachable",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENOTFOUND: "unreachable",
  EAI_AGAIN: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  EADDRINUSE: "config",
  ETIMEDOUT: "timeout",
  ESOCKETTIMEDOUT: "timeout",
};

/** Turns anything that was thrown into an `EvError`; an `EvError` passes unchanged. */
export function toEvError(thrown: unknown, fallback: EvErrorCode = "internal"): EvError {
  if (thrown instanceof EvError) return thrown;
  if (!(thrown instanceof Error)) return new EvError(fallback, String(thrown));
  if (thrown.name === "AbortError") return new EvError("closed", "The work was stopped.", { cause: thrown });
  if (thrown.name === "TimeoutError") return new EvError("timeout", thrown.message, { cause: thrown });
  const systemCode = "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  const code =
    CODE_OF_SYSTEM_ERROR[systemCode] ??
    (/^(ERR_TLS|CERT_|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER))/.test(systemCode)
      ? "auth"
      : fallback);
  // happy-eyeballs failures come as an AggregateError with an empty message
  const inner = thrown instanceof AggregateError && thrown.errors[0] instanceof Error ? thrown.errors[0].message : "";
  return new EvError(code, thrown.message || inner || systemCode || thrown.name, { cause: thrown });
}
