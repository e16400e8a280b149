/*
 * Questions that a widget puts to the flow, and their answers. An answer that Dashboard 2 sends to everybody, or a late one
 * to an earlier question, is told apart by who asked and by the number of the question.
 */

/**
 * @typedef {object} Asker
 * @property {string} by this widget in this browser tab
 * @property {number} last number of the last question
 * @property {Readonly<Record<string, { n: number, sentMs: number }>>} open questions without an answer, by what they are about
 */
/** @typedef {{ by: string, n: number, what: string }} Ask */
/**
 * What `history-answer` sends to the widget that asked.
 * @typedef {object} Answer
 * @property {"answer"} kind
 * @property {string} at
 * @property {Ask} ask
 * @property {string} command
 * @property {any} rows rows, a statement, or the content of a file
 * @property {import("../../../lib/records/history/answers.ts").SumRow} [totals]
 * @property {number} [count]
 * @property {string} [fileName]
 * @property {string} [contentType]
 * @property {string} [error] why it could not be done, in words
 */

/** After that a question counts as unanswered; it is put again after the same time. */
export const UNANSWERED_AFTER_MS = 10_000;

/** @returns {Asker} */
export function newAsker() {
  return { by: Math.random().toString(36).slice(2), last: 0, open: {} };
}

/**
 * Notes a question; an earlier one about the same is no longer waited for.
 * @param {Asker} asker
 * @param {string} what
 * @param {number} nowMs
 * @returns {{ asker: Asker, ask: Ask }}
 */
export function askNext(asker, what, nowMs) {
  const n = asker.last + 1;
  const next = { ...asker, last: n, open: { ...asker.open, [what]: { n, sentMs: nowMs } } };
  return { asker: next, ask: { by: asker.by, n, what } };
}

/**
 * @param {Asker} asker
 * @param {unknown} payload
 * @returns {{ asker: Asker, answer: Answer | null }} answer: null when the message answers no open question of this widget
 */
export function takeAnswer(asker, payload) {
  if (!isAnswer(payload) || payload.ask.by !== asker.by) return { asker, answer: null };
  const { [payload.ask.what]: question, ...open } = asker.open;
  if (question === undefined || question.n !== payload.ask.n) return { asker, answer: null };
  return { asker: { ...asker, open }, answer: payload };
}

/**
 * @param {Asker} asker
 * @param {string} what
 * @param {number} nowMs
 */
export function isUnanswered(asker, what, nowMs) {
  const question = asker.open[what];
  return question !== undefined && nowMs - question.sentMs > UNANSWERED_AFTER_MS;
}

/**
 * Waits no longer.
 * @param {Asker} asker
 * @param {string} what
 * @returns {Asker}
 */
export function forget(asker, what) {
  const { [what]: gone, ...open } = asker.open;
  return gone === undefined ? asker : { ...asker, open };
}

/**
 * @param {unknown} payload
 * @returns {payload is Answer}
 */
export function isAnswer(payload) {
  return (
    typeof payload === "object" &&
    payload !== null &&
    "kind" in payload &&
    payload.kind === "answer" &&
    "ask" in payload
  );
}

/**
 * The pages of ours in this dashboard, but for the one that is open.
 * @param {Readonly<Record<string, { name: string, path: string, className?: string, order?: number }>> | undefined} pages as the dashboard keeps them
 * @param {string} openPath the address of the open page
 */
export function findOtherPages(pages, openPath) {
  return Object.values(pages ?? {})
    .filter(({ className }) => /\bev-page\b/.test(className ?? ""))
    .filter(({ path }) => !openPath.endsWith(path))
    .toSorted((a, b) => (a.order ?? 0) - (b.order ?? 0))
    .map(({ name, path }) => ({ name, href: path.replace(/^\/+/, "") }));
}
