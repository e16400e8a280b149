import type { Announcement } from "./documents.ts";

/*
 * Whether the charger is there: by its announcements (with the broker's last will) and by its silence (fact sheet
 * openevse-h2v-sessions 3.1). Whatever came last counts, so that a late will does not outlast readings. Pure.
 */

export interface Presence {
  /** monotonic, ms */
  readonly heardAtMs: number | null;
  /** it, or the broker for it, said that it is gone */
  readonly isGone: boolean;
  /** told by a kept announcement, nothing live heard yet; since when, monotonic, ms */
  readonly announcedAtMs: number | null;
}

export const NOBODY: Presence = { heardAtMs: null, isGone: false, announcedAtMs: null };

/** Something live was said. */
export const afterReading = (presence: Presence, monotonicMs: number): Presence => ({
  ...presence,
  heardAtMs: monotonicMs,
  isGone: false,
});

export function afterAnnouncement(
  presence: Presence,
  isConnected: boolean,
  isRetained: boolean,
  monotonicMs: number,
): Presence {
  if (!isConnected) return { heardAtMs: null, isGone: true, announcedAtMs: null };
  return isRetained
    ? { ...presence, isGone: false, announcedAtMs: monotonicMs }
    : { heardAtMs: monotonicMs, isGone: false, announcedAtMs: monotonicMs };
}

/** When this presence ends unless something is heard, monotonic ms; null = it has not begun. */
export function silentAtMs({ heardAtMs, isGone, announcedAtMs }: Presence, silenceMs: number): number | null {
  if (isGone) return null;
  const since = heardAtMs ?? announcedAtMs;
  return since === null ? null : since + silenceMs;
}

export const isPresent = (presence: Presence, silenceMs: number, monotonicMs: number): boolean =>
  (silentAtMs(presence, silenceMs) ?? Number.NEGATIVE_INFINITY) > monotonicMs;

/**
 * Whether an announcement is about our charger. A last will carries neither base topic nor address, only id and name; the
 * base topic is the name unless somebody changed it.
 *
 * @param serial from the charger's settings, where it says them
 */
export function isOurs(announced: Announcement, baseTopic: string, id: string | null, serial: string | null): boolean {
  if (announced.mqtt !== undefined) return announced.mqtt === baseTopic;
  const known = id ?? serial;
  if (known !== null) return announced.id.toLowerCase() === known.toLowerCase();
  return announced.name === baseTopic;
}
