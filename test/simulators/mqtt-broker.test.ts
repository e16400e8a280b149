import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { connectAsync, type MqttClient } from "mqtt";
import { EvError } from "../../lib/model/errors.ts";
import { type MqttBroker, type MqttBrokerOptions, startMqttBroker } from "../../simulators/mqtt-broker.ts";
import { listenToBroker, type MqttListener } from "./mqtt-listener.ts";
import { ask, waitUntil } from "./wire.ts";

describe("MQTT broker", () => {
  const brokers: MqttBroker[] = [];
  const clients: { close(): Promise<void> }[] = [];

  async function start(options: MqttBrokerOptions = {}): Promise<MqttBroker> {
    const broker = await startMqttBroker(options);
    brokers.push(broker);
    return broker;
  }
  async function listen(broker: MqttBroker): Promise<MqttListener> {
    const listener = await listenToBroker(broker.url);
    clients.push(listener);
    return listener;
  }
  async function connect(broker: MqttBroker, options: object): Promise<MqttClient> {
    const client = await connectAsync(broker.url, { reconnectPeriod: 0, connectTimeout: 2_000, ...options });
    client.on("error", () => {});
    clients.push({ close: () => client.endAsync(true) });
    return client;
  }
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()));
    await Promise.all(brokers.splice(0).map((broker) => broker.stop()));
  });

  it("delivers, keeps what is retained, and counts", async () => {
    const broker = await start();
    const early = await listen(broker);
    await early.publish("car/state", "3", true);
    await early.publish("car/amp", "16000");
    await early.until("car/amp", (text) => text === "16000");
    const late = await listen(broker);
    assert.equal(await late.latest("car/state"), "3");
    assert.deepEqual(late.textsOf("car/amp"), []);
    assert.equal(late.heard[0]?.retain, true);
    assert.deepEqual(
      [broker.counts.clients, broker.counts.acceptedClients, broker.counts.messages, broker.clientIds.length],
      [2, 2, 2, 2],
    );
  });

  it("delivers everything exactly once, whatever is retained and however subscriptions overlap", async () => {
    const broker = await start();
    const listener = await listenToBroker(broker.url, "a/#");
    clients.push(listener);
    const overlapping = await connect(broker, {});
    const heard: string[] = [];
    overlapping.on("message", (_topic, payload) => heard.push(payload.toString()));
    await overlapping.subscribeAsync(["a/+", "a/#", "a/b"]);
    const device = await connect(broker, {});
    const expected: string[] = [];
    for (let number = 0; number < 60; number++) {
      expected.push(String(number));
      const options = { qos: number % 5 === 0 ? 1 : 0, retain: number % 3 === 0 } as const;
      device.publish("a/b", String(number), options);
    }
    await waitUntil(() => heard.length >= 60 && listener.textsOf("a/b").length >= 60, "all messages");
    const inOrder = (texts: readonly string[]): readonly string[] => texts.toSorted((a, b) => Number(a) - Number(b));
    assert.deepEqual(inOrder(heard), expected);
    assert.deepEqual(inOrder(listener.textsOf("a/b")), expected);
    const again = await connect(broker, {});
    again.on("message", (_topic, payload) => heard.push(`late ${payload.toString()}`));
    await again.subscribeAsync("a/b");
    await waitUntil(() => heard.some((text) => text.startsWith("late ")), "the retained one");
  });

  it("lets nobody in without the right user and password", async () => {
    const broker = await start({ username: "owner", password: "secret" });
    for (const wrong of [
      {},
      { username: "owner" },
      { username: "owner", password: "Secret" },
      { username: "guest", password: "secret" },
    ]) {
      await assert.rejects(connect(broker, wrong), /[Nn]ot authorized|[Bb]ad user/, JSON.stringify(wrong));
    }
    const client = await connect(broker, { username: "owner", password: "secret" });
    assert.equal(client.connected, true);
    assert.deepEqual([broker.counts.refusedClients, broker.counts.acceptedClients], [4, 1]);
  });

  it("sends the will of a client that breaks off, and none for one that says goodbye", async () => {
    const broker = await start();
    const listener = await listen(broker);
    const will = (payload: string) => ({
      topic: "will",
      payload: Buffer.from(payload),
      qos: 0 as const,
      retain: false,
    });
    const polite = await connect(broker, { will: will("polite") });
    await polite.endAsync();
    const rude = await connect(broker, { will: will("rude") });
    rude.stream.destroy();
    await listener.until("will", () => true);
    assert.deepEqual(listener.textsOf("will"), ["rude"]);
  });

  it("cuts every connection and welcomes new ones", async () => {
    const broker = await start();
    const listener = await listen(broker);
    const client = await connect(broker, { clientId: "a" });
    broker.dropClients();
    await waitUntil(() => !client.connected && broker.counts.clients === 0, "the connection to break");
    await listener.close();
    assert.equal((await connect(broker, { clientId: "a" })).connected, true);
  });

  it("comes back on the same port after a stop, with nothing left of what it kept", async () => {
    const broker = await start();
    const { port, url } = broker;
    const before = await listen(broker);
    await before.publish("kept", "yes", true);
    await broker.stop();
    await broker.stop();
    assert.deepEqual([broker.isRunning, broker.counts.clients], [false, 0]);
    assert.equal((await ask(port, "/")).end, "refused");
    await broker.start();
    await broker.start();
    assert.deepEqual([broker.isRunning, broker.port, broker.url], [true, port, url]);
    const after = await listen(broker);
    await after.settle();
    assert.deepEqual(after.textsOf("kept"), []);
  });

  it("survives a client that speaks something else", async () => {
    const broker = await start();
    const reply = await ask(broker.port, "/", { deadlineMs: 300 });
    assert.notEqual(reply.end, "complete");
    assert.equal((await connect(broker, {})).connected, true);
  });

  it("says in words that a port is taken", async () => {
    const { port } = await start();
    await assert.rejects(
      start({ port }),
      (error) => error instanceof EvError && error.code === "config" && error.message.includes(String(port)),
    );
  });
});
