import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "mocha";
import {
  computeDigest,
  createDigestLogin,
  parseDigestFrame,
  parseDigestHeader,
} from "../../../../lib/devices/shelly/digest.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
const CHALLENGE = 'Digest qop="auth", realm="shellyproem50-08f9e0aabbcc", nonce="65a1b2c3", algorithm=SHA-256';

describe("digest log-in", () => {
  it("gives the response of RFC 7616 section 3.9.1", () => {
    const response = computeDigest({
      username: "Mufasa",
      realm: "http-auth@example.org",
      password: "Circle of Life",
      method: "GET",
      uri: "/dir/index.html",
      nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
      nc: "00000001",
      cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    });
    assert.equal(response, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
  });

  it("reads a challenge however it is spaced and quoted", () => {
    for (const header of [
      CHALLENGE,
      'digest realm="shellyproem50-08f9e0aabbcc",nonce="65a1b2c3",qop="auth-int,auth",algorithm="sha-256",stale=true',
      "Digest  algorithm=SHA-256,  qop=auth,nonce=65a1b2c3 , realm=shellyproem50-08f9e0aabbcc",
    ]) {
      assert.deepEqual(parseDigestHeader(header), { realm: "shellyproem50-08f9e0aabbcc", nonce: "65a1b2c3" });
    }
    const base64 = parseDigestHeader('Digest qop="auth", realm="r", nonce="a=b+c/d==", algorithm=SHA-256');
    assert.equal(base64?.nonce, "a=b+c/d==");
  });

  it("does not answer other kinds of log-in, nor what does not belong into a header", () => {
    for (const header of [
      undefined,
      "",
      'Basic realm="x"',
      'Digest qop="auth", realm="r", nonce="n", algorithm=MD5',
      'Digest qop="auth", realm="r", nonce="n"',
      'Digest qop="auth-int", realm="r", nonce="n", algorithm=SHA-256',
      'Digest qop="auth", realm="r", algorithm=SHA-256',
      'Digest qop="auth", realm="r\\\\", nonce="n", algorithm=SHA-256',
      'Digest qop="auth", realm="r\u0007", nonce="n", algorithm=SHA-256',
      `Digest qop="auth", realm="${"r".repeat(5000)}", nonce="n", algorithm=SHA-256`,
    ]) {
      assert.equal(parseDigestHeader(header), null, String(header).slice(0, 80));
    }
  });

  it("takes a hostile challenge in linear time", () => {
    const beganMs = performance.now();
    parseDigestHeader(`Digest ${"a=".repeat(900)}`);
    parseDigestHeader(`Digest ${" ".repeat(1900)}`);
    parseDigestHeader(`Digest ${'a="'.repeat(600)}`);
    assert.ok(performance.now() - beganMs < 200);
  });

  it("counts every use of a nonce, begins anew with a new one, and never shares the count", () => {
    const login = createDigestLogin("admin", "secret");
    const other = createDigestLogin("admin", "secret");
    assert.equal(login.nextHeader("GET", "/x"), null, "nothing before the device has asked");
    for (const each of [login, other]) each.adopt({ realm: "r", nonce: "n" });
    const count = (): string => /nc=(\w+)/.exec(login.nextHeader("GET", "/x") ?? "")?.[1] ?? "";
    assert.deepEqual([count(), count(), count()], ["00000001", "00000002", "00000003"]);
    assert.match(other.nextHeader("GET", "/x") ?? "", /nc=00000001/);
    login.adopt({ realm: "r", nonce: "m" });
    assert.equal(count(), "00000001");
    login.forget();
    assert.equal(login.nextHeader("GET", "/x"), null);
  });

  it("lets go of a nonce before the device does", () => {
    const login = createDigestLogin("admin", "secret", () => "c");
    login.adopt({ realm: "r", nonce: "n" });
    let uses = 0;
    while (login.nextFrameAuth() !== null) uses += 1;
    assert.ok(uses > 20_000 && uses < 30_000, `${uses}`);
  });

  it("proves the password in a header that the device can check", () => {
    const login = createDigestLogin("admin", "secret", () => "c0ffee");
    login.adopt({ realm: "r", nonce: "n" });
    const response = sha256(
      `${sha256("admin:r:secret")}:n:00000001:c0ffee:auth:${sha256("GET:/rpc/Shelly.GetStatus")}`,
    );
    assert.equal(
      login.nextHeader("GET", "/rpc/Shelly.GetStatus"),
      `Digest username="admin", realm="r", nonce="n", uri="/rpc/Shelly.GetStatus", algorithm=SHA-256, qop=auth, ` +
        `nc=00000001, cnonce="c0ffee", response="${response}"`,
    );
  });

  it("proves the password in a frame, with a number for a nonce where the device gave a number", () => {
    const message = '{"auth_type":"digest","nonce":1625038762,"nc":"1","realm":"r","algorithm":"SHA-256"}';
    const challenge = parseDigestFrame(message);
    assert.deepEqual(challenge, { realm: "r", nonce: 1625038762 });
    const login = createDigestLogin("admin", "secret", () => "c");
    login.adopt(challenge ?? { realm: "", nonce: "" });
    assert.deepEqual(login.nextFrameAuth(), {
      realm: "r",
      username: "admin",
      nonce: 1625038762,
      cnonce: "c",
      nc: 1,
      response: sha256(`${sha256("admin:r:secret")}:1625038762:1:c:auth:${sha256("dummy_method:dummy_uri")}`),
      algorithm: "SHA-256",
    });
    for (const bad of [null, 1, "", "{", "[]", '{"auth_type":"basic"}', message.replace("SHA-256", "MD5")]) {
      assert.equal(parseDigestFrame(bad), null);
    }
  });
});
