import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { systemClock } from "../../../../../lib/model/clock.ts";
import { EvError } from "../../../../../lib/model/errors.ts";
import { silentLogger } from "../../../../../lib/model/logger.ts";
import { openStore } from "../../../../../lib/records/store/open-store.ts";
import { until } from "../../../../support/until.ts";
import { makeFolder } from "../sessions.ts";

/** What a server says before it falls silent: the first bytes of a message that announces more. */
const halfGreetings: Readonly<Record<"mysql" | "postgres", Buffer>> = {
  mysql: Buffer.from([0x4a, 0, 0, 0, 0x0a, 0x31]),
  postgres: Buffer.from([0x52, 0, 0, 0, 8, 0]),
};

for (const scheme of ["mysql", "postgres"] as const) {
  describe(`closing a store whose ${scheme} server accepts and never answers`, () => {
    let server: Server;
    let folder: ReturnType<typeof makeFolder>;
    let greeting: Buffer | null = null;
    const sockets = new Set<Socket>();
    const warnings: string[] = [];

    beforeEach(async () => {
      folder = makeFolder();
      warnings.length = 0;
      server = createServer((socket) => {
        sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => sockets.delete(socket));
        socket.resume();
        if (greeting !== null) socket.write(greeting);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    });
    afterEach(async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      folder.remove();
    });

    for (const isGreeted of [false, true]) {
      it(`takes no time and leaves no connection${isGreeted ? ", also in the middle of a handshake" : ""}`, async () => {
        greeting = isGreeted ? halfGreetings[scheme] : null;
        const address = server.address();
        const port = typeof address === "object" && address !== null ? address.port : 0;
        const store = await openStore(
          {
            file: join(folder.folder, "records.sqlite"),
            keepReadingsDays: null,
            backupsKept: 0,
            server: { url: `${scheme}://ann@127.0.0.1:${port}/ev` },
          },
          {
            // the query goes on its way at once, its deadlines do not matter here
            clock: { ...systemClock, after: (ms, run) => systemClock.after(ms === 8000 ? 10 : ms, run) },
            logger: { ...silentLogger, warn: (text) => void warnings.push(text) },
          },
        );
        const rejected: unknown[] = [];
        const queries = [1, 2, 3].map(() =>
          store.db
            .selectFrom("sessions")
            .selectAll()
            .execute()
            .catch((error: unknown) => rejected.push(error)),
        );
        await until("writer and readers are connecting", () => sockets.size >= 3);
        const beganMs = performance.now();
        await store.close();
        const tookMs = performance.now() - beganMs;
        assert.ok(tookMs < 1000, `${tookMs} ms`);
        await until("no connection is left", () => sockets.size === 0, 500);
        await Promise.all(queries);
        assert.equal(rejected.length, 3);
        for (const error of rejected) assert.ok(error instanceof EvError && error.code === "closed", String(error));
        await assert.rejects(store.db.selectFrom("sessions").selectAll().execute());
        await new Promise((resolve) => setTimeout(resolve, 50));
        assert.equal(sockets.size, 0, "a pool has connected again");
        assert.deepEqual(warnings, []);
      });
    }
  });
}
