/* The bodies of the page's function nodes. build-examples.mjs copies what stands between the braces. */

/** @typedef {{ get(key: string): any, set(key: string, kept: unknown): void }} Context */
/** @typedef {{ topic?: string, payload: any, error?: { message: string }, [more: string]: any }} Message */

/**
 * @param {Message} msg
 * @param {Context} context
 */
export function latestOfSessions(msg, context) {
  // Keeps the latest of everything: one record for everybody. First output: once a second (the "tick") and whenever the
  // charger changes its state. Second: the same for lists, which need it only when they may have changed, and now and then
  // for browsers that come back. Third: asks the history for the last finished session.
  const nobody = { charger: null, session: null, last: null, store: null, refusal: null, home: null };
  const page = context.get("page") ?? { kind: "charging-sessions", ...nobody, news: 0, toldMs: 0 };
  const nowMs = Date.now();
  const stateBefore = page.charger?.state;
  const record = msg.error ? null : msg.payload;
  let isNews = msg.topic === "start" || msg.topic === "changed";
  if (msg.error)
    page.refusal = { text: msg.error.message.replace(/^\w*Error: /, ""), at: new Date(nowMs).toISOString() };
  else if (msg.status) {
    // "2 waiting" under the history node, in whatever language; yellow comes first of all, while it is starting
    const waiting = Number(/\d+/.exec(msg.status.text ?? "")?.[0] ?? 0);
    const isAway = msg.status.fill === "yellow" && (waiting > 0 || page.store !== null);
    page.store = { state: msg.status.fill === "red" ? "failed" : isAway ? "waiting" : "ok", waiting };
  } else if (msg.topic === "last") page.last = record.find((/** @type {any} */ row) => row.status === "closed") ?? null;
  else if (record?.kind === "charger" || record?.kind === "home") page[record.kind] = { ...record, raw: undefined };
  else if (record?.kind === "session") {
    const isKnown = page.session?.sessionId === record.sessionId;
    isNews = !isKnown || record.status === "closed";
    if (record.status === "open") page.session = { ...record, segments: [], tariffSlots: [] };
    else if (isKnown) page.session = null;
  }
  // the sums of the running session, once a minute
  if (msg.topic === "tick" && page.session !== null && nowMs - page.news > 60_000) isNews = true;
  if (isNews) page.news = nowMs;
  const isShown =
    isNews || msg.error || ["tick", "last"].includes(msg.topic ?? "") || page.charger?.state !== stateBefore;
  const isForLists = isShown && (isNews || nowMs - page.toldMs > 10_000);
  if (isForLists) page.toldMs = nowMs;
  context.set("page", page);
  const told = { topic: "page", payload: { ...page, at: new Date(nowMs).toISOString() } };
  const question = { topic: "last", payload: { command: "sessions", limit: 2 } };
  return [isShown ? told : null, isForLists ? told : null, isNews ? question : null];
}

/**
 * @param {Message} msg
 */
export function answerToAsker(msg) {
  // Sends what the history answered (or why it did not) back to the widget whose question it was, and only to the browser
  // that asked: `_client` is Dashboard 2's address of it. A change is news for everybody (last output).
  const widgets = ["months", "sessions", "days", "account", "export"];
  const { ask, topic = "", payload, error, command = "", totals, count, fileName, contentType, _client } = msg;
  /** @type {(object | null)[]} */
  const outputs = widgets.map(() => null);
  const index = widgets.indexOf(topic);
  if (ask && index >= 0) {
    const failed = error ? { error: error.message.replace(/^\w*Error: /, ""), rows: null } : { rows: payload };
    const answer = {
      kind: "answer",
      at: new Date().toISOString(),
      ask,
      command,
      ...failed,
      totals,
      count,
      fileName,
      contentType,
    };
    outputs[index] = { topic, payload: answer, _client };
  }
  const isChange = !error && /^(edit|delete|add|remove|import)/.test(command);
  const news =
    topic === "last" && !error ? { topic: "last", payload } : isChange ? { topic: "changed", payload: null } : null;
  return [...outputs, news];
}

/** */
export function sampleYear() {
  // A year of the database that the OpenEVSE logger of the old days leaves behind, as its tables would be read: pressed
  // twice, nothing comes twice.
  const DAY_S = 86_400;
  const today = Math.floor(Date.now() / 1000 / DAY_S);
  /** @type {(day: number, salt: number, most: number) => number} the same for a day whenever it is asked */
  const noise = (day, salt, most) => (Math.imul(day * 31 + salt, 2_654_435_761) >>> 12) % most;
  const days = Array.from({ length: 365 }, (_, index) => today - 365 + index);
  const energySession = days
    .filter((day) => noise(day, 1, 5) < 2)
    .map((day) => {
      const energyWh = 4000 + noise(day, 2, 22) * 900;
      return {
        id: day,
        tstamp: day * DAY_S + 79_200 + noise(day, 3, 90) * 60,
        value: energyWh * 3600,
        sdur: Math.round((energyWh / 7000) * 3600),
        carid: 1,
        tarifid: day < today - 180 ? 1 : 2,
      };
    });
  const tarif = [
    { id: 1, dateA: (today - 400) * DAY_S, value: 0.27, status: 0 },
    { id: 2, dateA: (today - 180) * DAY_S, value: 0.24, status: 1 },
  ];
  const versement = days
    .filter((_, index) => index % 60 === 59)
    .map((day) => ({ id: day, dateV: day * DAY_S + 43_200, value: 80, carid: 1 }));
  return {
    payload: {
      command: "import",
      device: "sample year",
      vehicle: "Sample car",
      currency: "GBP",
      energySession,
      tarif,
      versement,
    },
  };
}
