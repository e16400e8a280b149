import type { Command, ScheduleEvent } from "../../model/commands.ts";
import { limitsSession } from "../../model/commands.ts";
import { sleep } from "../../model/clock.ts";
import { EvError, toEvError } from "../../model/errors.ts";
import type { HeldEvent, SessionLimit } from "./documents.ts";
import { holdsEvent } from "./documents.ts";
import { letsRapiThrough } from "./firmware.ts";
import { askController, type Hand, HEARD_WITHIN_MS, see, tell, unheard } from "./hand.ts";
import { fedNumbers, RAPI_RESTART, RAPI_STATE } from "./orders.ts";

/* Commands that only an OpenEVSE has. Each is done when the charger shows it. */

/** What a command brought to light. */
export type Answer =
  | { readonly command: "schedule"; readonly events: readonly HeldEvent[] }
  | { readonly command: "rapi"; readonly text: string; readonly answer: string };

type Of<Word extends Command["command"]> = Extract<Command, { command: Word }>;

/** Rebooting and finding Wi-Fi and broker again, ms. */
const BACK_WITHIN_MS = 90_000;
/** The controller alone starts faster, ms; it is asked this often. */
const CONTROLLER_BACK_WITHIN_MS = 20_000;
const LOOK_AGAIN_MS = 2000;
/** Less than this is soon counted again, s. */
const LEAST_COUNTED_S = 10;
/** Measurements are smoothed and echoed at the charger's own pace, ms. */
const ECHOED_WITHIN_MS = 10_000;

/** @throws EvError `unsupported`, `timeout`, `refused` ... */
export async function limitSession(hand: Hand, command: Of<"limit">): Promise<void> {
  if (!limitsSession(command)) return;
  if (!hand.firmware().hasLimits) {
    throw new EvError("unsupported", "This firmware has no session limits; they came with version 5.0.");
  }
  const asked: readonly (readonly [SessionLimit["type"], number | null | undefined])[] = [
    ["energy", command.energyWh],
    ["time", command.chargingMin],
    ["soc", command.socPercent],
  ];
  const limits = asked.flatMap(([type, value]) =>
    typeof value === "number" ? [{ type, value: Math.round(value) }] : [],
  );
  const [first] = limits;
  if (limits.length > 1) throw new EvError("unsupported", "An OpenEVSE knows one session limit at a time.");
  const { documents, liveDocuments } = hand.snapshot;
  const isLive = (): boolean => liveDocuments.has("limit");
  if (first === undefined) {
    // there is nothing to take away; what the broker has kept is good enough to leave another limit alone
    if (documents.limit === null && isLive()) return;
    if (
      documents.limit != null &&
      asked.every(([type, value]) => value === undefined || type !== documents.limit?.type)
    )
      return;
  }
  const limit = first === undefined ? null : { ...first, auto_release: true };
  await tell(hand, { to: "limit", limit });
  await see(
    hand,
    () =>
      isLive() &&
      documents.limit !== undefined &&
      documents.limit?.type === limit?.type &&
      documents.limit?.value === limit?.value,
    HEARD_WITHIN_MS,
    () => unheard("the limit"),
  );
}

export async function setDivert(hand: Hand, { mode }: Of<"divert">): Promise<void> {
  const wanted = mode === "eco" ? 2 : 1;
  await tell(hand, { to: "divert", isEco: mode === "eco" });
  await see(
    hand,
    () => hand.snapshot.numbers.divertmode === wanted,
    HEARD_WITHIN_MS,
    () => unheard("the divert mode"),
  );
}

export async function setShaper(hand: Hand, { enabled }: Of<"shaper">): Promise<void> {
  if (!hand.firmware().hasClaims) throw new EvError("unsupported", "This firmware has no load balancing.");
  await tell(hand, { to: "shaper", isOn: enabled });
  await see(
    hand,
    () => hand.snapshot.numbers.shaper === Number(enabled),
    HEARD_WITHIN_MS,
    () => unheard("the state of its load balancing"),
  );
}

/** @param isNewest whether no newer measurement has been fed meanwhile */
export async function feedMeasurements(hand: Hand, command: Of<"feed">, isNewest: () => boolean): Promise<void> {
  const fed = fedNumbers(command);
  if (fed.length === 0) throw new EvError("bad-command", "The command feed needs at least one measurement.");
  await tell(hand, { to: "feed", feed: command });
  await see(
    hand,
    () => !isNewest() || fed.every(([key, number]) => hand.snapshot.numbers[key] === number),
    ECHOED_WITHIN_MS,
    () =>
      new EvError(
        "timeout",
        `The charger does not echo ${fed.map(([key]) => key).join(", ")}: switch solar divert or load balancing on in it.`,
      ),
  );
}

export async function schedule(hand: Hand, { set, clear }: Of<"schedule">): Promise<Answer> {
  if (!hand.firmware().hasClaims) throw new EvError("unsupported", "The timer of this firmware cannot be reached.");
  const held = (): readonly HeldEvent[] => hand.snapshot.documents.schedule ?? [];
  if (clear !== undefined) await clearEvents(hand, clear, held);
  if (set !== undefined) await setEvents(hand, set, held);
  await see(
    hand,
    () => hand.snapshot.documents.schedule !== undefined,
    HEARD_WITHIN_MS,
    () => new EvError("timeout", "The charger has not told its timer."),
  );
  return { command: "schedule", events: held() };
}

async function setEvents(
  hand: Hand,
  events: readonly ScheduleEvent[],
  held: () => readonly HeldEvent[],
): Promise<void> {
  await tell(hand, { to: "schedule", events });
  await see(
    hand,
    () => hand.snapshot.liveDocuments.has("schedule") && events.every((event) => holdsEvent(held(), event)),
    HEARD_WITHIN_MS,
    () => unheard("the new timer"),
  );
}

async function clearEvents(hand: Hand, ids: readonly number[], held: () => readonly HeldEvent[]): Promise<void> {
  for (const id of ids) await tell(hand, { to: "schedule-clear", id });
  await see(
    hand,
    () => hand.snapshot.documents.schedule !== undefined && !held().some(({ id }) => ids.includes(id)),
    HEARD_WITHIN_MS,
    () => unheard("the timer without these events"),
  );
}

export async function restart(hand: Hand): Promise<void> {
  const firmware = hand.firmware();
  if (!firmware.hasLimits && hand.link.kind !== "http") {
    if (!letsRapiThrough(firmware, RAPI_RESTART)) {
      throw new EvError("unsupported", "This firmware cannot be restarted from afar.");
    }
    await restartController(hand);
    return;
  }
  const toldAtMs = hand.clock.monotonicMs();
  await tell(hand, { to: "restart" }).catch((thrown: unknown) => {
    // whoever restarts at once does not answer; its new life will tell
    const error = toEvError(thrown);
    if (error.code !== "unreachable" && error.code !== "timeout") throw error;
  });
  await see(
    hand,
    () => (hand.bornAtMs() ?? Number.NEGATIVE_INFINITY) >= toldAtMs,
    BACK_WITHIN_MS,
    () => unheard("that it has restarted"),
  );
}

/** A plain "yes" may be meant for somebody else: the counter of the session tells. */
async function restartController(hand: Hand): Promise<void> {
  const beforeS = await countedS(hand);
  await askController(hand, RAPI_RESTART);
  // nothing counted yet, or not told: its answer is all there is
  if (!(beforeS > LEAST_COUNTED_S)) return;
  for (let waitedMs = 0; waitedMs < CONTROLLER_BACK_WITHIN_MS; waitedMs += LOOK_AGAIN_MS) {
    await sleep(hand.clock, LOOK_AGAIN_MS);
    // while it starts it does not answer
    const nowS = await countedS(hand).catch((thrown: unknown) => {
      const error = toEvError(thrown);
      if (error.code !== "timeout" && error.code !== "refused") throw error;
      return beforeS;
    });
    if (nowS < beforeS) return;
  }
  throw unheard("that its controller has restarted");
}

/** What the controller counts of the session, s; it begins anew with the controller. */
const countedS = async (hand: Hand): Promise<number> => Number((await askController(hand, RAPI_STATE)).split(" ")[1]);

export async function rapi(hand: Hand, { text }: Of<"rapi">): Promise<Answer> {
  if (!letsRapiThrough(hand.firmware(), text)) {
    throw new EvError(
      "unsupported",
      `This firmware drops ${text.slice(0, 3)} without an answer; it lets only reading commands through.`,
    );
  }
  const answer = await askController(hand, text);
  return { command: "rapi", text, answer };
}

export async function refresh(hand: Hand): Promise<void> {
  if (hand.link.kind === "http") await hand.link.look();
  else await askController(hand, RAPI_STATE);
}
