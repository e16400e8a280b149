import { sleep } from "../../../model/clock.ts";
import type { Session } from "../../../model/session.ts";
import type { Backend, BackendSurroundings } from "../backend.ts";
import { createCourier } from "./delivery.ts";
import { createFirstTry } from "./first-try.ts";
import { openServer } from "./server.ts";
import { fetchHeads } from "./server-heads.ts";
import { readServerAddress, type ServerSettings } from "../server-url.ts";

/** A server that hangs must not hold up what is to be kept here, ms. */
const LEARN_WITHIN_MS = 2000;

/**
 * A server is the database; the file keeps what it has not acknowledged yet.
 *
 * @throws EvError `config`: the address is none, or the driver is not installed
 */
export async function createServerBackend(
  settings: ServerSettings,
  surroundings: BackendSurroundings,
): Promise<Backend> {
  const { file, clock, logger, board } = surroundings;
  const tables = createFirstTry(clock);
  const server = await openServer(readServerAddress(settings), clock, tables);
  const courier = createCourier({ file, server, clock, logger, board, tried: () => tables.end() });
  const isDown = (): boolean => board.present.state !== "ok";

  return {
    flavour: server.flavour,
    db: server.reader,
    async prepare({ sessions = [] }) {
      if (sessions.length === 0) return;
      const unknown = await file
        .ask("unknownHeads", {
          sessionIds: sessions.map(({ session }) => session.sessionId),
          devices: sessions.map(({ session }) => session.device),
        })
        .catch(() => ({ sessionIds: [], devices: [] }));
      if (isDown() || unknown.sessionIds.length + unknown.devices.length === 0) return;
      try {
        const learnt = fetchHeads(server.reader, unknown.sessionIds, unknown.devices).then((heads) =>
          file.ask("learnHeads", heads),
        );
        learnt.catch(() => {});
        await Promise.race([learnt, sleep(clock, LEARN_WITHIN_MS)]);
      } catch {
        // what the server has is found out when the change is brought to it
      }
    },
    written: () => courier.wake(),
    async findSession(sessionId) {
      const { isKnown, record } = await file.ask("find", { sessionId });
      if (isKnown) return record === null ? null : (JSON.parse(record) as Session);
      const row = await server.reader
        .selectFrom("sessions")
        .select("record")
        .where("session_id", "=", sessionId)
        .executeTakeFirst();
      return row === undefined ? null : (JSON.parse(row.record) as Session);
    },
    async prune(beforeMs) {
      // month by month: no statement runs long
      for (let gone = 0; ; ) {
        const oldest = await server.writer
          .selectFrom("readings")
          .select(({ fn }) => fn.min("local_month").as("month"))
          .where("at_ms", "<", beforeMs)
          .executeTakeFirst();
        if (oldest?.month === undefined || oldest.month === null) return gone;
        const { numDeletedRows } = await server.writer
          .deleteFrom("readings")
          .where("local_month", "=", oldest.month)
          .where("at_ms", "<", beforeMs)
          .executeTakeFirstOrThrow();
        gone += Number(numDeletedRows);
      }
    },
    flush: () => courier.flush(),
    close: () => courier.close(),
  };
}
