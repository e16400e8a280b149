import { createHash } from "node:crypto";
import { EvError } from "../../model/errors.ts";
import type { Session } from "../../model/session.ts";
import type { SessionChange } from "./store.ts";
import type { SessionRevisionsTable } from "./tables.ts";

/*
 * Tamper evidence for the session records (facts openevse-h2v-sessions 9.2): every revision carries the hash of the one
 * before it in the chain of its device. Whoever changes, removes or inserts a revision later breaks the chain at that link.
 */

/**
 * One text for one content: keys sorted, no blanks, absent and null alike left out, so that a field that a later version
 * adds as null does not change what was hashed before.
 */
export function canonicalJson(content: unknown): string {
  if (Array.isArray(content)) return `[${content.map((item) => canonicalJson(item ?? null)).join(",")}]`;
  if (typeof content === "object" && content !== null) {
    const fields = Object.entries(content)
      .filter(([, field]) => field !== null && field !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, field]) => `${JSON.stringify(name)}:${canonicalJson(field)}`);
    return `{${fields.join(",")}}`;
  }
  return JSON.stringify(content) ?? "null";
}

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What a session says, without what the store adds: equal hashes mean nothing new. */
export function contentHash(session: Session): string {
  const { revision: _revision, prevHash: _prevHash, hash: _hash, ...content } = session;
  return sha256(canonicalJson(content));
}

type Link = Omit<SessionRevisionsTable, "hash" | "record" | "session_id" | "revision" | "device">;

function linkHash(session: Session, link: Link): string {
  const { prevHash: _prevHash, hash: _hash, ...record } = session;
  const { chain_index: chainIndex, recorded_at_ms: recordedAtMs, reason, author, prev_hash: prevHash } = link;
  return sha256(canonicalJson({ prevHash, chainIndex, recordedAtMs, reason, author, record }));
}

/** The latest revision of one session. */
export interface SessionHead {
  readonly revision: number;
  readonly content: string;
  readonly isDeleted: boolean;
}

/** The end of one device's chain. */
export interface ChainHead {
  readonly chainIndex: number;
  readonly hash: string;
}

/** A revision ready to be written. */
export interface Revision {
  readonly session: Session;
  readonly row: SessionRevisionsTable;
  readonly head: SessionHead;
  readonly chain: ChainHead;
}

/** Words of a machine do not bring back what a person has deleted. */
const CANNOT_REVIVE: ReadonlySet<string> = new Set(["detected", "corrected", "imported", "deleted"]);

/** Whether a change says anything that is not stored already. */
export function isNews({ session, reason }: SessionChange, head: SessionHead | null): boolean {
  if (head === null) return reason !== "deleted";
  if (head.isDeleted) return !CANNOT_REVIVE.has(reason);
  return reason === "deleted" || contentHash(session) !== head.content;
}

/**
 * @param isWhole false = others may have brought revisions that `head` does not know
 * @throws EvError `stale` when the change was made from another revision than the latest
 */
export function refuseStale(
  { session, expectedRevision }: SessionChange,
  head: Pick<SessionHead, "revision"> | null,
  isWhole = true,
): void {
  if (expectedRevision === undefined) return;
  const latest = head?.revision ?? 0;
  if (latest === expectedRevision || (!isWhole && latest < expectedRevision)) return;
  throw new EvError(
    "stale",
    `Session ${session.sessionId} has revision ${latest} by now; the change was made from ${expectedRevision}.`,
  );
}

/**
 * Gives a change its number and its place in the chain.
 *
 * @param recordedAtMs wall clock
 */
export function makeRevision(
  { session, reason, author = null }: SessionChange,
  head: SessionHead | null,
  chain: ChainHead | null,
  recordedAtMs: number,
): Revision {
  const link: Link = {
    chain_index: (chain?.chainIndex ?? 0) + 1,
    recorded_at_ms: recordedAtMs,
    reason,
    author,
    prev_hash: chain?.hash ?? null,
  };
  const numbered: Session = { ...session, revision: (head?.revision ?? 0) + 1 };
  const hash = linkHash(numbered, link);
  const stored: Session = { ...numbered, prevHash: link.prev_hash, hash };
  return {
    session: stored,
    row: {
      session_id: stored.sessionId,
      revision: stored.revision,
      device: stored.device,
      ...link,
      hash,
      record: JSON.stringify(stored),
    },
    head: { revision: stored.revision, content: contentHash(stored), isDeleted: reason === "deleted" },
    chain: { chainIndex: link.chain_index, hash },
  };
}

/** Why a link does not hold. */
export type BrokenLinkReason =
  /** revisions between the one before and this one are missing */
  | "missing"
  /** it does not point at the one before */
  | "wrong-previous"
  /** the record, its number or its reason is not what was hashed */
  | "changed"
  /** the record cannot be read */
  | "unreadable";

export interface BrokenLink {
  readonly device: string;
  readonly chainIndex: number;
  readonly sessionId: string;
  readonly revision: number;
  readonly why: BrokenLinkReason;
}

/** Takes the revisions of one device in the order of the chain. */
export interface ChainVerifier {
  /** @returns the broken link, or null as long as all holds */
  add(row: SessionRevisionsTable): BrokenLink | null;
  readonly checked: number;
}

export function createChainVerifier(): ChainVerifier {
  let before: ChainHead = { chainIndex: 0, hash: "" };
  let checked = 0;
  return {
    add(row) {
      const why = findFault(row, before);
      if (why !== null) {
        return {
          device: row.device,
          chainIndex: row.chain_index,
          sessionId: row.session_id,
          revision: row.revision,
          why,
        };
      }
      before = { chainIndex: row.chain_index, hash: row.hash };
      checked += 1;
      return null;
    },
    get checked() {
      return checked;
    },
  };
}

function findFault(row: SessionRevisionsTable, before: ChainHead): BrokenLinkReason | null {
  if (row.chain_index !== before.chainIndex + 1) return "missing";
  if ((row.prev_hash ?? "") !== before.hash) return "wrong-previous";
  let record: Session;
  try {
    record = JSON.parse(row.record) as Session;
  } catch {
    return "unreadable";
  }
  const isSame =
    record.sessionId === row.session_id &&
    record.revision === row.revision &&
    record.device === row.device &&
    record.hash === row.hash &&
    (record.prevHash ?? null) === (row.prev_hash ?? null);
  return isSame && linkHash(record, row) === row.hash ? null : "changed";
}

/** Verifies the revisions of one device, given in the order of the chain. @returns the first broken link, or null */
export function verifyChain(rows: Iterable<SessionRevisionsTable>): BrokenLink | null {
  const verifier = createChainVerifier();
  for (const row of rows) {
    const broken = verifier.add(row);
    if (broken !== null) return broken;
  }
  return null;
}
