import type { Waiting } from "../../io/wait-until.ts";
import { type Clock, sleep } from "../../model/clock.ts";
import { EvError } from "../../model/errors.ts";
import type { Firmware } from "./firmware.ts";
import type { OpenevseLink } from "./link.ts";
import { describeHolder, type Order } from "./orders.ts";
import type { Snapshot } from "./snapshot.ts";
import { FLAG, type NumberKey, readRapiReading } from "./wire.ts";

/** What commands need of the charger: to tell it something, and to see whether it did it. */
export interface Hand {
  readonly clock: Clock;
  readonly link: OpenevseLink;
  readonly snapshot: Snapshot;
  readonly firmware: () => Firmware;
  /** what the user says of its phases; null = nothing */
  readonly wiredPhases: 1 | 3 | null;
  readonly waiting: Waiting;
  /** when the module began to run, as its uptime says, monotonic ms; null = never heard */
  readonly bornAtMs: () => number | null;
  /** takes in what the controller answered */
  readonly learn: (numbers: Readonly<Partial<Record<NumberKey, number>>>) => void;
}

/** A charger that has understood shows it at once; this is for slow networks, ms. */
export const HEARD_WITHIN_MS = 6000;
/** Between two looks over HTTP, ms. */
const LOOK_EVERY_MS = 500;

/** @throws EvError see `OpenevseLink.send` */
export const tell = ({ link, snapshot }: Hand, order: Order, isUrgent = false): Promise<void> =>
  link.send(order, snapshot.documents.config, isUrgent);

/** Waits until the charger shows it. @throws EvError what `impatience` makes */
export async function see(
  { clock, link, waiting }: Hand,
  isSo: () => boolean,
  withinMs: number,
  impatience: () => EvError,
): Promise<void> {
  const over = new AbortController();
  const keepLooking = async (): Promise<void> => {
    while (!over.signal.aborted) {
      // a look that fails is no answer; the deadline decides
      await link.look().catch(() => {});
      await sleep(clock, LOOK_EVERY_MS, over.signal).catch(() => {});
    }
  };
  if (link.kind === "http") void keepLooking();
  try {
    await waiting.until(isSo, withinMs, impatience);
  } finally {
    over.abort();
  }
}

export const unheard = (what: string): EvError =>
  new EvError("timeout", `The charger was told, but does not show ${what}: it may not have heard.`);

/** @throws EvError `refused` for `$NK`, and see `OpenevseLink.askRapi` @returns what follows `$OK` */
export async function askController(hand: Hand, text: string, isUrgent = false): Promise<string> {
  const answer = await hand.link.askRapi(text, isUrgent);
  const reading = readRapiReading(text, answer);
  if (reading !== null) hand.learn(reading);
  if (!answer.startsWith("$OK")) {
    throw new EvError("refused", `The controller refused ${text}.`, { detail: answer });
  }
  return answer
    .slice(3)
    .replace(/[\^*].*$/, "")
    .trim();
}

/** Who keeps the charger from doing what it was told: asked where that can be asked, else told by what it shows. */
export async function whoHolds({ link, snapshot }: Hand): Promise<string> {
  const holders = await link.readHolders().catch(() => null);
  const client = holders?.state ?? holders?.charge_current ?? holders?.max_current;
  if (client !== undefined) return describeHolder(client);
  const { numbers, documents } = snapshot;
  const bits = numbers.flags ?? 0;
  if ((bits & FLAG.limitReached) !== 0) return describeHolder(65542);
  if ((bits & FLAG.authLocked) !== 0) return describeHolder(65546);
  if (numbers.manual_override === 1 || (documents.override ?? null) !== null) return describeHolder(65537);
  return "somebody with a higher priority: RFID (1030), OCPP (1050), a session limit (1100), load balancing or temperature (5000)";
}
