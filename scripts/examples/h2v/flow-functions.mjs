/* The bodies of the page's function nodes. build-examples.mjs copies what stands between the braces. */

/** @typedef {{ get(key: string): any, set(key: string, kept: unknown): void }} Context */
/** @typedef {{ topic?: string, payload: any, error?: { message: string }, [more: string]: any }} Message */

/**
 * @param {Message} msg
 * @param {Context} context
 */
export function latestOfH2v(msg, context) {
  // Keeps the latest of everything and sends it every two seconds to all who look: one record for everybody. The second
  // output asks for the months of this year, at the start and after every tenth minute.
  const page = context.get("page") ?? { kind: "h2v-page", minute: null, minuteAt: null, months: [], refusal: null };
  const nowMs = Date.now();
  const minutes = context.get("minutes") ?? 0;
  let isAsking = msg.topic === "start";
  if (msg.error) page.refusal = { text: msg.error.message, at: new Date(nowMs).toISOString() };
  else if (msg.payload?.kind === "h2v") {
    page.minute = msg.payload;
    page.minuteAt = new Date(nowMs).toISOString();
    context.set("minutes", minutes + 1);
    isAsking ||= minutes % 10 === 1;
  } else if (msg.payload?.kind === "year-report") {
    page.months = msg.payload.months.map((/** @type {any} */ month) =>
      month === null ? null : { ...month, days: [] },
    );
  }
  context.set("page", page);
  const year = new Date(nowMs + 9 * 3_600_000).toISOString().slice(0, 4);
  return [
    { topic: "page", payload: { ...page, at: new Date(nowMs).toISOString() } },
    isAsking ? { topic: "months", payload: { year, write: false } } : null,
  ];
}

/**
 * @param {Message} msg
 */
export function reportToAsker(msg) {
  // Sends the report (or why there is none) back to the browser that asked: `_client` is Dashboard 2's address of it. The
  // second output is for everybody: the months of the year.
  const { ask, payload, error, fileName, headers, year, _client } = msg;
  if (!ask) return [null, error ? null : { topic: "months", payload: year }];
  const failed = error ? { error: error.message, rows: null } : { rows: payload };
  const contentType = headers?.["content-type"] ?? "";
  const answer = {
    kind: "answer",
    at: new Date().toISOString(),
    ask,
    command: "report",
    ...failed,
    fileName,
    contentType,
  };
  return [{ topic: "report", payload: answer, _client }, error ? null : { topic: "months", payload: year }];
}
