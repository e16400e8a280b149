/* The bodies of the page's two function nodes. build-examples.mjs copies what stands between the braces. */

/** @typedef {{ get(key: string): any, set(key: string, kept: unknown): void }} Context */
/** @typedef {{ topic?: string, payload: any, error?: { message: string } }} Message */

/**
 * @param {Message} msg
 * @param {Context} context
 */
export function latestRecords(msg, context) {
  // Keeps the latest record of every kind. Sends them together once a second (the "tick"), and at once when the
  // controller changes its mind, so that a button answers without delay.
  const empty = { kind: "home-energy", control: null, charger: null, meters: {}, home: null, refusal: null };
  const page = context.get("page") ?? empty;
  const record = msg.error ? null : msg.payload;
  const before = page.control;
  switch (record?.kind) {
    case "meter":
      if (record.powerW !== null) page.meters[record.role] = { powerW: record.powerW, at: record.at };
      break;
    case "charger":
    case "control":
    case "home":
      page[record.kind] = { ...record, raw: undefined };
      break;
  }
  if (msg.error) page.refusal = { text: msg.error.message, at: new Date().toISOString() };
  context.set("page", page);
  const isNews =
    msg.error ||
    (record?.kind === "control" && (before?.mode !== record.mode || before?.reason.code !== record.reason.code));
  if (msg.topic !== "tick" && !isNews) return null;
  return { topic: "home-energy", payload: { ...page, at: new Date().toISOString() } };
}

/**
 * @param {Message} msg
 * @param {Context} context
 */
export function lastFiveMinutes(msg, context) {
  // One point every two seconds: [time, grid, house, sun, car] in W; null where there was no fresh reading.
  const { at, meters, charger, control } = msg.payload;
  const nowMs = Date.parse(at);
  /** @param {{ powerW: number | null, at: string } | null | undefined} seen */
  const fresh = (seen) =>
    seen && nowMs - Date.parse(seen.at) < 8000 && seen.powerW !== null ? Math.round(seen.powerW) : null;
  /** @type {(number | null)[][]} */
  const kept = context.get("points") ?? [];
  const points = kept.filter(([timeMs]) => timeMs != null && timeMs > nowMs - 302000 && timeMs <= nowMs);
  if (nowMs - (points.at(-1)?.[0] ?? 0) < 1500) return null;
  const house = meters.house ?? (control && { powerW: control.houseW, at: control.at });
  const car = charger?.online && charger.powerW !== null ? charger : meters.evse;
  points.push([nowMs, fresh(meters.grid), fresh(house), fresh(meters.solar), fresh(car)]);
  context.set("points", points);
  return { topic: "last-five-minutes", payload: { kind: "last-five-minutes", at, points } };
}
