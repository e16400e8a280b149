import type { Kysely } from "kysely";
import { EvError } from "../../model/errors.ts";
import type { Session } from "../../model/session.ts";
import { createBreather } from "../tables/breathe.ts";
import { wallClock } from "../tables/wall-clock.ts";
import { canonicalJson, contentHash, createChainVerifier } from "../store/hash-chain.ts";
import { sessionRow } from "../store/session-row.ts";
import type { RevisionReason } from "../store/store.ts";
import type { SessionRevisionsTable, SessionsTable, Tables } from "../store/tables.ts";
import type { RevisionRow, VerifyRow } from "./answers.ts";

/** Revisions or sessions that are taken from the database at once. */
const PIECE = 100;

/**
 * Every revision of one session, the oldest first, with what each changed.
 *
 * @throws EvError `refused` when there is no such session
 */
export async function listRevisions(db: Kysely<Tables>, sessionId: string): Promise<RevisionRow[]> {
  const stored = await db
    .selectFrom("session_revisions")
    .selectAll()
    .where("session_id", "=", sessionId)
    .orderBy("revision")
    .execute();
  if (stored.length === 0) throw new EvError("refused", `There is no session ${sessionId}.`);
  let before: Session | null = null;
  return stored.map((row) => {
    const session = JSON.parse(row.record) as Session;
    const changed = before === null ? [] : changedFields(before, session);
    before = session;
    return {
      sessionId: row.session_id,
      revision: row.revision,
      recordedAt: wallClock(row.recorded_at_ms, session.zone).iso,
      reason: row.reason as RevisionReason,
      author: row.author,
      changed: changed.join(" "),
      hash: row.hash,
      session,
    };
  });
}

const NUMBERING: ReadonlySet<string> = new Set(["revision", "prevHash", "hash"]);

const changedFields = (before: Session, now: Session): string[] =>
  Object.keys({ ...before, ...now })
    .filter((key) => !NUMBERING.has(key))
    .filter((key) => canonicalJson(before[key as keyof Session]) !== canonicalJson(now[key as keyof Session]));

/** Recomputes the hash chain of every device, or of one, and compares the table of sessions with it. */
export async function verifyRecords(db: Kysely<Tables>, device?: string): Promise<VerifyRow[]> {
  const devices =
    device === undefined
      ? await db.selectFrom("session_revisions").select("device").distinct().orderBy("device").execute()
      : [{ device }];
  const rows: VerifyRow[] = [];
  for (const each of devices) rows.push(await verifyDevice(db, each.device));
  return rows;
}

async function verifyDevice(db: Kysely<Tables>, device: string): Promise<VerifyRow> {
  const breathe = createBreather();
  const chain = createChainVerifier();
  const latest = new Map<string, Head>();
  const broken = (why: string, at: Pick<SessionRevisionsTable, "session_id" | "revision">): VerifyRow => ({
    device,
    revisions: chain.checked,
    isIntact: false,
    why,
    sessionId: at.session_id,
    revision: at.revision,
  });
  for (let lastIndex = 0, isMore = true; isMore; ) {
    const piece = await readChain(db, device, lastIndex);
    for (const row of piece) {
      const fault = chain.add(row);
      if (fault !== null) return broken(fault.why, row);
      latest.set(row.session_id, headOf(row));
      await breathe();
    }
    lastIndex = piece.at(-1)?.chain_index ?? lastIndex;
    isMore = piece.length === PIECE;
  }
  const differing = await findDifference(db, device, latest);
  if (differing !== null) return broken("table-differs", differing);
  return { device, revisions: chain.checked, isIntact: true, why: null, sessionId: null, revision: null };
}

const readChain = (db: Kysely<Tables>, device: string, afterIndex: number): Promise<SessionRevisionsTable[]> =>
  db
    .selectFrom("session_revisions")
    .selectAll()
    .where("device", "=", device)
    .where("chain_index", ">", afterIndex)
    .orderBy("chain_index")
    .limit(PIECE)
    .execute();

/** What the chain says last of a session; a fingerprint instead of the record keeps a long chain small. */
interface Head {
  readonly session_id: string;
  readonly revision: number;
  readonly isDeleted: boolean;
  readonly content: string;
}

const headOf = ({ session_id, revision, reason, record }: SessionRevisionsTable): Head => ({
  session_id,
  revision,
  isDeleted: reason === "deleted",
  content: contentHash(JSON.parse(record) as Session),
});

/**
 * Reports are made from the table of sessions, so it must say what the chain says: each session in its latest revision,
 * with the same columns, none missing and none beside.
 */
async function findDifference(
  db: Kysely<Tables>,
  device: string,
  latest: ReadonlyMap<string, Head>,
): Promise<{ session_id: string; revision: number } | null> {
  const breathe = createBreather();
  const unseen = new Map([...latest].filter(([, { isDeleted }]) => !isDeleted));
  const suspects: { session_id: string; revision: number }[] = [];
  for (let lastId = "", isMore = true; isMore; ) {
    const piece = await readSessions(db, device, lastId);
    for (const stored of piece) {
      if (!isSameSession(stored, unseen.get(stored.session_id))) suspects.push(stored);
      unseen.delete(stored.session_id);
      await breathe();
    }
    lastId = piece.at(-1)?.session_id ?? lastId;
    isMore = piece.length === PIECE;
  }
  // a session may have gained a revision while the chain was being read: look again before saying so
  for (const suspect of [...suspects, ...unseen.values()]) {
    if (!(await isSameNow(db, suspect.session_id))) return suspect;
  }
  return null;
}

async function isSameNow(db: Kysely<Tables>, sessionId: string): Promise<boolean> {
  const stored = await db.selectFrom("sessions").selectAll().where("session_id", "=", sessionId).executeTakeFirst();
  const revision = await db
    .selectFrom("session_revisions")
    .selectAll()
    .where("session_id", "=", sessionId)
    .orderBy("revision", "desc")
    .limit(1)
    .executeTakeFirst();
  const head = revision === undefined ? undefined : headOf(revision);
  return stored === undefined ? head?.isDeleted !== false : isSameSession(stored, head);
}

const readSessions = (db: Kysely<Tables>, device: string, afterId: string): Promise<SessionsTable[]> =>
  db
    .selectFrom("sessions")
    .selectAll()
    .where("device", "=", device)
    .where("session_id", ">", afterId)
    .orderBy("session_id")
    .limit(PIECE)
    .execute();

function isSameSession(stored: SessionsTable, head: Head | undefined): boolean {
  if (head === undefined || head.isDeleted || head.revision !== stored.revision) return false;
  try {
    const session = JSON.parse(stored.record) as Session;
    const expected = sessionRow(session);
    const columns = Object.keys(expected) as (keyof SessionsTable)[];
    return contentHash(session) === head.content && columns.every((column) => stored[column] === expected[column]);
  } catch {
    return false;
  }
}
