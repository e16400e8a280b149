import { existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Connection, connect } from "./connection.ts";
import { salvageRows } from "./salvage.ts";
import { latestVersion, metaTable, SCHEMA_VERSION, type SchemaStep, statementsOf } from "../schema.ts";
import { isDamage, toStoreError } from "./sqlite-errors.ts";
import type { Thinning } from "./thin-outbox.ts";

/** What happened while the file was opened, for the log. */
export type FileEvent =
  | { readonly event: "moved-aside"; readonly to: string; readonly salvagedRows: number }
  | { readonly event: "migrated"; readonly from: number; readonly to: number; readonly backup: string | null }
  | { readonly event: "newer"; readonly version: number }
  | ({ readonly event: "thinned" } & Thinning);

/** The file, as far as it can be used. */
export interface OpenFile {
  /** on disk when committed; null = nothing can be written */
  readonly durable: Connection | null;
  /** for readings; null = nothing can be written */
  readonly quick: Connection | null;
  /** null = not even that */
  readonly reading: Connection | null;
  /** why nothing can be written */
  readonly fault: { readonly code: string; readonly text: string } | null;
  readonly events: readonly FileEvent[];
  close(): void;
}

export interface FileSettings {
  /** absolute */
  readonly path: string;
  readonly backupFolder: string;
  readonly nowMs: number;
  readonly steps: readonly SchemaStep[];
}

/** Where a backup waits to take the file's place: on the same disk, so that it does so in one step. */
export const stagedPath = (path: string): string => `${path}.restoring`;

const UNCLEAN = "unclean";

/** Opens the file, or a new one when it is damaged. Never throws: what cannot be opened has a `fault`. */
export function openFile(settings: FileSettings): OpenFile {
  const events: FileEvent[] = [];
  try {
    // who charged when and where is nobody else's business
    mkdirSync(dirname(settings.path), { recursive: true, mode: 0o700 });
    let durable = openSound(settings.path);
    if (durable === null) {
      const aside = moveAside(settings);
      durable = connect(settings.path);
      migrate(durable, settings);
      events.push({ event: "moved-aside", to: aside, salvagedRows: salvageRows(aside, durable) });
    }
    const version = schemaVersion(durable);
    if (version > latestVersion(settings.steps)) {
      durable.close();
      events.push({ event: "newer", version });
      const text = `The records file was written by a later version (schema ${version}); it is only read.`;
      return onlyReading(settings.path, { code: "config", text }, events);
    }
    const migrated = migrate(durable, settings);
    if (migrated !== null && migrated.from > 0) events.push(migrated);
    setMeta(durable, UNCLEAN, "1");
    return usable(settings.path, durable, events);
  } catch (thrown) {
    const { code, message } = toStoreError(thrown);
    return onlyReading(settings.path, { code, text: message }, events);
  }
}

/** @returns null when the file is there but no sound database */
function openSound(path: string): Connection | null {
  const isThere = existsSync(path);
  // a database that once held something is never of length 0
  if (isThere && statSync(path).size === 0) return null;
  let connection: Connection | null = null;
  try {
    connection = connect(path);
    if (isThere && getMeta(connection, UNCLEAN) === "1" && !isSound(connection)) {
      connection.close();
      return null;
    }
    return connection;
  } catch (thrown) {
    connection?.close();
    if (isDamage(thrown)) return null;
    throw thrown;
  }
}

/** Looks at every page; for after an end that was not clean. */
export function isSound(connection: Connection): boolean {
  try {
    const found = connection.database.prepare("PRAGMA quick_check(1)").all();
    return found.length === 1 && Object.values(found[0] ?? {})[0] === "ok";
  } catch (thrown) {
    if (isDamage(thrown)) return false;
    throw thrown;
  }
}

/** A name beside the file that is not taken yet. @returns the new path */
function moveAside({ path, nowMs }: FileSettings): string {
  const stamp = new Date(nowMs).toISOString().replaceAll(":", "");
  let aside = `${path}.damaged-${stamp}`;
  for (let count = 2; existsSync(aside); count++) aside = `${path}.damaged-${stamp}-${count}`;
  renameSync(path, aside);
  for (const companion of ["-wal", "-shm"]) {
    if (existsSync(path + companion)) renameSync(path + companion, aside + companion);
  }
  return aside;
}

function usable(path: string, durable: Connection, events: readonly FileEvent[]): OpenFile {
  const quick = connect(path, { synchronous: "NORMAL" });
  const reading = connect(path, { isReadOnly: true });
  return {
    durable,
    quick,
    reading,
    fault: null,
    events,
    close() {
      reading.close();
      quick.close();
      try {
        setMeta(durable, UNCLEAN, "0");
      } catch {
        // the next start looks at every page then
      }
      durable.close();
    },
  };
}

function onlyReading(
  path: string,
  fault: { readonly code: string; readonly text: string },
  events: readonly FileEvent[],
): OpenFile {
  let reading: Connection | null = null;
  // on a read-only disk a file in WAL mode opens only as one that cannot change
  for (const name of existsSync(path) ? [path, `${pathToFileURL(path).href}?immutable=1`] : []) {
    try {
      reading = connect(name, { isReadOnly: true });
      break;
    } catch {
      // the fault says why
    }
  }
  return { durable: null, quick: null, reading, fault, events, close: () => reading?.close() };
}

const hasMeta = (connection: Connection): boolean =>
  connection.database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get() !== undefined;

function getMeta(connection: Connection, name: string): string | null {
  if (!hasMeta(connection)) return null;
  return connection.all<{ content: string }>("SELECT content FROM meta WHERE name = ?", name)[0]?.content ?? null;
}

function setMeta(connection: Connection, name: string, content: string): void {
  connection.run(
    "INSERT INTO meta (name, content) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET content = excluded.content",
    name,
    content,
  );
}

/** 0 = a new file */
export const schemaVersion = (connection: Connection): number => Number(getMeta(connection, SCHEMA_VERSION) ?? 0);

/** Takes the missing steps, each in a transaction of its own, after a backup of what is there. */
function migrate(
  connection: Connection,
  { steps, backupFolder, nowMs }: FileSettings,
): (FileEvent & { readonly event: "migrated" }) | null {
  const from = schemaVersion(connection);
  const missing = steps.filter(({ version }) => version > from);
  if (missing.length === 0) return null;
  let backup: string | null = null;
  if (from > 0) {
    mkdirSync(backupFolder, { recursive: true });
    const stamp = new Date(nowMs).toISOString().replaceAll(":", "");
    backup = join(backupFolder, `before-schema-${latestVersion(steps)}-${stamp}.sqlite`);
    connection.database.prepare("VACUUM INTO ?").run(backup);
  }
  for (const step of missing) {
    connection.transaction(() => {
      connection.database.exec(metaTable("sqlite"));
      for (const sql of statementsOf(step, "sqlite")) connection.database.exec(sql);
      setMeta(connection, SCHEMA_VERSION, String(step.version));
    });
  }
  return { event: "migrated", from, to: latestVersion(steps), backup };
}
