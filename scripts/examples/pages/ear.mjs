/* What a widget makes of the messages that the flow sends it: whether they are news, and how old they are. */

/** What our messages to widgets have in common. @typedef {{ kind: string, at: string }} Sent */
/** @typedef {{ payload: unknown, receivedMs: number, isTrusted: boolean }} Ear the last message and when it came */

/** Older than this is shown dimmed and with its age; the controller itself stops following after 10 s. */
export const STALE_AFTER_S = 8;
/** Node-RED sends every second; silence for longer than this is said. */
export const SILENT_AFTER_S = 5;
/** A message that the dashboard kept from before looks like a new one; this far from the browser's clock it must prove itself. */
export const DOUBTFUL_AFTER_MS = 10_000;

/** @returns {Ear} one that has heard nothing yet */
export function newEar() {
  return { payload: null, receivedMs: 0, isTrusted: false };
}

/**
 * Takes in a message. The first one after the page was opened may be years old: it is believed at once when the clocks
 * agree, else when a second one has followed.
 * @param {Ear} ear
 * @param {unknown} payload
 * @param {number} nowMs browser time
 * @returns {Ear}
 */
export function listen(ear, payload, nowMs) {
  if (!isSent(payload)) return ear;
  const isSecond = isSent(ear.payload) && ear.payload.at !== payload.at;
  const isTrusted = ear.isTrusted || isSecond || Math.abs(nowMs - Date.parse(payload.at)) < DOUBTFUL_AFTER_MS;
  return { payload, receivedMs: nowMs, isTrusted };
}

/**
 * Whether the page hears from Node-RED. Ages are told by Node-RED's clock plus the time that passed in the browser since
 * the message came, so a phone with a wrong clock tells no wrong ages.
 * @template {Sent} Page
 * @param {Ear} ear
 * @param {number} nowMs browser time
 * @param {boolean} isConnected
 * @param {(payload: unknown) => payload is Page} isPage whether it is the record of this page
 * @returns {{ page: Page | null, silentS: number, serverMs: number, state: "loading" | "lost" | "silent" | "live" }}
 */
export function hearPage({ payload, receivedMs, isTrusted }, nowMs, isConnected, isPage) {
  const page = isTrusted && isPage(payload) ? payload : null;
  const silentS = page === null ? 0 : Math.max(0, (nowMs - receivedMs) / 1000);
  const isSilent = silentS > SILENT_AFTER_S;
  const serverMs = page === null ? nowMs : Date.parse(page.at) + Math.max(0, nowMs - receivedMs);
  const state = page === null ? "loading" : isSilent && !isConnected ? "lost" : isSilent ? "silent" : "live";
  return { page, silentS, serverMs, state };
}

/**
 * @param {unknown} payload
 * @returns {payload is Sent}
 */
export function isSent(payload) {
  return typeof payload === "object" && payload !== null && "kind" in payload && "at" in payload;
}
