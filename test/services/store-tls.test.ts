import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../../lib/model/clock.ts";
import { silentLogger } from "../../lib/model/logger.ts";
import { openStore } from "../../lib/records/store/open-store.ts";
import type { ServerAddress } from "../../lib/records/store/server-url.ts";
import type { Store } from "../../lib/records/store/store.ts";
import { exampleSession, makeFolder } from "../lib/records/store/sessions.ts";
import { createPostgres, type TestDatabase } from "./databases.ts";
import { needsService, postgres } from "./services.ts";

/** Real time, but what takes seconds takes a tenth. */
const quickClock: Clock = { ...systemClock, after: (ms, run) => systemClock.after(ms / 10, run) };

/** Gives the real server a certificate of its own: answers the client's wish for TLS, and passes on in the clear. */
function startTlsFront(key: string, cert: string): Promise<Server> {
  const { hostname, port } = new URL(postgres.url);
  const server = createServer((near: Socket) => {
    near.on("error", () => {});
    near.once("data", (wish) => {
      // length 8, code 80877103: SSLRequest of the PostgreSQL protocol
      assert.equal(wish.readInt32BE(4), 80_877_103);
      near.write("S");
      const plain = new TLSSocket(near, { isServer: true, key, cert });
      const far = connect({ host: hostname, port: Number(port) });
      plain.on("error", () => far.destroy());
      far.on("error", () => plain.destroy());
      plain.on("close", () => far.destroy());
      plain.pipe(far).pipe(plain);
    });
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

describe("a store that reaches its server by TLS", () => {
  let folder: ReturnType<typeof makeFolder>;
  let database: TestDatabase;
  let front: Server;
  let store: Store;

  before(async function () {
    await needsService(this, postgres);
    folder = makeFolder();
    const file = (name: string): string => join(folder.folder, name);
    const request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"];
    try {
      const names = ["-addext", "subjectAltName=IP:127.0.0.1"];
      execFileSync("openssl", [...request, ...names, "-keyout", file("key"), "-out", file("cert")], {
        stdio: "ignore",
      });
    } catch {
      console.log("      skipped: no openssl to make a certificate with");
      this.skip();
    }
    database = await createPostgres();
    front = await startTlsFront(readFileSync(file("key"), "utf8"), readFileSync(file("cert"), "utf8"));
  });
  after(async () => {
    front?.close();
    await database?.drop();
    folder?.remove();
  });
  afterEach(() => store.close());

  const bring = async (name: string, tls: ServerAddress["tls"]): Promise<number> => {
    const url = new URL(database.settings.url);
    const address = front.address();
    url.port = String(typeof address === "object" ? address?.port : "");
    store = await openStore(
      { file: join(folder.folder, name), keepReadingsDays: null, backupsKept: 0, server: { url: url.href, tls } },
      { clock: quickClock, logger: silentLogger },
    );
    await store.commit({ sessions: [{ session: exampleSession(), reason: "detected" }] });
    return store.flush();
  };

  it("trusts no certificate that nobody vouches for: nothing is sent, the session waits", async () => {
    assert.equal(await bring("verified", { ca: null, isAnyCertificateAccepted: false }), 1);
    assert.equal(store.health.state === "waiting" && store.health.code, "auth");
  });

  it("takes any certificate where that was chosen", async () => {
    assert.equal(await bring("any", { ca: null, isAnyCertificateAccepted: true }), 0);
  });

  it("trusts the certificate that it was given", async () => {
    const ca = readFileSync(join(folder.folder, "cert"), "utf8");
    assert.equal(await bring("given", { ca, isAnyCertificateAccepted: false }), 0);
  });
});
