import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import fc from "fast-check";
import { describe, it } from "mocha";
import { createManualClock } from "../../lib/model/clock.ts";
import {
  createDigestGuard,
  createNonceTable,
  type DigestGuard,
  type DigestVerdict,
  digestResponse,
  parseDigestHeader,
} from "../../simulators/web/http-digest.ts";
import { startShellyRpc } from "../../simulators/shelly-em-rpc.ts";
import { at, parseObject } from "./json.ts";

const NOW_MS = Date.UTC(2026, 10, 21);
const REALM = "shellyproem50-08f9e0aabbcc";

/** Gets a nonce the way a client without credentials gets one. */
function challenge(guard: DigestGuard): string {
  const verdict = guard.checkHeader({ method: "GET", target: "/", authorization: undefined });
  assert.equal(verdict.verdict, "denied");
  return verdict.verdict === "denied" ? verdict.nonce : "";
}

describe("digest on the server's side", () => {
  const guardOf = (firmwareMajor = 2, clock = createManualClock(NOW_MS)): DigestGuard =>
    createDigestGuard({ clock, username: "admin", realm: () => REALM, password: () => "secret", firmwareMajor });
  const claim = (
    guard: DigestGuard,
    nonce: string,
    nc: number,
    changes: Record<string, string> = {},
  ): DigestVerdict => {
    const parts = {
      username: "admin",
      realm: REALM,
      password: "secret",
      method: "GET",
      uri: "/rpc/EM1.GetStatus?id=0",
      nonce,
      nc: nc.toString(16).padStart(8, "0"),
      cnonce: "0a4f113b",
      qop: "auth",
      algorithm: "SHA-256",
      ...changes,
    };
    const shown = {
      ...parts,
      response: digestResponse(parts),
      ...(changes["shownUri"] && { uri: changes["shownUri"] }),
    };
    const fields = Object.entries(shown).filter(([name]) => name !== "password" && name !== "method");
    const authorization = `Digest ${fields.map(([name, text]) => `${name}="${text}"`).join(", ")}`;
    return guard.checkHeader({ method: "GET", target: "/rpc/EM1.GetStatus?id=0", authorization });
  };

  it("computes the SHA-256 example of RFC 7616 section 3.9.1", () => {
    assert.equal(
      digestResponse({
        username: "Mufasa",
        realm: "http-auth@example.org",
        password: "Circle of Life",
        method: "GET",
        uri: "/dir/index.html",
        nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        nc: "00000001",
        cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
      }),
      "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    );
  });

  it("reads a header whose quoted texts hold commas, equal signs and quotes", () => {
    const header = 'Digest username="a\\"b", nonce="QUI=, x==", nc=00000001 ,qop=auth, URI="/rpc?a=1,2"';
    assert.deepEqual(
      parseDigestHeader(header),
      new Map([
        ["username", 'a"b'],
        ["nonce", "QUI=, x=="],
        ["nc", "00000001"],
        ["qop", "auth"],
        ["uri", "/rpc?a=1,2"],
      ]),
    );
    assert.equal(parseDigestHeader("Basic YWRtaW46c2VjcmV0"), undefined);
    assert.equal(parseDigestHeader(undefined), undefined);
  });

  it("survives any header", () => {
    const guard = guardOf();
    fc.assert(
      fc.property(fc.string(), (text) => {
        const verdict = guard.checkHeader({ method: "GET", target: "/", authorization: `Digest ${text}` });
        assert.notEqual(verdict.verdict, "accepted");
      }),
    );
  });

  it("accepts the right password and refuses everything that differs", () => {
    const guard = guardOf();
    const wrong: Record<string, string>[] = [
      { password: "Secret" },
      { username: "root" },
      { realm: "shellyproem50-000000000000" },
      { algorithm: "MD5" },
      { uri: "/rpc/Shelly.GetStatus" },
      { shownUri: "/rpc/Shelly.GetStatus" },
      { method: "POST" },
      { qop: "auth-int" },
      { cnonce: "" },
    ];
    for (const changes of wrong) {
      assert.equal(claim(guard, challenge(guard), 1, changes).verdict, "denied", JSON.stringify(changes));
    }
    assert.equal(claim(guard, challenge(guard), 1).verdict, "accepted");
  });

  it("takes a nonce again only with a count that rises from one", () => {
    const guard = guardOf();
    const nonce = challenge(guard);
    const verdicts = [2, 1, 1, 2, 9, 3].map((nc) => claim(guard, nonce, nc));
    assert.deepEqual(
      verdicts.map(({ verdict }) => verdict),
      ["denied", "accepted", "denied", "accepted", "accepted", "denied"],
    );
    assert.ok(verdicts.every((verdict) => verdict.verdict !== "denied" || !verdict.isStale));
  });

  it("says stale for a nonce it has never seen or that is older than an hour, not for a wrong password", () => {
    const clock = createManualClock(NOW_MS);
    const guard = guardOf(2, clock);
    const nonce = challenge(guard);
    clock.advance(3_599_000);
    assert.equal(claim(guard, nonce, 1).verdict, "accepted");
    clock.advance(2_000);
    for (const old of [nonce, "bm90IG91cnM="]) {
      const verdict = claim(guard, old, 2);
      assert.ok(verdict.verdict === "denied" && verdict.isStale);
      assert.match(guard.challengeHeader(verdict), /, stale=true$/);
    }
    const verdict = claim(guard, challenge(guard), 1, { password: "wrong" });
    assert.ok(verdict.verdict === "denied" && !verdict.isStale);
    assert.doesNotMatch(guard.challengeHeader(verdict), /stale/);
  });

  it("wears a nonce out after 30 000 uses", () => {
    const nonces = createNonceTable(createManualClock(NOW_MS), "seed", true);
    const nonce = nonces.issue() ?? "";
    for (let nc = 1; nc <= 30_000; nc++) assert.equal(nonces.use(nonce, nc), "accepted");
    assert.equal(nonces.use(nonce, 30_001), "stale");
  });

  it("does not count nonces with firmware 1", () => {
    const guard = guardOf(1);
    const nonce = challenge(guard);
    assert.match(nonce, /^\d+$/);
    for (const nc of [7, 1, 1]) assert.equal(claim(guard, nonce, nc).verdict, "accepted");
  });

  it("gives out 32 nonces, then wants to be left alone for two seconds, then frees the least used place", () => {
    const clock = createManualClock(NOW_MS);
    const guard = guardOf(2, clock);
    const inUse = challenge(guard);
    assert.equal(claim(guard, inUse, 1).verdict, "accepted");
    const others = Array.from({ length: 31 }, () => challenge(guard));
    const ask = (): string => guard.checkHeader({ method: "GET", target: "/", authorization: undefined }).verdict;
    assert.equal(ask(), "throttled");
    clock.advance(1_900);
    assert.equal(ask(), "throttled");
    assert.equal(claim(guard, inUse, 2).verdict, "accepted");
    clock.advance(100);
    assert.equal(ask(), "denied");
    assert.equal(claim(guard, inUse, 3).verdict, "accepted");
    assert.equal(claim(guard, others[0] ?? "", 1).verdict, "throttled");
    assert.equal(claim(guard, others[1] ?? "", 1).verdict, "accepted");
  });

  it("proves itself to curl --digest, which is not ours", async function () {
    const shelly = await startShellyRpc({
      model: "pro-em",
      channels: [() => ({ powerW: 1480, voltageV: 230, powerFactor: 1 })],
      password: "correct horse, battery=staple",
    });
    const url = `http://127.0.0.1:${shelly.port}/rpc/EM1.GetStatus?id=0`;
    try {
      const right = await curl("admin:correct horse, battery=staple", url, url);
      if (right === undefined) {
        console.log("      skipped: curl is not installed");
        this.skip();
      }
      assert.equal(right.code, 0);
      assert.equal(at(parseObject(right.output.split("}{")[0]?.replace(/\}?$/, "}") ?? ""), "act_power"), 1480);
      assert.equal(right.output.match(/act_power/g)?.length, 2);
      const wrong = await curl("admin:wrong", url);
      assert.equal(wrong?.code, 22);
      assert.equal(wrong?.output, "");
    } finally {
      await shelly.stop();
    }
  });
});

/** Undefined when there is no curl; code 22 is an HTTP error. */
function curl(
  credentials: string,
  ...urls: readonly string[]
): Promise<{ readonly code: number; readonly output: string } | undefined> {
  return new Promise((resolve) => {
    const args = ["--silent", "--fail", "--max-time", "5", "--noproxy", "*", "--digest", "-u", credentials, ...urls];
    execFile("curl", args, (error, output) => {
      if (error?.code === "ENOENT") resolve(undefined);
      else resolve({ code: typeof error?.code === "number" ? error.code : 0, output });
    });
  });
}
