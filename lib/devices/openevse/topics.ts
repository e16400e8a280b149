import { readAnnouncement } from "./documents.ts";
import type { LinkEvents } from "./link.ts";
import type { RawValue } from "./wire.ts";

/* Which topic says what (fact sheet openevse-h2v-sessions 3.1, 3.3, 4.1). Pure. */

/** Documents are a few kB; a schedule of 50 events is the longest. */
const MOST_CHARACTERS = 64 * 1024;

export interface Topics {
  /** without a slash at the end */
  readonly baseTopic: string;
  /** may hold a wildcard at the end; "" = none */
  readonly announceTopic: string;
}

/** What to subscribe to: nothing deeper than needed, because our own commands are there. */
export const topicFilters = ({ baseTopic, announceTopic }: Topics): string[] => [
  baseTopic,
  `${baseTopic}/+`,
  `${baseTopic}/rapi/out`,
  ...(announceTopic === "" ? [] : [announceTopic]),
];

/** Hands one message on to whom it concerns; `onRapi` gets answers of the controller. */
export function routeMessage(
  { baseTopic, announceTopic }: Topics,
  message: { readonly topic: string; readonly payload: unknown; readonly isRetained: boolean },
  events: LinkEvents,
  onRapi: (answer: string) => void,
): void {
  const { topic, isRetained } = message;
  const raw = toRaw(message.payload);
  if (raw === undefined) return;
  if (isBelow(topic, announceTopic)) {
    // a wide filter also covers what the charger says otherwise
    const announcement = readAnnouncement(raw);
    if (announcement !== undefined) {
      events.announced(announcement, isRetained);
      return;
    }
  }
  // a module of 2.x says on the base topic itself that it came or went
  if (topic === baseTopic) {
    if (raw === "connected" || raw === "disconnected") events.presence(raw === "connected", isRetained);
    return;
  }
  if (!topic.startsWith(`${baseTopic}/`)) return;
  const key = topic.slice(baseTopic.length + 1);
  if (key === "rapi/out") {
    if (!isRetained && typeof raw === "string") onRapi(raw.trim().slice(0, 200));
  } else if (!key.includes("/")) {
    events.heard(key, raw, isRetained);
  }
}

function isBelow(topic: string, filter: string): boolean {
  if (filter === "") return false;
  return /[#+]$/.test(filter) ? topic.startsWith(filter.slice(0, -1)) : topic === filter;
}

/** Text out of a buffer; what an `mqtt in` node has parsed already passes. */
function toRaw(payload: unknown): RawValue {
  if (Buffer.isBuffer(payload)) return payload.length > MOST_CHARACTERS ? undefined : payload.toString("utf8");
  if (typeof payload === "string") return payload.length > MOST_CHARACTERS ? undefined : payload;
  return typeof payload === "number" ||
    typeof payload === "boolean" ||
    (typeof payload === "object" && payload !== null)
    ? payload
    : undefined;
}
