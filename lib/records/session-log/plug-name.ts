import type { Meter } from "../../model/records.ts";

/** Longest name of a device in a record. */
const LONGEST = 200;

/**
 * The name under which a plug's sessions are logged: the meter's own, for its first channel before a car; with the number
 * of the channel for every other one, which is a plug with a car of its own.
 *
 * @param firstChannel the channel that has the meter's own name; null = none yet
 */
export function plugName({ device, channel }: Meter, firstChannel: number | null): string {
  if (firstChannel === null || channel === firstChannel) return device;
  const suffix = `:${channel}`;
  return `${device.slice(0, LONGEST - suffix.length)}${suffix}`;
}
