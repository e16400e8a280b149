/* Names under which the store keeps what is no reading. */

/** Wh that a gateway counted on a day, as it told the day after. @param day `YYYY-MM-DD` */
export const counterName = (device: string, day: string): string => `${counterPrefix(device)}${day}`;

export const counterPrefix = (device: string): string => `h2v-counter/${encodeURIComponent(device)}/`;
