/* Names under which the store keeps what is no reading. */

/** Wh that a gateway counted on a day, as it told the day after. @param day `YYYY-MM-DD` */
export const counterName = (device: string, day: string): string =>
  `${counterPrefix}${encodeURIComponent(device)}/${day}`;

/** Of all gateways. */
export const counterPrefix = "h2v-counter/";

/** What a name says, the device as it is written there; null = another name. */
export function readCounterName(name: string): { readonly device: string; readonly day: string } | null {
  const [, device = "", day = ""] = /^h2v-counter\/([^/]*)\/(\d{4}-\d\d-\d\d)$/.exec(name) ?? [];
  return day === "" ? null : { device, day };
}
