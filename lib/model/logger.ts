/** Where a client writes its few lines. Traffic goes to `debug`, state changes to `info`/`warn`, faults to `error`. */
export interface Logger {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** Drops everything: for tests and for code that has nobody to tell. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

const MASK = "***";

/**
 * Replaces secrets by `***` wherever they appear, also in their URL-encoded and Base64 forms. Words under 3 characters are
 * left alone: masking "a" would hide the text and tell the secret.
 */
export function redact(text: string, secrets: readonly string[]): string {
  const forms = secrets
    .filter((secret) => secret.length >= 3)
    .flatMap((secret) => [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64").replace(/=+$/, ""),
    ])
    // a secret inside a longer one must not tear it apart
    .sort((a, b) => b.length - a.length);
  let redacted = text;
  for (const form of forms) redacted = redacted.replaceAll(form, MASK);
  // user:password@host, Basic and Bearer headers: whoever built the text, the secret is in a known place
  return redacted
    .replace(/(\/\/[^/\s:@]+:)[^/\s@]+@/g, `$1${MASK}@`)
    .replace(/\b(Basic|Bearer)\s+[A-Za-z0-9+/=._~-]{6,}/g, `$1 ${MASK}`);
}

/** Wraps a logger so that none of `secrets()` can pass; the list is read at every line, so it may grow. */
export function redactingLogger(inner: Logger, secrets: () => readonly string[]): Logger {
  return {
    debug: (text) => inner.debug(redact(text, secrets())),
    info: (text) => inner.info(redact(text, secrets())),
    warn: (text) => inner.warn(redact(text, secrets())),
    error: (text) => inner.error(redact(text, secrets())),
  };
}
