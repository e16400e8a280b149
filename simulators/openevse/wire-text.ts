/*
 * How an OpenEVSE prints (fact sheet openevse 0.8 and 3.7): an exponent from 1e7 on, whole values without a point, absent
 * temperatures as `false`. The recordings have ten digits, or nine behind the point below 1, where the sheet says nine.
 */

export type WireValue = number | string | boolean;
export type WireFields = ReadonlyMap<string, WireValue>;

const LARGEST_PLAIN = 1e7;
const SMALLEST_PLAIN = 1e-5;
const MOST_DIGITS = 10;

/** Integers of the firmware, which never get an exponent. */
const WHOLE_KEYS: ReadonlySet<string> = new Set(["uptime", "free_heap", "freeram", "comm_sent", "comm_success"]);

/** A value as text. @param hasExponents false for the ESP8266, whose counters are integers */
export function toWireText(key: string, shown: WireValue, hasExponents: boolean): string {
  if (typeof shown !== "number") return String(shown);
  if (!Number.isFinite(shown)) return "null";
  const magnitude = Math.abs(shown);
  if (!hasExponents || WHOLE_KEYS.has(key)) return String(Math.round(shown * 1000) / 1000);
  if (magnitude !== 0 && (magnitude >= LARGEST_PLAIN || magnitude <= SMALLEST_PLAIN)) {
    return Number(shown.toPrecision(MOST_DIGITS)).toExponential().replace("e+", "e");
  }
  const wholeDigits = String(Math.trunc(magnitude)).length;
  return String(Number(shown.toFixed(MOST_DIGITS - wholeDigits)));
}

/** The flat object of `/status`, printed as the firmware prints it. */
export function toWireJson(fields: WireFields, hasExponents: boolean): string {
  const members = [...fields].map(([key, shown]) => {
    const text = typeof shown === "string" ? JSON.stringify(shown) : toWireText(key, shown, hasExponents);
    return `${JSON.stringify(key)}:${text}`;
  });
  return `{${members.join(",")}}`;
}
