import assert from "node:assert/strict";
import fc from "fast-check";
import {
  canonicalJson,
  type ChainHead,
  contentHash,
  isNews,
  makeRevision,
  type SessionHead,
  verifyChain,
} from "../../../../lib/records/store/hash-chain.ts";
import type { SessionRevisionsTable } from "../../../../lib/records/store/tables.ts";
import { exampleSession } from "./sessions.ts";

/** A chain of so many revisions of three sessions. */
function makeChain(length: number): SessionRevisionsTable[] {
  const sessions = Array.from({ length: 3 }, () => exampleSession({ solarWh: 12.5 }));
  const heads = new Map<string, SessionHead>();
  let chain: ChainHead | null = null;
  return Array.from({ length }, (_, at) => {
    const session = { ...(sessions[at % 3] ?? exampleSession()), energyWh: at };
    const head = heads.get(session.sessionId) ?? null;
    const made = makeRevision({ session, reason: "corrected", author: "x" }, head, chain, 1000 + at);
    heads.set(session.sessionId, made.head);
    chain = made.chain;
    return made.row;
  });
}

describe("canonical JSON", () => {
  it("is the same for the same content, whatever the order of the fields, and leaves null out", () => {
    assert.equal(canonicalJson({ b: [1, null, { d: "x", c: null }], a: -0 }), '{"a":0,"b":[1,null,{"d":"x"}]}');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (content) => {
        const turned = Object.fromEntries(Object.entries(content).toReversed());
        assert.equal(canonicalJson(turned), canonicalJson(content));
      }),
    );
  });
});

describe("the hash chain", () => {
  it("holds as it was made", () => {
    const rows = makeChain(20);
    assert.equal(verifyChain(rows), null);
    assert.deepEqual(
      rows.slice(0, 4).map(({ chain_index, revision }) => [chain_index, revision]),
      [
        [1, 1],
        [2, 1],
        [3, 1],
        [4, 2],
      ],
    );
  });

  it("names the first link that was changed afterwards, whatever was changed in it", () => {
    const changes: ((row: SessionRevisionsTable) => SessionRevisionsTable)[] = [
      (row) => ({ ...row, record: row.record.replace(/"energyWh":\d+/, '"energyWh":99999') }),
      (row) => ({ ...row, record: row.record.replace('"solarWh":12.5', '"solarWh":null') }),
      (row) => ({ ...row, record: "{" }),
      (row) => ({ ...row, reason: "detected" }),
      (row) => ({ ...row, author: null }),
      (row) => ({ ...row, recorded_at_ms: row.recorded_at_ms + 1 }),
      (row) => ({ ...row, revision: row.revision + 1 }),
      (row) => ({ ...row, device: "other" }),
      (row) => ({ ...row, hash: "0".repeat(64) }),
      (row) => ({ ...row, prev_hash: "0".repeat(64) }),
    ];
    const rows = makeChain(8);
    fc.assert(
      fc.property(fc.nat(7), fc.nat(changes.length - 1), (at, which) => {
        const broken = verifyChain(rows.map((row, index) => (index === at ? (changes[which]?.(row) ?? row) : row)));
        assert.equal(broken?.chainIndex, at + 1, `change ${which}`);
      }),
    );
  });

  it("misses a link that was taken out, and one that was put in", () => {
    const rows = makeChain(8);
    assert.deepEqual(
      { ...verifyChain(rows.toSpliced(3, 1)), sessionId: "", revision: 0 },
      { device: "openevse", chainIndex: 5, sessionId: "", revision: 0, why: "missing" },
    );
    assert.equal(verifyChain(rows.slice(1))?.why, "missing");
    assert.equal(verifyChain(rows.toSpliced(3, 0, makeChain(4).at(-1) ?? assert.fail()))?.chainIndex, 4);
  });
});

describe("what is news", () => {
  const session = exampleSession();
  const head = (isDeleted: boolean): SessionHead => ({ revision: 1, content: contentHash(session), isDeleted });

  it("is not the same content again, whatever its number and hashes", () => {
    const again = { ...session, revision: 7, hash: "a", prevHash: "b" };
    assert.equal(isNews({ session: again, reason: "imported" }, head(false)), false);
    assert.equal(isNews({ session: { ...session, note: "x" }, reason: "edited" }, head(false)), true);
  });

  it("is deleting what is there, and nothing from a machine after that", () => {
    const changed = { ...session, energyWh: 1 };
    assert.equal(isNews({ session, reason: "deleted" }, head(false)), true);
    assert.equal(isNews({ session, reason: "deleted" }, null), false);
    for (const reason of ["detected", "corrected", "imported", "deleted"] as const) {
      assert.equal(isNews({ session: changed, reason }, head(true)), false, reason);
    }
    assert.equal(isNews({ session: changed, reason: "manual" }, head(true)), true);
  });
});
