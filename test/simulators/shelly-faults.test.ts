import assert from "node:assert/strict";
import { Agent } from "node:http";
import { afterEach, describe, it } from "mocha";
import { createManualClock, type ManualClock } from "../../lib/model/clock.ts";
import type { ShellyFault, ShellySimulator } from "../../simulators/shelly/device.ts";
import { startShellyGen1 } from "../../simulators/shelly-em-gen1.ts";
import { startShellyRpc } from "../../simulators/shelly-em-rpc.ts";
import type { ElectricalSample } from "../../simulators/simulator.ts";
import { parseObject } from "./json.ts";
import { ask, askObject, waitUntil } from "./wire.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 14, 5, 5);

interface Product {
  readonly name: string;
  readonly start: (channel: () => ElectricalSample, clock: ManualClock) => Promise<ShellySimulator>;
  /** Where the power of the first clamp is read, and what it is called there. */
  readonly readingPath: string;
  readonly powerKey: string;
  readonly energyPath: string;
  readonly importKey: string;
}

const products: readonly Product[] = [
  {
    name: "Shelly EM",
    start: (channel, clock) => startShellyGen1({ channels: [channel], clock }),
    readingPath: "/emeter/0",
    powerKey: "power",
    energyPath: "/emeter/0",
    importKey: "total",
  },
  {
    name: "Shelly 3EM",
    start: (channel, clock) => startShellyGen1({ channels: [channel, channel, channel], has3Phases: true, clock }),
    readingPath: "/status",
    powerKey: "total_power",
    energyPath: "/emeter/2",
    importKey: "total",
  },
  {
    name: "Shelly Pro EM",
    start: (channel, clock) => startShellyRpc({ model: "pro-em", channels: [channel], clock }),
    readingPath: "/rpc/EM1.GetStatus?id=0",
    powerKey: "act_power",
    energyPath: "/rpc/EM1Data.GetStatus?id=0",
    importKey: "total_act_energy",
  },
  {
    name: "Shelly Pro 3EM",
    start: (channel, clock) => startShellyRpc({ model: "pro-3em", channels: [channel, channel, channel], clock }),
    readingPath: "/rpc/EM.GetStatus?id=0",
    powerKey: "total_act_power",
    energyPath: "/rpc/EMData.GetStatus?id=0",
    importKey: "total_act",
  },
];

for (const product of products) {
  describe(`faults of a simulated ${product.name}`, () => {
    const running: ShellySimulator[] = [];
    let powerW = 1000;
    const clock = createManualClock(NOW_MS);
    const startWith = async (fault: ShellyFault | null): Promise<ShellySimulator> => {
      powerW = 1000;
      const shelly = await product.start(() => ({ powerW, voltageV: 230, powerFactor: 1 }), clock);
      running.push(shelly);
      shelly.setFault(fault);
      assert.equal(shelly.fault, fault);
      return shelly;
    };
    const recovers = async (shelly: ShellySimulator): Promise<void> => {
      shelly.setFault(null);
      assert.ok(Number.isFinite((await askObject(shelly.port, product.readingPath))[product.powerKey]));
    };
    afterEach(async () => {
      await Promise.all(running.splice(0).map((shelly) => shelly.stop()));
    });

    it("silent: accepts the connection and never answers", async () => {
      const shelly = await startWith("silent");
      const reply = await ask(shelly.port, product.readingPath, { deadlineMs: 150 });
      assert.equal(reply.end, "deadline");
      assert.equal(reply.status, undefined);
      assert.equal(shelly.acceptedSockets, 1);
      await recovers(shelly);
    });

    it("refuse: closes the port, and opens the same one again", async () => {
      const shelly = await startWith("refuse");
      assert.equal((await ask(shelly.port, product.readingPath)).end, "refused");
      assert.equal(shelly.acceptedSockets, 0);
      await recovers(shelly);
    });

    it("slow-loris: sends one byte of the body per second", async () => {
      const shelly = await startWith("slow-loris");
      let isDone = false;
      const answer = ask(shelly.port, product.readingPath, { deadlineMs: 10_000 }).then((reply) => {
        isDone = true;
        return reply;
      });
      await waitUntil(() => shelly.requests === 1, "the request");
      await clock.advanceAsync(50_000);
      const other = await ask(shelly.port, product.readingPath, { deadlineMs: 150 });
      assert.equal(other.status, 200);
      assert.equal(other.text, "{");
      assert.equal(isDone, false);
      for (let minute = 0; minute < 40 && !isDone; minute++) {
        await clock.advanceAsync(60_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(product.powerKey in parseObject((await answer).text));
      await recovers(shelly);
    });

    it("endless-body: sends until the other side has had enough", async () => {
      const shelly = await startWith("endless-body");
      const reply = await ask(shelly.port, product.readingPath, { maxBytes: 3_000_000 });
      assert.equal(reply.end, "too-large");
      await waitUntil(() => shelly.openSockets === 0, "the connection to end");
      await recovers(shelly);
    });

    it("endless-body: ends a body that is under way when the fault is over", async () => {
      const shelly = await startWith("endless-body");
      const answer = ask(shelly.port, product.readingPath, { maxBytes: Number.POSITIVE_INFINITY, deadlineMs: 5_000 });
      await waitUntil(() => shelly.requests === 1, "the request");
      shelly.setFault(null);
      assert.equal((await answer).end, "broken");
    });

    it("garbage: sends bytes that are no JSON, then bytes that are no HTTP", async () => {
      const shelly = await startWith("garbage");
      const first = await ask(shelly.port, product.readingPath);
      assert.equal(first.status, 200);
      assert.throws(() => JSON.parse(first.text));
      assert.equal((await ask(shelly.port, product.readingPath)).end, "broken");
      await recovers(shelly);
    });

    it("truncated-json: sends the first half with a length that fits", async () => {
      const shelly = await startWith("truncated-json");
      const reply = await ask(shelly.port, product.readingPath);
      assert.equal(reply.end, "complete");
      assert.equal(reply.status, 200);
      assert.match(reply.text, /^\{/);
      assert.throws(() => JSON.parse(reply.text));
      await recovers(shelly);
    });

    it("html-200: sends a web page", async () => {
      const shelly = await startWith("html-200");
      const reply = await ask(shelly.port, product.readingPath);
      assert.equal(reply.status, 200);
      assert.match(reply.text, /^<!DOCTYPE html>/);
      await recovers(shelly);
    });

    it("unauthorized: asks for a password that nobody knows, but still says who it is", async () => {
      const shelly = await startWith("unauthorized");
      const reply = await ask(shelly.port, product.readingPath);
      assert.equal(reply.status, 401);
      assert.match(String(reply.headers["www-authenticate"]), /^(Basic|Digest) /);
      const identity = await askObject(shelly.port, "/shelly");
      assert.equal(identity["auth"] ?? identity["auth_en"], true);
      await recovers(shelly);
    });

    it("server-error: answers 500", async () => {
      const shelly = await startWith("server-error");
      assert.equal((await ask(shelly.port, product.readingPath)).status, 500);
      await recovers(shelly);
    });

    it("redirect: sends to another host name and notices who follows", async () => {
      const shelly = await startWith("redirect");
      const reply = await ask(shelly.port, product.readingPath);
      assert.equal(reply.status, 302);
      const elsewhere = new URL(String(reply.headers.location));
      assert.notEqual(elsewhere.hostname, "127.0.0.1");
      assert.equal(shelly.redirectsFollowed, 0);
      assert.equal((await ask(shelly.port, elsewhere.pathname)).status, 302);
      assert.equal(shelly.redirectsFollowed, 1);
      await recovers(shelly);
    });

    it("nan: sends NaN for numbers, then words for numbers", async () => {
      const shelly = await startWith("nan");
      const replies = [await ask(shelly.port, product.readingPath), await ask(shelly.port, product.readingPath)];
      const texts = replies.map((reply) => reply.text).sort();
      assert.ok(texts.some((text) => text.includes(`"${product.powerKey}":NaN`)));
      assert.ok(texts.some((text) => text.includes(`"${product.powerKey}":"n/a"`)));
      await recovers(shelly);
    });

    it("huge-value: reports 1e9 W", async () => {
      const shelly = await startWith("huge-value");
      assert.equal((await askObject(shelly.port, product.readingPath))[product.powerKey], 1e9);
      await recovers(shelly);
    });

    it("null-fields: reports null for what it measures", async () => {
      const shelly = await startWith("null-fields");
      assert.equal((await askObject(shelly.port, product.readingPath))[product.powerKey], null);
      assert.equal((await askObject(shelly.port, product.energyPath))[product.importKey], null);
      await recovers(shelly);
    });

    it("frozen: repeats the reading and the counters while the true power moves", async () => {
      const shelly = await startWith(null);
      clock.advance(36_000);
      shelly.setFault("frozen");
      const reading = (await askObject(shelly.port, product.readingPath))[product.powerKey];
      const energy = (await askObject(shelly.port, product.energyPath))[product.importKey];
      powerW = 7000;
      clock.advance(3_600_000);
      assert.equal((await askObject(shelly.port, product.readingPath))[product.powerKey], reading);
      assert.equal((await askObject(shelly.port, product.energyPath))[product.importKey], energy);
      shelly.setFault(null);
      assert.notEqual((await askObject(shelly.port, product.readingPath))[product.powerKey], reading);
      assert.equal((await askObject(shelly.port, product.energyPath))[product.importKey], energy);
    });

    it("invalid: says that its own reading is not to be trusted", async () => {
      const shelly = await startWith("invalid");
      const { text } = await ask(shelly.port, product.readingPath);
      assert.match(text, /"is_valid":false|"errors":\["power_meter_failure"\]/);
      shelly.setFault(null);
      assert.doesNotMatch((await ask(shelly.port, product.readingPath)).text, /"is_valid":false|power_meter_failure/);
    });

    it("half-open: an open connection goes dead, a new one works", async () => {
      const shelly = await startWith(null);
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      await ask(shelly.port, product.readingPath, { agent });
      const keepsAlive = shelly.openSockets === 1;
      shelly.setFault("half-open");
      const reused = await ask(shelly.port, product.readingPath, { agent, deadlineMs: 150 });
      assert.equal(reused.end, keepsAlive ? "deadline" : "complete");
      assert.equal((await ask(shelly.port, product.readingPath)).status, 200);
      agent.destroy();
      await waitUntil(() => shelly.openSockets === 0, "the dead connection to be given up");
    });
  });
}
