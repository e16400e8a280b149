import assert from "node:assert/strict";
import fc from "fast-check";
import { afterEach, describe, it } from "mocha";
import type { ChargerCloud } from "../../../../lib/devices/quasar/cloud-duties.ts";
import { encodeRemoteAction, readRetryAfterMs, type RemoteAction } from "../../../../lib/devices/quasar/cloud-wire.ts";
import { createWallboxCloud, type WallboxCloudOptions } from "../../../../lib/devices/quasar/wallbox-cloud.ts";
import { createManualClock, type ManualClock } from "../../../../lib/model/clock.ts";
import { redact, silentLogger } from "../../../../lib/model/logger.ts";
import { startWallboxCloud, type WallboxCloudSimulator } from "../../../../simulators/wallbox-cloud.ts";

const EMAIL = "owner@example.org";
const PASSWORD = "correct horse";
const NEVER = new AbortController().signal;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

interface Bench {
  readonly simulator: WallboxCloudSimulator;
  readonly clock: ManualClock;
  readonly cloud: ChargerCloud;
  readonly secrets: string[];
  /** Runs the clock in long strides until the work is done. */
  settle<T>(work: Promise<T>): Promise<T>;
}

async function bench(options: Partial<WallboxCloudOptions> = {}): Promise<Bench> {
  const clock = createManualClock(Date.parse("2026-11-21T17:00:00Z"));
  const simulator = await startWallboxCloud({ clock, retryAfterS: 300 });
  cleanups.push(() => simulator.stop());
  const secrets: string[] = [];
  const cloud = createWallboxCloud({
    chargerId: "12345",
    email: EMAIL,
    password: PASSWORD,
    clock,
    logger: silentLogger,
    addSecret: (secret) => void secrets.push(secret),
    hosts: { authUrl: simulator.url, apiUrl: simulator.url },
    random: () => 0.5,
    ...options,
  });
  return {
    simulator,
    clock,
    cloud,
    secrets,
    async settle(work) {
      let isSettled = false;
      const noted = work.finally(() => {
        isSettled = true;
      });
      noted.catch(() => {});
      const endMs = performance.now() + 5000;
      while (!isSettled && performance.now() < endMs) {
        if (clock.pending > 0) clock.advance(1000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return noted;
    },
  };
}
const apiCalls = ({ simulator }: Bench): number[] =>
  simulator.calls.filter(({ path }) => !path.startsWith("/users")).map(({ atMs }) => atMs);

describe("the Wallbox cloud", () => {
  it("restarts with action 3 and nothing else", async () => {
    const at = await bench();
    await at.settle(at.cloud.restart(NEVER));
    assert.deepEqual(
      at.simulator.actions.map(({ action }) => action),
      [3],
    );
    assert.deepEqual(
      at.simulator.calls.map(({ method, path }) => `${method} ${path}`),
      ["GET /users/signin", "GET /chargers/status/12345", "POST /v3/chargers/12345/remote-action"],
    );
  });

  it("never encodes another action, whatever it is cast to", () => {
    fc.assert(
      fc.property(fc.oneof(fc.integer(), fc.double(), fc.string(), fc.constantFrom(4, 5, 9, "3", null)), (action) => {
        if (action === 3) return;
        assert.throws(() => encodeRemoteAction(action as RemoteAction), { code: "internal" });
      }),
    );
    assert.equal(encodeRemoteAction(3), '{"action":3}');
  });

  it("does not restart during a firmware update", async () => {
    const at = await bench();
    at.simulator.setStatus(166);
    await assert.rejects(at.settle(at.cloud.restart(NEVER)), { code: "refused" });
    assert.deepEqual(at.simulator.actions, []);
  });

  it("leaves 60 to 90 s between two calls, over several errands", async () => {
    const at = await bench();
    await at.settle(at.cloud.restart(NEVER));
    await at.settle(at.cloud.restart(NEVER));
    const times = apiCalls(at);
    const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    assert.equal(gaps.length, 3);
    assert.ok(
      gaps.every((gap) => gap >= 60_000 && gap <= 91_000),
      gaps.join(" "),
    );
  });

  it("waits as long as a 429 asks for, and gives up after three tries", async () => {
    const at = await bench();
    at.simulator.setFault("429");
    await assert.rejects(at.settle(at.cloud.restart(NEVER)), { code: "busy" });
    const times = at.simulator.calls.map(({ atMs }) => atMs);
    const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    assert.equal(gaps.length, 2);
    assert.ok(
      gaps.every((gap) => gap >= 300_000 && gap < 302_000),
      gaps.join(" "),
    );
  });

  it("signs in once when its token was revoked", async () => {
    const at = await bench();
    await at.settle(at.cloud.restart(NEVER));
    at.simulator.revokeTokens();
    await at.settle(at.cloud.restart(NEVER));
    assert.deepEqual([at.simulator.signIns, at.simulator.actions.length], [2, 2]);
  });

  it("signs in once more when every token is refused, then never again", async () => {
    const at = await bench();
    at.simulator.setFault("401-token");
    await assert.rejects(at.settle(at.cloud.restart(NEVER)), { code: "auth" });
    await assert.rejects(at.settle(at.cloud.restart(NEVER)), { code: "auth" });
    assert.equal(at.simulator.signIns, 2);
    assert.equal(apiCalls(at).length, 2);
  });

  it("does not try a wrong password twice, so that the account is not locked", async () => {
    const at = await bench({ password: "wrong horse" });
    await assert.rejects(at.settle(at.cloud.restart(NEVER)), { code: "auth" });
    await assert.rejects(at.settle(at.cloud.setOcpp(true, NEVER)), { code: "auth" });
    assert.equal(at.simulator.calls.length, 1);
  });

  it("takes a web page for a bad reply", async () => {
    const at = await bench();
    at.simulator.setFault("html-200");
    await assert.rejects(at.settle(at.cloud.restart(NEVER)), { code: "bad-reply" });
  });

  it("stops waiting when the node closes", async () => {
    const at = await bench();
    await at.settle(at.cloud.restart(NEVER));
    const timersBefore = at.clock.pending;
    const aborter = new AbortController();
    const waiting = at.cloud.restart(aborter.signal);
    aborter.abort();
    await assert.rejects(waiting, { code: "closed" });
    assert.equal(at.clock.pending, timersBefore);
  });

  it("tells every secret before it is used: e-mail, password, Basic form, token, OCPP identity and password", async () => {
    const at = await bench();
    await at.settle(at.cloud.restart(NEVER));
    const basic = Buffer.from(`${EMAIL}:${PASSWORD}`).toString("base64");
    for (const secret of [EMAIL, PASSWORD, basic, "simulated-token-1"]) {
      assert.ok(at.secrets.includes(secret), secret);
      assert.ok(!redact(`x ${secret} x`, at.secrets).includes(secret), secret);
    }
  });

  it("refuses a charger id that is none, because it becomes part of an address", () => {
    for (const chargerId of ["", "12/../..", "abc", "1 2"]) {
      const options = { chargerId, email: EMAIL, password: PASSWORD, clock: createManualClock(0) };
      assert.throws(() => createWallboxCloud({ ...options, logger: silentLogger, addSecret: () => {} }), {
        code: "config",
      });
    }
  });
});

describe("the OCPP hand-over", () => {
  const withServer = async (): Promise<Bench> => {
    const at = await bench();
    const token = JSON.parse(
      await (
        await fetch(`${at.simulator.url}/users/signin`, {
          headers: {
            Partner: "wallbox",
            Authorization: `Basic ${Buffer.from(`${EMAIL}:${PASSWORD}`).toString("base64")}`,
          },
        })
      ).text(),
    ) as { data: { attributes: { token: string } } };
    await fetch(`${at.simulator.url}/v3/chargers/12345/ocpp-configuration`, {
      method: "POST",
      headers: { Authorization: `Bearer ${token.data.attributes.token}` },
      body: JSON.stringify({
        type: "wallbox",
        address: "wss://csms.example.org/ocpp",
        chargePointIdentity: "CP-4711",
        password: "ocpp-secret",
      }),
    });
    return at;
  };

  it("switches on and off, keeps the rest of the configuration, and looks whether it worked", async () => {
    const at = await withServer();
    await at.settle(at.cloud.setOcpp(true, NEVER));
    assert.deepEqual(at.simulator.ocppConfiguration, {
      type: "ocpp",
      address: "wss://csms.example.org/ocpp",
      chargePointIdentity: "CP-4711",
      password: "ocpp-secret",
    });
    await at.settle(at.cloud.setOcpp(false, NEVER));
    assert.equal(at.simulator.ocppConfiguration.type, "wallbox");
    assert.ok(at.secrets.includes("ocpp-secret") && at.secrets.includes("CP-4711"));
  });

  it("asks for an OCPP server where none is entered", async () => {
    const at = await bench();
    await assert.rejects(at.settle(at.cloud.setOcpp(true, NEVER)), { code: "config" });
  });

  it("tries ten times and then says what went wrong", async () => {
    const at = await withServer();
    at.simulator.setFault("html-200");
    await assert.rejects(at.settle(at.cloud.setOcpp(true, NEVER)), { code: "bad-reply" });
    assert.equal(at.simulator.calls.filter(({ path }) => path.startsWith("/users")).length, 11);
  });
});

describe("Retry-After", () => {
  const NOW_MS = Date.parse("2026-11-21T17:00:00Z");
  for (const [header, expectedMs] of [
    ["30", 30_000],
    ["Sat, 21 Nov 2026 17:02:00 GMT", 120_000],
    ["1000000000", 90_000],
    ["999999999", 3_600_000],
    ["soon", 90_000],
    ["-5", 90_000],
    [undefined, 90_000],
  ] as const) {
    it(`"${header}" means ${expectedMs} ms`, () => {
      assert.equal(readRetryAfterMs(header, NOW_MS), expectedMs);
    });
  }
});
