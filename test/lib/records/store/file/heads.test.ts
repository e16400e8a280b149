import assert from "node:assert/strict";
import { join } from "node:path";
import type { Session } from "../../../../../lib/model/session.ts";
import { commitChange, type Delivery } from "../../../../../lib/records/store/file/commit-change.ts";
import type { Connection } from "../../../../../lib/records/store/file/connection.ts";
import { rebase } from "../../../../../lib/records/store/file/heads.ts";
import { type OpenFile, openFile } from "../../../../../lib/records/store/file/open-file.ts";
import { acknowledge } from "../../../../../lib/records/store/file/outbox.ts";
import { contentHash } from "../../../../../lib/records/store/hash-chain.ts";
import { schemaSteps } from "../../../../../lib/records/store/schema.ts";
import { exampleSession, makeFolder } from "../sessions.ts";

describe("changes that wait for a server", () => {
  let made: ReturnType<typeof makeFolder>;
  let opened: OpenFile;
  let file: Connection;
  const session = exampleSession();
  const later: Session = { ...session, energyWh: 8000 };

  beforeEach(() => {
    made = makeFolder();
    const path = join(made.folder, "records.sqlite");
    opened = openFile({ path, backupFolder: made.folder, nowMs: 0, steps: schemaSteps });
    file = opened.quick ?? assert.fail("not writable");
    for (const each of [session, later]) {
      commitChange(file, { sessions: [{ session: each, reason: "detected" }] }, { hasServer: true, nowMs: 0 });
    }
  });
  afterEach(() => {
    opened.close();
    made.remove();
  });

  const waiting = () =>
    file
      .all<{ body: string }>("SELECT body FROM outbox ORDER BY id")
      .map(({ body }) => (JSON.parse(body) as Delivery).revisions);

  it("are numbered anew after what others have brought to the server meanwhile", () => {
    const sessions = [{ session_id: session.sessionId, revision: 3, content: "another", is_deleted: 0 }];
    const chains = [{ device: session.device, chain_index: 10, hash: "h".repeat(64) }];
    assert.deepEqual(rebase(file, { sessions, chains }), { waiting: 2 });
    const [first, second] = waiting().flat();
    assert.deepEqual([first?.revision, first?.chain_index, first?.prev_hash], [4, 11, "h".repeat(64)]);
    assert.deepEqual([second?.revision, second?.chain_index, second?.prev_hash], [5, 12, first?.hash]);
  });

  it("are left out where the server says the same already", () => {
    const sessions = [{ session_id: session.sessionId, revision: 1, content: contentHash(session), is_deleted: 0 }];
    const chains = [{ device: session.device, chain_index: 1, hash: "h".repeat(64) }];
    rebase(file, { sessions, chains });
    assert.deepEqual(
      waiting().map((revisions) => revisions.map(({ revision }) => revision)),
      [[], [2]],
    );
  });

  it("keep the latest record on this machine until the server has that very one", () => {
    const [first = 0, second = 0] = file.all<{ id: number }>("SELECT id FROM outbox ORDER BY id").map(({ id }) => id);
    const recordOf = () => file.all<{ record: string | null }>("SELECT record FROM session_heads")[0]?.record ?? null;
    acknowledge(file, [first]);
    assert.equal((JSON.parse(recordOf() ?? "{}") as Session).energyWh, 8000);
    acknowledge(file, [second]);
    assert.equal(recordOf(), null);
  });
});
