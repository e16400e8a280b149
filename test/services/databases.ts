import { randomUUID } from "node:crypto";
import mysql from "mysql2/promise";
import pg from "pg";
import type { ServerSettings } from "../../lib/records/store/server-url.ts";
import { mariadb, postgres } from "./services.ts";

/** A database of a test's own on a real server. */
export interface TestDatabase {
  readonly settings: ServerSettings;
  /** As an administrator, in the database. */
  query(sql: string): Promise<Record<string, unknown>[]>;
  drop(): Promise<void>;
}

const newName = (): string => `ev_test_${randomUUID().replaceAll("-", "").slice(0, 16)}`;
const withDatabase = (url: string, name: string): string => `${url.replace(/\/$/, "")}/${name}`;

export async function mysqlQuery(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const connection = await mysql.createConnection({ uri: url, decimalNumbers: true });
  try {
    const [rows] = await connection.query(sql);
    return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
  } finally {
    await connection.end();
  }
}

export async function postgresQuery(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** In latin1 by default, as many old servers have it: the tables must not mind. */
export async function createMariadb(server: string = mariadb.url): Promise<TestDatabase> {
  const name = newName();
  await mysqlQuery(server, `CREATE DATABASE ${name} CHARACTER SET latin1`);
  const url = withDatabase(server, name);
  return {
    settings: { url },
    query: (sql) => mysqlQuery(url, sql),
    drop: async () => void (await mysqlQuery(server, `DROP DATABASE ${name}`)),
  };
}

export async function createPostgres(server: string = postgres.url): Promise<TestDatabase> {
  const name = newName();
  const admin = withDatabase(server, "postgres");
  await postgresQuery(admin, `CREATE DATABASE ${name}`);
  const url = withDatabase(server, name);
  return {
    settings: { url },
    query: (sql) => postgresQuery(url, sql),
    drop: async () => void (await postgresQuery(admin, `DROP DATABASE ${name} WITH (FORCE)`)),
  };
}
