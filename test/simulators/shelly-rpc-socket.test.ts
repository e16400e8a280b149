import assert from "node:assert/strict";
import fc from "fast-check";
import { afterEach, describe, it } from "mocha";
import { createManualClock, type ManualClock } from "../../lib/model/clock.ts";
import { digestResponse } from "../../simulators/web/http-digest.ts";
import { type ShellyRpcOptions, type ShellyRpcSimulator, startShellyRpc } from "../../simulators/shelly-em-rpc.ts";
import { statusDelta } from "../../simulators/shelly/rpc-socket.ts";
import { at, type JsonObject, parseObject } from "./json.ts";
import { type FrameClient, openFrames, waitUntil } from "./wire.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 14, 5, 5);
const SUBSCRIBE = { id: 1, src: "nr", method: "EM1.GetStatus", params: { id: 0 } };
const isMethod = (method: string) => (frame: JsonObject) => frame["method"] === method;
const isReplyTo = (id: number) => (frame: JsonObject) => frame["id"] === id;

describe("WebSocket of a simulated Shelly", () => {
  const running: ShellyRpcSimulator[] = [];
  const clients: FrameClient[] = [];
  const clock: ManualClock = createManualClock(NOW_MS);
  let powerW = 1000;

  const start = async (options: Partial<ShellyRpcOptions> = {}): Promise<ShellyRpcSimulator> => {
    powerW = 1000;
    const channel = () => ({ powerW, voltageV: 230, powerFactor: 1 });
    const shelly = await startShellyRpc({ model: "pro-em", channels: [channel], clock, ...options });
    running.push(shelly);
    return shelly;
  };
  const connect = async (shelly: ShellyRpcSimulator, maxPayloadBytes?: number): Promise<FrameClient> => {
    const client = await openFrames(shelly.port, maxPayloadBytes);
    clients.push(client);
    return client;
  };
  const subscribe = async (shelly: ShellyRpcSimulator): Promise<FrameClient> => {
    const client = await connect(shelly);
    client.send(SUBSCRIBE);
    await client.first(isReplyTo(1));
    return client;
  };
  /** Whatever was sent before the pong has arrived when the pong has. */
  const everythingArrived = async (client: FrameClient): Promise<void> => {
    const before = client.pongs;
    client.ping();
    await waitUntil(() => client.pongs > before, "a pong");
  };
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await Promise.all(running.splice(0).map((shelly) => shelly.stop()));
  });

  it("answers frames with their id and their sender", async () => {
    const shelly = await start();
    const client = await connect(shelly);
    client.send({ id: 5, src: "nr", method: "EM1.GetStatus", params: { id: 0 } });
    client.send({ id: 6, src: "nr", method: "EM1.GetStatus", params: { id: 9 } });
    client.send({ id: 7, method: "Nothing.Such" });
    const reply = await client.first(isReplyTo(5));
    assert.deepEqual([reply["src"], reply["dst"]], [shelly.deviceId, "nr"]);
    assert.equal(at(reply, "result", "act_power"), 1000);
    assert.equal(at(await client.first(isReplyTo(6)), "error", "code"), -105);
    assert.equal(at(await client.first(isReplyTo(7)), "error", "code"), 404);
    assert.equal(shelly.frames, 3);
    assert.equal(shelly.requests, 1);
  });

  it("ignores what is no frame", async () => {
    const client = await connect(await start());
    client.send("text");
    client.send([1, 2]);
    client.send({ id: 1, src: "nr" });
    client.send({ src: "nr", method: "EM1.GetStatus", params: { id: 0 } });
    await everythingArrived(client);
    assert.deepEqual(client.texts, []);
    assert.equal(client.isClosed, false);
  });

  it("pushes nothing before a frame with src came", async () => {
    const shelly = await start();
    const client = await connect(shelly);
    client.send({ id: 1, method: "EM1.GetStatus", params: { id: 0 } });
    await client.first(isReplyTo(1));
    powerW = 2000;
    clock.advance(5_000);
    shelly.pushFullStatus();
    shelly.pushEvent("sys", "ota_begin");
    await everythingArrived(client);
    assert.equal(client.frames.length, 1);
    assert.equal(shelly.listening, 0);
  });

  it("pushes once a second what changed, and nothing while nothing changes", async () => {
    const shelly = await start();
    const client = await subscribe(shelly);
    assert.equal(shelly.listening, 1);
    clock.advance(5_000);
    await everythingArrived(client);
    assert.equal(client.frames.length, 1);
    powerW = 2300;
    clock.advance(999);
    powerW = 4600;
    clock.advance(1);
    const pushed = await client.first(isMethod("NotifyStatus"));
    assert.deepEqual([pushed["src"], pushed["dst"]], [shelly.deviceId, "nr"]);
    assert.deepEqual(pushed["params"], {
      ts: clock.nowMs() / 1000,
      "em1:0": { id: 0, act_power: 4600, aprt_power: 4600, current: 20 },
    });
    clock.advance(3_000);
    await everythingArrived(client);
    assert.equal(client.frames.length, 2);
  });

  it("pushes counters and the new row once a minute", async () => {
    const client = await subscribe(await start());
    clock.advance(61_000);
    await everythingArrived(client);
    const counters = client.frames.filter((frame) => "em1data:0" in Object(frame["params"]));
    assert.equal(counters.length, 1);
    assert.equal(at(counters[0], "params", "em1data:0", "total_act_energy"), 16.67);
    const rows = client.frames.filter(isMethod("NotifyEvent"));
    assert.equal(rows.length, 1);
    assert.equal(at(rows[0], "params", "events", 0, "component"), "em1data:0");
    assert.equal(at(rows[0], "params", "events", 0, "event"), "data");
  });

  it("takes a member away with null", async () => {
    const shelly = await start();
    const client = await subscribe(shelly);
    shelly.setFault("invalid");
    clock.advance(1_000);
    shelly.setFault(null);
    clock.advance(1_000);
    await everythingArrived(client);
    const errors = client.frames
      .filter(isMethod("NotifyStatus"))
      .map((frame) => at(frame, "params", "em1:0", "errors"));
    assert.deepEqual(errors, [["power_meter_failure"], null]);
  });

  it("sends a delta that leads from the old status to the new one", () => {
    const component = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(fc.integer(), fc.constant(null)));
    const tree = fc.record({ "em1:0": component, "em1:1": component });
    fc.assert(
      fc.property(tree, tree, (before, after) => {
        const delta = statusDelta(before, after);
        for (const name of ["em1:0", "em1:1"] as const) {
          const merged = Object.entries({ ...before[name], ...delta[name] }).filter(([, shown]) => shown !== null);
          const wanted = Object.entries(after[name]).filter(([, shown]) => shown !== null);
          assert.deepEqual(Object.fromEntries(merged), Object.fromEntries(wanted));
        }
      }),
    );
    assert.deepEqual(statusDelta({ a: { id: 0, x: 1 } }, { a: { id: 0, x: 1 } }), {});
  });

  it("serves several clients, each with its own name", async () => {
    const shelly = await start();
    const first = await subscribe(shelly);
    const second = await connect(shelly);
    second.send({ ...SUBSCRIBE, src: "other" });
    await second.first(isReplyTo(1));
    powerW = 7;
    clock.advance(1_000);
    assert.equal((await first.first(isMethod("NotifyStatus")))["dst"], "nr");
    assert.equal((await second.first(isMethod("NotifyStatus")))["dst"], "other");
    first.close();
    await waitUntil(() => shelly.listening === 1, "the first to leave");
  });

  it("sends the whole status and events when told to", async () => {
    const shelly = await start();
    const client = await subscribe(shelly);
    shelly.pushFullStatus();
    shelly.pushEvent("sys", "ota_begin");
    const full = await client.first(isMethod("NotifyFullStatus"));
    assert.equal(at(full, "params", "em1:0", "act_power"), 1000);
    assert.equal(at(full, "params", "sys", "mac"), shelly.mac);
    const event = await client.first(isMethod("NotifyEvent"));
    assert.equal(at(event, "params", "events", 0, "event"), "ota_begin");
  });

  it("drops its clients in a reboot and takes them back afterwards", async () => {
    const shelly = await start();
    const client = await subscribe(shelly);
    shelly.reboot({ downMs: 2_000 });
    await waitUntil(() => client.isClosed, "the connection to break");
    assert.equal(client.closeCode, 1006);
    clock.advance(2_000);
    const again = await subscribe(shelly);
    assert.equal(again.frames.length, 1);
    assert.equal(shelly.listening, 1);
  });

  describe("with a password", () => {
    const answerChallenge = (error: unknown, password: string, nc?: number): JsonObject => {
      assert.equal(at(error, "code"), 401);
      const challenge = parseObject(String(at(error, "message")));
      assert.equal(challenge["auth_type"], "digest");
      assert.equal(challenge["algorithm"], "SHA-256");
      const parts = {
        realm: String(challenge["realm"]),
        username: "admin",
        nonce: String(challenge["nonce"]),
        nc: String(nc ?? challenge["nc"]),
        cnonce: "4711",
      };
      const response = digestResponse({ ...parts, password, method: "dummy_method", uri: "dummy_uri" });
      const counted = nc === undefined ? {} : { nc };
      const { nc: _inResponse, ...sent } = parts;
      return { ...sent, ...counted, nonce: challenge["nonce"], cnonce: 4711, response, algorithm: "SHA-256" };
    };
    const challengeOf = async (client: FrameClient): Promise<unknown> => {
      client.send({ ...SUBSCRIBE, id: 100 });
      return (await client.first(isReplyTo(100)))["error"];
    };

    it("challenges a frame without proof and accepts the right one", async () => {
      const shelly = await start({ password: "secret" });
      const client = await connect(shelly);
      const auth = answerChallenge(await challengeOf(client), "secret");
      assert.equal(shelly.listening, 0);
      client.send({ ...SUBSCRIBE, id: 2, auth });
      assert.equal(at(await client.first(isReplyTo(2)), "result", "act_power"), 1000);
      assert.equal(shelly.listening, 1);
    });

    it("refuses a wrong password, and a count that does not rise", async () => {
      const shelly = await start({ password: "secret" });
      const client = await connect(shelly);
      const error = await challengeOf(client);
      client.send({ ...SUBSCRIBE, id: 2, auth: answerChallenge(error, "wrong", 1) });
      assert.equal(at(await client.first(isReplyTo(2)), "error", "code"), 401);
      for (const [id, nc] of [1, 2, 2].entries()) {
        client.send({ ...SUBSCRIBE, id: 10 + id, auth: answerChallenge(error, "secret", nc) });
      }
      assert.ok("result" in (await client.first(isReplyTo(10))));
      assert.ok("result" in (await client.first(isReplyTo(11))));
      assert.equal(at(await client.first(isReplyTo(12)), "error", "code"), 401);
    });

    it("uses a number as nonce with firmware 1, and takes it again and again", async () => {
      const shelly = await start({ password: "secret", firmware: "1.4.2" });
      const client = await connect(shelly);
      const auth = answerChallenge(await challengeOf(client), "secret");
      assert.equal(typeof auth["nonce"], "number");
      for (const id of [2, 3]) {
        client.send({ ...SUBSCRIBE, id, auth });
        assert.ok("result" in (await client.first(isReplyTo(id))));
      }
    });

    it("forgets its nonces in a reboot", async () => {
      const shelly = await start({ password: "secret", firmware: "1.4.2" });
      const before = await connect(shelly);
      const auth = answerChallenge(await challengeOf(before), "secret");
      shelly.reboot({ downMs: 1_000 });
      clock.advance(1_000);
      const after = await connect(shelly);
      after.send({ ...SUBSCRIBE, id: 2, auth });
      assert.equal(at(await after.first(isReplyTo(2)), "error", "code"), 401);
    });

    it("tells everybody who it is, but does not push for that", async () => {
      const shelly = await start({ password: "secret" });
      const client = await connect(shelly);
      client.send({ id: 1, src: "nr", method: "Shelly.GetDeviceInfo" });
      assert.equal(at(await client.first(isReplyTo(1)), "result", "id"), shelly.deviceId);
      assert.equal(shelly.listening, 0);
    });
  });

  describe("faults", () => {
    it("silent: says nothing, not even a pong, until it is over", async () => {
      const shelly = await start();
      const client = await subscribe(shelly);
      const witness = await subscribe(await start());
      shelly.setFault("silent");
      powerW = 3000;
      clock.advance(2_000);
      client.send({ ...SUBSCRIBE, id: 2 });
      client.ping();
      await everythingArrived(witness);
      await everythingArrived(witness);
      assert.equal(client.frames.length, 1);
      assert.equal(client.pongs, 0);
      assert.equal(client.isClosed, false);
      shelly.setFault(null);
      client.send({ ...SUBSCRIBE, id: 3 });
      await client.first(isReplyTo(3));
    });

    it("half-open: the connection is dead without being closed, a new one lives", async () => {
      const shelly = await start();
      const dead = await subscribe(shelly);
      shelly.setFault("half-open");
      const alive = await subscribe(shelly);
      powerW = 3000;
      clock.advance(2_000);
      dead.send({ ...SUBSCRIBE, id: 2 });
      dead.ping();
      await alive.first(isMethod("NotifyStatus"));
      await everythingArrived(alive);
      assert.equal(dead.frames.length, 1);
      assert.equal(dead.pongs, 0);
      assert.equal(dead.isClosed, false);
      assert.equal(shelly.openSockets, 2);
      shelly.setFault(null);
      powerW = 4000;
      clock.advance(2_000);
      await everythingArrived(alive);
      assert.equal(dead.frames.length, 1);
      dead.close();
      await waitUntil(() => shelly.openSockets === 1, "the dead connection to be given up");
    });

    it("refuse: breaks every connection", async () => {
      const shelly = await start();
      const client = await subscribe(shelly);
      shelly.setFault("refuse");
      await waitUntil(() => client.isClosed, "the connection to break");
      assert.equal((await connect(shelly)).isClosed, true);
    });

    it("garbage, truncated-json, html-200: sends texts that are no frames", async () => {
      for (const fault of ["garbage", "truncated-json", "html-200"] as const) {
        const shelly = await start();
        const client = await subscribe(shelly);
        shelly.setFault(fault);
        powerW = 3000;
        clock.advance(1_000);
        await everythingArrived(client);
        assert.equal(client.texts.length, 2, fault);
        assert.equal(client.frames.length, 1, fault);
      }
    });

    it("endless-body: sends a message without end", async () => {
      const shelly = await start();
      const client = await connect(shelly, 1_000_000);
      shelly.setFault("endless-body");
      // a fault of the web server hits the upgrade as well, so this client was there before
      client.send(SUBSCRIBE);
      await waitUntil(() => client.isClosed, "the client to have had enough", 5_000);
      assert.equal(client.frames.length, 0);
      await waitUntil(() => shelly.openSockets === 0, "the connection to end");
    });

    it("nan, huge-value, null-fields: pushes impossible numbers", async () => {
      const shelly = await start();
      const client = await subscribe(shelly);
      shelly.setFault("huge-value");
      clock.advance(1_000);
      assert.equal(at(await client.first(isMethod("NotifyStatus")), "params", "em1:0", "act_power"), 1e9);
      shelly.setFault("nan");
      clock.advance(2_000);
      await waitUntil(() => client.texts.some((text) => text.includes('"act_power":NaN')), "NaN");
      await waitUntil(() => client.texts.some((text) => text.includes('"act_power":"n/a"')), "a word");
      shelly.setFault("null-fields");
      clock.advance(1_000);
      await waitUntil(() => client.texts.some((text) => text.includes('"act_power":null')), "null");
    });

    it("frozen: pushes nothing while the true power moves", async () => {
      const shelly = await start();
      const client = await subscribe(shelly);
      shelly.setFault("frozen");
      powerW = 9000;
      clock.advance(30_000);
      await everythingArrived(client);
      assert.equal(client.frames.filter(isMethod("NotifyStatus")).length, 0);
    });

    it("unauthorized: challenges frames and stops pushing", async () => {
      const shelly = await start();
      const client = await subscribe(shelly);
      shelly.setFault("unauthorized");
      client.send({ ...SUBSCRIBE, id: 2 });
      assert.equal(at(await client.first(isReplyTo(2)), "error", "code"), 401);
      assert.equal(shelly.listening, 0);
    });

    it("too-many-attempts and server-error: answers with an error frame", async () => {
      const shelly = await start();
      const client = await subscribe(shelly);
      shelly.setFault("too-many-attempts");
      client.send({ ...SUBSCRIBE, id: 2 });
      assert.equal(at(await client.first(isReplyTo(2)), "error", "code"), 429);
      shelly.setFault("server-error");
      client.send({ ...SUBSCRIBE, id: 3 });
      assert.equal(at(await client.first(isReplyTo(3)), "error", "code"), -108);
    });

    it("answers the upgrade itself in the way of the fault", async () => {
      for (const fault of ["server-error", "html-200", "redirect", "garbage", "truncated-json"] as const) {
        const shelly = await start();
        shelly.setFault(fault);
        const client = await connect(shelly);
        assert.equal(client.isClosed, true, fault);
        await waitUntil(() => shelly.openSockets === 0, "the connection to end");
      }
    });
  });
});
