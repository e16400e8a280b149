import { type Cancel, type Clock, sleep } from "../model/clock.ts";
import { EvError, toEvError } from "../model/errors.ts";
import { type MqttLimits, type MqttLine, type MqttMessage, type MqttSettings, openMqttLine } from "./mqtt-line.ts";
import { backoffMs } from "./retry.ts";

export type { MqttMessage, MqttScheme, MqttSettings, MqttTls } from "./mqtt-line.ts";

export interface MqttOptions {
  readonly settings: MqttSettings;
  /** Topic filters; subscribed anew after every reconnect. */
  readonly filters: readonly string[];
  readonly clock: Clock;
  readonly onMessage: (message: MqttMessage) => void;
  /** Connected and subscribed. */
  readonly onUp: () => void;
  /** At every failed try and every loss; another try follows by itself. */
  readonly onDown: (error: EvError) => void;
  readonly limits?: Partial<MqttLimits>;
  readonly random?: () => number;
}

/** A connection that is kept up until it is closed. */
export interface MqttConnection {
  readonly isUp: boolean;
  /**
   * Sends now or not at all: never retained, never queued for later. Without an acknowledgement in time the connection is
   * taken down, so that what still lies in it cannot arrive late.
   *
   * @throws EvError `unreachable`, `timeout`, `too-large`, `closed`
   */
  publish(topic: string, payload: string): Promise<void>;
  /** Less than 2 s. */
  close(): Promise<void>;
}

const CONNECT_WITHIN_MS = 10_000;
const ACKNOWLEDGED_WITHIN_MS = 5000;
const GOODBYE_WITHIN_MS = 1000;
const MOST_BYTES = 64 * 1024;
const BACKOFF = { baseMs: 500, capMs: 30_000 };
/** A wrong password does not get better, and brokers may lock out who tries too often. */
const LOGIN_BACKOFF = { baseMs: 30_000, capMs: 300_000 };
/** A connection that lives shorter counts as a failure: two clients with one id would throw each other out for ever. */
const STABLE_AFTER_MS = 10_000;

/** Begins to connect. Never fails because of the broker: that is what `onDown` is for. */
export function openMqtt(options: MqttOptions): MqttConnection {
  const { clock, settings, filters } = options;
  const limits: MqttLimits = { connectWithinMs: CONNECT_WITHIN_MS, maxMessageBytes: MOST_BYTES, ...options.limits };
  const aborter = new AbortController();
  const { signal } = aborter;
  let line: MqttLine | null = null;
  /** rejects what waits for an acknowledgement */
  const waiting = new Set<(error: EvError) => void>();

  /** Resolves with the reason when the connection is lost. */
  const liveOnce = (): Promise<EvError> =>
    new Promise((resolve, reject) => {
      const onLost = (error: EvError): void => {
        line = null;
        for (const refuse of waiting) refuse(error);
        resolve(error);
      };
      openMqttLine(settings, filters, limits, { onMessage: options.onMessage, onLost }, signal).then((opened) => {
        line = opened;
        options.onUp();
      }, reject);
    });

  const keepUp = async (): Promise<void> => {
    for (let failures = 0; !signal.aborted; ) {
      const beganMs = clock.monotonicMs();
      const error = await liveOnce().catch((thrown: unknown) => toEvError(thrown, "unreachable"));
      if (signal.aborted) return;
      failures = clock.monotonicMs() - beganMs >= STABLE_AFTER_MS ? 1 : failures + 1;
      options.onDown(error);
      const isHopeless = error.code === "auth" || error.code === "config" || error.code === "refused";
      const pauseMs = backoffMs(failures, isHopeless ? LOGIN_BACKOFF : BACKOFF, options.random);
      await sleep(clock, pauseMs, signal).catch(() => {});
    }
  };
  const ended = keepUp();

  return {
    get isUp() {
      return line !== null;
    },
    publish(topic, payload) {
      if (signal.aborted) return Promise.reject(new EvError("closed", "The connection was closed."));
      if (line === null) {
        return Promise.reject(new EvError("unreachable", "There is no connection to the broker; nothing was sent."));
      }
      if (Buffer.byteLength(payload) > limits.maxMessageBytes) {
        return Promise.reject(new EvError("too-large", `A message may have ${limits.maxMessageBytes} bytes at most.`));
      }
      return acknowledged(line, topic, payload);
    },
    async close() {
      const last = line;
      line = null;
      for (const refuse of waiting) refuse(new EvError("closed", "The connection was closed."));
      if (last !== null) await within(clock, GOODBYE_WITHIN_MS, last.end());
      aborter.abort();
      last?.destroy();
      await within(clock, GOODBYE_WITHIN_MS, ended);
    },
  };

  function acknowledged(on: MqttLine, topic: string, payload: string): Promise<void> {
    return new Promise((resolve, reject) => {
      let cancel: Cancel = () => {};
      const end = (settle: () => void): void => {
        cancel();
        waiting.delete(refuse);
        settle();
      };
      const refuse = (error: EvError): void => end(() => reject(error));
      waiting.add(refuse);
      cancel = clock.after(ACKNOWLEDGED_WITHIN_MS, () => {
        refuse(new EvError("timeout", `The broker did not confirm a message within ${ACKNOWLEDGED_WITHIN_MS} ms.`));
        on.destroy();
      });
      on.publish(topic, payload).then(
        () => end(resolve),
        (thrown: unknown) => refuse(toEvError(thrown, "unreachable")),
      );
    });
  }
}

/** Waits for the end of some work, but not longer. */
function within(clock: Clock, mostMs: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(mostMs, resolve);
    work
      .catch(() => {})
      .finally(() => {
        cancel();
        resolve();
      });
  });
}
