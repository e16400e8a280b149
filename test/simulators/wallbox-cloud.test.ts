import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { createManualClock } from "../../lib/model/clock.ts";
import {
  startWallboxCloud,
  type WallboxCloudOptions,
  type WallboxCloudSimulator,
} from "../../simulators/wallbox-cloud.ts";
import { asNumber, at, type JsonObject, parseObject } from "./json.ts";
import { ask, type Question, type Reply } from "./wire.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 3, 0, 0);
const ID = 12345;
const basic = (credentials: string): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
  Partner: "wallbox",
});
const bearer = (token: unknown): Record<string, string> => ({ Authorization: `Bearer ${String(token)}` });

describe("simulated Wallbox cloud", () => {
  const running: WallboxCloudSimulator[] = [];
  const clock = createManualClock(NOW_MS);
  const start = async (options: WallboxCloudOptions = {}): Promise<WallboxCloudSimulator> => {
    const cloud = await startWallboxCloud({ email: "owner@example.org", password: "secret", clock, ...options });
    running.push(cloud);
    return cloud;
  };
  const signIn = async (cloud: WallboxCloudSimulator): Promise<JsonObject> => {
    const reply = await ask(cloud.port, "/users/signin", { headers: basic("owner@example.org:secret") });
    assert.equal(reply.status, 200);
    return parseObject(JSON.stringify(at(parseObject(reply.text), "data", "attributes")));
  };
  const signedIn = async (cloud: WallboxCloudSimulator) => {
    const headers = bearer((await signIn(cloud))["token"]);
    return (path: string, question: Question = {}): Promise<Reply> => ask(cloud.port, path, { headers, ...question });
  };
  const act = (action: unknown): Question => ({ method: "POST", body: JSON.stringify({ action }) });
  afterEach(async () => {
    await Promise.all(running.splice(0).map((cloud) => cloud.stop()));
  });

  it("gives tokens for the right password, with expiry in milliseconds", async () => {
    const tokens = await signIn(await start());
    assert.equal(tokens["ttl"], clock.nowMs() + 900_000);
    assert.ok(asNumber(tokens["refresh_token_ttl"]) > asNumber(tokens["ttl"]));
    assert.notEqual(tokens["token"], tokens["refresh_token"]);
  });

  it("refuses a wrong password with 403 and a call without the Partner header", async () => {
    const cloud = await start();
    const wrong = await ask(cloud.port, "/users/signin", { headers: basic("owner@example.org:wrong") });
    assert.equal(wrong.status, 403);
    const { Authorization = "" } = basic("owner@example.org:secret");
    assert.equal((await ask(cloud.port, "/users/signin", { headers: { Authorization } })).status, 400);
    assert.equal(cloud.signIns, 0);
  });

  it("renews tokens with the refresh token, once", async () => {
    const cloud = await start();
    const tokens = await signIn(cloud);
    const headers = { ...bearer(tokens["refresh_token"]), Partner: "wallbox" };
    const renewed = await ask(cloud.port, "/users/refresh-token", { headers });
    assert.equal(renewed.status, 200);
    const token = at(parseObject(renewed.text), "data", "attributes", "token");
    assert.equal((await ask(cloud.port, "/v3/chargers/groups", { headers: bearer(token) })).status, 200);
    assert.equal((await ask(cloud.port, "/users/refresh-token", { headers })).status, 401);
    const withToken = { ...bearer(token), Partner: "wallbox" };
    assert.equal((await ask(cloud.port, "/users/refresh-token", { headers: withToken })).status, 401);
  });

  it("refuses calls without a token, with an expired one and with a revoked one", async () => {
    const cloud = await start({ tokenLifeMs: 60_000 });
    assert.equal((await ask(cloud.port, `/chargers/status/${ID}`)).status, 401);
    const call = await signedIn(cloud);
    assert.equal((await call(`/chargers/status/${ID}`)).status, 200);
    clock.advance(60_000);
    assert.equal((await call(`/chargers/status/${ID}`)).status, 401);
    const again = await signedIn(cloud);
    cloud.revokeTokens();
    assert.equal((await again(`/chargers/status/${ID}`)).status, 401);
  });

  it("lists the charger and reports its status", async () => {
    const cloud = await start();
    const call = await signedIn(cloud);
    const groups = parseObject((await call("/v3/chargers/groups")).text);
    assert.equal(at(groups, "result", "groups", 0, "chargers", 0, "id"), ID);
    const status = parseObject((await call(`/chargers/status/${ID}`)).text);
    assert.equal(status["status_id"], 161);
    assert.equal(at(status, "config_data", "locked"), 0);
    cloud.setStatus(166);
    assert.equal(at(parseObject((await call(`/chargers/status/${ID}`)).text), "status_id"), 166);
    assert.equal((await call("/chargers/status/99")).status, 404);
    assert.equal((await call(`/chargers/status/${ID}`, { method: "PUT" })).status, 405);
  });

  it("goes through the states of a restart and lets the charger know", async () => {
    const restarted: number[] = [];
    const cloud = await start({ onRestart: (chargerId) => restarted.push(chargerId) });
    const call = await signedIn(cloud);
    assert.equal((await call(`/v3/chargers/${ID}/remote-action`, act(3))).status, 200);
    assert.deepEqual(restarted, [ID]);
    assert.deepEqual(cloud.actions, [{ chargerId: ID, action: 3, atMs: clock.nowMs() }]);
    const seen = [cloud.statusId];
    for (const waitMs of [9_999, 1, 89_999, 1]) {
      clock.advance(waitMs);
      seen.push(cloud.statusId);
    }
    assert.deepEqual(seen, [161, 161, 0, 0, 161]);
  });

  it("keeps every action it was sent, also the ones that nobody may send", async () => {
    const cloud = await start();
    const call = await signedIn(cloud);
    for (const action of [1, 2, 4, 5, 9]) await call(`/v3/chargers/${ID}/remote-action`, act(action));
    assert.deepEqual(
      cloud.actions.map(({ action }) => action),
      [1, 2, 4, 5, 9],
    );
    for (const action of [6, "3", null, undefined]) {
      assert.equal((await call(`/v3/chargers/${ID}/remote-action`, act(action))).status, 400);
    }
    assert.equal((await call(`/v3/chargers/${ID}/remote-action`, { method: "POST", body: "{" })).status, 400);
    assert.equal(cloud.actions.length, 5);
  });

  it("hands over to OCPP and back", async () => {
    const cloud = await start();
    const call = await signedIn(cloud);
    const path = `/v3/chargers/${ID}/ocpp-configuration`;
    assert.equal(at(parseObject((await call(path)).text), "type"), "wallbox");
    const wanted = { type: "ocpp", address: "ws://ocpp.example.org", chargePointIdentity: "quasar", password: "pw" };
    assert.equal((await call(path, { method: "POST", body: JSON.stringify(wanted) })).status, 200);
    assert.deepEqual(parseObject((await call(path)).text), wanted);
    assert.deepEqual(cloud.ocppConfiguration, wanted);
    const wrong = JSON.stringify({ ...wanted, type: "modbus" });
    assert.equal((await call(path, { method: "POST", body: wrong })).status, 400);
    assert.equal(cloud.ocppConfiguration.type, "ocpp");
  });

  it("429: says when to come back", async () => {
    const cloud = await start({ retryAfterS: 90 });
    const call = await signedIn(cloud);
    cloud.setFault("429");
    const reply = await call(`/v3/chargers/${ID}/remote-action`, act(3));
    assert.equal(reply.status, 429);
    assert.equal(reply.headers["retry-after"], "90");
    assert.deepEqual(cloud.actions, []);
    cloud.setFault(null);
    assert.equal((await call(`/chargers/status/${ID}`)).status, 200);
  });

  it("401-token: refuses every token although signing in works", async () => {
    const cloud = await start();
    cloud.setFault("401-token");
    const call = await signedIn(cloud);
    assert.equal((await call(`/chargers/status/${ID}`)).status, 401);
    assert.equal(cloud.signIns, 1);
  });

  it("403: refuses the account", async () => {
    const cloud = await start();
    cloud.setFault("403");
    const reply = await ask(cloud.port, "/users/signin", { headers: basic("owner@example.org:secret") });
    assert.equal(reply.status, 403);
  });

  it("silent and html-200: as on any wire, and the calls are remembered", async () => {
    const cloud = await start();
    cloud.setFault("html-200");
    assert.match((await ask(cloud.port, "/users/signin")).text, /^<!DOCTYPE html>/);
    cloud.setFault("silent");
    assert.equal((await ask(cloud.port, "/v3/chargers/groups", { deadlineMs: 100 })).end, "deadline");
    assert.deepEqual(
      cloud.calls.map(({ method, path }) => `${method} ${path}`),
      ["GET /users/signin", "GET /v3/chargers/groups"],
    );
    assert.equal(cloud.requests, 2);
  });
});
