import type { Insertable, Kysely } from "kysely";
import type { Server } from "./server.ts";
import type { Tables } from "../tables.ts";

/** Parameters per statement; PostgreSQL takes 65535 at most. */
const MOST_PARAMETERS = 20_000;

/** Inserts rows, or replaces what has the same key: the one phrase in which MariaDB / MySQL and PostgreSQL differ. */
export async function upsert<Table extends keyof Tables>(
  db: Kysely<Tables>,
  flavour: Server["flavour"],
  table: Table,
  rows: readonly Insertable<Tables[Table]>[],
  key: readonly (keyof Tables[Table] & string)[],
): Promise<void> {
  const [first] = rows;
  if (first === undefined) return;
  const columns = Object.keys(first);
  const others = columns.filter((column) => !(key as readonly string[]).includes(column));
  const atOnce = Math.max(1, Math.floor(MOST_PARAMETERS / columns.length));
  for (let from = 0; from < rows.length; from += atOnce) {
    const insert = db.insertInto(table).values(rows.slice(from, from + atOnce));
    // typed by column names that are only known at run time
    const query =
      flavour === "mysql"
        ? insert.onDuplicateKeyUpdate((({
            fn,
            ref,
          }: {
            fn: (name: string, of: unknown[]) => unknown;
            ref: (name: string) => unknown;
          }) => Object.fromEntries(others.map((column) => [column, fn("values", [ref(column)])]))) as never)
        : insert.onConflict((conflict) =>
            conflict
              .columns([...key])
              .doUpdateSet(((eb: { ref: (name: string) => unknown }) =>
                Object.fromEntries(others.map((column) => [column, eb.ref(`excluded.${column}`)]))) as never),
          );
    await query.execute();
  }
}
