/*
 * How an OpenEVSE prints (fact sheet openevse 0.8 and 3.7): up to nine significant digits, an exponent from 1e7 on, whole
 * values without a point, absent temperatures as `false`.
 */

export type WireValue = number | string | boolean;
export type WireFields = ReadonlyMap<string, WireValue>;

const LARGEST_PLAIN = 1e7;
const SMALLEST_PLAIN = 1e-5;

/** Integers of the firmware, which never get an exponent. */
const WHOLE_KEYS: ReadonlySet<string> = new Set(["uptime", "free_heap", "freeram", "comm_sent", "comm_success"]);

/** A value as text. @param hasExponents false for the ESP8266, whose counters are integers */
export function toWireText(key: string, shown: WireValue, hasExponents: boolean): string {
  if (typeof shown !== "number") return String(shown);
  if (!Number.isFinite(shown)) return "null";
  const magnitude = Math.abs(shown);
  if (!hasExponents || WHOLE_KEYS.has(key)) return String(Math.round(shown * 1000) / 1000);
  const rounded = Number(shown.toPrecision(9));
  const isPlain = magnitude === 0 || (magnitude < LARGEST_PLAIN && magnitude > SMALLEST_PLAIN);
  return isPlain ? String(rounded) : rounded.toExponential().replace("e+", "e");
}

/** The flat object of `/status`, printed as the firmware prints it. */
export function toWireJson(fields: WireFields, hasExponents: boolean): string {
  const members = [...fields].map(([key, shown]) => {
    const text = typeof shown === "string" ? JSON.stringify(shown) : toWireText(key, shown, hasExponents);
    return `${JSON.stringify(key)}:${text}`;
  });
  return `{${members.join(",")}}`;
}
