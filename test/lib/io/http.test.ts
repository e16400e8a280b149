import assert from "node:assert/strict";
import * as http from "node:http";
import * as net from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, it } from "mocha";
import { requestHttp, requestJson } from "../../../lib/io/http.ts";
import { EvError } from "../../../lib/model/errors.ts";

const running: net.Server[] = [];

/** A raw TCP server, so that it may answer anything. @returns its URL */
async function listen(onSocket: (socket: net.Socket) => void): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => onSocket(socket));
  });
  running.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/status`;
}

const answer = (head: string, body = ""): ((socket: net.Socket) => void) => {
  return (socket) => socket.end(`HTTP/1.1 ${head}\r\nConnection: close\r\n\r\n${body}`);
};

async function failure(work: Promise<unknown>): Promise<EvError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof EvError) return error;
    throw error;
  }
  throw new Error("did not fail");
}

describe("requestHttp", () => {
  afterEach(async () => {
    for (const server of running.splice(0)) await new Promise((resolve) => server.close(resolve));
  });

  it("reads JSON", async () => {
    const url = await listen(answer("200 OK\r\nContent-Type: application/json", '\u{feff}{"power":1.5}'));
    assert.deepEqual(await requestJson({ url, deadlineMs: 1000 }), { power: 1.5 });
  });

  it("ends at its deadline when the device never answers, or sends a byte now and then", async () => {
    const silent = await listen(() => {});
    assert.equal((await failure(requestHttp({ url: silent, deadlineMs: 60 }))).code, "timeout");
    const loris = await listen((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const drip = setInterval(() => socket.write("x"), 10);
      socket.on("close", () => clearInterval(drip));
    });
    const beganMs = performance.now();
    assert.equal((await failure(requestHttp({ url: loris, deadlineMs: 100 }))).code, "timeout");
    assert.ok(performance.now() - beganMs < 1000);
  });

  it("stops reading at the size limit and closes the socket", async () => {
    let closed = false;
    const endless = await listen((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const pour = setInterval(() => socket.write("x".repeat(10_000)), 1);
      socket.on("close", () => {
        closed = true;
        clearInterval(pour);
      });
    });
    assert.equal((await failure(requestHttp({ url: endless, deadlineMs: 3000, maxBytes: 50_000 }))).code, "too-large");
    while (!closed) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it("refuses a compressed answer that nobody asked for", async () => {
    const bomb = gzipSync(Buffer.alloc(1_000_000));
    const url = await listen((socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
      socket.end(bomb);
    });
    assert.equal((await failure(requestHttp({ url, deadlineMs: 1000 }))).code, "bad-reply");
  });

  it("does not follow redirects, above all not with credentials to somewhere else", async () => {
    let asked = 0;
    const elsewhere = await listen((socket) => {
      asked += 1;
      socket.end();
    });
    const url = await listen(answer(`302 Found\r\nLocation: ${elsewhere}`));
    const headers = { Authorization: "Basic abcdefgh" };
    assert.equal((await failure(requestHttp({ url, headers, deadlineMs: 1000 }))).code, "bad-reply");
    assert.equal(
      (await failure(requestHttp({ url, headers, deadlineMs: 1000, sameOriginRedirects: 3 }))).code,
      "bad-reply",
    );
    assert.equal(asked, 0);
  });

  it("follows a redirect to the same origin when told to, and never for ever", async () => {
    const loop = await listen(answer("302 Found\r\nLocation: /again"));
    assert.equal(
      (await failure(requestHttp({ url: loop, deadlineMs: 1000, sameOriginRedirects: 3 }))).code,
      "bad-reply",
    );
  });

  it("names what came instead of JSON", async () => {
    for (const body of ['{"power":', "<html>log in</html>", "NaN", "\u0000\u0001garbage"]) {
      const url = await listen(answer("200 OK", body));
      const error = await failure(requestJson({ url, deadlineMs: 1000 }));
      assert.equal(error.code, "bad-reply");
      // oxlint-disable-next-line no-control-regex
      assert.doesNotMatch(error.detail ?? "", /[\u0000-\u001f]/);
    }
  });

  it("tells no connection, no HTTP and a broken answer apart from a refusal", async () => {
    const closedPort = await listen(() => {});
    await new Promise((resolve) => running.pop()?.close(resolve));
    assert.equal((await failure(requestHttp({ url: closedPort, deadlineMs: 1000 }))).code, "unreachable");
    assert.equal(
      (await failure(requestHttp({ url: await listen((s) => s.end("hello\r\n\r\n")), deadlineMs: 1000 }))).code,
      "bad-reply",
    );
    const torn = await listen((s) => s.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"));
    assert.equal((await failure(requestHttp({ url: torn, deadlineMs: 1000 }))).code, "unreachable");
    assert.equal(
      (await failure(requestJson({ url: await listen(answer("401 Unauthorized")), deadlineMs: 1000 }))).code,
      "auth",
    );
    assert.equal(
      (await failure(requestJson({ url: await listen(answer("404 Not Found")), deadlineMs: 1000 }))).code,
      "refused",
    );
    assert.equal(
      (await failure(requestJson({ url: await listen(answer("500 Oops")), deadlineMs: 1000 }))).code,
      "bad-reply",
    );
  });

  it("stops at once when the node closes, before and during the exchange", async () => {
    const url = await listen(() => {});
    const aborter = new AbortController();
    const pending = failure(requestHttp({ url, deadlineMs: 60_000, signal: aborter.signal }));
    setTimeout(() => aborter.abort(), 20);
    assert.equal((await pending).code, "closed");
    assert.equal((await failure(requestHttp({ url, deadlineMs: 60_000, signal: aborter.signal }))).code, "closed");
  });

  it("asks only http and https", async () => {
    for (const url of ["file:///etc/passwd", "gopher://192.0.2.1/", "not a url"]) {
      assert.equal((await failure(requestHttp({ url, deadlineMs: 100 }))).code, "config");
    }
  });

  it("keeps the spelling of header names, and one socket per agent", async () => {
    const seen: string[][] = [];
    const server = http.createServer((request, response) => {
      seen.push(request.rawHeaders);
      response.end("{}");
    });
    running.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const url = `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`;
    const ports = new Set<number | undefined>();
    server.on("connection", (socket) => ports.add(socket.remotePort));
    for (let poll = 0; poll < 3; poll++)
      await requestHttp({ url, deadlineMs: 1000, agent, headers: { AUTHORIZATION: "Basic abc" } });
    assert.ok(seen.every((raw) => raw.includes("AUTHORIZATION")));
    assert.equal(ports.size, 1);
    agent.destroy();
  });
});
