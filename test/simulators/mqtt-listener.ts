import { connectAsync } from "mqtt";
import { waitUntil } from "./wire.ts";

export interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly retain: boolean;
}

/** A client that hears everything on a broker and can publish. */
export interface MqttListener {
  readonly heard: readonly Heard[];
  /** Texts of a topic, oldest first. */
  textsOf(topic: string): readonly string[];
  /** The latest text of a topic; waits for the first one. */
  latest(topic: string): Promise<string>;
  /** Waits until a topic says something. */
  until(topic: string, fits: (text: string) => boolean): Promise<void>;
  /** How often a topic has spoken, also before `forget`. */
  countOf(topic: string): number;
  forget(): void;
  publish(topic: string, text: string, retain?: boolean): Promise<void>;
  /** Waits until whatever was published before has arrived. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export async function listenToBroker(url: string, filter = "#"): Promise<MqttListener> {
  const client = await connectAsync(url, { reconnectPeriod: 0, connectTimeout: 2_000 });
  const heard: Heard[] = [];
  const counts = new Map<string, number>();
  client.on("error", () => {});
  client.on("message", (topic, payload, packet) => {
    counts.set(topic, (counts.get(topic) ?? 0) + 1);
    heard.push({ topic, text: payload.toString("utf8"), retain: packet.retain });
  });
  await client.subscribeAsync(filter);
  const textsOf = (topic: string): readonly string[] =>
    heard.filter((message) => message.topic === topic).map(({ text }) => text);
  let settled = 0;
  return {
    heard,
    textsOf,
    async latest(topic) {
      await waitUntil(() => textsOf(topic).length > 0, topic);
      return textsOf(topic).at(-1) ?? "";
    },
    until: (topic, fits) => waitUntil(() => textsOf(topic).some(fits), topic),
    countOf: (topic) => counts.get(topic) ?? 0,
    forget() {
      heard.length = 0;
    },
    publish: async (topic, text, retain = false) => {
      await client.publishAsync(topic, text, { qos: 1, retain });
    },
    async settle() {
      settled++;
      const mark = `settled ${settled}`;
      await client.publishAsync("test/settle", mark);
      await waitUntil(() => textsOf("test/settle").includes(mark), "the broker to catch up");
    },
    close: () => client.endAsync(true),
  };
}
