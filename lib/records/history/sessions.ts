import type { Kysely } from "kysely";
import { createBreather } from "../tables/breathe.ts";
import type { SessionsTable, Tables } from "../store/tables.ts";
import type { SessionRow } from "./answers.ts";
import { matching } from "./filter.ts";
import type { SessionFilter } from "./requests.ts";
import { toSessionRow } from "./rows.ts";

/** So many rows are taken from the database at once: more would hold the event loop while they are unpacked. */
const PIECE = 100;

export interface Page {
  readonly limit: number;
  readonly offset: number;
}

/** The sessions, newest first, read while they are wanted; the event loop turns in between. */
export async function* listSessions(
  db: Kysely<Tables>,
  filter: SessionFilter,
  { limit, offset }: Page,
): AsyncGenerator<SessionRow> {
  const breathe = createBreather();
  let last: SessionsTable | null = null;
  for (let count = 0; count < limit; ) {
    const wanted = Math.min(PIECE, limit - count);
    const piece: SessionsTable[] = await readPiece(db, filter, last, last === null ? offset : 0, wanted);
    for (const stored of piece) {
      yield toSessionRow(stored);
      await breathe();
    }
    count += piece.length;
    last = piece.at(-1) ?? null;
    if (piece.length < wanted) break;
  }
}

/** Goes on after the last row of the piece before: a session that arrives meanwhile shifts nothing. */
function readPiece(
  db: Kysely<Tables>,
  filter: SessionFilter,
  after: SessionsTable | null,
  offset: number,
  limit: number,
): Promise<SessionsTable[]> {
  let query = db
    .selectFrom("sessions")
    .selectAll()
    .where(matching(filter))
    .orderBy("plugged_at_ms", "desc")
    .orderBy("session_id", "desc")
    .limit(limit);
  if (after !== null) {
    const { plugged_at_ms: atMs, session_id: id } = after;
    query = query.where((eb) =>
      eb.or([eb("plugged_at_ms", "<", atMs), eb.and([eb("plugged_at_ms", "=", atMs), eb("session_id", "<", id)])]),
    );
  }
  return (offset > 0 ? query.offset(offset) : query).execute();
}
