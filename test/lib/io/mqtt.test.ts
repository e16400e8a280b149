import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, describe, it } from "mocha";
import mqtt from "mqtt";
import { type MqttConnection, type MqttMessage, type MqttOptions, openMqtt } from "../../../lib/io/mqtt.ts";
import { createManualClock, systemClock } from "../../../lib/model/clock.ts";
import type { EvError } from "../../../lib/model/errors.ts";
import { type MqttBroker, startMqttBroker } from "../../../simulators/mqtt-broker.ts";
import { until } from "../../support/until.ts";

const endings: (() => unknown)[] = [];

interface Watched {
  readonly connection: MqttConnection;
  readonly messages: MqttMessage[];
  readonly downs: EvError[];
  ups: number;
}

function open(port: number, more: Partial<MqttOptions> = {}, settings: Partial<MqttOptions["settings"]> = {}): Watched {
  const messages: MqttMessage[] = [];
  const downs: EvError[] = [];
  const watched: Watched = {
    messages,
    downs,
    ups: 0,
    connection: openMqtt({
      settings: { scheme: "mqtt", host: "127.0.0.1", port, clientId: null, keepAliveS: 30, ...settings },
      filters: ["house/#"],
      clock: systemClock,
      onMessage: (message) => messages.push(message),
      onUp: () => {
        watched.ups += 1;
      },
      onDown: (error) => downs.push(error),
      random: () => 0,
      ...more,
    }),
  };
  endings.push(() => watched.connection.close());
  return watched;
}

async function broker(options: Parameters<typeof startMqttBroker>[0] = {}): Promise<MqttBroker> {
  const started = await startMqttBroker(options);
  endings.push(() => started.stop());
  return started;
}

/** Another client of the same broker. */
async function other({ url }: { readonly url: string }): Promise<mqtt.MqttClient> {
  const client = mqtt.connect(url, { reconnectPeriod: 0 });
  await new Promise((resolve) => client.once("connect", resolve));
  endings.push(() => client.end(true));
  return client;
}

/** A broker that says yes to a connection and a subscription and then does as the test likes. */
async function fakeBroker(afterwards: (socket: Socket, packetType: number) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const type = (chunk[0] ?? 0) >> 4;
      if (type === 1) socket.write(Buffer.from([0x20, 2, 0, 0]));
      else if (type === 8) socket.write(Buffer.from([0x90, 3, chunk[2] ?? 0, chunk[3] ?? 0, 0]));
      afterwards(socket, type);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endings.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("the MQTT connection", function () {
  this.timeout(15_000);
  afterEach(async () => {
    for (const end of endings.splice(0).toReversed()) await end();
  });

  it("hears what is published, and tells what was kept from what is new", async () => {
    const server = await broker();
    const client = await other(server);
    await client.publishAsync("house/kept", "old", { retain: true });
    const watched = open(server.port);
    await until("up", () => watched.connection.isUp);
    await until("the kept one", () => watched.messages.length === 1);
    await client.publishAsync("house/kept", "new", { retain: true });
    await client.publishAsync("elsewhere", "x");
    await until("the new one", () => watched.messages.length === 2);
    assert.deepEqual(
      watched.messages.map(({ topic, payload, isRetained }) => [topic, payload.toString(), isRetained]),
      [
        ["house/kept", "old", true],
        ["house/kept", "new", false],
      ],
    );
  });

  it("publishes with acknowledgement and never retained", async () => {
    const server = await broker();
    const client = await other(server);
    const heard: { topic: string; qos: number }[] = [];
    await client.subscribeAsync("cmd/#", { qos: 1 });
    client.on("message", (topic, _payload, { qos }) => heard.push({ topic, qos }));
    const watched = open(server.port);
    await until("up", () => watched.connection.isUp);
    await watched.connection.publish("cmd/go", "1");
    await until("heard", () => heard.length === 1);
    assert.deepEqual(heard, [{ topic: "cmd/go", qos: 1 }]);
    const late = await other(server);
    let kept = 0;
    late.on("message", () => kept++);
    await late.subscribeAsync("cmd/#");
    await late.publishAsync("cmd/fence", "");
    await until("the fence", () => kept === 1);
  });

  it("subscribes anew after the broker was killed and started again", async () => {
    const server = await broker();
    const watched = open(server.port);
    await until("up", () => watched.connection.isUp);
    for (let round = 0; round < 2; round++) {
      await server.stop();
      await until("down", () => !watched.connection.isUp);
      await server.start();
      await until("up again", () => watched.connection.isUp, 10_000);
      const client = await other(server);
      const before = watched.messages.length;
      await client.publishAsync("house/x", String(round));
      await until("hears again", () => watched.messages.length > before);
    }
    assert.equal(watched.ups, 3);
    assert.ok(watched.downs.every(({ code }) => code === "unreachable"));
  });

  it("refuses to publish while the broker is away, and does not do it later", async () => {
    const server = await broker();
    const watched = open(server.port);
    await until("up", () => watched.connection.isUp);
    await server.stop();
    await until("down", () => !watched.connection.isUp);
    await assert.rejects(watched.connection.publish("cmd/go", "1"), { code: "unreachable" });
    await server.start();
    const client = await other(server);
    const heard: string[] = [];
    client.on("message", (topic) => heard.push(topic));
    await client.subscribeAsync("cmd/#");
    await until("up again", () => watched.connection.isUp, 10_000);
    await watched.connection.publish("cmd/fence", "");
    await until("the fence", () => heard.length > 0);
    assert.deepEqual(heard, ["cmd/fence"]);
  });

  it("does not send again after a reconnect what was not acknowledged before", async () => {
    let connections = 0;
    const publishes: number[] = [];
    const port = await fakeBroker((socket, type) => {
      if (type === 1) connections += 1;
      if (type === 3) {
        publishes.push(connections);
        socket.destroy();
      }
    });
    const watched = open(port);
    await until("up", () => watched.connection.isUp);
    await assert.rejects(watched.connection.publish("cmd/go", "1"), { code: "unreachable" });
    await until("up again", () => watched.connection.isUp && connections === 2, 10_000);
    await until("a third time, by our own hand", () => {
      if (publishes.length === 1) void watched.connection.publish("cmd/other", "2").catch(() => {});
      return publishes.length >= 2;
    });
    assert.deepEqual(publishes.slice(0, 2), [1, 2]);
  });

  it("gives up on an acknowledgement that does not come, and takes the connection down with it", async () => {
    const clock = createManualClock(0);
    let closed = 0;
    const port = await fakeBroker((socket, type) => {
      if (type === 1) socket.on("close", () => closed++);
    });
    const watched = open(port, { clock });
    await until("up", () => watched.connection.isUp);
    const publishing = watched.connection.publish("cmd/go", "1");
    const outcome = assert.rejects(publishing, { code: "timeout" });
    clock.advance(5000);
    await outcome;
    await until("the connection is reset", () => closed === 1 && !watched.connection.isUp);
    const closing = watched.connection.close();
    await clock.advanceAsync(3000);
    await closing;
  });

  it("waits longer after each failure, up to half a minute", async () => {
    const clock = createManualClock(0);
    const watched = open(1, { clock, random: () => 0 });
    const waitsMs: number[] = [];
    for (let failure = 1; failure <= 9; failure++) {
      await until(`failure ${failure}`, () => watched.downs.length === failure && clock.pending > 0);
      const beganMs = clock.monotonicMs();
      while (clock.pending > 0) await clock.advanceAsync(250);
      waitsMs.push(clock.monotonicMs() - beganMs);
    }
    assert.deepEqual(waitsMs, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
    const closing = watched.connection.close();
    await clock.advanceAsync(60_000);
    await closing;
  });

  it("does not hammer a broker that refuses the password", async () => {
    const clock = createManualClock(0);
    const server = await broker({ username: "me", password: "right" });
    const watched = open(server.port, { clock, random: () => 0 }, { user: "me", password: "wrong" });
    await until("refused", () => watched.downs.length === 1 && clock.pending > 0);
    assert.equal(watched.downs[0]?.code, "auth");
    assert.ok(!watched.downs[0]?.message.includes("wrong"));
    await clock.advanceAsync(14_000);
    assert.equal(server.counts.refusedClients, 1);
    await clock.advanceAsync(1000);
    await until("the second try", () => watched.downs.length === 2);
    const closing = watched.connection.close();
    await clock.advanceAsync(60_000);
    await closing;
  });

  it("logs in with user and password", async () => {
    const server = await broker({ username: "me", password: "right" });
    const watched = open(server.port, {}, { user: "me", password: "right", clientId: "my-client" });
    await until("up", () => watched.connection.isUp);
    assert.deepEqual(server.clientIds, ["my-client"]);
  });

  describe("with TLS", () => {
    const fixture = (name: string): string =>
      readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), "utf8");
    const CERTIFICATE = fixture("broker.pem");
    /** A broker whose certificate is for `broker.example` and signed by nobody. */
    async function secured(): Promise<number> {
      const inner = await broker();
      const server = createTlsServer({ cert: CERTIFICATE, key: fixture("broker-key.pem") }, (outer) => {
        const onward = createConnection(inner.port, "127.0.0.1");
        for (const socket of [outer, onward]) {
          socket.on("error", () => {
            outer.destroy();
            onward.destroy();
          });
        }
        outer.pipe(onward).pipe(outer);
      });
      server.on("tlsClientError", () => {});
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      endings.push(() => server.close());
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : 0;
    }

    it("trusts the authority that it is given, for the name that it is given", async () => {
      const watched = open(
        await secured(),
        {},
        { scheme: "mqtts", tls: { ca: CERTIFICATE, servername: "broker.example" } },
      );
      await until("up", () => watched.connection.isUp);
    });

    for (const [title, tls] of [
      ["an unknown authority", { servername: "broker.example" }],
      ["a certificate for another name", { ca: CERTIFICATE }],
    ] as const) {
      it(`does not connect to ${title}`, async () => {
        const watched = open(await secured(), {}, { scheme: "mqtts", tls, user: "me", password: "secret" });
        await until("refused", () => watched.downs.length > 0);
        assert.equal(watched.downs[0]?.code, "auth");
        assert.equal(watched.ups, 0);
      });
    }

    it("takes any certificate only when told so", async () => {
      const watched = open(await secured(), {}, { scheme: "mqtts", tls: { rejectUnauthorized: false } });
      await until("up", () => watched.connection.isUp);
    });
  });

  it("says that nobody answers when a port is open and mute", async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    endings.push(() => server.close());
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const watched = open(port, { limits: { connectWithinMs: 50 } });
    await until("a timeout", () => watched.downs[0]?.code === "timeout");
  });

  it("does not swallow a message without end", async () => {
    const port = await fakeBroker((socket, type) => {
      if (type !== 8) return;
      // a publish of 200 MB is announced, and comes
      socket.write(Buffer.from([0x30, 0x80, 0x84, 0xaf, 0x5f, 0, 7]));
      socket.write("house/x");
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(16_384))) {
          // until the socket is full
        }
        if (!socket.destroyed) socket.once("drain", more);
      };
      more();
    });
    const watched = open(port, { limits: { maxMessageBytes: 64 * 1024 } });
    await until("the connection is given up", () => watched.downs.some(({ code }) => code === "too-large"));
    assert.deepEqual(watched.messages, []);
  });

  it("leaves out a message beyond the limit and takes the next one", async () => {
    const server = await broker();
    const client = await other(server);
    const watched = open(server.port, { limits: { maxMessageBytes: 100 } });
    await until("up", () => watched.connection.isUp);
    await client.publishAsync("house/big", "x".repeat(101));
    await client.publishAsync("house/small", "x".repeat(100));
    await until("the small one", () => watched.messages.length === 1);
    assert.equal(watched.messages[0]?.topic, "house/small");
    await assert.rejects(watched.connection.publish("cmd", "x".repeat(101)), { code: "too-large" });
  });

  it("is not upset by bytes that are no MQTT", async () => {
    const port = await fakeBroker((socket, type) => {
      if (type === 8) socket.write(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    const watched = open(port);
    await until("down", () => watched.downs.length > 0);
  });

  it("carries ten thousand messages a second", async () => {
    const server = await broker();
    const client = await other(server);
    const watched = open(server.port);
    await until("up", () => watched.connection.isUp);
    const beganMs = performance.now();
    for (let index = 0; index < 10_000; index++) client.publish("house/x", String(index));
    await until("the last one", () => watched.messages.length === 10_000, 10_000);
    assert.equal(watched.messages.at(-1)?.payload.toString(), "9999");
    assert.ok(performance.now() - beganMs < 10_000);
  });

  it("closes within two seconds while it is connecting, connected or hung, and then refuses", async () => {
    const server = await broker();
    const hung = await fakeBroker(() => {});
    for (const port of [server.port, hung, 1]) {
      const watched = open(port);
      if (port !== 1) await until("up", () => watched.connection.isUp);
      const beganMs = performance.now();
      await watched.connection.close();
      assert.ok(performance.now() - beganMs < 2100, `${performance.now() - beganMs} ms`);
      await assert.rejects(watched.connection.publish("cmd", ""), { code: "closed" });
    }
    await until("the broker has seen the client go", () => server.counts.clients === 0);
  });
});
