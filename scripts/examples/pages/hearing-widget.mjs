/*
 * What a widget that shows the record of its page does, whatever it shows of it. The template names these by writing
 * HEARING_COMPUTED and HEARING_METHODS among its own; it calls `startHearing()` when mounted, `stopHearing()` when unmounted.
 */
import { newEar } from "./ear.mjs";

/** The data that the functions below work with. */
export function newHearing() {
  return {
    nowMs: Date.now(),
    ear: newEar(),
    isConnected: true,
    ticking: /** @type {ReturnType<typeof setInterval> | undefined} */ (undefined),
  };
}

/**
 * @typedef {ReturnType<typeof newHearing> & {
 *   kit: any, msg: { payload?: unknown }, $socket: { connected: boolean },
 *   $watch(name: string, call: () => void): void, hearLatest(): void, tick(): void,
 * }} HearingWidget
 */

/** @type {Record<string, (this: HearingWidget) => unknown>} */
export const hearingComputed = {
  heard() {
    return this.kit.hear(this.ear, this.nowMs, this.isConnected);
  },
};

/** @type {Record<string, (this: HearingWidget) => void>} */
export const hearingMethods = {
  startHearing() {
    this.$watch("msg", this.hearLatest);
    this.hearLatest();
    this.ticking = setInterval(() => this.tick(), 1000);
  },
  stopHearing() {
    clearInterval(this.ticking);
  },
  hearLatest() {
    this.ear = this.kit.listen(this.ear, this.msg.payload, Date.now());
    this.tick();
  },
  /** Ages grow without messages. A widget that waits for something watches `nowMs`. */
  tick() {
    this.nowMs = Date.now();
    this.isConnected = this.$socket.connected;
  },
};
