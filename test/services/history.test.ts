import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { before, describe } from "mocha";
import { systemClock } from "../../lib/model/clock.ts";
import { silentLogger } from "../../lib/model/logger.ts";
import { openStore } from "../../lib/records/store/open-store.ts";
import { describeAsking } from "../lib/records/history/asking.ts";
import { describeChanging } from "../lib/records/history/changing.ts";
import { describeImporting } from "../lib/records/history/importing.ts";
import { createRigOn, type Rig } from "../lib/records/history/rig.ts";
import { makeFolder } from "../lib/records/store/sessions.ts";
import { createMariadb, createPostgres, type TestDatabase } from "./databases.ts";
import { mariadb, needsService, postgres, type Service } from "./services.ts";

/* The same questions, changes and imports, with the same answers, on every database that a store can have. */

interface Flavour {
  readonly name: string;
  readonly service: Service | null;
  readonly create: (() => Promise<TestDatabase>) | null;
}

const flavours: readonly Flavour[] = [
  { name: "SQLite", service: null, create: null },
  { name: "MariaDB", service: mariadb, create: createMariadb },
  { name: "PostgreSQL", service: postgres, create: createPostgres },
];

for (const { name, service, create } of flavours) {
  describe(`the history on ${name}`, function () {
    this.timeout(30_000);

    before(async function () {
      if (service !== null) await needsService(this, service);
    });

    const makeRig = async (): Promise<Rig> => {
      const { folder, remove } = makeFolder();
      const file = join(folder, "records.sqlite");
      const database = (await create?.()) ?? null;
      const store = await openStore(
        {
          file,
          keepReadingsDays: null,
          backupsKept: 0,
          ...(database === null ? {} : { server: database.settings }),
        },
        { clock: systemClock, logger: silentLogger },
      );
      await store.flush();
      // history reads what has reached the database
      const settled = {
        db: store.db,
        findSession: store.findSession,
        commit: async (change: Parameters<typeof store.commit>[0]) => {
          const stored = await store.commit(change);
          await store.flush();
          return stored;
        },
      };
      const run = async (statement: string): Promise<void> => {
        if (database !== null) return void (await database.query(statement));
        const byAnother = new DatabaseSync(file);
        byAnother.exec(statement);
        byAnother.close();
      };
      return createRigOn(settled, {}, run, async () => {
        await store.close();
        await database?.drop();
        remove();
      });
    };

    describeAsking(makeRig);
    describeChanging(makeRig);
    describeImporting(makeRig);
  });
}
