import { type Kysely, sql } from "kysely";
import { EvError } from "../../../model/errors.ts";
import { latestVersion, metaTable, SCHEMA_VERSION, type SchemaStep, schemaSteps, statementsOf } from "../schema.ts";
import type { Server } from "./server.ts";
import { upsert } from "./server-upsert.ts";
import type { Tables } from "../tables.ts";

const DUPLICATE_KEY_NAME = 1061;

/**
 * Brings the server's tables to our version; two programs at once take turns.
 *
 * @throws EvError `config` when the tables are of a later version
 */
export async function migrateServer(
  { writer, flavour }: Pick<Server, "writer" | "flavour">,
  steps: readonly SchemaStep[] = schemaSteps,
): Promise<void> {
  await writer.connection().execute(async (db) => {
    await (flavour === "mysql"
      ? sql`SELECT GET_LOCK('ev-store schema', 8)`
      : sql`SELECT pg_advisory_lock(20261121)`
    ).execute(db);
    try {
      await takeSteps(db, flavour, steps);
    } finally {
      await (flavour === "mysql"
        ? sql`SELECT RELEASE_LOCK('ev-store schema')`
        : sql`SELECT pg_advisory_unlock(20261121)`
      ).execute(db);
    }
  });
}

async function takeSteps(db: Kysely<Tables>, flavour: Server["flavour"], steps: readonly SchemaStep[]): Promise<void> {
  await sql.raw(metaTable(flavour)).execute(db);
  const found = await db.selectFrom("meta").select("content").where("name", "=", SCHEMA_VERSION).executeTakeFirst();
  const version = Number(found?.content ?? 0);
  if (version > latestVersion(steps)) {
    throw new EvError(
      "config",
      `The database was written by a later version of this package (schema ${version}); it is only read.`,
    );
  }
  for (const step of steps.filter((each) => each.version > version)) {
    for (const statement of statementsOf(step, flavour)) {
      try {
        await sql.raw(statement).execute(db);
      } catch (thrown) {
        const { cause } = thrown as { cause?: { errno?: number } };
        if (cause?.errno !== DUPLICATE_KEY_NAME) throw thrown;
      }
    }
    await upsert(db, flavour, "meta", [{ name: SCHEMA_VERSION, content: String(step.version) }], ["name"]);
  }
}
